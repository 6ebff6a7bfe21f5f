"""Reading a few fields of a line of JSON without decoding the rest.

The fields become types of msgspec, one for each object on their way; what the types do not name
is passed over in the bytes. Two arrangements of names are read like that: objects within objects,
and full names at the top:

    {"event": {"kind": "event"}, "host": {"os": {"type": "linux"}}}
    {"event.kind": "event", "host.os.type": "linux"}

The types of the one refuse every name of the other, and every value that is more than a scalar or
a plain array of scalars. What both refuse (``{"host.os": {"type": …}}``, arrays of objects, an
object that is null) is decoded as a whole, at several times the price. A field that was seen with
few texts is first read as one of those, which then need not be made and hashed for every line.

Law: `Narrow.read` says what `values_of` says of the decoded line, or None where that cannot be
decoded (or is no object). Python takes ``1``, ``1.0`` and ``True`` for one key of a dict: who files
what is read has to tell them apart.

What is passed over is held to JSON's grammar, escapes included, so that a damaged line comes out
as None. Only these can be read though a full decode refuses them, and only for what they pass
over: bytes that are not UTF-8, a number beyond what a double holds (``1e999``), an integer of more
than 4,300 characters. The limits of `decoders.json` (`DEEPEST`, `LONGEST`) are not looked at.

>>> narrow = Narrow(["event.kind", "event.type", "host.os.type"])
>>> narrow.read(b'{"event":{"kind":"event","type":["start","info"]},"message":"x"}')
('event', ('start', 'info'), None)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec

from tocsin.events.fields import Extractor
from tocsin.logic.field_types import Scalar

Values = tuple[object, ...]
"""For each field None, a scalar, or a tuple of scalars."""

_Reader = tuple[Callable[[bytes], Any], Callable[[Any], Values]]
"""What decodes a line (ValidationError: it refuses it), and what takes the values out of that."""

_NOTHING = Annotated[int, msgspec.Meta(gt=0, lt=0)]
"""No value is of this type: a line with a name that has it is refused."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LONGEST_WAY = 16
_UNNAMEABLE = re.compile('[\x00-\x1f"\\\\*\ud800-\udfff]')
"""Characters that msgspec takes in no name, and the one that makes a wildcard."""

_SAMPLE = 256
"""After how many lines texts are learned."""

_SURPRISES = 16
"""After how many lines with texts that were not learned they are learned anew."""

_MOST_TEXTS = 32
_LONGEST_TEXT = 100


class Narrow:
    """A reader of a few fields of a line of JSON.

    Args:
        fields: dotted names. One with a wildcard or with a character that JSON escapes is read
            too, but at the price of a full decode of every line.
        learns: whether the texts of fields are learned, which pays over many lines.
    """

    def __init__(self, fields: Sequence[str], *, learns: bool = True) -> None:
        self.fields = tuple(fields)
        self._learns = learns
        self._whole = _Whole(self.fields)
        # The one that read a line last stands first: lines mostly come arranged alike.
        self._tight: list[_Tight] = []
        if not any(map(_is_odd, self.fields)):
            if not _are_mixed(self.fields):
                self._tight.append(_Tight(self.fields, is_flat=False))
            self._tight.append(_Tight(self.fields, is_flat=True))

    def read(self, line: bytes) -> Values | None:
        """For each field what the line says of it.

        Returns:
            None for a field without a value, a scalar, or a tuple of scalars, in the order of the
            document (sometimes of one, where it stands in an array); None instead of all of it
            where the line is no JSON object.
        """
        return self.read_all((line,))[0]

    def read_all(self, lines: Sequence[bytes]) -> list[Values | None]:
        """The same for many lines, which is faster."""
        if not self._tight:
            return [self._whole.read(line) for line in lines]
        found: list[Values | None] = []
        append, left = found.append, iter(lines)
        while len(found) < len(lines):
            decode, get = self._tight[0].quick
            try:
                for values in map(get, map(decode, left)):
                    append(values)
            except msgspec.ValidationError:
                append(self._otherwise(lines[len(found)]))
            except _UNREADABLE:
                append(None)
        if self._learns and not self._tight[0].is_taught:
            self._tight[0].note(found[:_SAMPLE])
        return found

    def _otherwise(self, line: bytes) -> Values | None:
        """Reads a line that the first of the quick readers refuses."""
        for place, tight in enumerate(self._tight):
            if not place and not tight.is_taught:
                continue
            decode, get = tight.plain
            try:
                values = get(decode(line))
            except msgspec.ValidationError:
                continue
            except _UNREADABLE:
                return None
            if place:
                self._tight.insert(0, self._tight.pop(place))
            else:
                tight.note((values,))
            return values
        return self._whole.read(line)


