"""What a row comes to."""

from __future__ import annotations

from typing import NamedTuple

from bench.measure import Ratio


class Figure(NamedTuple):
    """What was measured.

    Attributes:
        value: to be held against the goal; None: nothing was measured, and ``detail`` says why.
        text: the value for people.
        detail: what else there is to say.
        counts: False: the value is worth nothing, and ``detail`` says why.
    """

    value: float | None
    text: str = "not measured"
    detail: str = ""
    counts: bool = True


def ratio_figure(ratio: Ratio, detail: str = "", *, counts: bool = True) -> Figure:
    """A ratio as a figure: with its spread, and with both rates."""
    one, other = (f"{rate / 1000:,.1f}" for rate in ratio.rates)
    spread = f"{number(ratio.least)} to {number(ratio.most)}"
    told = f"{spread}; {one} against {other} thousand events a second"
    return Figure(
        ratio.median, number(ratio.median), f"{told}; {detail}" if detail else told, counts
    )


def number(value: float) -> str:
    """A number with as many digits as it deserves.

    >>> number(0.5234), number(12.34), number(152.4)
    ('0.52', '12.3', '152')
    """
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"
