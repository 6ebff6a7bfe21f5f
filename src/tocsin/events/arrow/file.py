"""A Parquet file, as columns or as documents.

Small row groups make one batch. A row group that is damaged costs that row group alone.

Format: https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import types as kinds

from tocsin.events.arrow.batch import ColumnBatch, Layout
from tocsin.events.arrow.batch import Piece as BatchPiece
from tocsin.events.arrow.opening import DamagedError, opened, spooled
from tocsin.events.arrow.paths import Child, Way
from tocsin.events.arrow.rows import BYTES, ROWS, Piece, Rows, undecodable
from tocsin.events.arrow.values import is_bytes, is_text, scalars, storage, storage_type
from tocsin.events.record import Record, Undecodable

__all__ = ["DamagedError", "ParquetFile"]

_SAMPLE = 64

_JSON_NAMES = frozenset(
    {
        "_raw", "_source", "body", "data", "document", "event", "event_data", "json", "line", "log",
        "log_line", "message", "original", "payload", "raw", "raw_data", "raw_event", "raw_log",
        "raw_message", "record", "value",
    }
)  # fmt: skip
_WRAPPERS = frozenset(
    {
        "_source", "hits", "hostIdentifier", "Records", "records", "value", "logEvents",
        "receivedMessages", "data",
    }
)  # fmt: skip


_Choice = tuple[list[str] | None, list[str] | None, dict[bool, Layout]]
"""The columns that are read for some fields, the others, and where in them the fields are."""


class ParquetFile:
    """A Parquet file that is being read; a context manager.

    Args:
        stream: the file from its start. One that is not seekable is put into a temporary file.

    Raises:
        DamagedError: it is no Parquet file that can be read.
        OSError: the stream cannot be read.

    Attributes:
        json_column: the column whose texts are the events; empty: the columns are.
        rows: how many rows the file says that it has.
        may_wrap: a row may be a page of events, so that rows have to be looked at one by one.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._spool: BinaryIO | None = None
        if not stream.seekable():
            stream = self._spool = spooled(stream)
        try:
            files = opened(stream)
            self._rows = Rows(files)
            self._schema = files[0].schema_arrow
            self.rows = max(0, int(files[0].metadata.num_rows))
            self.json_column = self._find_json()
        except BaseException:
            self.close()
            raise
        names = set(self._schema.names)
        self.may_wrap = bool(names & _WRAPPERS) and "@timestamp" not in names
        self._was_asked = False
        self._asked: dict[tuple[str, ...] | None, _Choice] = {}

    def __enter__(self) -> ParquetFile:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the temporary file, where there is one."""
        self.close()

    def close(self) -> None:
        """The same; the stream stays open."""
        if self._spool is not None:
            self._spool.close()

    # --- what is in it -------------------------------------------------------------------------

    def sections(self) -> list[range]:
        """The row groups, in parts that each make a batch at least; the last may be smaller."""
        found: list[range] = []
        start = held = 0
        for group, count in enumerate(self._rows.counts):
            held += count
            if held >= ROWS:
                found.append(range(start, group + 1))
                start, held = group + 1, 0
        if start < len(self._rows.counts):
            found.append(range(start, len(self._rows.counts)))
        return found

    def batches(
        self, fields: Iterable[str] | None = None, groups: range | None = None
    ) -> Iterator[ColumnBatch | Undecodable]:
        """The rows of the file as columns, in order; only for a file that has them.

        A batch has to be done with before the next one is asked for. While nobody wants to see
        documents, only the columns are read that tell the values of the fields.

        Args:
            fields: those that will be asked for; None: all there are.
            groups: of some row groups only.
        """
        wanted = None if fields is None else tuple(fields)
        if wanted not in self._asked:
            self._asked = {wanted: self._choice(wanted)}
        names, rest, layouts = self._asked[wanted]
        held: list[Piece] = []
        for piece in self._rows.pieces(names, groups, is_whole=lambda: self._was_asked):
            if isinstance(piece, Undecodable) or (held and not _are_alike(held[0], piece)):
                yield from self._batch(held, layouts, rest)
                held = []
            if isinstance(piece, Undecodable):
                yield piece
                continue
            if piece.is_whole not in layouts:
                layouts[piece.is_whole] = Layout(piece.arrays.schema, wanted or ())
            held.append(piece)
            if sum(p.arrays.num_rows for p in held) >= ROWS or sum(p.size for p in held) >= BYTES:
                yield from self._batch(held, layouts, rest)
                held = []
        yield from self._batch(held, layouts, rest)

    def records(self) -> Iterator[Record | Undecodable]:
        """The rows of the file as documents, one by one."""
        for batch in self.batches():
            if isinstance(batch, Undecodable):
                yield batch
            else:
                yield from batch.records(range(batch.size))

    def texts(self) -> Iterator[tuple[int, bytes] | Undecodable]:
        """The texts of the column of JSON, on one line each, with the numbers of their rows."""
        for piece in self._rows.pieces([self.json_column]):
            if isinstance(piece, Undecodable):
                yield piece
                continue
            for start, some in _samples(piece.arrays, self.json_column):
                for row, text in enumerate(some, piece.first + start):
                    if isinstance(text, str):
                        # A line feed in JSON is never part of a value.
                        raw = text.encode("utf-8", "replace")
                        yield row, raw.replace(b"\r", b" ").replace(b"\n", b" ")

    def _batch(
        self, pieces: list[Piece], layouts: dict[bool, Layout], rest: list[str] | None
    ) -> Iterator[ColumnBatch | Undecodable]:
        """Some pieces as a batch, and what turned out to be damaged when it was looked at."""
        if not pieces:
            return
        damage: list[Undecodable] = []
        first = pieces[0].first
        self._was_asked = False

        def others(names: list[str] | None) -> list[BatchPiece]:
            self._was_asked |= names is None
            found: list[BatchPiece] = []
            for piece in pieces:
                try:
                    parts = self._rows.others(piece, names)
                except DamagedError as error:
                    # There is what rules have seen of it.
                    parts = [(0, piece.arrays)]
                    damage.append(undecodable(piece.group, error))
                found += [(piece.first - first + at, arrays) for at, arrays in parts]
            return found

        parts = [(piece.first - first, piece.arrays) for piece in pieces]
        is_whole = pieces[0].is_whole
        yield ColumnBatch(
            parts, layouts[is_whole], lambda: others(None),
            (lambda: others(rest)) if rest and not is_whole else None, first,
        )  # fmt: skip
        yield from damage

    # --- which columns -------------------------------------------------------------------------

    def _choice(self, fields: tuple[str, ...] | None) -> _Choice:
        names = None if fields is None else self._columns_of(fields)
        return names, None if names is None else self._rest_of(names), {}

    def _columns_of(self, fields: Iterable[str]) -> list[str] | None:
        """The columns that tell the values of some fields; None: all of them are needed."""
        # `ColumnBatch.in_ecs` looks at the last ones.
        layout = Layout(self._schema, (*fields, "@timestamp", "event.kind", "event.category"))
        if layout.untold():
            return None
        root = pa.struct(list(self._schema))
        # pyarrow hands out columns as they are asked for; a document has them as they lie.
        in_order = sorted(layout.all_ways(), key=_places)
        names = dict.fromkeys(_name_of(root, way) for way in in_order)
        # A file without any of the fields still has rows.
        return list(names) or list(self._schema.names[:1])

    def _rest_of(self, names: list[str]) -> list[str] | None:
        """The other columns; None: they cannot be read by themselves."""
        rest = list(_names_beside(pa.struct(list(self._schema)), set(names)))
        mine, others = self._rows.leaves(names), self._rows.leaves(rest)
        # A name with a dot in it may stand for several columns, or be one that pyarrow cannot find.
        return rest if not mine & others and len(mine | others) == self._rows.width else None

    def _find_json(self) -> str:
        """The column that holds events as JSON (docs/inputs.md says when); empty: there is none."""
        names = [field.name for field in self._schema if _is_textual(field.type)]
        if len(self._schema) > 1:
            if "@timestamp" in self._schema.names:
                return ""
            names = [name for name in names if name.lower() in _JSON_NAMES]
        return next((name for name in names if self._holds_json(name)), "")

    def _holds_json(self, name: str) -> bool:
        for piece in self._rows.pieces([name]):
            if isinstance(piece, Undecodable):
                return False
            for _, some in _samples(piece.arrays, name):
                found = [one.strip() for one in some if isinstance(one, str)]
                if found:
                    return all(one.startswith("{") and one.endswith("}") for one in found)
        return False


def _are_alike(one: Piece, other: Piece) -> bool:
    """Whether two pieces have the same columns, of the same types."""
    return one.is_whole == other.is_whole and one.arrays.schema == other.arrays.schema


def _samples(arrays: Any, name: str) -> Iterator[tuple[int, list[Any]]]:
    """The texts of a column, a few at a time, with the number of the first row."""
    column = storage(arrays.column(arrays.schema.get_field_index(name)))
    for start in range(0, len(column), _SAMPLE):
        yield start, scalars(column.slice(start, _SAMPLE))


def _places(way: Way) -> list[int]:
    return [step.place for step in way if isinstance(step, Child)]


def _name_of(kind: Any, way: Way) -> str:
    """The name by which pyarrow reads what is on a way: down to the first list or map."""
    names: list[str] = []
    for step in way:
        if not isinstance(step, Child):
            break
        names.append(kind.field(step.place).name)
        kind = storage_type(kind.field(step.place).type)
    return ".".join(names)


def _names_beside(kind: Any, names: set[str], above: str = "") -> Iterator[str]:
    """The names of what is in a struct, or in those in it, and is not named."""
    begun = {name[:place] for name in names for place, sign in enumerate(name) if sign == "."}
    for field in kind:
        name = f"{above}{field.name}"
        if name in names:
            continue
        inside = storage_type(field.type)
        if name in begun and kinds.is_struct(inside):
            yield from _names_beside(inside, names, f"{name}.")
        else:
            yield name


def _is_textual(kind: Any) -> bool:
    kind = storage_type(kind)
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return is_text(kind) or (is_bytes(kind) and not kinds.is_fixed_size_binary(kind))
