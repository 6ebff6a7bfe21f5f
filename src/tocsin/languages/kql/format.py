r"""KQL written out: canonical text, and the tree that Kibana would make.

``parse(format_query(node))`` says what ``node`` says.

>>> print(format_query(Match(Text("process.name"), Text("or else: *"))))
process.name: or else\: \*
"""

from __future__ import annotations

import re
from typing import Any

from tocsin.languages.kql.syntax import (
    And,
    Compare,
    Constant,
    Match,
    Name,
    Nested,
    Node,
    Not,
    Or,
    Pattern,
    Text,
    Value,
)

_WS = " \t\r\n\u00a0"
_SPECIAL = re.compile(r'[\\():<>"*{}]')
_JOIN = re.compile(rf"([{_WS}])(?=(?:or|and)(?:[{_WS}]|\Z))", re.IGNORECASE)
_NOT = re.compile(rf"(?=not(?:[{_WS}]|\Z))(.)", re.IGNORECASE)
_BREAK_OT = re.compile(r"\n(?=ot)", re.IGNORECASE)
_KIBANA = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def format_query(node: Node) -> str:
    """The query's canonical text."""
    match node:
        case Match(field, value):
            return _value(value) if field is None else f"{_value(field)}: {_value(value)}"
        case Compare(field, operator, value):
            return f"{_value(field)} {operator} {_value(value)}"
        case Not(term):
            inner = format_query(term)
            return f"not ({inner})" if isinstance(term, (And, Or, Not)) else f"not {inner}"
        case And(terms):
            return " and ".join(_grouped(term, And | Or) for term in terms)
        case Or(terms):
            return " or ".join(_grouped(term, Or) for term in terms)
        case Nested(path, term):
            return f"{_value(path)}: {{ {format_query(term)} }}"


def _grouped(term: Node, inside: Any) -> str:
    text = format_query(term)
    return f"({text})" if isinstance(term, inside) else text


def _value(value: Value) -> str:
    match value:
        case Constant(constant):
            return "null" if constant is None else str(constant).lower()
        case Pattern(parts):
            return "*".join(_unquoted(part) for part in parts)
        case Text(text, quoted):
            # A blank that is trimmed: there is no other way to write no text without quotes.
            return _quoted(text) if quoted else _unquoted(text) or "\\t"


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def _unquoted(text: str) -> str:
    text = _SPECIAL.sub(r"\\\g<0>", text)
    # A keyword ends a literal, so a letter of it, or the blank before it, is written by its number.
    text = _NOT.sub(lambda found: f"\\u{ord(found[1]):04x}", text)
    text = _BREAK_OT.sub(r"\\u000a", text)  # \not is the keyword, not a line break and "ot"
    text = _JOIN.sub(lambda found: f"\\u{ord(found[1]):04x}", text)
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def to_kibana_ast(node: Node) -> dict[str, Any]:
    """The tree in the form of Kibana's own tests: ``{"fn": "is", "field": …, "value": …}``."""
    match node:
        case Match(field, value):
            found = {"fn": "is", "field": _ast_name(field), "value": _ast_value(value)}
        case Compare(field, operator, value):
            return {
                "fn": "range", "field": _ast_name(field), "op": _KIBANA[operator],
                "value": _ast_value(value),
            }  # fmt: skip
        case Not(term):
            return {"fn": "not", "arg": to_kibana_ast(term)}
        case And(terms):
            return {"fn": "and", "args": [to_kibana_ast(term) for term in terms]}
        case Or(terms):
            return {"fn": "or", "args": [to_kibana_ast(term) for term in terms]}
        case Nested(path, term):
            return {"fn": "nested", "path": _ast_name(path), "arg": to_kibana_ast(term)}
    if isinstance(value, Text) and value.quoted:
        found["quoted"] = True
    return found


def _ast_name(name: Name | None) -> Any:
    return None if name is None else _ast_value(name)


def _ast_value(value: Value) -> Any:
    if isinstance(value, Pattern):
        return {"wildcard": "*".join(value.parts)}
    return value.value
