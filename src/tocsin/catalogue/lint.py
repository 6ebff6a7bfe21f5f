r"""What is wrong with rules that load: each check one small function in a table.

A check of `CHECKS` looks at one rule, one of `SET_CHECKS` at all rules together; both yield
findings. None of them says that a rule does not work: what cannot be loaded is the loader's to
tell.

>>> from tocsin.logic.matchers import Equals
>>> from tocsin.logic.query import Filter
>>> rule = Rule(id="1", name="r", vendor="elastic", path="r.toml", line=9, language="kuery",
...             type="query", kind="kuery/query", text="user.name:(root or root)",
...             query=Filter(Leaf("user.name", Equals(("root", "root")))))
>>> print(*(f"{found.check}: {found.message}" for found in lint([rule])), sep="\n")
author: no author
description: no description
attack: not mapped to ATT&CK
guide: no investigation guide
repeated-value: root stands twice in the list of user.name
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from tocsin.catalogue.indicators import values_of
from tocsin.logic.expr import Always, Leaf, walk
from tocsin.logic.field_types import FieldType, Scalar, coerce, fold
from tocsin.logic.matchers import (
    Equals,
    InNetwork,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    compare,
    network_of,
    show,
)
from tocsin.logic.patterns import ANY, glob_parts
from tocsin.logic.query import roles_of
from tocsin.rules.attack import is_tactic_id, is_technique_id
from tocsin.rules.model import Rule
from tocsin.source_text import SourceText, Span


class Finding(msgspec.Struct, frozen=True):
    """Something about a rule that its author should look at.

    Attributes:
        rule: the rule.
        check: the name of the check that found it.
        message: a lower-case sentence.
        span: where in the query, if it is there.
    """

    rule: Rule
    check: str
    message: str
    span: Span | None = None


def lint(rules: Sequence[Rule]) -> list[Finding]:
    """All findings, in the order of the rules."""
    findings = [
        Finding(rule, name, message, span)
        for rule in rules
        for name, check in CHECKS.items()
        for message, span in check(rule)
    ]
    for name, check_all in SET_CHECKS.items():
        findings += [Finding(rule, name, message) for rule, message in check_all(rules)]
    place = {id(rule): number for number, rule in enumerate(rules)}
    return sorted(findings, key=lambda found: place[id(found.rule)])


def span_of(rule: Rule, word: str) -> Span | None:
    """Where a field or a value first stands in the rule's query, as a word of its own."""
    found = _word(word).search(rule.text)
    return None if found is None else _source(rule).span(*found.span())


def span_of_second(rule: Rule, field: str, word: str) -> Span | None:
    """Where a word stands for the second time in the list behind a field."""
    for place in _word(field).finditer(rule.text):
        end = rule.text.find(")", place.end())
        inside = _word(word).finditer(rule.text, place.end(), end if end >= 0 else len(rule.text))
        _, second = next(inside, None), next(inside, None)
        if second is not None:
            return _source(rule).span(*second.span())
    return None


def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.*/\\-]){re.escape(word)}(?![\w.*/\\-])", re.IGNORECASE)


def _source(rule: Rule) -> SourceText:
    return SourceText(rule.text, rule.path, rule.line)


_MOST_REPEATED: Final = 20
"""Of so many values it is said where they stand again: each takes a look through the whole rule."""

# --- checks of one rule: (message, where in the query) -------------------------------------------

Found = Iterator[tuple[str, Span | None]]


BARE_TYPES: Final = frozenset({"agent_rule"})
"""Types whose format has no place for an author or a guide."""


def _author(rule: Rule) -> Found:
    if not any(author.strip() for author in rule.author) and rule.type not in BARE_TYPES:
        yield "no author", None


def _description(rule: Rule) -> Found:
    if not rule.description.strip():
        yield "no description", None


def _attack(rule: Rule) -> Found:
    if not rule.threat:
        yield "not mapped to ATT&CK", None


def _attack_id(rule: Rule) -> Found:
    for threat in rule.threat:
        if "ATT&CK" not in threat.framework:
            continue
        if threat.tactic is not None and not is_tactic_id(threat.tactic.id):
            yield f"{threat.tactic.id!r} is no id of an ATT&CK tactic (like TA0006)", None
        for technique, subs in threat.techniques:
            if not is_technique_id(technique.id):
                yield f"{technique.id!r} is no id of an ATT&CK technique (like T1552)", None
            for sub in subs:
                if not sub.id.startswith(f"{technique.id}.") or not is_technique_id(sub.id):
                    yield f"{sub.id!r} is no id of a sub-technique of {technique.id}", None


def _guide(rule: Rule) -> Found:
    if not rule.guide.strip() and not rule.building_block and rule.type not in BARE_TYPES:
        yield "no investigation guide", None


def _deprecated(rule: Rule) -> Found:
    if rule.maturity == "deprecated":
        yield "deprecated by its vendor", None


