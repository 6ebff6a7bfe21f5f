r"""Whether a text has the pieces that a regular expression cannot do without: asked before it is.

>>> may_fit = piece_test(r"(?:curl|wget)\s.{1,900}\.sh$")
>>> may_fit("wget http://192.0.2.7/a.sh"), may_fit("ls -l")
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from tocsin.logic._json_spelling import QUOTE
from tocsin.logic._regex_anchors import Every, Need, needs_of


def piece_test(pattern: str, *, whole: bool = False) -> Callable[[str], bool]:
    """What says of a text whether the expression may fit it; True where that is not known.

    Args:
        pattern: in RE2's syntax.
        whole: whether it has to match the whole text, or any part.
    """
    test = _test(needs_of(pattern, whole=whole))
    return lambda text: test(_lowered(text))


@lru_cache(maxsize=1)
def _lowered(text: str) -> str:
    """A text in which ASCII letters are small, and so is what is equal to them: ``ſ``, ``K``.

    Many expressions ask for the same one, one after the other.
    """
    return text.lower() if text.isascii() else text.lower().replace("\u017f", "s")


def _test(need: Need) -> Callable[[str], bool]:
    if isinstance(need, str):
        piece = need.replace(QUOTE, "").lower()
        # Other letters are equal to more than `lower` knows: σ and ς.
        return (lambda text: piece in text) if piece.isascii() else (lambda _: True)
    tests = [_test(term) for term in need.terms]
    if isinstance(need, Every) or not tests:
        return lambda text: all(test(text) for test in tests)
    return lambda text: any(test(text) for test in tests)
