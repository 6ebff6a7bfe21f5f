r"""EQL's words, and what the quoted ones say.

>>> [t.text for t in LEXER.tokens(SourceText('any where `a b` : "x*" // why'))][:5]
['any', 'where', '`a b`', ':', '"x*"']
>>> string_of(LEXER.tokens(SourceText(r'"\u{41}\\"'))[0])
'A\\'
"""

from __future__ import annotations

import re

from tocsin.errors import QuerySyntaxError
from tocsin.languages._parsing import LONGEST, Lexer, Token
from tocsin.source_text import SourceText

_LISTED = """
    and any by false in in~ join like like~ maxspan not null of or regex regex~ sample sequence
    true until where with
"""
KEYWORDS = frozenset(_LISTED.split())
"""Lower case only; a field of such a name has to stand in back-ticks."""

_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{2,8})\}|(.))", re.DOTALL)
_LARGEST = 0x10FFFF

_WORD = r"[A-Za-z_@][A-Za-z0-9_]*"
_KINDS = [
    ("blank", r"[ \t\r\n]+"),
    ("comment", r"//[^\r\n]*"),
    ("open", r"/\*"),
    ("keyword", rf"(?:(?:in|like|regex)~|(?:{'|'.join(sorted(KEYWORDS))})(?![A-Za-z0-9_~]))"),
    ("folded", r"[A-Za-z][A-Za-z0-9_]*~"),
    ("name", _WORD),
    ("quoted", r"`(?:[^`\r\n]|``)+`"),
    ("raw", r'"""[^\r\n]*?"""(?:"{1,2})?'),
    ("raw_begun", r'"""'),
    ("string", r'"(?:[^"\\\r\n]|\\[btnfr"\'\\]|\\u\{[0-9A-Fa-f]{2,8}\})*"'),
    (
        "decimal",
        r"[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+",
    ),
    ("integer", r"[0-9]+"),
    ("old_raw", r"\?[\"']"),
    ("op", r"!\[|[=!<>]=|[<>=:+\-*/%|,.()\[\]?]"),
]
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_GOOD_ESCAPE = re.compile(r"\\(?:[btnfr\"'\\]|u\{[0-9A-Fa-f]{2,8}\})")
_PLAIN = re.compile(r'[^"\\\r\n]*')


class _EqlLexer(Lexer):
    """A lexer that knows comments within comments and says what is wrong with a text."""

    def tokens(self, source: SourceText) -> list[Token]:
        """All tokens, the last one of kind ``end``.

        Raises:
            QuerySyntaxError: a character that begins no token.
        """
        text, at = source.text, 0
        found: list[Token] = []
        nested = True
        if len(text) > LONGEST:
            message = f"the query is longer than {LONGEST:,} characters"
            raise QuerySyntaxError(message, source.span(LONGEST))
        _refuse_half_characters(source)
        match = self._pattern.match
        while at < len(text):
            token = match(text, at)
            kind = token.lastgroup if token else None
            if token is None or kind is None or kind in ("raw_begun", "old_raw"):
                raise _unreadable(source, at)
            end = token.end()
            if kind == "string" and "\\u" in token.group():
                _refuse_bad_characters(source, Token(kind, token.group(), at, end))
            if kind == "open":
                end, nested = _end_of_comment(source, at, nested=nested)
            elif kind not in ("blank", "comment"):
                found.append(Token(kind, token.group(), at, end))
            at = end
        found.append(Token("end", "", len(text), len(text)))
        return found


LEXER = _EqlLexer(_KINDS)


def string_of(token: Token) -> str:
    """The text that a token of kind ``string`` or ``raw`` stands for."""
    if token.kind == "raw":
        return token.text[3:-3]
    body = token.text[1:-1]
    return _ESCAPE.sub(_unescaped, body) if "\\" in body else body


def segment_of(token: Token) -> str:
    """The part of a field's name that a token of kind ``name`` or ``quoted`` stands for."""
    return token.text[1:-1].replace("``", "`") if token.kind == "quoted" else token.text


def is_plain(word: str) -> bool:
    """Whether a word may stand without quotes as a field's segment or as a category."""
    return re.fullmatch(_WORD, word) is not None and word not in KEYWORDS


def _refuse_bad_characters(source: SourceText, token: Token) -> None:
    for found in _ESCAPE.finditer(token.text):
        if found[1] and not _is_character(int(found[1], 16)):
            span = source.span(token.start + found.start(), token.start + found.end())
            raise QuerySyntaxError(f"no such character: {found[0]}", span)


def _is_character(code: int) -> bool:
    return code <= _LARGEST and not 0xD800 <= code <= 0xDFFF


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _ESCAPES.get(match[2], match[2])


def _end_of_comment(source: SourceText, at: int, *, nested: bool) -> tuple[int, bool]:
    """Where a comment ends, and whether the query's comments nest.

    They do, unless one does not come to an end that way (``/* all of /tmp/* */``): from there on
    the first ``*/`` ends each.
    """
    depth = 0
    first = -1
    for edge in _COMMENT_EDGE.finditer(source.text, at):
        depth += 1 if edge[0] == "/*" else -1
        if edge[0] == "*/":
            if depth == 0 or not nested:
                return edge.end(), nested
            first = edge.end() if first < 0 else first
    if first < 0:
        raise QuerySyntaxError("the comment does not end", source.span(at, at + 2), "add */")
    return first, False


def _refuse_half_characters(source: SourceText) -> None:
    try:
        source.text.encode()
    except UnicodeEncodeError as error:
        message = f"half a character (U+{ord(source.text[error.start]):04X})"
        raise QuerySyntaxError(message, source.span(error.start)) from None


def _unreadable(source: SourceText, at: int) -> QuerySyntaxError:
    """What is wrong with the character at ``at``, which begins no token."""
    rest = source.text[at : at + 3]
    if rest == '"""':
        message = "the raw string does not end on its line"
        return QuerySyntaxError(message, source.span(at, at + 3), 'it ends in """')
    if rest[0] == "'" or rest[:2] in ("?'", '?"'):
        width = 1 if rest[0] == "'" else 2
        return QuerySyntaxError(
            f"a string does not begin with {rest[:width]}",
            source.span(at, at + width),
            'write "…" or, without escapes, """…"""',
        )
    if rest[0] == '"':
        return _bad_string(source, at)
    if rest[0] == "`":
        return QuerySyntaxError("the quoted name does not end", source.span(at), "add a back-tick")
    if rest[0] == "!":
        return QuerySyntaxError("unexpected character '!'", source.span(at), "write 'not'")
    hints = {"&": "write 'and'", ";": "a query is one statement", "~": "it belongs to a name: in~"}
    return QuerySyntaxError(
        f"unexpected character {rest[0]!r}", source.span(at), hints.get(rest[0], "")
    )


def _bad_string(source: SourceText, at: int) -> QuerySyntaxError:
    text, place = source.text, at + 1
    while True:
        found = _PLAIN.match(text, place)
        place = found.end() if found else place
        if text[place : place + 1] != "\\":
            return QuerySyntaxError(
                "the string does not end on its line",
                source.span(at),
                'add a quotation mark; within a string it is written \\"',
            )
        escape = _GOOD_ESCAPE.match(text, place)
        if escape is None:
            written = text[place : place + 2]
            hint = 'double the backslash, or write a raw string: """…"""'
            if written == "\\u":
                hint = "write \\u{…} with 2 to 8 hexadecimal digits"
            span = source.span(place, place + 2)
            return QuerySyntaxError(f"no such escape: {written}", span, hint)
        place = escape.end()
