"""Whether two sets of loaded rules are the same to the last type: 1 is not 1.0, and neither is True."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from tocsin.rules.model import Loaded


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Where two values differ, their types being part of them."""
    if type(one) is not type(other):
        yield f"{where}: {one!r} and {other!r}"
    elif isinstance(one, msgspec.Struct):
        for name in one.__struct_fields__:
            yield from differences(getattr(one, name), getattr(other, name), f"{where}.{name}")
    elif isinstance(one, tuple):
        if len(one) != len(other):
            yield f"{where}: {len(one)} and {len(other)}"
        for place, (a, b) in enumerate(zip(one, other, strict=False)):
            yield from differences(a, b, f"{where}[{place}]")
    elif isinstance(one, float):
        if not (math.isnan(one) and math.isnan(other)) and one.hex() != other.hex():
            yield f"{where}: {one!r} and {other!r}"
    elif isinstance(one, (str, int, dt.timedelta, type(None))):
        if one != other:
            yield f"{where}: {one!r} and {other!r}"
    else:
        yield f"{where}: no class of a rule: {type(one)}"


def same(one: Loaded, other: Loaded) -> bool:
    found = list(differences(one, other))
    assert found[:5] == []
    return True
