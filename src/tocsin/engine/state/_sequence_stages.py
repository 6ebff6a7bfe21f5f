"""Which keys of a sequence may have all steps, and which rows do not matter; see `sequence`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.engine.state._sequence_machine import KeyState, Machine
from tocsin.engine.state._sequence_rows import Places

MOST_STAGES = 63
"""Of so many stages it is asked whether a key's rows hit all of them; of more it is supposed."""

Bits = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


class Stages:
    """The stages of a machine as bits: of a set of roles, of a state, of many rows.

    Args:
        machine: the machine.

    Attributes:
        all: the bits of all stages.
    """

    def __init__(self, machine: Machine) -> None:
        self._steps = {role: stage for stage, role in enumerate(machine.positive)}
        self._missing = {role for role, _ in machine.missing}
        self._bits: list[int] = []
        self._is_step: list[bool] = []
        self._is_pure: list[bool] = []
        self._is_missing: list[bool] = []
        self.all = np.uint64((1 << min(machine.size, MOST_STAGES)) - 1)

    def is_step(self, roles: tuple[int, ...]) -> bool:
        """Whether an event that plays some roles may be a step."""
        return not self._steps.keys().isdisjoint(roles)

    def learn(self, sets: list[tuple[int, ...]]) -> None:
        """Takes note of sets of roles; rows name them by their number."""
        for roles in sets[len(self._bits) :]:
            stages = [self._steps[role] for role in roles if role in self._steps]
            self._bits.append(sum(1 << stage for stage in stages if stage < MOST_STAGES))
            self._is_step.append(bool(stages))
            self._is_pure.append(len(stages) == len(roles) and max(stages) < MOST_STAGES)
            self._is_missing.append(self._missing.issuperset(roles))

    def bits(self, sets: Places) -> Bits:
        """The stages that rows may be, by the numbers of their sets."""
        return np.array(self._bits, np.uint64)[sets]

    def steps(self, sets: Places) -> Flags:
        """Whether rows may be steps."""
        return np.array(self._is_step, bool)[sets]

    def missing(self, sets: Places) -> Flags:
        """Whether rows are nothing but events that must be missing."""
        return np.array(self._is_missing, bool)[sets]

    def useless(self, sets: Places, of_key: Places, reached: Bits) -> Flags:
        """Whether rows change nothing, whatever comes, where their keys lack some stage.

        A step does not that comes behind the first stage that was never hit; nor does a first step
        with another one behind it, as long as there is no second.

        Args:
            sets: the numbers of the rows' sets; the rows of a key are in order.
            of_key: the numbers of their keys, ascending.
            reached: of each key, the stages that were hit.
        """
        lacking = ~reached & self.all
        first = (lacking & (~lacking + np.uint64(1)))[of_key]  # its lowest bit; none: 0
        bits, pure = self.bits(sets), np.array(self._is_pure, bool)[sets]
        found: Flags = pure & (bits & (first - np.uint64(1)) == 0)
        starts = np.flatnonzero(pure & (bits == 1) & (first == 2))
        keys = of_key[starts]
        found[starts[:-1][keys[1:] == keys[:-1]]] = True
        return found


def reached(state: KeyState) -> int:
    """How many stages are behind the farthest sequence that waits."""
    return max((stage for stage, waits in enumerate(state.waiting, 1) if waits), default=0)
