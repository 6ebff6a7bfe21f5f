r"""What a rule looks for: a field, a kind of comparison and a value, one for each value of a leaf.

An indicator has two keys. The *literal key* is what the rule says: its spelling of the field, the
kind of its operator (EQL's ``:`` is a wildcard whatever stands behind it, ``in`` is a kind of its
own) and the value as written. The *canonical key* is what the rule means, so that two spellings of
one thing are one: ECS's name of the field, the simplest kind that says the same, and the value in
lower case where case does not matter.

>>> from tocsin.logic.expr import Leaf, Not
>>> from tocsin.logic.matchers import Wildcard
>>> leaf = Leaf("process.executable", Wildcard(("*\\\\Cmd.exe",), fold_case=True), operator=":")
>>> found, = indicators_in(Not(leaf), "eql")
>>> found.polarity, found.literal_key
('exclude', ('process.executable', 'wildcard', '*\\Cmd.exe'))
>>> found.key
('process.name', 'eq', 'cmd.exe')

Polarity is the parity of the negations above a leaf. A script (a computed expression) is opaque:
it yields no indicator, and `scripts_in` lists it so that nobody takes it for nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final, Literal, assert_never

import msgspec

from tocsin.catalogue.fields import NAMES_OF_PATHS, canonical_field
from tocsin.catalogue.stages import Stage, is_event_type, stages_of_rule
from tocsin.logic.expr import Always, And, Expr, Leaf, Nested, Not, Or, Script, walk
from tocsin.logic.field_types import fold
from tocsin.logic.matchers import (
    Equals,
    Exists,
    InNetwork,
    Matcher,
    PathGlob,
    Range,
    Regex,
    Wildcard,
    Words,
    show,
    show_range,
)
from tocsin.logic.patterns import glob_parts, glob_text
from tocsin.rules.model import Rule

Kind = Literal["eq", "wildcard", "regex", "cidr", "range", "exists", "contains", "starts", "ends"]
Polarity = Literal["match", "exclude"]
Key = tuple[str, str, str]

LITERAL_KINDS: Final[dict[str, dict[str, str]]] = {
    "eql": {
        ":": "wildcard", "like": "wildcard", "wildcard": "wildcard",
        "regex": "regex", "match": "regex",
        "==": "eq", "!=": "eq",
        "in": "in", "not in": "in",
        "cidrmatch": "cidr",
        "startswith": "starts", "endswith": "ends", "stringcontains": "contains",
    },
    "secl": {"in": "in", "not in": "in", "allin": "in", "not allin": "in"},
}  # fmt: skip
"""A language's operators that are a kind whatever their value; others go by the value.

