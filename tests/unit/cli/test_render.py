from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from tests.unit.alerts.made import (
    DOCUMENT,
    a_met_indicator,
    a_rule,
    a_sequence,
    a_suppressed,
    a_threshold,
    an_alert,
    an_event,
    some_evidence,
)

from tocsin.cli.render import alert_panel, alert_table
from tocsin.engine.match import Evidence

EVIL = "\x1b[2J\x1b]0;owned\x07[bold]not markup[/] \u202e:warning:\r\n"


def screen(width: int = 80, **options: object) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False, **options)  # type: ignore[arg-type]


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def two_events():
    return an_alert(
        rule=a_rule(severity="critical", risk_score=99),
        events=(an_event(1), an_event(2, received=True)),
        evidence=(*some_evidence("event-1")[:2], *some_evidence("event-2")[2:4]),
        new_terms=(("host.id", "i-0a1b2c3d"), ("process.executable", "/usr/bin/curl")),
    )


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("guide", ["short", "full", "none"])
def test_panel(golden, width, guide):
    console = screen(width)
    alert_panel(an_alert(), console, guide=guide)
    if guide != "full":
        alert_panel(two_events(), console, guide=guide)
    golden(f"cli/alert_{guide}_{width}.txt", text_of(console))


@pytest.mark.parametrize("width", [80, 120])
def test_what_the_types_of_rules_have_to_say_besides(golden, width):
    console = screen(width)
    for alert in (a_sequence(), a_threshold(), a_suppressed(), a_met_indicator()):
        alert_panel(alert, console, guide="none")
    golden(f"cli/alert_details_{width}.txt", text_of(console))


def test_an_alert_that_stands_for_itself_says_nothing_of_others():
    console = screen()
    alert_panel(a_suppressed(0), console)
    assert "like it" not in text_of(console)


@pytest.mark.parametrize("width", [80, 120])
def test_table(golden, width):
    console = screen(width)
    rows = [
        an_alert(),
        two_events(),
        an_alert(
            rule=a_rule(
                severity="informational", name="A rule whose name is so long that it folds"
            ),
            events=(an_event(document={"host": {"name": "a-host-with-a-long-name.example.com"}}),),
        ),
        an_alert(rule=a_rule(severity="low"), events=(an_event(document={}),)),
        an_alert(rule=a_rule(severity="medium")),
    ]
    alert_table(rows, console)
    golden(f"cli/alert_table_{width}.txt", text_of(console))


def test_lines_fit_the_terminal():
    for width in (50, 80, 100, 120):
        console = screen(width)
        for alert in (two_events(), a_threshold(), a_suppressed(), a_met_indicator()):
            alert_panel(alert, console, guide="full")
        alert_table([two_events()], console)
        assert max(map(len, text_of(console).splitlines())) <= width


def test_a_severity_is_a_word_and_a_colour():
    console = screen(force_terminal=True, color_system="truecolor")
    alert_panel(an_alert(), console)
    alert_table([an_alert()], console)
    shown = text_of(console)
    assert re.search(r"\x1b\[[0-9;]*m HIGH ", shown)
    assert re.search(r"\x1b\[[0-9;]*mhigh", shown)


def test_nothing_of_a_rule_or_an_event_is_obeyed():
    document = {
        **DOCUMENT,
        "host": {"name": EVIL, "id": EVIL},
        "process": {"name": EVIL, "command_line": EVIL, "parent": {"name": EVIL}},
        "user": {"name": EVIL},
    }
    alert = an_alert(
        rule=a_rule(name=EVIL, guide=EVIL, references=(EVIL,), path=EVIL, author=(EVIL,)),
        events=(an_event(document=document, source=EVIL, position=EVIL, id=EVIL),),
        evidence=(Evidence(EVIL, EVIL, EVIL, EVIL, EVIL),),
        new_terms=((EVIL, EVIL),),
        details={
            "joined_by": [{"field": EVIL, "value": EVIL}],
            "threshold_result": {
                "terms": [{"field": EVIL, "value": EVIL}], "count": 1, "from": EVIL,
                "cardinality": [{"field": EVIL, "value": 2}],
            },
            "threat": {"enrichments": [{
                "indicator": {"type": EVIL, "provider": EVIL, "name": [EVIL]},
                "matched": {"atomic": EVIL, "field": EVIL},
            }]},
            "suppression": {"terms": [], "end": EVIL, "docs_count": 1},
            "variables": {EVIL: [EVIL, 1], "process.x": EVIL},
            "responses": [{"action": EVIL, EVIL: EVIL}],
            "correlation": {
                "type": EVIL, "value": 2, "count": 5, "timespan": EVIL, "condition": EVIL,
                "matched": [{"rule": EVIL, "count": 5}],
            },
        },
    )  # fmt: skip
    console = screen()
    for guide in ("short", "full", "none"):
        alert_panel(alert, console, guide=guide)  # type: ignore[arg-type]
    alert_table([alert], console)
    shown = text_of(console)
    assert set(re.findall(r"[\x00-\x1f\x7f-\x9f\u202e]", shown)) == {"\n"}
    assert "[bold]not markup[/]" in shown.replace("\n", "").replace(" " * 10, "")
    assert "⚠" not in shown


def test_long_values_are_cut_unless_all_is_asked_for():
    alert = an_alert(evidence=(Evidence("event-1", "x", ":", "*", "y" * 2_000),))
    short, full = screen(), screen()
    alert_panel(alert, short)
    alert_panel(alert, full, guide="full")
    assert "(2,000" in text_of(short)
    assert text_of(full).count("y") > 2_000


def test_a_terminal_without_unicode_gets_ascii_arrows():
    class Ascii(io.StringIO):
        encoding = "ascii"

    console = Console(file=Ascii(), width=80)
    alert_panel(an_alert(), console, guide="none")
    assert "destination.ip == 169.254.169.254  <-  169.254.169.254" in text_of(console)


def test_a_long_step_is_cut_at_a_sentence():
    guide = f"## Triage\n- Look at it. {'And think well. ' * 20}\n- {'word ' * 80}\n"
    console = screen(120)
    alert_panel(an_alert(rule=a_rule(guide=guide)), console)
    steps = text_of(console).partition("to do")[2].partition("id ")[0]
    assert "And think well.\n" in steps
    assert "word …\n" in steps
    assert len(steps) < 500


def test_an_empty_text_is_visible():
    console = screen()
    alert_panel(an_alert(evidence=(Evidence("event-1", "tty", "!=", "", "pts1"),)), console)
    assert 'tty != ""  ←  pts1' in text_of(console)


def test_what_was_remembered_counted_and_asked_for_is_told() -> None:
    alert = an_alert(
        details={
            "variables": {"cgroup.count": 3, "process.seen": ["a", "b"]},
            "responses": [{"action": "kill", "signal": "SIGKILL"}],
            "correlation": {
                "type": "value_count", "value": 3, "count": 1_200, "timespan": "10m",
                "condition": "gte 3", "matched": [{"rule": "failed", "count": 1_200}],
            },
        },
    )  # fmt: skip
    console = screen(100)
    alert_panel(alert, console)
    shown = text_of(console)
    assert "1,200 events, value_count 3 within 10m (rings at: gte 3)" in shown
    assert "1,200 × failed" in shown
    assert "${cgroup.count} = 3" in shown
    assert "${process.seen} = a, b" in shown
    assert "the policy asks for kill (signal SIGKILL)" in shown
