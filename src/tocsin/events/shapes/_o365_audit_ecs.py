"""What `o365_audit` makes of a record: the fields of Elastic's Microsoft 365 integration.

Field by field after https://docs.elastic.co/integrations/o365.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tocsin.events.record import Document
from tocsin.events.shapes._cloud_user_agent import user_agent_of
from tocsin.events.shapes._cloud_values import (
    data_stream,
    ip_of,
    leaves,
    number_of,
    time_of,
    user_of,
    word_of,
)
from tocsin.events.shapes._values import Object, kept, nested, text_of

DATASET: Final = "o365.audit"

_RECORD_TYPES: Final = {
    1: "ExchangeAdmin", 2: "ExchangeItem", 3: "ExchangeItemGroup", 4: "SharePoint",
    6: "SharePointFileOperation", 7: "OneDrive", 8: "AzureActiveDirectory",
    9: "AzureActiveDirectoryAccountLogon", 10: "DataCenterSecurityCmdlet",
    11: "ComplianceDLPSharePoint", 12: "Sway", 13: "ComplianceDLPExchange",
    14: "SharePointSharingOperation", 15: "AzureActiveDirectoryStsLogon",
    16: "SkypeForBusinessPSTNUsage", 17: "SkypeForBusinessUsersBlocked",
    18: "SecurityComplianceCenterEOPCmdlet", 19: "ExchangeAggregatedOperation",
    20: "PowerBIAudit", 21: "CRM", 22: "Yammer", 23: "SkypeForBusinessCmdlets", 24: "Discovery",
    25: "MicrosoftTeams", 28: "ThreatIntelligence", 29: "MailSubmission", 30: "MicrosoftFlow",
    31: "AeD", 32: "MicrosoftStream", 33: "ComplianceDLPSharePointClassification",
    34: "ThreatFinder", 35: "Project", 36: "SharePointListOperation",
    37: "SharePointCommentOperation", 38: "DataGovernance", 39: "Kaizala",
    40: "SecurityComplianceAlerts", 41: "ThreatIntelligenceUrl", 42: "SecurityComplianceInsights",
    43: "MIPLabel", 44: "WorkplaceAnalytics", 45: "PowerAppsApp", 46: "PowerAppsPlan",
    47: "ThreatIntelligenceAtpContent", 48: "LabelContentExplorer", 49: "TeamsHealthcare",
    50: "ExchangeItemAggregated", 51: "HygieneEvent", 52: "DataInsightsRestApiAudit",
    53: "InformationBarrierPolicyApplication", 54: "SharePointListItemOperation",
    55: "SharePointContentTypeOperation", 56: "SharePointFieldOperation",
    57: "MicrosoftTeamsAdmin", 58: "HRSignal", 59: "MicrosoftTeamsDevice",
    60: "MicrosoftTeamsAnalytics", 61: "InformationWorkerProtection", 62: "Campaign",
    63: "DLPEndpoint", 64: "AirInvestigation", 65: "Quarantine", 66: "MicrosoftForms",
    67: "ApplicationAudit", 68: "ComplianceSupervisionExchange",
    69: "CustomerKeyServiceEncryption", 70: "OfficeNative", 71: "MipAutoLabelSharePointItem",
    72: "MipAutoLabelSharePointPolicyLocation", 73: "MicrosoftTeamsShifts",
    75: "MipAutoLabelExchangeItem", 76: "CortanaBriefing", 78: "WDATPAlerts",
    82: "SensitivityLabelPolicyMatch", 83: "SensitivityLabelAction",
    84: "SensitivityLabeledFileAction", 85: "AttackSim", 86: "AirManualInvestigation",
    87: "SecurityComplianceRBAC", 88: "UserTraining", 89: "AirAdminActionInvestigation",
    90: "MSTIC", 91: "PhysicalBadgingSignal", 93: "AipDiscover", 94: "AipSensitivityLabelAction",
    95: "AipProtectionAction", 96: "AipFileDeleted", 97: "AipHeartBeat", 98: "MCASAlerts",
    99: "OnPremisesFileShareScannerDlp", 100: "OnPremisesSharePointScannerDlp",
    101: "ExchangeSearch", 102: "SharePointSearch", 103: "PrivacyInsights",
    105: "MyAnalyticsSettings", 106: "SecurityComplianceUserChange",
    107: "ComplianceDLPExchangeClassification", 109: "MipExactDataMatch",
    113: "MS365DCustomDetection", 147: "CoreReportingSettings", 148: "ComplianceConnector",
    174: "DataShareOperation", 181: "EduDataLakeDownloadOperation", 218: "AttackSimAdmin",
    230: "TeamsUpdates", 235: "MicrosoftDefenderForIdentityAudit",
    237: "DefenderExpertsforXDRAdmin", 261: "CopilotInteraction", 285: "ComplianceDLMExchange",
    286: "ComplianceDLMSharePoint", 294: "AadRiskDetection", 295: "AuditSearch",
}  # fmt: skip
"""``RecordType``: its name in Microsoft's schema."""

