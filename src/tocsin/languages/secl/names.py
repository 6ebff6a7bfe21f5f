"""What the names in an expression mean: constants, macros, fields, iterators, variables.

Looked for in that order; behind ``in`` macros come first.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tocsin.errors import QueryError, QuerySemanticError, UnsupportedFeature
from tocsin.events.schema.secl import FIM, INDEXED, FieldKind, Fields
from tocsin.languages.secl.operands import ZEROS, Computed, Read
from tocsin.languages.secl.parser import parse
from tocsin.languages.secl.syntax import Array, Name, Node, Text, children
from tocsin.logic.value import Call, Field
from tocsin.source_text import SourceText, Span

OUTER: Final = "^."
"""Before a field of the whole event, inside a `Nested`."""

_BRACKETS = re.compile(r"([^\[\]]*)\[([^\[\]]*)\](.*)\Z")
_LENGTH = ".length"
LARGEST: Final = 100_000
"""How many nodes an expression may have once its macros are put in."""
DEEPEST: Final = 100
"""How deep an expression may be once its macros are put in."""


class Macro(msgspec.Struct, frozen=True):
    """A named part of expressions: an expression, a list, or values.

    Attributes:
        expression: its text, with its place in the file; None where it has values.
        values: plain texts, never patterns.
    """

    expression: SourceText | None = None
    values: tuple[str, ...] = ()


class Macros:
    """The macros of a policy, parsed when they are first used."""

    def __init__(self, macros: Mapping[str, Macro | str]) -> None:
        self._macros = macros
        self._nodes: dict[str, Node] = {}
        self._sizes: dict[str, int] = {}
        self._open: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._macros

    def __iter__(self) -> Iterator[str]:
        return iter(self._macros)

    def node(self, name: str) -> Node:
        """The macro's syntax tree."""
        if name not in self._nodes:
            macro = self._macros[name]
            if isinstance(macro, str):
                macro = Macro(SourceText(macro, f"macro {name}"))
            self._nodes[name] = _listed(name, macro) if macro.expression is None else parse(
                macro.expression, macro=True
            )  # fmt: skip
        return self._nodes[name]

    def size(self, node: Node) -> int:
        """How many nodes the tree has once macros are put in.

        Raises:
            QuerySemanticError: a macro uses itself, or there are too many.
        """
        total, pending = 0, [node]
        while pending:
            here = pending.pop()
            total += 1
            pending.extend(children(here))
            if isinstance(here, Name) and here.name in self._macros:
                total += self._size_of(here)
            if total > LARGEST:
                message = f"the expression has more than {LARGEST:,} parts"
                raise QuerySemanticError(message, here.span)
        return total

    def _size_of(self, use: Name) -> int:
        name = use.name
        if name in self._open:
            message = f"the macro {name} uses itself"
            raise QuerySemanticError(message, use.span)
        if len(self._open) >= DEEPEST:
            raise QuerySemanticError(f"macros nest deeper than {DEEPEST} levels", use.span)
        if name not in self._sizes:
            self._open.append(name)
            try:
                self._sizes[name] = self.size(self.node(name))
            finally:
                self._open.pop()
        return self._sizes[name]

    def names(self, node: Node) -> Iterator[Name]:
        """Every name of a tree that is no macro, those inside macros too."""
        pending, seen = [node], set[str]()
        while pending:
            here = pending.pop()
            pending.extend(reversed(children(here)))
            if isinstance(here, Name):
                if here.name not in self._macros:
                    yield here
                elif here.name not in seen:
                    seen.add(here.name)
                    pending.append(self.node(here.name))


