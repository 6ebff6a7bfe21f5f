"""Google Cloud's audit logs."""

from __future__ import annotations

import base64
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
from tocsin.events.shapes import gcp_audit, in_ecs
from tocsin.rules.index import origin_of, sees

LOG = "projects/tower-prod/logs/cloudaudit.googleapis.com%2Factivity"
GRANT: dict[str, Any] = {
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "status": {"code": 0},
        "authenticationInfo": {
            "principalEmail": "sexton@tower.example",
            "principalSubject": "user:sexton@tower.example",
            "serviceAccountKeyName": "//iam.googleapis.com/projects/p/serviceAccounts/s/keys/k",
        },
        "requestMetadata": {
            "callerIp": "198.51.100.7",
            "callerSuppliedUserAgent": "google-cloud-sdk gcloud/450.0.0",
        },
        "serviceName": "iam.googleapis.com",
        "methodName": "google.iam.admin.v1.SetIAMPolicy",
        "resourceName": "projects/-/serviceAccounts/ringer@tower-prod.example",
        "resourceLocation": {"currentLocations": ["europe-west1"]},
        "authorizationInfo": [
            {
                "permission": "iam.serviceAccounts.setIamPolicy",
                "resource": "projects/-/serviceAccounts/ringer",
                "granted": True,
                "resourceAttributes": {"name": "projects/-/serviceAccounts/ringer"},
            }
        ],
        "serviceData": {
            "@type": "type.googleapis.com/google.iam.admin.v1.AuditData",
            "policyDelta": {
                "bindingDeltas": [
                    {"action": "ADD", "role": "roles/iam.serviceAccountTokenCreator", "member": "u"}
                ]
            },
        },
        "numResponseItems": "3",
    },
    "insertId": "i-1",
    "resource": {
        "type": "service_account",
        "labels": {"project_id": "tower-prod", "instance_id": "42", "zone": "europe-west1-b"},
    },
    "timestamp": "2026-03-01T10:00:00.123456789Z",
    "severity": "NOTICE",
    "logName": LOG,
    "receiveTimestamp": "2026-03-01T10:00:01Z",
}
EXEC: dict[str, Any] = {
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "status": {"code": 7, "message": "may not ring"},
        "authenticationInfo": {"principalEmail": "system:anonymous"},
        "authorizationInfo": [{"permission": "io.k8s.core.v1.pods.exec.create", "granted": False}],
        "methodName": "io.k8s.core.v1.pods.exec.create",
        "serviceName": "k8s.io",
        "resourceName": "core/v1/namespaces/belfry/pods/bell-0/exec",
        "requestMetadata": {"callerIp": "gce-internal-ip", "callerSuppliedUserAgent": "curl/8.1"},
        "request": {
            "kind": "Pod",
            "metadata": {
                "name": "bell-0",
                "namespace": "belfry",
                "ownerReferences": [{"kind": "ReplicaSet"}],
            },
            "spec": {
                "hostPID": True,
                "hostIPC": True,
                "hostNetwork": True,
                "serviceAccountName": "ringer",
                "type": "NodePort",
                "containers": [
                    {
                        "securityContext": {
                            "allowPrivilegeEscalation": True,
                            "capabilities": {"add": ["SYS_ADMIN"]},
                        }
                    }
                ],
            },
            "rules": [{"verbs": ["*"], "resources": ["secrets"]}],
            "subjects": [{"kind": "ServiceAccount"}],
        },
        "response": {"rules": [{"verbs": ["*"], "resources": ["secrets"]}]},
    },
    "insertId": "i-2",
    "resource": {
        "type": "k8s_cluster",
        "labels": {"cluster_name": "tower", "project_id": "tower-prod", "location": "europe-west1"},
    },
    "labels": {
        "authorization.k8s.io/decision": "allow",
        "command.gke.io/command": "curl http://169.254.169.254/",
    },
    "operation": {"id": "o-1", "producer": "k8s.io", "first": True},
    "timestamp": "2026-03-01T10:00:00Z",
    "logName": LOG,
}


def with_payload(**more: Any) -> dict[str, Any]:
    return {**GRANT, "protoPayload": {**GRANT["protoPayload"], **more}}


