"""What `gcp_audit` makes of an entry: the fields of Elastic's Google Cloud integration.

Field by field after https://docs.elastic.co/integrations/gcp/audit.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cloud_user_agent import user_agent_of
from tocsin.events.shapes._cloud_values import data_stream, ip_of, number_of, snaked, time_of
from tocsin.events.shapes._values import Object, kept, nested, text_of

DATASET: Final = "gcp.audit"

_KUBERNETES: Final = frozenset({"k8s_cluster", "gke_cluster"})
_API_VERSION: Final = re.compile(r"v\d+(?:[a-z]+\d*)?", re.ASCII)
_RESOURCE_TYPE: Final = re.compile(r"[a-z]+(?:\.[a-z0-9]+)*", re.ASCII)
_LONGEST_NAME: Final = 1_000


def ecs_fields(entry: Document) -> Document:
    """An entry in Elastic's names; its secrets are gone already."""
    payload = nested(entry, "protoPayload")
    resource = nested(entry, "resource")
    authentication = nested(payload, "authenticationInfo")
    email = text_of(authentication.get("principalEmail"))
    subject = text_of(authentication.get("principalSubject"))
    address = text_of(nested(payload, "requestMetadata").get("callerIp"))
    ip = ip_of(address) if address else None
    agent = text_of(nested(payload, "requestMetadata").get("callerSuppliedUserAgent"))
    service = text_of(payload.get("serviceName"))
    return kept(
        {
            "@timestamp": time_of(entry.get("timestamp"), entry.get("receiveTimestamp")),
            "event": _event(entry, payload),
            "data_stream": data_stream(DATASET),
            "cloud": _cloud(entry, nested(resource, "labels")),
            "orchestrator": _orchestrator(resource, payload),
            "client": {"user": kept({"email": email, "id": subject})},
            # Newer versions of the integration have the caller here, too.
            "user": kept({"email": email, "id": subject or email}),
            "source": kept({"ip": ip}),
            "related": kept({"ip": [ip] if ip else None, "user": [email] if email else None}),
            "user_agent": user_agent_of(agent),
            "service": {"name": service} if service else None,
            "log": kept(
                {"logger": text_of(entry.get("logName")), "level": text_of(entry.get("severity"))}
            ),
            "gcp": {"audit": _own(entry, payload, resource)},
        }
    )


def _event(entry: Document, payload: Object) -> Object:
    granted = _granted(payload)
    operation = entry.get("operation")
    categories, kinds = [], []
    if isinstance(operation, dict):
        first, last = operation.get("first") is True, operation.get("last") is True
        if not (first and last):
            categories.append("session")
            kinds += ["start"] if first else ["end"] if last else []
    if len(_authorizations(payload)) == 1:
        categories += ["network", "configuration"]
        if granted is not None:
            kinds += ["access", "allowed" if granted else "denied"]
    _, mark, provider = (text_of(entry.get("logName")) or "").rpartition("%2F")
    return kept(
        {
            "kind": "event",
            "module": "gcp",
            "dataset": DATASET,
            "provider": provider if mark else None,
            "action": text_of(payload.get("methodName")),
            "category": categories,
            "type": kinds,
            "outcome": _outcome(payload, granted),
            "id": text_of(entry.get("insertId")),
        }
    )


def _outcome(payload: Object, granted: bool | None) -> str:
    code = number_of(nested(payload, "status").get("code"))
    if code is not None:
        return "success" if code == 0 else "failure"
    return {True: "success", False: "failure", None: "unknown"}[granted]


def _authorizations(payload: Object) -> list[Any]:
    listed = payload.get("authorizationInfo")
    return listed if isinstance(listed, list) else []


def _granted(payload: Object) -> bool | None:
    """Whether the one permission that was asked for was granted; of several nothing is said."""
    listed = _authorizations(payload)
    granted = nested(listed[0]).get("granted") if len(listed) == 1 else None
    return granted if isinstance(granted, bool) else None


