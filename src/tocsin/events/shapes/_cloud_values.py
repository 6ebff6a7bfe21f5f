"""Reading values of the clouds' logs, whatever stands there, and writing them as Elastic's do.

A value of another type than expected counts as none.
"""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes._cloud_secrets import DEEPEST, LONGEST_JSON
from tocsin.events.shapes._values import Object, kept, text_of
from tocsin.logic.field_types import date_of

_LONGEST_ADDRESS: Final = 80
_PIPELINES: Final = ("ecs", "event", "data_stream")


def word_of(value: Any) -> str | None:
    """A text, or a number or a switch as a text (clouds send either)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return text_of(value)


def number_of(value: Any) -> int | None:
    """A whole number, or the text of one."""
    if isinstance(value, str) and len(value) <= 18 and value.removeprefix("-").isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def time_of(*values: Any) -> str | int | None:
    """The first of them that is a time: text, or epoch milliseconds."""
    for value in values:
        if isinstance(value, str | int) and not isinstance(value, bool):
            if date_of(value) is not None:
                return value
            if isinstance(value, str) and (found := _american(value)) is not None:
                return found
    return None


_AMERICAN: Final = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2}):(\d{2})(?: ([AP])M)?(?: ([+-]\d\d:\d\d|Z))?",
    re.ASCII,
)
_LONGEST_TIME: Final = 40


def _american(text: str) -> str | None:
    """``5/11/2026 2:35:58 PM``, as some of Azure's logs have it, in ISO 8601."""
    found = _AMERICAN.fullmatch(text) if len(text) <= _LONGEST_TIME else None
    if found is None:
        return None
    month, day, year, hour, minute, second, half, zone = found.groups()
    hours = int(hour) % 12 + (12 if half == "P" else 0) if half else int(hour)
    iso = f"{year}-{month:0>2}-{day:0>2}T{hours:02d}:{minute}:{second}{zone or 'Z'}"
    return iso if date_of(iso) is not None else None


def opened(value: Any) -> Any:
    """What a text of JSON says, if it is an object or an array; any other value as it is."""
    if not isinstance(value, str) or value[:1] not in ("{", "[") or len(value) > LONGEST_JSON:
        return value
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return value
    return found if not deeper(found, DEEPEST) else value


def is_raw(document: Document, module: str) -> bool:
    """Whether no pipeline has been at a document: else its ``message`` is a message.

    Args:
        document: any.
        module: under which a pipeline would put what the document says.
    """
    names = (*_PIPELINES, module)
    return not any(key.partition(".")[0] in names for key in document)


def deeper(value: Any, levels: int) -> bool:
    """Whether a value is nested deeper than so many levels."""
    layer = [value]
    for _ in range(levels + 1):
        inner: list[Any] = []
        for holder in layer:
            if isinstance(holder, dict):
                inner.extend(v for v in holder.values() if isinstance(v, dict | list))
            elif isinstance(holder, list):
                inner.extend(v for v in holder if isinstance(v, dict | list))
        if not inner:
            return False
        layer = inner
    return True


def leaves(value: Any) -> list[Any]:
    """Every scalar of a value: what Elasticsearch finds by the name of a ``flattened`` field."""
    found: list[Any] = []
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, dict):
            pending.extend(reversed(inner.values()))
        elif isinstance(inner, list):
            pending.extend(reversed(inner))
        elif inner is not None:
            found.append(inner)
    return found


def without_empty(value: Any) -> Any:
    """A value without empty texts, which Elastic's pipelines drop; itself where it has none."""
    if isinstance(value, dict):
        new = {k: without_empty(v) for k, v in value.items() if v != ""}
        return value if _same(value, new) else new
    if isinstance(value, list):
        listed = [without_empty(element) for element in value if element != ""]
        same = len(listed) == len(value) and all(map(_is, listed, value))
        return value if same else listed
    return value


def _same(old: Object, new: Object) -> bool:
    return len(old) == len(new) and all(map(_is, new.values(), old.values()))


def _is(one: Any, other: Any) -> bool:
    return one is other


# --- where an event belongs, and who did it ---------------------------------------------------


def data_stream(dataset: str) -> Object:
    """What tells the rules' index patterns where the event would be."""
    return {"type": "logs", "dataset": dataset, "namespace": "default"}