@pytest.mark.parametrize(
    "field, values",
    [
        ("@timestamp", ["2026-03-01T10:00:00.123456789Z"]),
        ("event.kind", ["event"]),
        ("event.module", ["gcp"]),
        ("event.dataset", ["gcp.audit"]),
        ("event.provider", ["activity"]),
        ("event.action", ["google.iam.admin.v1.SetIAMPolicy"]),
        ("event.outcome", ["success"]),
        ("event.category", ["network", "configuration"]),
        ("event.type", ["access", "allowed"]),
        ("event.id", ["i-1"]),
        ("data_stream.dataset", ["gcp.audit"]),
        ("cloud.provider", ["gcp"]),
        ("cloud.project.id", ["tower-prod"]),
        ("cloud.instance.id", ["42"]),
        ("cloud.availability_zone", ["europe-west1-b"]),
        ("client.user.email", ["sexton@tower.example"]),
        ("client.user.id", ["user:sexton@tower.example"]),
        ("user.email", ["sexton@tower.example"]),
        ("user.id", ["user:sexton@tower.example"]),
        ("source.ip", ["198.51.100.7"]),
        ("user_agent.original", ["google-cloud-sdk gcloud/450.0.0"]),
        ("service.name", ["iam.googleapis.com"]),
        ("log.logger", [LOG]),
        ("log.level", ["NOTICE"]),
        ("gcp.audit.method_name", ["google.iam.admin.v1.SetIAMPolicy"]),
        ("gcp.audit.resource_name", ["projects/-/serviceAccounts/ringer@tower-prod.example"]),
        ("gcp.audit.resource_location.current_locations", ["europe-west1"]),
        ("gcp.audit.num_response_items", [3]),
        ("gcp.audit.status.code", [0]),
        ("gcp.audit.authorization_info.permission", ["iam.serviceAccounts.setIamPolicy"]),
        (
            "gcp.audit.authorization_info.resource_attributes.name",
            ["projects/-/serviceAccounts/ringer"],
        ),
        ("gcp.audit.service_data.policy_delta.binding_deltas.action", ["ADD"]),
        ("gcp_audit.log", ["cloudaudit.googleapis.com%2Factivity"]),
        ("gcp_audit.protoPayload.authorizationInfo.granted", [True]),
        ("gcp_audit.resource.type", ["service_account"]),
        ("orchestrator.type", []),
    ],
)
def test_an_entry_in_elastics_names_and_in_its_own(field: str, values: list[Any]) -> None:
    assert values_of(shaped(GRANT), field) == values


@pytest.mark.parametrize(
    "field, values",
    [
        ("event.outcome", ["failure"]),
        ("event.category", ["session", "network", "configuration"]),
        ("event.type", ["start", "access", "denied"]),
        ("source.ip", []),
        ("user.id", ["system:anonymous"]),
        ("orchestrator.type", ["kubernetes"]),
        ("orchestrator.cluster.name", ["tower"]),
        ("orchestrator.namespace", ["belfry"]),
        ("orchestrator.api_version", ["v1"]),
        ("orchestrator.resource.type", ["pods"]),
        ("orchestrator.resource.name", ["bell-0"]),
        ("gcp.audit.labels.command.gke.io/command", ["curl http://169.254.169.254/"]),
        ("gcp.audit.request.spec.containers.securityContext.capabilities.add", ["SYS_ADMIN"]),
        ("gcp.audit.logentry_operation.first", [True]),
    ],
)
def test_a_request_to_kubernetes(field: str, values: list[Any]) -> None:
    assert values_of(shaped(EXEC), field) == values


def test_rules_index_patterns_see_it() -> None:
    assert sees(("logs-gcp.audit-*",), origin_of(shaped(GRANT)))
    assert not sees(("logs-aws*",), origin_of(shaped(GRANT)))


@pytest.mark.parametrize(
    "payload, outcome, kinds",
    [
        ({"status": {"code": 7}}, "failure", ["access", "allowed"]),
        ({"status": {}}, "success", ["access", "allowed"]),
        ({"status": {}, "authorizationInfo": [{"granted": False}]}, "failure", ["access", "denied"]),
        ({"status": None, "authorizationInfo": [{"permission": "p"}]}, "unknown", []),
        ({"status": {}, "authorizationInfo": [{"granted": True}] * 2}, "unknown", []),
        ({"status": {}, "authorizationInfo": None}, "unknown", []),
    ],
)  # fmt: skip
def test_how_it_went(payload: dict[str, Any], outcome: str, kinds: list[str]) -> None:
    document = shaped(with_payload(**payload))
    assert one(document, "event.outcome") == outcome
    assert values_of(document, "event.type") == kinds


@pytest.mark.parametrize(
    "name, namespace, kind, own",
    [
        ("core/v1/namespaces/kube-system/configmaps/coredns", "kube-system", "configmaps", "coredns"),
        ("core/v1/namespaces/default/secrets", "default", "secrets", None),
        ("rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin", None, "clusterrolebindings", None),
        ("apis/apps/v1beta1", None, None, None),
        ("healthz", None, "healthz", None),
        ("HNAP1", None, None, None),
    ],
)  # fmt: skip
def test_names_of_kubernetes(
    name: str, namespace: str | None, kind: str | None, own: str | None
) -> None:
    document = shaped(replaced(EXEC, ("protoPayload", "resourceName"), name))
    assert values_of(document, "orchestrator.namespace") == [n for n in [namespace] if n]
    assert values_of(document, "orchestrator.resource.type") == [k for k in [kind] if k]
    assert values_of(document, "orchestrator.resource.name") == [o for o in [own] if o]
    assert one(document, "gcp.audit.resource_name") == name


