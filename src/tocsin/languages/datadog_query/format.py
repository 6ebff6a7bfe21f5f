r"""Datadog's log search written out: canonical text.

``parse(format_query(node))`` says what ``node`` says.

>>> print(format_query(Match(Name("@evt.name"), Text("or else: *"))))
@evt.name:or\ else\:\ \*
"""

from __future__ import annotations

import re
from typing import Final

from tocsin.languages.datadog_query.syntax import (
    And,
    Bound,
    Everything,
    Exists,
    Interval,
    Match,
    Name,
    Network,
    Node,
    Not,
    Or,
    Pattern,
    Text,
    Value,
)
from tocsin.logic.patterns import ANY, OneCharacter, glob_parts

_SPECIAL: Final = re.compile(r'[\s\u00a0\u3000“”()\[\]{}":<>!~^#\\*?]')
_FRONT: Final = re.compile(r"(?=[+=\-])|(?=(?:AND|OR|NOT)\Z)|(?=&&|\|\|)|(?=CIDR\Z)")
_IN_QUOTES: Final = re.compile(r'["\\]')


def format_query(node: Node) -> str:
    """The query's canonical text."""
    match node:
        case Everything():
            return "*"
        case Exists(field):
            return f"{_name(field)}:*"
        case Network(field, blocks):
            return f"CIDR({_name(field)}, {', '.join(block.value for block in blocks)})"
        case Match(field, value):
            return _value(value) if field is None else f"{_name(field)}:{_value(value)}"
        case Not(term):
            inner = format_query(term)
            return f"-({inner})" if isinstance(term, (And, Or, Not)) else f"-{inner}"
        case And(terms):
            return " AND ".join(_grouped(term, (And, Or)) for term in terms)
        case Or(terms):
            return " OR ".join(_grouped(term, (Or,)) for term in terms)


def _grouped(term: Node, inside: tuple[type, ...]) -> str:
    text = format_query(term)
    return f"({text})" if isinstance(term, inside) else text


def _name(field: Name) -> str:
    return "*" if field.name == "*" else _word(field.name)


def _value(value: Value) -> str:
    match value:
        case Text(text, quoted):
            return _quoted(text) if quoted or not text else _word(text)
        case Pattern(glob):
            parts = [
                "*" if part is ANY else "?" if isinstance(part, OneCharacter) else _escaped(part)
                for part in glob_parts(glob)
            ]
            return _front("".join(parts))
        case Interval(low, high):
            opening = "[" if low is None or low.included else "{"
            closing = "]" if high is None or high.included else "}"
            return f"{opening}{_end(low)} TO {_end(high)}{closing}"


def _end(bound: Bound | None) -> str:
    return "*" if bound is None else _quoted(bound.text)


def _word(text: str) -> str:
    return _front(_escaped(text))


def _front(text: str) -> str:
    """Escapes what would be an operator in front."""
    return f"\\{text}" if _FRONT.match(text) else text


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _quoted(text: str) -> str:
    escaped = _IN_QUOTES.sub(r"\\\g<0>", text)
    return f'"{escaped}"'
