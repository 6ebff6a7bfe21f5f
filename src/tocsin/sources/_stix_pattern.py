r"""STIX patterns, as far as they are a choice of single values.

    [ipv4-addr:value = '198.51.100.7' OR domain-name:value IN ('a.example', 'b.example')]
    [file:hashes.'SHA-256' = '…'] OR [url:value = 'http://a.example/x']

That is what a list of indicators holds. A pattern that needs several things at once, or that
compares in another way, says more than one value can: it is refused with the reason.

https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html (chapter 9)
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<path>[a-z0-9-]+:(?:[\w-]|\.|'(?:[^'\\]|\\.)*'|\[[^\]]*\])+)"
    r"|(?P<word>[A-Za-z]+)|(?P<sign>!=|<=|>=|[=<>\[\](),]))"
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PATHS = {
    "ipv4-addr:value": "ip",
    "ipv6-addr:value": "ip",
    "domain-name:value": "domain",
    "url:value": "url",
    "email-addr:value": "email",
    "file:hashes.md5": "md5",
    "file:hashes.sha1": "sha1",
    "file:hashes.sha256": "sha256",
}
_DEEPEST = 50
_END = ""


class PatternError(ValueError):
    """Why a pattern is not a choice of single values."""


def values_of_pattern(pattern: str) -> list[tuple[str, str]]:
    """The (type, value) pairs of which a pattern asks for one.

    >>> values_of_pattern("[ipv4-addr:value = '198.51.100.7'] OR [file:hashes.'MD5' = 'd4…']")
    [('ip', '198.51.100.7'), ('md5', 'd4…')]

    Raises:
        PatternError: it says more than that, or is no pattern.
    """
    parser = _Parser(pattern)
    parser.observations(0)
    if parser.kind != _END:
        raise parser.refusal()
    return parser.found


class _Parser:
    """A token ahead (`kind`, `text`), and the pairs found so far."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern.rstrip()
        self._at = 0
        self.found: list[tuple[str, str]] = []
        self._advance()

    def observations(self, depth: int) -> None:
        self._nested(depth)
        while True:
            if self._takes("["):
                self._comparisons(depth)
                self._expect("]")
            elif self._takes("("):
                self.observations(depth + 1)
                self._expect(")")
            else:
                raise self.refusal()
            if not self._takes("OR"):
                return

    def _comparisons(self, depth: int) -> None:
        self._nested(depth)
        while True:
            if self._takes("("):
                self._comparisons(depth + 1)
                self._expect(")")
            else:
                self._comparison()
            if not self._takes("OR"):
                return

    def _comparison(self) -> None:
        if self.kind != "path":
            raise self.refusal()
        name = self.text.lower().replace("'", "")
        head, dot, algorithm = name.rpartition(".")
        kind = _PATHS.get(
            name if head != "file:hashes" else head + dot + algorithm.replace("-", "")
        )
        if kind is None:
            message = f"the pattern asks for {self.text}"
            raise PatternError(message)
        self._advance()
        if self._takes("="):
            self._value(kind)
        elif self._takes("IN"):
            self._expect("(")
            self._value(kind)
            while self._takes(","):
                self._value(kind)
            self._expect(")")
        else:
            raise self.refusal()

    def _value(self, kind: str) -> None:
        if self.kind != "text":
            raise self.refusal()
        self.found.append((kind, _ESCAPE.sub(r"\1", self.text[1:-1])))
        self._advance()

    def _nested(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise PatternError("the pattern is nested too deeply")

    def _takes(self, text: str) -> bool:
        if self.kind in ("word", "sign") and self.text == text:
            self._advance()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self.refusal()

    def _advance(self) -> None:
        if self._at >= len(self._pattern):
            self.kind = self.text = _END
            return
        found = _TOKEN.match(self._pattern, self._at)
        if found is None:
            raise PatternError("the pattern is no STIX pattern")
        self._at = found.end()
        self.kind = found.lastgroup or _END
        self.text = found[self.kind]

    def refusal(self) -> PatternError:
        if self.kind == "word" or self.text in ("!=", "<", ">", "<=", ">="):
            return PatternError(f"the pattern needs {self.text}")
        return PatternError("the pattern is no STIX pattern")
