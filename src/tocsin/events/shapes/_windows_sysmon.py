"""Sysmon's events of `windows_event`: hashes, signatures, addresses, names and the registry."""

from __future__ import annotations

import re
from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes._values import kept
from tocsin.events.shapes._windows_ecs import put_user
from tocsin.events.shapes._windows_entry import Entry
from tocsin.events.shapes._windows_values import Object, Value, ip_of, put, said

_HASHES: Final = {
    # Event code: what the hashes of the event are of.
    **dict.fromkeys(("1", "24", "25"), ("process",)),
    **dict.fromkeys(("6", "7", "15", "26", "27", "28", "29"), ("file",)),
    # Elastic has those of a deleted file under the process; they are the file's.
    "23": ("process", "file"),
}
_DNS_TYPES: Final = {
    "1": "A", "2": "NS", "5": "CNAME", "6": "SOA", "12": "PTR", "15": "MX", "16": "TXT",
    "28": "AAAA", "33": "SRV", "35": "NAPTR", "43": "DS", "46": "RRSIG", "48": "DNSKEY",
    "65": "HTTPS", "255": "ANY",
}  # fmt: skip
_DNS_STATUS: Final = {
    "0": "SUCCESS", "5": "ERROR_ACCESS_DENIED", "87": "ERROR_INVALID_PARAMETER",
    "123": "ERROR_INVALID_NAME", "1460": "ERROR_TIMEOUT", "9002": "DNS_ERROR_RCODE_SERVER_FAILURE",
    "9003": "DNS_ERROR_RCODE_NAME_ERROR", "9501": "DNS_INFO_NO_RECORDS",
    "9701": "DNS_ERROR_RECORD_DOES_NOT_EXIST",
}  # fmt: skip
_HIVES: Final = {
    "HKEY_CLASSES_ROOT": "HKCR", "HKEY_CURRENT_CONFIG": "HKCC", "HKEY_CURRENT_USER": "HKCU",
    "HKEY_DYN_DATA": "HKDD", "HKEY_LOCAL_MACHINE": "HKLM", "HKEY_PERFORMANCE_DATA": "HKPD",
    "HKEY_USERS": "HKU",
}  # fmt: skip
_SHORT_HIVES: Final = frozenset(_HIVES.values())
_DWORD: Final = re.compile(r"DWORD \(0x([0-9a-f]{1,8})\)\Z", re.IGNORECASE)
_QWORD: Final = re.compile(r"QWORD \(0x([0-9a-f]{1,8})-0x([0-9a-f]{1,8})\)\Z", re.IGNORECASE)
_MOST_ANSWERS: Final = 1_000
_MOST_HASHES: Final = 20


def sysmon_fields(found: Document, entry: Entry, data: dict[str, Value]) -> None:
    """What Sysmon's events say in words of their own."""
    user = said(data.get("User")) or said(data.get("SourceUser"))
    if user:
        put_user(found, user)
    hashes = _hashes(said(data.get("Hashes")) or said(data.get("Hash")))
    for holder in _HASHES.get(entry.code, ()) if hashes else ():
        put(found, f"{holder}.hash", {k: v for k, v in hashes.items() if k != "imphash"})
        if "imphash" in hashes:
            put(found, f"{holder}.pe.imphash", hashes["imphash"])
    _sysmon_network(found, entry, data)
    target = said(data.get("TargetObject"))
    if target:
        found["registry"] = registry(target, said(data.get("Details")))
    if said(data.get("SignatureStatus")) or said(data.get("Signed")):
        _signature(found, data)
    _sysmon_rest(found, entry, data)


def _sysmon_rest(found: Document, entry: Entry, data: dict[str, Value]) -> None:
    for name, field in (("Archived", "archived"), ("IsExecutable", "is_executable")):
        text = said(data.get(name)).lower()
        if text in {"true", "false"}:
            put(found, f"sysmon.file.{field}", text == "true")
    if entry.code == "255" and said(data.get("ID")):
        put(found, "error.code", said(data.get("ID")))
    if entry.code == "25" and said(data.get("Type")):
        found["message"] = said(data.get("Type"))
    if "TargetProcessGuid" in data:  # the name of event 10, and so of rules
        data.setdefault("TargetProcessGUID", data["TargetProcessGuid"])


def _hashes(text: str) -> dict[str, str]:
    r"""``SHA1=…,MD5=…`` by algorithm; a hash of zeros is none."""
    pairs = (pair.partition("=") for pair in text.lower().split(",")[:_MOST_HASHES])
    return {
        name.strip(): value.strip()
        for name, equals, value in pairs
        if equals and value.strip(" 0") and name.strip().isalnum()
    }


def _signature(found: Document, data: dict[str, Value]) -> None:
    is_signed = said(data.get("Signed")).lower() == "true"
    is_valid = said(data.get("SignatureStatus")) == "Valid"
    put(found, "file.code_signature.exists", is_signed)
    put(found, "file.code_signature.valid", is_valid)
    put(found, "file.code_signature.trusted", is_signed and is_valid)


def _sysmon_network(found: Document, entry: Entry, data: dict[str, Value]) -> None:
    protocol = said(data.get("SourcePortName")) or said(data.get("DestinationPortName"))
    if entry.code == "22":
        protocol = "dns"
        _dns(found, data)
    directions = {"true": "egress", "false": "ingress"}
    families = {"true": "ipv6", "false": "ipv4"}
    network = kept(
        {
            "protocol": protocol,
            "direction": directions.get(said(data.get("Initiated")).lower()),
            "type": families.get(said(data.get("SourceIsIpv6")).lower()),
        }
    )
    for name, value in network.items():
        put(found, f"network.{name}", value)


def _dns(found: Document, data: dict[str, Value]) -> None:
    """``type:  5 a.example;::ffff:192.0.2.1;``: names with their type's number, addresses."""
    answers: list[Object] = []
    addresses: list[str] = []
    for answer in said(data.get("QueryResults")).split(";")[:_MOST_ANSWERS]:
        words = answer.split()
        if len(words) > 1 and words[0] == "type:":
            type_ = _DNS_TYPES.get(words[1])
            answers.append(kept({"type": type_, "data": words[2] if len(words) > 2 else None}))
        elif words and (address := ip_of(words[0])) is not None:
            addresses.append(address)
    answers += [{"type": "AAAA" if ":" in a else "A", "data": a} for a in addresses]
    if any(answers):
        put(found, "dns.answers", [answer for answer in answers if answer])
    if addresses:
        put(found, "dns.resolved_ip", addresses)
    status = said(data.get("QueryStatus"))
    if status:
        put(found, "sysmon.dns.status", _DNS_STATUS.get(status, status))


def registry(path: str, details: str) -> Object:
    r"""A registry key or value: ``HKLM\Software\A\b`` and what was written to it."""
    hive, _, key = path.partition("\\")
    hive = _HIVES.get(hive, hive)
    known = {"hive": hive, "key": key} if hive in _SHORT_HIVES else {}
    value = path.rpartition("\\")[2]
    return kept({"path": path, **known, "value": value, "data": _registry_data(details)})


def _registry_data(details: str) -> Object:
    if not details:
        return {}
    if (found := _DWORD.match(details)) is not None:
        return {"strings": [str(int(found[1], 16))], "type": "SZ_DWORD"}
    if (found := _QWORD.match(details)) is not None:
        number = (int(found[1], 16) << 32) + int(found[2], 16)
        return {"strings": [str(number)], "type": "SZ_QWORD"}
    return {"strings": [details], "type": "REG_BINARY" if details == "Binary Data" else "REG_SZ"}
