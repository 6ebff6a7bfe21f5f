"""`azure_logs` of resources: the activity log, and what single resources log.

Field by field after https://docs.elastic.co/integrations/azure/activitylogs and
https://docs.elastic.co/integrations/azure/platformlogs.
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._azure_common import common, joined, outcome_of, plain
from tocsin.events.shapes._cloud_values import opened, time_of
from tocsin.events.shapes._values import Object, kept, nested, text_of

_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_KINDS: Final = {"write": "change", "read": "access", "delete": "deletion", "action": "change"}
_ACTIVITY: Final = {
    "category": "category",
    "operationName": "operation_name",
    "operationVersion": "operation_version",
    "resultType": "result_type",
    "resultSignature": "result_signature",
    "resultDescription": "result_description",
    "tenantId": "tenant_id",
}
_PROPERTIES: Final = {"statusCode": "status_code", "serviceRequestId": "service_request_id"}
_EVIDENCE: Final = {
    "roleAssignmentScope": "role_assignment_scope",
    "roleDefinitionId": "role_definition_id",
    "roleAssignmentId": "role_assignment_id",
    "principalId": "principal_id",
    "principalType": "principal_type",
}
_BODIES: Final = frozenset({"requestbody", "responsebody"})


# --- the activity log -------------------------------------------------------------------------


def activity(log: Document) -> Document:
    """An operation on a resource, as the activity log tells of it."""
    raw = nested(log, "properties")
    identity = opened(log.get("identity"))
    own = {to: plain(log.get(name)) for name, to in _ACTIVITY.items()}
    own["event_category"] = _event_category(raw)
    own["properties"] = _properties(raw)
    user: Object = {}
    if isinstance(identity, dict):
        own["identity"] = _identity(identity)
        user = _user(nested(own["identity"], "claims_initiated_by_user"))
    else:
        own["identity_name"] = text_of(identity)
    kind = _KINDS.get((text_of(log.get("category")) or "").lower())
    return joined(
        common(log, "azure.activitylogs"),
        {
            "event": kept(
                {
                    "outcome": outcome_of(log.get("resultType"), raw.get("result")),
                    "type": [kind] if kind else None,
                }
            ),
            "user": user,
            "message": text_of(raw.get("statusMessage")),
            "azure": {"activitylogs": kept(own)},
        },
    )


def _event_category(properties: Object) -> str:
    own = text_of(properties.get("eventCategory"))
    return own or ("Policy" if properties.get("policies") is not None else "Administrative")


def _properties(raw: Object) -> Object:
    """The properties, and what the bodies of request and response say beside their texts.

    Azure writes a body's names with or without a capital; rules write them without.
    """
    found: Object = {}
    for name, value in raw.items():
        found[_PROPERTIES.get(name, name)] = value
        body = opened(value) if name.lower() in _BODIES else None
        if isinstance(body, dict):
            for key, inner in _small(body).items():
                found[f"{name}.{key}"] = inner
    return kept(found)


def _small(value: Any, depth: int = 0) -> Any:
    if isinstance(value, dict) and depth < 50:
        return {k[:1].lower() + k[1:]: _small(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list) and depth < 50:
        return [_small(element, depth + 1) for element in value]
    return value


def _identity(identity: Object) -> Object:
    authorization = nested(identity, "authorization")
    evidence = {_EVIDENCE.get(k, k): v for k, v in nested(authorization, "evidence").items()}
    claims = nested(identity, "claims")
    by_user = kept(
        {
            "fullname": text_of(claims.get("name")),
            "name": text_of(claims.get(f"{_CLAIMS}/name")) or text_of(claims.get(f"{_CLAIMS}/upn")),
            "givenname": text_of(claims.get(f"{_CLAIMS}/givenname")),
            "surname": text_of(claims.get(f"{_CLAIMS}/surname")),
        }
    )
    if "name" in by_user:
        by_user["schema"] = _CLAIMS
    others = {k.replace(".", "_"): v for k, v in claims.items() if k != "name"}
    return kept(
        {
            "authorization": kept({**authorization, "evidence": kept(evidence)}),
            "claims": kept(others),
            "claims_initiated_by_user": by_user,
        }
    )


def _user(claimed: Object) -> Object:
    email = text_of(claimed.get("name"))
    name, at, domain = (email or "").partition("@")
    parts = {"name": name, "domain": domain, "email": email} if at else {"name": email}
    return kept({**parts, "full_name": claimed.get("fullname")})


# --- resources' own logs ----------------------------------------------------------------------

_PLATFORM: Final = {
    "operationName": "operation_name",
    "resultType": "result_type",
    "resultSignature": "result_signature",
    "resultDescription": "result_description",
    "Status": "status",
}
_ELSEWHERE: Final = frozenset({
    "time", "resourceId", "correlationId", "level", "durationMs", "Region", "EventProperties",
    "properties",
})  # fmt: skip
_APPLICATION_GATEWAY: Final = frozenset(
    {"ApplicationGatewayAccessLog", "ApplicationGatewayFirewallLog"}
)


def platform(log: Document) -> Document:
    """What a resource logs: a key vault's or a storage account's requests, a cluster's audit."""
    own = {_PLATFORM.get(k, k): v for k, v in log.items() if k not in _ELSEWHERE}
    identity = opened(log.get("identity", log.get("Identity")))
    if isinstance(identity, str):
        own.pop("identity", None)
        own["identity_name"] = identity
    elif isinstance(identity, dict):
        own["identity"] = identity
    raw = nested(log, "properties")
    if not raw:
        inner = opened(log.get("EventProperties"))
        raw = inner if isinstance(inner, dict) else {}
    properties = {_PROPERTIES.get(k, k): v for k, v in raw.items()}
    said = opened(raw.get("log"))
    message = said if isinstance(said, str) else None
    if isinstance(said, dict):
        # Kubernetes' audit events come as texts.
        properties["log"] = said
    own["properties"] = kept(properties)
    own["event_category"] = _event_category(raw)
    is_gateway = text_of(log.get("category")) in _APPLICATION_GATEWAY
    kind = _KINDS.get((text_of(log.get("category")) or "").lower())
    region = text_of(log.get("Region"))
    found = common(log, "azure.application_gateway" if is_gateway else "azure.platformlogs")
    action = text_of(log.get("operationName")) or text_of(log.get("EventName"))
    return joined(
        found,
        {
            "@timestamp": time_of(log.get("time"), log.get("EventTimeString")),
            "event": kept(
                {
                    "action": action,
                    "type": [kind] if kind else None,
                    "outcome": outcome_of(
                        log.get("resultType"), raw.get("result"), log.get("Status")
                    ),
                }
            ),
            "cloud": {"region": region} if region else {},
            "message": message,
            "azure": {"platformlogs": kept(own)},
        },
    )
