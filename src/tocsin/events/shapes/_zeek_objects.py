"""Builders of `_zeek_ecs` for what is no connection and no request: files, logins, notices.

Each gets the entry, the document so far and the entry's part of it under ``zeek``.
"""

from __future__ import annotations

import re
from typing import Final

from tocsin.events.record import Document
from tocsin.events.shapes._traffic import add, distinguished
from tocsin.events.shapes._traffic_values import (
    address_of,
    flag_of,
    number_of,
    port_of,
    texts_of,
    time_text,
)
from tocsin.events.shapes._values import Object, kept, text_of
from tocsin.events.shapes._zeek_logs import field_of

_HASHES: Final = ("md5", "sha1", "sha256")
_VERSION = re.compile(r"(TLS|SSL|DTLS)v(\d)(\d?)\Z", re.ASCII)


def ssl(entry: Document, found: Document, own: Object) -> None:
    """A TLS handshake."""
    name = text_of(entry.get("server_name"))
    version = _VERSION.match(text_of(entry.get("version")) or "")
    fingerprint = text_of(entry.get("resp_certificate_sha1"))
    own["server"] = kept({"name": name})
    server: Object = kept(
        {
            "subject": text_of(entry.get("subject")),
            "issuer": text_of(entry.get("issuer")),
            "ja3s": text_of(entry.get("ja3s")),
            "not_before": time_text(entry.get("not_valid_before")),
            "not_after": time_text(entry.get("not_valid_after")),
            "hash": kept({"sha1": fingerprint.upper() if fingerprint else None}),
            "x509": _x509_names(entry, "subject", "issuer"),
        }
    )
    client: Object = kept(
        {
            "server_name": name,
            "ja3": text_of(entry.get("ja3")),
            "subject": text_of(entry.get("client_subject")),
            "issuer": text_of(entry.get("client_issuer")),
            "x509": _x509_names(entry, "client_subject", "client_issuer"),
        }
    )
    add(
        found,
        kept(
            {
                "tls": kept(
                    {
                        "cipher": text_of(entry.get("cipher")),
                        "curve": text_of(entry.get("curve")),
                        "established": flag_of(entry.get("established")),
                        "resumed": flag_of(entry.get("resumed")),
                        "next_protocol": text_of(entry.get("next_protocol")),
                        "version": f"{version[2]}.{version[3] or 0}" if version else None,
                        "version_protocol": version[1].lower() if version else None,
                        "server": server,
                        "client": client,
                    }
                ),
                "destination": kept({"domain": name}),
            }
        ),
    )


def _x509_names(entry: Document, subject: str, issuer: str) -> Object:
    return kept(
        {
            "subject": distinguished(text_of(field_of(entry, subject))),
            "issuer": distinguished(text_of(field_of(entry, issuer))),
        }
    )


def x509(entry: Document, found: Document, own: Object) -> None:
    """A certificate."""
    serial = text_of(field_of(entry, "certificate.serial"))
    names = _x509_names(entry, "certificate.subject", "certificate.issuer")
    more = {
        "serial_number": serial,
        "not_before": time_text(field_of(entry, "certificate.not_valid_before")),
        "not_after": time_text(field_of(entry, "certificate.not_valid_after")),
        "alternative_names": texts_of(field_of(entry, "san.dns")),
    }
    add(found, {"file": {"x509": kept(names | more)}})


def files(entry: Document, found: Document, own: Object) -> None:
    """A file that was transferred."""
    sessions = texts_of(entry.get("conn_uids")) or texts_of(entry.get("uid"))
    if sessions:
        own["session_ids"] = sessions
        found["zeek"]["session_id"] = found["event"]["id"] = sessions[0]
    name = text_of(entry.get("filename"))
    sides = {}
    for side, key in (("server", "tx_hosts"), ("client", "rx_hosts")):
        hosts = [ip for host in texts_of(entry.get(key)) if (ip := address_of(host))]
        sides[side] = kept({"ip": hosts[0] if hosts else None})
    add(
        found,
        kept(
            {
                "file": kept(
                    {
                        "name": name,
                        "mime_type": text_of(entry.get("mime_type")),
                        "size": number_of(entry.get("total_bytes")),
                        "extension": _extension(name),
                        "hash": kept({kind: text_of(entry.get(kind)) for kind in _HASHES}),
                    }
                ),
                **sides,
            }
        ),
    )


def _extension(name: str | None) -> str | None:
    return name.rpartition(".")[2] if name and "." in name.lstrip(".") else None


def smb_files(entry: Document, found: Document, own: Object) -> None:
    """What was done with a file of a share."""
    path, name = text_of(entry.get("path")), text_of(entry.get("name"))
    action = text_of(entry.get("action"))
    if action:
        found["event"]["action"] = action
    add(
        found,
        {
            "file": kept(
                {
                    "name": name,
                    "path": f"{path}\\{name}" if path and name else path,
                    "size": number_of(entry.get("size")),
                    "extension": _extension(name),
                    "accessed": time_text(field_of(entry, "times.accessed")),
                    "created": time_text(field_of(entry, "times.created")),
                    "ctime": time_text(field_of(entry, "times.changed")),
                    "mtime": time_text(field_of(entry, "times.modified")),
                }
            )
        },
    )


def notice(entry: Document, found: Document, own: Object) -> None:
    """What Zeek thinks somebody should look at."""
    found["event"]["kind"] = "alert"
    dropped = flag_of(entry.get("dropped"))
    if dropped is not None:
        found["event"]["type"].append("denied" if dropped else "allowed")
    source, destination = found.setdefault("source", {}), found.setdefault("destination", {})
    for side, key in ((source, "src"), (destination, "dst")):
        ip = address_of(entry.get(key))
        if ip and "ip" not in side:
            side["ip"] = side["address"] = ip
    port = port_of(entry.get("p"))
    if port is not None:
        destination.setdefault("port", port)
    note, message = text_of(entry.get("note")), text_of(entry.get("msg"))
    add(found, kept({"rule": kept({"name": note, "description": message}), "message": message}))


def ssh(entry: Document, found: Document, own: Object) -> None:
    """An SSH connection and whether its login succeeded."""
    success = flag_of(entry.get("auth_success"))
    outcome = "unknown" if success is None else "success" if success else "failure"
    found["event"]["outcome"] = outcome


def kerberos(entry: Document, found: Document, own: Object) -> None:
    """A Kerberos ticket asked for."""
    success = flag_of(entry.get("success"))
    if success is not None:
        found["event"]["outcome"] = "success" if success else "failure"
    client = text_of(entry.get("client"))
    if client:
        name, _, domain = client.partition("/")
        found["user"] = kept({"name": name, "domain": domain})


def ntlm(entry: Document, found: Document, own: Object) -> None:
    """An NTLM login."""
    success = flag_of(entry.get("success"))
    if success is not None:
        found["event"]["outcome"] = "success" if success else "failure"
    user, domain = text_of(entry.get("username")), text_of(entry.get("domainname"))
    add(found, kept({"user": kept({"name": user, "domain": domain})}))
