"""Which of osquery's tables of events a row is of, and which system it was on.

https://osquery.io/schema/ lists the tables and their columns.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tocsin.events.shapes._values import Object, text_of


class Table(NamedTuple):
    """A table of events.

    Attributes:
        name: in SQL.
        kind: what its rows tell of: which builder of `_osquery_ecs` reads them.
        system: the operating system that has it, as ``host.os.type``; empty: several have.
    """

    name: str
    kind: str
    system: str = ""


_TABLES: Final = (
    # A name that holds another stands before it.
    Table("es_process_file_events", "file", "macos"),
    Table("bpf_process_events", "process", "linux"),
    Table("es_process_events", "process", "macos"),
    Table("process_etw_events", "process", "windows"),
    Table("process_file_events", "file"),
    Table("process_events", "process"),
    Table("bpf_socket_events", "socket", "linux"),
    Table("socket_events", "socket"),
    Table("ntfs_journal_events", "file", "windows"),
    Table("file_events", "file"),
    Table("user_events", "user"),
)
_NAMED: Final = {table.name: table for table in _TABLES}
_NAME = re.compile("|".join(table.name for table in _TABLES))
_LONGEST_NAME: Final = 512

_BY_COLUMNS: Final = (
    # (columns that a row has all of, table): in the order in which they are asked.
    (("remote_address", "remote_port", "syscall"), "bpf_socket_events"),
    (("remote_address", "remote_port", "action"), "socket_events"),
    (("filename", "event_type", "seq_num"), "es_process_file_events"),
    (("cmdline", "event_type"), "es_process_events"),
    (("cmdline", "syscall", "ntime"), "bpf_process_events"),
    (("cmdline", "path", "auid"), "process_events"),
    (("target_path", "action"), "file_events"),
    (("message", "type", "terminal"), "user_events"),
)

_LINUX_COLUMNS: Final = ("syscall", "fsuid", "suid", "fsgid", "sgid", "ntime")
_STATUSES: Final = frozenset({"succeeded", "failed", "in_progress", "no_client", "yes", "no"})
_PLATFORM_KEYS: Final = ("platform", "os_platform", "host_platform", "platform_like", "os_type",
                         "os")  # fmt: skip
_PLATFORMS: Final = {
    "darwin": "macos", "macos": "macos", "windows": "windows",
    **dict.fromkeys(
        ("linux", "ubuntu", "debian", "rhel", "centos", "fedora", "amzn", "amazon", "sles", "suse",
         "opensuse", "arch", "alpine", "rocky", "almalinux", "ol", "oracle", "gentoo", "kali"),
        "linux",
    ),
}  # fmt: skip
_MAC_PLACES: Final = ("/Applications/", "/Library/", "/System/", "/Users/", "/Volumes/",
                      "/opt/homebrew/", "/private/")  # fmt: skip


def table_of(query: str, row: Object) -> Table | None:
    """The table of events that a query asked; None for any other.

    Args:
        query: its name, which is up to the user and often holds the table's.
        row: one of its rows.
    """
    for columns, name in _BY_COLUMNS:
        if all(column in row for column in columns):
            by_columns: Table | None = _NAMED[name]
            break
    else:
        by_columns = None
    found = _NAME.search(query[:_LONGEST_NAME].lower())
    named = _NAMED[found[0]] if found else None
    if named is None or (by_columns is not None and by_columns.kind != named.kind):
        return by_columns
    return named


def system_of(table: Table | None, row: Object, decorations: Object) -> str | None:
    """The operating system that a row comes from; None where nothing tells.

    Linux's audit alone names the system call of a process and the status of a socket's call; of a
    call to connect it leaves the local address empty, where macOS's has ``0``. Places such as
    ``/Applications`` are macOS's.
    """
    for key in _PLATFORM_KEYS:
        platform = (text_of(decorations.get(key)) or "").lower()
        if platform in _PLATFORMS:
            return _PLATFORMS[platform]
    if table is None:
        return None
    if table.system:
        return table.system
    if table.kind in ("process", "file") and any(row.get(column) for column in _LINUX_COLUMNS):
        return "linux"
    if table.kind == "socket" and (system := _system_of_socket(row)):
        return system
    if table.kind == "user" and row.get("type"):
        return "linux"
    path = text_of(row.get("path")) or text_of(row.get("target_path")) or ""
    if path.startswith(_MAC_PLACES):
        return "macos"
    return "windows" if path[1:3] == ":\\" else None


def _system_of_socket(row: Object) -> str | None:
    if text_of(row.get("status")) in _STATUSES:
        return "linux"
    local = row.get("local_address")
    if row.get("action") == "connect" and isinstance(local, str):
        return {"": "linux", "0": "macos"}.get(local)
    return None
