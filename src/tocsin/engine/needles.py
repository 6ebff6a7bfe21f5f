r"""A few texts looked for in raw bytes, where nearly all of the bytes hold none of them.

Unlike `engine.byte_scan` nothing is made of the lines before something is found:

    Needles([b"odd", b"rare"]).places(b'{"a":1}\n{"b":"odd"}\n')   ->   [(0, 17)]

ASCII letters are equal in both cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocsin.engine.byte_scan import expression, has_hyperscan, hyperscan
from tocsin.logic.anchors import Text

_DENSE = 64
"""More than one place in so many bytes are too many to look at them one by one."""

_FEW = 1_000

Place = tuple[int, int]
"""The number of a text, and where it ends."""


class Needles:
    """Texts to be looked for.

    Args:
        texts: in small letters; a text's place here is its number.
        with_hyperscan: False: as on a platform that has none.
    """

    def __init__(self, texts: Sequence[bytes], *, with_hyperscan: bool = True) -> None:
        self._database: Any = None
        self._texts = texts
        if not texts or not (with_hyperscan and has_hyperscan()):
            return
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            database.compile(
                expressions=[expression(Text(text)) for text in texts],
                ids=list(range(len(texts))),
                elements=len(texts),
                flags=hyperscan.HS_FLAG_CASELESS,
            )
        except hyperscan.HyperscanError:
            return
        self._database = database

    def __reduce__(self) -> tuple[type[Needles], tuple[Sequence[bytes]]]:
        """What another process needs to make the same."""
        return Needles, (self._texts,)

    def places(self, data: bytes) -> list[Place] | None:
        """Where texts are found, by where they end; None: they have to be looked for otherwise.

        They are too many, or there is no Hyperscan.
        """
        if not self._texts:
            return []
        if self._database is None:
            return None
        found: list[Place] = []
        append, most = found.append, len(data) // _DENSE + _FEW

        def note(number: int, _begin: int, end: int, _flags: int, _context: object) -> bool:
            append((number, end))
            return len(found) > most

        try:
            self._database.scan(data, note)
        except hyperscan.HyperscanError:
            return None
        found.sort(key=_end)
        return found


def _end(place: Place) -> int:
    return place[1]
