"""Indicators of threats from files, as the documents that `threat_match` rules look for.

* JSON: documents in ECS's names (``threat.indicator.*``), also as Elasticsearch's search hits;
* CSV with a header: columns are ECS fields, or ``type,value`` and what `_indicator_rows` names;
* STIX 2: bundles or objects; of these the indicators whose pattern is a choice of single values.

Rules tell indicators from events by ``event.kind``, ``event.category``, ``event.type`` and
``event.module``. What stands in a list of indicators is one, so a document with a
``threat.indicator`` gets those of them that it lacks. A bad row costs itself and is told.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tocsin.errors import InputError
from tocsin.events.decoders import json as json_decoder
from tocsin.events.fields import values_of
from tocsin.events.record import Document, Undecodable
from tocsin.logic.field_types import date_of, render_date
from tocsin.sources._indicator_rows import (
    BadRow,
    confidence_of,
    row_fields,
    rows_of,
    typed_fields,
)
from tocsin.sources._stix_pattern import PatternError, values_of_pattern
from tocsin.sources.files import _Decompressed, _decompressor

LARGEST = 1 << 30
"""The largest file that is read, in bytes, decompressed."""

_ENDINGS = (".json", ".ndjson", ".jsonl", ".jsonlines", ".stix", ".stix2", ".csv")
_COMPRESSED = (".gz", ".zst", ".zstd")
_MARKS = {
    "event.kind": "enrichment",
    "event.category": "threat",
    "event.type": "indicator",
    "event.module": "threatintel",
}


class BadIndicator(msgspec.Struct, frozen=True):
    """A row or an object that is no indicator.

    Attributes:
        file: as it was named.
        position: ``line 12``, ``object 3``; empty for the whole file.
        reason: a lower-case sentence.
    """

    file: str
    position: str
    reason: str

    def __str__(self) -> str:
        """All of it, for people."""
        return ": ".join(part for part in (self.file, self.position, self.reason) if part)


class Indicators(msgspec.Struct):
    """What files of indicators come to.

    Attributes:
        documents: in order, each with ``_id``, ``_index`` and ``@timestamp``.
        problems: what could not be read.
        skipped: what was understood and does not count, by reason.
    """

    documents: tuple[Document, ...] = ()
    problems: tuple[BadIndicator, ...] = ()
    skipped: Counter[str] = msgspec.field(default_factory=Counter)


def load_indicators(paths: Iterable[Path], *, now: int) -> Indicators:
    """The indicators in files and in directories, these with everything below them.

    Args:
        paths: files and directories.
        now: what has expired by then does not count, and an indicator without a time takes this
            one; nanoseconds since the epoch.

    Raises:
        InputError: a path does not exist.
    """
    loading = _Loading(now)
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not file.name.startswith("."):
                    loading.add(file, named=False)
        elif path.exists():
            loading.add(path, named=True)
        else:
            message = f"{path}: no such file or directory"
            raise InputError(message)
    return Indicators(tuple(loading.documents.values()), tuple(loading.problems), loading.skipped)


class _Loading:
    """What has been read so far, and the file that is being read."""

    def __init__(self, now: int) -> None:
        self.documents: dict[tuple[str, str], Document] = {}
        self.problems: list[BadIndicator] = []
        self.skipped: Counter[str] = Counter()
        self._now = now
        self._seen: set[Path] = set()
        self._path = Path()
        self._identities: dict[str, str] = {}

    def add(self, path: Path, *, named: bool) -> None:
        """Reads a file, once; ``named`` says that its ending is no reason to pass it over."""
        real = path.resolve()
        if real in self._seen:
            return
        self._seen.add(real)
        ending = _plain_name(path)
        if not named and not ending.endswith(_ENDINGS):
            self.skipped["files with another ending"] += 1
            return
        self._path = path
        self._identities = {}
        try:
            data = _content(path)
        except BadRow as error:
            self._problem("", str(error))
            return
        if ending.endswith(".csv") or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
            self._csv(data)
        else:
            self._json(data)

    # --- JSON and STIX ------------------------------------------------------------------------

    def _json(self, data: bytes) -> None:
        for position, document, identity in self._objects(data):
            if _is_stix(document):
                self._stix(document, position)
            elif "objects" in document and document.get("type", "bundle") == "bundle":
                self._bundle(document["objects"], position)
            elif not any(True for name in document if not name.startswith("_")):
                self._problem(position, "the object is empty")
            else:
                self._take(document, identity, position)

    def _objects(self, data: bytes) -> Iterator[tuple[str, Document, str | None]]:
        try:  # a bundle may be longer than any event
            whole = msgspec.json.decode(data) if data.lstrip()[:1] == b"{" else None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            whole = None
        if isinstance(whole, dict) and isinstance(whole.get("objects"), list):
            yield "", whole, None
            return
        for found in json_decoder.decode(io.BytesIO(data), str(self._path)):
            if isinstance(found, Undecodable):
                self._problem(found.position, found.reason)
            else:
                yield found.position, found.document, found.id

    def _bundle(self, objects: object, position: str) -> None:
        found = objects if isinstance(objects, list) else []
        for entry in found:
            if isinstance(entry, dict) and entry.get("type") == "identity":
                self._identities[str(entry.get("id"))] = str(entry.get("name", ""))
        for number, entry in enumerate(found, 1):
            place = f"{position}, object {number}".removeprefix(", ")
            if isinstance(entry, dict):
                self._stix(entry, place)
            else:
                self._problem(place, "a bundle holds objects")

    def _stix(self, found: Document, position: str) -> None:
        if found.get("type") != "indicator":
            self.skipped["STIX objects that are no indicators"] += 1
            return
        until = _time(found.get("valid_until"))
        form = found.get("pattern_type", "stix")
        if found.get("revoked") is True:
            self.skipped["revoked"] += 1
        elif until is not None and until <= self._now:
            self.skipped["expired"] += 1
        elif form != "stix":
            self.skipped[f"the pattern is of the type {form}"] += 1
        else:
            try:
                values = values_of_pattern(str(found.get("pattern", "")))
            except PatternError as error:
                self.skipped[str(error)] += 1
                return
            self._stix_values(found, values, position)

    def _stix_values(self, found: Document, values: list[tuple[str, str]], position: str) -> None:
        """One document a value: a rule looks at the first value of a field only."""
        identity = found.get("id")
        references = found.get("external_references")
        links = [r.get("url") for r in references or () if isinstance(r, dict)]
        common = {
            "threat.indicator.name": found.get("name"),
            "threat.indicator.description": found.get("description"),
            "threat.indicator.provider": self._identities.get(str(found.get("created_by_ref"))),
            "threat.indicator.reference": next((link for link in links if link), None),
            "threat.indicator.first_seen": found.get("valid_from"),
            "threat.indicator.modified_at": found.get("modified"),
            "threat.indicator.confidence": confidence_of(found.get("confidence")),
            "event.created": found.get("created"),
            "tags": found.get("labels"),
        }
        common = {name: value for name, value in common.items() if value not in (None, "", [])}
        for number, (kind, value) in enumerate(dict.fromkeys(values), 1):
            try:
                document = {**typed_fields(kind, value), **common}
            except BadRow as error:
                self._problem(position, str(error))
                continue
            own = f"{identity}#{number}" if number > 1 else identity
            self._take(document, own if isinstance(identity, str) else None, position)

    # --- CSV ----------------------------------------------------------------------------------

    def _csv(self, data: bytes) -> None:
        rows = rows_of(data.decode("utf-8-sig", "surrogateescape"))
        header: list[str] | None = None
        for line, row in rows:
            position = f"line {line}"
            if isinstance(row, str):
                self._problem(position, row)
            elif header is None:
                header = [name.strip() for name in row]
                if not any("." in name for name in header) and not (
                    {"type", "value"} <= {name.lower() for name in header}
                ):
                    reason = "the header names neither ECS fields nor type and value"
                    self._problem(position, reason)
                    return
            else:
                try:
                    self._take(row_fields(header, row), None, position)
                except BadRow as error:
                    self._problem(position, str(error))

    # --- documents ----------------------------------------------------------------------------

    def _take(self, document: Document, identity: str | None, position: str) -> None:
        if any(name.split(".")[0] == "threat" for name in document) and _has_indicator(document):
            for name, mark in _MARKS.items():
                if not values_of(document, name):
                    document[name] = mark
        if identity is None:
            try:
                text = msgspec.json.encode(document, order="sorted")
            except (msgspec.EncodeError, UnicodeEncodeError, OverflowError):
                self._problem(position, "the text is not UTF-8")
                return
            identity = hashlib.sha256(text).hexdigest()[:32]
        document["_id"] = identity
        document.setdefault("_index", self._path.name)
        if not values_of(document, "@timestamp"):
            document["@timestamp"] = render_date(self._time_of(document))
        place = (str(document["_index"]), identity)
        if place in self.documents:
            self.skipped["given more than once: the last counts"] += 1
        self.documents[place] = document

    def _time_of(self, document: Document) -> int:
        for name in ("threat.indicator.first_seen", "event.created"):
            for value in values_of(document, name):
                time = date_of(value)
                if time is not None:
                    return time
        return self._now

    def _problem(self, position: str, reason: str) -> None:
        self.problems.append(BadIndicator(str(self._path), position, reason))


def _has_indicator(document: Document) -> bool:
    for name, value in document.items():
        if name.startswith("threat.indicator"):
            return True
        if name == "threat" and isinstance(value, Mapping):
            return any(below.split(".")[0] == "indicator" for below in value)
    return False


def _is_stix(document: Document) -> bool:
    kind, identity = document.get("type"), document.get("id")
    if kind == "indicator" and "pattern" in document:
        return True
    return isinstance(identity, str) and kind != "bundle" and identity.startswith(f"{kind}--")


def _time(value: object) -> int | None:
    return date_of(value) if isinstance(value, str) else None


def _plain_name(path: Path) -> str:
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return name


def _content(path: Path) -> bytes:
    """A file's bytes, decompressed; of a damaged one nothing, as its end may be half a value."""
    try:
        with path.open("rb") as stream:
            begin = _decompressor(stream.read(4))
            stream.seek(0)
            content = None if begin is None else _Decompressed(stream, begin)
            data = (stream if content is None else io.BufferedReader(content)).read(LARGEST + 1)
    except OSError as error:
        raise BadRow((error.strerror or str(error)).lower()) from error
    if content is not None and content.damage:
        raise BadRow(content.damage)
    if len(data) > LARGEST:
        message = f"the file is larger than {LARGEST >> 20} MiB"
        raise BadRow(message)
    return data
