r"""Text with places in it: spans, line and column, and the caret under an error.

>>> text = SourceText('process where\n  pid = 4', name="rule.toml", first_line=12)
>>> print(text.span(20, 21).caret())
    13 |   pid = 4
       |       ^
"""

from __future__ import annotations

import msgspec

_WIDEST = 160


class SourceText(msgspec.Struct, frozen=True):
    """A query's text, where it stands, and nothing else.

    Attributes:
        text: the query.
        name: what to call it in messages, a file's path as a rule.
        first_line: the line of that file on which the text begins, from 1.
    """

    text: str
    name: str = "query"
    first_line: int = 1

    def span(self, start: int, end: int | None = None) -> Span:
        """The stretch from character ``start`` up to, not including, ``end``."""
        return Span(self, start, start + 1 if end is None else max(end, start + 1))


class Span(msgspec.Struct, frozen=True):
    """A stretch of a source text, in characters."""

    source: SourceText
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters of the stretch."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The line on which it begins, counted in the file that the text stands in."""
        return self.source.first_line + self.source.text.count("\n", 0, self.start)

    @property
    def column(self) -> int:
        """The column at which it begins, from 1."""
        return self.start - (self.source.text.rfind("\n", 0, self.start) + 1) + 1

    def where(self) -> str:
        """``name:line:column``."""
        return f"{self.source.name}:{self.line}:{self.column}"

    def caret(self) -> str:
        """The line, and carets under the stretch; a long line is cut to what is around it."""
        begin = self.source.text.rfind("\n", 0, self.start) + 1
        end = self.source.text.find("\n", self.start)
        line = self.source.text[begin : len(self.source.text) if end < 0 else end]
        at = self.start - begin
        width = max(1, min(self.end - self.start, len(line) - at))
        cut = max(0, at - _WIDEST // 2)
        if cut or len(line) > _WIDEST:
            line = ("…" if cut else "") + line[cut : cut + _WIDEST]
            at = at - cut + (1 if cut else 0)
            width = max(1, min(width, len(line) - at))
        number = f"{self.line:>6}"
        pad = "".join("\t" if c == "\t" else " " for c in line[:at])
        return f"{number} | {line}\n{' ' * len(number)} | {pad}{'^' * width}"
