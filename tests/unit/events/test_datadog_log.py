"""Datadog's logs: archives, the API's answers, what is sent, and the Agent's events among them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.events.fields import values_of
from tocsin.events.record import Record
from tocsin.events.shapes import datadog_cws, datadog_log, in_ecs

ATTRIBUTES: dict[str, Any] = {
    "evt": {"name": "ring", "outcome": "SUCCESS"},
    "usr": {"name": "jane", "id": "7"},
    "network": {"client": {"ip": "203.0.113.9", "port": 4711}},
    "http": {"url": "/tower", "status_code": 200, "useragent": "rope/1.0"},
    "bell": {"weights": [1, 2]},
}
TAGS = ["env:prod", "team:a", "team:b", "loud", "kube.pod:x:y"]
ARCHIVED: dict[str, Any] = {
    "_id": "AAAA1",
    "date": "2026-03-14T12:00:00.250Z",
    "service": "tower",
    "host": "web-1",
    "source": "bells",
    "status": "Warn",
    "message": "the bell rang",
    "tags": TAGS,
    "attributes": ATTRIBUTES,
}
BESIDE = {
    "timestamp": "2026-03-14T12:00:00.250Z",
    "host": "web-1",
    "service": "tower",
    "status": "Warn",
    "message": "the bell rang",
    "tags": ["source:bells", *TAGS],
    "attributes": ATTRIBUTES,
}
FROM_API = {"id": "AAAA1", "type": "log", "attributes": BESIDE}
EXPORTED = {"id": "AAAA1", "content": BESIDE}
SENT = {
    "ddsource": "bells",
    "ddtags": "env:prod, team:a,team:b,loud,kube.pod:x:y",
    "hostname": "web-1",
    "service": "tower",
    "status": "Warn",
    "message": "the bell rang",
    "timestamp": "2026-03-14T12:00:00.250Z",
    **ATTRIBUTES,
}
FORMS = [ARCHIVED, FROM_API, EXPORTED, SENT]
EXEC: dict[str, Any] = {
    "agent": {"rule_id": "bell_rung"},
    "title": "Somebody rang the bell",
    "date": "2026-03-14T12:00:00Z",
    "evt": {"name": "exec"},
    "process": {
        "pid": 21,
        "user": "sexton",
        "group": "church",
        "comm": "ring",
        "container": {"id": "c0ffee"},
        "ancestors": [{"pid": 20, "comm": "sh"}, {"pid": 1, "comm": "init"}],
    },
}


def shaped(document: dict[str, Any]) -> dict[str, Any]:
    found = in_ecs(Record(document, "line 1"))
    assert found is not None
    return found.document


@pytest.mark.parametrize("document", FORMS)
@pytest.mark.parametrize(
    "field, values",
    [
        ("datadog.evt.name", ["ring"]),
        ("datadog.bell.weights", [1, 2]),
        ("datadog_log.service", ["tower"]),
        ("datadog_log.host", ["web-1"]),
        ("datadog_log.source", ["bells"]),
        ("datadog_log.status", ["Warn"]),
        ("datadog_log.message", ["the bell rang"]),
        ("datadog_log.tag.env", ["prod"]),
        ("datadog_log.tag.team", ["a", "b"]),
        ("datadog_log.tag.kube.pod", ["x:y"]),
        ("datadog_log.tag.loud", []),
        ("@timestamp", ["2026-03-14T12:00:00.250Z"]),
        ("message", ["the bell rang"]),
        ("host.name", ["web-1"]),
        ("service.name", ["tower"]),
        ("event.action", ["ring"]),
        ("event.outcome", ["success"]),
        ("event.dataset", ["datadog.log"]),
        ("log.level", ["warn"]),
        ("user.name", ["jane"]),
        ("source.ip", ["203.0.113.9"]),
        ("source.port", [4711]),
        ("http.response.status_code", [200]),
        ("user_agent.original", ["rope/1.0"]),
    ],
)
def test_every_form_has_the_fields(
    document: dict[str, Any], field: str, values: list[object]
) -> None:
    assert values_of(shaped(document), field) == values


@pytest.mark.parametrize("document", FORMS)
def test_a_tag_without_a_key_is_among_the_tags(document: dict[str, Any]) -> None:
    assert "loud" in values_of(shaped(document), "datadog_log.tags")


@pytest.mark.parametrize("document", FORMS[:3])
def test_attributes_are_not_copied(document: dict[str, Any]) -> None:
    assert shaped(document)["datadog"] is ATTRIBUTES


def test_a_log_is_known_by_its_own_id() -> None:
    known = {datadog_log.identity(document) for document in FORMS[:3]}
    assert len(known) == 1
    assert known != {b""}
    assert datadog_log.identity(SENT) == b""


@pytest.mark.parametrize(
    "document",
    [
        {"@timestamp": "2026-03-14T12:00:00Z", "message": "m", "tags": [], "host": {"name": "a"}},
        {**ARCHIVED, "@timestamp": "2026-03-14T12:00:00Z"},
        {"timestamp": 1, "body": "m", "attributes": {}, "severityText": "x", "status": "x"},
        {"attributes": {"a": 1}, "date": "2026-03-14"},
        {"attributes": {"a": 1}, "service": "x", "status": "y"},
        {"type": "log", "attributes": {"a": 1}},
        {"content": {"a": 1}},
        {"content": "text", "id": "x"},
        {"eventVersion": "1.08", "eventName": "ConsoleLogin"},
        {},
    ],
)
def test_other_documents_are_left_alone(document: dict[str, Any]) -> None:
    assert not datadog_log.recognises(document)


def test_attributes_of_a_known_shape_have_its_fields_too() -> None:
    call = {
        "eventVersion": "1.08",
        "eventSource": "sts.amazonaws.com",
        "eventName": "GetCallerIdentity",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-03-14T11:59:59Z",
        "sourceIPAddress": "203.0.113.9",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333"},
    }
    document = shaped({**ARCHIVED, "source": "cloudtrail", "attributes": call})
    assert values_of(document, "event.dataset") == ["aws.cloudtrail"]
    assert values_of(document, "source.ip") == ["203.0.113.9"]
    assert values_of(document, "datadog.eventName") == ["GetCallerIdentity"]
    assert values_of(document, "datadog_log.source") == ["cloudtrail"]


# --- events of the Agent ------------------------------------------------------------------------


def wrapped(form: str) -> dict[str, Any]:
    match form:
        case "bare":
            return EXEC
        case "archive":
            return {**ARCHIVED, "attributes": EXEC}
        case "API":
            return {**FROM_API, "attributes": {**BESIDE, "attributes": EXEC}}
        case _:
            return {"id": "AAAA1", "content": {**BESIDE, "attributes": EXEC}}


@pytest.mark.parametrize("form", ["bare", "archive", "API", "export"])
def test_an_event_of_the_agent_is_one_in_every_form(form: str) -> None:
    document = wrapped(form)
    assert datadog_cws.recognises(document)
    found = shaped(document)
    for field, values in {
        "datadog.agent.rule_id": ["bell_rung"],
        "datadog.process.comm": ["ring"],
        "datadog.process.ancestors.comm": ["sh", "init"],
        "secl.exec.comm": ["ring"],
        "process.pid": [21],
        # said in one place only
        "datadog.process.parent.comm": ["sh"],
        "datadog.container.id": ["c0ffee"],
        "datadog.usr.id": ["sexton"],
        "datadog.usr.group": ["church"],
    }.items():
        assert values_of(found, field) == values
    if form != "bare":
        assert values_of(found, "datadog_log.host") == ["web-1"]
        assert values_of(found, "host.name") == ["web-1"]
        assert values_of(found, "datadog_log.tag.env") == ["prod"]


def test_an_event_of_the_agent_says_what_sent_it() -> None:
    assert values_of(shaped(EXEC), "datadog_log.source") == ["runtime-security-agent"]
    assert values_of(shaped(wrapped("archive")), "datadog_log.source") == ["bells"]


def test_an_event_of_the_agent_alone_is_of_one_untold_host() -> None:
    assert values_of(shaped(EXEC), "datadog_log.host") == [""]
    assert values_of(shaped(EXEC), "host.name") == []
    assert values_of(shaped({**ARCHIVED, "host": None}), "datadog_log.host") == []


def test_what_an_event_says_itself_is_not_overwritten() -> None:
    said = copy.deepcopy(EXEC)
    said["process"]["parent"] = {"comm": "cron"}
    said |= {"usr": {"id": "root"}, "container": {"id": "top"}}
    found = shaped(said)
    assert values_of(found, "datadog.process.parent.comm") == ["cron"]
    assert values_of(found, "datadog.usr.id") == ["root"]
    assert values_of(found, "datadog.container.id") == ["top"]
    assert found["datadog"]["process"]["ancestors"] is said["process"]["ancestors"]


def test_the_event_itself_is_not_changed() -> None:
    before = copy.deepcopy(EXEC)
    shaped(EXEC)
    assert before == EXEC


def test_an_event_sent_for_several_rules_is_one_event_in_every_form() -> None:
    def of(rule: str, form: str) -> bytes:
        document = copy.deepcopy(wrapped(form))
        body = document
        while "evt" not in body:
            body = body.get("attributes") or body["content"]
        body["agent"]["rule_id"] = rule
        return datadog_cws.identity(document)

    for form in ("bare", "archive", "API", "export"):
        assert of("one", form) == of("another", form)
    assert of("one", "archive") == of("one", "API") == of("one", "export")


# --- hostile input ------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["attributes", "content", "evt", "name", "tags", "process", "usr", ""])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted({*ARCHIVED, *FROM_API, *EXPORTED, *SENT, *EXEC}))


@given(st.sampled_from([*FORMS, EXEC]), st.dictionaries(KEYS, JSON, max_size=4), st.booleans())
def test_wrong_types_are_no_crash(
    document: dict[str, Any], changes: dict[str, Any], inside: bool
) -> None:
    document = dict(document)
    if inside and isinstance(document.get("attributes"), dict):
        document["attributes"] = {**document["attributes"], **changes}
    else:
        document |= changes
    for shape in (datadog_cws, datadog_log):
        if shape.recognises(document):
            found = shape.to_ecs(document)
            assert isinstance(found["datadog"], dict)
            assert isinstance(found["datadog_log"], dict)
            assert isinstance(shape.identity(document), bytes)


def test_of_very_many_tags_some_are_kept() -> None:
    found = shaped({**ARCHIVED, "tags": [f"k{number}:v" for number in range(5_000)]})
    assert len(found["datadog_log"]["tag"]) == 1_000
    written = shaped({**SENT, "ddtags": ",".join(["k:v"] * 5_000)})
    assert len(written["datadog_log"]["tags"]) == 1_000
