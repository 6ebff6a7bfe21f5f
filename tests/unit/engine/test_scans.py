"""A scan says of every value what each of its leaves says alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.engine import scans
from tocsin.engine.pattern_sets import HYPERSCAN
from tocsin.engine.scans import NO_VALUE, Scan
from tocsin.logic.expr import Leaf
from tocsin.logic.field_types import FieldType, Scalar, coerce
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
    matched_pattern,
)
from tocsin.logic.patterns import glob_escape
from tocsin.testing import strategies as some

ENGINES = [
    False,
    pytest.param(True, marks=pytest.mark.skipif(not HYPERSCAN, reason="no Hyperscan")),
]

ODD: tuple[Scalar, ...] = (
    "", "\ud800", "a\udfffb", "\ud83d\ude00", "\U0001f600", "\r\n", "a\nb", "\n", "\x00", "\x0b", "\x7f", "\x80",
    "ÀÉ", "àé", "K", "ſ", "ΑΣ", "ας", "a" * 5_000, "ab" * 50_000, "é" * 300, "a.exe\n", "10.0.0.1/8", " 10.0.0.1 ",
    "010.0.0.1", "10.0.0.1\x00", "::ffff:10.0.0.1", "10.1", "1" * 5_000, 0.0, -0.0, float("nan"), float("inf"), 10**400,
)  # fmt: skip

FORMS = (
    "{}",
    "{}*",
    "*{}",
    "*{}*",
    "?{}",
    "{}?",
    "*{}?",
    "?*{}*",
    "{}*{}",
    "*{}*{}*",
    "*{}?{}*",
    "{}??",
    "*{}*{}*{}",
)


def answer(matcher: Matcher, kind: FieldType, value: Scalar) -> bool | None:
    held = coerce(kind, value)
    if held is None:
        return None
    try:
        return matched_pattern(matcher, kind, held) is not None
    except (UnicodeEncodeError, ValueError, re2.error):
        return False  # half a surrogate and RE2, a version of 5,000 digits


def check(
    matchers: Sequence[Matcher],
    kind: FieldType,
    values: Sequence[Scalar],
    *,
    hyperscan: bool | None,
) -> None:
    scan = Scan([Leaf("a", matcher, kind) for matcher in matchers], with_hyperscan=hyperscan)
    wanted = [[answer(matcher, kind, value) for matcher in matchers] for value in values]
    for value, answers in zip(values, wanted, strict=True):
        found = scan.fits(value)
        assert scan.fits(value) == found
        if answers[0] is None:
            assert found == NO_VALUE, value
        else:
            assert [bool(found >> n & 1) for n in range(len(matchers))] == answers, (
                matchers,
                value,
            )
            assert found >> len(matchers) == 0
    hits, valid = scan.run(values)
    assert valid == [code for code, answers in enumerate(wanted) if answers[0] is not None]
    assert hits == [
        [code for code, answers in enumerate(wanted) if answers[n]] for n in range(len(matchers))
    ]


@st.composite
def texts_and_globs(draw: st.DrawFn) -> tuple[list[Matcher], list[Scalar]]:
    """Globs made of pieces, and texts that are made of the same."""
    letters = st.sampled_from(
        (
            "a",
            "b",
            "A",
            "é",
            "É",
            "k",
            "\u212a",
            "s",
            "ſ",
            "σ",
            "Σ",
            "ς",
            "\n",
            ".",
            "\\",
            "/",
            "😀",
            "İ",
        )
    )
    pieces = draw(
        st.lists(st.lists(letters, min_size=1, max_size=3).map("".join), min_size=1, max_size=4)
    )
    piece = st.sampled_from(pieces)
    glob = st.builds(
        lambda form, parts: form.format(*map(glob_escape, parts)),
        st.sampled_from(FORMS), st.lists(piece, min_size=3, max_size=3),
    )  # fmt: skip
    regex = st.sampled_from(some.PATTERNS) | piece.map(re2.escape)
    matchers = st.one_of(
        st.builds(lambda g, f: Wildcard((g,), f), glob, st.booleans()),
        st.builds(
            lambda g, f: Wildcard(tuple(g), f),
            st.lists(glob, min_size=1, max_size=3),
            st.booleans(),
        ),
        st.builds(lambda r, f, w: Regex((r,), f, w), regex, st.booleans(), st.booleans()),
        st.builds(lambda g, f: PathGlob((g,), f), some.path_globs(), st.booleans()),
    )
    text = st.lists(piece | letters, max_size=4).map("".join)
    paths = st.lists(st.sampled_from(("etc", "Etc", "", "d", "ca.pem", "passwd")), max_size=5).map(
        "/".join
    )
    values = st.one_of(text, text, text.map(str.swapcase), paths, some.texts())
    return draw(st.lists(matchers, min_size=1, max_size=9)), draw(st.lists(values, max_size=12))


@pytest.mark.parametrize("hyperscan", ENGINES)
@settings(max_examples=150)
@given(question=texts_and_globs())
@example(
    question=(
        [Wildcard(("*",)), Wildcard(("?*",)), Wildcard(("??",)), Wildcard(("",))],
        ["", "a", "é", "😀", "ab", "\n"],
    )
)
@example(
    question=(
        [Regex(("a",), True), Regex(("k",), True, False), Regex(("s",), True)],
        ["\u212a", "K", "ſ", "S", "A"],
    )
)
@example(
    question=(
        [Wildcard(("*Σ*",), True), Wildcard(("ας*",), True), Wildcard(("?",), True)],
        ["ΑΣ", "ας", "ασ", "İ"],
    )
)
def test_a_scan_of_texts_says_what_its_leaves_say_alone(
    hyperscan: bool, question: tuple[list[Matcher], list[Scalar]]
) -> None:
    matchers, values = question
    check(matchers, "keyword", values, hyperscan=hyperscan)


@pytest.mark.parametrize("hyperscan", ENGINES)
@settings(max_examples=150)
@given(data=st.data())
def test_a_scan_of_any_type_says_what_its_leaves_say_alone(
    hyperscan: bool, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(some.TYPES))
    matchers = data.draw(st.lists(some.matchers(kind), min_size=1, max_size=8))
    values = data.draw(st.lists(some.scalars() | st.sampled_from(ODD), max_size=8))
    check(matchers, kind, values, hyperscan=hyperscan)


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            Range, st.none() | st.integers(0, 6) | st.just(2.5), st.none() | st.integers(0, 6), st.booleans(), st.booleans()
        ),
        min_size=1, max_size=8,
    ),
    st.sampled_from(("long", "dynamic", "keyword")),
)  # fmt: skip
def test_ranges_that_overlap_are_told_apart(ranges: list[Range], kind: FieldType) -> None:
    check(ranges, kind, [*range(-1, 8), 0.5, 2.5, "3", "x", True], hyperscan=False)


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            lambda blocks, symmetric: InNetwork(tuple(blocks), symmetric),
            st.lists(st.builds("10.{}.{}.0/{}".format, st.integers(0, 1), st.integers(0, 3), st.integers(8, 32)), min_size=1, max_size=3),
            st.booleans(),
        ),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_networks_that_overlap_are_told_apart(networks: list[InNetwork]) -> None:
    addresses = [f"10.{a}.{b}.{c}" for a in (0, 1, 2) for b in (0, 1, 3) for c in (0, 255)]
    blocks = [f"10.0.{b}.0/{size}" for b in (0, 2) for size in (9, 16, 23, 24, 32)]
    check(networks, "ip", addresses, hyperscan=False)
    check(
        networks,
        "keyword",
        [*addresses, *blocks, "::/0", "0.0.0.0/0", "::ffff:10.0.0.0/104"],
        hyperscan=False,
    )


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            lambda words, how: Words(tuple(words), how),
            st.lists(st.sampled_from(("a", "b", "aß", "é", "b*", "σ")), max_size=3), st.sampled_from(("phrase", "any", "wildcard")),
        ),
        min_size=1, max_size=6,
    ),
    st.lists(st.lists(st.sampled_from(("a", "b", "A", "aß", "É", "bc", "Σ", ".", "\u212a")), max_size=5).map(" ".join), max_size=6),
)  # fmt: skip
def test_words_of_many_leaves_are_told_apart(words: list[Words], texts: list[str]) -> None:
    check(words, "text", texts, hyperscan=False)


EVERYTHING: list[Matcher] = [
    Exists(), Equals(("a", "", "1", 1, True, 0.0)), Equals(("CURL", "ΑΣ", "K"), fold_case=True),
    Wildcard(("*",)), Wildcard(("?*",)), Wildcard(("?",)), Wildcard(("*a*", "*.exe")), Wildcard(("*É",), fold_case=True),
    Wildcard(("*a*b*",), fold_case=True), Wildcard(("?\x80*", "\x00*")), Wildcard(("\ud800*", "*\udfff*")), Wildcard(("😀",)),
    Regex((r"a\s?",)), Regex((r"\s",), whole=False), Regex((r"^$", r"\n$"), whole=False), Regex((r"[^b]+",), fold_case=True),
    Regex((r".{2}",)), Regex((r"(a|b)*",)), Regex((r"\d{1,3}(\.\d{1,3}){3}",), whole=False), Regex((r"\pL+",)), Regex((r"\W",)),
    Range("a", "b"), Range(1, 5, high_included=False), Range(None, 0), Range("10.0.0.0", "10.0.0.255"), Range("1.0", None), Range(),
    Range(float("nan"), None), Range(1, "a"), Range(True, None), Range(0, float("inf")),
    InNetwork(("10.0.0.0/8", "10.0.0.0/24", "::1")), InNetwork(("10.1.0.0/16",), symmetric=True), InNetwork(("nonsense",)),
    Words(("a",), "phrase"), Words(("line", "break"), "phrase"), Words(("hello", "a"), "any"), Words(("h*",), "wildcard"), Words((), "wildcard"),
    Words((), "phrase"), PathGlob(("/etc/*", "/sys/**/cgr*")), PathGlob(("/ETC/**",), fold_case=True), PathGlob(("",)), PathGlob(("**",)),
]  # fmt: skip


@pytest.mark.parametrize("hyperscan", ENGINES)
@pytest.mark.parametrize("kind", some.TYPES)
def test_odd_values_are_answered_as_by_each_leaf_alone(kind: FieldType, hyperscan: bool) -> None:
    check(EVERYTHING, kind, [*ODD, *some.TEXTS, *some.NUMBERS, True, False], hyperscan=hyperscan)


def test_values_that_are_equal_to_python_are_kept_apart() -> None:
    leaves = [Leaf("a", Equals((value,))) for value in (1, True, "1", 0.0)]
    scan = Scan(leaves)
    for _ in range(2):
        assert [scan.fits(v) for v in (1, 1.0, True, "1", 0, False)] == [1, 1, 2, 4, 8, 0]
    texts = Scan([Leaf("a", Equals((text,)), "keyword") for text in ("0.0", "-0.0", "1", "1.0")])
    for _ in range(2):
        assert [texts.fits(v) for v in (0.0, -0.0, 1, 1.0, "1")] == [1, 2, 4, 8, 4]


def remembered(scan: Scan) -> int:
    memory = scan.fits.__self__  # type: ignore[attr-defined]
    return len(memory) + len(memory._others)


def test_a_scan_remembers_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "_MOST", 1_000)
    scan = Scan([Leaf("a", Wildcard(("*9",)), "keyword")])
    for number in range(5_000):
        assert scan.fits(f"text {number}") == (number % 10 == 9)
        assert scan.fits(number) == (number % 10 == 9)
        assert remembered(scan) < 2_000
    assert remembered(scan) > 0


def test_long_texts_are_answered_and_not_remembered() -> None:
    scan = Scan([Leaf("a", Wildcard(("*x",)), "keyword")])
    assert scan.fits("a" * 100_000 + "x") == 1
    assert scan.fits("a" * 100_000) == 0
    assert remembered(scan) == 0


def test_all_scans_together_remember_no_more_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "_all", all_of_them := scans._All())
    monkeypatch.setattr(scans, "_MOST_BYTES_IN_ALL", 1 << 20)
    all_of_them._room = 1 << 20
    many = [Scan([Leaf("a", Equals((str(n),)))]) for n in range(8)]
    for number in range(20_000):
        for scan in many:
            scan.fits(f"text {number}")
    assert 0 < sum(scan.fits.__self__.taken for scan in many) <= 1 << 20  # type: ignore[attr-defined]


def test_making_a_scan_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(scans, "_Lookups", refuse)
    scan = Scan([Leaf("a", Regex(("(",))), Leaf("a", Wildcard(("*a*b*",)))])
    assert scan.run([]) == ([[], []], [])


def test_a_pattern_that_is_none_fits_nothing() -> None:
    for hyperscan in (False, HYPERSCAN):
        scan = Scan(
            [Leaf("a", Regex((p,))) for p in ("(", "a{2000}", "a", "\ud800")],
            with_hyperscan=hyperscan,
        )
        assert scan.fits("a") == 4
        assert scan.fits("é") == 0