class _Tight:
    """Reads lines whose names are arranged in one way, and refuses all others.

    Args:
        fields: dotted names.
        is_flat: full names at the top, instead of objects within objects.

    Attributes:
        plain: reads every line that is arranged so.
        quick: reads the same, but may refuse lines with texts that were not learned.
        is_taught: whether ``quick`` is another than ``plain``.
    """

    def __init__(self, fields: Sequence[str], *, is_flat: bool) -> None:
        self._fields = fields
        self._is_flat = is_flat
        self._texts: list[set[str] | None] = [set() for _ in fields]
        self._noted = 0
        self.is_taught = False
        self.plain = self.quick = self._reader({})

    def _reader(self, texts: Mapping[str, Collection[str]]) -> _Reader:
        kinds = {field: _value(texts.get(field)) for field in self._fields}
        type_, ways = _object(kinds, self._is_flat)
        return msgspec.json.Decoder(type_).decode, _getter([ways[one] for one in self._fields])

    def note(self, found: Iterable[Values | None]) -> None:
        """Notes what was read, and learns it once it is enough; None counts for nothing."""
        for values in found:
            if values is None:
                continue
            self._noted += 1
            for place, value in enumerate(values):
                if value is not None:
                    self._note(place, value)
        if self._noted >= (_SURPRISES if self.is_taught else _SAMPLE):
            learned = {f: t for f, t in zip(self._fields, self._texts, strict=True) if t}
            self.quick = self._reader(learned)
            self.is_taught = True
            self._noted = 0

    def _note(self, place: int, value: object) -> None:
        texts = self._texts[place]
        if texts is not None:
            some = value if isinstance(value, tuple) else (value,)
            texts.update(one for one in some if isinstance(one, str))
            if len(texts) > _MOST_TEXTS or max(map(len, texts), default=0) > _LONGEST_TEXT:
                self._texts[place] = None


def _value(texts: Collection[str] | None) -> Any:
    """The type of a scalar or a plain array of scalars; with texts, it has no other texts."""
    text: Any = Literal[tuple(sorted(texts))] if texts else str
    scalar: Any = text | int | float | bool
    several: Any = Annotated[GenericAlias(tuple, (scalar, ...)), msgspec.Meta(min_length=1)]
    return scalar | several | None


def _object(kinds: Mapping[str, Any], is_flat: bool) -> tuple[type[msgspec.Struct], dict[str, str]]:
    """The type of an object, and how the value of each field is reached in it.

    Args:
        kinds: the types of the fields' values, by their names from here on.
        is_flat: as in `_Tight`.
    """
    members: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    ways: dict[str, str] = {}
    below: dict[str, dict[str, Any]] = {}
    for field, kind in kinds.items():
        head, dot, rest = (field, "", "") if is_flat else field.partition(".")
        if dot:
            below.setdefault(head, {})[rest] = kind
        else:
            ways[field] = member = f"m{len(names)}"
            names[member] = field
            members.append((member, kind, None))
    for head, inside in below.items():
        names[member := f"m{len(names)}"] = head
        type_, deeper = _object(inside, is_flat)
        members.append((member, type_, type_()))
        ways.update({f"{head}.{rest}": f"{member}.{way}" for rest, way in deeper.items()})
    for other in sorted(_first_names(kinds).difference(names.values())):
        names[member := f"m{len(names)}"] = other
        members.append((member, _NOTHING, None))
    return msgspec.defstruct("_Object", members, rename=names, frozen=True, gc=False), ways


def _first_names(fields: Iterable[str]) -> set[str]:
    """Every name by which an object may begin to spell a field.

    >>> sorted(_first_names(["host.os.type"]))
    ['host', 'host.os', 'host.os.type']
    """
    found: set[str] = set()
    for field in fields:
        found.update(field[:place] for place, sign in enumerate(field) if sign == ".")
        found.add(field)
    return found


def _getter(ways: Sequence[str]) -> Callable[[Any], Values]:
    if len(ways) > 1:
        return attrgetter(*ways)
    each = [attrgetter(way) for way in ways]
    return lambda root: tuple(get(root) for get in each)


def _is_odd(field: str) -> bool:
    """Whether no type can be made for a field."""
    return field.count(".") > _LONGEST_WAY or _UNNAMEABLE.search(field) is not None


def _are_mixed(fields: Sequence[str]) -> bool:
    """Whether one of the fields stands within another, which would be value and object at once."""
    return any(one.startswith(f"{other}.") for one in fields for other in fields)


class _Whole:
    """Reads lines of any arrangement, at the price of decoding all of them."""

    def __init__(self, fields: Sequence[str]) -> None:
        unique = tuple(dict.fromkeys(fields))
        self._places = [unique.index(field) for field in fields]
        self._count = len(unique)
        self._extract = Extractor(unique).extract
        self._decode = msgspec.json.Decoder(dict[str, Any]).decode

    def read(self, line: bytes) -> Values | None:
        """As `Narrow.read`."""
        found: list[list[Scalar]] = [[] for _ in range(self._count)]
        try:
            for number, value in self._extract(self._decode(line)):
                found[number].append(value)
        except _UNREADABLE:
            return None
        return tuple(_as_read(found[place]) for place in self._places)


def _as_read(values: list[Scalar]) -> object:
    return values[0] if len(values) == 1 else tuple(values) or None
