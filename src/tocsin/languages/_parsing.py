"""The toolkit that the languages share: a regex lexer and a cursor over its tokens.

>>> lexer = Lexer([("word", "[a-z]+"), ("blank", " +")], skip={"blank"})
>>> cursor = Cursor(SourceText("to be"), lexer)
>>> cursor.next().text, cursor.at("word", "be"), cursor.next().text, cursor.peek().kind
('to', True, 'be', 'end')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

import msgspec

from tocsin.errors import QuerySyntaxError
from tocsin.source_text import SourceText, Span

DEEPEST = 200
"""How deep parentheses may nest: more is a mistake or an attack, and would exhaust the stack."""

LONGEST = 1_000_000
"""The longest query that is looked at, in characters."""


class Token(msgspec.Struct, frozen=True):
    """A word of a query.

    Attributes:
        kind: the lexer's name for it; ``end`` behind the last one.
        text: its characters as they stand.
        start: its place, in characters.
        end: the place behind it.
    """

    kind: str
    text: str
    start: int
    end: int


class Lexer:
    """Cuts a text into tokens: at each place the first kind that fits wins.

    Args:
        kinds: (name, regular expression) pairs, in order.
        skip: kinds that are thrown away (blanks, comments).
        explain: turns an offending place into a message and a hint; None for the general one.
    """

    def __init__(
        self,
        kinds: Sequence[tuple[str, str]],
        skip: Collection[str] = (),
        explain: Callable[[str, int], tuple[str, str] | None] | None = None,
    ) -> None:
        self._pattern = re.compile("|".join(f"(?P<{name}>{regex})" for name, regex in kinds))
        self._skip = frozenset(skip)
        self._explain = explain

    def tokens(self, source: SourceText) -> list[Token]:
        """All tokens, the last one of kind ``end``.

        Raises:
            QuerySyntaxError: a character that begins no token.
        """
        text, at, found = source.text, 0, []
        if len(text) > LONGEST:
            message = f"the query is longer than {LONGEST:,} characters"
            raise QuerySyntaxError(message, source.span(LONGEST))
        while at < len(text):
            match = self._pattern.match(text, at)
            if match is None or match.end() == at:
                explained = self._explain(text, at) if self._explain else None
                message, hint = explained or (f"unexpected character {text[at]!r}", "")
                raise QuerySyntaxError(message, source.span(at), hint)
            kind = match.lastgroup or ""
            if kind not in self._skip:
                found.append(Token(kind, match.group(), at, match.end()))
            at = match.end()
        found.append(Token("end", "", len(text), len(text)))
        return found


class Cursor:
    """A place among the tokens of a query, with errors that point."""

    def __init__(self, source: SourceText, lexer: Lexer) -> None:
        self.source = source
        self.tokens = lexer.tokens(source)
        self.index = 0
        self._depth = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token at the place, or ``ahead`` tokens later, without moving."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def next(self) -> Token:
        """The token at the place, moving behind it."""
        token = self.peek()
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def at(self, kind: str, *texts: str) -> bool:
        """Whether the next token is of this kind and, where texts are given, one of them."""
        token = self.peek()
        return token.kind == kind and (not texts or token.text in texts)

    def accept(self, kind: str, *texts: str) -> Token | None:
        """The next token if it is so, moving behind it; None otherwise."""
        return self.next() if self.at(kind, *texts) else None

    def expect(self, kind: str, *texts: str, what: str = "", hint: str = "") -> Token:
        """The next token, which has to be so.

        Raises:
            QuerySyntaxError: it is not; says what was expected.
        """
        if self.at(kind, *texts):
            return self.next()
        raise self.error(f"expected {what or ' or '.join(repr(t) for t in texts) or kind}", hint)

    def error(self, message: str, hint: str = "", token: Token | None = None) -> QuerySyntaxError:
        """An error at the next token, or at ``token``; names what stands there."""
        token = token or self.peek()
        found = "the end of the query" if token.kind == "end" else repr(token.text)
        return QuerySyntaxError(f"{message}, found {found}", self.span(token), hint)

    def span(self, first: Token, last: Token | None = None) -> Span:
        """From the first token's beginning to the last one's end."""
        return self.source.span(first.start, (last or first).end)

    def text_since(self, first: Token) -> str:
        """What stands between the beginning of a token and the place, as it was written."""
        last = self.tokens[max(self.index - 1, 0)]
        return self.source.text[first.start : last.end]

    def deeper(self) -> Nesting:
        """A context in which the query is one level deeper.

        Raises:
            QuerySyntaxError: it is too deep.
        """
        return Nesting(self)


class Nesting:
    """One level of nesting; see `Cursor.deeper`."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def __enter__(self) -> None:
        """One deeper."""
        self._cursor._depth += 1  # noqa: SLF001  (the two classes are one)
        if self._cursor._depth > DEEPEST:  # noqa: SLF001
            message = f"nested deeper than {DEEPEST} levels"
            raise QuerySyntaxError(message, self._cursor.span(self._cursor.peek()))

    def __exit__(self, *_: object) -> None:
        """One less deep."""
        self._cursor._depth -= 1  # noqa: SLF001
