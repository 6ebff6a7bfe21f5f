"""YAML files of several documents, with the places of what stands in them.

    title: one          ->   Document(values={"title": "one"}, first_line=1)
    ---                      Document(values={"title": "two"}, first_line=3)
    title: two

The values are read at once, by the C library. Places are looked for when somebody asks, which is
when something is wrong: that reads the file again. Refused are keys that stand twice, nesting that
would exhaust the C library's stack, and aliases that stand for more than a file should hold.
Dates stay texts.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

import yaml

from tocsin.errors import RuleError
from tocsin.source_text import SourceText, Span

DEEPEST: Final = 100
"""How deep YAML may nest."""

_LARGEST: Final = 200_000
"""How many values a file may have once its aliases are written out."""

_NEXT_KEY: Final = re.compile(r"^[^\s#-]|^---(?=\s|$)", re.MULTILINE)
_RUN: Final = re.compile(r"^[ \-?:]+", re.MULTILINE)
_ANCHOR: Final = re.compile(r"(?:^|[\s\[{,:])[&*][^\s,\[\]{}]", re.MULTILINE)


class _Loader(yaml.CSafeLoader):
    """PyYAML's, in which a key stands once and a date is a text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) != len(names):
            seen = set[str]()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    problem = f"the key {key.value!r} stands here twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class Document:
    """One document of a file.

    Attributes:
        values: what is in it, a mapping as a rule.
        name: the file, for messages.
        text: the whole file.
        number: its place among the file's documents, from 0.
        alone: whether it is the file's only one.
    """

    def __init__(self, values: object, name: str, text: str, number: int) -> None:
        self.values = values
        self.name = name
        self.text = text
        self.number = number
        self.alone = False

    @cached_property
    def _node(self) -> yaml.Node | None:
        return next((n for at, n in enumerate(_nodes(self.text)) if at == self.number), None)

    @property
    def first_line(self) -> int:
        """The line on which it begins."""
        return 1 if self._node is None else self._node.start_mark.line + 1

    @property
    def lines(self) -> str:
        """The document as it stands in the file."""
        if self._node is None:
            return ""
        return self.text[self._node.start_mark.index : self._node.end_mark.index]

    def span(self, path: tuple[object, ...], *, key: bool = False) -> Span | None:
        """Where a value stands, or its key; None where there is nothing of the kind.

        Args:
            path: keys of mappings and places in lists, from the outside.
            key: whether the key is meant and not what it stands for.
        """
        node, name = self._node, None
        for step in path:
            found = _below(node, step)
            if found is None:
                return None
            name, node = found
        place = name if key and name is not None else node
        if place is None:
            return None
        start, end = place.start_mark.index, place.end_mark.index
        line_end = self.text.find("\n", start)
        return self._source.span(start, min(end, len(self.text) if line_end < 0 else line_end))

    def source(self, path: tuple[object, ...], text: str) -> SourceText:
        """A text of the document with its place."""
        node: yaml.Node | None = self._node
        for step in path:
            found = _below(node, step)
            node = None if found is None else found[1]
        if node is None:
            return SourceText(text, self.name)
        # A block begins on the line below its sign.
        below = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
        return SourceText(text, self.name, node.start_mark.line + (2 if below else 1))

    def block(self, key: str) -> tuple[int, str]:
        """The line of a key of the outermost mapping, and the text from there to the next key.

        Of what is not written in blocks, the document's line and all of its text.
        """
        start, end = 0, len(self.text)
        if not self.alone and self._node is not None:
            start, end = self._node.start_mark.index, self._node.end_mark.index
        begin = re.compile(rf"^{re.escape(key)}[ \t]*:", re.MULTILINE).search(self.text, start, end)
        if begin is None:
            return self.first_line, self.lines.strip()
        close = _NEXT_KEY.search(self.text, begin.end(), end)
        text = self.text[begin.start() : end if close is None else close.start()]
        return self.text.count("\n", 0, begin.start()) + 1, text.rstrip()

    @cached_property
    def _source(self) -> SourceText:
        return SourceText(self.text, self.name)


