"""KQL's text read as `syntax`: Kibana's grammar, a PEG over characters, written by hand.

    query  := [or]                       blank: everything
    or     := and ( WS 'or' WS and )*    keywords in any case, blanks on both sides
    and    := not ( WS 'and' WS not )*
    not    := 'not' WS sub | sub
    sub    := '(' or ')' | field ':' '{' or '}' | field ( '<=' … '>' ) value
            | field ':' ( '(' list ')' | value ) | value
    list   := or, and, not over values and lists in parentheses

None of its alternatives can succeed where an earlier one got stuck half-way, so there is no
backtracking: every character is looked at once or twice. What surprises is the *unquoted literal*:
it runs over blanks and line breaks, until a special character or a keyword.

>>> parse(SourceText("name: (calc* or big mac)")).terms[1].value.value
'big mac'

Manual: https://www.elastic.co/docs/reference/query-languages/kql
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from tocsin.errors import QuerySyntaxError
from tocsin.languages._parsing import DEEPEST, LONGEST
from tocsin.languages.kql.syntax import (
    EVERYTHING,
    And,
    Compare,
    Comparison,
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
from tocsin.source_text import SourceText, Span

_WS = " \t\r\n\u00a0"
_TRIMMED = _WS + "\u000b\u000c\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
_TRIMMED += "\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"

_BLANKS = re.compile(rf"[{_WS}]*")
_JOIN = re.compile(rf"[{_WS}]+(or|and)[{_WS}]+", re.IGNORECASE)
_NOT = re.compile(rf"not[{_WS}]+", re.IGNORECASE)
_COMPARISON = re.compile(r"<=|>=|<|>")
_PLAIN = re.compile(rf'[^\\():<>"*{{}}{_WS}nN]+')
_RUN = re.compile(rf"[{_WS}]+")
_CLOSE_BY = re.compile(rf"(?:^|.*[{_WS}(])(or|and|not)\Z", re.IGNORECASE | re.DOTALL)
_CROWDED = re.compile(rf'(or|and)(?=[{_WS}("]|\Z)', re.IGNORECASE)
_SPECIAL = frozenset('\\():<>"*{}')
_SPACES = {"t": "\t", "r": "\r", "n": "\n"}
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_KEYWORD = re.compile(r"\\(or|and|not)", re.IGNORECASE)
_QUOTED_PLAIN = re.compile(r'[^"\\]+')
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def parse(source: SourceText) -> Node:
    """What a query says.

    Raises:
        QuerySyntaxError: it does not follow the grammar; points to where.
    """
    if len(source.text) > LONGEST:
        message = f"the query is longer than {LONGEST:,} characters"
        raise QuerySyntaxError(message, source.span(LONGEST))
    return _Parser(source).query()


class _Parser:
    """A place in the text, and one method for each thing that may stand there."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.depth = 0
        self.field: Name | None = None  # the one whose value list is being read

    # --- the grammar --------------------------------------------------------------------------

    def query(self) -> Node:
        self._blanks()
        if self.at == len(self.text):
            return EVERYTHING
        node = self._group(self._sub)
        self._blanks()
        if self.at < len(self.text):
            raise self._stuck("")
        return node

    def _group(self, term: Callable[[], Node]) -> Node:
        """Terms joined by ``or`` and ``and``, each perhaps behind a ``not``."""
        self._deeper()
        alternatives: list[Node] = []
        together: list[Node] = []
        while True:
            if found := _NOT.match(self.text, self.at):
                self.at = found.end()
                if again := _NOT.match(self.text, self.at):
                    raise self._error(
                        "'not' does not stand behind 'not'",
                        "put the second one in parentheses: not (not …)",
                        again.end() - self.at,
                    )
                self._deeper()
                together.append(Not(term()))
                self.depth -= 1
            else:
                together.append(term())
            joint = _JOIN.match(self.text, self.at)
            if joint is None or joint[1].lower() == "or":
                alternatives.append(together[0] if len(together) == 1 else And(tuple(together)))
                together = []
            if joint is None:
                self.depth -= 1
                return alternatives[0] if len(alternatives) == 1 else Or(tuple(alternatives))
            self._joined(joint)

    def _joined(self, joint: re.Match[str]) -> None:
        """Moves behind ``or`` or ``and``, where a term has to follow."""
        self.at = joint.end()
        if self.at == len(self.text) or self.text[self.at] in ")}":
            word = joint[1]
            raise QuerySyntaxError(
                f"expected a value or a field behind {word!r}, found {self._found()}",
                self.source.span(joint.start(1), joint.end(1)),
                f"remove the trailing {word!r}",
            )

    def _sub(self) -> Node:
        if self._take("("):
            return self._closed(")", self._sub)
        name = self._value()
        start = self.at
        self._blanks()
        if found := _COMPARISON.match(self.text, self.at):
            self.at = found.end()
            self._blanks()
            return Compare(self._named(name), cast("Comparison", found[0]), self._value())
        if not self._take(":"):
            self.at = start
            return Match(None, name)
        field = self._named(name)
        self._blanks()
        if self._take("{"):
            return Nested(field, self._closed("}", self._sub))
        if found := _NOT.match(self.text, self.at):
            spelled = field.value if isinstance(field, Text) else "*".join(field.parts)
            raise self._error(
                "'not' does not stand behind a colon",
                f"write not {spelled}: …, or {spelled}: (not …)",
                found.end() - self.at,
            )
        self.field = field
        return self._listed()

    def _listed(self) -> Node:
        """A value of ``self.field``, or several in parentheses."""
        if self._take("("):
            return self._closed(")", self._listed)
        return Match(self.field, self._value())

    def _closed(self, bracket: str, term: Callable[[], Node]) -> Node:
        """What stands behind an opening bracket, up to behind the closing one."""
        opened = self.at - 1
        self._blanks()
        node = self._group(term)
        self._blanks()
        if self._take(bracket):
            return node
        if self.at == len(self.text):
            raise QuerySyntaxError(
                f"this {self.text[opened]!r} is never closed",
                self.source.span(opened),
                f"add the missing {bracket!r}",
            )
        raise self._stuck(bracket)

    # --- words --------------------------------------------------------------------------------

    def _value(self) -> Value:
        if self.text.startswith('"', self.at):
            return self._quoted()
        start = self.at
        texts, parts = list[str](), list[str]()
        while True:
            if found := _PLAIN.match(self.text, self.at):
                texts.append(found[0])
                self.at = found.end()
            elif found := _RUN.match(self.text, self.at):
                if _JOIN.match(self.text, self.at):
                    break
                texts.append(found[0])
                self.at = found.end()
            elif self._take("*"):
                parts.append("".join(texts))
                texts = []
            elif self.text.startswith(("n", "N"), self.at):
                if _NOT.match(self.text, self.at):
                    break
                texts.append(self.text[self.at])
                self.at += 1
            elif self.text.startswith("\\", self.at):
                texts.append(self._escape())
            else:
                break
        if self.at == start:
            raise self._no_value()
        return _word((*parts, "".join(texts)), self._span(start))

    def _escape(self) -> str:
        """An escape in an unquoted literal."""
        following = self.text[self.at + 1 : self.at + 2]
        # Kibana's manual escapes keywords so, and a line break is no part of a name: \not is "not".
        if found := _KEYWORD.match(self.text, self.at):
            self.at = found.end()
            return found[1]
        if following in _SPACES:
            self.at += 2
            return _SPACES[following]
        if following and following in _SPECIAL:
            self.at += 2
            return following
        if _UNICODE.match(self.text, self.at):
            return self._code_unit()
        if not following:
            raise self._error("a backslash ends the query", "write \\\\ for a backslash")
        raise self._error(
            f"'\\{following}' is no escape",
            'write \\\\ for a backslash, or put the whole value in "quotes"',
            2,
        )

    def _quoted(self) -> Text:
        start = self.at
        texts = list[str]()
        self.at += 1
        while True:
            if found := _QUOTED_PLAIN.match(self.text, self.at):
                texts.append(found[0])
                self.at = found.end()
            elif self._take('"'):
                return Text("".join(texts), quoted=True, span=self._span(start))
            elif self.at == len(self.text):
                raise QuerySyntaxError(
                    "this quote is never closed",
                    self.source.span(start),
                    'add the missing "; a quote inside is written \\"',
                )
            else:
                texts.append(self._quoted_escape())

    def _quoted_escape(self) -> str:
        """A backslash in quotes: an escape, or itself."""
        if _UNICODE.match(self.text, self.at):
            return self._code_unit()
        following = self.text[self.at + 1 : self.at + 2]
        if following in _SPACES:
            self.at += 2
            return _SPACES[following]
        if following in ("\\", '"'):
            self.at += 2
            return following
        self.at += 1
        return "\\"

    def _code_unit(self) -> str:
        r"""``\uXXXX``; two of them where they are the halves of one character."""
        start = self.at
        units = bytearray()
        while found := _UNICODE.match(self.text, self.at):
            units += int(found[1], 16).to_bytes(2, "little")
            self.at = found.end()
        try:
            return units.decode("utf-16-le")
        except UnicodeDecodeError as error:
            place = start + 6 * (error.start // 2)
            raise QuerySyntaxError(
                f"'{self.text[place : place + 6]}' is half of a character",
                self.source.span(place, place + 6),
                "write both halves, or the character itself",
            ) from None

    # --- helpers ------------------------------------------------------------------------------

    def _named(self, value: Value) -> Name:
        if isinstance(value, Constant):
            word = "null" if value.value is None else str(value.value).lower()
            return Text(word, span=value.span)
        return value

    def _blanks(self) -> None:
        found = _BLANKS.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _take(self, character: str) -> bool:
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(f"nested deeper than {DEEPEST} levels")

    def _span(self, start: int) -> Span:
        return self.source.span(start, start + len(self.text[start : self.at].rstrip(_TRIMMED)))

    # --- errors -------------------------------------------------------------------------------

    def _error(self, message: str, hint: str = "", length: int = 1) -> QuerySyntaxError:
        return QuerySyntaxError(message, self.source.span(self.at, self.at + length), hint)

    def _found(self) -> str:
        if self.at >= len(self.text):
            return "the end of the query"
        return repr(self.text[self.at])

    def _no_value(self) -> QuerySyntaxError:
        """Nothing that begins a value stands here."""
        hints = {
            ":": "a field's name has to stand before the colon",
            "{": 'a brace belongs behind "field:"; inside a value write \\{',
            "}": "it closes nothing; inside a value write \\}",
            ")": "parentheses may not be empty",
            "<": "a field's name has to stand before it; inside a value write \\<",
            ">": "a field's name has to stand before it; inside a value write \\>",
            "(": "parentheses do not stand behind a comparison",
        }
        here = self.text[self.at : self.at + 1]
        hint = "the query ends too early" if not here else hints.get(here, "")
        return self._error(f"expected a value, found {self._found()}", hint)

    def _stuck(self, closing: str) -> QuerySyntaxError:
        """A term is complete, and what stands behind it does not carry on."""
        here = self.text[self.at]
        if found := _CROWDED.match(self.text, self.at):
            word, end = found[0], found.end()
            if self.text[end : end + 1].strip(_WS) == "" and self.text[self.at - 1] not in _WS:
                return self._error(f"a blank is missing before {word!r}", "", len(word))
            if end == len(self.text):
                return self._error(
                    f"nothing stands behind {word!r}", f"remove the {word!r}", len(word)
                )
            return self._error(f"a blank is missing behind {word!r}", "", len(word))
        if found := _NOT.match(self.text, self.at):
            return self._error(
                "expected 'and' or 'or' before 'not'",
                "a value that has the word in it needs quotes",
                len(found[0].rstrip(_WS)),
            )
        if here in '("' and (found := _CLOSE_BY.match(self.text[max(0, self.at - 9) : self.at])):
            return self._error(f"a blank is missing behind {found[1]!r}")
        match here:
            case ")" | "}" if here != closing:
                opening = "(" if here == ")" else "{"
                if closing:
                    return self._error(f"expected {closing!r}, found {here!r}")
                return self._error(
                    f"there is no {opening!r} to this {here!r}", f"remove the {here!r}"
                )
            case ":":
                return self._error(
                    "a colon inside a value or a second one behind a field",
                    "write \\: for one inside a value, or quote the value",
                )
            case "<" | ">":
                return self._error(
                    f"{here!r} inside a value",
                    f"write \\{here} for one inside a value, or quote the value",
                )
            case _:
                more = f", or {closing!r}," if closing else ""
                return self._error(f"expected 'and' or 'or'{more} before {self._found()}")


def _word(parts: tuple[str, ...], span: Span) -> Value:
    """An unquoted literal, trimmed as Kibana does: the text without its blank ends."""
    if len(parts) > 1:
        first, last = parts[0].lstrip(_TRIMMED), parts[-1].rstrip(_TRIMMED)
        return Pattern((first, *parts[1:-1], last), span)
    text = parts[0].strip(_TRIMMED)
    if text in _CONSTANTS:
        return Constant(_CONSTANTS[text], span)
    return Text(text, span=span)
