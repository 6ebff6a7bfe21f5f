"""Whose doing an audit event is: ``user`` and ``group`` as Auditbeat makes them of the ids.

A syscall says whom the process runs as, and ``user`` is that. A message about an account (a login,
a password, a new user) is about several people: ``user`` is who logged in to the session, in
``user.effective`` and ``user.target`` stands on whose behalf, or to whom, it was done.

Facts: https://github.com/elastic/go-libaudit/blob/main/aucoalesce/normalizations.yaml
"""

from __future__ import annotations

from typing import Any, Final

from tocsin.events.decoders._audit_records import AuditRecord, Fields
from tocsin.events.record import Document
from tocsin.events.shapes._values import kept

Object = dict[str, Any]

_UNSET: Final = frozenset({"4294967295", "-1", "unset"})
_IDS: Final = {
    # (field, name in enriched logs): the path of the entity
    ("uid", "UID"): ("user",),
    ("gid", "GID"): ("user", "group"),
    ("euid", "EUID"): ("user", "effective"),
    ("egid", "EGID"): ("user", "effective", "group"),
    ("suid", "SUID"): ("user", "saved"),
    ("sgid", "SGID"): ("user", "saved", "group"),
    ("fsuid", "FSUID"): ("user", "filesystem"),
    ("fsgid", "FSGID"): ("user", "filesystem", "group"),
    ("auid", "AUID"): ("user", "audit"),
}
_SESSIONS: Final = frozenset(
    {
        "CRED_ACQ", "CRED_DISP", "CRED_REFR", "USER_ACCT", "USER_AUTH", "USER_END", "USER_ERR",
        "USER_LOGIN", "USER_LOGOUT", "USER_START",
    }
)  # fmt: skip
_ACCOUNTS: Final = {
    # Messages about an account: where the account, and who did it to it, stand.
    "ADD_USER": ("user", "target"),
    "DEL_USER": ("user", "target"),
    "USER_MGMT": ("user", "target"),
    "USER_CHAUTHTOK": ("user", "target"),
    "ADD_GROUP": ("group",),
    "DEL_GROUP": ("group",),
    "GRP_MGMT": ("group",),
    "GRP_CHAUTHTOK": ("group",),
}


def users(leading: AuditRecord, fields: Fields) -> Document:
    """``user`` and ``group`` of an event.

    Args:
        leading: the record that says what happened.
        fields: of all its records.
    """
    found: Document = {}
    for (field, named), path in _IDS.items():
        _put(found, path, _entity(fields.get(field), fields.get(named)))
    acting, behind = _entity(fields.get("auid"), fields.get("AUID")), _account(fields)
    running = _entity(fields.get("uid"), fields.get("UID"))
    if leading.type in _SESSIONS:
        _instead(found, ("user",), acting)
        _instead(found, ("user", "effective"), behind or running)
    elif leading.type == "GRP_AUTH":
        _instead(found, ("user",), acting)
        _instead(found, ("user", "effective"), running)
    elif leading.type in _ACCOUNTS:
        _instead(found, ("user",), acting)
        _instead(found, ("user", "effective"), running)
        _instead(found, _ACCOUNTS[leading.type], behind)
    elif leading.type == "LOGIN":
        old = fields.get("old-auid") or fields.get("old_auid")
        new = fields.get("new-auid") or fields.get("new_auid") or fields.get("auid")
        _instead(found, ("user",), _entity(old, None))
        _instead(found, ("user", "effective"), _entity(new, None))
    _without_repetition(found)
    return found


def _entity(value: str | None, name: str | None) -> Object:
    """An account by its number, or by its name where a message has that."""
    if not value or value in _UNSET:
        return {}
    if not value.isdecimal():
        return {"name": value}
    return kept({"id": value, "name": None if name in _UNSET else name})


def _account(fields: Fields) -> Object:
    """The account that a message is about: PAM names it, the shadow tools give its number."""
    return _entity(fields.get("acct") or fields.get("id"), None)


def _put(found: Document, path: tuple[str, ...], entity: Object) -> None:
    if not entity:
        return
    place = found
    for key in path:
        place = place.setdefault(key, {})
    place.update(entity)


def _instead(found: Document, path: tuple[str, ...], entity: Object) -> None:
    """Puts an entity where another one's id and name may stand."""
    place = found
    for key in path:
        place = place.get(key, {})
    for key in ("id", "name"):
        place.pop(key, None)
    _put(found, path, entity)


def _without_repetition(found: Document) -> None:
    """``user.effective`` only where it is another than ``user``."""
    user = found.get("user", {})
    effective = user.get("effective", {})
    for key in ("id", "name"):
        if key in effective and effective[key] == user.get(key):
            user.pop("effective")
            return
