"""Alerts as lines of JSON: Tocsin's own form, Elastic's alert documents, OCSF findings."""

from __future__ import annotations

from typing import Any, BinaryIO, Literal

import msgspec

from tocsin.alerts.model import Alert

Form = Literal["ndjson", "ecs", "ocsf"]
FORMS: tuple[Form, ...] = ("ndjson", "ecs", "ocsf")


class Lines:
    """Writes each alert at once: a line, or several where the form has several documents for it.

    Args:
        stream: where to.
        form: which of the forms.
    """

    def __init__(self, stream: BinaryIO, form: Form) -> None:
        self._stream = stream
        self._form = form

    def write(self, alert: Alert) -> None:
        """Takes an alert."""
        for document in rendered(alert, self._form):
            self._stream.write(msgspec.json.encode(document) + b"\n")


def rendered(alert: Alert, form: Form) -> list[Any]:
    """The alert's documents in a form, ready for JSON."""
    match form:
        case "ndjson":
            return [alert]
        case "ecs":
            from tocsin.alerts.ecs import ecs_documents

            return list(ecs_documents(alert))
        case "ocsf":
            from tocsin.alerts.ocsf import ocsf_finding

            return [ocsf_finding(alert)]


class Held:
    """Holds alerts for whoever wants them in order of time.

    Args:
        most: how many are held at the most; the others are counted only.
        whole: up to how many are held with their events and evidence; where there are more, none.
    """

    def __init__(self, most: int, whole: int) -> None:
        self._most = most
        self._whole = whole
        self._alerts: list[Alert] = []
        self.left_out = 0

    def write(self, alert: Alert) -> None:
        """Takes an alert."""
        if len(self._alerts) < self._most:
            self._alerts.append(alert)
            if len(self._alerts) > self._whole:
                begin = -1 if len(self._alerts) > self._whole + 1 else 0
                self._alerts[begin:] = [
                    msgspec.structs.replace(held, events=(), evidence=())
                    for held in self._alerts[begin:]
                ]
        else:
            self.left_out += 1

    def in_order(self) -> list[Alert]:
        """The alerts by time."""
        return sorted(self._alerts, key=lambda alert: (alert.time, alert.rule.name, alert.id))
