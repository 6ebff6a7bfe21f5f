"""SECL's grammar, by recursive descent with one token of look-ahead.

```
expression = comparison [ ("||" | "or" | "&&" | "and") expression ]
comparison = arithmetic [ (">=" | ">" | "<=" | "<" | "!=" | "==" | "=~" | "!~") comparison
                        | ("in" | "not in" | "allin") array ]
arithmetic = bits { ("+" | "-") bits }
bits       = unary [ ("&" | "|" | "^") bits ]
unary      = ("!" | "not" | "-" | "^") unary | primary
```

``&&`` and ``||`` have one rank and associate to the right: ``a && b || c`` is ``a && (b || c)``.
An operator of two characters is two signs, and there may be a blank between them.
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.errors import QuerySyntaxError
from tocsin.languages._parsing import DEEPEST, Cursor, Token
from tocsin.languages.secl.lexer import LEXER
from tocsin.languages.secl.syntax import (
    Address,
    Array,
    Bits,
    Comparison,
    FieldReference,
    Logic,
    Name,
    Node,
    Number,
    Sum,
    Text,
    Unary,
    Variable,
)
from tocsin.logic.matchers import network_of
from tocsin.source_text import SourceText, Span

_LOGIC: Final = {"&&": "&&", "and": "&&", "||": "||", "or": "||"}
_COMPARISONS: Final = frozenset({"==", "!=", "=~", "!~", ">=", "<=", ">", "<"})
_TWO_SIGNS: Final = frozenset({"==", "!=", "=~", "!~", ">=", "<=", "&&", "||"})
_UNARY: Final = {"!": "!", "not": "!", "-": "-", "^": "^"}
_WORDS: Final = frozenset({"and", "or", "not", "in", "allin"})
_UNITS: Final = {"ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LONG = 1 << 63
_MANY_DIGITS = 24


def parse(source: SourceText | str, *, macro: bool = False) -> Node:
    """The syntax tree of an expression; of a macro, which may be a list alone.

    Raises:
        QuerySyntaxError: the text is not SECL.
    """
    cursor = Cursor(SourceText(source) if isinstance(source, str) else source, LEXER)
    parser = _Parser(cursor)
    node: Node
    if macro and cursor.at("sign", "["):
        node = parser.array()
    else:
        node = parser.expression()
    if not cursor.at("end"):
        raise cursor.error("expected an operator or the end", _hint(cursor))
    return node


def _hint(cursor: Cursor) -> str:
    """What may be meant by something that is no operator."""
    token, then = cursor.peek(), cursor.peek(1)
    if token.kind == "int" and token.text[0] in "+-":
        return f"put a blank behind the sign: '{token.text[0]} {token.text[1:]}'"
    if token.text.startswith(("in[", "allin[")):
        return "put a blank before '[': a name may hold brackets"
    if token.text in {"=", "!"} and then.kind == "pattern":
        return f"put a blank behind the operator: {token.text}~ {then.text[1:][:40]}"
    if token.text == "=":
        return "'==' compares, '=~' matches a pattern"
    return ""


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def expression(self) -> Node:
        cursor = self._cursor
        first = cursor.peek()
        with cursor.deeper():
            terms, operators = [self._comparison()], []
            while (operator := _LOGIC.get(self._operator())) is not None:
                self._take_operator()
                operators.append(operator)
                terms.append(self._comparison())
        if not operators:
            return terms[0]
        return Logic(tuple(terms), tuple(operators), self._since(first))  # type: ignore[arg-type]

    def _comparison(self) -> Node:
        cursor = self._cursor
        first = cursor.peek()
        left = self._arithmetic()
        operator = self._operator()
        if operator in _COMPARISONS:
            self._take_operator()
            with cursor.deeper():
                right = self._comparison()
        elif operator in {"in", "allin"}:
            cursor.next()
            right = self.array()
        elif operator == "not" and cursor.peek(1).text == "in":
            cursor.next()
            cursor.next()
            operator = "not in"
            right = self.array()
        else:
            return left
        return Comparison(operator, left, right, self._since(first))

    def _arithmetic(self) -> Node:
        cursor = self._cursor
        first = cursor.peek()
        left = self._bits()
        rest: list[tuple[Any, Node]] = []
        while (sign := cursor.accept("sign", "+", "-")) is not None:
            rest.append((sign.text, self._bits()))
            if len(rest) > DEEPEST:
                message = f"a sum of more than {DEEPEST} terms"
                raise QuerySyntaxError(message, cursor.span(sign))
        return Sum(left, tuple(rest), self._since(first)) if rest else left

    def _bits(self) -> Node:
        cursor = self._cursor
        first = cursor.peek()
        left = self._unary()
        operator: Any = self._operator()
        if operator not in {"&", "|", "^"}:
            return left
        cursor.next()
        with cursor.deeper():
            return Bits(operator, left, self._bits(), self._since(first))

    def _unary(self) -> Node:
        cursor = self._cursor
        first = cursor.peek()
        operator: Any = _UNARY.get(self._operator())
        if operator is None:
            return self._primary()
        cursor.next()
        with cursor.deeper():
            return Unary(operator, self._unary(), self._since(first))

    def _primary(self) -> Node:
        cursor = self._cursor
        if cursor.accept("sign", "("):
            # Counts twice, with the level of `expression`: nothing takes more of the stack.
            with cursor.deeper():
                node = self.expression()
            cursor.expect("sign", ")", what="')'")
            return node
        token = cursor.peek()
        node_or_none = None if token.text in _WORDS else self._value(token)
        if node_or_none is None:
            hint = ""
            if token.text == "[":
                hint = "a list stands behind 'in', 'not in' or 'allin'"
            raise cursor.error("expected a value", hint)
        cursor.next()
        return node_or_none

    def array(self) -> Node:
        """What may stand behind ``in``: a list, a block of addresses, or a name for one."""
        cursor = self._cursor
        token = cursor.peek()
        if token.kind in {"cidr", "variable", "field", "name"} and token.text not in _WORDS:
            cursor.next()
            node = self._value(token)
            if isinstance(node, Address):
                return Array((node,), node.span)
            if node is not None:
                return node
        hint = (
            f"a list is written [{token.text}]"
            if token.kind == "ip"
            else 'a list is written ["a", "b"]'
        )
        opening = cursor.expect("sign", "[", what="a list", hint=hint)
        members: list[Node] = []
        while not cursor.at("sign", "]"):
            members.append(self._member())
            if cursor.accept("sign", ",") is None:
                break
        if not members:
            raise cursor.error("a list needs a member")
        cursor.expect("sign", "]", what="',' or ']'")
        array = Array(tuple(members), self._since(opening))
        _check_members(array)
        return array

    def _member(self) -> Node:
        cursor = self._cursor
        token = cursor.peek()
        node = None
        if token.kind in {"text", "pattern", "regex", "int", "cidr", "ip", "name"}:
            node = self._value(token)
        if node is None:
            raise cursor.error("expected a member of the list")
        if isinstance(node, Name) and "]" in node.name and "[" not in node.name:
            hint = "put a blank before ']': a name may hold brackets"
            raise cursor.error("the list has no end", hint, token)
        cursor.next()
        return node

    def _value(self, token: Token) -> Node | None:
        span, text = self._cursor.span(token), token.text
        match token.kind:
            case "name":
                return Name(text, span)
            case "variable":
                return Variable(text[2:-1], span)
            case "field":
                return FieldReference(text[2:-1], span)
            case "text":
                return Text(text[1:-1], "text", span)
            case "pattern":
                return Text(text[2:-1], "pattern", span)
            case "regex":
                return Text(text[2:-1], "regex", span)
            case "int":
                return Number(_integer(text, 1, span), span)
            case "duration":
                digits = text.rstrip("msh")
                unit = text[len(digits) :]
                return Number(_integer(digits, _UNITS[unit], span), span, is_duration=True)
            case "ip" | "cidr":
                if network_of(text) is None:
                    raise QuerySyntaxError(f"{text!r} is no address", span)
                return Address(text, span)
        return None

    def _operator(self) -> str:
        """The operator at the place, which may be two signs; empty for none."""
        token, then = self._cursor.peek(), self._cursor.peek(1)
        if token.kind == then.kind == "sign" and token.text + then.text in _TWO_SIGNS:
            return token.text + then.text
        return token.text if token.kind in {"sign", "name"} else ""

    def _take_operator(self) -> None:
        for _ in range(2 if self._operator() in _TWO_SIGNS else 1):
            self._cursor.next()

    def _since(self, first: Token) -> Span:
        cursor = self._cursor
        return cursor.span(first, cursor.tokens[max(cursor.index - 1, 0)])


def _integer(text: str, unit: int, span: Span) -> int:
    value = int(text) * unit if len(text) <= _MANY_DIGITS else _LONG
    if not -_LONG <= value < _LONG:
        raise QuerySyntaxError(f"{text} does not fit into 64 bits", span)
    return value


def _sort(node: Node) -> str:
    match node:
        case Text():
            return "texts"
        case Number():
            return "numbers"
        case Address():
            return "addresses"
        case _:
            return "names"


def _check_members(array: Array) -> None:
    sort = _sort(array.members[0])
    for member in array.members:
        if _sort(member) != sort:
            message = f"a list of {sort} cannot hold {member.span.text}"
            raise QuerySyntaxError(message, member.span, "the members of a list are of one sort")