_ACTIONS: Final = {
    # (event.code, Operation): event.action
    ("AzureActiveDirectory", "Add user."): "added-user-account",
    ("AzureActiveDirectory", "Update user."): "modified-user-account",
    ("AzureActiveDirectory", "Delete user."): "deleted-user-account",
    ("MicrosoftTeams", "TeamCreated"): "added-group-account-to",
    ("MicrosoftTeams", "MemberAdded"): "added-users-to-group",
    ("MicrosoftTeams", "Delete user."): "deleted-user-account",
}
_KINDS: Final = {
    # event.action: (event.category, event.type) that are added
    "added-user-account": (["iam"], ["user", "creation"]),
    "modified-user-account": (["iam"], ["user", "change"]),
    "deleted-user-account": (["iam"], ["user", "deletion"]),
    "added-group-account-to": (["iam"], ["group", "creation"]),
    "added-users-to-group": (["iam"], ["group", "change"]),
    "ComplianceSettingChanged": (["configuration"], ["change"]),
    **dict.fromkeys(("FileAccessed", "FileDownloaded"), (["file"], ["access"])),
    **dict.fromkeys(
        ("FileModified", "FileMoved", "FileRenamed", "FileRestored", "FolderModified",
         "FolderMoved", "FolderRenamed", "FolderRestored"),
        (["file"], ["change"]),
    ),
    **dict.fromkeys(("FileDeleted", "FolderDeleted"), (["file"], ["deletion"])),
    **dict.fromkeys(("FileUploaded", "FolderCopied", "FolderCreated"), (["file"], ["creation"])),
}  # fmt: skip
_CODES: Final = {
    # event.code: (event.category, event.type) that are added
    "AzureActiveDirectoryStsLogon": (["authentication"], ["start", "access"]),
    "ComplianceDLPSharePoint": (["file"], ["access"]),
    "ComplianceDLPExchange": (["file"], ["access"]),
}
_ALERTS: Final = frozenset(
    {"SecurityComplianceAlerts", "ComplianceDLPSharePoint", "ComplianceDLPExchange"}
)
_FAILED: Final = frozenset({"failed", "false"})
_SEVERITIES: Final = {"informational": 1, "low": 2, "medium": 3, "high": 4}
_FILES: Final = frozenset({"SharePointFileOperation", "SharePointSharingOperation"})
_ADDRESSES: Final = ("ClientIPAddress", "ClientIP", "ActorIpAddress")
_PAIRS: Final = ("Parameters", "ExtendedProperties")
_BARE_NAME: Final = re.compile(r"[ .]")


def ecs_fields(record: Document) -> Document:
    """A record in Elastic's names; its secrets are gone already."""
    code = _code(record.get("RecordType"))
    operation = text_of(record.get("Operation")) or ""
    action = _ACTIONS.get((code or "", operation), operation)
    extended = _named(record.get("ExtendedProperties"))
    addresses = (text_of(record.get(name)) for name in _ADDRESSES)
    address = next((found for found in addresses if found), None)
    ip = ip_of(address) if address else None
    agent = text_of(record.get("UserAgent"))
    if agent is None and isinstance(extended, dict):
        agent = text_of(extended.get("UserAgent"))
    organization = (text_of(record.get("OrganizationId")) or "").lower()
    source = kept({"ip": ip})
    return kept(
        {
            "@timestamp": time_of(record.get("CreationTime")),
            "event": _event(record, code, action),
            "data_stream": data_stream(DATASET),
            "client": kept({"address": address, "ip": ip}),
            "source": source,
            "related": kept({"ip": [ip] if ip else None}),
            "user": _user(record),
            "user_agent": user_agent_of(agent),
            "organization": kept(
                {"id": organization, "name": text_of(record.get("OrganizationName"))}
            ),
            "file": _file(record) if code in _FILES else None,
            "url": kept({"original": text_of(record.get("ObjectId"))}) if code in _FILES else None,
            "group": kept({"name": text_of(record.get("TeamName"))}),
            "rule": _rule(record) if code in _ALERTS else None,
            "o365": {"audit": _own(record)},
        }
    )


