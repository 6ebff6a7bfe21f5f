"""What `cloudtrail` makes of a record: the fields of Elastic's CloudTrail integration.

Field by field after https://docs.elastic.co/integrations/aws/cloudtrail; the records are described
at https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html.
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cloud_user_agent import user_agent_of
from tocsin.events.shapes._cloud_values import (
    data_stream,
    java_text,
    source_of,
    time_of,
    user_of,
    without_empty,
    word_of,
)
from tocsin.events.shapes._values import Object, kept, nested, text_of

DATASET: Final = "aws.cloudtrail"

_KINDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    # eventName: (event.category, event.type); any other has no category and the type "info"
    **dict.fromkeys(("AssumeRole", "ConsoleLogin"), ("authentication", ("info",))),
    "CreateBucket": ("file", ("creation",)),
    "DeleteBucket": ("file", ("deletion",)),
    "CreateGroup": ("iam", ("group", "creation")),
    "DeleteGroup": ("iam", ("group", "deletion")),
    "CreateUser": ("iam", ("user", "creation")),
    "DeleteUser": ("iam", ("user", "deletion")),
    "CreateKeyPair": ("iam", ("admin", "creation")),
    "CreateRole": ("iam", ("creation",)),
    "DeleteRole": ("iam", ("deletion",)),
    **dict.fromkeys(
        ("AttachRolePolicy", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy",
         "UpdateAssumeRolePolicy"),
        ("iam", ("change",)),
    ),
    **dict.fromkeys(
        ("SetDefaultPolicyVersion", "SetSecurityTokenServicePreferences",
         "UpdateAccountPasswordPolicy", "UpdateRole"),
        ("iam", ("admin", "change")),
    ),
    **dict.fromkeys(
        ("AddUserToGroup", "AttachGroupPolicy", "DeleteGroupPolicy", "DetachGroupPolicy",
         "PutGroupPolicy", "RemoveUserFromGroup", "UpdateGroup"),
        ("iam", ("group", "change")),
    ),
    **dict.fromkeys(
        ("GetGroup", "GetGroupPolicy", "ListAttachedGroupPolicies", "ListGroupPolicies",
         "ListGroups"),
        ("iam", ("group", "info")),
    ),
    **dict.fromkeys(
        ("AttachUserPolicy", "ChangePassword", "CreateAccessKey", "CreateLoginProfile",
         "CreateVirtualMFADevice", "DeactivateMFADevice", "DeleteAccessKey", "DeleteLoginProfile",
         "DeleteSSHPublicKey", "DeleteUserPermissionsBoundary", "DeleteUserPolicy",
         "DeleteVirtualMFADevice", "DetachUserPolicy", "EnableMFADevice",
         "PutUserPermissionsBoundary", "PutUserPolicy", "TagUser", "UntagUser", "UpdateAccessKey",
         "UpdateLoginProfile", "UpdateSSHPublicKey", "UpdateUser"),
        ("iam", ("user", "change")),
    ),
    **dict.fromkeys(
        ("GetUser", "GetUserPolicy", "ListAttachedUserPolicies", "ListGroupsForUser",
         "ListUserPolicies", "ListUserTags", "ListUsers"),
        ("iam", ("user", "info")),
    ),
}  # fmt: skip

_PLAIN: Final = {
    # the record's name: the one under aws.cloudtrail
    "apiVersion": "api_version",
    "errorCode": "error_code",
    "errorMessage": "error_message",
    "eventCategory": "event_category",
    "eventType": "event_type",
    "eventVersion": "event_version",
    "managementEvent": "management_event",
    "readOnly": "read_only",
    "recipientAccountId": "recipient_account_id",
    "requestID": "request_id",
    "sessionCredentialFromConsole": "session_credential_from_console",
    "sharedEventID": "shared_event_id",
    "vpcEndpointId": "vpc_endpoint_id",
}
_AS_TEXT: Final = {
    # what is there twice: as a text, and whole under aws.cloudtrail.flattened
    "requestParameters": "request_parameters",
    "responseElements": "response_elements",
    "additionalEventData": "additional_eventdata",
    "serviceEventDetails": "service_event_details",
}
_RESOURCE: Final = {"ARN": "arn", "accountId": "account_id"}
_ISSUER: Final = {
    "type": "type",
    "principalId": "principal_id",
    "arn": "arn",
    "accountId": "account_id",
    "userName": "user_name",
}
_ENTITY_ENDS: Final = ("Arn", "ARN", "Id", "Identifier", "Name")
_TARGETS: Final = ("roleName", "groupName", "userName")


def ecs_fields(record: Document) -> Document:
    """A record in Elastic's names; its secrets are gone already."""
    identity = nested(record, "userIdentity")
    parameters = nested(record, "requestParameters")
    response = nested(record, "responseElements")
    source = source_of(record.get("sourceIPAddress"))
    flattened = {to: without_empty(record.get(name)) for name, to in _AS_TEXT.items()}
    flattened["insight_details"] = record.get("insightDetails")
    flattened = kept(flattened)
    user = _user(identity, parameters, response)
    found: Document = {
        "@timestamp": time_of(record.get("eventTime")),
        "event": _event(record, response),
        "data_stream": data_stream(DATASET),
        "cloud": _cloud(record, identity),
        "source": source,
        "user": user,
        "group": kept(
            {
                "id": text_of(nested(response, "group").get("groupId")),
                "name": text_of(parameters.get("groupName")),
            }
        ),
        "user_agent": user_agent_of(text_of(record.get("userAgent"))),
        "tls": _tls(nested(record, "tlsDetails")),
        "related": _related(record, identity, parameters, user, source),
        "aws": {"cloudtrail": _own(record, identity, flattened)},
    }
    if record.get("eventSource") == "iam.amazonaws.com":
        target = next((t for key in _TARGETS if (t := text_of(parameters.get(key)))), None)
        found["entity"] = {"target": {"id": [target]}} if target else None
    return kept(found)


