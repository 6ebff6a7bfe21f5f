"""Azure's and Entra ID's logs."""

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
from tocsin.events.shapes import azure_logs, in_ecs
from tocsin.rules.index import origin_of, sees

TENANT = "00000000-0000-0000-0000-0000000000aa"
SIGN_IN_PROPERTIES: dict[str, Any] = {
    "id": "s-1",
    "createdDateTime": "2026-03-01T10:00:00.5Z",
    "userDisplayName": "The Sexton",
    "userPrincipalName": "sexton@tower.example",
    "userId": "u-1",
    "userType": "Member",
    "appId": "29d9ed98-a469-4536-ade2-f981bc1d605e",
    "appDisplayName": "Bell ringer",
    "appOwnerTenantId": TENANT,
    "ipAddress": "198.51.100.7",
    "clientAppUsed": "Browser",
    "userAgent": "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36",
    "conditionalAccessStatus": "success",
    "isInteractive": True,
    "tokenIssuerType": "AzureAD",
    "incomingTokenType": "refreshToken",
    "originalTransferMethod": "deviceCodeFlow",
    "authenticationProtocol": "deviceCode",
    "authenticationRequirement": "singleFactorAuthentication",
    "resourceDisplayName": "Microsoft Graph",
    "resourceId": "00000003-0000-0000-c000-000000000000",
    "resourceTenantId": TENANT,
    "servicePrincipalId": "sp-1",
    "sessionId": "session-1",
    "autonomousSystemNumber": 64500,
    "riskState": "atRisk",
    "riskLevelAggregated": "high",
    "riskLevelDuringSignIn": "medium",
    "riskEventTypes_v2": ["anonymizedIPAddress"],
    "processingTimeInMilliseconds": 120,
    "status": {"errorCode": 50126, "failureReason": "wrong", "additionalDetails": "again"},
    "location": {
        "city": "Bath",
        "state": "Somerset",
        "countryOrRegion": "GB",
        "geoCoordinates": {"latitude": 51.4, "longitude": -2.4},
    },
    "deviceDetail": {
        "deviceId": "d-1",
        "operatingSystem": "Windows 10",
        "browser": "Chrome 120",
        "isManaged": False,
        "trustType": "Azure AD joined",
    },
    "authenticationDetails": [{"authenticationMethod": "Password", "succeeded": False}],
    "authenticationProcessingDetails": [
        {"key": "Oauth Scope Info", "value": '["user_impersonation"]'},
        {"key": "Is CAE Token", "value": "False"},
    ],
    "appliedConditionalAccessPolicies": [{"result": "failure", "enforcedGrantControls": ["Mfa"]}],
    "conditionalAccessAudiences": [{"applicationId": "a-1"}],
    "tokenProtectionStatusDetails": {"signInSessionStatus": "unbound"},
}
SIGN_IN: dict[str, Any] = {
    "time": "2026-03-01T10:02:00Z",
    "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
    "operationName": "Sign-in activity",
    "operationVersion": "1.0",
    "category": "SignInLogs",
    "tenantId": TENANT,
    "resultType": "50126",
    "resultSignature": "FAILURE",
    "resultDescription": "wrong",
    "durationMs": 12,
    "callerIpAddress": "198.51.100.7",
    "correlationId": "c-1",
    "identity": "The Sexton",
    "Level": 4,
    "location": "GB",
    "properties": SIGN_IN_PROPERTIES,
}
AUDIT_PROPERTIES: dict[str, Any] = {
    "id": "Directory_1",
    "category": "RoleManagement",
    "correlationId": "c-2",
    "result": "success",
    "resultReason": "because",
    "activityDisplayName": "Add member to role",
    "activityDateTime": "2026-03-01T10:00:00Z",
    "loggedByService": "Core Directory",
    "operationType": "Assign",
    "initiatedBy": {
        "user": {"id": "u-1", "userPrincipalName": "sexton@tower.example", "ipAddress": "198.51.100.7"}
    },
    "targetResources": [
        {
            "id": "t-1",
            "displayName": "Global Administrator",
            "type": "Role",
            "userPrincipalName": "ringer@tower.example",
            "modifiedProperties": [
                {"displayName": f"Property {n}", "oldValue": f"old {n}", "newValue": f'"new {n}"'}
                for n in range(5)
            ],
        },
        {"id": "t-2", "displayName": "guest", "modifiedProperties": []},
    ],
    "additionalDetails": [{"key": "User-Agent", "value": "kali365-live/1"}, {"key": "k", "value": "v"}],
}  # fmt: skip
AUDIT: dict[str, Any] = {
    "time": "2026-03-01T10:00:01Z",
    "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
    "operationName": "Add member to role",
    "category": "AuditLogs",
    "tenantId": TENANT,
    "callerIpAddress": "198.51.100.7",
    "correlationId": "c-2",
    "identity": "The Sexton",
    "Level": 4,
    "properties": AUDIT_PROPERTIES,
}
RISK_PROPERTIES: dict[str, Any] = {
    "id": "r-1",
    "riskEventType": "anonymizedIPAddress",
    "riskState": "atRisk",
    "riskLevel": "high",
    "riskDetail": "none",
    "activity": "signin",
    "activityDateTime": "2026-03-01T10:00:00Z",
    "detectedDateTime": "2026-03-01T10:01:00Z",
    "ipAddress": "198.51.100.7",
    "userPrincipalName": "sexton@tower.example",
    "userId": "u-1",
    "additionalInfo": '[{"Key":"userAgent","Value":"Mozilla"}]',
}
RISK: dict[str, Any] = {
    "time": "3/1/2026 2:01:30 PM",
    "resourceId": f"/tenants/{TENANT}/providers/microsoft.aadiam",
    "operationName": "User Risk Detection",
    "category": "UserRiskEvents",
    "tenantId": TENANT,
    "properties": RISK_PROPERTIES,
}
SUBSCRIPTION = "00000000-0000-0000-0000-0000000000bb"
GROUP = f"/SUBSCRIPTIONS/{SUBSCRIPTION}/RESOURCEGROUPS/BELFRY/PROVIDERS"
CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
ACTIVITY: dict[str, Any] = {
    "time": "2026-03-01T10:00:00Z",
    "resourceId": f"{GROUP}/MICROSOFT.COMPUTE/VIRTUALMACHINES/BELL-1/EXTENSIONS/CUSTOMSCRIPTEXTENSION",
    "operationName": "MICROSOFT.COMPUTE/VIRTUALMACHINES/EXTENSIONS/WRITE",
    "category": "Administrative",
    "resultType": "Success",
    "resultSignature": "Succeeded.Created",
    "durationMs": "250",
    "callerIpAddress": "198.51.100.7",
    "correlationId": "c-3",
    "tenantId": TENANT,
    "level": "Information",
    "identity": {
        "authorization": {
            "scope": "/subscriptions/x",
            "action": "Microsoft.Compute/virtualMachines/extensions/write",
            "evidence": {"role": "Owner", "principalId": "p-1", "principalType": "User"},
        },
        "claims": {
            "appid": "a-1",
            "name": "The Sexton",
            f"{CLAIMS}/name": "sexton@tower.example",
            f"{CLAIMS}/surname": "Sexton",
        },
    },
    "properties": {
        "eventCategory": "Administrative",
        "statusCode": "Created",
        "appId": "a-1",
        "requestbody": '{"Properties":{"RoleDefinitionId":"/providers/x/18d7d88d","adminPassword":"p"}}',
        "responseBody": '{"properties":{"allowBlobPublicAccess":true}}',
    },
}
GRAPH: dict[str, Any] = {
    "time": "2026-03-01T10:00:00Z",
    "resourceId": f"/TENANTS/{TENANT}/PROVIDERS/MICROSOFT.AADIAM",
    "operationName": "Microsoft Graph Activity",
    "operationVersion": "beta",
    "category": "MicrosoftGraphActivityLogs",
    "resultSignature": "200",
    "callerIpAddress": "198.51.100.7",
    "correlationId": "c-4",
    "properties": {
        "timeGenerated": "2026-03-01T10:00:00.1Z",
        "requestId": "q-1",
        "requestMethod": "GET",
        "responseStatusCode": 200,
        "responseSizeBytes": 900,
        "requestUri": "https://graph.microsoft.com/v1.0/me/messages?$top=5",
        "appId": "a-1",
        "userId": "u-1",
        "UserPrincipalObjectID": "u-1",
        "C_Idtyp": "user",
        "clientAuthMethod": "0",
        "userAgent": "python-requests/2.31",
        "scopes": "Mail.Read User.Read",
        "roles": " Group.Read.All,",
    },
}
DIRECTORY: dict[str, Any] = {
    "time": "2026-03-01T10:00:00Z",
    "operationName": "AAD Graph Activity",
    "category": "AzureADGraphActivityLogs",
    "tenantId": TENANT,
    "properties": {
        "timeGenerated": "2026-03-01T10:00:00Z",
        "issuedAt": "3/1/2026 12:35:58 AM",
        "requestId": "q-2",
        "httpMethod": "GET",
        "httpStatusCode": "403",
        "callerIpAddress": "198.51.100.7",
        "requestUri": "https://graph.windows.net/v2/t/directoryRoles",
        "userAgent": "aiohttp/3.9",
        "appId": "a-1",
        "actorType": "User",
        "apiVersion": "1.61-internal",
        "servicePrincipalId": "sp-1",
    },
}
KUBERNETES: dict[str, Any] = {
    "time": "2026-03-01T10:00:00Z",
    "category": "kube-audit",
    "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
    "resourceId": f"{GROUP}/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/TOWER",
    "properties": {
        "log": json.dumps(
            {
                "kind": "Event",
                "stage": "ResponseComplete",
                "verb": "get",
                "requestURI": "/api/v1/secrets",
                "user": {"username": "ringer"},
                "userAgent": "curl/8.1",
                "objectRef": {
                    "resource": "secrets",
                    "subresource": "exec",
                    "name": "bell",
                    "namespace": "belfry",
                },
                "requestObject": {
                    "spec": {"signerName": "s"},
                    "status": {"conditions": [{"type": "Approved"}]},
                },
                "responseStatus": {"code": 200, "reason": "OK"},
            }
        ),
        "accountName": "x",
    },
}
STORAGE: dict[str, Any] = {
    "time": "2026-03-01T10:00:00Z",
    "category": "StorageRead",
    "operationName": "GetBlob",
    "resourceId": f"{GROUP}/MICROSOFT.STORAGE/STORAGEACCOUNTS/ROPES/BLOBSERVICES/DEFAULT",
    "statusCode": 200,
    "statusText": "Success",
    "callerIpAddress": "198.51.100.7:40000",
    "identity": {"type": "SAS", "tokenHash": "key1(0A)"},
    "uri": f"https://ropes.blob.example/b?sv=2026&sig={SECRET}",
    "properties": {"accountName": "ropes", "userAgentHeader": "AzCopy/10.1"},
}
REST: dict[str, Any] = {
    "eventTimestamp": "2026-03-01T10:00:00Z",
    "eventDataId": "ed-1",
    "operationName": {
        "value": "Microsoft.Authorization/roleAssignments/write",
        "localizedValue": "x",
    },
    "category": {"value": "Administrative"},
    "status": {"value": "Succeeded"},
    "subStatus": {"value": "Created"},
    "resourceId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/belfry/providers/Microsoft.Authorization/roleAssignments/r",
    "httpRequest": {"clientIpAddress": "198.51.100.7", "method": "PUT"},
    "authorization": {"action": "x", "role": "Owner", "scope": "/subscriptions/x"},
    "claims": {"appid": "a-1", f"{CLAIMS}/name": "sexton@tower.example"},
    "caller": "sexton@tower.example",
    "correlationId": "c-5",
    "properties": {"statusCode": "Created"},
}
GRAPH_SIGN_IN = {**SIGN_IN_PROPERTIES, "correlationId": "c-1", "homeTenantId": TENANT}
GRAPH_RISKY_USER = {
    "id": "u-1",
    "riskLastUpdatedDateTime": "2026-03-01T10:00:00Z",
    "riskState": "atRisk",
    "riskDetail": "none",
    "userPrincipalName": "sexton@tower.example",
}
ALL = (
    SIGN_IN, AUDIT, RISK, ACTIVITY, GRAPH, DIRECTORY, KUBERNETES, STORAGE, REST, GRAPH_SIGN_IN,
    AUDIT_PROPERTIES, RISK_PROPERTIES, GRAPH_RISKY_USER,
)  # fmt: skip


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00.5Z"]),
        ("event.module", ["azure"]),
        ("event.dataset", ["azure.signinlogs"]),
        ("event.category", ["authentication"]),
        ("event.action", ["Sign-in activity"]),
        ("event.outcome", ["failure"]),
        ("event.id", ["s-1"]),
        ("event.duration", [12_000_000]),
        ("data_stream.dataset", ["azure.signinlogs"]),
        ("cloud.provider", ["azure"]),
        ("cloud.account.id", [TENANT]),
        ("azure.tenant_id", [TENANT]),
        ("azure.correlation_id", ["c-1"]),
        ("azure.resource.provider", ["Microsoft.aadiam"]),
        ("source.ip", ["198.51.100.7"]),
        ("source.as.number", [64500]),
        ("source.geo.city_name", ["Bath"]),
        ("source.geo.country_iso_code", ["GB"]),
        ("user.id", ["u-1"]),
        ("user.name", ["sexton@tower.example"]),
        ("user.full_name", ["The Sexton"]),
        ("user_agent.name", ["Chrome"]),
        ("message", ["wrong (again)"]),
        ("azure.signinlogs.category", ["SignInLogs"]),
        ("azure.signinlogs.result_signature", ["FAILURE"]),
        ("azure.signinlogs.identity", ["The Sexton"]),
        ("azure.signinlogs.properties.app_owner_tenant_id", [TENANT]),
        ("azure.signinlogs.properties.status.error_code", [50126]),
        ("azure.signinlogs.properties.device_detail.is_managed", [False]),
        ("azure.signinlogs.properties.risk_level_during_signin", ["medium"]),
        ("azure.signinlogs.properties.risk_event_types_v2", ["anonymizedIPAddress"]),
        ("azure.signinlogs.properties.created_at", ["2026-03-01T10:00:00.5Z"]),
        ("azure.signinlogs.properties.processing_time_ms", [120]),
        ("azure.signinlogs.properties.session_id", ["session-1"]),
        (
            "azure.signinlogs.properties.token_protection_status_details.sign_in_session_status",
            ["unbound"],
        ),
        ("azure.signinlogs.properties.authentication_processing_details.Is CAE Token", ["False"]),
        (
            "azure.signinlogs.properties.authentication_processing_details",
            ['["user_impersonation"]', "False"],
        ),
        ("azure_logs.properties.authenticationRequirement", ["singleFactorAuthentication"]),
    ],
)
def test_a_sign_in(field: str, values: list[Any]) -> None:
    assert values_of(shaped(SIGN_IN), field) == values


