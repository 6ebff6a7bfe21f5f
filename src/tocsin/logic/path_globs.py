r"""SECL's globs over paths: ``*`` stays inside one segment, ``**`` is any number of segments.

A path is cut at ``/``, and so is a pattern:

* ``*`` is any run of characters of one segment, and may be a part of it (``ng*``);
* ``**``, a whole segment, is any number of segments, at the end at least one; it may stand once;
* ``**`` glued to other text is read as ``*``; a leading ``*/`` as ``/*/``;
* a pattern without ``*`` is the path itself.

The segments before and after a ``**`` are looked for on their own and may overlap, so that
``/a/b/**/b/c`` fits ``/a/b/c``. A trailing ``/`` makes an empty segment, which counts.

>>> path_glob_matches("/sys/**/cgr*", "/sys/fs/cgroup", fold_case=False)
True
>>> path_glob_matches("/a/*", "/a/b/c", fold_case=False)
False
"""

from __future__ import annotations

import re
from functools import lru_cache

from tocsin.logic.field_types import fold
from tocsin.logic.patterns import glob_matches

_STARS = re.compile(r"\*{2,}")
ANY_SEGMENTS = "**"


def path_glob_matches(pattern: str, path: str, *, fold_case: bool) -> bool:
    """Whether a path fits a pattern.

    Args:
        pattern: as in the module's description.
        path: the path; an empty one fits nothing.
        fold_case: whether case is ignored, as on Windows, where a backslash counts as ``/``.
    """
    if not path:
        return False
    if fold_case:
        pattern, path = fold(pattern).replace("\\", "/"), fold(path).replace("\\", "/")
    if "*" not in pattern:
        return pattern == path
    before, after = _segments(pattern)
    parts = path.split("/")
    if after is None:
        return len(parts) == len(before) and _all_match(before, parts)
    if not after:
        return len(parts) > len(before) and _all_match(before, parts)
    if not before and len(parts) < 2:
        return False
    return (
        len(parts) >= max(len(before), len(after))
        and _all_match(before, parts)
        and _all_match(after, parts[-len(after) :])
    )


def check_path_glob(pattern: str) -> str | None:
    """Why a pattern is refused; None where it is fine.

    >>> check_path_glob("/etc/**/**/conf.d")
    "'**' stands twice in the pattern"
    """
    if pattern.split("/").count(ANY_SEGMENTS) > 1:
        return "'**' stands twice in the pattern"
    return None


def check_path_literal(text: str) -> str | None:
    """Why a text or pattern can be no path of an event; None where it can.

    A path is absolute and clean; a pattern may begin with ``*``; nothing at all is fine (no path).

    >>> check_path_literal("etc/passwd"), check_path_literal("/etc/passwd")
    ('a path has to be absolute', None)
    """
    if not text:
        return None
    if text == "*":
        return "'*' alone is no path"
    if text[0] not in "/*":
        return "a path has to be absolute"
    if text != "/" and text.endswith("/"):
        return "a path does not end in '/'"
    if any(part in {".", ".."} for part in text.split("/")):
        return "a path holds no '.' or '..'"
    if "//" in text:
        return "a path holds no '//'"
    return None


@lru_cache(maxsize=65_536)
def _segments(pattern: str) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The segments before a ``**``, and those behind it; None where there is none."""
    if pattern.startswith("*/"):
        pattern = f"/{pattern}"
    segments = pattern.split("/")
    if ANY_SEGMENTS not in segments:
        return _globs(segments), None
    place = segments.index(ANY_SEGMENTS)
    return _globs(segments[:place]), _globs(segments[place + 1 :])


def _globs(segments: list[str]) -> tuple[str, ...]:
    """Segments as globs of `patterns`, in which ``*`` alone is special."""
    return tuple(_STARS.sub("*", s).replace("\\", "\\\\").replace("?", "\\?") for s in segments)


def _all_match(globs: tuple[str, ...], parts: list[str]) -> bool:
    return all(glob_matches(glob, part) for glob, part in zip(globs, parts, strict=False))
