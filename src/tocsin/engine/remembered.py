"""What was made of an object, remembered for as long as there is room.

For objects that are few and long-lived, such as rules and their conditions, and whose hash would
cost as much as what is made of them: they are told apart by which object they are.

>>> length = Remembered(len, most=2)
>>> text = "bell"
>>> length(text), length(text)
(4, 4)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Made = TypeVar("_Made")


class Remembered(Generic[_Key, _Made]):
    """A function that remembers its results by the identity of its argument.

    Args:
        make: the function.
        most: how many results are remembered; where there are more, all are forgotten.
    """

    def __init__(self, make: Callable[[_Key], _Made], most: int) -> None:
        self._make = make
        self._most = most
        # The object itself is held, too, so that no other one can have its identity.
        self._made: dict[int, tuple[_Key, _Made]] = {}

    def __call__(self, key: _Key) -> _Made:
        """What was made of the object, or is now."""
        known = self._made.get(id(key))
        if known is not None:
            return known[1]
        made = self._make(key)
        if len(self._made) >= self._most:
            self._made.clear()
        self._made[id(key)] = (key, made)
        return made
