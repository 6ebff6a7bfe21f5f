"""The forms that `azure_logs` come in, and how each becomes that of diagnostic settings.

That form is ``{"time", "category", "operationName", "resourceId", "properties": {…}, …}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cloud_values import is_raw, opened, word_of
from tocsin.events.shapes._values import Object, kept, nested, text_of

_SIGN_INS: Final[Mapping[str, str]] = {
    # Graph's signInEventTypes: the category of diagnostic settings
    "interactiveUser": "SignInLogs",
    "nonInteractiveUser": "NonInteractiveUserSignInLogs",
    "servicePrincipal": "ServicePrincipalSignInLogs",
    "managedIdentity": "ManagedIdentitySignInLogs",
}
_RESULTS: Final[Mapping[str, str]] = {
    # status of the activity log's REST interface: resultType of diagnostic settings
    "Succeeded": "Success",
    "Failed": "Failure",
    "Started": "Start",
    "Accepted": "Accept",
}


def is_any_form(document: Document) -> bool:
    """Whether a document has one of the forms."""
    if "time" in document:
        return _is_diagnostic(document)
    if (
        "createdDateTime" in document
        or "activityDateTime" in document
        or "eventTimestamp" in document
        or "riskLastUpdatedDateTime" in document
    ):
        return (
            _is_sign_in(document)
            or _is_audit(document)
            or _is_rest(document)
            or (_risk_category(document) is not None)
        )
    message = document.get("message")
    return (
        isinstance(message, str)
        and message.startswith("{")
        and '"category"' in message
        and is_raw(document, "azure")
        and _is_diagnostic(opened(message))
    )


def envelope_of(document: Document) -> Object:
    """A log in the form of diagnostic settings, whatever its form is."""
    if "time" not in document and isinstance(document.get("message"), str):
        inner = opened(document["message"])
        document = inner if isinstance(inner, dict) else document
    if "time" in document:
        return _diagnostic(document)
    if _is_sign_in(document):
        return _of_sign_in(document)
    if _is_audit(document):
        return _of_audit(document)
    if _is_rest(document):
        return _of_rest(document)
    category = _risk_category(document)
    return document if category is None else _of_risk(document, category)


def _category(document: Document) -> Any:
    return document.get("category") or document.get("Category") or document.get("CategoryValue")


def _is_diagnostic(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("time"), str)
        and isinstance(_category(found), str)
        and ("operationName" in found or "resourceId" in found or "OperationName" in found)
    )


def _diagnostic(document: Document) -> Object:
    """Some services write names with a capital, and properties as texts."""
    properties = document.get("properties")
    changes: Object = {}
    if isinstance(properties, str) and isinstance(opened(properties), dict):
        changes["properties"] = opened(properties)
    if "category" not in document:
        changes["category"] = _category(document)
    if "operationName" not in document and "OperationName" in document:
        changes["operationName"] = document["OperationName"]
    return {**document, **changes} if changes else document


# --- Microsoft Graph --------------------------------------------------------------------------


def _is_sign_in(document: Document) -> bool:
    return (
        isinstance(document.get("createdDateTime"), str)
        and ("appDisplayName" in document or "servicePrincipalId" in document)
        and ("conditionalAccessStatus" in document or "ipAddress" in document)
    )


def _of_sign_in(document: Document) -> Object:
    """https://learn.microsoft.com/graph/api/resources/signin."""
    kinds = document.get("signInEventTypes")
    kind = next((k for k in kinds if isinstance(k, str)), "") if isinstance(kinds, list) else ""
    if kind not in _SIGN_INS:
        interactive = document.get("isInteractive") is not False
        kind = "interactiveUser" if interactive else "nonInteractiveUser"
    status = nested(document, "status")
    code = word_of(status.get("errorCode"))
    return kept(
        {
            "time": document.get("createdDateTime"),
            "category": _SIGN_INS[kind],
            "operationName": "Sign-in activity",
            "tenantId": document.get("homeTenantId") or document.get("resourceTenantId"),
            "resultType": code,
            "resultDescription": status.get("failureReason") if code not in {None, "0"} else None,
            "callerIpAddress": document.get("ipAddress"),
            "correlationId": document.get("correlationId"),
            "identity": document.get("userDisplayName") or document.get("servicePrincipalName"),
            "properties": document,
        }
    )


