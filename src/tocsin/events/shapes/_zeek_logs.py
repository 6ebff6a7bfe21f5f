"""Zeek's logs: what each is called by Elastic, what it is about, and how to know it unnamed.

A log's name stands in ``_path``; where it does not (Zeek's own JSON writer leaves it out), the
fields of an entry tell. The categories and types are those that Elastic's Zeek integration gives:
https://www.elastic.co/docs/reference/integrations/zeek
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from tocsin.events.record import Document


class Log(NamedTuple):
    """What every entry of a log is.

    Attributes:
        name: below ``zeek.`` and in ``event.dataset``.
        category: ``event.category``.
        type: ``event.type``.
        transport: ``network.transport``, where the entry does not say it.
        protocol: ``network.protocol``.
    """

    name: str
    category: tuple[str, ...] = ("network",)
    type: tuple[str, ...] = ("info",)
    transport: str = ""
    protocol: str = ""


_SPOKEN: Final = ("connection", "protocol", "info")
_LOGIN: Final = ("network", "authentication")


def _protocol(name: str, transport: str = "", category: tuple[str, ...] = ("network",)) -> Log:
    return Log(name, category, _SPOKEN, transport, name)


LOGS: Final[dict[str, Log]] = {
    "conn": Log("connection", ("network",), ("connection",)),
    "dns": _protocol("dns"),
    "files": Log("files", ("file",)),
    "http": Log("http", ("network", "web"), _SPOKEN, "tcp", "http"),
    "intel": Log("intel", ("threat",), ("indicator",)),
    "kerberos": Log("kerberos", _LOGIN, _SPOKEN, "", "kerberos"),
    "notice": Log("notice", ("intrusion_detection",)),
    "pe": Log("pe", ("file",)),
    "rdp": Log("rdp", ("network",), ("protocol", "info"), "tcp", "rdp"),
    "signatures": Log("signature", ("intrusion_detection",)),
    "smb_cmd": Log("smb_cmd", ("network",), ("connection", "protocol"), "tcp", "smb"),
    "smb_files": Log("smb_files", ("network", "file"), ("connection", "protocol"), "tcp", "smb"),
    "smb_mapping": Log("smb_mapping", ("network",), ("connection", "protocol"), "tcp", "smb"),
    "ssl": Log("ssl", ("network",), ("connection", "protocol"), "tcp", "tls"),
    "traceroute": Log("traceroute"),
    "tunnel": Log("tunnel", ("network",), ("connection",)),
    "weird": Log("weird"),
    "x509": Log("x509"),
    **{name: _protocol(name, "tcp") for name in (
        "dce_rpc", "ftp", "irc", "modbus", "mysql", "rfb", "smtp", "socks", "telnet", "ldap",
    )},
    **{name: _protocol(name, "tcp", _LOGIN) for name in ("ntlm", "ssh")},
    **{name: _protocol(name, "udp") for name in ("dhcp", "ntp", "sip", "snmp", "syslog")},
    "radius": _protocol("radius", "udp", _LOGIN),
    **{name: Log(name, ("host",)) for name in (
        "known_certs", "known_hosts", "known_services", "software",
    )},
    **{name: Log(name, ("network",)) for name in ("capture_loss", "dpd", "ocsp", "stats")},
}  # fmt: skip

_ALIASES: Final = {"conn_long": "conn", "http2": "http", "signature": "signatures",
                   "analyzer": "dpd", "bro_stats": "stats"}  # fmt: skip

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z", re.ASCII)

_TELLING: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    # (log, fields of which any is enough): in the order in which they are asked.
    ("conn", ("conn_state", "orig_ip_bytes")),
    ("smtp", ("mailfrom", "rcptto", "helo")),
    ("sip", ("call_id", "response_path")),
    ("http", ("trans_depth", "request_body_len", "resp_mime_types")),
    ("dns", ("qtype", "qtype_name", "rcode_name", "TTLs")),
    ("kerberos", ("request_type", "renewable")),
    ("ssl", ("cipher", "server_name", "cert_chain_fuids", "cert_chain_fps", "validation_status")),
    ("notice", ("note", "suppress_for")),
    ("files", ("tx_hosts", "rx_hosts", "analyzers", "seen_bytes")),
    ("x509", ("certificate.serial", "certificate.subject", "certificate.version")),
    ("ntlm", ("domainname", "server_nb_computer_name")),
    ("dce_rpc", ("named_pipe", "operation")),
    ("smb_mapping", ("share_type",)),
    ("smb_cmd", ("command", "sub_command")),
    ("smb_files", ("times.modified", "times.created", "prev_name")),
    ("rdp", ("security_protocol", "keyboard_layout", "client_build")),
    ("ssh", ("auth_attempts", "auth_success", "kex_alg", "host_key_alg")),
    ("ftp", ("reply_code", "data_channel.resp_h")),
    ("dhcp", ("msg_types", "lease_time")),
    ("snmp", ("get_requests", "community")),
    ("software", ("software_type",)),
    ("weird", ("peer",)),
    ("tunnel", ("tunnel_type",)),
    ("intel", ("seen.indicator",)),
    ("radius", ("framed_addr",)),
)


def log_of(document: Document) -> str:
    """Which of Zeek's logs an entry is of; empty where nobody can tell."""
    path = document.get("_path")
    if isinstance(path, str) and _NAME.match(path):
        name = path.removesuffix("_red")  # Corelight's shortened logs
        return _ALIASES.get(name, name)
    action = document.get("action")
    if isinstance(action, str) and action.startswith("SMB::"):
        return "smb_files"
    for log, fields in _TELLING:
        if any(field in document for field in fields):
            if log == "smb_cmd" and "reply_code" in document:
                return "ftp"
            return log
    return ""


def about(log: str) -> Log:
    """What is known of a log; of one that nobody knows, its name."""
    return LOGS.get(log) or Log(log.lower() or "unknown")


def field_of(document: Document, name: str) -> Any:
    """A field of an entry, whether its dots are part of the key or stand for objects.

    >>> field_of({"id.orig_h": "192.0.2.7"}, "id.orig_h") == field_of(
    ...     {"id": {"orig_h": "192.0.2.7"}}, "id.orig_h")
    True
    """
    value = document.get(name)
    if value is None and "." in name:
        first, _, rest = name.partition(".")
        inner = document.get(first)
        return inner.get(rest) if isinstance(inner, dict) else None
    return value
