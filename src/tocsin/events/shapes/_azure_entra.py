"""Entra ID's part of `azure_logs`: sign-ins, changes of the directory, risks.

Field by field after https://docs.elastic.co/integrations/azure/adlogs.
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._azure_common import common, joined, outcome_of, plain
from tocsin.events.shapes._cloud_user_agent import user_agent_of
from tocsin.events.shapes._cloud_values import (
    leaves,
    number_of,
    opened,
    snaked,
    time_of,
    user_of,
    word_of,
)
from tocsin.events.shapes._values import Object, kept, nested, text_of

_RENAMED: Final = {
    "created_date_time": "created_at",
    "processing_time_in_milliseconds": "processing_time_ms",
    "risk_level_during_sign_in": "risk_level_during_signin",
}
_OWN: Final = {
    "identity": "identity",
    "category": "category",
    "level": "level",
    "Level": "level",
    "operationName": "operation_name",
    "operationVersion": "operation_version",
    "resultType": "result_type",
    "resultSignature": "result_signature",
    "resultDescription": "result_description",
}


def _own(log: Document) -> Object:
    return {to: plain(log.get(name)) for name, to in _OWN.items() if log.get(name) is not None}


# --- sign-ins ---------------------------------------------------------------------------------


def sign_in(log: Document) -> Document:
    """A sign-in of a user, interactive or not, of a service principal or a managed identity."""
    raw = nested(log, "properties")
    # Logs of sign-ins that are not interactive have objects as texts.
    properties = snaked({name: opened(value) for name, value in raw.items()})
    for name, to in _RENAMED.items():
        if name in properties:
            properties[to] = properties.pop(name)
    location = properties.pop("location", None)
    properties["authentication_processing_details"] = _details(
        properties.get("authentication_processing_details")
    )
    status = nested(properties, "status")
    address = text_of(properties.get("ip_address")) or text_of(log.get("callerIpAddress"))
    own = _own(log) | {"caller_ip_address": text_of(log.get("callerIpAddress"))}
    own["properties"] = kept(properties)
    number = number_of(properties.get("autonomous_system_number"))
    source = {"as": {"number": number} if number else None, "geo": _geo(nested(location))}
    principal = text_of(properties.get("user_principal_name"))
    return joined(
        common(log, "azure.signinlogs", address),
        {"@timestamp": time_of(properties.get("created_at"), log.get("time"))},
        {
            "event": kept(
                {
                    "category": ["authentication"],
                    "type": ["info"],
                    "outcome": _sign_in_outcome(log, status),
                    "id": text_of(properties.get("id")),
                }
            ),
            "source": kept(source),
            "user": kept(
                {
                    **user_of(principal),
                    "id": text_of(properties.get("user_id")),
                    "full_name": text_of(properties.get("user_display_name")),
                }
            ),
            "user_agent": user_agent_of(text_of(properties.get("user_agent"))),
            "message": _message(status),
            "azure": {"signinlogs": kept(own)},
        },
    )


def _sign_in_outcome(log: Document, status: Object) -> str:
    code = number_of(status.get("error_code"))
    code = number_of(log.get("resultType")) if code is None else code
    return "failure" if code else "success"


def _message(status: Object) -> str | None:
    reason, more = text_of(status.get("failure_reason")), text_of(status.get("additional_details"))
    return f"{reason} ({more})" if reason and more else reason or more


def _details(listed: Any) -> Any:
    """Pairs of key and value as an object; its values beside it, for who asks for any of them."""
    if not isinstance(listed, list):
        return listed
    found: Object = {}
    for pair in listed:
        key = text_of(nested(pair).get("key"))
        if key is not None and (value := word_of(pair.get("value"))) is not None:
            found[key] = value
    return [found, *found.values()] if found else None


def _geo(location: Object) -> Object:
    coordinates = nested(location, "geo_coordinates")
    latitude, longitude = coordinates.get("latitude"), coordinates.get("longitude")
    is_point = isinstance(latitude, int | float) and isinstance(longitude, int | float)
    return kept(
        {
            "city_name": text_of(location.get("city")),
            "region_name": text_of(location.get("state")),
            "country_iso_code": text_of(location.get("country_or_region")),
            "location": {"lat": latitude, "lon": longitude} if is_point else None,
        }
    )


# --- changes of the directory -----------------------------------------------------------------

_AUDIT: Final = {
    "activityDateTime": "activity_datetime",
    "activityDisplayName": "activity_display_name",
    "additionalDetails": "additional_details",
    "correlationId": "correlation_id",
    "initiatedBy": "initiated_by",
    "loggedByService": "logged_by_service",
    "operationType": "operation_type",
    "resultDescription": "result_description",
    "resultReason": "result_reason",
}
_TARGET: Final = {
    "displayName": "display_name",
    "id": "id",
    "type": "type",
    "ipAddress": "ip_address",
    "userPrincipalName": "user_principal_name",
    "groupType": "group_type",
}
_MODIFIED: Final = {
    "displayName": "display_name",
    "newValue": "new_value",
    "oldValue": "old_value",
}


def audit(log: Document) -> Document:
    """A change of the directory."""
    raw = nested(log, "properties")
    properties = {_AUDIT.get(k, k): v for k, v in raw.items() if k != "targetResources"}
    properties["target_resources"] = _targets(raw.get("targetResources"))
    details = raw.get("additionalDetails")
    agent = text_of(raw.get("userAgent")) or _detail(details, "User-Agent")
    user = nested(raw, "initiatedBy", "user")
    address = text_of(log.get("callerIpAddress")) or text_of(user.get("ipAddress"))
    return joined(
        common(log, "azure.auditlogs", address),
        {
            "event": kept(
                {
                    "outcome": outcome_of(raw.get("result"), log.get("resultType")),
                    "id": text_of(raw.get("id")),
                }
            ),
            "user_agent": user_agent_of(agent),
            "azure": {"auditlogs": kept({**_own(log), "properties": kept(properties)})},
        },
    )


def _targets(listed: Any) -> Object:
    """A list as an object whose keys are the places: ``target_resources.0.display_name``."""
    found: Object = {}
    for place, target in enumerate(listed if isinstance(listed, list) else ()):
        modified = nested(target).get("modifiedProperties")
        inner = {
            str(n): kept({to: plain(nested(one).get(name)) for name, to in _MODIFIED.items()})
            for n, one in enumerate(modified if isinstance(modified, list) else ())
        }
        own = {to: plain(nested(target).get(name)) for name, to in _TARGET.items()}
        found[str(place)] = kept({**own, "modified_properties": inner})
    return found


def _detail(listed: Any, key: str) -> str | None:
    pairs = (nested(pair) for pair in listed) if isinstance(listed, list) else ()
    return next((text_of(pair.get("value")) for pair in pairs if pair.get("key") == key), None)


# --- risks ------------------------------------------------------------------------------------

_DATES: Final = {
    "last_updated_date_time": "last_updated_datetime",
    "risk_last_updated_date_time": "risk_last_updated_datetime",
    "activity_date_time": "activity_datetime",
    "detected_date_time": "detected_datetime",
}


def risk(log: Document) -> Document:
    """What Identity Protection says of a user, a service principal or a sign-in."""
    raw = nested(log, "properties")
    properties = snaked(raw)
    for name, to in _DATES.items():
        if name in properties:
            properties[to] = time_of(properties.pop(name))
    information = opened(raw.get("additionalInfo"))
    if isinstance(information, list):
        properties["additional_info"] = [information, *leaves(information)]
    address = text_of(log.get("callerIpAddress")) or text_of(raw.get("ipAddress"))
    return joined(
        common(log, "azure.identity_protection", address),
        {
            "event": kept({"id": text_of(raw.get("id"))}),
            "azure": {"identityprotection": kept({**_own(log), "properties": kept(properties)})},
        },
    )
