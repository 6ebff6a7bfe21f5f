"""Reading tshark's fields by Wireshark's names, in each of the ways in which tshark writes them.

============================  ==========================================================
how tshark was called         where ``http.request.method`` stands
============================  ==========================================================
``-T json``                   ``http`` → the request line → ``http.request.method``
``-T ek``                     ``http`` → ``http_http_request_method``
``-T json -e …``              ``http.request.method``: an array
``-T ek -e …``                ``http_request_method``: an array
============================  ==========================================================

Of a protocol that a packet holds twice, one in the other, the innermost counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tocsin.events.shapes._values import Object

_DEEPEST: Final = 12
_MOST_VALUES: Final = 4_096
_MOST_LAYERS: Final = 64

Fields = dict[str, list[str]]


class Packet:
    """The layers of one packet.

    Args:
        layers: what tshark has under ``layers``.
    """

    def __init__(self, layers: Object) -> None:
        self._layers = layers
        self._read: dict[str, list[Fields]] = {}

    def has(self, protocol: str) -> bool:
        """Whether tshark saw a protocol in the packet."""
        return bool(self.all(protocol))

    def all(self, protocol: str) -> list[Fields]:
        """The fields of every layer of a protocol, by their names with ``_`` for ``.``."""
        if protocol not in self._read:
            self._read[protocol] = list(self._fields(protocol))
        return self._read[protocol]

    def values(self, field: str) -> list[str]:
        """What a field says in the innermost layer of its protocol."""
        found = self.all(field.partition(".")[0])
        return found[-1].get(field.replace(".", "_"), []) if found else []

    def first(self, field: str) -> str | None:
        """The first of a field's values."""
        return next(iter(self.values(field)), None)

    def _fields(self, protocol: str) -> Iterator[Fields]:
        layer = self._layers.get(protocol)
        layers = [one for one in (layer if isinstance(layer, list) else [layer]) if one]
        # Fields that were chosen, and parts that stand beside their layer (``tcp.segments``).
        beside = {
            key: value
            for key, value in self._layers.items()
            if key.startswith((f"{protocol}.", f"{protocol}_"))
        }
        if not any(isinstance(one, dict) for one in layers):
            layers = [{}] if beside else []
        for number, one in enumerate(layers[-_MOST_LAYERS:], 1):
            found = dict[str, list[str]]()
            if isinstance(one, dict):
                _flatten(one, protocol, found, 0)
            if number == len(layers[-_MOST_LAYERS:]):
                _flatten(beside, protocol, found, 0)
            yield found


def _flatten(layer: Object, protocol: str, found: Fields, depth: int) -> None:
    doubled = f"{protocol}_{protocol}_"
    for key, value in layer.items():
        inner = value if isinstance(value, list) else [value]
        if inner and isinstance(inner[0], dict):
            if depth < _DEEPEST:
                for one in inner[:_MOST_VALUES]:
                    if isinstance(one, dict):
                        _flatten(one, protocol, found, depth + 1)
            continue
        name = key.replace(".", "_")
        if name.startswith(doubled):
            name = name[len(protocol) + 1 :]
        held = found.setdefault(name, [])
        if len(held) < _MOST_VALUES:
            held.extend(_texts(value))


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [_written(one) for one in values[:_MOST_VALUES] if isinstance(one, (str, bool, int))]


def _written(value: str | bool | int) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else str(value) if abs(value) < 1 << 64 else ""


def bytes_of(text: str | None, most: int) -> bytes:
    """The bytes that ``47:45:54`` stands for, the first so many of them; empty for anything else.

    >>> bytes_of("47:45:54", 2)
    b'GE'
    """
    if text is None:
        return b""
    try:
        return bytes.fromhex(text[: most * 3].replace(":", ""))
    except ValueError:
        return b""
