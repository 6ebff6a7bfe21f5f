from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tocsin.rules.attack import (
    TACTICS,
    is_tactic_id,
    is_technique_id,
    reference_of,
    tactic_name,
    technique_name,
)


@pytest.mark.parametrize(
    "attack_id, name",
    [
        ("T1552", "Unsecured Credentials"),
        ("T1552.005", "Cloud Instance Metadata API"),
        ("T1003.008", "/etc/passwd and /etc/shadow"),
        ("T1580", "Cloud Infrastructure Discovery"),
        ("T1055.013", "Process Doppelgänging"),
        ("T1685.001", "Disable or Modify Windows Event Log"),
        ("T1690", "Prevent Command History Logging"),
        ("T9999", None),
        ("", None),
    ],
)
def test_techniques(attack_id: str, name: str | None) -> None:
    assert technique_name(attack_id) == name


def test_tactics_are_fifteen_in_the_order_of_the_matrix() -> None:
    assert len(TACTICS) == 15
    assert next(iter(TACTICS.values())) == "Reconnaissance"
    assert list(TACTICS.values())[-1] == "Impact"
    assert (tactic_name("TA0005"), tactic_name("TA0112")) == (
        "Defense Evasion", "Defense Impairment",
    )  # fmt: skip


@pytest.mark.parametrize("attack_id", ["TA0006", "TA0112"])
def test_a_tactic_id(attack_id: str) -> None:
    assert is_tactic_id(attack_id)
    assert not is_technique_id(attack_id)
    assert reference_of(attack_id) == f"https://attack.mitre.org/tactics/{attack_id}/"


@pytest.mark.parametrize("attack_id", ["T1552", "T1552.005"])
def test_a_technique_id(attack_id: str) -> None:
    assert is_technique_id(attack_id)
    assert not is_tactic_id(attack_id)


@pytest.mark.parametrize("attack_id", ["", "T155", "T1552.", "T1552.05", "t1552", "T1552\n", "TA6"])
def test_no_id_at_all(attack_id: str) -> None:
    assert not is_technique_id(attack_id)
    assert not is_tactic_id(attack_id)
    assert reference_of(attack_id) == ""


def test_names_are_those_that_public_rules_use(shared: Path) -> None:
    """T1547.011 was revoked years ago and stands in two rules still."""
    other = {}
    for file in (shared / "corpora" / "elastic").rglob("*.toml"):
        for threat in tomllib.loads(file.read_text(encoding="utf-8"))["rule"].get("threat", []):
            techniques = threat.get("technique", [])
            subs = [sub for technique in techniques for sub in technique.get("subtechnique", [])]
            for one in (*techniques, *subs):
                if technique_name(one["id"]) != one["name"]:
                    other[one["id"]] = one["name"]
    assert other == {"T1547.011": "Plist Modification"}
