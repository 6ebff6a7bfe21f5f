"""A schedule as if: the windows in which a vendor would have run a rule, by event time.

Elastic runs a rule every ``interval`` and lets each run look at ``[now - lookback, now]``. Here the
runs are at the multiples of the interval since the epoch, so that the same events fall into the
same runs whenever they come in.

>>> minute = 60_000_000_000
>>> runs = Runs(5 * minute, 9 * minute)
>>> runs.first_at(7 * minute) // minute, runs.last_with(7 * minute) // minute
(10, 15)
>>> runs.together(7 * minute, 14 * minute), runs.together(4 * minute, 14 * minute)
(True, False)
"""

from __future__ import annotations

import msgspec


class Runs(msgspec.Struct, frozen=True):
    """When a rule runs and how far back a run looks, in nanoseconds."""

    interval: int
    lookback: int

    def first_at(self, time: int) -> int:
        """The first run at which an event of this time has happened."""
        return -(-time // self.interval) * self.interval

    def last_with(self, time: int) -> int:
        """The last run whose window still holds the time."""
        return (time + self.lookback) // self.interval * self.interval

    def together(self, first: int, last: int) -> bool:
        """Whether some run sees both times."""
        return self.first_at(last) - self.lookback <= first
