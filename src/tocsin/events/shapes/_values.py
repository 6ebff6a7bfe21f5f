"""Reading values out of a vendor's JSON, whatever stands there: what every shape needs."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def nested(holder: Any, *keys: str) -> Object:
    """The object at a path; an empty one where there is none."""
    for key in keys:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else {}


def text_of(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def kept(values: Object) -> Object:
    """Without what the event does not say."""
    return {key: value for key, value in values.items() if value not in (None, {}, [], "")}
