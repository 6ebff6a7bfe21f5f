"""Sigma's log sources of hosts: what processes, files and users do on Linux, macOS and Windows.

Events are known by ECS, whoever saw them: Elastic's endpoint agent, auditd, or a sensor of another
vendor that a shape of ours reads. Log files are known by their program, data set or path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin.events.schema._log_sources_rows import (
    Alternative,
    Condition,
    Row,
    dataset,
    host_event,
    names,
)

Table = Mapping[tuple[str, str, str], Row]

_PROCESS: Final = names("""
    CommandLine process.command_line
    Company process.pe.company
    CurrentDirectory process.working_directory
    Description process.pe.description
    FileVersion process.pe.file_version
    Image process.executable
    Initiated network.direction
    LogonId process.entry_leader.entity_id
    OriginalFileName process.pe.original_file_name
    ParentCommandLine process.parent.command_line
    ParentImage process.parent.executable
    ParentProcessGuid process.parent.entity_id
    ParentProcessId process.parent.pid
    ParentUser process.parent.user.name
    ProcessGuid process.entity_id
    ProcessId process.pid
    Product process.pe.product
    User user.name process.user.name
    md5 process.hash.md5
    sha1 process.hash.sha1
    sha256 process.hash.sha256
""")
_FILE: Final = {
    **_PROCESS,
    **names("""
    SourceFilename file.Ext.original.path
    TargetFilename file.path
"""),
}
_NETWORK: Final = {
    **_PROCESS,
    **names("""
    DestinationHostname destination.domain
    DestinationIp destination.ip
    DestinationPort destination.port
    Protocol network.transport
    QueryName dns.question.name
    SourceHostname source.domain
    SourceIp source.ip
    SourcePort source.port
"""),
}

_SENSORS: Final = ("datadog_cws", "auditd", "falco", "osquery", "tetragon", "tracee")
_AGENTS: Final = ("ecs",)
_LINES: Final = ("message", "event.original")
_LINUX_LINES: Final = (*_LINES, "process.command_line")


def _of_hosts(category: str, event: str, *types: str) -> Table:
    """A category of Sigma's on Linux and on macOS."""
    table = _NETWORK if event == "network" else _FILE if event == "file" else _PROCESS
    return {
        (category, system, ""): Row(
            (host_event(system, event, *types),),
            table,
            keywords=_LINUX_LINES,
            fed_by=(*_SENSORS, *_AGENTS) if system == "linux" else _AGENTS,
        )
        for system in ("linux", "macos")
    }


def _program(*called: str, files: tuple[str, ...] = (), row: Row | None = None) -> Row:
    """A log that one program writes, known by the program or by the path of its own file."""
    found: tuple[Alternative, ...] = (
        (("process.name", called),),
        (("log.syslog.appname", called),),
    )
    if files:
        found += ((("log.file.path", files),),)
    return Row(
        found,
        {} if row is None else row.names,
        keywords=_LINES,
        note="events of Elastic's system, journald and custom log integrations are seen",
    )


_LOGS: Final = "events of Elastic's system and journald integrations are seen"

