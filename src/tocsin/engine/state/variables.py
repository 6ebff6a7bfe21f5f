"""What Datadog's Agent rules remember together: variables, set by one rule and read by others.

All `AgentRule`s share one memory. Events that may match one of them are taken in order of time,
and for each the rules in their order (`AgentRule.rank`, then that of their files); what a rule
sets, the next one sees on the same event. Rules of hosts never meet: every host has an Agent.

A variable's history is kept, and a rule reads what was known at its place in the order: at (time
of the event, id of the event, number of the action). So an event that comes late reads what it
would have read in time, and one that comes twice changes nothing and finds the same. What a late
event sets is seen by those after it that are still to come; what was worked out already stays.
Histories have an end: a rule does not look at an event at whose place one is forgotten.

Semantics: https://docs.datadoghq.com/security/workload_protection/workload_security_rules/
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from tocsin.engine import reference
from tocsin.engine.state._variable_scopes import (
    Scopes,
    first_of,
    image_key,
    key_text,
    process_key,
)
from tocsin.engine.state._variable_values import (
    History,
    Place,
    Values,
    elements_at,
    typed,
    value_at,
    zero_of,
)
from tocsin.engine.state.kept import Kept, Reference
from tocsin.engine.state.operator import Firing
from tocsin.events.event import Event
from tocsin.events.fields import values_of
from tocsin.events.record import Document
from tocsin.logic.agent_rule import VARIABLES, AgentRule, Response, SetVariable, Variable
from tocsin.logic.expr import Expr
from tocsin.logic.field_types import Scalar, text_of
from tocsin.logic.functions import evaluate
from tocsin.logic.value import Const, Field, Result, Value

FORGOTTEN_AFTER: Final = 7 * 86_400 * 1_000_000_000
"""How long after it was last used a variable is remembered, in nanoseconds of event time."""

AT_ONCE: Final = 2_048
"""How many events that wait are in memory when it is their turn."""

_UUID: Final = "builtins.uuid4"
_IMAGE: Final = Variable("image")
_HOUR: Final = 3_600 * 1_000_000_000


class Pending(msgspec.Struct, array_like=True, gc=False):
    """An event that waits for its turn, with the rules that it may match."""

    time: int
    id: str
    kept: Reference
    rules: tuple[str, ...]


class VariablesState:
    """The memory of a set of Agent rules.

    Args:
        rules: the rules with their ids, in the order of their files.
        saved: what `changes` gave before, from a store.

    Attributes:
        late: how many events came after later ones had been evaluated.
        blind: how many times a rule passed over an event, as what was known then is forgotten.
        limited: how many matches were not sent because their rule sends one in a while only.
        on_look: is told of every look of a rule at an event: the rule's id, the event, and what
            its variables are worth there.
        homeless: how many values were set in a scope that the event has not, and so were lost.
    """

    def __init__(
        self,
        rules: Sequence[tuple[str, AgentRule]],
        saved: Mapping[str, bytes] | None = None,
    ) -> None:
        self._rules = [rule for _, rule in rules]
        self._ids = [identity for identity, _ in rules]
        self._places = {identity: place for place, identity in enumerate(self._ids)}
        self._order = sorted(range(len(rules)), key=lambda place: (self._rules[place].rank, place))
        saved = saved or {}
        self._kept = Kept(_part(saved, "k/"))
        self._histories: dict[str, History] = {
            key: msgspec.msgpack.decode(value, type=History)
            for key, value in _part(saved, "v/").items()
        }
        self._pending: dict[str, Pending] = {}
        for key, value in _part(saved, "p/").items():
            pending = msgspec.msgpack.decode(value, type=Pending)
            self._pending[key] = pending
            self._kept.hold(pending.kept)
        self._kept.forget_unheld()
        self._changed: set[str] = set()
        self._evaluated: int | None = None
        self._looked_too_far = False
        self.on_look: Callable[[str, Event, dict[str, Any]], None] | None = None
        self.late = self.limited = self.homeless = self.blind = 0

    def add(self, event: Event, roles: Sequence[int]) -> None:
        """Takes note of an event that may match the rules of these places."""
        key = f"{event.time:020d}/{event.id}"
        if self._evaluated is not None and event.time < self._evaluated:
            self.late += 1
        rules = tuple(self._ids[role] for role in roles)
        known = self._pending.get(key)
        if known is not None:  # the same event, sent for another rule
            rules = tuple(dict.fromkeys((*known.rules, *rules)))
            self._pending[key] = msgspec.structs.replace(known, rules=rules)
        else:
            self._pending[key] = Pending(event.time, event.id, self._kept.put(event), rules)
        self._changed.add(f"p/{key}")

    def due(self, until: int | None) -> Iterator[Firing]:
        """What matches up to a time, oldest first; the role says which rule.

        An event is evaluated when its firings are asked for, and forgotten then: of many events
        no more than some are in memory.
        """
        found = ((p.time, key) for key, p in self._pending.items())
        ready = sorted(one for one in found if until is None or one[0] <= until)
        for start in range(0, len(ready), AT_ONCE):
            keys = [key for _, key in ready[start : start + AT_ONCE]]
            references = [self._pending[key].kept for key in keys]
            for key, event in zip(keys, self._kept.together(references), strict=True):
                pending = self._pending.pop(key)
                self._changed.add(f"p/{key}")
                yield from self._evaluate(event, pending.rules)
                self._kept.release(pending.kept)
        if ready:
            newest = ready[-1][0]
            self._evaluated = max(newest, self._evaluated or newest)
            self._forget(self._evaluated)

    def changes(self) -> dict[str, bytes | None]:
        """The keys that changed since the last call; None for one that is gone."""
        changed: dict[str, bytes | None] = {}
        for key in self._changed:
            kind, name = key[:2], key[2:]
            found: History | Pending | None
            found = self._histories.get(name) if kind == "v/" else self._pending.get(name)
            changed[key] = None if found is None else msgspec.msgpack.encode(found)
        self._changed.clear()
        blocks = self._kept.changes()
        return changed | {f"k/{number}": block for number, block in blocks.items()}

    def __len__(self) -> int:
        """How many variables have a value, in all their scopes."""
        return len(self._histories)

    # --- one event ---

    def _evaluate(self, event: Event, rules: tuple[str, ...]) -> Iterator[Firing]:
        wanted = {self._places[rule] for rule in rules if rule in self._places}
        where = Scopes(event.document)
        step = 0
        for place in self._order:
            if place not in wanted:
                continue
            rule = self._rules[place]
            view = _View(self, event, where, rule, step)
            self._looked_too_far = False
            document = view.document()
            if self.on_look is not None:
                self.on_look(self._ids[place], event, document[VARIABLES])
            if not reference.holds(rule.where, document):
                continue
            if self._looked_too_far:
                self.blind += 1
                continue
            known = view.known()
            responses: list[dict[str, Any]] = []
            for action in rule.actions:
                step += 1
                view = _View(self, event, where, rule, step)
                if isinstance(action, Response):
                    if action.filter is None or view.holds(action.filter):
                        responses.append({"action": action.action, **dict(action.settings)})
                else:
                    self._set(action, view)
            step += 1
            if self._is_sent(place, rule, event, where):
                yield _firing(place, event, rule, known, responses)
            else:
                self.limited += 1

    def _set(self, action: SetVariable, view: _View) -> None:
        if action.pid is not None:
            view = view.of_pid(action.pid)
        if action.filter is not None and not view.holds(action.filter):
            return
        variable = action.variable
        key = view.where.key(variable)
        if key is None:
            self.homeless += 1
            return
        read = [typed(variable, value) for value in view.values(action.value)]
        values = [value for value in read if value is not None]
        if not values:
            return
        # SECL: what is added to an inherited array stands beside what was inherited.
        inherited = view.inherited(variable) if variable.array and variable.inherited else []
        history = self._histories.setdefault(key, History([]))
        if history.write(view.place, [*inherited, *values], variable):
            self._changed.add(f"v/{key}")
        if variable.scope == "process" and action.pid is None:
            self._note_image(view)

    def _note_image(self, view: _View) -> None:
        """Remembers which image of a process has variables, for who knows its pid alone."""
        where = view.where
        key = image_key(where.host, where.pid)
        history = self._histories.setdefault(key, History([]))
        if history.write(view.place, [where.process or ""], _IMAGE):
            self._changed.add(f"v/{key}")

    def image(self, host: str, pid: str, place: Place) -> str | None:
        """The image of a process that was the last to have variables."""
        history = self._histories.get(image_key(host, pid))
        found = None if history is None else value_at(history, place)
        return found if isinstance(found, str) and found else None

    def _is_sent(self, place: int, rule: AgentRule, event: Event, where: Scopes) -> bool:
        """Whether the rule's limit lets the match go out, which then counts against it."""
        if not rule.every:
            return True
        document = event.document
        by = [sorted(map(text_of, values_of(document, field.name))) for field in rule.limiter]
        key = f"every/{key_text([where.host, self._ids[place], *by])}"
        history = self._histories.setdefault(key, History([]))
        here = (event.time, event.id, 0)
        if history.happened(here):
            return True
        if history.is_lost(here):
            return False
        if not history.admits(here, rule.every):
            return False
        self._changed.add(f"v/{key}")
        return True

    # --- values ---

    def history(self, key: str | None, place: Place) -> History | None:
        """The history of a variable that is about to be read at a place."""
        found = None if key is None else self._histories.get(key)
        if found is None:
            return None
        if found.is_lost(place):
            self._looked_too_far = True
        if place[0] // _HOUR > found.used:
            found.used = place[0] // _HOUR
            self._changed.add(f"v/{key}")
        return found

    def _forget(self, now: int) -> None:
        """Drops what has not been used for long."""
        limit = (now - FORGOTTEN_AFTER) // _HOUR
        for key in [key for key, found in self._histories.items() if found.used < limit]:
            del self._histories[key]
            self._changed.add(f"v/{key}")


