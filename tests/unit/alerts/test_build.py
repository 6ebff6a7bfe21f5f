from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.alerts.made import DOCUMENT, FOUND, START, a_match, a_rule, an_alert, an_event

from tocsin.alerts import build
from tocsin.alerts.build import alert_of, nested
from tocsin.alerts.model import Alert
from tocsin.engine.match import Evidence


def test_times_are_rfc_3339():
    alert = an_alert()
    assert alert.time == "2026-03-01T10:00:01.000Z"
    assert alert.detected_at == "2026-03-01T10:01:40.000Z"
    assert alert.events[0].time == alert.time


def test_host_process_and_user_are_those_of_the_last_event():
    other = {**DOCUMENT, "host": {"name": "db-1"}, "user.name": "root", "user": {"id": "0"}}
    alert = an_alert(events=(an_event(1), an_event(2, document=other)))
    assert alert.host == {"name": "db-1"}
    assert alert.user == {"id": "0", "name": "root"}
    assert alert.process["parent"] == {"pid": 2101, "name": "bash", "executable": "/usr/bin/bash"}


@pytest.mark.parametrize(
    "document",
    [
        {"host": {"id": "h", "os": {"type": "linux"}}},
        {"host.id": "h", "host.os.type": "linux"},
        {"host.os": {"type": "linux"}, "host": {"id": "h"}},
        {"host": [{"id": "h", "os.type": "linux"}]},
        {"host": {"id": "h"}, "host.os.type": "linux", "host.nonsense": 1},
    ],
)
def test_objects_are_collected_from_nested_and_dotted_documents(document):
    assert an_alert(events=(an_event(document=document),)).host == {
        "id": "h",
        "os": {"type": "linux"},
    }


@pytest.mark.parametrize("document", [{}, {"host": "web-1", "process": 7, "user": None}])
def test_an_event_without_the_objects_makes_an_alert_without_them(document):
    alert = an_alert(events=(an_event(document=document),))
    assert (alert.host, alert.process, alert.user) == ({}, {}, {})


def test_secrets_are_gone_from_all_of_the_alert():
    document = {
        "process.args": ["curl", "-H", "Authorization: Bearer abc0123456789"],
        "imds": {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "hush", "Token": "hush"},
        "process.command_line": "mysql --password=hush",
    }
    alert = an_alert(
        events=(an_event(document=document, source="https://bob:hush@bucket/x.ndjson"),),
        evidence=(
            Evidence("event-1", "process.command_line", ":", "*", "x --token hush"),
            Evidence("event-1", "imds.Token", ":", "*", "hush"),
        ),
        new_terms=(("process.command_line", "mysql --password hush"),),
    )
    text = msgspec.json.encode(alert).decode()
    assert "hush" not in text
    assert "abc0123456789" not in text
    assert "ASIAEXAMPLE" in text


def test_an_argument_that_is_a_secret_beside_its_flag_is_none_of_the_evidence():
    document = {"process": {"name": "app", "args": ["app", "--token", "hush", "-u", "bell"]}}
    alert = an_alert(
        events=(an_event(document=document),),
        evidence=tuple(
            Evidence("event-1", "process.args", ":", "*", value) for value in ("hush", "bell")
        ),
        new_terms=(("process.args", "hush"),),
    )
    assert [e.value for e in alert.evidence] == ["[redacted]", "bell"]
    assert [term.value for term in alert.new_terms] == ["[redacted]"]


def test_the_documents_of_the_match_stay_as_they_are():
    match = a_match()
    before = msgspec.json.encode(match.events[0].document)
    alert_of(match, FOUND)
    assert msgspec.json.encode(match.events[0].document) == before


def test_an_event_without_a_time_of_its_own_is_noted():
    assert an_alert().note == ""
    alert = an_alert(events=(an_event(1), an_event(2, received=True)))
    assert alert.note == (
        "the event at line 2 of events.ndjson has no time of its own: "
        "the time at which it was read stands for it"
    )
    both = an_alert(events=(an_event(1, received=True), an_event(2, received=True)))
    assert both.note.startswith("2 of 2 events, first line 1 of events.ndjson, have no time")


