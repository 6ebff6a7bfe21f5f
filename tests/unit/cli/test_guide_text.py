from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.unit.alerts.made import GUIDE

from tocsin.cli.guide_text import first_steps, guide_page


def test_the_first_steps_are_those_under_the_heading_that_promises_them():
    assert first_steps(GUIDE) == [
        "Look at process.executable and its parents: is it an agent that belongs here, or a shell that somebody opened by hand?",
        "Ask the owner of the host.",
        "Search the cloud's audit log for the role.",
    ]


@pytest.mark.parametrize(
    ("guide", "steps"),
    [
        ("", []),
        ("Just a sentence.\n\nAnother.", ["Just a sentence."]),
        ("## Goal\n\nFind it.\n\n## Triage & Response\n\n1. One.\n2. Two.\n", ["One.", "Two."]),
        ("### False positives\n- no\n### Possible investigation steps\n* yes\n", ["yes"]),
        ("### Investigation steps\n- a\n  - detail of a\n- b\n", ["a", "b"]),
        ("## Triage\n- a\n!{investigate{}}\n- b\n", ["a", "b"]),
        ("## Triage\n```\n- no step\n```\n- a step\n", ["a step"]),
        ("- an item without a heading\n", ["an item without a heading"]),
        ("## Triage\n- \x1b[2J**loud** `code` [link](http://x)\n", ["\\x1b[2Jloud code link"]),
    ],
)
def test_first_steps(guide, steps):
    assert first_steps(guide) == steps


def test_all_of_a_guide_is_shown_and_none_of_it_obeyed():
    guide = (
        "# Title \x1b[2J\n\n[good](https://example.com/a) [bad](javascript:x)\n\n"
        "<script>alert(1)</script>\n\n```sh\nrm -rf \u202e x\n```\n!{osquery{}}\n\n![img](http://x/y)\n"
    )
    screen = io.StringIO()
    Console(file=screen, width=80, force_terminal=True).print(guide_page(guide))
    shown = screen.getvalue()
    assert "\\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]8" not in shown  # no link that is not what it says
    assert "\u202e" not in shown
    assert "https://example.com/a" in shown
    assert "<script>alert(1)</script>" in shown
    assert "osquery" not in shown
