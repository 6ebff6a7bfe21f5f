"""Microsoft 365's unified audit log."""

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
    shaped,
    stays_json,
)

from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import in_ecs, o365_audit
from tocsin.rules.index import origin_of, sees

LOGON: dict[str, Any] = {
    "CreationTime": "2026-03-01T10:00:00",
    "Id": "x-1",
    "Operation": "UserLoggedIn",
    "OrganizationId": "0000AAAA-0000-0000-0000-000000000000",
    "RecordType": 15,
    "ResultStatus": "Success",
    "UserType": 0,
    "Workload": "AzureActiveDirectory",
    "ClientIP": "[2001:db8::7]:443",
    "UserId": "sexton@tower.example",
    "ObjectId": "00000003-0000-0000-c000-000000000000",
    "ApplicationId": "29d9ed98-a469-4536-ade2-f981bc1d605e",
    "Actor": [{"ID": "sexton", "Type": 5}, {"ID": "b", "Type": 0}],
    "Target": [{"ID": "00000003-0000-0000-c000-000000000000", "Type": 0}],
    "DeviceProperties": [{"Name": "IsCompliant", "Value": "False"}],
    "ExtendedProperties": [
        {"Name": "RequestType", "Value": "Cmsi:Cmsi"},
        {"Name": "UserAgent", "Value": "axios/1.6"},
    ],
    "ModifiedProperties": [],
}
RULE: dict[str, Any] = {
    "CreationTime": "2026-03-01T10:00:00",
    "Id": "x-2",
    "Operation": "New-InboxRule",
    "RecordType": 1,
    "ResultStatus": "True",
    "Workload": "Exchange",
    "ClientIPAddress": "198.51.100.7:50000",
    "UserId": "sexton@tower.example",
    "Parameters": [
        {"Name": name, "Value": "x"}
        for name in (
            "ForwardTo", "ForwardAsAttachmentTo", "ForwardingAddress", "ForwardingSmtpAddress",
            "RedirectTo", "RedirectToRecipients", "RedirectMessageTo", "BlindCopyTo",
            "BodyContainsWords", "SubjectContainsWords", "WithinSizeRangeMinimum", "MoveToFolder",
            "DeleteMessage", "Enabled", "AllowFederatedUsers", "AllowGuestUser",
        )
    ],
    "Name": "setting",
    "NewValue": "True",
    "OperationProperties": [{"Name": "IsThrottled", "Value": "True"}],
    "OperationCount": 120,
    "LogonType": 0,
    "ClientAppId": "a-1",
    "SearchQueryText": "bells",
}  # fmt: skip
CHAT: dict[str, Any] = {
    "CreationTime": "2026-03-01T10:00:00",
    "Id": "x-3",
    "Operation": "ChatCreated",
    "RecordType": 25,
    "Workload": "MicrosoftTeams",
    "UserId": "helpdesk@ringers.example",
    "CommunicationType": "OneOnOne",
    "Members": [{"DisplayName": "Help Desk", "UPN": "helpdesk@ringers.example"}],
    "ParticipantInfo": {
        "HasForeignTenantUsers": True,
        "HasGuestUsers": False,
        "HasOtherGuestUsers": False,
    },
    "ModifiedProperties": [
        {"Name": name, "NewValue": True, "OldValue": "False"}
        for name in (
            "ShareWithGuests", "ShareUsingAnonymousLinks", "IsPublic", "AllowGuestUser",
            "AllowFederatedUsers", "AllowTeamsConsumer",
        )
    ],
}  # fmt: skip
ALERT: dict[str, Any] = {
    "CreationTime": "2026-03-01T10:00:00",
    "Id": "x-4",
    "Operation": "AlertTriggered",
    "RecordType": 40,
    "Workload": "SecurityComplianceCenter",
    "ResultStatus": "Succeeded",
    "UserId": "SecurityComplianceAlerts",
    "Name": "Potential ransomware activity",
    "Severity": "High",
}
ALL = (LOGON, RULE, CHAT, ALERT)


