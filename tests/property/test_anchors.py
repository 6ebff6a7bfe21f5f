"""What anchors say of a line is true wherever the condition holds, however the line is written."""

from __future__ import annotations

import functools
import random
import string
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.engine import reference
from tocsin.engine.solve import Solved, solve
from tocsin.engine.solve.agent_rules import others_of
from tocsin.logic.anchors import (
    ANYTHING,
    UNTOLD,
    All,
    Anchor,
    AnyOf,
    Pattern,
    Text,
    anchors_of,
    atoms,
    holds,
    text_anchor,
    without,
)
from tocsin.logic.expr import Expr, Leaf, Nested, Not, Script
from tocsin.logic.field_types import FieldType, Scalar, fold, text_of
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
    tokens,
)
from tocsin.logic.patterns import glob_escape
from tocsin.logic.query import roles_of
from tocsin.logic.value import Call, Const, Field
from tocsin.rules.load import load_rules
from tocsin.testing import strategies as some

Document = dict[str, Any]

USUAL = "\"&'+<=>`"
"""What usual writers escape by number."""

SHORT = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", '"': '"', "\\": "\\", "/": "/"}


class Writer:
    """Writes JSON on one line, and takes every liberty that JSON gives.

    Args:
        chance: what decides.
        odd: whether it also escapes what nobody escapes.
        dots: whether it writes nested objects by dotted keys.
    """

    def __init__(self, chance: random.Random, *, odd: bool = False, dots: bool = False) -> None:
        self.chance = chance
        self.odd = odd
        self.dots = dots
        self.ascii = chance.random() < 0.3
        self.spacious = chance.random() < 0.5

    def line(self, document: Document) -> bytes:
        end = self.chance.choice(("", "", "\r", " \t"))
        return (self.value(document) + end).encode()

    def value(self, value: Any) -> str:
        match value:
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case str():
                return self.text(value)
            case int() | float():
                return self.number(value)
            case dict():
                pairs = self.dotted(value) if self.dots else value.items()
                inner = ",".join(
                    f"{self.blank()}{self.text(key)}{self.blank()}:{self.padded(one)}"
                    for key, one in pairs
                )
                return f"{{{inner}{self.blank()}}}"
            case _:
                return f"[{','.join(map(self.padded, value))}{self.blank()}]"

    def dotted(self, document: Document) -> list[tuple[str, Any]]:
        """The pairs of an object, some objects in it written as pairs of this one."""
        found: list[tuple[str, Any]] = []
        for key, value in document.items():
            if isinstance(value, dict) and value and self.chance.random() < 0.4:
                found += [(f"{key}.{inner}", one) for inner, one in self.dotted(value)]
            else:
                found.append((key, value))
        return found

    def padded(self, value: Any) -> str:
        return f"{self.blank()}{self.value(value)}{self.blank()}"

    def blank(self) -> str:
        if not self.spacious:
            return ""
        return self.chance.choice(("", "", " ", "\t", "\r", " \t  "))

    def text(self, text: str) -> str:
        return f'"{"".join(map(self.character, text))}"'

    def character(self, character: str) -> str:
        chance = self.chance.random()
        if character in SHORT and (character not in USUAL + "/" or chance < 0.5):
            return "\\" + SHORT[character] if chance < 0.9 else self.escape(character)
        if character < " " or character == '"':
            return self.escape(character)
        if character in USUAL + "\x7f" or (self.odd and chance < 0.2):
            return character if chance < 0.5 else self.escape(character)
        if character > "\x7f" and (self.ascii or chance < 0.1):
            return self.escape(character)
        return character

    def escape(self, character: str) -> str:
        data = character.encode("utf-16-be")
        units = (data[i : i + 2].hex() for i in range(0, len(data), 2))
        return "".join("\\u" + (u.upper() if self.chance.random() < 0.5 else u) for u in units)

    def number(self, value: float) -> str:
        if isinstance(value, int):
            if value == 0:
                return self.chance.choice(("0", "-0"))
            if self.chance.random() < 0.2 and abs(value) < 10**15:
                return self.number(float(value))
            return str(value)
        spellings = [repr(value), f"{value:.17e}", f"{value:.17E}", f"{value:.30f}"]
        if value == int(value) and 10 <= value < 10**15:
            digits = str(int(value))
            spellings += [f"{digits}.000", f"{digits}e0", f"{digits[:-1]}.{digits[-1]}E+01"]
            bare = digits.rstrip("0")
            spellings += [f"{bare}e{len(digits) - len(bare)}", f"{digits}00E-2"]
        spelling = self.chance.choice(spellings)
        return spelling if float(spelling) == value else repr(value)


