"""Azure and Entra ID: sign-ins, directory changes, risks, activities, resource and Graph logs.

A log becomes what Elastic's Azure integration makes of it, in the dataset that it would be routed
to by its category: ``azure.signinlogs`` (of users, interactive or not, service principals and
managed identities), ``azure.auditlogs``, ``azure.identity_protection``, ``azure.activitylogs``,
``azure.graphactivitylogs``, ``azure.aadgraphactivitylogs``; of any other category
``azure.platformlogs``. It stands under ``azure_logs`` with its own names beside it, for rules that
use those (``azure_logs.properties.riskEventType``). Secrets are blanked in all of it.

Forms: diagnostic settings (Event Hub, storage), bare or as the text of ``message``; the resources
that Microsoft Graph returns (``signIn``, ``directoryAudit``, ``riskDetection``, ``riskyUser``) and
the activity log's REST interface, which become the first form (`_azure_forms`).

A log that was delivered twice is one event: see `identity`.

Format: https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes import _azure_activity, _azure_entra, _azure_graph
from tocsin.events.shapes._azure_forms import envelope_of, is_any_form
from tocsin.events.shapes._cloud_secrets import hidden
from tocsin.events.shapes._values import nested, text_of

_Build = Callable[[Document], Document]

_ACTIVITY: Final = frozenset({
    "Administrative", "Security", "ServiceHealth", "Alert", "Recommendation", "Policy",
    "Autoscale", "ResourceHealth", "Write", "Delete", "Action", "Read",
})  # fmt: skip
_RISKS: Final = frozenset({
    "RiskyUsers", "UserRiskEvents", "RiskyServicePrincipals", "ServicePrincipalRiskEvents",
})  # fmt: skip
_BUILDERS: Final[dict[str, _Build]] = {
    "AuditLogs": _azure_entra.audit,
    "MicrosoftGraphActivityLogs": _azure_graph.microsoft_graph,
    "AzureADGraphActivityLogs": _azure_graph.directory_graph,
    **dict.fromkeys(_RISKS, _azure_entra.risk),
    **dict.fromkeys(_ACTIVITY, _azure_activity.activity),
}


MARKS: tuple[bytes, ...] = (
    rb'operationname"',
    rb'resourceid"',
    rb'createddatetime"',
    rb'activitydatetime"',
    rb'eventtimestamp"',
    rb'risklastupdateddatetime"',
    rb'category\\"',
)


def recognises(document: Document) -> bool:
    """Whether the document is a log of Azure, in any of the forms."""
    return is_any_form(document)


def to_ecs(document: Document) -> Document:
    """The log in Elastic's names, and in its own."""
    log = hidden(envelope_of(document))
    category = text_of(log.get("category")) or ""
    build = _BUILDERS.get(category)
    if build is None:
        is_sign_in = category.endswith("SignInLogs")
        build = _azure_entra.sign_in if is_sign_in else _azure_activity.platform
    found = build(log)
    found["azure_logs"] = log
    return found


def identity(document: Document) -> bytes:
    """The log's own id with its state, or what tells it from others of one operation.

    A risk keeps its id when its state changes: that is another event. An activity has no id of
    its own; its correlation is that of a whole operation, start and end.
    """
    log = envelope_of(document)
    properties = nested(log, "properties")
    own = text_of(properties.get("id")) or text_of(properties.get("eventDataId"))
    parts: list[Any]
    if own is not None:
        states = ("riskState", "riskDetail", "lastUpdatedDateTime", "riskLastUpdatedDateTime")
        parts = ["id", _kind(log), own, *(properties.get(state) for state in states)]
    elif text_of(log.get("correlationId")):
        names = ("correlationId", "time", "operationName", "resourceId", "resultType", "category")
        parts = ["correlation", *(log.get(name) for name in names)]
        # Requests of one operation at one moment differ in what was asked for.
        parts += [properties.get(name) for name in ("requestId", "requestUri", "statusCode")]
        parts += [log.get("uri"), log.get("resultSignature")]
    else:
        return b""
    try:
        return msgspec.json.encode(["azure_logs", *parts])
    except (UnicodeError, RecursionError):
        return b""


def _kind(log: Document) -> str:
    category = text_of(log.get("category")) or ""
    return "SignInLogs" if category.endswith("SignInLogs") else category
