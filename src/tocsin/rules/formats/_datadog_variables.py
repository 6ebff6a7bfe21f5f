"""The variables that the ``set`` actions of Agent rules declare: their names, types and limits.

    set: {name: seen, field: process.args, append: true, scope: cgroup, ttl: 1h}

declares ``${cgroup.seen}``, an array of texts, each forgotten after an hour. The type comes from
``default_value``, else from ``value``, else from the field; ``append`` makes an array.

Format: https://docs.datadoghq.com/security/workload_protection/workload_security_rules/
"""

from __future__ import annotations

import re
from typing import Final, NoReturn, get_args

from tocsin.errors import RuleError
from tocsin.events.schema.secl import SECL_FIELDS, FieldClass
from tocsin.logic.agent_rule import MOST_ELEMENTS, Scope, Variable
from tocsin.rules.formats._datadog import Entry

_NAME = re.compile(r"[A-Za-z0-9_]{1,200}\Z")
_INDEXED = re.compile(r"(.+)\[\d+\]\Z")
_DURATION = re.compile(r"([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)\Z")
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9,
    "h": 3600 * 10**9,
}  # fmt: skip
_LONG: Final = 1 << 63
_LONGEST: Final = 100

_SOURCES: Final = ("value", "field", "expression")


def fail(entry: Entry, key: str, message: str) -> NoReturn:
    """Says what is wrong with a value, and where.

    Raises:
        RuleError: always.
    """
    text = f"{entry.place(key)}: {message}"
    raise RuleError(text)


def variable_of(body: Entry) -> Variable:
    """The variable that a ``set`` declares.

    Raises:
        RuleError: it makes no sense.
    """
    name, scope = body.text("name"), body.text("scope")
    if not _NAME.match(name):
        fail(body, "name", f"a variable's name is of letters, digits and '_', not {name!r:.60}")
    if scope not in get_args(Scope):
        fail(
            body,
            "scope",
            f"there is no scope {scope!r:.60}; process, container and cgroup are some",
        )
    full = f"{scope}.{name}" if scope else name
    if full in SECL_FIELDS.kinds or full in SECL_FIELDS.aliases:
        fail(body, "name", f"the variable {full} would be called as a field is")
    if full in SECL_FIELDS.constants:
        fail(body, "name", f"the variable {full} would be called as a constant is")
    sources = [key for key in _SOURCES if body.values.get(key) not in (None, "")]
    if body.values.get("value") == "":
        sources.append("value")
    if len(sources) != 1:
        found = " and ".join(sources) or "none of them"
        fail(body, "name", f"{full} is set to a value, a field or an expression: this has {found}")
    for key in ("inherited", "scope_field"):
        if body.values.get(key) and scope != "process":
            fail(body, key, f"only variables of the scope process can have '{key}'")
    kind, array, default = _typed(body, full)
    return Variable(
        full, kind, scope, array, None if scope else default,  # type: ignore[arg-type]
        body.flag("inherited"), _positive(body, "ttl"), _size(body), body.flag("private"),
    )  # fmt: skip


_Default = str | int | bool | tuple[str, ...] | tuple[int, ...] | None


def _typed(body: Entry, name: str) -> tuple[FieldClass, bool, _Default]:
    """The type of a variable, whether it is an array, and its default."""
    append = body.flag("append")
    default, value = body.values.get("default_value"), body.values.get("value")
    stated = value if default is None else default
    if stated is not None:
        key = "value" if default is None else "default_value"
        kind, array, constant = _literal(body, key, name, stated)
        if value is not None and (kind, array) != _literal(body, "value", name, value)[:2]:
            fail(body, "default_value", f"default_value and value of {name} differ in type")
        if append and kind == "bool":
            fail(body, "append", f"nothing can be appended to {name}, which is a bool")
        array = array or append
        if body.text("field"):
            _check_field(body, name, kind, array)
        if default is None:
            return kind, array, None
        held = constant if isinstance(constant, tuple) or not array else (constant,)
        return kind, array, held  # type: ignore[return-value]
    if body.text("expression"):
        message = f"the type of {name} is not known: an expression needs a default_value"
        fail(body, "expression", message)
    return (*_type_of_field(body, name), None)


