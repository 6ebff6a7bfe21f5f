"""Which rule sees which event."""

from __future__ import annotations

import pytest

from tocsin.rules.index import FIELDS, Origin, origin_of, sees

NETWORK = Origin(type="logs", dataset="endpoint.events.network", namespace="default")
BACKING = Origin(index=".ds-logs-endpoint.events.process-prod-2026.01.01-000001")
WINLOGBEAT = Origin(event_dataset="system.security", agent_type="winlogbeat")
PACKETBEAT = Origin(event_dataset="http", agent_type="packetbeat")
BEAT_ALONE = Origin(agent_type="packetbeat")
OKTA = Origin(event_dataset="okta.system")
AGENT = Origin(dataset="system.auth", event_dataset="system.auth", agent_type="filebeat")
REMOTE = Origin(index="cluster-1:logs-okta.system-default")
NOWHERE = Origin()

CASES = [
    (("logs-endpoint.events.network-*",), NETWORK, True),
    (("logs-endpoint.events.*",), NETWORK, True),
    (("logs-endpoint.events.process-*",), NETWORK, False),
    (("logs-endpoint.events.network-prod",), NETWORK, False),
    (("packetbeat-*", "logs-*"), NETWORK, True),
    (("packetbeat-*,logs-*",), NETWORK, True),
    (("logs-*", "-logs-endpoint.*"), NETWORK, False),
    (("-logs-endpoint.*", "logs-*"), NETWORK, True),
    (("logs-*", "-logs-okta*"), NETWORK, True),
    (("*:logs-*",), NETWORK, True),
    (("logs-*", "*:-logs-endpoint*"), NETWORK, False),
    (("_all",), NETWORK, True),
    (("*",), NETWORK, True),
    (("LOGS-*",), NETWORK, False),
    (("logs?endpoint*",), NETWORK, False),
    (("logs-endpoint.events.process-*",), BACKING, True),
    ((".ds-logs-endpoint*",), BACKING, True),
    (("logs-endpoint.events.process-default",), BACKING, False),
    (("winlogbeat-*",), WINLOGBEAT, True),
    (("logs-system.security*",), WINLOGBEAT, True),
    (("filebeat-*",), WINLOGBEAT, False),
    (("packetbeat-*",), PACKETBEAT, True),
    (("logs-http*",), PACKETBEAT, True),
    (("winlogbeat-*",), PACKETBEAT, False),
    (("winlogbeat-*",), BEAT_ALONE, True),
    (("logs-okta*",), OKTA, True),
    (("filebeat-*",), OKTA, False),
    (("filebeat-*",), AGENT, False),
    (("logs-system.auth-*",), AGENT, True),
    (("logs-okta*",), REMOTE, True),
    (("logs-okta*",), NOWHERE, True),
    ((), NETWORK, True),
]


@pytest.mark.parametrize(("patterns", "origin", "seen"), CASES)
def test_sees(patterns: tuple[str, ...], origin: Origin, seen: bool) -> None:
    assert sees(patterns, origin) is seen


def test_the_origin_is_read_from_the_event() -> None:
    event = {
        "_index": "x",
        "data_stream": {"type": "logs", "dataset": "okta.system"},
        "event.dataset": ["okta.system", "other"],
        "agent": {"type": 7},
    }
    assert origin_of(event) == Origin("x", "logs", "okta.system", "", "okta.system", "")
    assert len(FIELDS) == len(Origin.__struct_fields__)
