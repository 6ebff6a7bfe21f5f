"""`azure_logs` of requests to Microsoft Graph and to its predecessor, the directory's Graph.

Field by field after https://docs.elastic.co/integrations/azure: ``azure.graphactivitylogs`` and
``azure.aadgraphactivitylogs``.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from tocsin.events.record import Document
from tocsin.events.shapes._azure_common import common, joined, plain
from tocsin.events.shapes._cloud_user_agent import user_agent_of
from tocsin.events.shapes._cloud_values import number_of, snaked, time_of
from tocsin.events.shapes._values import Object, kept, nested, text_of

_OWN: Final = {
    "category": "category",
    "operationName": "operation_name",
    "operationVersion": "operation_version",
    "resultSignature": "result_signature",
    "resultType": "result_type",
}
_LISTS: Final = ("roles", "scopes", "wids")
_SEPARATORS: Final = re.compile(r"[\s,]+")
_LONGEST_LIST: Final = 100_000
_VERBS: Final = {
    "GET": "read",
    "HEAD": "read",
    "POST": "execute",
    "PATCH": "update",
    "PUT": "update",
    "DELETE": "delete",
}
_KINDS: Final = {"read": "info", "execute": "change", "update": "change", "delete": "deletion"}
_LONGEST_NAME: Final = 100


def microsoft_graph(log: Document) -> Document:
    """A request to Microsoft Graph."""
    properties = _properties(log)
    return _request(
        log, properties, "azure.graphactivitylogs", "graphactivitylogs",
        method=text_of(properties.get("request_method")),
        status=number_of(properties.get("response_status_code")),
        address=text_of(log.get("callerIpAddress")) or text_of(properties.get("ip_address")),
        event={"type": ["access"]},
        service="Microsoft Graph",
    )  # fmt: skip


def directory_graph(log: Document) -> Document:
    """A request to the directory's Graph (``graph.windows.net``)."""
    properties = _properties(log)
    if "issued_at" in properties:
        properties["token_issued_at"] = time_of(properties.pop("issued_at"))
    method = text_of(properties.get("http_method")) or text_of(properties.get("request_method"))
    status = properties.get("http_status_code", properties.get("response_status_code"))
    path = _url(text_of(properties.get("request_uri"))).get("path")
    kinds = ["access", _KINDS.get(_VERBS.get(method or "GET", ""), "")]
    event: Object = {"category": ["iam", "web"], "type": [kind for kind in kinds if kind]}
    if action := _action(method, path):
        event["action"] = action
    found = _request(
        log, properties, "azure.aadgraphactivitylogs", "aadgraphactivitylogs",
        method=method,
        status=number_of(status),
        address=text_of(properties.get("caller_ip_address")) or text_of(log.get("callerIpAddress")),
        event=event,
        service="Azure AD Graph",
    )  # fmt: skip
    principal = text_of(properties.get("service_principal_id"))
    if principal and "id" not in nested(found, "user"):
        found["user"] = {"id": principal}
    return found


def _properties(log: Document) -> Object:
    properties: Object = snaked(nested(log, "properties"))
    for name in _LISTS:
        text = text_of(properties.get(name))
        if text is not None and len(text) <= _LONGEST_LIST:
            properties[name] = [part for part in _SEPARATORS.split(text) if part]
    return properties


def _request(
    log: Document,
    properties: Object,
    dataset: str,
    prefix: str,
    *,
    method: str | None,
    status: int | None,
    address: str | None,
    event: Object,
    service: str,
) -> Document:
    user, identifier = text_of(properties.get("user_id")), text_of(properties.get("request_id"))
    tenant = text_of(log.get("tenantId")) or text_of(properties.get("tenant_id"))
    own = {to: plain(log.get(name)) for name, to in _OWN.items()}
    return joined(
        common(log, dataset, address),
        {"@timestamp": time_of(properties.get("time_generated"), log.get("time"))},
        {
            "event": kept({**event, "outcome": _outcome(status), "id": identifier}),
            "cloud": kept(
                {"account": {"id": tenant} if tenant else None, "service": {"name": service}}
            ),
            "http": kept(
                {
                    "request": kept({"method": method, "id": identifier}),
                    "response": kept(
                        {
                            "status_code": status,
                            "bytes": number_of(properties.get("response_size_bytes")),
                        }
                    ),
                }
            ),
            "url": _url(text_of(properties.get("request_uri"))),
            "user": kept({"id": user}),
            "user_agent": user_agent_of(text_of(properties.get("user_agent"))),
            "azure": kept(
                {"tenant_id": tenant, prefix: kept({**own, "properties": kept(properties)})}
            ),
        },
    )


def _outcome(status: int | None) -> str | None:
    if status is None:
        return None
    return "success" if 200 <= status < 300 else "failure" if status >= 400 else "unknown"


def _url(text: str | None) -> Object:
    if text is None:
        return {}
    try:
        parts = urlsplit(text)
        found: Object = {
            "scheme": parts.scheme,
            "domain": parts.hostname,
            "path": parts.path,
            "query": parts.query,
        }
    except ValueError:
        found = {}
    return kept({"original": text, **found})


def _action(method: str | None, path: Any) -> str | None:
    """What is done to which collection: ``GET /v2/{tenant}/directoryRoles`` reads roles.

    >>> _action("GET", "/v2/t/directoryRoles"), _action("POST", "/t/$batch")
    ('directory-roles-read', 'batch-execute')
    """
    parts = path.split("/") if isinstance(path, str) else []
    if method is None or len(parts) < 3:
        return None
    name = parts[3] if len(parts) > 3 and parts[1] == "v2" else parts[2]
    name = name.removeprefix("$")
    if not name or len(name) > _LONGEST_NAME:
        return None
    hyphened = re.sub(r"(?<=[^A-Z])(?=[A-Z])", "-", name).lower()
    return f"{hyphened}-{_VERBS.get(method, method.lower())}"