def _is_audit(document: Document) -> bool:
    return "activityDisplayName" in document and isinstance(document.get("activityDateTime"), str)


def _of_audit(document: Document) -> Object:
    """https://learn.microsoft.com/graph/api/resources/directoryaudit."""
    by = nested(document, "initiatedBy")
    who = nested(by, "user") or nested(by, "app")
    return kept(
        {
            "time": document.get("activityDateTime"),
            "category": "AuditLogs",
            "operationName": document.get("activityDisplayName"),
            "callerIpAddress": nested(by, "user").get("ipAddress"),
            "correlationId": document.get("correlationId"),
            "identity": who.get("displayName") or who.get("userPrincipalName"),
            "properties": document,
        }
    )


def _risk_category(document: Document) -> str | None:
    if isinstance(document.get("riskEventType"), str):
        is_user = "userPrincipalName" in document or "userId" in document
        return "UserRiskEvents" if is_user else "ServicePrincipalRiskEvents"
    if "riskLastUpdatedDateTime" in document and "riskState" in document:
        return "RiskyUsers" if "userPrincipalName" in document else "RiskyServicePrincipals"
    return None


def _of_risk(document: Document, category: str) -> Object:
    """https://learn.microsoft.com/graph/api/resources/riskdetection, …/riskyuser."""
    dates = ("detectedDateTime", "activityDateTime", "riskLastUpdatedDateTime")
    is_user, is_event = "User" in category, category.endswith("Events")
    whose = "User" if is_user else "Service Principal"
    return kept(
        {
            "time": next((document[name] for name in dates if document.get(name)), None),
            "category": category,
            "operationName": f"{whose} Risk Detection" if is_event else f"Risky {whose.lower()}",
            "callerIpAddress": document.get("ipAddress"),
            "correlationId": document.get("correlationId"),
            "properties": document,
        }
    )


# --- the activity log's REST interface --------------------------------------------------------


def _is_rest(document: Document) -> bool:
    return isinstance(document.get("operationName"), dict) and "eventTimestamp" in document


def _of_rest(document: Document) -> Object:
    """https://learn.microsoft.com/rest/api/monitor/activity-logs/list.

    Operations and resources are in capitals in the form of diagnostic settings, and in rules.
    """
    status = text_of(nested(document, "status").get("value"))
    properties = document.get("properties")
    own = {"eventDataId": document.get("eventDataId"), "eventCategory": _localised(document)}
    return kept(
        {
            "time": document.get("eventTimestamp"),
            "category": _localised(document) or "Administrative",
            "operationName": (_value(document, "operationName") or "").upper(),
            "resourceId": (text_of(document.get("resourceId")) or "").upper(),
            "tenantId": document.get("tenantId"),
            "correlationId": document.get("correlationId"),
            "resultType": _RESULTS.get(status or "", status),
            "resultSignature": _value(document, "subStatus"),
            "callerIpAddress": nested(document, "httpRequest").get("clientIpAddress"),
            "level": document.get("level"),
            "caller": document.get("caller"),
            "identity": kept(
                {
                    "authorization": document.get("authorization"),
                    "claims": document.get("claims"),
                }
            ),
            "properties": kept({**(properties if isinstance(properties, dict) else {}), **own}),
        }
    )


def _value(document: Document, name: str) -> str | None:
    return text_of(nested(document, name).get("value"))


def _localised(document: Document) -> str | None:
    return _value(document, "category") or text_of(document.get("category"))
