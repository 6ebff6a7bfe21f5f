"""Windows events as XML: one ``<Event>`` or many, with or without anything around them.

What Event Viewer and ``wevtutil`` save (UTF-8 or UTF-16, inside ``<Events>`` or one after another),
and what Sysmon for Linux writes to syslog, one event a line behind the line's header. A piece that
is no event costs that piece alone. Lines of a syslog that other programs wrote are passed over.

The records have the form of `evtx`'s: ``{"Event": {"System": …, "EventData": {name: text}}}``;
what becomes of them says `events.shapes.windows_event`. There are no entities but XML's own five:
an event stands behind any document type.

Format: https://learn.microsoft.com/en-us/windows/win32/wes/eventschema-schema
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final
from xml.parsers import expat

from tocsin.events.record import Document, Record, Undecodable

SUFFIXES: Final = (".xml",)

LONGEST: Final = 16 << 20
"""The longest event that is decoded, in bytes."""

DEEPEST: Final = 100
"""The deepest nesting that is decoded."""

_KEPT: Final = 64 << 10
_BLOCK: Final = 1 << 20
_EDGE: Final = 64  # the longest of a mark that a block may cut
_MARK: Final = re.compile(rb"<Event(?=[ \t\r\n/>])|</Event[ \t\r\n]{0,16}>")
_WRAPPING: Final = re.compile(rb"<\?xml[^<>]{0,200}\?>|</?Events(?:[ \t\r\n][^<>]{0,500})?>")
_BLANKS: Final = b" \t\r\n\x0b\x0c"
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_HEADER: Final = re.compile(
    rb"(?:<\d{1,3}>\d{0,2} ?)?"
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.,+Z-]{8,30}) [^ ]{1,255} "
)
_BEGIN: Final = re.compile(rb"(?:<\?xml|<Events?[ \t\r\n>])")
_IN_A_LINE: Final = re.compile(rb"[^<{\[\r\n]{0,300}<Event[ >]")
_CONTROL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE: Final = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,8}));")


def recognises(head: bytes) -> bool:
    """Whether it begins with an event, or with lines of syslog that have one in them."""
    encoding = _UTF_16.get(head[:2])
    if encoding is not None:
        head = head[2:].decode(encoding, "ignore").encode()
    head = head.removeprefix(_BOM).lstrip(_BLANKS)
    if _BEGIN.match(head):
        return b"<Event" in head
    for line in head.split(b"\n"):
        header = _HEADER.match(line)
        if header is not None and _IN_A_LINE.match(line, header.end()):
            return True
    return False


def decode(stream: BinaryIO, name: str) -> Iterator[Record | Undecodable]:
    """The events of a stream of XML.

    Args:
        stream: the text from its start; it need not be seekable.
        name: what it is called; nothing depends on it.

    Yields:
        a Record for each event, and an Undecodable for what is none.
    """
    cutter = _Cutter()
    for block in _utf_8(stream):
        yield from cutter.feed(block)
    yield from cutter.end()


def _utf_8(stream: BinaryIO) -> Iterator[bytes]:
    """The stream's blocks in UTF-8."""
    block = stream.read(_BLOCK)
    while block and len(block) < len(_BOM) and (more := stream.read(_BLOCK)):
        block += more
    encoding = _UTF_16.get(block[:2])
    if encoding is None:
        block = block.removeprefix(_BOM)
        while block:
            yield block
            block = stream.read(_BLOCK)
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    block = block[2:]
    while block:
        yield decoder.decode(block).encode("utf-8", "replace")
        block = stream.read(_BLOCK)
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


# --- where the events are ---------------------------------------------------------------------