def test_the_rule_comes_with_what_an_analyst_needs():
    rule = an_alert().rule
    assert (rule.id, rule.source.vendor, rule.source.file) == (
        "imds-read",
        "elastic",
        "rules/imds_read.toml",
    )
    assert rule.threat[0].tactic is not None
    assert rule.threat[0].tactic.id == "TA0006"
    assert rule.threat[0].technique[0].subtechnique[0].id == "T1552.005"


def test_an_alert_survives_json():
    alert = an_alert(new_terms=(("host.id", "i-1"), ("destination.port", 80)))
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


def test_what_sets_alerts_apart():
    ids = [
        an_alert(),
        an_alert(rule=a_rule(id="other")),
        an_alert(events=(an_event(2),)),
        an_alert(events=(an_event(1), an_event(2))),
        an_alert(events=(an_event(2), an_event(1))),
        an_alert(key="host-1"),
    ]
    assert len({alert.id for alert in ids}) == len(ids)
    assert all(len(a.id) == 32 and set(a.id) <= set("0123456789abcdef") for a in ids)


def test_the_id_of_an_alert_is_what_it_was_in_earlier_versions():
    # A replay must find the alerts that are stored: this text may not change.
    assert an_alert().id == "57c019b8d1841a3a02e6abbf93464cc0"


@given(version=st.text(), name=st.text(), detected=st.integers(START, START * 2), key=st.text())
def test_ids_depend_on_no_version_no_wording_and_no_clock(version, name, detected, key):
    changed = a_match(rule=a_rule(version=version, name=name), key=key)
    assert alert_of(changed, detected).id == alert_of(a_match(key=key), FOUND).id


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=20,
)
_NAMES = st.sampled_from(["host", "host.name", "process", "process.parent", "user", "a.b", "a", ""])


@given(st.dictionaries(_NAMES | st.text(), _JSON))
def test_any_document_makes_an_alert_that_can_be_written(document):
    alert = an_alert(events=(an_event(document=document),))
    msgspec.json.encode(alert)
    nested(alert.events[0].document)


def test_deep_documents_are_cut():
    deep: dict[str, object] = {}
    for _ in range(800):
        deep = {"a": deep}
    alert = an_alert(events=(an_event(document=deep | {".".join("a" * 900): 1}),))
    assert b"nested too deeply" in msgspec.json.encode(alert)
    nested(alert.events[0].document)


_DEEP = _NAMES | st.sampled_from(
    ["os", "os.type", "name", "args", "args.x", "ip", "hash", "x" + ".y" * 60]
)
_OBJECTS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.sampled_from(["", "linux"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_DEEP, below, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(_DEEP | st.sampled_from(["host.os", "host.args.x"]), _OBJECTS, max_size=6))
@example({"host": {"os.type": "linux", "name": "web-1"}})
@example({"process": {"parent": {"hash.md5": "0"}}, "process.name": "ls"})
@example({"process": {"args": {"x.y": 1}}})
@example({"host": [1, {"os": [{"type": "linux"}]}]})
def test_an_object_is_told_as_if_every_name_had_been_taken_apart(document):
    whole = nested(document)
    for name, spec in (("host", build._HOST), ("process", build._PROCESS), ("user", build._USER)):
        told = build._object(document, name, spec)
        expected = build._pick(whole.get(name), spec)
        assert ascii(told) == ascii(expected)


def test_a_document_without_secrets_is_not_copied():
    match = a_match(events=(an_event(1), an_event(2, document={"message": "bell"})))
    alert = alert_of(match, FOUND)
    assert alert.events[0].document is not match.events[0].document
    assert "AQAEAJb0" not in str(alert.events[0].document)
    assert alert.events[1].document is match.events[1].document


def test_alerts_of_one_rule_share_what_is_said_of_it():
    rule = a_rule()
    one, other = an_alert(rule=rule), an_alert(rule=rule, key="other")
    assert one.rule is other.rule
    assert an_alert(rule=a_rule()).rule == one.rule
