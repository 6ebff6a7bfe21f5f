"""Indicators of threats, so that the rules that look for them have something to do."""

from __future__ import annotations

import random
from typing import Any

COUNT = 10_000
DAY = "2026-11-13T00:00:00.000Z"


def indicators() -> list[dict[str, Any]]:
    """Addresses, hashes, URLs and registry paths that no event has, in ECS."""
    draw = random.Random(7)
    return [_document(draw, number) for number in range(COUNT)]


def _document(draw: random.Random, number: int) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [
        {"type": "ipv4-addr", "ip": f"203.0.113.{draw.randrange(250)}"},
        {"type": "file", "file": {"hash": {"sha256": f"{draw.getrandbits(256):064x}"}}},
        {"type": "url", "url": {"full": f"http://{draw.getrandbits(48):012x}.example.net/a"}},
        {"type": "windows-registry-key",
         "registry": {"path": f"HKLM\\SOFTWARE\\{draw.getrandbits(48):012x}"}},
    ]  # fmt: skip
    return {
        "@timestamp": DAY,
        "event": {"kind": "enrichment", "category": ["threat"], "type": ["indicator"],
                  "dataset": "ti_example.indicator", "module": "ti_example"},
        "threat": {"indicator": kinds[number % len(kinds)]},
    }  # fmt: skip