@pytest.mark.parametrize(
    "category",
    ["NonInteractiveUserSignInLogs", "ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs"],
)
def test_sign_ins_of_every_kind_are_one_dataset(category: str) -> None:
    document = shaped({**SIGN_IN, "category": category})
    assert one(document, "data_stream.dataset") == "azure.signinlogs"
    assert one(document, "azure.signinlogs.category") == category


@pytest.mark.parametrize(
    "changed, outcome",
    [
        ({"properties": {"status": {"errorCode": 0}}}, "success"),
        ({"properties": {"status": {"errorCode": 50126}}, "resultType": "0"}, "failure"),
        ({"properties": {}, "resultType": "0"}, "success"),
        ({"properties": {}}, "failure"),
    ],
)
def test_how_a_sign_in_went(changed: dict[str, Any], outcome: str) -> None:
    assert one(shaped({**SIGN_IN, **changed}), "event.outcome") == outcome


def test_objects_of_a_sign_in_may_be_texts() -> None:
    written = {
        name: json.dumps(value) if isinstance(value, dict | list) else value
        for name, value in SIGN_IN_PROPERTIES.items()
    }
    assert shaped({**SIGN_IN, "properties": written})["azure"] == shaped(SIGN_IN)["azure"]
    whole = shaped({**SIGN_IN, "properties": json.dumps(SIGN_IN_PROPERTIES)})
    assert whole["azure"] == shaped(SIGN_IN)["azure"]


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.dataset", ["azure.auditlogs"]),
        ("event.outcome", ["success"]),
        ("event.action", ["Add member to role"]),
        ("azure.auditlogs.operation_name", ["Add member to role"]),
        ("azure.auditlogs.identity", ["The Sexton"]),
        ("azure.auditlogs.properties.category", ["RoleManagement"]),
        ("azure.auditlogs.properties.result_reason", ["because"]),
        ("azure.auditlogs.properties.initiated_by.user.userPrincipalName", ["sexton@tower.example"]),
        ("azure.auditlogs.properties.target_resources.0.display_name", ["Global Administrator"]),
        ("azure.auditlogs.properties.target_resources.*.display_name", [
            "Global Administrator", "Property 0", "Property 1", "Property 2", "Property 3",
            "Property 4", "guest",
        ]),
        ("azure.auditlogs.properties.target_resources.0.modified_properties.3.new_value", ['"new 3"']),
        ("azure.auditlogs.properties.additional_details.value", ["kali365-live/1", "v"]),
        ("user_agent.original", ["kali365-live/1"]),
        ("source.ip", ["198.51.100.7"]),
        ("azure_logs.properties.targetResources.type", ["Role"]),
    ],
)  # fmt: skip
def test_a_change_of_the_directory(field: str, values: list[Any]) -> None:
    assert values_of(shaped(AUDIT), field) == values


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T14:01:30Z"]),
        ("event.dataset", ["azure.identity_protection"]),
        ("event.action", ["User Risk Detection"]),
        ("source.ip", ["198.51.100.7"]),
        ("azure.identityprotection.properties.risk_state", ["atRisk"]),
        ("azure.identityprotection.properties.risk_event_type", ["anonymizedIPAddress"]),
        ("azure.identityprotection.properties.activity", ["signin"]),
        ("azure.identityprotection.properties.detected_datetime", ["2026-03-01T10:01:00Z"]),
        ("azure.identityprotection.properties.additional_info.Key", ["userAgent"]),
        ("azure.identityprotection.properties.user_principal_name", ["sexton@tower.example"]),
        ("azure_logs.properties.riskEventType", ["anonymizedIPAddress"]),
    ],
)
def test_a_risk(field: str, values: list[Any]) -> None:
    assert values_of(shaped(RISK), field) == values


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.dataset", ["azure.activitylogs"]),
        ("event.action", ["MICROSOFT.COMPUTE/VIRTUALMACHINES/EXTENSIONS/WRITE"]),
        ("event.outcome", ["success"]),
        ("event.duration", [250_000_000]),
        ("log.level", ["Information"]),
        ("cloud.account.id", [SUBSCRIPTION]),
        ("azure.subscription_id", [SUBSCRIPTION]),
        ("azure.resource.group", ["BELFRY"]),
        ("azure.resource.provider", ["MICROSOFT.COMPUTE/VIRTUALMACHINES"]),
        ("azure.resource.name", ["BELL-1/EXTENSIONS/CUSTOMSCRIPTEXTENSION"]),
        ("azure.activitylogs.operation_name", ["MICROSOFT.COMPUTE/VIRTUALMACHINES/EXTENSIONS/WRITE"]),
        ("azure.activitylogs.event_category", ["Administrative"]),
        ("azure.activitylogs.identity.authorization.evidence.principal_id", ["p-1"]),
        ("azure.activitylogs.identity.authorization.evidence.principal_type", ["User"]),
        ("azure.activitylogs.identity.authorization.evidence.role", ["Owner"]),
        ("azure.activitylogs.identity.claims.appid", ["a-1"]),
        ("azure.activitylogs.identity.claims_initiated_by_user.name", ["sexton@tower.example"]),
        ("azure.activitylogs.identity.claims_initiated_by_user.fullname", ["The Sexton"]),
        ("azure.activitylogs.properties.status_code", ["Created"]),
        ("azure.activitylogs.properties.responseBody", ['{"properties":{"allowBlobPublicAccess":true}}']),
        ("azure.activitylogs.properties.requestbody.properties.roleDefinitionId", ["/providers/x/18d7d88d"]),
        ("azure.activitylogs.properties.requestbody.properties.adminPassword", ["[redacted]"]),
        ("user.name", ["sexton"]),
        ("user.email", ["sexton@tower.example"]),
    ],
)  # fmt: skip
def test_an_activity(field: str, values: list[Any]) -> None:
    assert values_of(shaped(ACTIVITY), field) == values


