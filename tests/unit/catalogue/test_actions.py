"""What Agent rules do when they match, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.catalogue.actions import actions_of
from tocsin.rules.load import load_rules


@pytest.mark.parametrize(
    "action, line",
    [
        ("set: {name: n, value: 5}", "sets ${n} to 5"),
        (
            "set: {name: n, field: process.comm, scope: process, inherited: true, ttl: 90s}",
            "sets ${process.n} to process.comm, for 90s, inherited",
        ),
        (
            "set: {name: n, field: exec.args, append: true, scope: cgroup, ttl: 1h, size: 3}",
            "adds exec.args to ${cgroup.n}, each for 1h, at most 3",
        ),
        (
            "set: {name: n, value: a, scope: process, scope_field: process.ppid}",
            'sets ${process.n} to "a", of the process process.ppid',
        ),
        (
            "set: {name: n, expression: 'process.pid + 1', default_value: 0}",
            "sets ${n} to what is worked out",
        ),
        (
            (
                'filter: process.pid != 0 && (exec.comm == "" || exec.uid in [0, 1])\n'
                "        kill: {signal: SIGKILL}"
            ),
            (
                "asks for kill (signal SIGKILL), "
                'if process.pid != 0 and (exec.comm == "" or exec.uid in (0, 1))'
            ),
        ),
    ],
)
def test_an_action_is_a_line(tmp_path: Path, action: str, line: str) -> None:
    policy = tmp_path / "tower.policy"
    policy.write_text(
        f"rules:\n  - id: a\n    expression: exec.uid == 0\n    actions:\n      - {action}\n"
    )
    (rule,) = load_rules([policy]).rules
    assert actions_of(rule) == (line,)


def test_a_limit_is_told_and_a_plain_rule_does_nothing(tmp_path: Path) -> None:
    policy = tmp_path / "tower.policy"
    policy.write_text(
        "rules: [{id: a, expression: exec.uid == 0, every: 10m}, {id: b, expression: exec.uid == 1}]"
    )
    seldom, plain = load_rules([policy]).rules
    assert actions_of(seldom) == ("rings once in 10m at most",)
    assert actions_of(plain) == ()