@lru_cache(maxsize=16_384)
def ip_of(text: str) -> str | None:
    """The address in ``address``, ``address:port``, ``[address]:port`` or ``[address]``."""
    if not text or len(text) > _LONGEST_ADDRESS:
        return None
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def source_of(value: Any) -> Object:
    """``source`` for an address as a log has it: with ``ip`` where it is one."""
    text = text_of(value)
    return kept({"address": text, "ip": ip_of(text)}) if text else {}


def user_of(principal: str | None) -> Object:
    """``user`` for a principal's name, with the parts of one that is an e-mail address."""
    if principal is None:
        return {}
    name, at, domain = principal.partition("@")
    if not at or not name or not domain or "@" in domain:
        return {"name": principal}
    return {"name": principal, "email": principal, "domain": domain}


# --- names ------------------------------------------------------------------------------------

_HUMP: Final = re.compile(r"_?([a-z])([A-Z]+)", re.ASCII)


@lru_cache(maxsize=8_192)
def _snake(name: str) -> str:
    return _HUMP.sub(r"\1_\2", name).lower()


def snake(name: str) -> str:
    """A camel's name as Elastic's pipelines write it.

    >>> snake("userPrincipalName"), snake("isCAEToken"), snake("riskEventTypes_v2")
    ('user_principal_name', 'is_caetoken', 'risk_event_types_v2')
    """
    return _snake(name) if len(name) <= 200 else name


def snaked(value: Any, depth: int = 0) -> Any:
    """A value with all its names in snake case."""
    if depth >= DEEPEST:
        return None
    if isinstance(value, dict):
        return {snake(key): snaked(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [snaked(element, depth + 1) for element in value]
    return value


# --- Java's texts -----------------------------------------------------------------------------


def java_text(value: Any) -> str | None:
    """A value as Java writes it, empty ones dropped; None where nothing is left.

    Elastic's CloudTrail integration indexes parameters in this form, and its rules look for
    pieces of it. The order is that of Java's hash tables, so that ``a=1, b=2`` can be looked for.

    >>> java_text({"handler": "h", "functionName": "f", "code": {}, "publish": False, "role": "r"})
    '{handler=h, role=r, functionName=f, publish=false}'
    >>> java_text({"valuesToAdd": ["all", 1, 1e10], "x": None})
    '{valuesToAdd=[all, 1, 1.0E10]}'
    """
    return _java(value, 0)


def _java(value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return value or None
    if value is None or depth > DEEPEST:
        return None
    if isinstance(value, dict):
        keys = list(value) if len(value) == 1 else _table_order(value)
        pairs = [(key, _java(value[key], depth + 1)) for key in keys]
        text = ", ".join(f"{key}={inner}" for key, inner in pairs if inner is not None)
        return f"{{{text}}}" if text else None
    if isinstance(value, list):
        elements = [inner for e in value if (inner := _java(e, depth + 1)) is not None]
        return f"[{', '.join(elements)}]" if elements else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return _java_double(value) if isinstance(value, float) else str(value)


def _java_double(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return format(Decimal(repr(value)), "f") if "e" in repr(value) else repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    written = "".join(map(str, digits))
    places = len(digits) - 1 + int(exponent)
    return f"{'-' if sign else ''}{written[0]}.{written[1:] or '0'}E{places}"


def _table_order(value: Object) -> list[str]:
    """The keys in the order of a java.util.HashMap that they were put into one by one."""
    size = 16
    while len(value) * 4 > size * 3:
        size *= 2
    mask = size - 1
    return sorted(value, key=lambda key: _spread(key) & mask)


@lru_cache(maxsize=16_384)
def _spread(key: str) -> int:
    """What java.util.HashMap makes of String.hashCode."""
    code = 0
    units = key.encode("utf-16-le", "surrogatepass")
    for place in range(0, len(units), 2):
        code = (31 * code + (units[place] | units[place + 1] << 8)) & 0xFFFFFFFF
    return code ^ code >> 16


def merged(*documents: Document) -> Document:
    """Documents as one, objects that several have joined; of single values the last counts."""
    found: Document = {}
    for document in documents:
        for key, value in document.items():
            old = found.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                found[key] = {**old, **value}
            else:
                found[key] = value
    return found