@pytest.mark.parametrize(
    "document, field, values",
    [
        (LOGON, "@timestamp", ["2026-03-01T10:00:00"]),
        (LOGON, "event.module", ["o365"]),
        (LOGON, "event.dataset", ["o365.audit"]),
        (LOGON, "event.provider", ["AzureActiveDirectory"]),
        (LOGON, "event.action", ["UserLoggedIn"]),
        (LOGON, "event.code", ["AzureActiveDirectoryStsLogon"]),
        (LOGON, "event.category", ["web", "authentication"]),
        (LOGON, "event.type", ["info", "start", "access"]),
        (LOGON, "event.outcome", ["success"]),
        (LOGON, "source.ip", ["2001:db8::7"]),
        (LOGON, "user.name", ["sexton"]),
        (LOGON, "user.email", ["sexton@tower.example"]),
        (LOGON, "user.domain", ["tower.example"]),
        (LOGON, "user_agent.original", ["axios/1.6"]),
        (LOGON, "organization.id", ["0000aaaa-0000-0000-0000-000000000000"]),
        (LOGON, "o365.audit.ExtendedProperties.RequestType", ["Cmsi:Cmsi"]),
        (LOGON, "o365.audit.Actor.Type", [5, 0]),
        (LOGON, "o365.audit.DeviceProperties.Value", ["False"]),
        (RULE, "event.outcome", ["success"]),
        (RULE, "source.ip", ["198.51.100.7"]),
        (RULE, "o365.audit.Parameters.ForwardTo", ["x"]),
        (CHAT, "event.outcome", ["success"]),
        (CHAT, "o365.audit.Members", ["Help Desk", "helpdesk@ringers.example"]),
        (CHAT, "o365.audit.Members.DisplayName", ["Help Desk"]),
        (CHAT, "o365.audit.ModifiedProperties.IsPublic.NewValue", ["true"]),
        (CHAT, "o365.audit.ModifiedProperties.IsPublic.OldValue", ["False"]),
        (ALERT, "event.kind", ["alert"]),
        (ALERT, "event.severity", [4]),
        (ALERT, "rule.name", ["Potential ransomware activity"]),
        (ALERT, "user.email", []),
    ],
)
def test_a_record_in_elastics_names(
    document: dict[str, Any], field: str, values: list[Any]
) -> None:
    assert values_of(shaped(document), field) == values


@pytest.mark.parametrize(
    "kind, code",
    [(294, ["AadRiskDetection"]), ("8", ["AzureActiveDirectory"]), ("ExchangeItem", ["ExchangeItem"]), (9_999, []), (None, [])],
)  # fmt: skip
def test_kinds_of_records(kind: Any, code: list[str]) -> None:
    assert values_of(shaped({**LOGON, "RecordType": kind}), "event.code") == code


def test_a_user_that_was_deleted() -> None:
    document = shaped(
        {**LOGON, "RecordType": 8, "Operation": "Delete user.", "ObjectId": "a@b.example"}
    )
    assert one(document, "event.action") == "deleted-user-account"
    assert values_of(document, "event.type") == ["info", "user", "deletion"]
    assert one(document, "user.target.name") == "a"


@pytest.mark.parametrize(
    "status, outcome",
    [("Failed", "failure"), ("False", "failure"), ("PartiallySucceeded", "success")],
)
def test_how_it_went(status: str, outcome: str) -> None:
    assert one(shaped({**RULE, "ResultStatus": status}), "event.outcome") == outcome


def test_rules_index_patterns_see_it() -> None:
    assert sees(("logs-o365.audit-*",), origin_of(shaped(LOGON)))


@pytest.mark.parametrize(
    "wrapped",
    [
        {"id": "g", "auditLogRecordType": "x", "auditData": LOGON},
        {"RecordType": 15, "AuditData": json.dumps(LOGON)},
        {"message": json.dumps(LOGON), "host": "web-1"},
    ],
)
def test_a_wrapped_record_is_the_record(wrapped: dict[str, Any]) -> None:
    assert shaped(wrapped) == shaped(LOGON)
    assert o365_audit.identity(wrapped) == o365_audit.identity(LOGON) != b""


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Operation": "x"},
        {"Operation": "x", "Workload": 1, "RecordType": 1},
        {"AuditData": "{"},
        {"message": '{"Workload": 1}'},
        {"o365": {"audit": {"Operation": "x"}}, "event": {"action": "x"}},
    ],
)
def test_other_documents_are_not_recognised(document: dict[str, Any]) -> None:
    assert not o365_audit.recognises(document)
    assert in_ecs(Record(document, "line 1")) is None


@pytest.mark.parametrize(
    "more",
    [
        {"Parameters": [{"Name": "Password", "Value": SECRET}]},
        {"ExtendedProperties": [{"Name": "refreshToken", "Value": SECRET}]},
        {"ModifiedProperties": [{"Name": "ClientSecret", "NewValue": SECRET, "OldValue": SECRET}]},
        {"Data": json.dumps({"accessToken": SECRET})},
    ],
)
def test_no_secret_is_handed_on(more: dict[str, Any]) -> None:
    assert SECRET not in json.dumps(shaped({**LOGON, **more}))


@given(st.sampled_from([(d, p) for d in ALL for p in paths(d)]), JSON)
def test_nothing_at_any_place_raises(place: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    document, path = place
    stays_json(replaced(document, path, value))


@pytest.mark.parametrize("levels", [99, 400])
def test_a_value_nested_deep_is_no_harm(levels: int) -> None:
    places = ("Parameters", "ModifiedProperties", "ExtendedProperties", "Actor", "Data")
    json.dumps(shaped({**LOGON, **dict.fromkeys(places, deep(levels)), "Members": [deep(levels)]}))


def test_every_field_that_elastics_rules_name_is_given(shared: Path) -> None:
    documents = [shaped(document) for document in ALL]
    missing = never_given(elastic_rules(shared, "o365"), ("logs-o365",), documents)
    # Where an address is, and whose, is in no record; that takes databases of them.
    assert missing - {"user_agent.os.name", "user_agent.version"} == {
        "source.geo.country_name",
        "source.geo.region_name",
        "source.as.number",
    }
