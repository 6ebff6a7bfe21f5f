"""A Windows event as one plain value, `Entry`, and reading EventData and UserData into it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tocsin.events.shapes._windows_values import Value, text_of

_NAMED: Final = ("@Name", "Name", "name")
_CONTENT: Final = ("#text", "Value", "Text", "_", "content", "text")
_MOST_VALUES: Final = 10_000


class Entry(msgspec.Struct):
    """One event.

    Attributes:
        code: the event's code, as text.
        keywords: as the event has them, in hexadecimal.
        created: when it was logged, in nanoseconds; None where it does not say.
        user: the security identifier under which it was logged.
        outcome: where a shipper tells; else empty.
        message: the text for people, where it was rendered.
        rendered: what else was rendered: Task, Opcode, Level.
        data: EventData by name; unnamed values are ``Data``.
        unnamed: the values that have no name, in their order.
        user_data: UserData by name.
        user_data_name: of UserData's element.
    """

    channel: str = ""
    provider: str = ""
    provider_guid: str = ""
    code: str = ""
    level: int | None = None
    version: int | None = None
    task: str = ""
    opcode: str = ""
    keywords: str = ""
    created: int | None = None
    record_id: str = ""
    computer: str = ""
    user: str = ""
    pid: int | None = None
    tid: int | None = None
    activity: str = ""
    related_activity: str = ""
    outcome: str = ""
    message: str = ""
    rendered: dict[str, str] = {}
    data: dict[str, Value] = {}
    unnamed: list[str] = []
    user_data: dict[str, Value] = {}
    user_data_name: str = ""


def content(node: Any) -> str:
    """The text of an element, which may have attributes too."""
    if isinstance(node, dict):
        node = next((node[name] for name in _CONTENT if name in node), None)
    return text_of(node) or ""


def _add(data: dict[str, Value], name: str, value: str) -> None:
    known = data.get(name)
    if known is None:
        data[name] = value
    elif isinstance(known, list):
        if len(known) < _MOST_VALUES:
            known.append(value)
    else:
        data[name] = [known, value]


def read_data(node: Any, entry: Entry) -> None:
    """EventData: an object by names, or a list of named or unnamed values."""
    entry.data, entry.unnamed = {}, []
    if isinstance(node, dict):
        for name, value in node.items():
            if name.startswith(("#", "@")) or name.endswith("_attributes"):
                continue
            if name == "Data":
                read_values(value, entry)
            elif (text := text_of(value)) is not None:
                _add(entry.data, name, text)
            else:
                read_named(name, value, entry.data)
    else:
        read_values(node, entry)
    name_unnamed(entry)


def name_unnamed(entry: Entry) -> None:
    if entry.unnamed:
        entry.data["Data"] = entry.unnamed if len(entry.unnamed) > 1 else entry.unnamed[0]


def read_values(node: Any, entry: Entry) -> None:
    """Values that may have names: elements ``Data``, one or many."""
    if isinstance(node, dict) and isinstance(node.get("#text"), list):
        node = node["#text"]
    for value in node if isinstance(node, list) else [] if node is None else [node]:
        name = _name(value)
        if name:
            _add(entry.data, name, content(value))
        elif isinstance(value, dict) and not any(key in value for key in _CONTENT):
            # A list of objects by names, or one.
            for key, inner in value.items():
                if not key.startswith(("#", "@")):
                    read_named(key, inner, entry.data)
        else:
            entry.unnamed.append(content(value))


def _name(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    inside = value.get("#attributes")
    place = inside if isinstance(inside, dict) else value
    found = (place.get(name) for name in _NAMED)
    return next((name for name in found if isinstance(name, str) and name), "")


def read_named(name: str, value: Any, data: dict[str, Value]) -> None:
    """One name and what it has; of objects inside it the names of their values count."""
    pending = [(name, value)]
    while pending:
        name, value = pending.pop()
        text = text_of(value)
        if text is not None:
            _add(data, name, text)
        elif isinstance(value, list):
            pending.extend((name, item) for item in reversed(value))
        elif isinstance(value, dict):
            inside = value.get("#attributes")
            own = inside.get("Name") if isinstance(inside, dict) else value.get("@Name")
            if value.get("#text") is not None:
                pending.append((own if isinstance(own, str) and own else name, value["#text"]))
            pending.extend(
                (key, inner)
                for key, inner in reversed(list(value.items()))
                if not key.startswith(("#", "@")) and not key.endswith("_attributes")
            )


def read_user_data(node: Any, entry: Entry) -> None:
    """UserData: one element whose children are the values."""
    entry.user_data = {}
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if name.startswith(("#", "@")) or name.endswith("_attributes"):
            continue
        if isinstance(value, dict):
            entry.user_data_name = entry.user_data_name or name
        read_named(name, value, entry.user_data)