class _View:
    """What a rule sees of an event at one place in the order, its variables included."""

    def __init__(
        self, state: VariablesState, event: Event, where: Scopes, rule: AgentRule, step: int
    ) -> None:
        self.where = where
        self.place: Place = (event.time, event.id, step)
        self._state = state
        self._event = event
        self._rule = rule

    def of_pid(self, field: Field) -> _View:
        """The same in the scope of the process whose pid a field holds."""
        wanted = first_of(self._event.document, (field.name,))
        family = {pid: process_key(pid, created) for pid, created in self.where.family()}
        process = family.get(wanted) or self._state.image(self.where.host, wanted, self.place)
        where = self.where.withprocess_key(process or process_key(wanted, "") or "0@")
        return _View(self._state, self._event, where, self._rule, self.place[2])

    def document(self) -> Document:
        """The event with what its variables are worth."""
        values = {v.name: self.read(v) for v in self._rule.variables}
        values[_UUID] = self._unique()
        return {**self._event.document, VARIABLES: values}

    def known(self) -> dict[str, Any]:
        """What the variables are worth, those without a value and private ones left out."""
        read = {v.name: self.read(v) for v in self._rule.variables if not v.private}
        zeros = {v.name: zero_of(v) for v in self._rule.variables}
        return {name: value for name, value in read.items() if value != zeros[name]}

    def holds(self, condition: Expr) -> bool:
        """Whether a condition of an action holds."""
        return reference.holds(condition, self.document())

    def values(self, value: Value) -> list[Scalar]:
        """What an action sets: of an array that it names, every element."""
        document = self.document()
        match value:
            case Const(constant):
                return [] if constant is None else [constant]
            case Field():
                found = reference.read_field(document, value)
                return found or ([] if value.missing is None else [value.missing])
            case _:
                result = evaluate(value, _reader(document))
                return [] if result is None else [result]

    def read(self, variable: Variable) -> Values:
        """What a variable is worth."""
        for key, since in self.where.sources(variable):
            history = self._state.history(key, self.place)
            if history is None:
                continue
            found = (
                elements_at(history, self.place, variable, since)
                if variable.array
                else value_at(history, self.place, variable.ttl, since)
            )
            if found is not None:
                return found
        if not variable.scope and not self._was_set(variable) and variable.default is not None:
            default = variable.default
            return list(default) if isinstance(default, tuple) else default
        return zero_of(variable)

    def inherited(self, variable: Variable) -> list[Scalar]:
        """The elements that a process without any of its own has from an ancestor, oldest first."""
        own = self._state.history(self.where.key(variable), self.place)
        if own is not None and elements_at(own, self.place, variable):
            return []
        found = self.read(variable)
        return found[::-1] if isinstance(found, list) else []

    def _was_set(self, variable: Variable) -> bool:
        history = self._state.history(self.where.key(variable), self.place)
        return history is not None and any(place < self.place for place, _ in history.writes)

    def _unique(self) -> str:
        """A UUID that is another at each place, and the same whenever it is asked for."""
        text = key_text([self.where.host, *self.place])
        return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _reader(document: Document) -> Callable[[Field], Result]:
    def read(field: Field) -> Result:
        return next(iter(reference.read_field(document, field)), field.missing)

    return read


def _firing(
    place: int,
    event: Event,
    rule: AgentRule,
    known: dict[str, Any],
    responses: list[dict[str, Any]],
) -> Firing:
    details: dict[str, Any] = {}
    if known:
        details["variables"] = known
    if responses:
        details["responses"] = responses
    context = {VARIABLES: known} if known else {}
    return Firing(((place, event),), details=details, context=context)


def _part(saved: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    return {key[len(prefix) :]: v for key, v in saved.items() if key.startswith(prefix)}