def is_told(line: bytes) -> bool:
    return not any(holds(pattern, line) for pattern in UNTOLD)


def check(rule: Expr, line: bytes, document: Document) -> bool:
    """Holds the rule's anchors to the law; whether there was anything to be seen."""
    if not reference.holds(rule, document) or not is_told(line):
        return False
    anchor = anchors_of(rule)
    assert holds(anchor, line), f"{failing(anchor, line)} is not in {line!r}"
    return True


def failing(anchor: Anchor, line: bytes) -> list[Anchor]:
    terms = anchor.terms if isinstance(anchor, All) else (anchor,)
    return [term for term in terms if not holds(term, line)]


def decoded(line: bytes) -> Document:
    found: Document = msgspec.json.decode(line)
    return found


SEEDS = st.integers(0, 2**32 - 1)
ODD = st.sampled_from((False, False, False, True))


# --- any condition over any event -------------------------------------------------------------


@settings(max_examples=300)
@given(some.expressions(), some.documents(), SEEDS, ODD)
def test_a_line_has_what_a_condition_needs(
    rule: Expr, document: Document, seed: int, odd: bool
) -> None:
    line = Writer(random.Random(seed), odd=odd).line(document)
    check(rule, line, decoded(line))
    check(Not(rule), line, decoded(line))


@settings(max_examples=300)
@given(some.leaves(), some.documents(), SEEDS)
def test_a_line_has_what_a_leaf_needs(leaf: Leaf, document: Document, seed: int) -> None:
    line = Writer(random.Random(seed), dots=True).line(document)
    check(leaf, line, decoded(line))
    check(Not(leaf), line, decoded(line))


@settings(max_examples=100)
@given(some.expressions(), some.documents(), SEEDS)
def test_the_event_may_be_a_part_of_the_line(rule: Expr, document: Document, seed: int) -> None:
    writer = Writer(random.Random(seed))
    line = writer.line({"_index": "bells", "_source": document, "_id": "1"})
    check(rule, line, decoded(line)["_source"])


# --- values and what is asked of them, made so that they meet ---------------------------------

ODD_LETTERS = "\u212a\u0130\u0131\u017f\u0307ßẞéÉσςΣ漢𝕏ǅʼ"
SPECIAL = "\"\\/<>&'+`= \t\n\r\x00\x0b\x7f*?.^$|()[]{}-_:;,"
ODD_TEXTS = st.text(
    st.sampled_from(ODD_LETTERS + SPECIAL * 2 + string.ascii_letters + string.digits * 2),
    max_size=12,
)
WORDS = st.sampled_from(
    (
        "C:\\Windows\\System32\\cmd.exe", "cmd.exe", "/usr/bin/curl", "http://192.0.2.7/a?b=c&d",
        "it's \"quoted\"", "<b>", "a\\u0041b", "\\\\srv\\c$", "Kernel", "SYSTEM", "naïve", "]", "[",
        "a]b,c", "{", "\\", "\\\\", "0", "1", "80", "-1", "80.0", "1.5", "1e+16", "true", "False",
        "e", "x" * 100, "C:\\" + "dir\\" * 30 + "end.exe", "tru", "alse", ".", "-", "8*", "",
    )
)  # fmt: skip
TEXT_VALUES = WORDS | WORDS | some.texts() | ODD_TEXTS
NUMBER_VALUES = st.sampled_from((0, 1, 80, 443, -1, 80.0, 1.5, 0.0, -0.0, 1e16, 1e22, 10**20, 8e1))
TEXT_KINDS: tuple[FieldType, ...] = ("keyword", "keyword", "dynamic", "text", "version")


