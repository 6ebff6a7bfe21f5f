"""What the names in an expression mean: fields, variables, and lengths of both.

Macros come before them; constants before macros, except behind ``in``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.events.schema.secl import FIM, INDEXED, FieldClass, FieldKind, Fields
from tocsin.languages.secl.operands import OUTER, TYPES, ZEROS, Computed, Read
from tocsin.languages.secl.syntax import Name
from tocsin.logic.agent_rule import UNIQUE, Variable
from tocsin.logic.value import Call, Field
from tocsin.source_text import Span

_BRACKETS = re.compile(r"([^\[\]]*)\[([^\[\]]*)\](.*)\Z")
_LENGTH: Final = ".length"
_ROOT: Final = ".root_domain"
_CLOSE: Final = 0.8

Variables = Mapping[str, Variable | str]
"""The known variables by name; a text in the place of one says why there is none."""


class Register(msgspec.Struct, frozen=True):
    """``process.ancestors[A]``: one object for the whole rule.

    Attributes:
        iterator: the array of objects.
        name: the letter.
    """

    iterator: str
    name: str


def find_register(names: Iterator[Name], fields: Fields) -> Register | None:
    """The one iterator variable of an expression, or None.

    Raises:
        QuerySemanticError: there are two, or it has no name, or what it is on is no iterator.
    """
    iterators = {kind.iterator for kind in fields.kinds.values() if kind.iterator}
    found: Register | None = None
    for name in names:
        match = _BRACKETS.match(name.name)
        # A number at the end is an element's, anywhere else it is a name: process.ancestors[1].pid
        if match is None or (match[2].isdigit() and not match[3]):
            continue
        if match[1] not in iterators or not match[3].startswith("."):
            hint = ""
            if match[1] in fields.kinds:
                hint = "an array is indexed by a number: [0]"
            raise QuerySemanticError(f"{match[1]!r} is no iterator", name.span, hint)
        if match[2] in {"", "_"}:
            message = "an iterator variable needs a name"
            raise QuerySemanticError(message, name.span, f"write {match[1]}[A]{match[3]}")
        register = Register(match[1], match[2])
        if found is not None and register != found:
            message = f"a rule has one iterator variable, and {found.iterator}[{found.name}] is it"
            raise QuerySemanticError(message, name.span)
        found = register
    return found


class Resolver:
    """Finds fields and variables, and remembers which it found.

    Args:
        fields: the table.
        variables: the variables.
        register: the iterator variable of the expression.
        fim: what ``fim.write.file.`` stands for in this variant of the expression.

    Attributes:
        events: the event types that fields fixed, with the place of the first one.
        shared: fields that some event types have, with these and their place.
        read: the variables that were read, by name.
    """

    def __init__(
        self, fields: Fields, variables: Variables, register: Register | None, fim: str = ""
    ) -> None:
        self.fields = fields
        self.events: dict[str, Span] = {}
        self.shared: dict[str, tuple[tuple[str, ...], Span]] = {}
        self.read: dict[str, Variable] = {}
        self._variables = variables
        self._register = register
        self._fim = fim

    def field(self, name: str, span: Span, *, in_macro: bool = False) -> Read | Computed:
        """The field of a name, or its length.

        Raises:
            QuerySemanticError: there is no such field.
            UnsupportedFeature: there is, but Tocsin cannot read it in this way.
        """
        if name.startswith(FIM):
            if in_macro:
                raise QuerySemanticError(f"{FIM}* cannot stand in a macro", span)
            if not self._fim:
                message = f"{FIM}* stands in the expression of a rule only"
                raise QuerySemanticError(message, span)
            name = self._fim + name.removeprefix(FIM)
        match = _BRACKETS.match(name)
        if match is None:
            return self._plain(name, name, span)
        if match[2].isdigit() and not match[3]:
            return self._element(match[1], int(match[2][:9]), name, span)
        if self._register != Register(match[1], match[2]):
            raise self._unknown(name, span)
        return self._plain(match[1] + match[3], name, span, registered=True)

    def reference(self, name: str, span: Span) -> Read | Computed:
        """What ``%{name}`` reads: a field, which iterator variables cannot be part of.

        Raises:
            QuerySemanticError: there is no such field.
            UnsupportedFeature: there is, but Tocsin cannot read it in this way.
        """
        match = _BRACKETS.match(name)
        if match is not None and not (match[2].isdigit() and not match[3]):
            message = f"%{{{name}}} cannot hold an iterator variable"
            raise QuerySemanticError(message, span, f"write {name}")
        if name.endswith(_ROOT) and name not in self.fields.kinds:
            read = self.field(name.removesuffix(_ROOT), span)
            if not isinstance(read, Read) or read.type != "string":
                raise QuerySemanticError(f"{name.removesuffix(_ROOT)} is no domain", span)
            return _looked_at(read, "root_domain", "string", span, array=read.array)
        return self.field(name, span)

    def variable(self, name: str, span: Span) -> Read | Computed:
        """What ``${name}`` reads.

        Raises:
            QuerySemanticError: no rule sets such a variable.
            UnsupportedFeature: there is one, but Tocsin cannot read it in this way.
        """
        plain = self.fields.variables.get(name)
        if plain is not None:
            return self.field(plain, span)
        found = UNIQUE if name == UNIQUE.name else self._variables.get(name)
        if isinstance(found, Variable):
            return self._read_variable(found, span)
        if found is None and name.endswith(_LENGTH):
            known = self._variables.get(name.removesuffix(_LENGTH))
            if isinstance(known, Variable):
                return self._length_of(self._read_variable(known, span), span)
            found = known
        raise self._no_variable(name, found, span)

    def document_field(self, name: str) -> str:
        """What a field of the whole event is called where the expression is evaluated."""
        return self._outer(self.fields.prefix + name)

    def now(self) -> Field:
        """The time of the event."""
        return Field(self.document_field("now"), "long", spelled="now")

    # --- fields ---

    def _outer(self, document_name: str) -> str:
        return (OUTER if self._register else "") + document_name

    def _plain(
        self, name: str, spelled: str, span: Span, *, registered: bool = False
    ) -> Read | Computed:
        kind, name = self._kind(name)
        if kind is not None:
            self._note(name, kind, span)
            return self._read(name, kind, spelled, span, registered=registered)
        if name.endswith(_LENGTH):
            parent, _ = self._kind(name.removesuffix(_LENGTH))
            if parent is not None:
                return self._length(name.removesuffix(_LENGTH), spelled, span, registered)
        if name.endswith(_ROOT) and self._kind(name.removesuffix(_ROOT))[0] is not None:
            message = "a root domain is a reference"
            raise QuerySemanticError(message, span, f"write %{{{name}}}")
        raise self._unknown(name, span)

    def _read(
        self, name: str, kind: FieldKind, spelled: str, span: Span, *, registered: bool
    ) -> Read:
        if registered and kind.iterator:
            # Inside an iterator a field counts as an array of one, as it does in Datadog's Agent.
            missing = None if kind.element_array else ZEROS[kind.type]
            return Read(name.removeprefix(f"{kind.iterator}."), kind, spelled, True, missing, span)
        missing = None if kind.array else ZEROS[kind.type]
        objects = ""
        if kind.iterator and not kind.element_array:
            objects = self.document_field(kind.iterator)
        return Read(
            self.document_field(name), kind, spelled, kind.array, missing, span, objects
        )  # fmt: skip

    def _length(self, name: str, spelled: str, span: Span, registered: bool) -> Read | Computed:
        read = self._plain(name, spelled.removesuffix(_LENGTH), span, registered=registered)
        if not isinstance(read, Read) or read.type not in {"string", "int"}:
            raise QuerySemanticError(f"{name} has no length", span)
        over_objects = bool(read.kind.iterator) and not read.kind.element_array
        if not read.array or over_objects:
            return self._length_of(read, span)
        # Decoders put the length of an array beside it.
        kind = FieldKind("int", event=read.kind.event, iterator=read.kind.iterator)
        over = bool(read.kind.iterator) and not registered
        objects = self.document_field(read.kind.iterator) if over else ""
        missing = None if over else 0
        field = f"{read.field}{_LENGTH}"
        return Read(field, kind, spelled, bool(read.kind.iterator), missing, span, objects)

    def _length_of(self, read: Read, span: Span) -> Computed:
        """The length of a text in bytes; of an iterator's texts, that of each."""
        if read.type == "bool" or (read.type != "string" and not read.array):
            raise QuerySemanticError(f"{read.spelled} has no length", span)
        if read.array and not read.kind.iterator:
            return _looked_at(read, "length", "int", span)
        length = Call("length_bytes", (read.value(),))
        return Computed("int", length, span, read.array, objects=read.objects)

    def _element(self, name: str, index: int, spelled: str, span: Span) -> Read | Computed:
        kind, name = self._kind(name)
        if kind is None:
            raise self._unknown(name, span)
        if not kind.array:
            raise QuerySemanticError(f"{name} is no array", span)
        self._note(name, kind, span)
        if not kind.indexed or index >= INDEXED:
            if kind.iterator and not kind.element_array:
                raise UnsupportedFeature(f"Tocsin cannot read element {index} of {name}", span)
            read = self._read(name, kind, spelled, span, registered=False)
            return _looked_at(read, f"[{index}]", kind.type, span)
        field = f"{self.document_field(name)}[{index}]"
        return Read(field, kind, spelled, False, ZEROS[kind.type], span)

    def _kind(self, name: str) -> tuple[FieldKind | None, str]:
        kinds = self.fields.kinds
        if name not in kinds:
            name = self.fields.aliases.get(name, name)
        return kinds.get(name), name

    def _note(self, name: str, kind: FieldKind, span: Span) -> None:
        if kind.event:
            self.events.setdefault(kind.event, span)
        if kind.events:
            self.shared.setdefault(name, (kind.events, span))

    def _unknown(self, name: str, span: Span) -> QuerySemanticError:
        known = [*self.fields.kinds, *self.fields.constants]
        if len(known) > len(self.fields.kinds) and name.isupper():
            known = list(self.fields.constants)
        what = "field, constant or macro"
        return QuerySemanticError(f"no {what} is called {name!r}", span, _close_to(name, known))

    # --- variables ---

    def _read_variable(self, variable: Variable, span: Span) -> Read:
        self.read.setdefault(variable.name, variable)
        kind = FieldKind(variable.type, array=variable.array, element_array=variable.array)
        missing = None if variable.array else ZEROS[variable.type]
        spelled = f"${{{variable.name}}}"
        return Read(
            self._outer(variable.field), kind, spelled, variable.array, missing, span
        )  # fmt: skip

    def _no_variable(self, name: str, reason: str | None, span: Span) -> QuerySemanticError:
        message = f"no rule sets the variable ${{{name}}}"
        if reason:
            return QuerySemanticError(message, span, reason)
        if self._kind(name)[0] is not None:
            return QuerySemanticError(message, span, f"a field is written %{{{name}}}")
        known = [name for name, found in self._variables.items() if isinstance(found, Variable)]
        close = _close_to(name.removesuffix(_LENGTH), known)
        return QuerySemanticError(message, span, close)


def as_text(read: Read | Computed, spelled: str, span: Span) -> Field | Call:
    """The value as it stands in an interpolated text.

    Raises:
        QuerySemanticError: it cannot stand in one.
        UnsupportedFeature: Tocsin cannot put it there.
    """
    if read.type in {"bool", "ip"}:
        message = f"a text cannot hold {spelled}, which is of type {read.type}"
        raise QuerySemanticError(message, span)
    if read.array and (not isinstance(read, Read) or read.objects):
        raise UnsupportedFeature(f"Tocsin cannot join {spelled} into a text", span)
    value = read.value()
    if read.array and isinstance(value, Field):
        return msgspec.structs.replace(value, missing="", view="joined")
    assert isinstance(value, (Field, Call))  # noqa: S101  (for the types)
    return value


def _looked_at(
    read: Read, view: str, kind: FieldClass, span: Span, *, array: bool = False
) -> Computed:
    """The field through a view."""
    missing = None if array else ZEROS[kind]
    value = Field(read.field, TYPES[read.type], missing, read.spelled, view)
    return Computed(kind, value, span, array, objects=read.objects if array else "")


def _close_to(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE)
    return f"did you mean {close[0]}?" if close else ""
