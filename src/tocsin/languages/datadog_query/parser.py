r"""Datadog's log search read as `syntax`.

    query   := all ( OR all )*
    all     := term ( [AND] term )*
    term    := ['-' | NOT | '+'] ( [name ':'] ( value | '(' query ')' ) | CIDR(name, block, …) )
    value   := word | wildcards | "phrase" | range
    range   := ('[' | '{') bound TO bound (']' | '}')  |  ('>' | '>=' | '<' | '<=') bound

Operators are upper-case; ``&&`` and ``||`` are operators too.

>>> parse(SourceText("a OR -b c")).terms[1].terms[0].term.value.value
'b'

https://docs.datadoghq.com/logs/explorer/search_syntax/
"""

from __future__ import annotations

from typing import Final

from tocsin.errors import QueryError, QuerySemanticError, QuerySyntaxError, UnsupportedFeature
from tocsin.languages._parsing import Cursor, Token
from tocsin.languages.datadog_query.lexer import (
    LEXER,
    RANGE,
    glob_of,
    has_wildcard,
    unescaped,
    unquoted,
)
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
from tocsin.source_text import SourceText, Span

_KEYWORDS: Final = frozenset({"AND", "OR", "NOT"})
_VALUES: Final = frozenset({"word", "phrase", "range", "compare"})


def parse(source: SourceText) -> Node:
    """What a query says.

    Raises:
        QuerySyntaxError: it does not follow the grammar; points to where.
        QuerySemanticError: it makes no sense.
        UnsupportedFeature: it asks for a calculated field.
    """
    return _Parser(source).query()


