"""Operating systems: their kinds of event, who makes programs for them, and hosts."""

from __future__ import annotations

import random

from bench.telemetry.words import WORDS, Document, compact, digest

ALL = frozenset({"windows", "linux", "macos"})
FAMILIES = {
    "process": ALL, "network": ALL, "file": ALL, "dns": ALL, "http": ALL,
    "registry": frozenset({"windows"}), "library": frozenset({"windows", "macos"}),
}  # fmt: skip
"""Which operating systems have which kinds of event."""

SYSTEM_FOLDERS = {"windows": "C:\\Windows\\System32", "linux": "/usr/bin", "macos": "/usr/bin"}
SERVICES_OF = {
    "windows": ("SYSTEM", "C:\\Windows\\System32\\services.exe", "C:\\Windows\\explorer.exe"),
    "linux": ("app", "/usr/lib/systemd/systemd", "/usr/bin/bash"),
    "macos": ("root", "/sbin/launchd", "/sbin/launchd"),
}
"""As whom services run, what starts them, and what starts the programs that people use."""

VENDORS = {
    "windows": (
        (80, "C:\\Program Files\\{Word}\\{Word}\\{Word}{Word}.exe"),
        (20, "C:\\Program Files (x86)\\{Word} {Word}\\{Word}.exe"),
        (20, "C:\\Users\\{person}\\AppData\\Local\\Programs\\{Word}{Word}\\{Word}.exe"),
        (10, "C:\\ProgramData\\{Word}\\{Word}\\bin\\{Word}{Word}.exe"),
    ),
    "linux": (
        (70, "/opt/{word}/bin/{word}-{word}"), (15, "/usr/local/bin/{word}{word}"),
        (5, "/home/deploy/{word}/bin/{word}"),
    ),
    "macos": (
        (50, "/Applications/{Word} {Word}.app/Contents/MacOS/{Word} {Word}"),
        (8, "/usr/local/bin/{word}-{word}"),
    ),
}  # fmt: skip
"""How many programs of made-up vendors there are, and where."""

SIGNERS: dict[str, tuple[tuple[str, str], ...]] = {
    "windows": (
        ("C:\\Windows\\", "Microsoft Windows"), ("C:\\Program Files\\Google\\", "Google LLC"),
        ("C:\\Program Files\\Git\\", "Johannes Schindelin"),
        ("C:\\Program Files\\Python", "Python Software Foundation"),
        ("C:\\Program Files\\nodejs\\", "OpenJS Foundation"),
        ("C:\\Program Files\\Amazon\\", "Amazon.com Services LLC"),
        ("C:\\Program Files\\Elastic\\", "Elasticsearch, Inc."),
        ("C:\\Program Files\\Microsoft ", "Microsoft Corporation"),
        ("C:\\Program Files (x86)\\Microsoft\\", "Microsoft Corporation"),
        ("C:\\ProgramData\\Microsoft\\", "Microsoft Windows Publisher"),
        ("C:\\Users\\Public\\", ""),
    ),
    "linux": (),
    "macos": (
        ("/Applications/Google", "Developer ID Application: Google LLC (EQHXZ8M8AV)"),
        ("/Library/Elastic/", "Developer ID Application: Elasticsearch, Inc (2BT3HPN62Z)"),
        ("/Applications/", "Developer ID Application: Example Software Publisher (EXAMPLE001)"),
        ("/usr/local/", ""), ("/opt/", ""), ("/", "Software Signing"),
    ),
}  # fmt: skip
"""Who signs what lies where; empty: nobody. On Windows the vendors' own names sign the rest."""

OPERATING_SYSTEMS: dict[str, Document] = {
    "windows": {"type": "windows", "family": "windows", "name": "Windows", "platform": "windows",
                "version": "2022 (10.0.20348.2849)", "kernel": "2022 (10.0.20348.2849)",
                "full": "Windows Server 2022 Datacenter 21H2",
                "Ext": {"variant": "Windows Server 2022 Datacenter"}},
    "linux": {"type": "linux", "family": "debian", "name": "Linux", "platform": "ubuntu",
              "version": "24.04.1", "kernel": "6.8.0-49-generic #49-Ubuntu SMP PREEMPT_DYNAMIC",
              "full": "Ubuntu 24.04.1", "Ext": {"variant": "Ubuntu"}},
    "macos": {"type": "macos", "family": "macos", "name": "macOS", "platform": "macos",
              "version": "26.1", "kernel": "25.1.0", "full": "macOS 26.1",
              "Ext": {"variant": "macOS"}},
}  # fmt: skip


def host(system: str, number: int, draw: random.Random) -> str:
    """What every event of a host begins with, rendered."""
    name = f"{system[:3]}-{draw.choice(WORDS)}-{number:03d}"
    key = digest("host", name)
    addresses = [f"10.{draw.randrange(9)}.{draw.randrange(250)}.{draw.randrange(250)}"
                 for _ in range(2)]  # fmt: skip
    document = {
        "agent": {"id": f"{key[:8]}-{key[8:12]}-4{key[13:16]}-9{key[17:20]}-{key[20:32]}",
                  "type": "endpoint", "version": "9.2.1",
                  "build": {"original": "version: 9.2.1, compiled: Tue Oct 14 20:00:00 2026"}},
        "ecs": {"version": "8.17.0"},
        "host": {
            "id": digest("id", name)[:32], "name": name, "hostname": name,
            "architecture": draw.choice(["x86_64", "x86_64", "x86_64", "arm64"]),
            "ip": [*addresses, "127.0.0.1", "::1", "fe80::1c2d:3e4f:5a6b:7c8d"],
            "mac": [f"02-{key[:2]}-{key[2:4]}-{key[4:6]}-{key[6:8]}-{key[8:10]}"],
            "os": OPERATING_SYSTEMS[system],
        },
        "cloud": {"provider": "aws", "instance": {"id": f"i-0{key[16:32]}"}},
    }  # fmt: skip
    return compact(document)[1:-1] + ","
