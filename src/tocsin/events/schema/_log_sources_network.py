"""Sigma's log sources of the network: web servers, proxies, DNS, firewalls, Zeek, appliances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin.events.schema._log_sources_rows import Alternative, Row, dataset, names

Table = Mapping[tuple[str, str, str], Row]

_WEB: Final = names("""
    c-ip source.ip
    c-uri url.original url.full
    c-uri-extension url.extension
    c-uri-query url.query
    c-uri-stem url.path
    c-useragent user_agent.original
    cs-bytes http.request.bytes
    cs-content-type http.request.mime_type
    cs-cookie http.request.headers.cookie
    cs-host url.domain destination.domain
    cs-method http.request.method
    cs-referer http.request.referrer
    cs-referrer http.request.referrer
    cs-uri url.original url.full
    cs-uri-query url.query url.original
    cs-uri-stem url.path
    cs-user-agent user_agent.original
    cs-username user.name
    cs-version http.version
    dst_ip destination.ip
    dst_port destination.port
    r-dns url.domain destination.domain
    s-ip destination.ip
    s-port destination.port
    sc-bytes http.response.bytes
    sc-status http.response.status_code
    src_ip source.ip
    src_port source.port
""")
"""In W3C's names. Rules ask ``cs-uri-query`` for paths as well: it is the whole address besides."""

_CAPTURED: Final = ("pcap", "zeek", "suricata", "tshark")
_REQUESTS: Final[tuple[Alternative, ...]] = (
    (("http.request.method", ("*",)), ("event.category", ("network", "web"))),
    dataset("apache.access", "nginx.access", "iis.access", "traefik.access", "haproxy.log"),
)
_PROXIES: Final[tuple[Alternative, ...]] = (
    *_REQUESTS,
    (("url.original", ("*",)), ("event.category", ("network", "web"))),
    dataset("squid.log", "zscaler_zia.web", "bluecoat.director", "cisco_umbrella.log"),
)
_NETWORK: Final = names("""
    action event.action
    application network.protocol
    dst_ip destination.ip
    dst_port destination.port
    protocol network.transport
    src_ip source.ip
    src_port source.port
    username user.name
""")
_LINES: Final = ("message", "event.original")


def _zeek(*logs: str) -> Table:
    """Zeek keeps its own names below its log's."""
    return {
        ("", "zeek", log): Row(
            (dataset(f"zeek.{called}"),),
            _ZEEK_NAMES,
            prefixes=(f"zeek.{called}.",),
            keywords=(f"zeek.{called}.*",),
            fed_by=("zeek",),
        )
        for log in logs
        for called in (_ZEEK_LOGS.get(log, log),)
    }


_ZEEK_LOGS: Final = {"conn": "connection", "signatures": "signature"}
_ZEEK_NAMES: Final = names("""
    c-uri url.original
    c-useragent user_agent.original
""")


def _appliance(module: str, *datasets: str, row: Row | None = None) -> Row:
    """A device whose logs an integration of Elastic's takes apart."""
    base = Row() if row is None else row
    return Row(
        ((("event.module", (module,)),), dataset(*(datasets or (f"{module}.*",)))),
        base.names,
        prefixes=base.prefixes,
        keywords=_LINES,
        note=f"events of Elastic's integration {module} are seen",
    )


def _application(*called: str) -> Row:
    """The log of a program that is nobody's in particular."""
    patterns = tuple(pattern for name in called for pattern in (name, f"{name}.*"))
    return Row(
        (
            (("event.dataset", patterns),),
            (("event.module", called),),
            (("service.type", called),),
            (("service.name", called),),
            (("labels.application", called),),
        ),
        keywords=(*_LINES, "error.message", "error.stack_trace"),
        note="events are seen whose event.dataset, event.module or service.type is "
        + " or ".join(called),
    )


