"""SECL's cases: expressions over made-up fields, patterns, arguments, and whole policies.

Two sorts of case are about what Tocsin has under other names. A *discarder* is a value of one field
that keeps a rule from matching whatever the others hold: the rule relaxed to that field
(`logic.prefilter`) is false of it. The Agent's *markup* says which parts of a rule an event
fulfilled: Tocsin's evidence names at least these.

The fields are those of the test model of Datadog's Agent. The file describes them (``field_types``,
``constants``), and so do the cases' own words on where they come from, for what is true of one test
only: a legacy name of a field, a field that does not follow its iterator, a number that cannot be
negative.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from tocsin.engine.explain import evidence
from tocsin.events.schema.secl import FieldClass
from tocsin.events.shapes._cws_values import args_flags, args_options
from tocsin.languages.secl import FieldKind, Fields, compile_query, parse
from tocsin.logic.agent_rule import VARIABLES, Variable
from tocsin.logic.expr import Expr
from tocsin.logic.prefilter import relaxed
from tocsin.source_text import SourceText
from tocsin.testing.conformance._secl_policies import policy, variable_of
from tocsin.testing.conformance.cases import (
    PASSED,
    Case,
    Context,
    Document,
    Outcome,
    accepted,
    compared,
    hits,
    not_applicable,
    refused,
)

__all__ = ["arguments", "compiles", "discarder", "expression", "markup", "matcher", "policy"]

_MEMBER: Final = re.compile(r"\{([^}]*)\}")
_LEGACY: Final = re.compile(r"legacy alias (\S+) -> ([\w.]+)")
_NOT_NEGATIVE: Final = re.compile(r"forbids a negative (\w+)")
_SHARED: Final = re.compile(r"([\w.]+) has no per-register accessor")

_MARKED: Final = re.compile(r"<b>(.*?)</b>")
_WORD: Final = re.compile(r"[^\s()]+")
_DEMO: Final = "override-demo"


# --- the test model -------------------------------------------------------------------------------


def fields_of(content: Mapping[str, Any], case: Case) -> Fields:
    """The table of the file's fields, as they are in the case's test."""
    kinds: dict[str, FieldKind] = {}
    members: list[tuple[str, str]] = []
    for name, described in content.get("field_types", {}).items():
        if "iterator" not in described:
            kinds[name] = _kind(described)
            continue
        inside = _MEMBER.search(described)
        if inside is not None:
            members = [(k, t) for k, _, t in (m.partition(":") for m in inside[1].split(","))]
        kinds[f"{name}.length"] = FieldKind("int")
        for member, kind in members:
            found = msgspec.structs.replace(_kind(kind.strip()), array=True, iterator=name)
            kinds[f"{name}.{member.strip()}"] = found
    origin = f"{case.get('source', '')} {case.get('note', '')}"
    for name in _SHARED.findall(origin):
        if name in kinds:
            kinds[name] = msgspec.structs.replace(kinds[name], iterator="")
    for suffix in _NOT_NEGATIVE.findall(origin):
        for name in [name for name in kinds if name.endswith(f".{suffix}")]:
            kinds[name] = msgspec.structs.replace(kinds[name], least=0)
    constants = {
        name: name if isinstance(value, str) else value
        for name, value in content.get("constants", {}).items()
    }
    return Fields(kinds, constants, aliases=dict(_LEGACY.findall(origin)))


def _kind(described: str) -> FieldKind:
    """A field out of its description: ``array of ip``, ``string, glob patterns (path-like)``."""
    words = re.findall(r"\w+", described)
    array = words[:2] == ["array", "of"]
    name = words[2 if array else 0]
    name = {"cidr": "ip"}.get(name, name)
    kind: FieldClass = name if name in get_args(FieldClass) else "string"
    return FieldKind(kind, array=array, glob="glob" in words, element_array=array)


def _document(case: Case, context: Context) -> Document:
    fields = fields_of(context.content, case)
    found: Document = {VARIABLES: dict(case.get("variables", {}))}
    for name, value in case.get("fields", {}).items():
        found[fields.prefix + name] = value
        if isinstance(value, list):
            found[f"{fields.prefix}{name}.length"] = len(value)
    if "now_ns" in case:
        found[f"{fields.prefix}now"] = case["now_ns"]
    return found


# --- expressions ----------------------------------------------------------------------------------


def expression(case: Case, context: Context) -> Outcome:
    """An expression over the fields of one event: true, false, or refused."""
    text, expected = case["expr"], case["expected"]
    if expected == "error":
        return refused(text, lambda: _compiled(case, context))
    return _holds(text, _compiled(case, context), _document(case, context), expected, context)


def _compiled(case: Case, context: Context) -> Expr:
    fields = fields_of(context.content, case)
    query = compile_query(case["expr"], case.get("macros", {}), fields, _variables(case))
    return query.expr


def _variables(case: Case) -> dict[str, Variable]:
    return {name: variable_of(name, value) for name, value in case.get("variables", {}).items()}


def discarder(case: Case, context: Context) -> Outcome:
    """Whether the value of a field keeps an expression from ever being true."""
    known = fields_of(context.content, case).prefix + case["field"]

    def is_unknown(field: str) -> bool:
        return field != known and not known.startswith(f"{field}.")

    needs = relaxed(_compiled(case, context), is_unknown)
    may_match = not case["is_discarder"]
    return _holds(case["expr"], needs, _document(case, context), may_match, context)


def markup(case: Case, context: Context) -> Outcome:
    """The parts of an expression that an event fulfilled."""
    marked = {part.strip('"') for part in _MARKED.findall(case["matched_markup"])}
    wanted = {part for text in marked for part in text.split(", ")}
    found = evidence(_compiled(case, context), _document(case, context), "event")
    texts = {text for one in found for text in (one.field, *_WORD.findall(one.pattern))}
    texts |= {one.pattern for one in found}
    if not wanted:
        return compared(case["expr"], [], sorted(texts))
    return compared(case["expr"], [], sorted(wanted - texts))


def compiles(case: Case, context: Context) -> Outcome:
    """Whether a text is an expression at all, or a macro."""
    text, expected = case["expr"], case["expected"]
    if case.get("portable") is False or str(expected).startswith(_DEMO):
        return not_applicable("override_demo")
    fields = fields_of(context.content, case)
    macros = case.get("macros", {})
    is_macro = case.get("as_") == "macro"
    match expected:
        case "parses":
            return accepted(text, lambda: parse(SourceText(text), macro=is_macro))
        case "syntax error":
            return refused(text, lambda: parse(SourceText(text), macro=is_macro), expected)
        case "error":
            return refused(text, lambda: compile_query(text, macros, fields))
        case _:
            return accepted(text, lambda: compile_query(text, macros, fields))


def _holds(
    text: str, expr: Expr, document: Document, expected: object, context: Context
) -> Outcome:
    for engine in context.engines:
        outcome = compared(text, expected, bool(hits(expr, [document], engine)))
        if outcome.status != "passed":
            return outcome
    return PASSED


# --- patterns and arguments -----------------------------------------------------------------------


def matcher(case: Case, context: Context) -> Outcome:
    """A pattern and a value, asked as an expression over a field of the right kind."""
    kind = case["kind"]
    if kind == "glob_is_prefix":
        return not_applicable("prefix")
    where, _, form = kind.rpartition("_")
    field = FieldKind(
        "string",
        glob=form == "glob",
        fold_case=case.get("case_insensitive", False) or where == "dns",
    )
    fields = Fields({"value": field})
    prefix = {"regexp": "r", "scalar": ""}.get(form, "~")
    text = f'value == {prefix}"{case["pattern"]}"'
    if case["expected"] == "error":
        return refused(text, lambda: compile_query(text, fields=fields))
    expr = compile_query(text, fields=fields).expr
    return _holds(text, expr, {"secl.value": case.get("value", "")}, case["expected"], context)


_HELPERS: Final = {"args_flags": args_flags, "args_options": args_options}


def arguments(case: Case, context: Context) -> Outcome:
    """The flags and options that are made of a command's arguments."""
    query = " ".join(case["args"])
    for key, wanted in case.items():
        name, _, relation = key.rpartition("_")
        if name not in _HELPERS:
            continue
        got = list(_HELPERS[name](case["args"]))
        fits = got == wanted if relation == "equals" else set(wanted) <= set(got)
        if not fits:
            return compared(f"{name} of {query}", wanted, got)
    return PASSED