def _below(node: yaml.Node | None, step: object) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode):
        inside = isinstance(step, int) and 0 <= step < len(node.value)
        return (None, node.value[step]) if inside else None
    if isinstance(node, yaml.MappingNode):
        names = {str(key.value): (key, value) for key, value in node.value}
        return names.get("" if step is None else str(step))
    return None


def _nodes(text: str) -> Iterator[yaml.Node]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    finally:
        loader.dispose()


def read_documents(text: str, name: str) -> list[Document]:
    """Every document of a YAML text; those that are empty are none.

    Raises:
        RuleError: it is no YAML, or not such as anybody should read.
    """
    loader = _Loader(text)
    found: list[Document] = []
    number = 0
    with clear_errors(text, name), closing(loader):
        check_size(text, name)
        while loader.check_node():
            node = loader.get_node()
            values = None if node is None else loader.construct_document(node)
            if values is not None:
                found.append(Document(values, name, text, number))
            number += 1
    if len(found) == 1 == number:
        found[0].alone = True
    return found


@contextmanager
def clear_errors(text: str, name: str) -> Iterator[None]:
    """What the library has to say of a file, with its place.

    Raises:
        RuleError: instead of the library's own errors.
    """
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"
        message = f"{place}: {_problem(error, text)}"
        raise RuleError(message) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        message = f"{name}: not YAML: {first}"
        raise RuleError(message) from None


@contextmanager
def closing(loader: yaml.CSafeLoader) -> Iterator[None]:
    """Lets go of what a loader holds outside of Python."""
    try:
        yield
    finally:
        loader.dispose()


def _problem(error: yaml.MarkedYAMLError, text: str) -> str:
    """The library's words, except for what people get wrong most."""
    mark = error.problem_mark
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines):
        line = lines[mark.line]
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return "a tab in front of the line: YAML wants spaces"
    return error.problem or error.context or "not YAML"


def check_size(text: str, name: str) -> None:
    """Refuses what must not be constructed.

    Raises:
        RuleError: it nests too deep for the stack of the C library, or its aliases stand for more
            than a file should hold, or for themselves.
        yaml.YAMLError: it is no YAML.
    """
    check_depth(text, name)
    if _ANCHOR.search(text):
        _check_aliases(text, name)


def check_depth(text: str, name: str) -> None:
    """Refuses nesting that would exhaust the stack of the C library, and so end the process.

    Raises:
        RuleError: it nests deeper than that.
        yaml.YAMLError: it is no YAML.
    """
    # A level costs a bracket, or a column or a sign at the beginning of a line, two at most there:
    # most files are seen to be harmless at a glance.
    brackets = text.count("[") + text.count("{")
    run = max((len(found) for found in _RUN.findall(text)), default=0)
    if brackets + 2 * run + 2 <= DEEPEST:
        return
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                message = f"{name}: YAML nested deeper than {DEEPEST} levels"
                raise RuleError(message)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_aliases(text: str, name: str) -> None:
    # For each collection that is open, its anchor and how many values it has so far.
    open_: list[tuple[str | None, int]] = [(None, 0)]
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        match event:
            case yaml.CollectionStartEvent():
                open_.append((event.anchor, 1))
                continue
            case yaml.CollectionEndEvent():
                anchor, size = open_.pop()
                if anchor is not None:
                    sizes[anchor] = size
            case yaml.AliasEvent(anchor=str(alias)):
                if any(anchor == alias for anchor, _ in open_):
                    message = f"{name}:{_line(event)}: a value that holds itself"
                    raise RuleError(message)
                size = sizes.get(alias, 1)
            case yaml.ScalarEvent():
                size = 1
            case _:
                continue
        anchor, before = open_[-1]
        open_[-1] = (anchor, before + size)
        if before + size > _LARGEST:
            message = f"{name}:{_line(event)}: more than {_LARGEST:,} values"
            raise RuleError(message)


def _line(event: yaml.Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1
