"""SECL's cases: expressions over made-up fields, patterns, arguments, and whole policies.

The fields are those of the test model of Datadog's Agent. The file describes them (``field_types``,
``constants``), and so do the cases' own words on where they come from, for what is true of one test
only: a legacy name of a field, a field that does not follow its iterator, a number that cannot be
negative.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from tocsin.events.schema.secl import FieldClass
from tocsin.events.shapes._cws_values import args_flags, args_options
from tocsin.languages.secl import SECL_FIELDS, FieldKind, Fields, compile_query, parse
from tocsin.logic.expr import Expr, Leaf, Or, walk
from tocsin.logic.matchers import Equals
from tocsin.source_text import SourceText
from tocsin.testing.conformance.cases import (
    PASSED,
    Case,
    Context,
    Document,
    Outcome,
    accepted,
    compared,
    first_that_did_not_pass,
    hits,
    not_applicable,
    refused,
)

_MEMBER: Final = re.compile(r"\{([^}]*)\}")
_LEGACY: Final = re.compile(r"legacy alias (\S+) -> ([\w.]+)")
_NOT_NEGATIVE: Final = re.compile(r"forbids a negative (\w+)")
_SHARED: Final = re.compile(r"([\w.]+) has no per-register accessor")

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


def _document(case: Case, fields: Fields) -> Document:
    found: Document = {}
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
    fields = fields_of(context.content, case)
    text, macros = case["expr"], case.get("macros", {})
    if case["expected"] == "error":
        return refused(text, lambda: compile_query(text, macros, fields))
    expr = compile_query(text, macros, fields).expr
    return _holds(text, expr, _document(case, fields), case["expected"], context)


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


# --- policies -------------------------------------------------------------------------------------


def policy(case: Case, context: Context) -> Outcome:
    """Rules of a policy: whether they load, and what one stands for."""
    if "expands_to" in case:
        return _expands(case)
    if "events" in case:
        return Outcome("unsupported", "rules that set variables are not run yet")
    if "agent_version" in case:
        return Outcome("unsupported", "the newest Agent is assumed")
    rules, expected = [rule["expression"] for rule in case["rules"]], case.get("expected")
    if expected == "load error":
        outcomes = [_refusal(text) for text in rules]
        return next((o for o in outcomes if o.status == "passed"), outcomes[0])
    return first_that_did_not_pass(*[lambda text=text: _acceptance(text) for text in rules])


def _refusal(text: str) -> Outcome:
    return refused(text, lambda: compile_query(text, fields=SECL_FIELDS))


def _acceptance(text: str) -> Outcome:
    return accepted(text, lambda: compile_query(text, fields=SECL_FIELDS))


def _expands(case: Case) -> Outcome:
    """A rule over any write to a file, and the events and files that it stands for."""
    wanted = sorted([entry["event"], entry["file"].split()[0]] for entry in case["expands_to"])
    expr = compile_query(case["rule"], fields=SECL_FIELDS).expr
    terms = expr.terms if isinstance(expr, Or) else (expr,)
    return compared(case["rule"], wanted, sorted(list(_variant(term)) for term in terms))


def _variant(term: Expr) -> Iterator[str]:
    """The event type of a variant, and the file that it is about."""
    leaves = [node for node in walk(term) if isinstance(node, Leaf)]
    [event] = [
        str(leaf.matcher.values[0])
        for leaf in leaves
        if isinstance(leaf.matcher, Equals) and leaf.name == "evt.name"
    ]
    yield event
    own = [leaf.field.removeprefix(SECL_FIELDS.prefix) for leaf in leaves]
    yield next(f.removesuffix(".path") for f in own if re.match(rf"{event}\..*\.path\Z", f))