def test_who_did_it_may_be_a_name_alone() -> None:
    document = shaped({**ACTIVITY, "identity": "ringer"})
    assert one(document, "azure.activitylogs.identity_name") == "ringer"


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.dataset", ["azure.graphactivitylogs"]),
        ("event.type", ["access"]),
        ("http.request.method", ["GET"]),
        ("http.response.status_code", [200]),
        ("url.path", ["/v1.0/me/messages"]),
        ("url.domain", ["graph.microsoft.com"]),
        ("user.id", ["u-1"]),
        ("azure.tenant_id", [TENANT]),
        ("azure.graphactivitylogs.result_signature", ["200"]),
        ("azure.graphactivitylogs.properties.c_idtyp", ["user"]),
        ("azure.graphactivitylogs.properties.client_auth_method", ["0"]),
        ("azure.graphactivitylogs.properties.user_principal_object_id", ["u-1"]),
        ("azure.graphactivitylogs.properties.scopes", ["Mail.Read", "User.Read"]),
        ("azure.graphactivitylogs.properties.roles", ["Group.Read.All"]),
    ],
)
def test_a_request_to_microsoft_graph(field: str, values: list[Any]) -> None:
    assert values_of(shaped(GRAPH), field) == values


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.dataset", ["azure.aadgraphactivitylogs"]),
        ("event.category", ["iam", "web"]),
        ("event.type", ["access", "info"]),
        ("event.action", ["directory-roles-read"]),
        ("event.outcome", ["failure"]),
        ("source.ip", ["198.51.100.7"]),
        ("user.id", ["sp-1"]),
        ("azure.aadgraphactivitylogs.properties.app_id", ["a-1"]),
        ("azure.aadgraphactivitylogs.properties.token_issued_at", ["2026-03-01T00:35:58Z"]),
    ],
)
def test_a_request_to_the_directorys_graph(field: str, values: list[Any]) -> None:
    assert values_of(shaped(DIRECTORY), field) == values


