"""The audit events of `windows_event`: who did it to whom, from where, with which rights."""

from __future__ import annotations

from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes._values import kept
from tocsin.events.shapes._windows_entry import Entry
from tocsin.events.shapes._windows_sysmon import registry
from tocsin.events.shapes._windows_values import Object, Value, ip_of, number_of, put, said

_LOGON_TYPES: Final = {
    "2": "Interactive", "3": "Network", "4": "Batch", "5": "Service", "7": "Unlock",
    "8": "NetworkCleartext", "9": "NewCredentials", "10": "RemoteInteractive",
    "11": "CachedInteractive",
}  # fmt: skip
_LEVELS: Final = {
    # The last part of a mandatory label's identifier (S-1-16-…), in Sysmon's words.
    "0": "Untrusted", "4096": "Low", "8192": "Medium", "8448": "Medium", "12288": "High",
    "16384": "System", "20480": "System",
}  # fmt: skip
_ACCOUNT_CONTROL: Final = (
    # MS-SAMR 2.2.1.12, from bit 0 on.
    "USER_ACCOUNT_DISABLED", "USER_HOME_DIRECTORY_REQUIRED", "USER_PASSWORD_NOT_REQUIRED",
    "USER_TEMP_DUPLICATE_ACCOUNT", "USER_NORMAL_ACCOUNT", "USER_MNS_LOGON_ACCOUNT",
    "USER_INTERDOMAIN_TRUST_ACCOUNT", "USER_WORKSTATION_TRUST_ACCOUNT",
    "USER_SERVER_TRUST_ACCOUNT", "USER_DONT_EXPIRE_PASSWORD", "USER_ACCOUNT_AUTO_LOCKED",
    "USER_ENCRYPTED_TEXT_PASSWORD_ALLOWED", "USER_SMARTCARD_REQUIRED",
    "USER_TRUSTED_FOR_DELEGATION", "USER_NOT_DELEGATED", "USER_USE_DES_KEY_ONLY",
    "USER_DONT_REQUIRE_PREAUTH", "USER_PASSWORD_EXPIRED",
    "USER_TRUSTED_TO_AUTHENTICATE_FOR_DELEGATION", "USER_NO_AUTH_DATA_REQUIRED",
    "USER_PARTIAL_SECRETS_ACCOUNT", "USER_USE_AES_KEYS",
)  # fmt: skip
_ACCESS: Final = {
    # The rights of directory objects, whatever the object is: so does Elastic.
    0x1: "Create Child", 0x2: "Delete Child", 0x4: "List Contents", 0x8: "SELF",
    0x10: "Read Property", 0x20: "Write Property", 0x40: "Delete Tree", 0x80: "List Object",
    0x100: "Control Access", 0x10000: "DELETE", 0x20000: "READ_CONTROL", 0x40000: "WRITE_DAC",
    0x80000: "WRITE_OWNER", 0x100000: "SYNCHRONIZE", 0xF00000: "STANDARD_RIGHTS_REQUIRED",
    0x1F0000: "STANDARD_RIGHTS_ALL", 0xFFFF: "SPECIFIC_RIGHTS_ALL",
    0x1000000: "ADS_RIGHT_ACCESS_SYSTEM_SECURITY", 0x10000000: "ADS_RIGHT_GENERIC_ALL",
    0x20000000: "ADS_RIGHT_GENERIC_EXECUTE", 0x40000000: "ADS_RIGHT_GENERIC_WRITE",
    0x80000000: "ADS_RIGHT_GENERIC_READ",
}  # fmt: skip

_LOGONS: Final = frozenset(
    {"4624", "4625", "4634", "4647", "4768", "4769", "4770", "4771", "4776", "4964"}
)
_ON_USERS: Final = frozenset(
    {"4670", "4720", "4722", "4723", "4724", "4725", "4726", "4738", "4740", "4767", "4798",
     "4817", "4907"}
)  # fmt: skip
_ON_GROUPS: Final = frozenset(
    {str(code) for code in (*range(4727, 4738), *range(4744, 4765), 4799)} - {"4736"}
)
_ON_COMPUTERS: Final = frozenset({"4741", "4742", "4743"})
_AS_OTHERS: Final = frozenset({"4648", "4688"})
_SESSIONS: Final = frozenset({"4778", "4779"})
_SHARES: Final = frozenset({"5140", "5145"})
_PRIVILEGES: Final = ("PrivilegeList", "EnabledPrivilegeList", "DisabledPrivilegeList")
_MACHINE, _USERS = "\\REGISTRY\\MACHINE", "\\REGISTRY\\USER"


def audit_fields(found: Document, entry: Entry, data: dict[str, Value]) -> None:
    """What audit events say in words of their own; some of it is added to the data."""
    code = entry.code
    _describe(code, data)
    _users(found, code, data)
    _logon(found, code, data)
    if code in _SESSIONS:
        _session(found, data)
    elif code in _SHARES:
        _share(found, data)
    elif code == "4657":
        _registry(found, data)
    elif code == "4688":
        _created(data)