@st.composite
def globbed(draw: st.DrawFn, text: str) -> str:
    """A glob that the text fits: some of its characters are wildcards."""
    pieces = []
    at = 0
    while at < len(text):
        size = draw(st.integers(1, 8))
        kind = draw(st.sampled_from("lll*?"))
        piece = text[at : at + size]
        pieces.append(
            glob_escape(piece) if kind == "l" else "*" if kind == "*" else "?" * len(piece)
        )
        at += size
    return draw(st.sampled_from(("", "*"))) + "".join(pieces) + draw(st.sampled_from(("", "*")))


@st.composite
def expression_for(draw: st.DrawFn, text: str) -> tuple[str, bool]:
    """A regular expression that finds the text, and whether it is one of the whole."""
    pieces, at = [], 0
    while at < len(text):
        size = draw(st.integers(1, 6))
        piece = "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in text[at : at + size])
        way = draw(st.integers(0, 9))
        match way:
            case 0:
                piece = f"(?:nothing|{piece})"
            case 1:
                piece = f"({piece})+"
            case 2:
                piece = ".*"
            case 3:
                piece = f"(?:{piece}){{1,3}}?"
            case 4:
                piece = f"(?i:{piece.swapcase() if piece.isalnum() and piece.isascii() else piece})"
            case 5:
                piece = f"(?:no.*thing|.{{0,2}}{piece}|other.?)x?"
            case 6:
                piece = f"(?:{piece}){{1}}\\b*(?:z)*"
            case 7 if text[at : at + size].isalnum() and text.isascii():
                piece = "".join(f"[{c}#]" for c in text[at : at + size])
            case _:
                pass
        pieces.append(piece)
        at += size
    pattern = "".join(pieces)
    if draw(st.booleans()):
        return pattern, True
    begin, end = draw(st.sampled_from((("", ""), ("^", ""), ("", "$"), ("\\A", "\\z"))))
    return begin + pattern + end, False


@st.composite
def meetings(draw: st.DrawFn) -> tuple[Matcher, FieldType, Scalar]:
    """What is asked, the type of the field, and a value that mostly fits."""
    value: Scalar = draw(TEXT_VALUES | TEXT_VALUES | NUMBER_VALUES | st.booleans())
    text = text_of(value)
    kind: FieldType = draw(st.sampled_from(TEXT_KINDS))
    fold_case = draw(st.booleans())
    other = draw(st.sampled_from(("zzz", "other", "17")))
    if fold_case:
        text = draw(st.sampled_from((text, fold(text), text.upper())))
    match draw(st.integers(0, 8)):
        case 0 | 1:
            return Equals((other, text), fold_case), kind, value
        case 2 | 3:
            return Wildcard((other, draw(globbed(text))), fold_case), kind, value
        case 4 | 5:
            pattern, whole = draw(expression_for(text))
            return Regex((other, pattern), fold_case, whole), kind, value
        case 6:
            how = draw(st.sampled_from(("phrase", "any", "wildcard")))
            return Words(tuple(tokens(text)[:2]), how, text), kind, value
        case 7:
            path = draw(st.sampled_from(("/etc/ssl/a.b/c", "/a", "C:\\Temp\\x", "/etc/b/b/c'd")))
            parts = [draw(st.sampled_from((p, "*", p[:1] + "*"))) for p in path.split("/")]
            if draw(st.booleans()):
                begin = draw(st.integers(1, len(parts)))
                parts[begin : draw(st.integers(begin, len(parts)))] = ["**"]
            return PathGlob(("/".join(parts),), fold_case), kind, path
        case _:
            number = draw(NUMBER_VALUES)
            kind = draw(st.sampled_from(("long", "double", "dynamic")))
            spelled = st.sampled_from((number, str(number), f" {number}", f"00{abs(number)}"))
            if draw(st.booleans()):
                low, high = (draw(st.none() | st.sampled_from((0, 0.5, 1, 7))) for _ in range(2))
                low = None if low is None else number - low
                high = None if high is None else number + high
                return (
                    Range(low, high, draw(st.booleans()), draw(st.booleans())),
                    kind,
                    draw(spelled),
                )
            return Equals((17, number, True), fold_case), kind, draw(spelled)