def _always_matches(rule: Rule) -> Found:
    for leaf in _leaves(rule):
        match leaf.matcher:
            case Wildcard(globs):
                whole = next((g for g in globs if glob_parts(g) == (ANY,)), None)
            case PathGlob(patterns):
                whole = next((p for p in patterns if p == "**"), None)
            case Regex(patterns):
                whole = next((p for p in patterns if p in {".*", "^.*$"}), None)
            case _:
                whole = None
        if whole is not None:
            yield f"{whole} fits every value that {leaf.name} can have", span_of(rule, leaf.name)


def _cannot_match(rule: Rule) -> Found:
    for leaf in _leaves(rule):
        reason = why_never(leaf)
        if reason:
            yield f"{leaf.name} can never fit: {reason}", span_of(rule, leaf.name)
    for tree in (role.where for role in roles_of(rule.query)):
        if tree == Always(value=False):
            yield "no event can satisfy the condition", None
        elif Always(value=False) in walk(tree):
            part = "a part of the condition can never hold: its value is none of its field's type"
            yield part, None


def _repeated_value(rule: Rule) -> Found:
    for leaf in _leaves(rule):
        folds = bool(getattr(leaf.matcher, "fold_case", False))
        texts = [text for text, _, _ in values_of(leaf)]
        counted = Counter(fold(text) if folds else text for text in texts)
        repeated = [(text, count) for text, count in counted.items() if count > 1]
        for text, count in repeated[:_MOST_REPEATED]:
            times = "twice" if count == 2 else f"{count} times"
            span = span_of_second(rule, leaf.name, text)
            yield f"{text} stands {times} in the list of {leaf.name}", span
        if len(repeated) > _MOST_REPEATED:
            more = len(repeated) - _MOST_REPEATED
            yield f"{more:,} more stand several times in the list of {leaf.name}", None


CHECKS: Final[dict[str, Callable[[Rule], Found]]] = {
    "author": _author,
    "description": _description,
    "attack": _attack,
    "attack-id": _attack_id,
    "guide": _guide,
    "deprecated": _deprecated,
    "always-matches": _always_matches,
    "never-matches": _cannot_match,
    "repeated-value": _repeated_value,
}
"""Checks of one rule by name, in the order in which they are shown."""


def why_never(leaf: Leaf) -> str:
    """Why no value of the leaf's type can fit its matcher; empty where one can.

    >>> why_never(Leaf("destination.port", Equals(("http",)), "long"))
    'http is no long'
    >>> why_never(Leaf("destination.port", Equals((80,)), "long"))
    ''
    """
    match leaf.matcher:
        case Equals(values):
            unfit = [value for value in values if not _fits(leaf.type, value)]
            if len(unfit) == len(values):
                return ", ".join(f"{show('dynamic', value)} is no {leaf.type}" for value in unfit)
        case Wildcard() | Regex() | PathGlob():
            if leaf.type in {"long", "double", "boolean", "date"}:
                return f"a pattern is for texts, and the field is a {leaf.type}"
        case Range(low, high, low_included, high_included):
            if low is not None and high is not None:
                order = compare(leaf.type, low, high)
                if order is None or order > 0 or (order == 0 and not low_included & high_included):
                    return "the range is empty"
        case InNetwork(blocks):
            unread = [block for block in blocks if network_of(block) is None]
            if len(unread) == len(blocks):
                return ", ".join(f"{block} is no address block" for block in unread)
        case _:
            pass
    return ""


def _fits(kind: FieldType, value: Scalar) -> bool:
    return coerce(kind, value) is not None


def _leaves(rule: Rule) -> Iterator[Leaf]:
    trees = dict.fromkeys(role.where for role in roles_of(rule.query))
    return (node for tree in trees for node in walk(tree) if isinstance(node, Leaf))


# --- checks of all rules together ---------------------------------------------------------------


def _duplicate_id(rules: Sequence[Rule]) -> Iterator[tuple[Rule, str]]:
    first: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        earlier = first.setdefault((rule.vendor, rule.id), rule)
        if earlier is not rule:
            yield rule, f"the id {rule.id} is also that of {_place(earlier, rule)}"


def _duplicate_name(rules: Sequence[Rule]) -> Iterator[tuple[Rule, str]]:
    named: dict[tuple[str, str], list[Rule]] = defaultdict(list)
    for rule in rules:
        same = named[rule.vendor, fold(rule.name)]
        if same and same[0].id != rule.id:
            yield rule, f"its name is also that of {_place(same[0], rule)}"
        same.append(rule)


def _place(other: Rule, rule: Rule) -> str:
    return f"{other.id} in the same file" if other.path == rule.path else other.path


SET_CHECKS: Final[dict[str, Callable[[Sequence[Rule]], Iterator[tuple[Rule, str]]]]] = {
    "duplicate-id": _duplicate_id,
    "duplicate-name": _duplicate_name,
}
"""Checks of all rules together, by name."""
