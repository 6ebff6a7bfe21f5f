"""Events for a rule, made out of its logic: some that must fire it, near misses that must not.

`solve` reads what a rule asks for and searches an event (or a run of events) that satisfies it,
then changes one thing at a time until it no longer does. Every case has been judged by the slow
definition of the semantics (`reference`, `judge`), and so can be held against any engine.

>>> from tocsin.rules.load import load_rules, shipped_pack
>>> rule = next(r for r in load_rules([shipped_pack()]).rules if r.vendor == "elastic")
>>> solved = solve(rule)
>>> isinstance(solved, Solved), len(solved.misses) > 0
(True, True)
"""

from __future__ import annotations

from tocsin.engine.solve.cases import Case, Solved, Unsolved
from tocsin.engine.solve.queries import solve

__all__ = ["Case", "Solved", "Unsolved", "solve"]