HOSTS: Final[Table] = {
    **_of_hosts("process_creation", "process", "start"),
    **_of_hosts("process_termination", "process", "end"),
    **_of_hosts("file_event", "file", "creation"),
    **_of_hosts("file_delete", "file", "deletion"),
    **_of_hosts("file_access", "file", "access"),
    **_of_hosts("network_connection", "network", "start", "connection"),
    **_of_hosts("dns_query", "network", "protocol", "info"),
    # One record of a log line each: what belongs to one event is one document here.
    ("", "linux", "auditd"): Row(
        ((("auditd.record.type", ("*",)),),),
        keywords=("^.auditd.record.*",),
        nested="auditd.record",
        fed_by=("auditd",),
    ),
    ("", "linux", ""): Row(
        (
            (("host.os.type", ("linux",)),),
            dataset("system.auth", "system.syslog"),
            (("log.file.path", ("/var/log/*",)),),
        ),
        _PROCESS,
        keywords=_LINUX_LINES,
        fed_by=_SENSORS,
    ),
    ("", "linux", "auth"): Row(
        (
            dataset("system.auth"),
            (("log.file.path", ("*/auth.log*", "*/secure*")),),
            (("log.syslog.facility.name", ("auth", "authpriv", "security*")),),
            (("process.name", ("sshd", "sudo", "su", "pkexec", "login", "useradd", "usermod")),
             ("message", ("*",))),
        ),
        keywords=_LINES,
        note=_LOGS,
    ),
    ("", "linux", "syslog"): Row(
        (
            dataset("system.syslog"),
            (("log.file.path", ("*/syslog*", "*/messages*")),),
            (("log.syslog.priority", ("*",)),),
        ),
        keywords=_LINES,
        note=_LOGS,
    ),
    ("", "linux", "sshd"): _program("sshd", "sshd-session", "sshd-auth"),
    ("", "linux", "cron"): _program("cron", "crond", "crontab", "anacron", files=("*/cron*",)),
    ("", "linux", "sudo"): _program(
        "sudo",
        row=Row(
            names=names("""
                COMMAND system.auth.sudo.command
                PWD system.auth.sudo.pwd
                TTY system.auth.sudo.tty
                USER system.auth.sudo.user
            """)
        ),
    ),
    ("", "linux", "vsftpd"): _program("vsftpd", files=("*/vsftpd*", "*/xferlog*")),
    ("", "linux", "clamav"): _program(
        "clamd", "clamscan", "clamdscan", "freshclam", files=("*/clamav/*", "*/clamd*")
    ),
    ("", "linux", "guacamole"): _program("guacd", "guacamole", files=("*guacamole*", "*/guacd*")),
    ("antivirus", "", ""): Row(
        (
            (("winlog.channel", ("Microsoft-Windows-Windows Defender/Operational",)),
             ("event.code", ("1006", "1007", "1008", "1015", "1116", "1117", "1118", "1119"))),
            (("event.category", ("malware",)),),
        ),
        names("""
            Filename winlog.event_data.Path file.path
            Signature winlog.event_data.Threat_Name winlog.event_data.ThreatName rule.name
            User winlog.event_data.Detection_User user.name
            Action winlog.event_data.Action_Name event.action
        """),
        fed_by=("windows_event",),
    ),
}  # fmt: skip


# --- Windows ------------------------------------------------------------------------------------


def _agent(category: str, *types: str, action: str = "") -> tuple[Alternative, ...]:
    """Events of agents: event logs have these categories for more than Sigma means."""
    acted: Alternative = (("event.action", (action,)),) if action else ()
    return ((*host_event("windows", category, *types), *acted, _NO_LOG),)


_NO_LOG: Final[Condition] = ("winlog.channel", ())

WINDOWS_IN_ECS: Final[Mapping[str, tuple[Alternative, ...]]] = {
    "process_creation": _agent("process", "start"),
    "process_termination": _agent("process", "end"),
    "file_event": _agent("file", "creation"),
    "file_delete": _agent("file", "deletion"),
    "file_rename": _agent("file", "change", action="rename"),
    "file_access": _agent("file", "access"),
    "network_connection": _agent("network", "start", "connection"),
    "dns_query": ((("host.os.type", ("windows",)), ("dns.question.name", ("*",)), _NO_LOG),),
    "image_load": _agent("library"),
    "driver_load": _agent("driver", "start"),
    "registry_event": _agent("registry"),
    "registry_set": _agent("registry", "change"),
    "registry_add": _agent("registry", "creation"),
    "registry_delete": _agent("registry", "deletion"),
}
"""Sigma's categories on Windows in documents that came from no event log."""

WINDOWS_NAMES_IN_ECS: Final[Mapping[str, Mapping[str, str]]] = {
    "image_load": {
        "ImageLoaded": "dll.path",
        "OriginalFileName": "dll.pe.original_file_name",
        "Signature": "dll.code_signature.subject_name",
        "Signed": "dll.code_signature.exists",
    },
    "driver_load": {"ImageLoaded": "dll.path"},
    "registry_set": {"Details": "registry.data.strings"},
    "registry_event": {"Details": "registry.data.strings"},
    "file_rename": {"SourceFilename": "file.Ext.original.path"},
    "process_creation": {
        "IntegrityLevel": "process.Ext.token.integrity_level_name",
        "User": "user.name",
    },
}
"""What the endpoint agent calls things that Windows' logs call otherwise."""
