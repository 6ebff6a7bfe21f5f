"""What an alert is: a match as it is printed, stored and sent.

The field names are those of ``tocsin scan --format ndjson``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin.logic.field_types import Scalar
from tocsin.rules.model import Severity


class AlertSource(msgspec.Struct, frozen=True):
    """Where a rule comes from."""

    vendor: str
    file: str


class AlertTechnique(msgspec.Struct, frozen=True):
    """A name in ATT&CK; `subtechnique` lists the sub-techniques of a technique."""

    id: str
    name: str = ""
    reference: str = ""
    subtechnique: tuple[AlertTechnique, ...] = ()


class AlertThreat(msgspec.Struct, frozen=True):
    """A tactic with its techniques, in ECS's shape."""

    framework: str
    tactic: AlertTechnique | None = None
    technique: tuple[AlertTechnique, ...] = ()


class Overridden(msgspec.Struct, frozen=True):
    """What a rule says itself and its events said otherwise; see `alerts.overrides`."""

    name: str
    severity: Severity
    risk_score: int


class AlertRule(msgspec.Struct, frozen=True):
    """The rule that fired, with all that an analyst needs of it.

    Attributes:
        name: as the alert has it; an event may have given it another one.
        building_block: its alerts are material for other rules rather than for people.
        overridden: its own name, severity and risk score, where the alert has others.
    """

    id: str
    name: str
    source: AlertSource
    language: str
    type: str
    author: tuple[str, ...] = ()
    license: str = ""
    tags: tuple[str, ...] = ()
    threat: tuple[AlertThreat, ...] = ()
    guide: str = ""
    false_positives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    description: str = ""
    building_block: bool = False
    overridden: Overridden | None = None


class EventSource(msgspec.Struct, frozen=True):
    """Where an event stands."""

    file: str
    position: str


class AlertEvent(msgspec.Struct, frozen=True):
    """An event that made the rule fire; `document` is the event as rules see it."""

    id: str
    time: str
    source: EventSource
    document: dict[str, Any]


class AlertEvidence(msgspec.Struct, frozen=True):
    """A leaf of the rule that held; see `engine.match.Evidence`."""

    event: str
    field: str
    operator: str
    pattern: str
    value: Scalar | None


class NewTerm(msgspec.Struct, frozen=True):
    """A field and the value that had not been seen in it."""

    field: str
    value: Scalar


class Alert(msgspec.Struct, frozen=True, omit_defaults=False):
    """A match with everything that explains it.

    Attributes:
        id: a hash of the rule's id and of what fired it, the same in every run.
        time: when it happened (RFC 3339, UTC).
        detected_at: when Tocsin found it.
        host, process, user: ECS objects of the last event, as far as it has them.
        details: what the rule's type has to say besides: ``threshold`` and ``threshold_result``,
            the ``suppression``, the key that a sequence is ``joined_by``, the indicators of threats
            that the event met (``threat.enrichments``), the ``variables`` that an Agent rule read
            and the ``responses`` that its policy asks for, what a ``correlation`` asked for and
            counted.
        note: what a reader must know of this alert's making, such as an event without a time.
    """

    id: str
    time: str
    detected_at: str
    rule: AlertRule
    severity: Severity
    risk_score: int
    host: dict[str, Any]
    process: dict[str, Any]
    user: dict[str, Any]
    events: tuple[AlertEvent, ...]
    evidence: tuple[AlertEvidence, ...]
    new_terms: tuple[NewTerm, ...] = ()
    note: str = ""
    details: dict[str, Any] = {}
