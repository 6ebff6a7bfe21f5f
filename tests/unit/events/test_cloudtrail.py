"""AWS CloudTrail's records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.events.cloud_logs import (
    JSON,
    SECRET,
    deep,
    elastic_rules,
    never_given,
    one,
    paths,
    replaced,
    rung,
    shaped,
    stays_json,
)

from tocsin.events.decoders import json as json_decoder
from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import cloudtrail, in_ecs
from tocsin.events.shapes._cloud_secrets import REDACTED, hidden
from tocsin.events.shapes._cloud_user_agent import user_agent_of
from tocsin.events.shapes._cloud_values import java_text
from tocsin.rules.index import origin_of, sees

ROLE: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:i-0bell",
        "arn": "arn:aws:sts::111122223333:assumed-role/ringer/i-0bell",
        "accountId": "111122223333",
        "accessKeyId": "ASIAEXAMPLE",
        "invokedBy": "AWS Internal",
        "sessionContext": {
            "attributes": {"creationDate": "2026-03-01T09:00:00Z", "mfaAuthenticated": "false"},
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLE",
                "arn": "arn:aws:iam::111122223333:role/ringer",
                "accountId": "111122223333",
                "userName": "ringer",
            },
        },
    },
    "eventTime": "2026-03-01T10:00:00Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "ModifyInstanceAttribute",
    "awsRegion": "eu-west-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "aws-cli/2.17.60 md/awscrt#0.21.2 os/macos#23.6.0",
    "requestParameters": {
        "instanceId": "i-0tower",
        "attribute": "userData",
        "key": "tower/credentials.json",
        "protocol": "sqs",
        "ruleAction": "allow",
        "aclProtocol": "-1",
        "activate": True,
        "enable": False,
        "includeDeprecated": True,
        "serialNumber": "arn:aws:iam::111122223333:mfa/ringer",
        "userData": "<sensitiveDataRemoved>",
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "groupSet": {"items": [{"groupId": "sg-1"}, {"groupId": "sg-2"}]},
        "ipPermissions": {
            "items": [{"fromPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]
        },
        "empty": "",
        "none": None,
    },
    "responseElements": {
        "documentDescription": {"documentType": "Command"},
        "user": {"userId": "AIDAEXAMPLE"},
    },
    "additionalEventData": {"MFAUsed": "No", "LoginTo": "https://console.example/", "bytes": 12},
    "errorCode": "Client.UnauthorizedOperation",
    "errorMessage": "You may not ring this bell",
    "requestID": "r-1",
    "eventID": "e-1",
    "readOnly": False,
    "resources": [
        {"ARN": "arn:aws:s3:::tower", "accountId": "111122223333", "type": "AWS::S3::Bucket"},
        {"ARN": "arn:aws:s3:::tower", "accountId": "111122223333", "type": "AWS::S3::Bucket"},
    ],
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "111122223333",
    "eventCategory": "Management",
    "sessionCredentialFromConsole": "true",
    "tlsDetails": {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": "ec2.eu-west-1.amazonaws.com",
    },
}
LOGIN: dict[str, Any] = {
    "eventVersion": "1.08",
    "userIdentity": {"type": "IAMUser", "userName": "sexton@tower.example", "accountId": "1"},
    "eventTime": "2026-03-01T10:00:00Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "sourceIPAddress": "AWS Internal",
    "requestParameters": None,
    "responseElements": {"ConsoleLogin": "Failure"},
    "additionalEventData": {"MFAUsed": "Yes", "MobileVersion": "No"},
    "eventID": "e-2",
}


def of(event: str, parameters: Any, source: str = "iam.amazonaws.com", **more: Any) -> Any:
    return {
        **LOGIN,
        "eventSource": source,
        "eventName": event,
        "requestParameters": parameters,
    } | more


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00Z"]),
        ("event.kind", ["event"]),
        ("event.module", ["aws"]),
        ("event.dataset", ["aws.cloudtrail"]),
        ("event.provider", ["ec2.amazonaws.com"]),
        ("event.action", ["ModifyInstanceAttribute"]),
        ("event.outcome", ["failure"]),
        ("event.type", ["info"]),
        ("event.category", []),
        ("event.id", ["e-1"]),
        ("data_stream.dataset", ["aws.cloudtrail"]),
        ("cloud.provider", ["aws"]),
        ("cloud.account.id", ["111122223333"]),
        ("cloud.region", ["eu-west-1"]),
        ("cloud.service.name", ["ec2"]),
        ("source.address", ["198.51.100.7"]),
        ("source.ip", ["198.51.100.7"]),
        ("user.name", ["ringer"]),
        ("user.id", ["AROAEXAMPLE:i-0bell"]),
        ("user.target.id", ["AIDAEXAMPLE"]),
        ("user_agent.original", ["aws-cli/2.17.60 md/awscrt#0.21.2 os/macos#23.6.0"]),
        ("user_agent.name", ["aws-cli"]),
        ("user_agent.version", ["2.17.60"]),
        ("tls.version", ["1.3"]),
        ("tls.version_protocol", ["tls"]),
        ("tls.cipher", ["TLS_AES_128_GCM_SHA256"]),
        ("tls.client.server_name", ["ec2.eu-west-1.amazonaws.com"]),
        ("aws.cloudtrail.user_identity.type", ["AssumedRole"]),
        ("aws.cloudtrail.user_identity.arn", [ROLE["userIdentity"]["arn"]]),
        ("aws.cloudtrail.user_identity.access_key_id", ["ASIAEXAMPLE"]),
        ("aws.cloudtrail.user_identity.invoked_by", ["AWS Internal"]),
        ("aws.cloudtrail.user_identity.session_context.mfa_authenticated", ["false"]),
        (
            "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
            ["arn:aws:iam::111122223333:role/ringer"],
        ),
        ("aws.cloudtrail.error_code", ["Client.UnauthorizedOperation"]),
        ("aws.cloudtrail.error_message", ["You may not ring this bell"]),
        ("aws.cloudtrail.read_only", [False]),
        ("aws.cloudtrail.session_credential_from_console", ["true"]),
        ("aws.cloudtrail.resources.arn", ["arn:aws:s3:::tower"]),
        ("aws.cloudtrail.resources.account_id", ["111122223333"]),
        ("aws.cloudtrail.flattened.request_parameters.groupSet.items.groupId", ["sg-1", "sg-2"]),
        (
            "aws.cloudtrail.flattened.request_parameters.ipPermissions.items.ipRanges.items.cidrIp",
            ["0.0.0.0/0"],
        ),
        ("aws.cloudtrail.flattened.request_parameters.empty", []),
        ("aws.cloudtrail.flattened.additional_eventdata.bytes", [12]),
        (
            "aws.cloudtrail.additional_eventdata",
            ["{LoginTo=https://console.example/, bytes=12, MFAUsed=No}"],
        ),
        ("aws.cloudtrail.console_login.additional_eventdata.mfa_used", []),
        ("cloudtrail.eventName", ["ModifyInstanceAttribute"]),
        ("cloudtrail.userIdentity.type", ["AssumedRole"]),
        ("cloudtrail.requestParameters.enable", [False]),
        ("cloudtrail.requestParameters.empty", [""]),
        ("related.ip", ["198.51.100.7"]),
    ],
)  # fmt: skip
def test_a_record_in_elastics_names_and_in_its_own(field: str, values: list[Any]) -> None:
    assert values_of(shaped(ROLE), field) == values


def test_rules_index_patterns_see_it() -> None:
    origin = origin_of(shaped(ROLE))
    assert sees(("filebeat-*", "logs-aws.cloudtrail-*"), origin)
    assert not sees(("logs-azure*", "filebeat-*"), origin)


def test_a_console_login_tells_how_it_went() -> None:
    document = shaped(LOGIN)
    assert one(document, "event.outcome") == "failure"
    assert one(document, "event.category") == "authentication"
    assert one(document, "aws.cloudtrail.console_login.additional_eventdata.mfa_used") is True
    assert (
        one(document, "aws.cloudtrail.console_login.additional_eventdata.mobile_version") is False
    )


def test_a_service_is_an_address_and_no_ip() -> None:
    document = shaped(LOGIN)
    assert one(document, "source.address") == "AWS Internal"
    assert values_of(document, "source.ip") == []


def test_a_user_whose_name_is_an_email_address() -> None:
    document = shaped(LOGIN)
    assert one(document, "user.name") == one(document, "user.email") == "sexton@tower.example"
    assert one(document, "user.domain") == "tower.example"


@pytest.mark.parametrize(
    "event, category, kinds",
    [
        ("AttachUserPolicy", ["iam"], ["user", "change"]),
        ("AttachRolePolicy", ["iam"], ["change"]),
        ("CreateVirtualMFADevice", ["iam"], ["user", "change"]),
        ("DeleteBucket", ["file"], ["deletion"]),
        ("AssumeRole", ["authentication"], ["info"]),
        ("PutBucketPolicy", [], ["info"]),
    ],
)
def test_what_kind_of_event_it_is(event: str, category: list[str], kinds: list[str]) -> None:
    document = shaped(of(event, None))
    assert values_of(document, "event.category") == category
    assert values_of(document, "event.type") == kinds


def test_a_role_is_the_target_of_what_is_done_to_it() -> None:
    document = shaped(
        of("AttachRolePolicy", {"policyArn": "arn:aws:iam::aws:policy/X", "roleName": "r"})
    )
    assert values_of(document, "entity.target.id") == ["r"]
    assert "arn:aws:iam::aws:policy/X" in values_of(document, "related.entity")


@pytest.mark.parametrize(
    "value, text",
    [
        ({"policyArn": "p", "roleName": "r"}, "{policyArn=p, roleName=r}"),
        # The order is that of Java's hash table, whatever the record's.
        ({"roleName": "r", "policyArn": "p"}, "{policyArn=p, roleName=r}"),
        ({"valuesToAdd": ["all"], "attributeName": "restore"}, "{valuesToAdd=[all], attributeName=restore}"),
        ({"userName": "b", "newUserName": "r"}, "{newUserName=r, userName=b}"),
        ({"a": None, "b": "", "c": {"d": []}, "e": False}, "{e=false}"),
        ({"n": 1, "x": 1.5, "y": 1e10, "z": 1e-5, "m": 123456789.0}, "{x=1.5, y=1.0E10, z=1.0E-5, m=1.23456789E8, n=1}"),
        ({"a": {"b": [{"c": "d"}, {}]}}, "{a={b=[{c=d}]}}"),
        ({}, None),
        ("text", "text"),
        # Thirteen keys make the table grow.
        ({chr(97 + n): n for n in range(13)}, "{" + ", ".join(f"{chr(97 + n)}={n}" for n in range(13)) + "}"),
        ({"AaAa": 1, "BBBB": 2, "AaBB": 3}, "{AaAa=1, BBBB=2, AaBB=3}"),
    ],
)  # fmt: skip
def test_parameters_as_java_writes_them(value: Any, text: str | None) -> None:
    assert java_text(value) == text
    document = shaped(of("AttachRolePolicy", value))
    assert values_of(document, "aws.cloudtrail.request_parameters") == ([text] if text else [])


def test_objects_that_rules_read_as_texts_are_json() -> None:
    document = shaped(of("PutBucketPolicy", {"bucketPolicy": {"Statement": [{"Effect": "Allow"}]}}))
    assert '"Effect":"Allow"' in one(document, "cloudtrail_text.requestParameters")
    assert "Failure" in one(document, "cloudtrail_text.responseElements")


# --- secrets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"responseElements": {"credentials": {"secretAccessKey": SECRET, "sessionToken": SECRET}}},
        {"responseElements": {"accessKey": {"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": SECRET}}},
        {"requestParameters": {"password": SECRET, "newPassword": SECRET, "oldPassword": SECRET}},
        {"requestParameters": {"masterUserPassword": SECRET}},
        {"responseElements": {"pendingModifiedValues": {"masterUserPassword": SECRET}}},
        {"requestParameters": {"sAMLAssertion": SECRET, "webIdentityToken": SECRET}},
        {"requestParameters": {"userData": {"value": SECRET}}},
        {"requestParameters": {"instancesSet": [{"userData": SECRET}]}},
        {"responseElements": {"passwordData": SECRET, "keyMaterial": SECRET, "SecretString": SECRET}},
        {"requestParameters": {"environment": [{"name": "DB_PASSWORD", "value": SECRET}]}},
        {"requestParameters": {"body": json.dumps({"a": [{"client_secret": SECRET}]})}},
        {"requestParameters": {"body": json.dumps({"a": json.dumps({"clientSecret": SECRET})})}},
        {"requestParameters": {"cut": '{"x": 1, "clientSecret": "' + SECRET}},
        {"requestParameters": {"Host": "b", "X-Amz-Signature": SECRET}},
        {"requestParameters": {"url": f"https://s3.example/b?X-Amz-Security-Token={SECRET}&a=1"}},
        {"additionalEventData": {"x": {"idToken": [SECRET]}}},
        {"serviceEventDetails": {"apiToken": {"token": SECRET}}},
    ],
)  # fmt: skip
def test_no_secret_is_handed_on(more: dict[str, Any]) -> None:
    assert SECRET in json.dumps({**LOGIN, **more})
    written = json.dumps(shaped({**LOGIN, **more}))
    assert SECRET not in written
    assert REDACTED in written


def test_what_is_no_secret_stays() -> None:
    parameters = {
        "accessKeyId": "AKIAEXAMPLE",
        "userData": "<sensitiveDataRemoved>",
        "masterUserPassword": "****",
        "manageMasterUserPassword": True,
        "passwordResetRequired": "yes",
        "nextToken": "page-2",
        "secretId": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bell",
    }
    record = of("UpdateAccessKey", parameters)
    assert one(shaped(record), "cloudtrail.userIdentity.userName") == "sexton@tower.example"
    assert shaped(record)["cloudtrail"]["requestParameters"] == parameters
    assert hidden(record) is record


def test_a_blanked_value_is_still_there_for_rules_that_ask_whether_it_is() -> None:
    document = shaped(of("ModifyInstanceAttribute", {"instanceId": "i-1", "userData": "c2VjcmV0"}))
    assert "userData=" in one(document, "aws.cloudtrail.request_parameters")


# --- wrappers, identity, other documents ------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        {"version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "detail": ROLE},
        {"timestamp": 1772359200000, "message": json.dumps(ROLE), "ingestionTime": 1},
        {"@timestamp": "2026-03-01 10:00:00.000", "@message": json.dumps(ROLE)},
    ],
)
def test_a_wrapped_record_is_the_record(wrapped: dict[str, Any]) -> None:
    assert shaped(wrapped) == shaped(ROLE)
    assert cloudtrail.identity(wrapped) == cloudtrail.identity(ROLE) != b""


def test_a_files_records_are_taken_apart(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"Records": [ROLE, LOGIN]}))
    with file.open("rb") as stream:
        records = [r for r in json_decoder.decode(stream, "a.json") if isinstance(r, Record)]
    assert [one(shaped(r.document), "event.id") for r in records] == ["e-1", "e-2"]


def test_a_record_that_came_twice_is_one_event() -> None:
    again = {**ROLE, "requestID": "r-2"}
    assert cloudtrail.identity(again) == cloudtrail.identity(ROLE)
    assert cloudtrail.identity(LOGIN) != cloudtrail.identity(ROLE)
    assert cloudtrail.identity({**ROLE, "eventID": None}) == b""


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"eventSource": "x"},
        {"eventSource": "x", "eventName": "y"},
        {"eventSource": {}, "eventName": "y", "eventVersion": "1"},
        {"detail-type": "EC2 Instance State-change Notification", "detail": {"state": "running"}},
        {"message": "{not json", "host": "web-1"},
        {"message": '{"eventSource": "x"}'},
        {"message": json.dumps(ROLE), "event": {"dataset": "aws.cloudtrail"}},
        {"aws": {"cloudtrail": {"event_version": "1.08"}}, "event": {"action": "GetUser"}},
    ],
)
def test_other_documents_are_not_recognised(document: dict[str, Any]) -> None:
    assert not cloudtrail.recognises(document)
    assert in_ecs(Record(document, "line 1")) is None


# --- hostile input ----------------------------------------------------------------------------


@given(st.sampled_from(paths(ROLE)), JSON)
def test_nothing_at_any_place_raises(path: tuple[Any, ...], value: Any) -> None:
    stays_json(replaced(ROLE, path, value))


@given(st.dictionaries(st.sampled_from(sorted(ROLE)), JSON))
def test_nothing_in_a_record_raises(fields: dict[str, Any]) -> None:
    stays_json({"eventSource": "a", "eventName": "ConsoleLogin", "awsRegion": "b"} | fields)


@given(JSON)
def test_secrets_of_any_type_are_blanked(value: Any) -> None:
    found = hidden({"password": [value, SECRET], "x": value})
    assert SECRET not in json.dumps(found)
    assert hidden(found) == found or value != value


@pytest.mark.parametrize("levels", [99, 150, 400])
def test_a_value_nested_deep_is_no_harm(levels: int) -> None:
    document = shaped(of("CreateRole", {"deep": deep(levels)}, responseElements=deep(levels)))
    json.dumps(document)
    assert one(document, "event.action") == "CreateRole"


def test_a_deep_text_of_json_is_no_harm() -> None:
    text: Any = {"clientSecret": SECRET}
    for _ in range(6):
        text = {"inner": json.dumps(text)}
    assert SECRET not in json.dumps(shaped(of("PutRolePolicy", text)))
    assert in_ecs(Record({"message": '{"eventSource":' + "[" * 100_000}, "line 1")) is None


def test_a_text_of_json_that_is_too_long_is_not_handed_on() -> None:
    text = '{"password": "' + SECRET + '", "x": "' + "x" * (5 << 20) + '"}'
    assert SECRET not in json.dumps(shaped(of("PutRolePolicy", {"policyDocument": text})))


# --- user agents ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, name, version, system",
    [
        ("Boto3/1.34.1 md/Botocore#1.34.1 ua/2.0 os/linux#6.1", "Boto3", "1.34.1", "Linux"),
        ("[aws-cli/1.2.3]", "aws-cli", "1.2.3", None),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36", "Chrome", "120.0.0.0", "Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Teams/1.3 Chrome/80.0.3987.165 Electron/8.5.1 Safari/537.36", "Electron", "8.5.1", "Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/17.1 Safari/605.1", "Safari", "17.1", "Mac OS X"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox", "120.0", "Linux"),
        ("ringer", "Other", None, None),
    ],
)  # fmt: skip
def test_programs(text: str, name: str, version: str | None, system: str | None) -> None:
    found = user_agent_of(text)
    assert (found["name"], found.get("version")) == (name, version)
    assert found.get("os", {}).get("name") == system


# --- public rules and labelled records --------------------------------------------------------

LABELLED = {
    # the attack that was done: files of Elastic's rules that ring
    "credential-access.ec2-get-password-data": {"credential_access_aws_getpassword_for_ec2_instance"},
    "credential-access.ec2-steal-instance-credentials": {"execution_ssm_sendcommand_by_rare_user"},
    "credential-access.secretsmanager-batch-retrieve-secrets": set(),
    "credential-access.secretsmanager-retrieve-secrets": {"credential_access_rapid_secret_retrieval_attempts_from_secretsmanager"},
    "credential-access.ssm-retrieve-securestring-parameters": set(),
    "defense-evasion.cloudtrail-delete": {"defense_evasion_cloudtrail_logging_deleted"},
    "defense-evasion.cloudtrail-event-selectors": {"defense_evasion_cloudtrail_management_events_disabled_via_eventselectors"},
    "defense-evasion.cloudtrail-stop": {"defense_evasion_cloudtrail_logging_suspended"},
    "defense-evasion.dns-delete-logs": set(),
    "defense-evasion.organizations-leave": {"defense_evasion_organizations_leave_organization"},
    "defense-evasion.vpc-remove-flow-logs": {"defense_evasion_ec2_flow_log_deletion"},
    # every call was refused, and the rule is about those that were not
    "discovery.ec2-download-user-data": set(),
    "execution.ec2-launch-unusual-instances": set(),
    # the rule for it is in ES|QL
    "execution.ec2-user-data": set(),
    "execution.ssm-send-command": {"execution_ssm_sendcommand_by_rare_user"},
    "execution.ssm-start-session": set(),
    # the other rule for it wants ipPermissions; this call named the range beside it
    "exfiltration.ec2-security-group-open-port-22-ingress": {"persistence_ec2_security_group_configuration_change_detection"},
    "exfiltration.ec2-share-ami": {"exfiltration_ec2_ami_shared_with_separate_account"},
    "exfiltration.ec2-share-ebs-snapshot": {"exfiltration_ec2_ebs_snapshot_shared_with_another_account"},
    # the rule looks for the text "valuesToAdd=[*]", star and all
    "exfiltration.rds-share-snapshot": set(),
    "impact.bedrock-invoke-model": {"persistence_bedrock_foundation_model_access_enabled_or_entitlement_granted"},
    "initial-access.console-login-without-mfa": set(),
    "lateral-movement.ec2-instance-connect": {"lateral_movement_ec2_instance_connect_ssh_public_key_uploaded"},
    "lateral-movement.ec2-serial-console-send-ssh-public-key": {
        "lateral_movement_ec2_instance_connect_ssh_public_key_uploaded",
        "defense_evasion_ec2_serial_console_access_enabled",
    },
    "persistence.iam-backdoor-role": set(),
    # the rule for it is in ES|QL
    "persistence.iam-backdoor-user": set(),
    "persistence.iam-create-admin-user": {"privilege_escalation_iam_administratoraccess_policy_attached_to_user"},
    "persistence.iam-create-backdoor-role": {"privilege_escalation_iam_administratoraccess_policy_attached_to_role"},
    "persistence.iam-create-user-login-profile": {
        "persistence_iam_login_profile_created_or_modified",
        "persistence_aws_iam_login_profile_added_to_user",
    },
    # the rule for any principal looks for "principal=\*", backslash and all; this one excludes it
    "persistence.lambda-backdoor-function": {"persistence_lambda_cross_account_invocation_backdoor"},
    "persistence.lambda-layer-extension": {"execution_lambda_external_layer_added_to_function"},
    "persistence.lambda-overwrite-code": {"execution_aws_lambda_function_updated"},
    "persistence.rolesanywhere-create-trust-anchor": {
        "persistence_iam_roles_anywhere_trusted_anchor_created_with_external_ca",
        "persistence_iam_roles_anywhere_profile_created",
    },
    "persistence.sts-federation-token": {"defense_evasion_sts_get_federation_token"},
    "privilege-escalation.iam-update-user-login-profile": {"persistence_iam_login_profile_created_or_modified"},
}  # fmt: skip


def test_elastics_rules_ring_for_labelled_attacks(shared: Path) -> None:
    rules = elastic_rules(shared, "aws")
    place = shared / "data" / "cloudtrail" / "stratus"
    found = {
        file.stem.removeprefix("aws."): {rule for rule, _ in rung(rules, [file])}
        for file in sorted(place.glob("*.json"))
    }
    assert found == LABELLED


def test_elastics_rules_over_a_day_of_attacks(shared: Path) -> None:
    rules = elastic_rules(shared, "aws")
    files = sorted((shared / "data" / "cloudtrail" / "invictus").glob("*.json"))
    found = list(rung(rules, files))
    assert {
        "defense_evasion_cloudtrail_logging_deleted",
        "defense_evasion_organizations_leave_organization",
        "discovery_ec2_userdata_request_for_ec2_instance",
        "exfiltration_ec2_ami_shared_with_separate_account",
        "exfiltration_ec2_ebs_snapshot_shared_with_another_account",
        "privilege_escalation_iam_administratoraccess_policy_attached_to_user",
        "credential_access_aws_getpassword_for_ec2_instance",
        "impact_rds_snapshot_deleted",
    } <= {rule for rule, _ in found}
    # Few of 2,900 records ring: the rules are not about everything.
    assert len(found) < 60


def test_every_field_that_elastics_rules_name_is_given(shared: Path) -> None:
    documents = [shaped(ROLE), shaped(LOGIN), shaped(of("AttachRolePolicy", {"roleName": "r"}))]
    missing = never_given(elastic_rules(shared, "aws"), ("logs-aws.cloudtrail",), documents)
    # Who owns an address is in no record; that takes a database of them.
    assert missing == {"source.as.number", "source.as.organization.name"}
