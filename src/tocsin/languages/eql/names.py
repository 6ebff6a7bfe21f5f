"""EQL's functions by name: no matter how they are capitalised, and which of them have a ``~``."""

from __future__ import annotations

_LISTED = """
    add between cidrMatch concat divide endsWith indexOf length modulo multiply number
    startsWith string stringContains substring subtract
"""
FUNCTION_NAMES = {name.lower(): name for name in _LISTED.split()}
"""In lower case → as the documentation spells them, which is also their name in `functions`."""

FOLDING = frozenset({"between", "endsWith", "indexOf", "startsWith", "stringContains"})
"""Those with a form that ignores case: ``endsWith~``."""

INSTEAD = {
    "arraycontains": "write: field == value; one element that is so is enough",
    "match": 'write: field regex~ "…"',
    "matchlite": 'write: field regex~ "…"',
    "wildcard": 'write: field : "…"',
}
"""What to write for functions that other engines have."""

COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
"""Operator → name in `functions`."""

ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}
"""Operator → name in `functions`."""

MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Operator → the one that says the same with its sides exchanged."""
