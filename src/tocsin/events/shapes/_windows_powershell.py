"""PowerShell's events of `windows_event`: what they tell in lines of ``name = value``."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes._values import kept
from tocsin.events.shapes._windows_ecs import put_user
from tocsin.events.shapes._windows_entry import Entry
from tocsin.events.shapes._windows_values import NOTHING, Object, Value, put, said, single

_SIGNATURE: Final = "# SIG # Begin signature block"
_MOST_LINES: Final = 1_000


def context(entry: Entry) -> dict[str, Value]:
    """What an event tells of the engine, by name, without the blanks in names."""
    if entry.code == "4103":
        return dict(_lines(single(entry.data.get("ContextInfo"))))
    # Windows PowerShell's own log has texts without names: the context is the last of three, or
    # before the details of a pipeline's execution.
    place = 1 if entry.code == "800" else 2
    text = entry.unnamed[place] if len(entry.unnamed) > place else ""
    return dict(_tabbed(text or single(entry.data.get(f"param{place + 1}"))))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines()[:_MOST_LINES]:
        name, equals, value = line.partition("=")
        if equals and len(name := "".join(name.split())) <= 40:
            yield name, value.strip()


def _tabbed(text: str) -> Iterator[tuple[str, str]]:
    """Names stand behind a tab at the beginning of a line; values may go over many lines."""
    for piece in f"\n{text}".replace("\r", "").split("\n\t")[:_MOST_LINES]:
        name, equals, value = piece.partition("=")
        if equals and name.isidentifier():
            yield name, value.strip()


def powershell_fields(found: Document, entry: Entry, told: dict[str, Value]) -> None:
    """What PowerShell's events say in words of their own.

    Args:
        found: the document so far; it is added to.
        entry: the event.
        told: its `context`.
    """
    user = said(told.get("User")) or said(told.get("UserId"))
    connected = said(told.get("ConnectedUser"))
    if user:
        put_user(found, user)
    if connected:
        put_user(found, connected, "source.user")
        put_user(found, user, "destination.user")
        put_user(found, connected)
    script = entry.data.get("ScriptBlockText")
    if isinstance(script, str) and script not in NOTHING:
        for name, value in _measures(script).items():
            put(found, f"powershell.file.{name}", value)
    text = single(entry.data.get("Payload")) if entry.code == "4103" else ""
    if entry.code == "800":
        text = entry.unnamed[2] if len(entry.unnamed) > 2 else single(entry.data.get("param3"))
    details = [_detail(line) for line in text.splitlines()[:_MOST_LINES] if line.strip()]
    if details:
        put(found, "powershell.command.invocation_details", details)


def _detail(line: str) -> Object:
    """``ParameterBinding(Out-Null): name="InputObject"; value="1"`` and the like."""
    kind, parted, rest = line.partition("(")
    command, closed, value = rest.partition("):")
    if not (parted and closed and kind and command) or ")" in command:
        return {"value": line}
    value = value.strip()
    name, has_value, bound = value.removeprefix("name=").rpartition("; value=")
    if kind == "ParameterBinding" and has_value and value.startswith("name="):
        return {"type": kind, "related_command": command, "name": name, "value": bound}
    return kept({"type": kind, "related_command": command, "value": value})


def _measures(script: str) -> Object:
    """How a script's characters are distributed, its signature left out.

    Their entropy is Shannon's, in bits; the other is the standard deviation of what one tells.
    """
    text = unicodedata.normalize("NFC", script.partition(_SIGNATURE)[0])
    if not text:
        return {}
    counts, length = Counter(text), len(text)
    mean = squares = 0.0
    for count in counts.values():
        share = count / length
        bits = -math.log2(share)
        mean += share * bits
        squares += share * bits * bits
    return {
        "script_block_length": length,
        "script_block_unique_symbols": len(counts),
        "script_block_entropy_bits": mean,
        "script_block_surprisal_stdev": math.sqrt(max(0.0, squares - mean * mean)),
    }
