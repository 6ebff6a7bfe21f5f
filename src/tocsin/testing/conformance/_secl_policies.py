"""SECL's cases about whole policies: which rules load, which match when, and what they remember."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tocsin.engine import reference
from tocsin.engine.state.variables import VariablesState
from tocsin.events.event import Event
from tocsin.events.record import Record
from tocsin.languages.secl import SECL_FIELDS, compile_query
from tocsin.logic.agent_rule import AgentRule, SetVariable, Variable
from tocsin.logic.expr import Expr, Leaf, Or, walk
from tocsin.logic.field_types import render_date
from tocsin.logic.matchers import Equals, network_of
from tocsin.logic.query import roles_of
from tocsin.rules.environment import Environment, agent_version
from tocsin.rules.formats import datadog_policy
from tocsin.rules.model import Loaded, Rule
from tocsin.runtime.detector import Detector
from tocsin.testing.conformance.cases import (
    PASSED,
    Case,
    Context,
    Document,
    Outcome,
    compared,
    first_that_did_not_pass,
)

_BEGIN: Final = 1_700_000_000_000_000_000
_STEP: Final = 10_000_000
_MILLISECOND: Final = 1_000_000
_PROBE: Final = "probe"
_PID: Final = re.compile(r"pid (\d+) (.+)\Z")

Seen = dict[str, list[str]]
"""The rules that matched, by the id of the event."""

Remembered = dict[str, dict[str, Any]]
"""What variables were worth, by the id of the event that asked."""


def policy(case: Case, context: Context) -> Outcome:
    """Rules of a policy: whether they load, what one stands for, what they remember."""
    if "expands_to" in case:
        return _expands(case)
    loaded = _loaded(case)
    text = " ; ".join(rule["expression"] for rule in case["rules"])
    unsupported = [p for p in loaded.problems if p.kind == "unsupported"]
    if unsupported:
        return Outcome("unsupported", unsupported[0].message.splitlines()[0])
    if "expected_loaded" in case:
        ids = {rule.id for rule in loaded.rules}
        got = {rule_id: rule_id in ids for rule_id in case["expected_loaded"]}
        return compared(text, case["expected_loaded"], got)
    broken = [p.message for p in loaded.problems if p.is_failure or p.kind == "warning"]
    if case.get("expected") == "load error":
        return compared(text, "load error", "load error" if broken else "loads")
    if broken:
        return Outcome("failed", query=text, expected="loads", got=broken[0])
    if "events" not in case:
        return PASSED
    asks = [lambda engine=engine: _remembers(case, loaded.rules, engine, text)
            for engine in context.engines]  # fmt: skip
    return first_that_did_not_pass(*asks)


def _loaded(case: Case) -> Loaded:
    """The policy of a case, loaded as a file is: JSON is YAML."""
    content = {key: case[key] for key in ("macros", "rules") if key in case}
    version = agent_version(str(case["agent_version"])) if "agent_version" in case else None
    environment = Environment(agent_version=version) if version else Environment()
    text = msgspec.json.encode(content).decode()
    return datadog_policy.load([(Path("case.policy"), text)], environment)


# --- what a rule stands for -----------------------------------------------------------------------


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


# --- what rules remember --------------------------------------------------------------------------


def variable_of(name: str, value: object) -> Variable:
    """The variable that may hold a value."""
    scope = name.partition(".")[0] if "." in name else ""
    member = value[0] if isinstance(value, list) and value else value
    kind: Any = (
        "bool" if isinstance(member, bool) else "int" if isinstance(member, int) else "string"
    )
    return Variable(name, kind, scope, array=isinstance(value, list))  # type: ignore[arg-type]


def _remembers(case: Case, rules: Sequence[Rule], engine: str, text: str) -> Outcome:
    """Feeds the events, and behind them one that asks for what the variables are worth."""
    asked = _asked(case)
    documents = [_event(case, number, given) for number, given in enumerate(case["events"])]
    documents += [_probe(case, *ask) for ask in asked]
    seen, remembered = _run(rules, documents, engine)
    wanted = [sorted(ids) for ids in case["expected_matches"]]
    got = [sorted(seen.get(f"event {n}", ())) for n in range(len(case["events"]))]
    outcome = compared(text, wanted, got)
    for moment, name, pid, expected in asked:
        if outcome.status == "passed":
            found = remembered.get(_probe_id(moment, name, pid), {}).get(name)
            outcome = compared(f"{text} ; ${{{name}}}", _plain(expected), _plain(found))
    return outcome


Asked = tuple[int, str, int, Any]
"""When a variable is asked for, its name, the process that asks, and what should come out."""


def _asked(case: Case) -> list[Asked]:
    after_all = (len(case["events"]) - 1) * _STEP
    found = [(after_all + _MILLISECOND, case.get("variables_after", {}))]
    found.append((after_all + 1_100 * _MILLISECOND, case.get("variables_after_1100ms", {})))
    for number, expected in enumerate(case.get("variables_after_each", ())):
        found.append((number * _STEP + _MILLISECOND, expected))
    last = case["events"][-1]["pid"]
    return [
        (moment, pid[2] if pid else name, int(pid[1]) if pid else last, value)
        for moment, expected in found
        for name, value in expected.items()
        for pid in [_PID.match(name)]
    ]


def _event(case: Case, number: int, given: Mapping[str, Any]) -> Document:
    fields = {SECL_FIELDS.prefix + name: value for name, value in given["fields"].items()}
    around = _around(case, given["pid"], given.get("container"))
    return _document(f"event {number}", number * _STEP, given["type"], {**fields, **around})


def _around(case: Case, pid: int, container: str | None) -> Document:
    """The process of an event with its ancestors, and its container."""
    parents = {int(child): parent for child, parent in case.get("processes", {}).items()}
    ancestors: list[Document] = []
    above = parents.get(pid)
    while above is not None and len(ancestors) < len(parents):
        ancestors.append({"pid": above})
        above = parents.get(above)
    process: Document = {"pid": pid, "ancestors": ancestors}
    if container:
        process["container"] = {"id": container}
    return {"secl.process": process}


def _probe_id(moment: int, name: str, pid: int) -> str:
    return f"{_PROBE} {moment} {name} {pid}"


def _probe(case: Case, moment: int, name: str, pid: int, _: object) -> Document:
    container = next((e["container"] for e in case["events"] if "container" in e), None)
    return _document(_probe_id(moment, name, pid), moment, _PROBE, _around(case, pid, container))


def _document(identity: str, moment: int, kind: str, fields: Document) -> Document:
    time = render_date(_BEGIN + moment)
    return {"_id": identity, "@timestamp": time, "secl.evt.name": kind, **fields}


def _probing(rules: Sequence[Rule]) -> Rule:
    """A rule that matches the events that ask, and reads every variable there is."""
    where = Leaf("secl.evt.name", Equals((_PROBE,)), "keyword")
    variables = dict.fromkeys(
        msgspec.structs.replace(action.variable, private=False)
        for rule in rules
        if isinstance(rule.query, AgentRule)
        for action in rule.query.actions
        if isinstance(action, SetVariable)
    )
    query = AgentRule(where, where, tuple(variables), rank=(2, 0, 0))
    return msgspec.structs.replace(rules[0], id=_PROBE, query=query)


def _run(
    rules: Sequence[Rule], documents: Sequence[Document], engine: str
) -> tuple[Seen, Remembered]:
    every = [*rules, _probing(rules)]
    run = _by_detector if engine == "columnar" else _by_reference
    seen: Seen = {}
    remembered: Remembered = {}
    for rule_id, event_id, details in run(every, documents):
        if rule_id == _PROBE:
            remembered[event_id] = details.get("variables", {})
        else:
            seen.setdefault(event_id, []).append(rule_id)
    return seen, remembered


def _by_detector(
    rules: Sequence[Rule], documents: Sequence[Document]
) -> Iterable[tuple[str, str, dict[str, Any]]]:
    detector = Detector(rules, now=_BEGIN)
    records = [Record(document, "", id=document["_id"]) for document in documents]
    for match in (*detector.feed(records, "case"), *detector.finish()):
        yield match.rule.id, match.events[0].id, match.details


def _by_reference(
    rules: Sequence[Rule], documents: Sequence[Document]
) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """The memory alone, with no help in finding the candidates."""
    known = [(rule.id, rule.query) for rule in rules if isinstance(rule.query, AgentRule)]
    plain = [rule for rule in rules if not isinstance(rule.query, AgentRule)]
    state = VariablesState(known)
    for document in documents:
        time = int(reference.read(document, "@timestamp", "date")[0])
        event = Event(document["_id"], time, document, "case", "", None)
        roles = [n for n, (_, rule) in enumerate(known) if reference.holds(rule.needs, document)]
        if roles:
            state.add(event, roles)
        for rule in plain:
            if any(reference.holds(role.expr, document) for role in roles_of(rule.query)):
                yield rule.id, event.id, {}
    for firing in state.due(None):
        place, event = firing.events[0]
        yield known[place][0], event.id, firing.details


def _plain(value: Any) -> Any:
    """A value in a form in which two that mean the same are the same."""
    if isinstance(value, dict):
        value = value.get("set_of", value)
    if isinstance(value, list):
        return sorted(str(_plain(member)) for member in value) or None
    network = network_of(value) if isinstance(value, str) and value[:1].isdigit() else None
    if network is not None:
        return str(network)
    return value or None
