"""Rows of osquery's tables in ECS's names, with actions and types as Elastic Defend has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tocsin.events.record import Document
from tocsin.events.shapes._traffic import add, ends
from tocsin.events.shapes._traffic_values import (
    address_of,
    flag_of,
    number_of,
    port_of,
    texts_of,
    time_text,
)
from tocsin.events.shapes._values import Object, kept, text_of

Builder = Callable[[Object, Document], None]

_LONGEST: Final = 256 << 10
_MOST_ARGUMENTS: Final = 4_096
_HASHES: Final = ("md5", "sha1", "sha256")
_LOADER = re.compile(r"(?:^|\s)((?:LD|DYLD)_[A-Z_]{1,64}=\S{0,4096})", re.ASCII)
_ACCOUNT = re.compile(r'\bacct="?([^"\s]{1,256})"?')
_RESULT = re.compile(r"\bres=(success|failed|yes|no|1|0)\b")

_PROCESS_KINDS: Final = {
    # event_type or syscall: (event.type, event.action)
    "exec": ("start", "exec"), "fork": ("start", "fork"), "exit": ("end", "end"),
    "execve": ("start", "exec"), "execveat": ("start", "exec"), "clone": ("start", "fork"),
    "clone3": ("start", "fork"), "vfork": ("start", "fork"), "ProcessStart": ("start", "start"),
    "ProcessStop": ("end", "end"),
}  # fmt: skip
_SOCKET_KINDS: Final = {
    "connect": ("start", "connection_attempted"), "accept": ("start", "connection_accepted"),
    "accept4": ("start", "connection_accepted"), "bind": ("info", "bind"),
    "listen": ("info", "listen"), "close": ("end", "disconnect_received"),
}  # fmt: skip
_FILE_KINDS: Final = {
    # action, operation or event_type, in lower case: (event.type, event.action)
    **dict.fromkeys(("created", "create", "filecreation", "mkdir"), ("creation", "creation")),
    **dict.fromkeys(
        ("updated", "write", "truncate", "attributes_modified", "close_modified", "filewrite"),
        ("change", "modification"),
    ),
    **dict.fromkeys(("deleted", "unlink", "delete", "filedeletion", "rmdir"),
                    ("deletion", "deletion")),
    **dict.fromkeys(("moved_to", "moved_from", "rename", "filerename_newname"),
                    ("change", "rename")),
    **dict.fromkeys(("opened", "open", "accessed", "read"), ("access", "open")),
    "link": ("creation", "link"), "symlink": ("creation", "link"),
}  # fmt: skip
_USER_KINDS: Final = {
    # Types of audit records: https://github.com/linux-audit/audit-documentation
    1100: ("start", "authenticated"), 1101: ("info", "was-authorized"),
    1103: ("info", "acquired-credentials"), 1104: ("info", "disposed-credentials"),
    1105: ("start", "started-session"), 1106: ("end", "ended-session"),
    1112: ("start", "logged-in"), 1113: ("end", "logged-out"),
    1110: ("info", "refreshed-credentials"), 1123: ("info", "ran-command"),
}  # fmt: skip
_STATUSES: Final = {"succeeded": "success", "yes": "success", "failed": "failure"}
_TRANSPORTS: Final = {6: "tcp", 17: "udp", 132: "sctp"}


def _of_endpoint(found: Document, category: str, kind: tuple[str, str], outcome: str) -> None:
    """Says that an event is one that Elastic Defend has, too, and of which of its streams."""
    add(
        found,
        {
            "event": {
                "category": [category],
                "type": [kind[0]],
                "action": kind[1],
                "outcome": outcome,
            },
            "_index": f"logs-endpoint.events.{category}-default",
        },
    )


def _who(row: Object) -> Object:
    """The process that did it, and its user.

    As in Elastic Defend's events ``process.user`` is the effective user, ``real_user`` the other.
    """
    path = text_of(row.get("path"))
    real, effective = _identifier(row.get("uid")), _identifier(row.get("euid"))
    group, effective_group = _identifier(row.get("gid")), _identifier(row.get("egid"))
    return kept(
        {
            "process": kept(
                {
                    "pid": number_of(row.get("pid")),
                    "executable": path,
                    "name": re.split(r"[/\\]", path)[-1] if path else None,
                    "parent": kept({"pid": _parent(row)}),
                    "user": kept({"id": effective}),
                    "real_user": kept({"id": real}),
                    "saved_user": kept({"id": _identifier(row.get("suid"))}),
                    "group": kept({"id": effective_group}),
                    "real_group": kept({"id": group}),
                }
            ),
            "user": kept({"id": effective or real, "name": text_of(row.get("username"))}),
            "group": kept({"id": effective_group or group}),
        }
    )


def _parent(row: Object) -> int | None:
    for key in ("parent", "ppid"):
        number = number_of(row.get(key))
        if number is not None and number >= 0:
            return number
    return None


def _identifier(value: Any) -> str | None:
    number = number_of(value)
    return None if number is None else str(number)


def _process(row: Object, found: Document) -> None:
    event = text_of(row.get("event_type")) or text_of(row.get("syscall"))
    event = event or text_of(row.get("type")) or "exec"
    code = number_of(row.get("exit_code"))
    has_failed = "syscall" in row and code is not None and code < 0
    kind = _PROCESS_KINDS.get(event, ("start", "exec"))
    kind = ("info", kind[1]) if has_failed else kind
    _of_endpoint(found, "process", kind, "failure" if has_failed else "success")
    add(found, _who(row))
    line = (text_of(row.get("cmdline")) or "")[:_LONGEST]
    arguments = _arguments(row.get("json_cmdline")) or line.split()[:_MOST_ARGUMENTS]
    environment = text_of(row.get("env")) or text_of(row.get("environment")) or ""
    signed = number_of(row.get("platform_binary"))
    add(
        found,
        {
            "process": kept(
                {
                    "command_line": line,
                    "args": arguments,
                    "args_count": len(arguments) or None,
                    "working_directory": text_of(row.get("cwd")),
                    "exit_code": code if kind[0] == "end" else None,
                    # The rest of an environment is where secrets live.
                    "env_vars": _LOADER.findall(environment[:_LONGEST]),
                    "code_signature": kept(
                        {
                            "signing_id": text_of(row.get("signing_id")),
                            "team_id": text_of(row.get("team_id")),
                            "trusted": True if signed == 1 else None,
                        }
                    ),
                }
            )
        },
    )


def _arguments(value: Any) -> list[str]:
    """The arguments out of a column that holds them as JSON."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return []
    try:
        return texts_of(msgspec.json.decode(value))[:_MOST_ARGUMENTS]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []


