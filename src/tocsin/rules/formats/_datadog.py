"""What Datadog's two formats share: YAML with places, macros, and ATT&CK tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from tocsin.errors import RuleError
from tocsin.languages.secl import Macro
from tocsin.rules.attack import reference_of, tactic_name, technique_name
from tocsin.rules.formats._yaml import check_depth, clear_errors, closing
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
        self._line = 1 if node is None else _line(node)
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
        """The line on which a value begins; that of the mapping for one that is not there."""
        node = self._nodes.get(key)
        return self._line if node is None else _line(node)

    def entry(self, key: str) -> Entry | None:
        """A value that is a mapping; None for one that is none."""
        value = self.values.get(key)
        return Entry(value, self._nodes.get(key), self.name) if isinstance(value, dict) else None

    def flag(self, key: str) -> bool:
        """Whether a value is true, and nothing else."""
        return self.values.get(key) is True

    def place(self, key: str = "id") -> str:
        """``file:line`` of a value."""
        return f"{self.name}:{self.line(key)}"

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


class _Loader(yaml.CSafeLoader):
    """Reads no number that Python would refuse to write."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """An integer, which YAML may write in ways that have no limit (``0xff…``)."""
        if len(node.value) > _LONGEST_NUMBER:
            message = f"a number of more than {_LONGEST_NUMBER} characters"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        return int(super().construct_yaml_int(node))


_LONGEST_NUMBER: Final = 100
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def read_yaml(text: str, name: str) -> Entry:
    """The mapping that a YAML text is.

    Raises:
        RuleError: it is no YAML, or no mapping.
    """
    loader = _Loader(text)
    with clear_errors(text, name), closing(loader):
        check_depth(text, name)
        node = loader.get_single_node()
        values = None if node is None else loader.construct_document(node)
    if not isinstance(values, dict):
        message = f"{name}: expected keys and values"
        raise RuleError(message)
    return Entry(values, node, name)


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
