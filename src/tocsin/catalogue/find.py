"""Which rule somebody means: by id, the beginning of an id, a file, or words of its name.

>>> from tocsin.logic.expr import Always
>>> from tocsin.logic.query import Filter
>>> rules = [Rule(id=i, name=n, vendor="elastic", path=f"rules/{i}.toml", language="eql", type="",
...               kind="", text="", query=Filter(Always(value=True)))
...          for i, n in (("a1", "Curl in a Container"), ("b2", "Curl by a Web Server"))]
>>> [found.id for found in find("curl server", rules).rules]
['b2']
>>> [found.id for found in find("curl", rules).rules]
['a1', 'b2']
>>> [found.id for found in find("curls by a web servers", rules).nearest[:1]]
['b2']
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Final

import msgspec

from tocsin.rules.model import Rule

_LIKE_ENOUGH = 0.5
_MOST = 5


class Found(msgspec.Struct, frozen=True):
    """What a search came to.

    Attributes:
        rules: the rule that is meant; several where the words fit several; none.
        nearest: where none fits, the rules whose names or ids come nearest.
    """

    rules: tuple[Rule, ...] = ()
    nearest: tuple[Rule, ...] = ()


def find(wanted: str, rules: Sequence[Rule]) -> Found:
    """The rules that ``wanted`` may mean, by the first of `WAYS` that leads to any."""
    for fits in WAYS:
        found = _distinct(rule for rule in rules if fits(wanted, rule))
        if found:
            return Found(found)
    return Found(nearest=_nearest(wanted, rules))


def _is_id(wanted: str, rule: Rule) -> bool:
    return rule.id == wanted


def _begins_id(wanted: str, rule: Rule) -> bool:
    return rule.id.casefold().startswith(wanted.casefold())


def _is_file(wanted: str, rule: Rule) -> bool:
    path, named = PurePath(rule.path), PurePath(wanted)
    names = (path.name, path.stem) if len(named.parts) == 1 else ()
    return wanted in names or path == named or path.parts[-len(named.parts) :] == named.parts


def _is_name(wanted: str, rule: Rule) -> bool:
    return rule.name.casefold() == wanted.casefold()


def _has_words(wanted: str, rule: Rule) -> bool:
    words = re.findall(r"\w+", wanted.casefold())
    name = rule.name.casefold()
    return bool(words) and all(word in name for word in words)


WAYS: Final[tuple[Callable[[str, Rule], bool], ...]] = (
    _is_id,
    _is_name,
    _is_file,
    _begins_id,
    _has_words,
)
"""From what can mean one rule only to what may mean many."""


def _nearest(wanted: str, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    known: dict[str, Rule] = {}
    for rule in rules:
        for text in (rule.name, rule.id, PurePath(rule.path).stem):
            known.setdefault(text.casefold(), rule)
    close = difflib.get_close_matches(wanted.casefold(), known, n=_MOST, cutoff=_LIKE_ENOUGH)
    return _distinct(known[text] for text in close)


def _distinct(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple({(rule.vendor, rule.id, rule.path): rule for rule in rules}.values())