``~`` behind an operator (``like~``) says nothing about its kind.
"""


class Indicator(msgspec.Struct, frozen=True):
    """A field, a kind and a value that a rule looks for.

    Attributes:
        field: as the rule spells it.
        canonical_field: its name in ECS, or the vendor's in a namespace of its own.
        literal_kind: by the operator as the rule wrote it; also ``in``.
        kind: the simplest kind that says the same.
        value: as the rule wrote it.
        canonical_value: what of it counts under ``kind``.
        polarity: whether an event with it is looked for or left out.
        operator: as the rule wrote it.
        stage: the number of the stage it belongs to.
        leaf: which leaf of the stage's tree, from 0.
        every: all values of the field have to fit, and none is enough.
    """

    field: str
    canonical_field: str
    literal_kind: str
    kind: Kind
    value: str
    canonical_value: str
    polarity: Polarity
    operator: str
    stage: int = 1
    leaf: int = 0
    every: bool = False

    @property
    def literal_key(self) -> Key:
        """What the rule says."""
        return (self.field, self.literal_kind, self.value)

    @property
    def key(self) -> Key:
        """What it means, whoever wrote it."""
        return (self.canonical_field, self.kind, self.canonical_value)


def indicators_of_rule(rule: Rule) -> tuple[Indicator, ...]:
    """The indicators of all stages of a rule, none of them twice."""
    return indicators_of(stages_of_rule(rule), rule.language)


def indicators_of(stages: Iterable[Stage], language: str) -> tuple[Indicator, ...]:
    """The indicators of stages, in the order of the text, none of them twice."""
    distinct: dict[tuple[Key, Polarity, int], Indicator] = {}
    for stage in stages:
        if stage.role == "indicator":
            continue  # a condition on threat indicators, which looks for nothing in an event
        tree = stage.tree if stage.role == "match" else Not(stage.tree)
        for found in indicators_in(tree, language, stage.number):
            distinct.setdefault((found.literal_key, found.polarity, found.stage), found)
    return tuple(distinct.values())


def indicators_in(expr: Expr, language: str, stage: int = 1) -> Iterator[Indicator]:
    """One indicator for every value of every leaf, in the order of the text.

    Args:
        expr: a stage's condition.
        language: which one it was written in: what operators and fields mean.
        stage: the number to give them.
    """
    for number, (leaf, path, polarity) in enumerate(_leaves(expr, "", "match")):
        name = _name(leaf, path)
        # What a Sigma rule calls a field depends on its log source; what it reads is in ECS.
        field = path + leaf.field if language == "sigma" else canonical_field(name, language)
        for value, kind, essence in values_of(leaf):
            yield Indicator(
                field=name,
                canonical_field=NAMES_OF_PATHS[field] if _is_name(field, kind, essence) else field,
                literal_kind=literal_kind(leaf, language, kind),
                kind="eq" if _is_name(field, kind, essence) else kind,
                value=value,
                canonical_value=essence[1:] if _is_name(field, kind, essence) else essence,
                polarity=polarity,
                operator=leaf.operator,
                stage=stage,
                leaf=number,
                every=leaf.every,
            )


def scripts_in(expr: Expr) -> tuple[Script, ...]:
    """The parts of a condition that are computed, and therefore yield no indicator."""
    return tuple(node for node in walk(expr) if isinstance(node, Script))


def literal_kind(leaf: Leaf, language: str, kind: Kind) -> str:
    """The kind that the operator says, whatever the value; ``kind`` where it says none.

    >>> literal_kind(Leaf("f", Equals(("x",)), operator=":"), "eql", "eq")
    'wildcard'
    >>> literal_kind(Leaf("f", Equals(("x",)), operator=":"), "kuery", "eq")
    'eq'
    """
    if isinstance(leaf.matcher, (Exists, Range)):
        return kind
    said = LITERAL_KINDS.get(language, {}).get(leaf.operator.lower().removesuffix("~"))
    if said is not None:
        return said
    return "wildcard" if kind in {"starts", "ends", "contains"} else kind


def values_of(leaf: Leaf) -> list[tuple[str, Kind, str]]:
    """The values of a leaf: as written, the simplest kind, and what counts under that kind.

    >>> values_of(Leaf("f", Wildcard(("Py*", "a?b"), fold_case=True)))
    [('Py*', 'starts', 'py'), ('a?b', 'wildcard', 'a?b')]
    """
    matcher: Matcher = leaf.matcher
    match matcher:
        case Exists():
            return [("*", "exists", "*")]
        case Equals(values, fold_case):
            # KQL: a value of a field of unknown type stands there as a text and as a number.
            types = {show(leaf.type, value): type(value) for value in reversed(values)}
            texts = [show(leaf.type, v) for v in values if types[show(leaf.type, v)] is type(v)]
            return [(text, "eq", fold(text) if fold_case else text) for text in texts]
        case Wildcard(globs, fold_case):
            return [(glob_text(g), *simplify(fold(g) if fold_case else g)) for g in globs]
        case Regex(patterns, _, _, texts):
            return [(text, "regex", text) for text in texts or patterns]
        case Range():
            text = show_range(matcher, leaf.type)
            return [(text, "range", text)]
        case InNetwork(blocks):
            return [(block, *simplify_block(block)) for block in blocks]
        case Words(words, how, text):
            text = text or " ".join(words)
            # Analysed text has no case, and a phrase may stand anywhere in it.
            return [(text, "wildcard" if how == "wildcard" else "contains", fold(text))]
        case PathGlob(patterns, fold_case):
            return [(p, *simplify_path(fold(p) if fold_case else p)) for p in patterns]
        case _:
            assert_never(matcher)


def simplify(glob: str) -> tuple[Kind, str]:
    """The simplest kind that a glob is, and the text that counts under it.

    >>> [simplify(g) for g in ("a", "a*", "*a", "*a*", "*", "a*b")]  # doctest: +ELLIPSIS
    [('eq', 'a'), ('starts', 'a'), ('ends', 'a'), ('contains', 'a'), ('exists', '*'), ...]
    """
    match glob_parts(glob):  # None is `patterns.ANY`, any run of characters
        case ():
            return "eq", ""
        case (str(text),):
            return "eq", text
        case (None,):
            return "exists", "*"
        case (str(text), None):
            return "starts", text
        case (None, str(text)):
            return "ends", text
        case (None, str(text), None):
            return "contains", text
        case _:
            return "wildcard", glob_text(glob)


def simplify_path(pattern: str) -> tuple[Kind, str]:
    """The same for SECL's path globs, in which ``*`` stays inside one segment.

    >>> simplify_path("/tmp/**"), simplify_path("/tmp/*"), simplify_path("**/x")
    (('starts', '/tmp/'), ('wildcard', '/tmp/*'), ('ends', '/x'))
    """
    if "*" not in pattern:
        return "eq", pattern
    inner = pattern.strip("*")
    if "*" not in inner:
        if pattern == f"{inner}**" and inner.endswith("/"):
            return "starts", inner
        if pattern == f"**{inner}" and inner.startswith("/"):
            return "ends", inner
    return "wildcard", pattern


def simplify_block(block: str) -> tuple[Kind, str]:
    """A block of one address is that address.

    >>> simplify_block("169.254.169.254/32"), simplify_block("10.0.0.0/8")
    (('eq', '169.254.169.254'), ('cidr', '10.0.0.0/8'))
    """
    try:
        network = ipaddress.ip_network(block.strip(), strict=False)
    except ValueError:
        return "cidr", block
    if network.prefixlen == network.max_prefixlen:
        return "eq", str(network.network_address)
    return "cidr", str(network)


def _leaves(expr: Expr, path: str, polarity: Polarity) -> Iterator[tuple[Leaf, str, Polarity]]:
    match expr:
        case Leaf():
            if not is_event_type(expr):
                yield expr, path, polarity
        case Not(term):
            yield from _leaves(term, path, "match" if polarity == "exclude" else "exclude")
        case And(terms) | Or(terms):
            for term in terms:
                yield from _leaves(term, path, polarity)
        case Nested(inner, term):
            yield from _leaves(term, f"{path}{inner}.", polarity)
        case Script() | Always():
            return
        case _:
            assert_never(expr)


def _name(leaf: Leaf, path: str) -> str:
    if leaf.spelled:
        return leaf.spelled.removeprefix("?")  # EQL: that a field may be missing is no other field
    return leaf.field[2:] if leaf.field.startswith("^.") else f"{path}{leaf.field}"


def _is_name(field: str, kind: Kind, essence: str) -> bool:
    r"""Whether the end of a path is all of its last part: ``*\x.exe`` asks for a name."""
    return (
        kind == "ends"
        and field in NAMES_OF_PATHS
        and len(essence) > 1
        and essence[0] in "\\/"
        and not any(c in "\\/" for c in essence[1:])
    )