@pytest.mark.parametrize(
    "document, field, values",
    [
        (KUBERNETES, "event.dataset", ["azure.platformlogs"]),
        (KUBERNETES, "azure.platformlogs.category", ["kube-audit"]),
        (KUBERNETES, "azure.platformlogs.properties.log.objectRef.resource", ["secrets"]),
        (KUBERNETES, "azure.platformlogs.properties.log.responseStatus.code", [200]),
        (KUBERNETES, "azure.resource.name", ["TOWER"]),
        (STORAGE, "event.action", ["GetBlob"]),
        (STORAGE, "azure.platformlogs.identity.type", ["SAS"]),
        (STORAGE, "azure.platformlogs.statusCode", [200]),
        (STORAGE, "azure.platformlogs.properties.userAgentHeader", ["AzCopy/10.1"]),
        (STORAGE, "source.ip", ["198.51.100.7"]),
        (
            STORAGE,
            "azure.platformlogs.uri",
            ["https://ropes.blob.example/b?sv=2026&sig=[redacted]"],
        ),
    ],
)
def test_resources_own_logs(document: dict[str, Any], field: str, values: list[Any]) -> None:
    assert values_of(shaped(document), field) == values


@pytest.mark.parametrize(
    "document, pattern",
    [
        (SIGN_IN, "logs-azure.signinlogs-*"),
        (AUDIT, "logs-azure.auditlogs-*"),
        (RISK, "logs-azure.identity_protection-*"),
        (ACTIVITY, "logs-azure.activitylogs-*"),
        (GRAPH, "logs-azure.graphactivitylogs-*"),
        (DIRECTORY, "logs-azure.aadgraphactivitylogs-*"),
        (KUBERNETES, "logs-azure.platformlogs-*"),
    ],
)
def test_rules_index_patterns_see_it(document: dict[str, Any], pattern: str) -> None:
    assert sees((pattern,), origin_of(shaped(document)))
    assert not sees(("logs-gcp*",), origin_of(shaped(document)))