def _cloud(entry: Document, labels: Object) -> Object:
    project = text_of(labels.get("project_id"))
    if project is None:
        name = text_of(entry.get("logName")) or ""
        project = name.split("/")[1] if name.startswith("projects/") else None
    instance = text_of(labels.get("instance_id"))
    return kept(
        {
            "provider": "gcp",
            "project": {"id": project} if project else None,
            "instance": {"id": instance} if instance else None,
            "availability_zone": text_of(labels.get("zone")) or text_of(labels.get("location")),
        }
    )


def _orchestrator(resource: Object, payload: Object) -> Object:
    kind = text_of(resource.get("type"))
    if kind not in _KUBERNETES:
        return {}
    cluster = text_of(nested(resource, "labels").get("cluster_name"))
    name = text_of(payload.get("resourceName")) if kind == "k8s_cluster" else None
    return kept(
        {
            "type": "kubernetes",
            "cluster": {"name": cluster} if cluster else None,
            **(_kubernetes_names(name) if name and len(name) <= _LONGEST_NAME else {}),
        }
    )


def _kubernetes_names(name: str) -> Object:
    """What ``core/v1/namespaces/kube-system/configmaps/coredns`` is made of.

    >>> _kubernetes_names("core/v1/namespaces/x/pods/web-1/exec")["resource"]
    {'type': 'pods', 'name': 'web-1'}
    """
    parts = name.split("/")
    place = next((n for n, part in enumerate(parts) if _API_VERSION.fullmatch(part)), None)
    if place is None:
        kind = parts[0] if _RESOURCE_TYPE.fullmatch(parts[0]) else None
        return kept({"resource": kept({"type": kind})})
    version, rest = parts[place], parts[place + 1 :]
    if len(rest) > 2 and rest[0] == "namespaces":
        own = kept({"type": rest[2], "name": rest[3] if len(rest) > 3 else None})
        return kept({"api_version": version, "namespace": rest[1], "resource": own})
    kind = rest[0] if rest and _RESOURCE_TYPE.fullmatch(rest[0]) else None
    return kept({"api_version": version, "resource": kept({"type": kind})})


def _own(entry: Document, payload: Object, resource: Object) -> Object:
    """Everything under ``gcp.audit``."""
    authentication = nested(payload, "authenticationInfo")
    metadata, status = nested(payload, "requestMetadata"), nested(payload, "status")
    operation = nested(entry, "operation")
    kind = text_of(resource.get("type"))
    return kept(
        {
            "type": text_of(payload.get("@type")),
            "method_name": text_of(payload.get("methodName")),
            "service_name": text_of(payload.get("serviceName")),
            "resource_name": text_of(payload.get("resourceName")),
            "resource": {"type": kind} if kind else None,
            "resource_location": snaked(nested(payload, "resourceLocation")),
            "num_response_items": number_of(payload.get("numResponseItems")),
            "receive_timestamp": time_of(entry.get("receiveTimestamp")),
            "labels": nested(entry, "labels"),
            "request": nested(payload, "request"),
            "response": nested(payload, "response"),
            "metadata": nested(payload, "metadata"),
            "service_data": snaked(nested(payload, "serviceData")),
            "policy_violation_info": snaked(nested(payload, "policyViolationInfo")),
            "authentication_info": snaked(authentication),
            "authorization_info": [
                snaked(one) for one in _authorizations(payload) if isinstance(one, dict)
            ],
            "request_metadata": kept(
                {
                    "caller_ip": text_of(metadata.get("callerIp")),
                    "caller_supplied_user_agent": text_of(metadata.get("callerSuppliedUserAgent")),
                }
            ),
            "status": kept(
                {"code": number_of(status.get("code")), "message": text_of(status.get("message"))}
            ),
            "logentry_operation": kept(
                {
                    "id": text_of(operation.get("id")),
                    "producer": text_of(operation.get("producer")),
                    "first": operation.get("first") is True,
                    "last": operation.get("last") is True,
                }
                if operation
                else {}
            ),
        }
    )
