r"""One line of a detection, ``field|modifiers: values``, as pySigma reads it, and as leaves.

    Image|endswith: ['\cmd.exe', '\powershell.exe']   ->   Image : (*\cmd.exe, *\powershell.exe)

pySigma applies the modifiers: it knows how each changes a value. What is different here:

* ``utf16le`` is another name of ``wide``, and what becomes base64 need not be ASCII
* placeholders are filled in before anything else happens to a value

Every value is compared as a text, without case unless ``cased`` says otherwise: ``EventID: 4688``
finds ``4688`` and ``"4688"``, ``Signed: true`` finds ``true`` and ``"True"``.

Modifiers: https://sigmahq.io/sigma-specification/specification/sigma-appendix-modifiers.html
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from sigma.exceptions import SigmaError, SigmaTypeError
from sigma.modifiers import (
    SigmaCompareModifier,
    SigmaExistsModifier,
    SigmaModifier,
    SigmaRegularExpressionFlagModifier,
    SigmaRegularExpressionModifier,
    SigmaTimestampModifier,
    SigmaValueModifier,
    modifier_mapping,
)
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine
from sigma.rule.detection import SigmaDetectionItem
from sigma.types import SigmaExpansion, SigmaString, SigmaType, sigma_type

from tocsin.errors import QuerySemanticError, UnsupportedFeature
from tocsin.languages.sigma.names import Path, Places
from tocsin.source_text import Span

Modifier = type[SigmaModifier[Any, Any]]


class Item(msgspec.Struct, frozen=True):
    """A line of a detection, its modifiers applied.

    Attributes:
        field: the field as the rule names it; empty: none, the values are keywords.
        values: pySigma's values.
        every: all of the values have to fit, and not just one.
        negated: none may fit.
        cased: case counts.
        key: the line's key as the rule wrote it.
    """

    field: str
    values: tuple[SigmaType, ...]
    every: bool
    negated: bool
    cased: bool
    key: str


# --- text in UTF-16 ---------------------------------------------------------------------------


class _Encoded(SigmaString):
    """A text whose bytes are in another encoding: what becomes base64."""

    encoding = "utf-8"

    def __bytes__(self) -> bytes:
        text = "".join(part for part in self.s if isinstance(part, str))
        return text.encode(self.encoding, "surrogatepass")


class _Utf16(SigmaValueModifier[SigmaString, SigmaString]):
    """Takes any text, where pySigma's modifiers take ASCII; base64 has to come next."""

    encoding = "utf-16-le"
    mark = ""

    def modify(self, val: SigmaString) -> SigmaString:
        encoded = _Encoded()
        # Wildcards stay, so that base64 can refuse them.
        encoded.s = [self.mark, *val.s] if self.mark else val.s
        encoded.encoding = self.encoding
        return encoded


class _Utf16BigEndian(_Utf16):
    encoding = "utf-16-be"


class _Utf16WithMark(_Utf16):
    mark = "\ufeff"


MODIFIERS: Final[Mapping[str, Modifier]] = {
    **modifier_mapping,
    "utf16le": modifier_mapping["wide"],
}
"""Modifiers by name."""

_BEFORE_BASE64: Final[Mapping[str, Modifier]] = {
    "utf16": _Utf16WithMark,
    "utf16be": _Utf16BigEndian,
    "utf16le": _Utf16,
    "wide": _Utf16,
}
_BASE64: Final = frozenset({"base64", "base64offset"})


class _Unchecked(RegexEngine):
    """Takes every regular expression: `regexes` looks at them, and knows more of them."""

    def compile(self, pattern: str, flags: int = 0) -> Any:
        del pattern, flags

    @property
    def error(self) -> type[Exception]:
        return SigmaError


_POLICY: Final = SigmaPolicy(regex_engine=_Unchecked())
_EXPAND: Final = "expand"
_LONGEST_NAME: Final = 40
_MOST_TEXTS: Final = 10_000
_PLACEHOLDER: Final = re.compile(r"%([^%\\]+)%")


# --- reading ----------------------------------------------------------------------------------