def around(value: Scalar, chance: random.Random) -> Any:
    """The value alone or in an array, with neighbours that make it hard to find."""
    others = ["a]b", 'q"', {"name": "zzz"}, [["x"]], 17, None, "\\", "z", True]
    if chance.random() < 0.5:
        return value
    return [*chance.sample(others, 2), value, *chance.sample(others, 1)]


@settings(max_examples=1_000)
@given(meetings(), SEEDS, ODD)
@example((Equals(("80",)), "keyword", 80), 0, False)
@example((Equals(("80.0",)), "keyword", 80.0), 3, False)
@example((Equals(("true",)), "keyword", True), 0, False)
@example((Wildcard(("8*",)), "keyword", 80), 0, False)
@example((Range(), "dynamic", "0"), 0, False)
@example((Equals(("kelvin",), True), "keyword", "\u212aelvin"), 0, False)
@example((Equals(("i\u0307x",), True), "keyword", "\u0130x"), 0, False)
@example((Regex(("(?i)success",), False), "keyword", "\u017fuccess"), 0, False)
def test_a_line_has_what_a_value_that_fits_looks_like(
    meeting: tuple[Matcher, FieldType, Scalar], seed: int, odd: bool
) -> None:
    matcher, kind, value = meeting
    chance = random.Random(seed)
    rule = Leaf("process.parent.name", matcher, kind)
    document = {"process": {"name": "other", "parent": {"name": around(value, chance)}}}
    line = Writer(chance, odd=odd, dots=True).line(document)
    check(rule, line, decoded(line))


ADDRESSES = st.sampled_from(
    (
        "10.1.2.3", "169.254.169.254", "172.20.0.1", "::ffff:10.1.2.3", "::FFFF:a01:203",
        "0:0:0:0:0:ffff:172.20.0.1", "0000::ffff:A9FE:A9FE", "2001:0DB8::1", "fe80::1%eth0",
        " 10.1.2.3\t", "10.1.2.3%x", "::1", "2001:db8:0:0:1:0:0:1", "2001:db8::10.1.2.3", "11.2.3.4/7",
    )
)  # fmt: skip
BLOCKS = st.sampled_from(
    (
        "10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "169.254.169.254", "10.1.2.0/23",
        "10.1.2.2/31", "0.0.0.0/0", "::/0", "2001:db8::/32", "::ffff:10.0.0.0/104", "fe80::/10",
        "100.64.0.0/10", "8.0.0.0/5", "no block",
    )
)  # fmt: skip


@settings(max_examples=400)
@given(
    st.lists(BLOCKS, min_size=1, max_size=3),
    ADDRESSES,
    st.sampled_from(("ip", "ip", "ip", "keyword", "dynamic")),
    st.booleans(),
    SEEDS,
)
def test_a_line_has_what_an_address_in_a_block_looks_like(
    blocks: list[str], address: str, kind: FieldType, symmetric: bool, seed: int
) -> None:
    chance = random.Random(seed)
    line = Writer(chance, dots=True).line({"source": {"ip": around(address, chance)}})
    document = decoded(line)
    check(Leaf("source.ip", InNetwork(tuple(blocks), symmetric), kind), line, document)
    canonical = reference.read(document, "source.ip", "ip")
    if canonical:
        wanted = (*canonical[:1], "192.0.2.1")
        assert not is_told(line) or check(Leaf("source.ip", Equals(wanted), "ip"), line, document)
        check(Leaf("source.ip", Wildcard(("10.*", "169.254.*")), "ip"), line, document)
        check(Leaf("source.ip", Regex((r"1\d+\.2.*",)), "ip"), line, document)


SCRIPTS = ("eq", "in", "wildcard", "startsWith", "endsWith", "stringContains", "regex_search", "ne")