# --- other forms ------------------------------------------------------------------------------


def test_a_sign_in_as_graph_returns_it() -> None:
    graph, diagnostic = shaped(GRAPH_SIGN_IN), shaped(SIGN_IN)
    own = "azure.signinlogs.properties.app_id"
    for field in ("event.outcome", "event.action", "user.id", "source.ip", "azure.tenant_id", own):
        assert values_of(graph, field) == values_of(diagnostic, field), field
    assert one(graph, "azure.signinlogs.category") == "SignInLogs"
    assert one(graph, "azure.signinlogs.result_type") == "50126"
    # The same sign-in in two forms is one event.
    assert azure_logs.identity(GRAPH_SIGN_IN) == azure_logs.identity(SIGN_IN)


@pytest.mark.parametrize(
    "more, category",
    [
        ({"signInEventTypes": ["managedIdentity"]}, "ManagedIdentitySignInLogs"),
        ({"signInEventTypes": ["servicePrincipal"]}, "ServicePrincipalSignInLogs"),
        ({"isInteractive": False}, "NonInteractiveUserSignInLogs"),
        ({"signInEventTypes": [None, "novel"]}, "SignInLogs"),
    ],
)
def test_what_kind_of_sign_in_graph_returns(more: dict[str, Any], category: str) -> None:
    assert one(shaped(GRAPH_SIGN_IN | more), "azure.signinlogs.category") == category


