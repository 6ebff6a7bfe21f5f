r"""Zeek's own tables: one entry a line, under lines that say how to read it.

    #separator \x09
    #set_separator	,
    #empty_field	(empty)
    #unset_field	-
    #path	conn
    #fields	ts	uid	id.orig_h	…
    #types	time	string	addr	…

An entry becomes the object that Zeek's JSON writer makes of it, with ``_path`` out of ``#path``:
times and intervals are numbers, sets and vectors arrays, what is not set is left out. Several
tables may follow one another in a file (``cat conn.log http.log``); each brings its own header. A
line that does not fit its header costs that line alone; lines that have none are told of once.

Format: https://docs.zeek.org/en/current/log-formats.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from tocsin.events.record import Document, Record, Undecodable

SUFFIXES: Final = (".log",)

LONGEST: Final = 16 << 20
"""The longest line that is read, in bytes."""

SHAPE: Final = "zeek"

_KEPT: Final = 64 << 10
_BLOCK: Final = 1 << 20
_MOST_COLUMNS: Final = 4_096
_LONGEST_NUMBER: Final = 40
_BOM: Final = b"\xef\xbb\xbf"
_ESCAPES = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_CONTAINER = re.compile(r"(?:set|table|vector)\[(.*)\]\Z")

Reader = Callable[[str], Any]


def recognises(head: bytes) -> bool:
    """Whether it begins with the header of a table."""
    return head.removeprefix(_BOM).startswith((b"#separator ", b"#fields\t", b"#path\t"))


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The entries of a stream of tables; see the module."""
    table, is_told = _Table(), False
    for number, line in _lines(stream):
        position = f"line {number}"
        if len(line) > LONGEST:
            yield Undecodable(position, f"longer than {LONGEST >> 20} MiB", line[:_KEPT])
        elif line.startswith(b"#"):
            if line.startswith(b"#separator"):
                table = _Table()
            table.header(_text(line))
            is_told = False
        elif table.columns:
            yield _entry(table, line, position)
        elif not is_told:
            is_told = True
            yield Undecodable(
                position, "no #fields line before it: no table of Zeek's", line[:_KEPT]
            )


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(number, line) pairs; of a line that is too long the beginning, blank ones left out."""
    number, is_cut = 0, False
    while line := stream.readline(_BLOCK if is_cut else LONGEST + 2):
        was_cut, is_cut = is_cut, not line.endswith(b"\n") and (is_cut or len(line) > LONGEST)
        if was_cut:
            continue
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        line = line.rstrip(b"\r\n")
        if line:
            yield number, line


def _text(line: bytes) -> str:
    # What is no UTF-8 looks as Zeek's JSON writer has it.
    return line.decode("utf-8", "backslashreplace")


def _entry(table: _Table, line: bytes, position: str) -> Record | Undecodable:
    values = _text(line).split(table.separator)
    if len(values) != len(table.columns):
        reason = f"{len(values)} fields where its header names {len(table.columns)}"
        return Undecodable(position, reason, line[:_KEPT])
    document: Document = {"_path": table.path} if table.path else {}
    unset = table.unset
    for (name, read), text in zip(table.readers(), values, strict=True):
        if text != unset:
            value = read(text)
            if value is not None:
                document[name] = value
    return Record(document, position, line, shape=SHAPE)


class _Table:
    """How to read the lines of a table, as its header says.

    Attributes:
        separator: between the fields of a line.
        unset: what stands for a field without a value.
        path: the log's name.
        columns: the fields' names.
    """

    def __init__(self) -> None:
        self.separator = "\t"
        self.unset = "-"
        self.path = ""
        self.columns: list[str] = []
        self._within = ","
        self._empty = "(empty)"
        self._types: list[str] = []
        self._readers: list[tuple[str, Reader]] = []

    def header(self, line: str) -> None:
        """Takes note of a line of the header; one that says nothing of use is passed over."""
        if line.startswith("#separator"):
            separator = _unescaped(line.removeprefix("#separator").strip(" "))
            self.separator = separator or "\t"
            return
        key, _, value = line.partition(self.separator)
        match key:
            case "#set_separator":
                self._within = _unescaped(value) or ","
            case "#empty_field":
                self._empty = _unescaped(value)
            case "#unset_field":
                self.unset = _unescaped(value)
            case "#path":
                self.path = _unescaped(value) if value != self.unset else ""
            case "#fields":
                self.columns = value.split(self.separator)[:_MOST_COLUMNS] if value else []
            case "#types":
                self._types = value.split(self.separator)[:_MOST_COLUMNS]
            case _:
                return
        self._readers = []

    def readers(self) -> list[tuple[str, Reader]]:
        """The fields' names, each with what reads its values."""
        if not self._readers:
            types = self._types + ["string"] * (len(self.columns) - len(self._types))
            self._readers = [
                (name, self._reader(kind))
                for name, kind in zip(self.columns, types[: len(self.columns)], strict=True)
            ]
        return self._readers

    def _reader(self, kind: str) -> Reader:
        container = _CONTAINER.match(kind)
        if container is None:
            return _SCALARS.get(kind, self._string)
        element = _SCALARS.get(container[1], self._string)

        def elements(text: str) -> list[Any]:
            if text == self._empty:
                return []
            found = (None if v == self.unset else element(v) for v in text.split(self._within))
            return [value for value in found if value is not None]

        return elements

    def _string(self, text: str) -> str:
        return "" if text == self._empty else _unescaped(text)


def _unescaped(text: str) -> str:
    r"""A text without Zeek's escapes; bytes that are no UTF-8 keep theirs.

    >>> _unescaped(r"WEB-1\x5cbell \xc3\xa4 \xff")
    'WEB-1\\bell ä \\xff'
    """
    return _ESCAPES.sub(_plain, text) if "\\x" in text else text


def _plain(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("\\x", "")).decode("utf-8", "backslashreplace")


def _float(text: str) -> float | str | None:
    try:
        number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    except ValueError:
        return text
    return number if math.isfinite(number) else None  # JSON has null there


def _integer(text: str) -> int | str:
    text = text.partition("/")[0]  # a port may name its protocol
    if len(text) > _LONGEST_NUMBER or not text.removeprefix("-").isdecimal():
        return text
    return int(text)


def _boolean(text: str) -> bool | str:
    return {"T": True, "1": True, "F": False, "0": False}.get(text, text)


_SCALARS: Final[dict[str, Reader]] = {
    "bool": _boolean,
    "count": _integer,
    "double": _float,
    "int": _integer,
    "interval": _float,
    "port": _integer,
    "time": _float,
}
