"""What a store has to do whatever the database: run on SQLite and on PostgreSQL."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import Connection, Engine, text
from tests.unit.alerts.made import (
    SECOND,
    START,
    a_rule,
    a_suppressed,
    a_threshold,
    an_alert,
    an_event,
)

from tocsin.logic.field_types import date_of
from tocsin.store.alerts import (
    AmbiguousIdError,
    close_alert,
    count_alerts,
    count_by_severity,
    get_alert,
    list_alerts,
    save_alerts,
)
from tocsin.store.positions import delete_position, read_position, write_position
from tocsin.store.state import delete_state, read_state, write_state


def _ids(found):
    return [stored.id for stored in found]


def saving_twice_adds_nothing(connection: Connection) -> None:
    alerts = [an_alert(events=(an_event(n),)) for n in range(1_203)]
    assert save_alerts(connection, alerts) == 1_203
    assert save_alerts(connection, alerts) == 0
    more = an_alert(events=(an_event(5_000),))
    assert save_alerts(connection, [alerts[3], more, more]) == 1
    assert count_alerts(connection) == 1_204


def an_alert_comes_back_as_it_was(connection: Connection) -> None:
    alert = an_alert(
        events=(an_event(document={"odd": "nul \0 and \ud800 and é", "n": 2**70}),),
        new_terms=(("host.id", "x"), ("destination.port", 80)),
    )
    save_alerts(connection, [alert])
    stored = get_alert(connection, alert.id)
    assert stored is not None
    assert stored.alert == alert
    assert (stored.status, stored.host, stored.time) == ("open", "", START + SECOND)


def an_alert_that_counts_more_is_brought_up_to_date(connection: Connection) -> None:
    for few, many in (
        (a_suppressed(3), a_suppressed(5)),
        (a_suppressed(3, 50, key="b"), a_suppressed(3, 55, key="b")),
        (a_threshold(12), a_threshold(13, fired=START + 45 * SECOND)),
    ):
        later = msgspec.structs.replace(many, detected_at="2026-03-02T00:00:00.000Z")
        assert save_alerts(connection, [few]) == 1
        assert close_alert(connection, few.id, "a test", START)
        assert save_alerts(connection, [few, later, few]) == 0
        stored = get_alert(connection, few.id)
        assert stored is not None
        assert stored.alert == many
        assert stored.time == date_of(many.time)
        assert stored.detected_at == date_of(few.detected_at)
        assert (stored.status, stored.closed_at, stored.closed_reason) == (
            "closed", START, "a test",
        )  # fmt: skip


def an_alert_that_counts_no_more_stays_as_it_is(connection: Connection) -> None:
    for many, fewer in ((a_suppressed(5), a_suppressed(3)), (a_threshold(13), a_threshold(12))):
        assert save_alerts(connection, [many]) == 1
        before = get_alert(connection, many.id)
        again = msgspec.structs.replace(many, detected_at="2026-03-02T00:00:00.000Z")
        assert save_alerts(connection, [again, fewer]) == 0
        assert get_alert(connection, many.id) == before
    plain = an_alert()
    save_alerts(connection, [plain])
    before = get_alert(connection, plain.id)
    changed = msgspec.structs.replace(plain, details={"joined_by": []}, note="another")
    assert save_alerts(connection, [changed]) == 0
    assert get_alert(connection, plain.id) == before


def of_alerts_that_are_saved_together_the_largest_counts(connection: Connection) -> None:
    assert save_alerts(connection, [a_suppressed(3), a_suppressed(5), a_suppressed(4)]) == 1
    stored = get_alert(connection, a_suppressed().id)
    assert stored is not None
    assert stored.alert == a_suppressed(5)


def a_host_and_a_rule_may_have_any_name(connection: Connection) -> None:
    name = "a\0b" + "x" * 9_000
    alert = an_alert(rule=a_rule(name=name), events=(an_event(document={"host": {"name": name}}),))
    assert save_alerts(connection, [alert]) == 1
    assert _ids(list_alerts(connection, host=name)) == [alert.id]


def alerts_are_found_by_what_they_are(connection: Connection) -> None:
    low = an_alert(rule=a_rule(id="r-low", name="Something 100% odd", severity="low"))
    high = an_alert(events=(an_event(2),))
    worst = an_alert(
        rule=a_rule(id="r-worst", severity="critical"),
        events=(an_event(3, document={"host": {"hostname": "DB-1"}}),),
    )
    save_alerts(connection, [low, high, worst])
    find = list_alerts
    assert _ids(find(connection)) == [worst.id, high.id, low.id]
    assert _ids(find(connection, limit=2)) == [worst.id, high.id]
    assert _ids(find(connection, severity_at_least="high")) == [worst.id, high.id]
    assert _ids(find(connection, rule="r-low")) == [low.id]
    assert _ids(find(connection, rule="METADATA")) == [worst.id, high.id]
    assert _ids(find(connection, rule="100%")) == [low.id]
    assert _ids(find(connection, rule="%")) == [low.id]
    assert _ids(find(connection, host="db-1")) == [worst.id]
    assert _ids(find(connection, host="db")) == []
    assert _ids(find(connection, since=START + 2 * SECOND)) == [worst.id, high.id]
    assert _ids(find(connection, until=START + 2 * SECOND)) == [low.id]
    assert count_alerts(connection, severity_at_least="high", rule="metadata") == 2
    assert count_by_severity(connection) == {
        "critical": 1, "high": 1, "medium": 0, "low": 1, "informational": 0,
    }  # fmt: skip


def closing_twice_changes_nothing(connection: Connection) -> None:
    alert = an_alert()
    save_alerts(connection, [alert])
    assert close_alert(connection, alert.id, "a test", START)
    assert not close_alert(connection, alert.id, "another", START + 1)
    assert not close_alert(connection, "0" * 32, "", START)
    stored = get_alert(connection, alert.id)
    assert stored is not None
    assert (stored.status, stored.closed_at, stored.closed_reason) == ("closed", START, "a test")
    assert _ids(list_alerts(connection, status="open")) == []
    assert _ids(list_alerts(connection, status="closed")) == [alert.id]
    assert save_alerts(connection, [alert]) == 0
    assert count_alerts(connection, status="closed") == 1


def an_id_may_be_shortened(connection: Connection) -> None:
    alerts = [an_alert(events=(an_event(n),)) for n in range(40)]
    save_alerts(connection, alerts)
    one = alerts[0].id
    found = get_alert(connection, one[:12].upper())
    assert found is not None
    assert found.id == one
    first = next(c for c in "0123456789abcdef" if sum(a.id[0] == c for a in alerts) > 1)
    with pytest.raises(AmbiguousIdError) as caught:
        get_alert(connection, first)
    assert set(caught.value.candidates) <= {a.id for a in alerts if a.id[0] == first}
    assert len(caught.value.candidates) > 1
    for nothing in ("", "  ", "%", "_", "zz", "0" * 32):
        assert get_alert(connection, nothing) is None


def state_is_what_was_written_last(connection: Connection) -> None:
    keys = {f"key-{n}": bytes([n % 256]) for n in range(2_500)}
    odd = {"a\0b": b"\0\xff", "": b"", "\ud800": b"1", "x" * 10_000: b"2"}
    write_state(connection, "one", keys | odd, time=7)
    write_state(connection, "two", {"key-1": b"other"})
    assert read_state(connection, "one") == keys | odd
    write_state(connection, "one", {"key-1": None, "nowhere": None, "a\0b": b"new"})
    write_state(connection, "one", dict.fromkeys(f"key-{n}" for n in range(2, 2_500)))
    assert read_state(connection, "one") == {"key-0": b"\0", **odd, "a\0b": b"new"}
    assert read_state(connection, "two") == {"key-1": b"other"}
    delete_state(connection, "one")
    assert read_state(connection, "one") == {}
    assert read_state(connection, "two") == {"key-1": b"other"}


def positions_are_what_was_written_last(connection: Connection) -> None:
    assert read_position(connection, "file:a") is None
    write_position(connection, "file:a", "1")
    write_position(connection, "file:a", "2")
    write_position(connection, "file:b", "é")
    assert read_position(connection, "file:a") == "2"
    assert read_position(connection, "file:b") == "é"
    delete_position(connection, "file:a")
    assert read_position(connection, "file:a") is None


CHECKS = [
    saving_twice_adds_nothing,
    an_alert_comes_back_as_it_was,
    an_alert_that_counts_more_is_brought_up_to_date,
    an_alert_that_counts_no_more_stays_as_it_is,
    of_alerts_that_are_saved_together_the_largest_counts,
    a_host_and_a_rule_may_have_any_name,
    alerts_are_found_by_what_they_are,
    closing_twice_changes_nothing,
    an_id_may_be_shortened,
    state_is_what_was_written_last,
    positions_are_what_was_written_last,
]


def what_belongs_together_is_written_together(engine: Engine) -> None:
    def write_and_fail() -> None:
        with engine.begin() as connection:
            save_alerts(connection, [an_alert()])
            write_state(connection, "one", {"a": b"1"})
            write_position(connection, "file", "9")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with engine.connect() as connection:
        assert count_alerts(connection) == 0
        assert read_state(connection, "one") == {}
        assert read_position(connection, "file") is None
        assert connection.execute(text("SELECT count(*) FROM meta")).scalar() == 0