def test_a_change_and_a_risk_as_graph_returns_them() -> None:
    change, risk = shaped(AUDIT_PROPERTIES), shaped(RISK_PROPERTIES)
    assert one(change, "azure.auditlogs.operation_name") == "Add member to role"
    assert one(change, "source.ip") == "198.51.100.7"
    assert one(risk, "event.action") == "User Risk Detection"
    assert one(risk, "@timestamp") == "2026-03-01T10:01:00Z"
    risky = shaped(GRAPH_RISKY_USER)
    assert one(risky, "event.action") == "Risky user"
    assert one(risky, "azure.identityprotection.properties.risk_state") == "atRisk"


def test_an_activity_of_the_rest_interface() -> None:
    document = shaped(REST)
    assert one(document, "event.action") == "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE"
    assert one(document, "event.outcome") == "success"
    assert one(document, "azure.resource.group") == "BELFRY"
    assert one(document, "source.ip") == "198.51.100.7"
    name = "azure.activitylogs.identity.claims_initiated_by_user.name"
    assert one(document, name) == "sexton@tower.example"


def test_names_with_a_capital_are_the_same_names() -> None:
    odd = {k: v for k, v in STORAGE.items() if k != "category"} | {"Category": "StorageRead"}
    assert one(shaped(odd), "azure.platformlogs.category") == "StorageRead"