def _event(record: Document, response: Object) -> Object:
    action = text_of(record.get("eventName"))
    category, kinds = _KINDS.get(action or "", ("", ("info",)))
    failed = word_of(record.get("errorCode")) or word_of(record.get("errorMessage"))
    outcome = "failure" if failed else "success"
    login = text_of(response.get("ConsoleLogin"))
    if action == "ConsoleLogin" and login:
        outcome = login.lower()
    return kept(
        {
            "kind": "event",
            "module": "aws",
            "dataset": DATASET,
            "provider": text_of(record.get("eventSource")),
            "action": action,
            "category": [category] if category else None,
            "type": list(kinds),
            "outcome": outcome,
            "id": text_of(record.get("eventID")),
        }
    )


def _cloud(record: Document, identity: Object) -> Object:
    account = text_of(identity.get("accountId"))
    service = (text_of(record.get("eventSource")) or "").partition(".")[0]
    return kept(
        {
            "provider": "aws",
            "region": text_of(record.get("awsRegion")),
            "account": {"id": account} if account else None,
            "service": {"name": service} if service else None,
        }
    )


def _user(identity: Object, parameters: Object, response: Object) -> Object:
    issuer = nested(identity, "sessionContext", "sessionIssuer")
    # A role's session goes by the role's name.
    name = text_of(issuer.get("userName")) or text_of(identity.get("userName"))
    changed = text_of(parameters.get("newUserName"))
    return kept(
        {
            **user_of(name),
            "id": text_of(identity.get("principalId")),
            "changes": {"name": changed} if changed else None,
            "target": kept(
                {
                    "name": text_of(parameters.get("userName")),
                    "id": text_of(nested(response, "user").get("userId")),
                }
            ),
        }
    )


def _tls(details: Object) -> Object:
    """``TLSv1.3`` is the version 1.3 of the protocol tls."""
    protocol, letter, version = (text_of(details.get("tlsVersion")) or "").partition("v")
    host = text_of(details.get("clientProvidedHostHeader"))
    return kept(
        {
            "version": version if letter else None,
            "version_protocol": protocol.lower() if letter else None,
            "cipher": text_of(details.get("cipherSuite")),
            "client": {"server_name": host} if host else None,
        }
    )


def _own(record: Document, identity: Object, flattened: Object) -> Object:
    """Everything under ``aws.cloudtrail``."""
    found = {to: _scalar(record.get(name)) for name, to in _PLAIN.items()}
    found |= {to: java_text(record.get(name)) for name, to in _AS_TEXT.items()}
    found["flattened"] = flattened
    found["user_identity"] = _identity(identity)
    found["resources"] = _resources(record.get("resources"))
    if record.get("eventName") == "ConsoleLogin":
        found["console_login"] = _console_login(nested(record, "additionalEventData"))
    return kept(found)


def _scalar(value: Any) -> Any:
    return value if isinstance(value, str | bool | int | float) else None


def _identity(identity: Object) -> Object:
    context = nested(identity, "sessionContext")
    attributes, issuer = nested(context, "attributes"), nested(context, "sessionIssuer")
    created = time_of(attributes.get("creationDate"))
    session = kept(
        {
            "mfa_authenticated": word_of(attributes.get("mfaAuthenticated")),
            "creation_date": created,
            "session_issuer": kept({to: text_of(issuer.get(k)) for k, to in _ISSUER.items()}),
        }
    )
    return kept(
        {
            "type": text_of(identity.get("type")),
            "arn": text_of(identity.get("arn")),
            "access_key_id": text_of(identity.get("accessKeyId")),
            "principal_id": text_of(identity.get("principalId")),
            "user_name": text_of(identity.get("userName")),
            "invoked_by": text_of(identity.get("invokedBy")),
            "session_context": session,
        }
    )


def _resources(listed: Any) -> list[Object]:
    """Each resource once; ARN and accountId under Elastic's names."""
    found: dict[tuple[Any, ...], Object] = {}
    for resource in listed if isinstance(listed, list) else ():
        if isinstance(resource, dict):
            texts = [(k, v) for k, v in resource.items() if isinstance(v, str)]
            new: Object = {_RESOURCE.get(str(k), str(k)): v for k, v in texts}
            found[tuple(new.get(key) for key in ("arn", "account_id", "type"))] = new
    return list(found.values())


def _console_login(data: Object) -> Object:
    switches = {"MobileVersion": "mobile_version", "MFAUsed": "mfa_used"}
    found: Object = {}
    for name, to in switches.items():
        if value := word_of(data.get(name)):
            found[to] = value.lower() != "no"
    if login := text_of(data.get("LoginTo")):
        found["login_to"] = login
    return {"additional_eventdata": found} if found else {}


def _related(
    record: Document, identity: Object, parameters: Object, user: Object, source: Object
) -> Object:
    issuer = nested(identity, "sessionContext", "sessionIssuer")
    entities = [identity.get(key) for key in ("arn", "userName", "accessKeyId")]
    entities += [issuer.get("arn"), issuer.get("userName")]
    entities += [value for key, value in parameters.items() if key.endswith(_ENTITY_ENDS)]
    listed = record.get("resources")
    entities += [nested(r).get("ARN") for r in listed] if isinstance(listed, list) else []
    users = (user.get("name"), nested(user, "target").get("name"), parameters.get("newUserName"))
    return kept(
        {
            "entity": list(dict.fromkeys(e for e in entities if text_of(e))),
            "user": list(dict.fromkeys(name for name in users if text_of(name))),
            "ip": [source["ip"]] if "ip" in source else None,
        }
    )
