from __future__ import annotations

from pathlib import Path

from tocsin.rules.load import load_rules

RULE = """title: 'A test'
id: 11111111-0000-4000-8000-000000000000
logsource:
  product: linux
detection:
  selection:
    a: b
  condition: selection
"""


def test_a_sigma_rule_is_counted_as_not_supported(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE)
    loaded = load_rules([tmp_path])
    assert loaded.rules == ()
    [problem] = loaded.problems
    assert (problem.kind, problem.rule_kind, problem.name) == ("unsupported", "sigma", "A test")
    assert problem.rule_id == "11111111-0000-4000-8000-000000000000"


def test_other_yaml_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("title: x\nlogsource: y\n")
    assert [problem.kind for problem in load_rules([tmp_path]).problems] == ["warning"]