def test_event_hubs_records_are_taken_apart(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"records": [SIGN_IN, ACTIVITY]}))
    with file.open("rb") as stream:
        records = [r for r in json_decoder.decode(stream, "a.json") if isinstance(r, Record)]
    assert len({one(shaped(r.document), "event.dataset") for r in records}) == 2


def test_a_log_may_be_the_text_of_a_message() -> None:
    assert shaped({"message": json.dumps(AUDIT), "host": "web-1"}) == shaped(AUDIT)


# --- identity, other documents ----------------------------------------------------------------


def test_a_log_that_came_twice_is_one_event() -> None:
    assert azure_logs.identity({**SIGN_IN, "time": "later"}) == azure_logs.identity(SIGN_IN)
    assert azure_logs.identity(dict(ACTIVITY)) == azure_logs.identity(ACTIVITY) != b""
    identities = {
        azure_logs.identity(document) for document in (SIGN_IN, AUDIT, RISK, ACTIVITY, GRAPH)
    }
    assert len(identities) == 5


def test_the_start_and_the_end_of_an_operation_are_two_events() -> None:
    assert azure_logs.identity({**ACTIVITY, "resultType": "Start"}) != azure_logs.identity(ACTIVITY)


def test_a_risk_whose_state_changed_is_another_event() -> None:
    dismissed = replaced(RISK, ("properties", "riskState"), "dismissed")
    assert azure_logs.identity(dismissed) != azure_logs.identity(RISK)


def test_a_log_without_an_id_is_known_by_its_bytes() -> None:
    assert azure_logs.identity(KUBERNETES) == b""


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"category": "AuditLogs"},
        {"time": 1772359200, "category": "AuditLogs", "operationName": "x"},
        {"time": "2026-03-01T10:00:00Z", "category": {"x": 1}, "operationName": "x"},
        {"time": "2026-03-01T10:00:00Z", "message": "x", "level": "info"},
        {"createdDateTime": "2026-03-01T10:00:00Z", "displayName": "web-1"},
        {"message": '{"category": "x"}'},
        {"message": json.dumps(SIGN_IN), "event": {"dataset": "azure.signinlogs"}},
        {"azure": {"signinlogs": {"category": "SignInLogs"}}, "event": {"action": "x"}},
    ],
)
def test_other_documents_are_not_recognised(document: dict[str, Any]) -> None:
    assert not azure_logs.recognises(document)
    assert in_ecs(Record(document, "line 1")) is None


