"""SECL's globs over paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logic.path_globs import check_path_glob, check_path_literal, path_glob_matches

FITS = [
    ("/bell/tower", "/bell/tower"),
    ("/bell/*", "/bell/tower"),
    ("/bell/*", "/bell/"),
    ("/bell/t*r", "/bell/tower"),
    ("/bell/*w*", "/bell/tower"),
    ("/*/tower", "/bell/tower"),
    ("*/tower/*", "/bell/tower/rope"),
    ("bel*", "bell"),
    ("/bell/**", "/bell/tower/rope"),
    ("/bell/**", "/bell/"),
    ("/bell/**/rope", "/bell/rope"),
    ("/bell/**/rope", "/bell/a/b/rope"),
    ("/a/b/**/b/c", "/a/b/c"),
    ("**/rope", "/rope"),
    ("**/tower/rope", "/bell/tower/rope"),
    ("**", "/bell/tower"),
    ("/etc/**.conf", "/etc/bell.conf"),
    ("/a?b\\c*", "/a?b\\cd"),
]
DOES_NOT = [
    ("/bell", "/bell/tower"),
    ("/bell/*", "/bell"),
    ("/bell/**", "/bell"),
    ("/bell/*", "/bell/tower/rope"),
    ("*", "/bell"),
    ("*", ""),
    ("**", ""),
    ("/BELL/*", "/bell/tower"),
    ("**/rope", "rope"),
    ("/etc/**.conf", "/etc/d/bell.conf"),
    ("/a?c*", "/abc"),
    ("*/tower", "/bell/tower/rope"),
]


@pytest.mark.parametrize("pattern, path", FITS)
def test_a_path_fits(pattern: str, path: str) -> None:
    assert path_glob_matches(pattern, path, fold_case=False)


@pytest.mark.parametrize("pattern, path", DOES_NOT)
def test_a_path_does_not_fit(pattern: str, path: str) -> None:
    assert not path_glob_matches(pattern, path, fold_case=False)


def test_folding_ignores_case_and_reads_a_backslash_as_a_slash() -> None:
    assert path_glob_matches("C:/Bells/*", "c:\\BELLS\\tower", fold_case=True)
    assert path_glob_matches("/Bell", "/bell", fold_case=True)


@pytest.mark.parametrize("pattern", ["/a/**/b/**", "**/**"])
def test_two_double_stars_are_refused(pattern: str) -> None:
    assert check_path_glob(pattern) == "'**' stands twice in the pattern"


@pytest.mark.parametrize("pattern", ["/a/**/b", "**", "/a/**.conf/**", "*"])
def test_one_double_star_is_fine(pattern: str) -> None:
    assert check_path_glob(pattern) is None


@pytest.mark.parametrize("text", ["/a", "", "/", "*/a", "**/a", "/a/*", "/a..b"])
def test_a_clean_path_is_fine(text: str) -> None:
    assert check_path_literal(text) is None


@pytest.mark.parametrize("text", ["a", "~/a", "/a/", "/a//b", "/a/../b", "/./a", "*"])
def test_any_other_path_is_refused(text: str) -> None:
    assert check_path_literal(text) is not None


SEGMENTS = st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=4)


@given(SEGMENTS)
def test_a_path_fits_itself_and_its_stars(segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    assert path_glob_matches(path, path, fold_case=False)
    assert path_glob_matches("/*" * len(segments), path, fold_case=False)
    assert path_glob_matches("/**", path, fold_case=False)


@given(st.text(alphabet="ab*/", max_size=12), st.text(alphabet="ab/", max_size=12))
def test_a_star_never_crosses_a_slash(pattern: str, path: str) -> None:
    if "**" not in pattern and path_glob_matches(pattern, path, fold_case=False):
        leading = 1 if pattern.startswith("*/") else 0
        assert path.count("/") == pattern.count("/") + leading
