"""Words, names and numbers to fill templates with, and JSON to write them down in."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]

WORDS = [
    "audit", "backup", "billing", "cache", "client", "collector", "config", "core", "daily",
    "data", "deploy", "driver", "edge", "event", "export", "feed", "fleet", "gateway", "guard",
    "health", "helper", "host", "image", "import", "index", "inventory", "job", "journal",
    "ledger", "link", "loader", "local", "mail", "manager", "metric", "mirror", "monitor", "node",
    "order", "panel", "patch", "policy", "portal", "print", "probe", "proxy", "queue", "relay",
    "render", "report", "router", "runner", "scan", "search", "sensor", "service", "session",
    "setup", "shell", "signal", "site", "spool", "stage", "store", "stream", "sync", "system",
    "table", "task", "telemetry", "token", "tool", "trace", "update", "upload", "user", "vault",
    "viewer", "watch", "web", "worker",
]  # fmt: skip
PEOPLE = [
    "anna", "ben", "carla", "dora", "emil", "fiona", "georg", "hanna", "igor", "jana", "karl",
    "lena", "mats", "nora", "otto", "paula", "quinn", "rosa", "sven", "tilda",
]  # fmt: skip
SERVICES = [
    "Schedule", "Winmgmt", "BITS", "Appinfo", "ProfSvc", "Themes", "UserManager", "wlidsvc",
    "Dnscache", "LanmanWorkstation", "CryptSvc", "NlaSvc", "WinHttpAutoProxySvc", "EventLog",
    "Dhcp", "lmhosts", "TimeBrokerSvc", "StateRepository", "DiagTrack", "WpnService", "gpsvc",
]  # fmt: skip


def filled(template: str, draw: random.Random) -> str:
    """The template with a fresh value in the place of every ``{name}`` of `VALUES`."""
    return _NAME.sub(
        lambda found: VALUES[found[1]](draw) if found[1] in VALUES else found[0], template
    )


def _base64(draw: random.Random) -> str:
    script = f"Get-{draw.choice(WORDS).title()} -Name {draw.choice(WORDS)}-{draw.randrange(999)}"
    return base64.b64encode(script.encode("utf-16-le")).decode()


def _guid(draw: random.Random) -> str:
    text = f"{draw.getrandbits(128):032X}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _address(draw: random.Random) -> str:
    return f"10.{draw.randrange(9)}.{draw.randrange(250)}.{draw.randrange(1, 250)}"


_NAME = re.compile(r"\{([A-Za-z]\w*)\}")
VALUES: dict[str, Callable[[random.Random], str]] = {
    "word": lambda draw: draw.choice(WORDS),
    "Word": lambda draw: draw.choice(WORDS).title(),
    "person": lambda draw: draw.choice(PEOPLE),
    "Service": lambda draw: draw.choice(SERVICES),
    "n": lambda draw: str(draw.randrange(10_000)),
    "big": lambda draw: str(draw.randrange(10**15, 10**16)),
    "hex": lambda draw: f"{draw.getrandbits(48):012x}",
    "sha": lambda draw: f"{draw.getrandbits(256):064x}",
    "guid": _guid,
    "base64": _base64,
    "address": _address,
    "server": lambda draw: f"{draw.choice(WORDS)}-{draw.randrange(40)}.corp.example.com",
    "url": lambda draw: (
        f"https://{draw.choice(WORDS)}.example.com/{draw.choice(WORDS)}/{draw.randrange(10**5)}"
    ),
    "date": lambda draw: f"2026{draw.randrange(1, 12):02d}{draw.randrange(1, 29):02d}",
}
"""What a template may ask for."""


def base(path: str) -> str:
    """The last part of a path, on any system."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def digest(salt: str, text: str) -> str:
    """64 hexadecimal digits that depend on the text alone."""
    return hashlib.sha256(f"{salt}:{text}".encode()).hexdigest()


def compact(document: Document) -> str:
    """JSON without blanks."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def members(document: Document) -> str:
    """An object's JSON without its braces."""
    return compact(document)[1:-1]


def cumulative(count: int) -> list[float]:
    """Cumulative weights of a long tail: the n-th value comes 1/n^0.7 as often as the first."""
    total, weights = 0.0, []
    for rank in range(1, count + 1):
        total += rank**-0.7
        weights.append(total)
    return weights
