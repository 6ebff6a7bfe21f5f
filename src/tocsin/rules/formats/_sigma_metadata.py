"""What a Sigma rule says about itself: severity, ATT&CK, authors, references.

Rules of SigmaHQ stand under the Detection Rule License, which wants author and references kept
with a rule and with what it finds.

Keys: https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tocsin.rules.attack import TACTICS
from tocsin.rules.formats._datadog import threats_of
from tocsin.rules.formats._sigma_documents import SigmaDocument
from tocsin.rules.model import (
    RISK_SCORES,
    SEVERITIES,
    Problem,
    ProblemKind,
    Severity,
    Threat,
    severity_of,
)

STATUSES: Final = ("stable", "test", "experimental", "deprecated", "unsupported")

_KEPT_ELSEWHERE: Final = frozenset({
    "title", "id", "description", "author", "license", "tags", "falsepositives", "references",
    "level", "status", "detection", "correlation", "fields",
})  # fmt: skip

_TACTIC_IDS: Final[dict[str, str]] = {
    **{name.lower().replace(" ", "-"): tactic for tactic, name in TACTICS.items()},
    "stealth": "TA0005",  # what ATT&CK 19 calls it
}
_TECHNIQUE: Final = re.compile(r"t\d{4}(?:\.\d{3})?\Z")
_BETWEEN_AUTHORS: Final = re.compile(r",\s*(?![^()]*\))")


class Metadata:
    """A rule's metadata, and what is wrong with it.

    Args:
        document: the rule.

    Attributes:
        problems: what makes it no rule, or deserves a word.
    """

    def __init__(self, document: SigmaDocument) -> None:
        self.problems: list[Problem] = []
        self._document = document

    def fields(self) -> dict[str, Any]:
        """The fields of a `Rule` that come from metadata."""
        document = self._document
        if not document.text("title"):
            self._problem("invalid", "the rule has no title")
        severity = self._severity()
        tags = self._texts("tags")
        return {
            "id": document.id,
            "name": document.title,
            "vendor": "sigma",
            "path": document.path,
            "language": "sigma",
            "type": document.kind,
            "kind": document.rule_kind,
            "description": document.text("description"),
            "severity": severity,
            "risk_score": RISK_SCORES[severity],
            "author": self._authors(),
            "license": document.text("license"),
            "tags": tags,
            "threat": threat_of(tags),
            "setup": self._definition(),
            "false_positives": self._texts("falsepositives"),
            "references": self._texts("references"),
            "version": document.text("modified") or document.text("date"),
            "maturity": self._status(),
            "investigation_fields": self._texts("fields"),
            "rest": self._rest(),
        }

    def _problem(self, kind: ProblemKind, message: str, *path: object) -> None:
        self.problems.append(
            self._document.problem(kind, f"{self._document.place(*path)}: {message}")
        )

    def _severity(self) -> Severity:
        word = self._document.text("level")
        severity = severity_of(word) if word else "low"
        if severity is None:
            self._problem("invalid", _unknown("level", word, SEVERITIES), "level")
        return severity or "low"

    def _status(self) -> str:
        word = self._document.text("status")
        if word and word not in STATUSES:
            self._problem("warning", _unknown("status", word, STATUSES), "status")
        return word

    def _authors(self) -> tuple[str, ...]:
        value = self._document.values.get("author")
        if isinstance(value, list):
            return self._texts("author")
        text = " ".join(self._document.text("author").split())
        return tuple(name.strip() for name in _BETWEEN_AUTHORS.split(text) if name.strip())

    def _definition(self) -> str:
        """What has to be logged for the rule to see anything."""
        source = self._document.values.get("logsource")
        found = source.get("definition") if isinstance(source, dict) else None
        return found.strip() if isinstance(found, str) else ""

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self._document.values.get(key)
        values = value if isinstance(value, list) else [] if value is None else [value]
        found = [str(v).strip() for v in values if isinstance(v, (str, int, float))]
        if len(found) != len(values):
            self._problem("warning", f"{key} has to be a list of texts", key)
        return tuple(found)

    def _rest(self) -> str:
        """The other keys as JSON."""
        values = self._document.values
        rest = {
            key: values[key]
            for key in sorted(values)
            if key not in _KEPT_ELSEWHERE and values[key] not in (None, [], {}, "")
        }
        try:
            return msgspec.json.encode(rest).decode() if rest else ""
        except (TypeError, ValueError, UnicodeEncodeError, RecursionError):
            return ""


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    known = tuple(known)
    near = difflib.get_close_matches(word.lower()[:40], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
    return f"unknown {what} {word!r}\nhint: {hint}"


def threat_of(tags: Iterable[str]) -> tuple[Threat, ...]:
    """ATT&CK from tags as ``attack.credential-access`` and ``attack.t1552.005``.

    >>> [(t.tactic.id, [x.id for x, _ in t.techniques])
    ...  for t in threat_of(["attack.discovery", "attack.t1082", "car.2016-03-001"])]
    [('TA0007', ['T1082'])]
    """
    found = []
    for tag in tags:
        space, _, name = tag.lower().partition(".")
        if space != "attack":
            continue
        if _TECHNIQUE.match(name):
            found.append(name.upper())
        elif name.replace("_", "-") in _TACTIC_IDS:
            found.append(_TACTIC_IDS[name.replace("_", "-")])
    return threats_of(found)