def test_a_project_without_a_label_is_the_logs() -> None:
    assert one(shaped({**GRANT, "resource": {}}), "cloud.project.id") == "tower-prod"


@pytest.mark.parametrize(
    "payload",
    [
        {"response": {"accessToken": SECRET, "expireTime": "2026"}},
        {"response": {"privateKeyData": SECRET}},
        {"request": {"rootPassword": SECRET}},
        {"request": {"kind": "Secret", "data": {"bell": SECRET}, "stringData": {"x": SECRET}}},
        {"response": {"status": {"token": SECRET}}},
        {"response": {"signedJwt": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJiIn0." + SECRET}},
        {"metadata": {"note": "key is ya29." + SECRET}},
        {"request": {"pem": "-----BEGIN PRIVATE KEY-----\n" + SECRET}},
    ],
)
def test_no_secret_is_handed_on(payload: dict[str, Any]) -> None:
    assert SECRET in json.dumps(with_payload(**payload))
    assert SECRET not in json.dumps(shaped(with_payload(**payload)))


# --- wrappers, identity, other documents ------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        {"message": {"data": base64.b64encode(json.dumps(GRANT).encode()).decode()}, "subscription": "s"},
        {"data": GRANT},
        {"data": base64.b64encode(json.dumps(GRANT).encode()).decode(), "messageId": "1"},
        {"message": json.dumps(GRANT), "host": "web-1"},
    ],
)  # fmt: skip
def test_a_wrapped_entry_is_the_entry(wrapped: dict[str, Any]) -> None:
    assert shaped(wrapped) == shaped(GRANT)
    assert gcp_audit.identity(wrapped) == gcp_audit.identity(GRANT) != b""


def test_an_entry_that_came_twice_is_one_event() -> None:
    assert gcp_audit.identity({**GRANT, "receiveTimestamp": "later"}) == gcp_audit.identity(GRANT)
    for key in ("insertId", "logName", "timestamp"):
        assert gcp_audit.identity({**GRANT, key: "other"}) != gcp_audit.identity(GRANT)
    assert gcp_audit.identity({**GRANT, "insertId": None}) == b""


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"protoPayload": "x"},
        {"protoPayload": {}},
        {"protoPayload": {"@type": "type.googleapis.com/google.appengine.logging.v1.RequestLog", "methodName": "GET"}},
        {"message": {"data": "no base64!"}},
        {"message": {"data": base64.b64encode(b"\xff\xfe").decode()}},
        {"data": {"answer": 42}},
        {"message": json.dumps(GRANT), "data_stream": {"dataset": "gcp.audit"}},
        {"gcp": {"audit": {"method_name": "x"}}, "event": {"action": "x"}},
    ],
)  # fmt: skip
def test_other_documents_are_not_recognised(document: dict[str, Any]) -> None:
    assert not gcp_audit.recognises(document)
    assert in_ecs(Record(document, "line 1")) is None


# --- hostile input ----------------------------------------------------------------------------


@given(st.sampled_from([(d, p) for d in (GRANT, EXEC) for p in paths(d)]), JSON)
def test_nothing_at_any_place_raises(place: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    document, path = place
    stays_json(replaced(document, path, value))


@given(st.dictionaries(st.sampled_from(sorted(GRANT["protoPayload"])), JSON))
def test_nothing_in_an_entry_raises(fields: dict[str, Any]) -> None:
    stays_json({"protoPayload": {"methodName": "m"} | fields, "resource": EXEC["resource"]})


@pytest.mark.parametrize("levels", [99, 400])
def test_a_value_nested_deep_is_no_harm(levels: int) -> None:
    places = ("request", "response", "serviceData", "authenticationInfo", "policyViolationInfo")
    json.dumps(shaped(with_payload(**dict.fromkeys(places, deep(levels)))))


# --- public rules -----------------------------------------------------------------------------


def test_every_field_that_elastics_rules_name_is_given(shared: Path) -> None:
    missing = never_given(
        elastic_rules(shared, "gcp"), ("logs-gcp.audit", "logs-gcp*"), [shaped(GRANT), shaped(EXEC)]
    )
    # Who owns an address is in no entry; that takes a database of them.
    assert missing == {"source.as.number", "source.as.organization.name"}


def test_a_sample_entry(shared: Path) -> None:
    file = shared / "data" / "sensor-samples" / "gcp_audit.json"
    document = shaped(json.loads(file.read_text(encoding="utf-8")))
    assert one(document, "event.action") == "storage.buckets.list"
    assert one(document, "user_agent.original") == "google-cloud-sdk"
