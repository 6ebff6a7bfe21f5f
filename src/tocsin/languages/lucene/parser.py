r"""Lucene's text read as `syntax`: the classic query parser, as Elasticsearch uses it.

    query    := clause ( [AND | && | OR | ||] clause )*
    clause   := [+ | - | NOT | !] [field ':'] ( value | '(' query ')' ['^' number] )
    value    := ( word | wildcards | "phrase" | /regex/ | range ) ['~'…] ['^' number]
    range    := ('[' | '{') bound TO bound (']' | '}')  |  ('>' | '>=' | '<' | '<=') bound

Keywords are upper-case. They are no operators with a precedence, but say of the clauses beside
them how they count: ``AND`` that both must hold, ``OR`` nothing at all. So ``a OR b AND c`` finds
what has b and c, and a does not matter.

Words in a row are one text (``New York`` is one value of a keyword), and a backslash in front of
any character makes it an ordinary one.

>>> clauses = parse(SourceText("name:(calc* OR wget) -old")).clauses
>>> [clause.occur for clause in clauses], clauses[1].node.value.value
(['should', 'must_not'], 'old')

https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-query-string-query#query-string-syntax
"""

from __future__ import annotations

import re
from typing import Final, cast

from tocsin.errors import QuerySemanticError, QuerySyntaxError, UnsupportedFeature
from tocsin.languages._parsing import Cursor, Lexer, Token
from tocsin.languages.lucene.syntax import (
    Bound,
    Clause,
    Clauses,
    Everything,
    Exists,
    Expression,
    Interval,
    Match,
    Name,
    Node,
    Occur,
    Pattern,
    Text,
    Value,
)
from tocsin.source_text import SourceText, Span

