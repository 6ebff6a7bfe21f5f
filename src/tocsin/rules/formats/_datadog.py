"""What Datadog's two formats share: YAML with places, the assumed host, and ATT&CK tags.

Filters and versions of a rule ask about a host. Tocsin reads events of any host, so it assumes
one: Linux, a recent kernel, the newest Agent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from tocsin.errors import QuerySemanticError, RuleError
from tocsin.languages.secl import Fields, Macro, compile_query
from tocsin.logic.expr import Always
from tocsin.rules.attack import reference_of, tactic_name, technique_name
from tocsin.rules.model import Technique, Threat
from tocsin.source_text import SourceText

# --- YAML -------------------------------------------------------------------------------------


class Entry:
    """A mapping of a YAML file with the places of its values.

    Args:
        values: the mapping.
        node: the same as nodes.
        name: the file, for messages.
    """

    def __init__(self, values: Mapping[Any, Any], node: yaml.Node | None, name: str) -> None:
        self.values = values
        self.name = name
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        self._nodes: dict[str, yaml.Node] = {str(key.value): value for key, value in pairs}

    def text(self, key: str) -> str:
        """A value that is a text or a number, else nothing."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return ""
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list; a text alone is a list of one."""
        value = self.values.get(key)
        if isinstance(value, str):
            return (value,)
        return tuple(str(v) for v in value if _is_scalar(v)) if isinstance(value, list) else ()

    def source(self, key: str) -> SourceText:
        """A text with its place in the file."""
        return SourceText(self.text(key), self.name, self.line(key))

    def sources(self, key: str) -> tuple[SourceText, ...]:
        """The texts of a list with their places."""
        node = self._nodes.get(key)
        nodes = node.value if isinstance(node, yaml.SequenceNode) else []
        found = self.texts(key)
        lines = [_line(item) for item in nodes] + [self.line(key)] * len(found)
        return tuple(SourceText(t, self.name, n) for t, n in zip(found, lines, strict=False))

    def line(self, key: str) -> int:
        """The line on which a value begins."""
        node = self._nodes.get(key)
        return 1 if node is None else _line(node)

    def entries(self, key: str) -> list[Entry | None]:
        """The items of a list of mappings; None for an item that is none."""
        value, node = self.values.get(key), self._nodes.get(key)
        items = value if isinstance(value, list) else []
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [None] * len(items)
        return [
            Entry(item, item_node, self.name) if isinstance(item, dict) else None
            for item, item_node in zip(items, nodes, strict=False)
        ]


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _line(node: yaml.Node) -> int:
    # A block scalar begins on the line below its sign.
    below = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
    return int(node.start_mark.line) + (2 if below else 1)


def read_yaml(text: str, name: str) -> Entry:
    """The mapping that a YAML text is.

    Raises:
        RuleError: it is no YAML, or no mapping.
    """
    loader = yaml.CSafeLoader(text)
    try:
        _check_depth(text, name)
        node = loader.get_single_node()
        values = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"
        message = f"{place}: {error.problem or error.context or 'not YAML'}"
        raise RuleError(message) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        message = f"{name}: not YAML: {first}"
        raise RuleError(message) from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        message = f"{name}: expected keys and values"
        raise RuleError(message)
    return Entry(values, node, name)


_DEEPEST: Final = 100


def _check_depth(text: str, name: str) -> None:
    """Refuses nesting that would exhaust the stack of the C library, and so end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                message = f"{name}: YAML nested deeper than {_DEEPEST} levels"
                raise RuleError(message)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def macro_of(entry: Entry) -> Macro:
    """The macro of an entry.

    Raises:
        RuleError: it has neither an expression nor values, or both.
    """
    expression, values = entry.text("expression"), entry.texts("values")
    if bool(expression) == bool(values):
        message = (
            f"{entry.name}:{entry.line('id')}: the macro {entry.text('id') or '?'} needs either "
            "an expression or values"
        )
        raise RuleError(message)
    return Macro(entry.source("expression")) if expression else Macro(values=values)


# --- the assumed host -------------------------------------------------------------------------

AGENT: Final = (7, 78, 0)
"""The version of the Agent that rules are loaded for."""

HOST: Final[Mapping[str, str | int | bool]] = {
    "os": "linux",
    "os.id": "ubuntu",
    "os.platform_id": "",
    "os.version_id": "24.04",
    **{
        f"os.is_{system}": False
        for system in (
            "amazon_linux", "cos", "debian", "oracle", "rhel", "rhel7", "rhel8", "sles", "sles12",
            "sles15",
        )
    },
    "kernel.version": "6.8.0",
    "kernel.version.major": 6,
    "kernel.version.minor": 8,
    "kernel.version.patch": 0,
    "kernel.version.abi": 0,
    "kernel.version.flavor": "generic",
    "kernel.core.enabled": True,
    "hostname": "",
    "origin": "ebpf",
}  # fmt: skip
"""What filters may ask about the host, and the answers."""