# --- secrets and hostile input ----------------------------------------------------------------


@pytest.mark.parametrize(
    "properties",
    [
        {"requestbody": json.dumps({"properties": {"osProfile": {"adminPassword": SECRET}}})},
        {"requestBody": json.dumps({"properties": {"osProfile": {"customData": SECRET}}})},
        {"responseBody": '{"keys": "x", "primaryKey": "' + SECRET},
        {"responseBody": json.dumps({"primaryConnectionString": SECRET})},
        {"protectedSettings": {"commandToExecute": SECRET}},
        {"log": json.dumps({"requestObject": {"kind": "Secret", "data": {"bell": SECRET}}})},
        {"log": json.dumps({"responseObject": {"status": {"token": SECRET}}})},
        {"requestUri": f"https://a.example/b?sv=1&sig={SECRET}&se=2"},
        {"targetResources": [{"modifiedProperties": [{"displayName": "Password", "newValue": SECRET}]}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("category", ["Administrative", "kube-audit", "AuditLogs", "SignInLogs"])
def test_no_secret_is_handed_on(properties: dict[str, Any], category: str) -> None:
    log = {**ACTIVITY, "category": category, "properties": properties}
    assert SECRET in json.dumps(log)
    assert SECRET not in json.dumps(shaped(log))


@given(st.sampled_from([(d, p) for d in ALL for p in paths(d)]), JSON)
def test_nothing_at_any_place_raises(place: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    document, path = place
    stays_json(replaced(document, path, value))


@pytest.mark.parametrize("document", ALL)
@pytest.mark.parametrize("levels", [99, 400])
def test_a_value_nested_deep_is_no_harm(document: dict[str, Any], levels: int) -> None:
    places = ("identity", "deviceDetail", "additionalDetails", "targetResources", "log")
    values = dict.fromkeys(places, deep(levels))
    json.dumps(shaped({**document, "properties": values} | values))


# --- public rules -----------------------------------------------------------------------------

# Who owns an address is in no log but sign-ins; that takes a database of them.
NETWORKS = {"source.as.organization.name"}
# The names of fields that no version of the integration has.
MISSPELT = {
    "azure.activitylogs.resource.id",  # azure.resource.id
    "azure.activitylogs.properties.authentication_protocol",  # of sign-ins
}


def test_every_field_that_elastics_rules_name_is_given(shared: Path) -> None:
    rules = elastic_rules(shared, "azure")
    documents = [shaped(document) for document in ALL]
    assert never_given(rules, ("logs-azure",), documents) == NETWORKS | MISSPELT


def test_elastics_rules_ring_for_made_up_attacks(shared: Path, tmp_path: Path) -> None:
    role = replaced(
        AUDIT, ("properties", "targetResources", 0, "modifiedProperties", 0, "newValue"),
        '"Global Administrator"',
    )  # fmt: skip
    device_code = replaced(SIGN_IN, ("properties", "status", "errorCode"), 0)
    events = [role, RISK, device_code, ACTIVITY, KUBERNETES]
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(map(json.dumps, events)))
    assert {
        "persistence_entra_id_global_administrator_role_assigned",
        "initial_access_entra_id_protection_sign_in_risk_detected",
        "initial_access_entra_id_oauth_device_code_phishing_tycoon_aitm",
        "persistence_azure_vm_extension_deployment_by_interactive_user",
        "credential_access_azure_aks_secret_access_suspicious_user_agent",
    } <= {rule for rule, _ in rung(elastic_rules(shared, "azure"), [file])}


def test_a_sample_sign_in(shared: Path) -> None:
    file = shared / "data" / "sensor-samples" / "azure_signin_msi.json"
    document = shaped(json.loads(file.read_text(encoding="utf-8")))
    assert one(document, "azure.signinlogs.category") == "ManagedIdentitySignInLogs"
    assert one(document, "event.outcome") == "success"