NETWORK: Final[Table] = {
    ("webserver", "", ""): Row(
        _REQUESTS, _WEB, keywords=(*_LINES, "url.*", "http.*"), fed_by=_CAPTURED
    ),
    ("proxy", "", ""): Row(_PROXIES, _WEB, keywords=(*_LINES, "url.*", "http.*"), fed_by=_CAPTURED),
    ("dns", "", ""): Row(
        ((("dns.question.name", ("*",)),),),
        names("""
            answer dns.answers.data dns.resolved_ip
            query dns.question.name
            record_type dns.question.type
            src_ip source.ip
            dst_ip destination.ip
        """),
        fed_by=("zeek", "suricata", "tshark", "windows_event"),
    ),
    ("firewall", "", ""): Row(
        (
            (("observer.type", ("firewall", "idps")),),
            (("event.module", ("cisco_*", "fortinet*", "panw", "checkpoint", "sophos", "pfsense",
                               "iptables", "juniper_srx", "sonicwall_firewall", "zeek",
                               "suricata")),
             ("event.category", ("network",))),
        ),
        {**_NETWORK, **names("blocked event.blocked")},
        fed_by=("zeek", "suricata"),
    ),
    ("", "", "netflow"): Row(
        (
            dataset("netflow.log", "zeek.connection", "network_traffic.flow"),
            (("suricata.eve.event_type", ("flow",)),),
        ),
        fed_by=("zeek", "suricata"),
    ),
    ("", "", "apache"): Row(
        (dataset("apache.*"), (("event.module", ("apache",)),)),
        _WEB,
        keywords=_LINES,
        note="events of Elastic's integration apache are seen",
    ),
    ("", "", "nginx"): Row(
        (dataset("nginx.*"), (("event.module", ("nginx",)),)),
        _WEB,
        keywords=_LINES,
        note="events of Elastic's integration nginx are seen",
    ),
    ("database", "", ""): Row(
        (
            (("event.category", ("database",)),),
            (("event.module", ("mysql", "mysql_enterprise", "postgresql", "microsoft_sqlserver",
                               "mongodb", "oracle")),),
        ),
        keywords=(*_LINES, "mysql.*", "postgresql.*", "zeek.mysql.*"),
        note="events of Elastic's integrations for databases are seen",
    ),
    **_zeek(
        "conn", "dce_rpc", "dns", "files", "ftp", "http", "kerberos", "notice", "ntlm", "rdp",
        "signatures", "smb_files", "smb_mapping", "smtp", "software", "ssh", "ssl", "weird", "x509",
    ),
    ("", "fortigate", "event"): _appliance(
        "fortinet_fortigate",
        "fortinet_fortigate.log",
        "fortinet.firewall",
        row=Row(prefixes=("fortinet.firewall.",)),
    ),
    ("", "fortios", "sslvpnd"): _appliance(
        "fortinet_fortigate", "fortinet_fortigate.log", "fortinet.firewall"
    ),
    ("", "paloalto", "globalprotect"): _appliance(
        "panw", "panw.panos", row=Row(names=names("TargetFilename file.path panw.panos.file.path"))
    ),
    ("", "cisco", "aaa"): _appliance("cisco_ios", "cisco_ios.log", "cisco.ios"),
    ("", "cisco", "bgp"): _appliance("cisco_ios", "cisco_ios.log", "cisco.ios"),
    ("", "cisco", "ldp"): _appliance("cisco_ios", "cisco_ios.log", "cisco.ios"),
    ("", "cisco", "syslog"): _appliance("cisco_ios", "cisco_ios.log", "cisco.ios"),
    ("", "huawei", "bgp"): _appliance("huawei"),
    ("", "juniper", "bgp"): _appliance("juniper_junos", "juniper.junos", "juniper_srx.log"),
    ("application", "jvm", ""): _application("jvm", "java", "tomcat"),
    ("application", "spring", ""): _application("spring", "java"),
    ("application", "velocity", ""): _application("velocity", "java"),
    ("application", "python", ""): _application("python"),
    ("application", "django", ""): _application("django", "python"),
    ("application", "nodejs", ""): _application("nodejs", "node"),
    ("application", "ruby_on_rails", ""): _application("ruby_on_rails", "rails", "ruby"),
}  # fmt: skip