def _describe(code: str, data: dict[str, Value]) -> None:
    """What numbers and lists in the data mean."""
    control = number_of(said(data.get("NewUacValue")))
    names = [n for bit, n in enumerate(_ACCOUNT_CONTROL) if control and control >> bit & 1]
    if names:
        data["NewUACList"] = list(names)
    mask = number_of(said(data.get("AccessMask")))
    rights = [name for bits, name in _ACCESS.items() if mask and mask & bits == bits]
    if rights:
        data["AccessMaskDescription"] = list(rights)
    for name in _PRIVILEGES:
        text = data.get(name)
        if isinstance(text, str) and len(words := text.split()) > 1:
            data[name] = list(words)


def _person(data: dict[str, Value], sids: tuple[str, ...], name: str, domain: str) -> Object:
    identifier = next((sid for key in sids if (sid := said(data.get(key)))), None)
    # A Kerberos principal is name@REALM.
    return kept(
        {
            "id": identifier,
            "name": said(data.get(name)).partition("@")[0],
            "domain": said(data.get(domain)),
        }
    )


def _users(found: Document, code: str, data: dict[str, Value]) -> None:
    subject = _person(data, ("SubjectUserSid",), "SubjectUserName", "SubjectDomainName")
    sids = ("TargetUserSid", "TargetSid")
    target = _person(data, sids, "TargetUserName", "TargetDomainName")
    user = target if code in _LOGONS else subject
    holder = {**found.get("user", {}), **user}
    if code in _ON_USERS and target:
        holder["target"] = {**holder.get("target", {}), **target}
    if code in _AS_OTHERS and target:
        holder["effective"] = target
    if code in _ON_GROUPS:
        member = said(data.get("MemberName")).partition(",")[0]
        person = kept({"name": member.removeprefix("CN=").removeprefix("cn=")})
        person.update(kept({"id": said(data.get("MemberSid"))}))
        if person:
            holder["target"] = person
        if target:
            found["group"] = target
    if holder:
        found["user"] = holder
    if code in _ON_COMPUTERS and target:
        put(found, "winlog.computerObject", target)


def _logon(found: Document, code: str, data: dict[str, Value]) -> None:
    kind = _LOGON_TYPES.get(said(data.get("LogonType")))
    if kind:
        put(found, "winlog.logon.type", kind)
    identifiers = ("SubjectLogonId", "TargetLogonId", "LogonID")
    identifier = next((text for name in identifiers if (text := said(data.get(name)))), "")
    if identifier:
        put(found, "winlog.logon.id", identifier)


def _session(found: Document, data: dict[str, Value]) -> None:
    user = kept({"name": said(data.get("AccountName")), "domain": said(data.get("AccountDomain"))})
    found["user"] = {**found.get("user", {}), **user}
    address = ip_of(said(data.get("ClientAddress")))
    source = kept({"ip": address, "domain": said(data.get("ClientName"))})
    if source:
        found["source"] = source


def _share(found: Document, data: dict[str, Value]) -> None:
    name, directory = said(data.get("RelativeTargetName")), said(data.get("ShareLocalPath"))
    share = said(data.get("ShareName"))
    found["file"] = kept(
        {
            "name": name,
            "directory": directory,
            "path": f"{directory}\\{name}" if name and directory else None,
            "target_path": f"{share}\\{name}" if name and share else None,
            "extension": name.rpartition(".")[2] if "." in name else None,
        }
    )


def _registry(found: Document, data: dict[str, Value]) -> None:
    r"""A value under its name in the object manager: ``\REGISTRY\MACHINE`` is ``HKLM``."""
    key, name = said(data.get("ObjectName")), said(data.get("ObjectValueName"))
    for prefix, hive in ((_MACHINE, "HKLM"), (_USERS, "HKU")):
        if key.upper().startswith(f"{prefix}\\"):
            key = hive + key[len(prefix) :]
    if key:
        path = f"{key}\\{name}" if name else key
        found["registry"] = registry(path, said(data.get("NewValue")))


def _created(data: dict[str, Value]) -> None:
    """What Sysmon tells of a new process in its own names, which Sigma's rules use."""
    name, domain = said(data.get("TargetUserName")), said(data.get("TargetDomainName"))
    if not name:
        name, domain = said(data.get("SubjectUserName")), said(data.get("SubjectDomainName"))
    if name:
        data.setdefault("User", f"{domain}\\{name}" if domain else name)
    label = said(data.get("MandatoryLabel"))
    level = _LEVELS.get(label.rpartition("-")[2]) if label.startswith("S-1-16-") else None
    if level:
        data.setdefault("IntegrityLevel", level)
    logon = said(data.get("SubjectLogonId"))
    if logon:
        data.setdefault("LogonId", logon)