def _listed(name: str, macro: Macro) -> Node:
    source = SourceText(", ".join(f'"{value}"' for value in macro.values), f"macro {name}")
    span = source.span(0, len(source.text))
    if not macro.values:
        raise QuerySemanticError(f"the macro {name} has neither an expression nor values", span)
    return Array(tuple(Text(value, "text", span) for value in macro.values), span)


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
        if match is None or (match[2].isdigit() and not match[3]):
            continue
        if match[1] not in iterators or not match[3].startswith("."):
            hint = ""
            if match[1] in fields.kinds:
                hint = "an array is indexed by a number: [0]"
            raise QuerySemanticError(f"{match[1]!r} is no iterator", name.span, hint)
        if match[2].isdigit():
            message = f"Tocsin cannot read element {match[2]} of {match[1]}"
            raise UnsupportedFeature(message, name.span)
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
    """Finds fields, and remembers which event types they fix.

    Args:
        fields: the table.
        register: the iterator variable of the expression.
        fim: what ``fim.write.file.`` stands for in this variant of the expression.
    """

    def __init__(self, fields: Fields, register: Register | None, fim: str = "") -> None:
        self.fields = fields
        self.events: dict[str, Span] = {}
        self._register = register
        self._fim = fim

    def field(self, name: str, span: Span, *, in_macro: bool = False) -> Read | Computed:
        """The field of a name, or its length.

        Raises:
            QuerySemanticError: there is no such field.
            UnsupportedFeature: there is, but Tocsin cannot read it in this way.
        """
        if name.startswith(FIM):
            if in_macro or not self._fim:
                raise QuerySemanticError(f"{FIM}* cannot stand in a macro", span)
            name = self._fim + name.removeprefix(FIM)
        match = _BRACKETS.match(name)
        if match is None:
            return self._plain(name, name, span)
        if match[2].isdigit() and not match[3]:
            return self._element(match[1], int(match[2]), name, span)
        return self._plain(match[1] + match[3], name, span, registered=True)

    def document_field(self, name: str) -> str:
        """What a field of the whole event is called where the expression is evaluated."""
        return (OUTER if self._register else "") + self.fields.prefix + name

    def now(self) -> Field:
        """The time of the event."""
        return Field(self.document_field("now"), "long", spelled="now")

    def _plain(
        self, name: str, spelled: str, span: Span, *, registered: bool = False
    ) -> Read | Computed:
        kind, name = self._kind(name)
        if kind is not None:
            self._note(kind, span)
            inside = registered and bool(kind.iterator)
            many = kind.element_array if inside else kind.array
            document_field = (
                name.removeprefix(f"{kind.iterator}.") if inside else self.document_field(name)
            )
            # Inside an iterator a field counts as an array of one, as it does in Datadog's Agent.
            array = kind.array or inside
            missing = None if many else ZEROS[kind.type]
            return Read(document_field, kind, spelled, array, missing, span)
        if name.endswith(_LENGTH):
            parent, _ = self._kind(name.removesuffix(_LENGTH))
            if parent is not None:
                return self._length(name.removesuffix(_LENGTH), spelled, span, registered)
        if name.endswith(".root_domain"):
            raise UnsupportedFeature("Tocsin does not work out root domains", span)
        raise self._unknown(name, span)

    def _length(self, name: str, spelled: str, span: Span, registered: bool) -> Read | Computed:
        read = self._plain(name, spelled.removesuffix(_LENGTH), span, registered=registered)
        if not isinstance(read, Read) or read.type != "string":
            raise QuerySemanticError(f"{name} has no length", span)
        if read.missing is not None or (read.kind.iterator and not read.kind.element_array):
            # SECL: in bytes; of an iterator's texts, the length of each.
            return Computed("int", Call("length_bytes", (read.value(),)), span, read.array)
        if read.kind.iterator and not registered:
            message = f"Tocsin cannot read the lengths of the arrays {name}"
            raise UnsupportedFeature(message, span)
        kind = FieldKind("int", event=read.kind.event)
        return Read(read.field + _LENGTH, kind, spelled, read.array and registered, 0, span)

    def _element(self, name: str, index: int, spelled: str, span: Span) -> Read:
        kind, name = self._kind(name)
        if kind is None:
            raise self._unknown(name, span)
        if not kind.array:
            raise QuerySemanticError(f"{name} is no array", span)
        if not kind.indexed or index >= INDEXED:
            raise UnsupportedFeature(f"Tocsin cannot read element {index} of {name}", span)
        self._note(kind, span)
        field = f"{self.document_field(name)}[{index}]"
        return Read(field, kind, spelled, False, ZEROS[kind.type], span)

    def _kind(self, name: str) -> tuple[FieldKind | None, str]:
        kinds = self.fields.kinds
        if name not in kinds:
            name = self.fields.aliases.get(name, name)
        return kinds.get(name), name

    def _note(self, kind: FieldKind, span: Span) -> None:
        if kind.event:
            self.events.setdefault(kind.event, span)

    def _unknown(self, name: str, span: Span) -> QueryError:
        known = [*self.fields.kinds, *self.fields.constants]
        if len(known) > len(self.fields.kinds) and name.isupper():
            known = list(self.fields.constants)
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        hint = f"did you mean {close[0]}?" if close else ""
        what = "field, constant or macro"
        return QuerySemanticError(f"no {what} is called {name!r}", span, hint)