_BLANK: Final = " \\t\\n\\r\\u3000"
_FIRST: Final = rf"""[^{_BLANK}+\-!():^\[\]"{{}}~*?\\/]|\\."""
_BOUND: Final = r'"(?:[^"\\]|\\.)++"|[^\s\]}"][^\s\]}]*+'
_RANGE: Final = rf"[\[{{]\s*+(?:{_BOUND})\s++TO\s++(?:{_BOUND})\s*+[\]}}]"
_ENDS: Final = re.compile(rf"\s*+({_BOUND})\s++TO\s++({_BOUND})", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?\Z")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_COMPARISON: Final = re.compile(r"(>=|<=|>|<)")
_EXISTS: Final = "_exists_"


def _explain(text: str, at: int) -> tuple[str, str] | None:
    match text[at]:
        case '"':
            return "this quote is never closed", 'add the missing "; a quote inside is written \\"'
        case "/":
            return (
                "a slash begins a regular expression, and this one is never closed",
                'quote the value ("/etc/passwd"), or write \\/ for a slash',
            )
        case "[" | "{":
            return (
                "this is no range",
                f"a range is like [1 TO 5] or {{1 TO *}}; for the character write \\{text[at]}",
            )
        case "]" | "}":
            return f"there is no range to this {text[at]!r}", f"write \\{text[at]} for one"
        case "\\":
            return "the query ends in a backslash", "write \\\\ for one"
        case _:
            return None


_LEXER: Final = Lexer(
    [
        ("blank", rf"[{_BLANK}]+"),
        ("quoted", r'"(?:[^"\\]|\\(?s:.))*+"'),
        ("regex", r"/(?:[^/\\]|\\(?s:.))*+/"),
        ("range", rf"(?s:{_RANGE})"),
        ("word", rf"(?s:(?:{_FIRST}|[*?])(?:{_FIRST}|[*?+\-])*+)"),
        ("likeness", r"~[^\s()^]*+"),
        ("boost", r"\^[^\s()~]*+"),
        ("sign", r"[+\-!]"),
        ("bracket", r"[()]"),
        ("colon", r":"),
    ],
    skip={"blank"},
    explain=_explain,
)
_JOINTS: Final = {"AND": "must", "&&": "must", "OR": "should", "||": "should"}
_SIGNS: Final = {"+": "must", "-": "must_not", "!": "must_not", "NOT": "must_not"}
_BEHIND_A_RUN: Final = frozenset({"colon", "likeness", "boost"})


def parse(source: SourceText) -> Node:
    """What a query says.

    Raises:
        QuerySyntaxError: it does not follow the grammar; points to where.
        UnsupportedFeature: it does, and asks for likeness or nearness.
    """
    return _Parser(source).query()


class _Parser:
    """A place among the tokens, and one method for each thing that may stand there."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.cursor = Cursor(source, _LEXER)

    def query(self) -> Node:
        if self.cursor.at("end"):
            return Everything()
        node = self.clauses(None)
        if not self.cursor.at("end"):
            raise self.error(
                "there is no '(' to this ')'", self.cursor.peek(), "remove it, or write \\)"
            )
        return node

    # --- clauses ------------------------------------------------------------------------------

    def clauses(self, field: Name | None) -> Node:
        found: list[Clause] = []
        while not self.cursor.at("end") and not self.cursor.at("bracket", ")"):
            joint = self.joint(found)
            sign = self.sign()
            occur = sign or ("must" if joint == "must" else "should")
            if joint == "must" and found[-1].occur == "should":
                found[-1] = Clause("must", found[-1].node)
            alone = bool(joint or sign)
            found.append(Clause(occur, self.clause(field, alone=alone)))
        if not found:
            raise self.error("nothing stands in these parentheses", self.cursor.peek())
        if len(found) == 1 and found[0].occur != "must_not":
            return found[0].node
        return Clauses(tuple(found))

    def joint(self, found: list[Clause]) -> str:
        """What stands between two clauses; nothing in front of the first."""
        token = self.cursor.peek()
        if token.kind != "word" or token.text not in _JOINTS:
            return ""
        if not found:
            raise self.error(
                f"nothing stands in front of {token.text!r}", token,
                f'remove it, or quote the word: "{token.text}"',
            )  # fmt: skip
        self.cursor.next()
        if self.cursor.at("end") or self.cursor.at("bracket", ")"):
            raise self.error(f"nothing stands behind {token.text!r}", token, "remove it")
        if self.cursor.at("word", *_JOINTS):
            second = self.cursor.peek()
            raise self.error(
                f"{second.text!r} does not stand behind {token.text!r}", second,
                "remove one of the two",
            )  # fmt: skip
        return _JOINTS[token.text]

    def sign(self) -> Occur | None:
        token = self.cursor.peek()
        if not (token.kind == "sign" or (token.kind == "word" and token.text == "NOT")):
            return None
        self.cursor.next()
        after = self.cursor.peek()
        if after.kind == "end" or (after.kind == "bracket" and after.text == ")"):
            raise self.error(f"nothing stands behind {token.text!r}", token)
        if token.kind == "sign" and after.start > token.end:
            # Lucene takes a sign that stands alone as a word to look for, which nobody means.
            message = f"a blank stands behind {token.text!r}"
            hint = f'remove the blank; for the character itself write "{token.text}"'
            raise UnsupportedFeature(message, self.cursor.span(token), hint)
        if after.kind == "sign" or (after.kind == "word" and after.text in (*_JOINTS, "NOT")):
            raise self.error(
                f"{after.text!r} does not stand behind {token.text!r}", after,
                "put what it says in parentheses",
            )  # fmt: skip
        return cast("Occur", _SIGNS[token.text])

    def clause(self, field: Name | None, *, alone: bool) -> Node:
        """A clause; ``alone``: of words in a row only the first is meant."""
        first = self.cursor.peek()
        named = first.kind == "word" and self.cursor.peek(1).kind == "colon"
        if named:
            field = self.name(first)
        opened = self.cursor.accept("bracket", "(")
        if opened:
            return self.group(opened, field)
        return self.match(field, named=named, alone=alone or named)

    def name(self, token: Token) -> Name | None:
        """The field in front of a colon; none for ``*``, which is any."""
        self.cursor.next()
        self.check_escapes(token)
        colon = self.cursor.next()
        span = self.cursor.span(token)
        if token.text == "*":
            return None
        if _unescaped_wildcard(token.text):
            escaped = re.sub(r"(?<!\\)\*", r"\\*", token.text)
            message = "a wildcard in a field's name needs a backslash"
            raise QuerySyntaxError(message, span, f"write {escaped}:")
        after = self.cursor.peek()
        if after.kind == "word" and after.text == "NOT":
            message = "'NOT' does not stand behind a colon"
            hint = f"write NOT {token.text}:…, or {token.text}:(NOT …)"
            raise self.error(message, after, hint)
        if after.kind == "sign":
            message = f"{after.text!r} does not stand behind a colon"
            hint = f"write \\{after.text} for the character itself, or quote the value"
            raise self.error(message, after, hint)
        if after.kind == "colon":
            message, hint = "two colons in a row", "a colon in a value is written \\:, or quoted"
            raise self.error(message, after, hint)
        if not self._begins_value(after) and not (after.kind == "bracket" and after.text == "("):
            raise self.error(
                "nothing stands behind this colon", colon, f"any value: {token.text}:*"
            )
        return Name(_unescaped(token.text), span)

    def group(self, opened: Token, field: Name | None) -> Node:
        with self.cursor.deeper():
            if self.cursor.at("end"):
                raise self.unclosed(opened)
            node = self.clauses(field)
            if not self.cursor.accept("bracket", ")"):
                raise self.unclosed(opened)
        if self.cursor.at("likeness"):
            token = self.cursor.peek()
            raise self.error("'~' does not stand behind parentheses", token)
        self.boost()
        return node

    def unclosed(self, opened: Token) -> QuerySyntaxError:
        return self.error("this '(' is never closed", opened, "add the missing ')'")

    # --- values -------------------------------------------------------------------------------

    def match(self, field: Name | None, *, named: bool, alone: bool) -> Node:
        token = self.cursor.peek()
        if not self._begins_value(token):
            hints = {
                "colon": "a field's name has to stand in front of a colon; "
                "a colon in a value is written \\:, or quoted",
                "likeness": "it belongs right behind a word; for the character write \\~",
                "boost": "it belongs behind a value; for the character write \\^",
            }
            raise self.cursor.error("expected a field or a value", hints.get(token.kind, ""))
        self.cursor.next()
        value = self.value(token, field, alone=alone)
        if field is not None and field.name == _EXISTS:
            return self.exists(value)
        if isinstance(value, Pattern) and value.glob == "*":
            return Everything() if field is None else Exists(field)
        if field is None and not named and isinstance(value, Interval):
            raise QuerySemanticError(
                "a range needs a field", value.span, "write the field and a colon in front of it"
            )
        return Match(field, value)

    def exists(self, value: Value) -> Node:
        if isinstance(value, Text):
            return Exists(Name(value.value, value.span))
        if isinstance(value, Pattern):
            return Exists(Name(value.glob, value.span))
        raise QuerySemanticError("_exists_ needs the name of a field", value.span)

    def value(self, token: Token, field: Name | None, *, alone: bool) -> Value:
        self.check_escapes(token)
        span = self.cursor.span(token)
        found: Value
        match token.kind:
            case "quoted":
                found = Text(_unescaped(token.text[1:-1]), quoted=True, span=span)
            case "regex":
                found = self.regex(token, span)
            case "range":
                found = _range(token.text, span)
            case _ if _unescaped_wildcard(token.text):
                found = Pattern(_glob(token.text), span)
            case _:
                found = self.words(token, field, alone=alone)
        self.likeness(token)
        self.boost()
        if token.kind == "word":
            self.slash(token)
        return found

    def regex(self, token: Token, span: Span) -> Expression:
        after = self.cursor.peek()
        if after.kind in ("word", "regex") and after.start == token.end:
            # Lucene goes on to look for what stands there as a word of its own.
            raise UnsupportedFeature(
                "this is a regular expression, and text stands right behind it", span,
                'quote the value ("/etc/passwd"), or write \\/ for a slash',
            )  # fmt: skip
        return Expression(token.text[1:-1], span)

    def slash(self, token: Token) -> None:
        after = self.cursor.peek()
        if after.kind == "regex" and after.start == token.end:
            raise UnsupportedFeature(
                "a slash begins a regular expression, and text stands right in front of it",
                self.cursor.span(after), "quote the value, or write \\/ for a slash",
            )  # fmt: skip

    def words(self, token: Token, field: Name | None, *, alone: bool) -> Value:
        """A word and the words behind it that belong to nothing else: one text.

        Elasticsearch cuts nothing at blanks: what is between operators is analysed as a whole.
        """
        last, texts = token, [_unescaped(token.text)]
        # Behind a colon, a sign or an operator a word stands by itself: `f:a b` has two.
        while not alone and self._goes_on():
            last = self.cursor.next()
            self.check_escapes(last)
            texts.append(_unescaped(last.text))
        text, span = " ".join(texts), self.cursor.span(token, last)
        found = _COMPARISON.match(text)
        if field is None or found is None:
            return Text(text, span=span)
        # Not even a backslash keeps these from being comparisons.
        bound = Bound(text[found.end() :], "=" in found[1])
        if not bound.text:
            raise QuerySyntaxError(
                f"nothing stands right behind {found[1]!r}", span,
                f"write the bound without quotes or blanks: {field.name}:{found[1]}5",
            )  # fmt: skip
        return Interval(bound, None, span) if ">" in found[1] else Interval(None, bound, span)

    def _goes_on(self) -> bool:
        token, after = self.cursor.peek(), self.cursor.peek(1)
        return (
            token.kind == "word"
            and token.text not in _JOINTS
            and token.text != "NOT"
            and not _unescaped_wildcard(token.text)
            and after.kind not in _BEHIND_A_RUN
            and not (after.kind == "word" and (after.text in _JOINTS or after.text == "*"))
        )

    def likeness(self, token: Token) -> None:
        found = self.cursor.accept("likeness")
        if found is None:
            return
        span = self.cursor.span(found)
        if token.kind == "quoted":
            message, hint = "words that stand near each other (~) are not supported", "remove it"
        elif token.kind == "word":
            message, hint = "words that are alike (~) are not supported", "remove it, or use * or ?"
        else:
            raise self.error(
                "'~' does not stand here", found, "it belongs behind a word or a phrase"
            )
        raise UnsupportedFeature(message, span, hint)

    def boost(self) -> None:
        """``^2``, which changes a score, and no rule asks for scores."""
        found = self.cursor.accept("boost")
        if found and not _NUMBER.match(found.text, 1):
            raise self.error(
                "expected a number behind '^'", found, "for the character itself write \\^"
            )

    def check_escapes(self, token: Token) -> None:
        r"""Refuses a ``\u`` without the four digits of a character behind it."""
        if token.kind == "regex" or "\\u" not in token.text:
            return
        for found in _ESCAPE.finditer(token.text):
            if found[2] == "u" or (found[1] and 0xD800 <= int(found[1], 16) < 0xE000):
                start = token.start + found.start()
                raise QuerySyntaxError(
                    f"{found[0]!r} is no character".replace("\\\\", "\\"),
                    self.source.span(start, start + len(found[0])),
                    "a backslash itself is written \\\\",
                )

    def _begins_value(self, token: Token) -> bool:
        if token.kind == "word":
            return token.text not in _JOINTS and token.text != "NOT"
        return token.kind in ("quoted", "regex", "range")

    def error(self, message: str, token: Token, hint: str = "") -> QuerySyntaxError:
        return QuerySyntaxError(message, self.cursor.span(token), hint)


def _range(text: str, span: Span) -> Interval:
    found = _ENDS.match(text, 1)
    assert found is not None  # noqa: S101  (the lexer has matched it)
    low, high = _bound(found[1], text[0] == "["), _bound(found[2], text[-1] == "]")
    return Interval(low, high, span)


def _bound(text: str, included: bool) -> Bound | None:
    if text == "*":
        return None
    return Bound(_unescaped(text[1:-1] if text.startswith('"') else text), included)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _unescaped_wildcard(text: str) -> bool:
    plain = _ESCAPE.sub("", text)
    return "*" in plain or "?" in plain


def _glob(text: str) -> str:
    """The word as a glob: escapes stay where they matter there."""

    def escaped(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16)) if found[1] else found[2]
        return f"\\{character}" if character in "*?\\" else character

    return _ESCAPE.sub(escaped, text)
