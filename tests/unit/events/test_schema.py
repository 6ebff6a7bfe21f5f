"""Field names and their types."""

from __future__ import annotations

from typing import get_args

import pytest

from tocsin.events.schema import ECS, Resolved, Schema
from tocsin.events.schema.ecs import TYPES
from tocsin.events.schema.secl_constants import CONSTANTS
from tocsin.logic.field_types import FieldType

KNOWN = {
    "@timestamp": "date",
    "message": "text",
    "error.message": "text",
    "powershell.file.script_block_text": "text",
    "event.category": "keyword",
    "event.code": "keyword",
    "event.created": "date",
    "event.ingested": "date",
    "event.severity": "long",
    "winlog.event_id": "keyword",
    "winlog.event_data.TargetUserName": "keyword",
    "winlog.event_data.NotSeenBefore": "keyword",
    "source.ip": "ip",
    "destination.port": "long",
    "host.ip": "ip",
    "host.os.type": "keyword",
    "related.ip": "ip",
    "process.args": "keyword",
    "process.pid": "long",
    "process.exit_code": "long",
    "process.start": "date",
    "process.interactive": "boolean",
    "process.parent.pid": "long",
    "process.parent.code_signature.trusted": "boolean",
    "process.parent.thread.capabilities.effective": "keyword",
    "process.entry_leader.entry_meta.type": "keyword",
    "process.group_leader.name": "keyword",
    "process.Ext.effective_parent.executable": "keyword",
    "process.Ext.relative_file_creation_time": "double",
    "Target.process.pid": "long",
    "Effective_process.name": "keyword",
    "file.size": "long",
    "file.mtime": "date",
    "file.hash.sha256": "keyword",
    "file.Ext.entropy": "double",
    "dll.code_signature.exists": "boolean",
    "registry.data.strings": "keyword",
    "http.response.status_code": "long",
    "http.request.headers.authorization": "keyword",
    "kubernetes.audit.requestObject.spec.hostPID": "boolean",
    "kubernetes.audit.requestObject.metadata.name": "keyword",
    "kubernetes.audit.annotations.authorization_k8s_io/decision": "keyword",
    "aws.cloudtrail.user_identity.arn": "keyword",
    "aws.cloudtrail.flattened.request_parameters.instanceId": "keyword",
    "azure.signinlogs.properties.status.error_code": "long",
    "azure.signinlogs.properties.app_id": "keyword",
    "gcp.audit.authorization_info.granted": "boolean",
    "okta.security_context.is_proxy": "boolean",
    "o365.audit.Parameters.ForwardTo": "keyword",
    "google_workspace.login.is_suspicious": "boolean",
    "github.actor_ip": "ip",
    "data_stream.dataset": "keyword",
    "kibana.alert.risk_score": "double",
}


@pytest.mark.parametrize("field", KNOWN)
def test_a_known_field_has_its_type(field: str) -> None:
    assert ECS.resolve(field) == Resolved(field, KNOWN[field])  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["proces.name", "process.naem", "winlog.evnt_data.X", "x", ""])
def test_an_unknown_field_is_dynamic(field: str) -> None:
    assert ECS.resolve(field) == Resolved(field, "dynamic", known=False)


def test_every_type_is_one() -> None:
    assert set(TYPES.values()) <= set(get_args(FieldType))
    assert len(TYPES) > 3_000


def test_names_are_listed_and_found() -> None:
    assert all(name in TYPES for name in TYPES)
    assert not any(name.startswith(".") or name.endswith(".") or ".." in name for name in TYPES)


def test_multi_fields_are_their_parents() -> None:
    assert ECS.resolve("process.name.caseless") == Resolved(
        "process.name", "keyword", fold_case=True
    )
    assert ECS.resolve("process.command_line.text") == Resolved("process.command_line", "text")
    assert ECS.resolve("message.keyword") == Resolved("message", "keyword")


def test_a_schema_of_ones_own() -> None:
    schema = Schema({"a": "long"}, unknown="keyword")
    assert schema.resolve("a").type == "long"
    assert schema.resolve("b").type == "keyword"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("AT_REMOVEDIR", 0x200), ("AF_FILE", 1), ("AF_VSOCK", 40), ("AF_XDP", 44), ("AF_IUCV", 32),
        ("BPF_XDP", 37), ("BPF_TRACE_FENTRY", 24), ("BPF_SK_SKB_VERDICT", 38),
        ("BPF_PROG_RUN", 10), ("BPF_PROG_TEST_RUN", 10), ("BPF_LINK_CREATE", 28),
        ("BPF_SEND_SIGNAL_THREAD", 117), ("BPF_RINGBUF_OUTPUT", 130), ("BPF_D_PATH", 147),
        ("BPF_SNPRINTF", 165), ("EAFNOSUPPORT", -97), ("EWOULDBLOCK", -11), ("EPFNOSUPPORT", -96),
        ("ECONNREFUSED", -111), ("EBFONT", -59), ("ENOTSUP", -95), ("ETIMEDOUT", -110),
        ("IP_PROTO_IPIP", 4), ("IP_PROTO_MPLS", 137), ("MAP_32BIT", 0x40), ("SIGPOLL", 29),
        ("SIGIOT", 6), ("PTRACE_ARCH_PRCTL", 30), ("VM_GROWSDOWN", 0x100), ("VM_HUGETLB", 1 << 22),
        ("VM_MERGEABLE", 1 << 31), ("OPENPGPKEY", 61), ("URI", 256), ("ANY", 255), ("SIG", 24),
    ],
)  # fmt: skip
def test_secls_constants_are_linuxs_numbers(name: str, number: int) -> None:
    assert CONSTANTS[name] == number
