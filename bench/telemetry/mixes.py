"""The mixes that events are drawn from: how much of what rules look for there is in them."""

from __future__ import annotations

from typing import NamedTuple


class Mix(NamedTuple):
    """What to draw.

    Attributes:
        remarkable: how often a command line or file is one that is ordinary and holds what rules
            look for all the same, as a multiple of the default's share.
        suspicious: the share of events that are what rules look for.
        kinds: the shares of the kinds of event, in percent.
    """

    remarkable: float
    suspicious: float
    kinds: dict[str, int]


_KINDS = {"process": 30, "network": 20, "file": 22, "registry": 10, "dns": 8, "library": 7,
          "http": 3}  # fmt: skip
_QUIET = {"process": 8, "network": 32, "file": 32, "registry": 8, "dns": 8, "library": 8, "http": 4}

MIXES = {
    "default": Mix(1.0, 0.0018, _KINDS),
    "quiet": Mix(0.1, 0.0001, _QUIET),
    "suspicious": Mix(4.0, 0.6, _KINDS),
}