def _socket(row: Object, found: Document) -> None:
    call = text_of(row.get("action")) or text_of(row.get("syscall")) or "connect"
    outcome = _STATUSES.get(text_of(row.get("status")) or "", "unknown")
    succeeded = flag_of(row.get("success"))
    if outcome == "unknown" and succeeded:
        outcome = "success"
    _of_endpoint(found, "network", _SOCKET_KINDS.get(call, ("info", call)), outcome)
    add(found, _who(row))
    local = kept({"ip": _address(row, "local"), "port": _port(row, "local")})
    remote = kept({"ip": _address(row, "remote"), "port": _port(row, "remote")})
    is_incoming = call.startswith("accept")
    transport = _TRANSPORTS.get(number_of(row.get("protocol")) or 0)
    sides = (remote, local) if is_incoming else (local, remote)
    add(found, ends(*sides, transport))
    if call == "connect" or is_incoming:
        found.setdefault("network", {})["direction"] = "ingress" if is_incoming else "egress"


def _address(row: Object, side: str) -> str | None:
    return address_of(row.get(f"{side}_address"))


def _port(row: Object, side: str) -> int | None:
    return port_of(row.get(f"{side}_port")) or None


def _file(row: Object, found: Document) -> None:
    done = row.get("action") or row.get("operation") or row.get("event_type")
    kind = _FILE_KINDS.get((text_of(done) or "").lower(), ("change", "modification"))
    _of_endpoint(found, "file", kind, "success")
    path = text_of(row.get("target_path")) or text_of(row.get("filename"))
    target = text_of(row.get("dest_filename")) or text_of(row.get("dest_path"))
    if "operation" in row and not path:
        # process_file_events: the process is under another name.
        path = text_of(row.get("path"))
        row = {**row, "path": row.get("executable")}
    if "target_path" not in row:
        add(found, _who(row))
    name = re.split(r"[/\\]", target or path or "")[-1]
    original = kept({"original": kept({"path": path})}) if target else {}
    add(
        found,
        {
            "file": kept(
                {
                    "path": target or path,
                    "name": name,
                    "extension": name.rpartition(".")[2] if "." in name.lstrip(".") else None,
                    "Ext": original,
                    "hash": kept({kind: text_of(row.get(kind)) for kind in _HASHES}),
                    **_attributes(row),
                }
            )
        },
    )


def _attributes(row: Object) -> Object:
    return {
        "size": number_of(row.get("size")),
        "inode": _identifier(row.get("inode")),
        "mode": text_of(row.get("mode")),
        "uid": _identifier(row.get("uid")),
        "gid": _identifier(row.get("gid")),
        "accessed": time_text(row.get("atime")),
        "mtime": time_text(row.get("mtime")),
        "ctime": time_text(row.get("ctime")),
    }


def _user(row: Object, found: Document) -> None:
    message = (text_of(row.get("message")) or "")[:_LONGEST]
    result, account = _RESULT.search(message), _ACCOUNT.search(message)
    outcome = "unknown"
    if result is not None:
        outcome = "success" if result[1] in ("success", "yes", "1") else "failure"
    kind = _USER_KINDS.get(number_of(row.get("type")) or 0, ("info", "user-event"))
    add(found, _who(row))
    address = address_of(row.get("address"))
    add(
        found,
        kept(
            {
                "event": {
                    "category": ["authentication"],
                    "type": [kind[0]],
                    "action": kind[1],
                    "outcome": outcome,
                },
                "user": kept({"name": account[1] if account else None}),
                "source": kept({"ip": address, "address": address}),
                "process": kept({"tty": kept({"name": text_of(row.get("terminal"))})}),
            }
        ),
    )


def _any(row: Object, found: Document) -> None:
    """What Elastic reads out of any query's columns: osquery's own table of files is meant."""
    directory, name = text_of(row.get("directory")), text_of(row.get("filename"))
    file = kept(
        {
            "path": text_of(row.get("path")),
            "directory": directory,
            "name": name,
            "type": text_of(row.get("type")),
            **_attributes(row),
        }
    )
    if "path" in file:
        found["file"] = file
    process = text_of(row.get("process"))
    add(found, kept({"process": kept({"name": process})}))


BUILDERS: Final[dict[str, Builder]] = {
    "any": _any,
    "file": _file,
    "process": _process,
    "socket": _socket,
    "user": _user,
}
"""By what the rows of a table tell of; ``any`` for tables that hold no events."""