class Reader:
    """Reads lines of one rule.

    Args:
        placeholders: the values of placeholders by name.
        places: where things stand.

    Attributes:
        lacking: the placeholders met so far that have no values, with where the first stands.
    """

    def __init__(self, placeholders: Mapping[str, tuple[str, ...]], places: Places) -> None:
        self.lacking: dict[str, Span | None] = {}
        self._placeholders = placeholders
        self._places = places

    def keywords(self, values: list[object], path: Path) -> Item:
        """Values without a key."""
        return self.item("", values, path)

    def item(self, key: str, value: object, path: Path) -> Item:
        """A line.

        Raises:
            QueryError: it makes no sense, or cannot be run.
        """
        field, *names = key.split("|")
        modifiers = self._modifiers([name for name in names if name != _EXPAND], path)
        plain = value if isinstance(value, list) else [value]
        is_regex = SigmaRegularExpressionModifier in modifiers
        try:
            values = [self._value(v, is_regex, _EXPAND in names, path) for v in plain]
            read = SigmaDetectionItem(field or None, modifiers, values, policy=_POLICY)
        except SigmaError as error:
            raise self._refused(error, names, plain, path) from None
        return Item(
            field,
            tuple(read.value),
            every=read.value_linking.__name__ == "ConditionAND",
            negated=read.negated,
            cased="cased" in names,
            key=key,
        )

    def _modifiers(self, names: list[str], path: Path) -> list[Modifier]:
        found: list[Modifier] = []
        for name, following in itertools.zip_longest(names, names[1:]):
            if name in _BEFORE_BASE64 and following in _BASE64:
                found.append(_BEFORE_BASE64[name])
            elif name in MODIFIERS:
                found.append(MODIFIERS[name])
            else:
                raise self._unknown(name, path)
        return found

    def _unknown(self, name: str, path: Path) -> QuerySemanticError:
        near = difflib.get_close_matches(name, MODIFIERS, n=1) if len(name) < _LONGEST_NAME else []
        hint = f"did you mean {near[0]}?" if near else ""
        return QuerySemanticError(f"unknown modifier {name!r}", self._places(path, True), hint)

    def _value(self, value: object, is_regex: bool, expand: bool, path: Path) -> SigmaType:
        if isinstance(value, (dict, list)):
            message = "a value has to be a text, a number, a boolean or null"
            raise QuerySemanticError(message, self._places(path, False))
        if is_regex and not isinstance(value, str):
            value = str(value)
        if expand and isinstance(value, str) and _PLACEHOLDER.search(value):
            return SigmaExpansion([self._text(v, is_regex) for v in self._expanded(value, path)])
        if isinstance(value, str):
            return self._text(value, is_regex)
        return sigma_type(cast("int | float | bool | None", value))

    def _text(self, value: str, is_regex: bool) -> SigmaType:
        return SigmaString.from_str(value) if is_regex else SigmaString(value)

    def _expanded(self, value: str, path: Path) -> list[str]:
        """The text with each value of each of its placeholders."""
        pieces = _PLACEHOLDER.split(value)  # text, name, text, name, …, text
        texts = [pieces[0]]
        for name, after in zip(pieces[1::2], pieces[2::2], strict=True):
            found = self._placeholders.get(name, ())
            if not found:
                self.lacking.setdefault(name, self._places(path, False))
            texts = [f"{before}{v}{after}" for before in texts for v in found]
            if len(texts) > _MOST_TEXTS:
                message = f"{value!r} stands for more than {_MOST_TEXTS:,} texts"
                raise UnsupportedFeature(message, self._places(path, False))
        return texts

    def _refused(
        self, error: SigmaError, names: list[str], values: list[object], path: Path
    ) -> QuerySemanticError:
        place = self._places(path, True)
        if isinstance(error, SigmaTypeError):
            found = _misfit(names, values)
            if found is not None:
                return QuerySemanticError(found[0], place, found[1])
        text = str(error.args[0] if error.args else error)
        return QuerySemanticError(text[:1].lower() + text[1:], place)


def _misfit(names: list[str], values: list[object]) -> tuple[str, str] | None:
    """Which modifier does not take a value of the line, and what to do; None: nobody knows."""
    for name in names:
        modifier = MODIFIERS.get(name)
        if modifier is None or not issubclass(modifier, SigmaValueModifier):
            continue
        kind: type | tuple[type, ...] = str
        takes, hint = "a text", "write the value in quotation marks"
        if issubclass(modifier, SigmaCompareModifier | SigmaTimestampModifier):
            kind, takes, hint = (int, float), "a number", "write a number without quotation marks"
        elif issubclass(modifier, SigmaExistsModifier):
            kind, takes, hint = bool, "true or false", "write true or false, no quotation marks"
        elif issubclass(modifier, SigmaRegularExpressionFlagModifier) and "re" not in names:
            return f"the modifier {name!r} is for regular expressions", f"re|{name}"
        for value in values:
            fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            if not fits:
                return f"the modifier {name!r} takes {takes}, and not {_shown(value)}", hint
    several = [name for name in names if name != _EXPAND]
    if len(several) > 1:
        return f"the modifiers {'|'.join(several)} cannot stand together in this order", ""
    return None


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    text = repr(value)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
