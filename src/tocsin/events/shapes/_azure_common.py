"""What all of `azure_logs` have in common: tenant, resource, source, outcome."""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cloud_values import (
    data_stream,
    ip_of,
    merged,
    number_of,
    time_of,
    word_of,
)
from tocsin.events.shapes._values import Object, kept, text_of

_LEVELS: Final = {
    "1": "Critical",
    "2": "Error",
    "3": "Warning",
    "4": "Informational",
    "5": "Verbose",
}
_OUTCOMES: Final = {
    "success": "success",
    "succeeded": "success",
    "failure": "failure",
    "failed": "failure",
    "unknown": "unknown",
}


def common(log: Document, dataset: str, address: str | None = None) -> Document:
    """The fields that every log has.

    Args:
        log: in the form of diagnostic settings.
        dataset: where it belongs.
        address: where it came from; the log's ``callerIpAddress`` if not given.
    """
    address = address or text_of(log.get("callerIpAddress"))
    ip = ip_of(address) if address else None
    resource = resource_of(text_of(log.get("resourceId")))
    tenant = text_of(log.get("tenantId")) or resource.pop("tenant_id", None)
    subscription = resource.pop("subscription_id", None)
    account = subscription or tenant
    duration = number_of(log.get("durationMs"))
    level = word_of(log.get("level")) or word_of(log.get("Level"))
    return kept(
        {
            "@timestamp": time_of(log.get("time")),
            "event": kept(
                {
                    "kind": "event",
                    "module": "azure",
                    "dataset": dataset,
                    "action": text_of(log.get("operationName")),
                    "duration": None if duration is None else duration * 1_000_000,
                }
            ),
            "data_stream": data_stream(dataset),
            "cloud": kept({"provider": "azure", "account": {"id": account} if account else None}),
            "source": kept({"address": address, "ip": ip}),
            "client": {"ip": ip} if ip else None,
            "related": {"ip": [ip]} if ip else None,
            "log": {"level": _LEVELS.get(level, level)} if level else None,
            "azure": kept(
                {
                    "tenant_id": tenant,
                    "subscription_id": subscription,
                    "correlation_id": text_of(log.get("correlationId")),
                    "resource": resource,
                }
            ),
        }
    )


def joined(found: Document, *more: Document) -> Document:
    """A log's fields with more of them, without what is empty."""
    return kept(merged(found, *(kept(one) for one in more)))


def plain(value: Any) -> Any:
    """A scalar or nothing."""
    return value if isinstance(value, str | int | float | bool) else None


def outcome_of(*values: Any) -> str | None:
    """The first of them that says how it went."""
    words = (value.lower() for value in values if isinstance(value, str))
    return next((_OUTCOMES[word] for word in words if word in _OUTCOMES), None)


def resource_of(identifier: str | None) -> Object:
    """What a resource's identifier is made of.

    >>> vault = "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.KEYVAULT/VAULTS/V"
    >>> found = resource_of(vault)
    >>> found["group"], found["provider"], found["name"], found["subscription_id"]
    ('G', 'MICROSOFT.KEYVAULT/VAULTS', 'V', 'S')
    """
    if identifier is None:
        return {}
    parts = identifier.strip("/").split("/")
    places = {part.lower(): place for place, part in reversed(list(enumerate(parts)))}

    def after(name: str) -> str | None:
        place = places.get(name)
        return parts[place + 1] if place is not None and place + 1 < len(parts) else None

    found: Object = {
        "id": identifier,
        "subscription_id": after("subscriptions"),
        "tenant_id": after("tenants"),
        "group": after("resourcegroups"),
    }
    rest = parts[places["providers"] + 1 :] if "providers" in places else []
    kinds = [part.lower() for part in rest[1:4:2]]
    if len(rest) > 4 and kinds == ["namespaces", "authorizationrules"]:
        found |= {"provider": rest[0], "namespace": rest[2], "authorization_rule": rest[4]}
    elif rest:
        found |= {"provider": "/".join(rest[:2]), "name": "/".join(rest[2:])}
    return kept(found)
