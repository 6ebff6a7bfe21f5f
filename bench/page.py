"""docs/benchmarks.md: what is written between its markers, and on what machine it was measured."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
LIBRARIES = ("orjson", "msgspec", "hyperscan", "google-re2", "numpy", "pyarrow")


def machine() -> str:
    """The machine and what runs on it, in a line."""
    libraries = []
    for name in LIBRARIES:
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            libraries.append(f"no {name}")
    today = dt.datetime.now(dt.UTC).date()
    return (
        f"{today}, {os.cpu_count()} cores, {_processor()}, {_memory()}{platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(libraries)}"
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return ""
    return f"{size / (1 << 30):.0f} GB, "


def write(sections: Mapping[str, Sequence[str]], page: Path = PAGE) -> None:
    """Puts lines between the markers ``<!-- NAME -->`` and ``<!-- end of NAME -->``.

    Raises:
        ValueError: the page has no such markers.
    """
    text = page.read_text(encoding="utf-8")
    for name, lines in sections.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            message = f"{page.name} has no place for {name}: {begin} … {end}"
            raise ValueError(message)
        text = f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{after}"
    page.write_text(text, encoding="utf-8")