_HOST_FIELDS: Final = Fields({}, HOST)


def accepted(filters: Iterable[SourceText]) -> bool:
    """Whether one of the filters is true of the host; without any it is accepted.

    Raises:
        QueryError: a filter that makes no sense.
    """
    results = [_is_true(source) for source in filters]
    return any(results) or not results


def _is_true(source: SourceText) -> bool:
    # The host's fields are constants, so that the whole filter is decided when it is compiled.
    where = compile_query(source, fields=_HOST_FIELDS).where
    if isinstance(where, Always):
        return where.value
    raise QuerySemanticError("a filter asks about the host alone", source.span(0))


_CONSTRAINT = re.compile(
    r"\s*,?\s*(?P<operator>!=|>=|<=|=|>|<|~|\^)?\s*v?"
    r"(?P<version>\d{1,9}(?:\.(?:\d{1,9}|[xX*])){0,2}|[xX*])(?:[-+][\w.+-]*)?"
)
_BETWEEN = re.compile(r"(?<!\S)(\S+)[ \t]+-[ \t]+(\S+)")


def version_accepted(constraint: str, version: tuple[int, int, int] = AGENT) -> bool:
    """Whether a version satisfies a semver constraint; ``,`` and a blank mean and, ``||`` or.

    A part that is left out stands for any: ``> 7.70`` is above every 7.70.x.

    >>> version_accepted(">=7.65 <7.70", (7, 66, 1)), version_accepted("!= 7.38", (7, 38, 2))
    (True, False)

    Raises:
        RuleError: it is no constraint.
    """
    return any(_all_accepted(part, version) for part in constraint.split("||"))


def _all_accepted(constraint: str, version: tuple[int, int, int]) -> bool:
    at, results = 0, []
    text = _BETWEEN.sub(r">=\1 <=\2", constraint.strip())
    while at < len(text):
        found = _CONSTRAINT.match(text, at)
        if found is None:
            message = f"{constraint.strip()!r} is no version constraint"
            raise RuleError(message)
        wanted = tuple(int(p) for p in found["version"].split(".") if p.isdigit())
        results.append(_satisfies(version, found["operator"] or "=", wanted))
        at = found.end()
    return all(results)


def _satisfies(version: tuple[int, ...], operator: str, wanted: tuple[int, ...]) -> bool:
    prefix = version[: len(wanted)]
    padded = (*wanted, 0, 0)[:3]
    match operator:
        case "=":
            return prefix == wanted
        case "!=":
            return prefix != wanted
        case ">":
            return prefix > wanted
        case "<=":
            return prefix <= wanted
        case ">=":
            return version >= padded
        case "<":
            return version < padded
        case "~":
            return version >= padded and version[:2] == padded[:2]
        case _:
            return version >= padded and version[0] == padded[0]


# --- ATT&CK -----------------------------------------------------------------------------------

_ATTACK_TAG = re.compile(r"(?:(?:tactic|technique|subtechnique):)?(TA\d{4}|T\d{4}(?:\.\d{3})?)\b")


def threats_of(tags: Iterable[str]) -> tuple[Threat, ...]:
    """Tactics with their techniques, from tags in the order in which they stand.

    A technique belongs to the tactic before it; those before the first belong to that one.

    >>> threats_of(["tactic:TA0006-credential-access", "technique:T1552-unsecured-credentials"])
    ... # doctest: +ELLIPSIS
    (Threat(tactic=Technique(id='TA0006', name='Credential Access', ...
    """
    tactics: list[str] = []
    techniques: dict[str, dict[str, list[str]]] = {"": {}}
    for tag in tags:
        found = _ATTACK_TAG.match(tag)
        if found is None:
            continue
        attack_id = found[1]
        if attack_id.startswith("TA"):
            if attack_id not in tactics:
                tactics.append(attack_id)
            techniques.setdefault(attack_id, {})
            continue
        parent, _, sub = attack_id.partition(".")
        subs = techniques[tactics[-1] if tactics else ""].setdefault(parent, [])
        if sub and attack_id not in subs:
            subs.append(attack_id)
    early = techniques.pop("")
    if not tactics:
        return (Threat(None, _techniques(early)),) if early else ()
    techniques[tactics[0]] = {**early, **techniques[tactics[0]]}
    return tuple(Threat(_named(t), _techniques(techniques[t])) for t in tactics)


def _techniques(
    found: Mapping[str, list[str]],
) -> tuple[tuple[Technique, tuple[Technique, ...]], ...]:
    return tuple((_named(t), tuple(_named(s) for s in subs)) for t, subs in found.items())


def _named(attack_id: str) -> Technique:
    name = tactic_name(attack_id) or technique_name(attack_id) or ""
    return Technique(attack_id, name, reference_of(attack_id))