class _Parser:
    """A place among the tokens, and one method for each thing that may stand there."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.cursor = Cursor(source, LEXER)

    def query(self) -> Node:
        if self.cursor.at("end"):
            return Everything()
        node = self.alternatives(None)
        if not self.cursor.at("end"):
            raise self.error("there is no '(' to this ')'", self.cursor.peek(),
                             "remove it, or write \\)")  # fmt: skip
        return node

    # --- operators ----------------------------------------------------------------------------
    # Few calls a level: queries nest deeply, and Python's stack is not that deep.

    def alternatives(self, field: Name | None) -> Node:
        found: list[Node] = []
        terms = [self.term(field)]
        while not (self.cursor.at("end") or self.cursor.at("bracket", ")")):
            if self.cursor.at("word", "OR") or self.cursor.at("either"):
                self.needs_term(self.cursor.next())
                found.append(_all(terms))
                terms = []
            elif self.cursor.at("word", "AND") or self.cursor.at("both"):
                self.needs_term(self.cursor.next())
            terms.append(self.term(field))
        found.append(_all(terms))
        return found[0] if len(found) == 1 else Or(tuple(found))

    def needs_term(self, operator: Token) -> None:
        if self.cursor.at("end") or self.cursor.at("bracket", ")"):
            raise self.error(f"nothing stands behind {operator.text!r}", operator, "remove it")

    def term(self, field: Name | None) -> Node:
        sign = self.sign()
        token = self.cursor.peek()
        if token.kind == "word" and self.is_name(token):
            field = self.name(self.cursor.next())
        opened = self.cursor.accept("bracket", "(")
        if opened is not None:
            with self.cursor.deeper():
                if self.cursor.at("bracket", ")"):
                    raise self.error("nothing stands in these parentheses", opened)
                if self.cursor.at("end"):
                    raise self.error("this '(' is never closed", opened, "add the missing ')'")
                found = self.alternatives(field)
                if not self.cursor.accept("bracket", ")"):
                    raise self.error("this '(' is never closed", opened, "add the missing ')'")
        else:
            found = self.network(self.cursor.next()) if token.kind == "call" else self.match(field)
        return Not(found) if sign is not None and sign.text != "+" else found

    def sign(self) -> Token | None:
        sign = self.cursor.accept("sign") or self.cursor.accept("word", "NOT")
        if sign is None:
            return None
        self.needs_term(sign)
        after = self.cursor.peek()
        if after.kind == "sign" or (after.kind == "word" and after.text == "NOT"):
            message = f"{after.text!r} does not stand behind {sign.text!r}"
            raise self.error(message, after, "put what it says in parentheses")
        return sign

    # --- names --------------------------------------------------------------------------------

    def is_name(self, token: Token) -> bool:
        colon = self.cursor.peek(1)
        return colon.kind == "colon" and colon.start == token.end

    def name(self, token: Token) -> Name:
        colon = self.cursor.next()
        after = self.cursor.peek()
        if after.kind == "sign":
            raise self.error(
                f"{after.text!r} does not stand behind a colon", after,
                f"write \\{after.text} for the character, or -{token.text}:… for what is not",
            )  # fmt: skip
        is_keyword = after.kind == "word" and after.text in _KEYWORDS
        is_group = after.kind == "bracket" and after.text == "("
        if is_keyword or not (after.kind in _VALUES or is_group):
            hint = f"any value: {token.text}:*; a colon in a value is written \\:, or quoted"
            raise self.error("no value stands behind this colon", colon, hint)
        return self.name_of(token.text, self.cursor.span(token))

    def name_of(self, text: str, span: Span) -> Name:
        if text != "*" and has_wildcard(text):
            message = "the name of a field has no wildcards"
            raise QuerySemanticError(message, span, "to look into all attributes write *:…")
        name = unescaped(text)
        if name in {"@", "@."}:
            raise QuerySyntaxError("'@' needs the name of an attribute", span)
        return Name(name, span)

    def network(self, token: Token) -> Node:
        """``CIDR(@ip, 10.0.0.0/8)``."""
        opening = token.text.index("(") + 1
        parts: list[Text] = []
        at = token.start + opening
        for piece in token.text[opening:-1].split(","):
            start = at + len(piece) - len(piece.lstrip())
            text = piece.strip()
            parts.append(Text(text, span=self.source.span(start, start + len(text))))
            at += len(piece) + 1
        field, *blocks = parts
        if not blocks or not all(part.value for part in parts):
            hint = "it is like CIDR(@network.client.ip, 10.0.0.0/8)"
            raise self.error("CIDR takes an attribute and at least one block", token, hint)
        assert field.span is not None  # noqa: S101  (each was given one)
        return Network(self.name_of(field.value, field.span), tuple(blocks))

    # --- values -------------------------------------------------------------------------------

    def match(self, field: Name | None) -> Node:
        token = self.cursor.peek()
        if token.kind not in _VALUES or (token.kind == "word" and token.text in _KEYWORDS):
            raise self.unexpected(token)
        self.cursor.next()
        self.check_neighbour(token)
        value = self.value(token)
        if field is not None and field.name in {"_exists_", "_missing_"}:
            return self.exists(field, token, value)
        everywhere = field is None or field.name == "*"
        if isinstance(value, Pattern) and value.glob == "*":
            return Everything() if field is None or everywhere else Exists(field)
        if isinstance(value, Interval) and everywhere:
            hint = "write the field and a colon in front of it: @http.status_code:[400 TO 499]"
            raise QuerySemanticError("a range needs a field", value.span, hint)
        return Match(field, value)

    def exists(self, field: Name, token: Token, value: Value) -> Node:
        if isinstance(value, Interval) or token.text == "*":
            message = f"{field.name} needs the name of a field"
            raise QuerySemanticError(message, self.cursor.span(token))
        text = token.text[1:-1] if token.kind == "phrase" else token.text
        found = Exists(self.name_of(text, self.cursor.span(token)))
        return found if field.name == "_exists_" else Not(found)

    def value(self, token: Token) -> Value:
        span = self.cursor.span(token)
        match token.kind:
            case "phrase":
                return Text(unquoted(token.text), quoted=True, span=span)
            case "range":
                return _range(token.text, span)
            case "compare":
                return _comparison(token.text, span)
            case _ if has_wildcard(token.text):
                return Pattern(glob_of(token.text), span)
            case _:
                return Text(unescaped(token.text), span=span)

    def check_neighbour(self, token: Token) -> None:
        """Refuses text right behind a value: nobody means two of them."""
        after = self.cursor.peek()
        if after.start == token.end and after.kind in (*_VALUES, "colon", "calculated"):
            hints = {
                "colon": "a colon in a value is written \\:, or the value quoted",
                "compare": f"for the character itself write \\{after.text[:1]}",
                "calculated": "for the character itself write \\#",
            }
            hint = hints.get(after.kind, "put a blank between the two, or quotes around both")
            raise self.error("this stands right behind a value", after, hint)

    def unexpected(self, token: Token) -> QueryError:
        if token.kind == "calculated":
            message = "calculated fields (#…) are known to Datadog alone"
            return UnsupportedFeature(
                message, self.cursor.span(token), "for the character itself write \\#"
            )
        hints = {
            "colon": "a field's name stands right in front of a colon, without quotes",
            "word": f'to look for the word itself, quote it: "{token.text}"',
        }
        return self.cursor.error("expected a field or a value", hints.get(token.kind, ""))

    def error(self, message: str, token: Token, hint: str = "") -> QuerySyntaxError:
        return QuerySyntaxError(message, self.cursor.span(token), hint)


def _all(terms: list[Node]) -> Node:
    return terms[0] if len(terms) == 1 else And(tuple(terms))


def _range(text: str, span: Span) -> Interval:
    found = RANGE.fullmatch(text)
    assert found is not None  # noqa: S101  (the lexer has matched it)
    return Interval(_bound(found[1], text[0] == "["), _bound(found[2], text[-1] == "]"), span)


def _bound(text: str, included: bool) -> Bound | None:
    return None if text == "*" else Bound(unquoted(text), included)


def _comparison(text: str, span: Span) -> Interval:
    included = text[1] == "="
    bound = Bound(unquoted(text[1 + included :]), included)
    return Interval(bound, None, span) if text[0] == ">" else Interval(None, bound, span)