def _literal(
    body: Entry, key: str, name: str, value: object
) -> tuple[FieldClass, bool, str | int | bool | tuple[str, ...] | tuple[int, ...]]:
    match value:
        case bool():
            return "bool", False, value
        case int() if -_LONG <= value < _LONG:
            return "int", False, value
        case str():
            return "string", False, value
        case [bool(), *_]:
            fail(body, key, f"{name} cannot be a list of bools")
        case [int(), *_] if all(_is_int(member) for member in value):
            return "int", True, tuple(member for member in value if isinstance(member, int))
        case [str(), *_] if all(isinstance(member, str) for member in value):
            return "string", True, tuple(member for member in value if isinstance(member, str))
        case []:
            fail(body, key, f"an empty list does not say of which type {name} is")
        case _:
            pass
    fail(body, key, f"{name} holds texts, integers or a bool, or a list of one of these")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_LONG <= value < _LONG


def _field_kind(body: Entry) -> tuple[str, FieldClass, bool]:
    """The field that a variable is set to: its name, its type, and whether it is an array."""
    name = body.text("field")
    indexed = _INDEXED.match(name)
    base = indexed[1] if indexed else name
    kind = SECL_FIELDS.kinds.get(SECL_FIELDS.aliases.get(base, base))
    if kind is None:
        fail(body, "field", f"there is no field {base!r}")
    if indexed and not kind.array:
        fail(body, "field", f"{base} is no array")
    return name, kind.type, kind.array and not indexed


def _type_of_field(body: Entry, name: str) -> tuple[FieldClass, bool]:
    field, kind, array = _field_kind(body)
    append = body.flag("append")
    if array and not append:
        fail(body, "field", f"{field} is an array, so {name} needs 'append: true'")
    if append and kind == "bool":
        fail(body, "append", f"nothing can be appended to {name}, which is a bool")
    # SECL: addresses are always kept as an array.
    return kind, append or kind == "ip"


def _check_field(body: Entry, name: str, kind: FieldClass, array: bool) -> None:
    """Refuses a field that does not fit the default of its variable."""
    field, field_kind, field_array = _field_kind(body)
    if field_kind != kind:
        message = f"{field} is of type {field_kind}, and the default of {name} of type {kind}"
        fail(body, "default_value", message)
    if field_array != array and not body.flag("append"):
        fail(body, "field", f"one of {field} and the default of {name} is an array")


def _size(body: Entry) -> int:
    size = body.values.get("size")
    if size in (None, 0):
        return MOST_ELEMENTS
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < _LONG:
        fail(body, "size", f"'size' is how many elements an array keeps, not {size!r:.60}")
    return size


def _positive(entry: Entry, key: str) -> int:
    """A duration in nanoseconds; 0 where there is none.

    Raises:
        RuleError: it is no duration.
    """
    found = duration_of(entry.values.get(key))
    if found is None or found < 0:
        message = f"'{key}' is a duration, as 10m or nanoseconds, not {entry.values.get(key)!r:.60}"
        fail(entry, key, message)
    return found


def every_of(entry: Entry) -> int:
    """How often a rule is sent at most: once in so many nanoseconds; 0: no limit.

    Raises:
        RuleError: it is no duration.
    """
    return _positive(entry, "every")


def duration_of(value: object) -> int | None:
    """Nanoseconds: an integer as it is, or a text as Go writes durations; None: it is neither.

    >>> duration_of("1h30m"), duration_of(600), duration_of("1.5s"), duration_of("soon")
    (5400000000000, 600, 1500000000, None)
    """
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -_LONG <= value < _LONG else None
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    found = _DURATION.match(value)
    if found is None:
        return None
    total = sum(int(float(n) * _UNITS[unit] + 0.5) for n, unit in _PART.findall(found[2]))
    return (-total if found[1] == "-" else total) if total < _LONG else None


def declare(known: dict[str, Variable], variable: Variable) -> str:
    """Adds a variable to those that are known; says what is wrong with it, or nothing.

    Definitions of one variable have to agree on its type and on whether it is private; for
    everything else the last one counts.
    """
    earlier = known.get(variable.name)
    if earlier is not None:
        kinds = [kind_name(one) for one in (variable, earlier)]
        if kinds[0] != kinds[1]:
            return f"{variable.name} is of type {kinds[0]} here, and of type {kinds[1]} elsewhere"
        if earlier.private != variable.private:
            return f"{variable.name} is private in one place and not in another"
    known[variable.name] = variable
    return ""


def kind_name(variable: Variable) -> str:
    """The type of a variable for people."""
    return f"array of {variable.type}" if variable.array else variable.type