def _code(kind: Any) -> str | None:
    number = number_of(kind)
    return text_of(kind) if number is None else _RECORD_TYPES.get(number)


def _event(record: Document, code: str | None, action: str) -> Object:
    categories, kinds = ["web"], ["info"]
    for more in (_KINDS.get(action), _CODES.get(code or "")):
        if more is not None:
            categories += more[0]
            kinds += more[1]
    status = (text_of(record.get("ResultStatus")) or "").lower()
    return kept(
        {
            "kind": "alert" if code in _ALERTS else "event",
            "module": "o365",
            "dataset": DATASET,
            "provider": text_of(record.get("Workload")),
            "action": action,
            "code": code,
            "category": categories,
            "type": kinds,
            "outcome": "failure" if status in _FAILED else "success",
            "severity": _SEVERITIES.get((text_of(record.get("Severity")) or "").lower()),
            "id": text_of(record.get("Id")),
        }
    )


def _user(record: Document) -> Object:
    identifier = text_of(record.get("UserId"))
    target = text_of(record.get("ObjectId")) if _is_directory(record) else None
    return kept(
        {
            **_parts(identifier),
            "id": identifier,
            "full_name": text_of(record.get("LogonUserDisplayName")),
            "target": kept({**_parts(target), "id": target}),
        }
    )


def _parts(principal: str | None) -> Object:
    """The parts of a principal that is an e-mail address; nothing of any other."""
    found = user_of(principal)
    if "domain" not in found:
        return {}
    return {**found, "name": found["email"].partition("@")[0]}


def _is_directory(record: Document) -> bool:
    return _code(record.get("RecordType")) == "AzureActiveDirectory"


def _file(record: Document) -> Object:
    return kept(
        {
            "name": text_of(record.get("SourceFileName")),
            "extension": text_of(record.get("SourceFileExtension")),
            "directory": text_of(record.get("SourceRelativeUrl")),
        }
    )


def _rule(record: Document) -> Object:
    return kept(
        {
            "name": text_of(record.get("Name")) or text_of(record.get("PolicyName")),
            "id": text_of(record.get("PolicyId")),
            "category": text_of(record.get("Category")),
            "ruleset": text_of(record.get("EntityType")),
        }
    )


# --- the record's own names -------------------------------------------------------------------


def _own(record: Document) -> Object:
    """Everything under ``o365.audit``: the record, its lists of named values as objects."""
    found = dict(record)
    for name in _PAIRS:
        found[name] = _named(record.get(name))
    found["ModifiedProperties"] = _modified(record.get("ModifiedProperties"))
    members = record.get("Members")
    if isinstance(members, list):
        # The integration indexes members so that a query may ask for any of their values.
        found["Members"] = [*members, *leaves([m for m in members if isinstance(m, dict)])]
    return kept(found)


def _named(listed: Any) -> Any:
    """``[{"Name": n, "Value": v}]`` as ``{n: v}``."""
    if not isinstance(listed, list):
        return {"_raw": listed} if isinstance(listed, str) else listed
    found: Object = {}
    for pair in listed:
        name = text_of(nested(pair).get("Name"))
        if name is not None and pair.get("Value") is not None:
            found[name] = pair["Value"]
    return found


def _modified(listed: Any) -> Any:
    """``[{"Name": n, "NewValue": x, "OldValue": y}]`` as ``{n: {"NewValue": x, …}}``."""
    if not isinstance(listed, list):
        return {"_raw": listed} if isinstance(listed, str) else listed
    found: Object = {}
    for pair in listed:
        name = text_of(nested(pair).get("Name"))
        if name is not None:
            values = {key: pair.get(key) for key in ("NewValue", "OldValue")}
            found[_BARE_NAME.sub("_", name)] = {
                k: v if isinstance(v, list) else word_of(v) for k, v in values.items()
            }
    return found
