"""What a result rests on besides what it was made from: the clock, files that nobody named.

Whoever asks for such a thing says here what he was told. Who keeps the result (`rules.kept`)
listens while it is made, keeps the questions with their answers, and asks again before he uses it.

>>> with noted() as found:
...     note("date", "now/d", "(0, 86399999999999)")
>>> found
{('date', 'now/d'): '(0, 86399999999999)'}
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final, Literal

Kind = Literal[
    "date",  # what date math comes to, by its text
    "before",  # how long ago that is
    "end",  # whether a time (nanoseconds since the epoch) is over
    "file",  # what is at a path
    "clock",  # the time itself: never the same again
]
Premises = dict[tuple[Kind, str], str]
"""(kind, question) → answer."""

_PIECE: Final = 1 << 20
_LARGEST: Final = 100_000_000
"""No file that a rule needs is larger than this, in bytes; of such a one the time has to do."""

_listening: ContextVar[Premises | None] = ContextVar("_listening", default=None)


@contextmanager
def noted() -> Iterator[Premises]:
    """Collects what is noted within."""
    found: Premises = {}
    token = _listening.set(found)
    try:
        yield found
    finally:
        _listening.reset(token)


def note(kind: Kind, question: str, answer: str) -> None:
    """Says what was asked and answered. Two answers to one question rest on the clock."""
    found = _listening.get()
    if found is not None and found.setdefault((kind, question), answer) != answer:
        found["clock", ""] = ""


def note_file(path: Path) -> None:
    """Says that a file was looked for, or read."""
    if _listening.get() is not None:
        note("file", str(path), state_of(str(path)))


def state_of(path: str) -> str:
    """What is at a path: a hash of the file's content, or why there is none."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return "no file"
            if status.st_size > _LARGEST:
                return f"{status.st_size} bytes of {status.st_mtime_ns}"
            digest = hashlib.blake2b()
            while piece := file.read(_PIECE):
                digest.update(piece)
            return digest.hexdigest()
    except (OSError, ValueError) as error:
        return f"{type(error).__name__} {getattr(error, 'errno', None)}"