class _Cutter:
    """Cuts a stream at its events, and keeps count of lines.

    Everything before ``_from`` is done with. If ``_is_open``, an event begins there; up to ``_at``
    the data has been looked through.
    """

    def __init__(self) -> None:
        self._data = b""
        self._from = 0
        self._at = 0
        self._is_open = False
        self._is_dropped = False
        self._line = 1
        self._on_line = 0

    def feed(self, block: bytes) -> Iterator[Record | Undecodable]:
        """What the block completes."""
        self._data = self._data[self._from :] + block
        self._at, self._from = max(0, self._at - self._from), 0
        while (mark := _MARK.search(self._data, self._at)) is not None:
            if mark.group().startswith(b"</"):
                if self._is_open:
                    yield from self._event(mark.end())
                else:
                    yield from self._between(mark.start(), is_before_event=False)
                    yield self._refused("an end without a beginning", mark.end())
                    self._skip(mark.end())
                continue
            if self._is_open:
                yield from self._cut_off(mark.start(), "the event is cut off")
            else:
                yield from self._between(mark.start(), is_before_event=True)
            self._is_open, self._at, self._on_line = True, mark.end(), self._on_line + 1
        yield from self._keep_little()

    def end(self) -> Iterator[Record | Undecodable]:
        """What is left where the stream ends."""
        if self._is_open:
            yield from self._cut_off(len(self._data), "the file ends inside the event")
        else:
            yield from self._between(len(self._data), is_before_event=False)

    def _keep_little(self) -> Iterator[Record | Undecodable]:
        """Gives up what is too long to be an event, and lines that have none."""
        end = len(self._data)
        is_long = end - self._from > LONGEST
        if not self._is_open:
            line_end = self._data.rfind(b"\n", self._from) + 1
            if line_end or is_long:
                yield from self._between(line_end or end - _EDGE, is_before_event=False)
        elif is_long:
            if not self._is_dropped:
                yield self._refused(f"longer than {LONGEST >> 20} MiB", end)
            self._is_dropped = True
            self._skip(end - _EDGE)
        self._at = max(self._at, end - _EDGE)

    def _skip(self, end: int) -> None:
        """Is done with everything before an offset."""
        if newlines := self._data.count(b"\n", self._from, end):
            self._line, self._on_line = self._line + newlines, 0
        self._from = end
        self._at = max(self._at, end)

    def _refused(self, reason: str, end: int) -> Undecodable:
        raw = self._data[self._from : min(end, self._from + _KEPT)]
        return Undecodable(self._position(), reason, raw)

    def _position(self) -> str:
        more = f", event {self._on_line}" if self._on_line > 1 else ""
        return f"line {self._line}{more}"

    def _event(self, end: int) -> Iterator[Record | Undecodable]:
        if not self._is_dropped:
            raw = self._data[self._from : end]
            found = document(raw) if len(raw) <= LONGEST else f"longer than {LONGEST >> 20} MiB"
            if isinstance(found, str):
                yield self._refused(found, end)
            else:
                yield Record(found, self._position(), raw)
        self._skip(end)
        self._is_open = self._is_dropped = False

    def _cut_off(self, end: int, reason: str) -> Iterator[Undecodable]:
        if not self._is_dropped:
            yield self._refused(reason, end)
        self._skip(end)
        self._is_open = self._is_dropped = False

    def _between(self, end: int, *, is_before_event: bool) -> Iterator[Undecodable]:
        """What stands between events: nothing, what wraps them, or lines that are none."""
        text = self._data[self._from : end]
        if text.strip(_BLANKS):
            lines = _WRAPPING.sub(lambda found: b"\n" * found.group().count(b"\n"), text)
            *whole, last = lines.split(b"\n")
            for number, line in enumerate(whole if is_before_event else [*whole, last]):
                bare = line.strip(_BLANKS)
                if bare and not _HEADER.match(bare):
                    place = f"line {self._line + number}"
                    yield Undecodable(place, "expected an event", bare[:_KEPT])
        self._skip(end)


# --- what they say ----------------------------------------------------------------------------


def document(raw: bytes) -> Document | str:
    """An event as JSON; why it is none, as a lower-case sentence."""
    try:
        found = _Builder().parse(raw)
    except expat.ExpatError as error:
        try:
            # Windows writes characters that XML does not allow.
            found = _Builder().parse(_allowed(raw))
        except expat.ExpatError:
            return f"not XML: {expat.ErrorString(error.code)}"
        except _TooDeepError:
            return f"nested deeper than {DEEPEST} levels"
    except _TooDeepError:
        return f"nested deeper than {DEEPEST} levels"
    event = found.get("Event")
    if not isinstance(event, dict) or not isinstance(event.get("System"), dict):
        return "an event without System"
    return found


class _TooDeepError(Exception):
    """The XML is nested deeper than `DEEPEST`."""


def _allowed(raw: bytes) -> bytes:
    """The XML with U+FFFD for what XML does not allow."""

    def reference(found: re.Match[str]) -> str:
        code = int(found[1], 16) if found[1] else int(found[2])
        is_allowed = code <= 0x10FFFF and not _CONTROL.match(chr(code))
        return found.group() if is_allowed else "\ufffd"

    text = _CONTROL.sub("\ufffd", raw.decode("utf-8", "replace"))
    return _REFERENCE.sub(reference, text).encode()


class _Builder:
    """Makes JSON of an event's XML, in `evtx`'s way."""

    def __init__(self) -> None:
        self._holders: list[dict[str, Any]] = [{}]
        self._texts: list[list[str]] = [[]]
        self._names: list[tuple[str, dict[str, str]]] = []

    def parse(self, raw: bytes) -> Document:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(raw, True)
        return self._holders[0]

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._names) >= DEEPEST:
            raise _TooDeepError
        self._names.append((name, attributes))
        self._holders.append({})
        self._texts.append([])

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)

    def _end(self, _: str) -> None:
        name, attributes = self._names.pop()
        children, text = self._holders.pop(), "".join(self._texts.pop())
        holder = self._holders[-1]
        if text.isspace() and (children or "\n" in text):
            text = ""  # what tools put between elements
        is_data = name == "Data" and bool(self._names) and self._names[-1][0] == "EventData"
        if is_data and not children:
            key = attributes.get("Name") or "Data"
            _add(holder, key, text)
            return
        value: Any = {**children, "#text": text} if children and text else children or text
        if attributes:
            inner = value if isinstance(value, dict) else {"#text": value} if value else {}
            value = {"#attributes": attributes, **inner}
        _add(holder, name, value)


def _add(holder: dict[str, Any], name: str, value: Any) -> None:
    """Puts a value under a name; several of a name are a list."""
    if name not in holder:
        holder[name] = value
    elif isinstance(holder[name], list):
        holder[name].append(value)
    else:
        holder[name] = [holder[name], value]