@settings(max_examples=300)
@given(TEXT_VALUES, st.sampled_from(SCRIPTS), st.booleans(), st.none() | WORDS, SEEDS, st.data())
def test_a_line_has_what_a_script_needs(
    text: str, name: str, fold_case: bool, missing: str | None, seed: int, data: st.DataObject
) -> None:
    part = text[data.draw(st.integers(0, 3)) :] if name in {"endsWith", "stringContains"} else text
    glob = data.draw(globbed(text)) if name == "wildcard" else part
    if name == "regex_search":
        glob = "".join(f"\\x{{{ord(c):x}}}" for c in part)
    field = Field("process.name", data.draw(st.sampled_from(TEXT_KINDS)), missing)
    call = Call(name, (field, Const(glob)), fold_case)
    chance = random.Random(seed)
    line = Writer(chance).line({"process": {"name": around(text, chance)}, "b": 1})
    check(Script(call), line, decoded(line))
    check(Script(call), b'{"b":1}', {"b": 1})
    both = Call("and", (call, Call("or", (call, Call("eq", (Field("b"), Const(1)))))))
    check(Script(both), line, decoded(line))
    check(Not(Script(call)), b'{"b":1}', {"b": 1})


# --- what published rules ask, over events made for them --------------------------------------

STEP = {"elastic": 7, "sigma": 16, "datadog": 2}


@functools.cache
def solved(corpus: Path, step: int) -> list[tuple[list[Expr], Document]]:
    """(conditions of a rule, an event that fires it) for every so many rules."""
    rules = load_rules([corpus]).rules
    others = others_of(rules)
    found = []
    for rule in rules[::step]:
        solution = solve(rule, others=others)
        if isinstance(solution, Solved):
            conditions = [role.expr for role in roles_of(rule.query)]
            found += [(conditions, event) for event in solution.fires.events]
    return found


@pytest.mark.parametrize("corpus", sorted(STEP))
def test_lines_made_for_published_rules_have_what_these_need(shared: Path, corpus: str) -> None:
    place = shared / "corpora" / corpus
    if not place.is_dir():
        pytest.skip(f"no rules at {place}")
    seen = 0
    for number, (conditions, event) in enumerate(solved(place, STEP[corpus])):
        for turn in range(3):
            line = Writer(random.Random(number * 3 + turn), dots=turn > 0).line(event)
            document = decoded(line)
            seen += sum(check(condition, line, document) for condition in conditions)
    assert seen > 100


# --- the formulas -----------------------------------------------------------------------------

ATOMS = st.sampled_from((Text(b"aa"), Text(b"bb"), Text(b"cc"), Pattern(b"a+b"), Pattern(b"c$")))
ANCHORS = st.recursive(
    ATOMS | st.just(ANYTHING),
    lambda inner: st.builds(
        lambda kind, terms: kind(tuple(terms)),
        st.sampled_from((All, AnyOf)),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)
LINES = st.lists(st.sampled_from((b"a", b"A", b"bb", b"c", b" ")), max_size=6).map(b"".join)


@given(ANCHORS, LINES, st.sets(ATOMS))
def test_what_is_dropped_is_taken_for_true(
    anchor: Anchor, line: bytes, dropped: set[Text | Pattern]
) -> None:
    def taken(one: Anchor) -> bool:
        if isinstance(one, All):
            return all(map(taken, one.terms))
        if isinstance(one, AnyOf):
            return any(map(taken, one.terms))
        return one in dropped or holds(one, line)

    left = without(anchor, dropped.__contains__)
    assert holds(left, line) == taken(anchor)
    assert not dropped.intersection(atoms(left))
    assert without(left, lambda _: False) == left


@given(TEXT_VALUES, TEXT_VALUES, SEEDS)
def test_a_line_has_what_a_text_somewhere_in_it_looks_like(
    text: str, before: str, seed: int
) -> None:
    line = Writer(random.Random(seed)).line({"a": [{"b": before + text}]})
    if is_told(line):
        assert holds(text_anchor(text), line)


@given(some.leaves(), st.sampled_from(("a", "b.c")))
def test_anchors_of_nested_objects_are_those_of_their_gate(leaf: Leaf, path: str) -> None:
    document = {"a": [{"a": 1, "b": "x"}, {"c": "curl"}], "b.c": {"a": "é"}}
    line = msgspec.json.encode(document)
    check(Nested(path, leaf), line, document)
    check(Nested(path, Leaf("a", Exists())), line, document)
