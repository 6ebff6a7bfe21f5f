"""What the sensors of the made-up fleet write: Elastic Defend, captured HTTP, Datadog CWS."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from tocsin.lab.fleet_machines import (
    IMDS,
    INIT,
    MIDNIGHT,
    REGIONS,
    USER_IDS,
    WINDOWS_INIT,
    Document,
    Host,
    Process,
    Program,
    ancestors,
    fleet,
    sha256,
)


def text(when: dt.datetime) -> str:
    """An instant as Elastic writes it, to the millisecond."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


class Day:
    """The events of the day as they are made, and the machines' counters behind them.

    Args:
        seed: the same seed makes the same day.
        hosts: how many machines.
    """

    def __init__(self, seed: int, hosts: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  (made-up events, not keys)
        self.hosts = fleet(hosts)
        self.endpoint: list[tuple[dt.datetime, Document]] = []
        self.http: list[tuple[dt.datetime, Document]] = []
        self.cws: list[tuple[dt.datetime, Document]] = []
        self._pids = {host.name: 600 + 7 * host.number for host in self.hosts}
        self._services: dict[tuple[str, Program], Process] = {}

    # -- processes

    def service(self, host: Host, program: Program) -> Process:
        """A process that has been running since before the day, one for each host and program."""
        key = (host.name, program)
        if key not in self._services:
            init = None
            if program.name not in {"systemd", "services.exe"}:
                init = self.service(host, WINDOWS_INIT if host.os == "windows" else INIT)
            started = MIDNIGHT - dt.timedelta(hours=9, minutes=host.number)
            pid = 1 if program == INIT else self._next_pid(host)
            self._services[key] = Process(host, program, pid, started, init)
        return self._services[key]

    def run(self, parent: Process, program: Program, when: dt.datetime, tty: str = "") -> Process:
        """Start a program, and tell the host's sensors."""
        process = Process(
            parent.host, program, self._next_pid(parent.host), when, parent, tty or parent.tty
        )
        if "endpoint" in parent.host.sensors:
            self._endpoint(process, when, "process", ["start"], "exec", {})
        if "cws" in parent.host.sensors:
            self._cws(process, when, "exec", "Process Activity", {"file": cws_file(program)})
        return process

    def end(self, process: Process, when: dt.datetime, code: int = 0) -> None:
        """A process ends."""
        if "endpoint" in process.host.sensors:
            extra = {"process": {"exit_code": code}}
            self._endpoint(process, when, "process", ["end"], "end", extra)

    def write(
        self, process: Process, when: dt.datetime, path: str, action: str = "creation"
    ) -> None:
        """A process creates or deletes a file."""
        kind = {"creation": "creation", "deletion": "deletion", "overwrite": "change"}[action]
        name = path.replace("\\", "/").rsplit("/", 1)[-1]
        file = {"name": name, "path": path, "extension": name.rpartition(".")[2]}
        self._endpoint(process, when, "file", [kind], action, {"file": file})

    # -- traffic

    def connect(
        self, process: Process, when: dt.datetime, address: str, port: int, inbound: bool = False
    ) -> int:
        """A connection from (or to) a process; the answer is the port at the other end."""
        local = self.random.randrange(32768, 60999)
        ours = {"address": process.host.ip, "ip": process.host.ip, "port": local}
        theirs = {"address": address, "ip": address, "port": port}
        if inbound:
            ours["port"], theirs["port"] = port, local
        source, destination = (theirs, ours) if inbound else (ours, theirs)
        action = "connection_accepted" if inbound else "connection_attempted"
        network = {
            "direction": "ingress" if inbound else "egress",
            "transport": "tcp",
            "type": "ipv6" if ":" in address else "ipv4",
        }
        if "endpoint" in process.host.sensors:
            extra = {"source": source, "destination": destination, "network": network}
            self._endpoint(process, when, "network", ["start"], action, extra)
        if "cws" in process.host.sensors and not inbound:
            addr = {"family": "AF_INET6" if ":" in address else "AF_INET", "ip": address,
                    "port": port}  # fmt: skip
            connect = {"addr": addr, "hostnames": [], "protocol": "IPPROTO_TCP"}
            self._cws(process, when, "connect", "Network Activity", {"connect": connect})
        return local

    def ask(
        self,
        process: Process,
        when: dt.datetime,
        requests: Sequence[tuple[str, str]],
        address: str = IMDS,
        port: int = 80,
        status: int = 200,
        key_id: str = "",
    ) -> None:
        """One connection to a metadata service, and the requests on it, some milliseconds apart."""
        local = self.connect(process, when, address, port)
        if "cws" in process.host.sensors and address == IMDS:
            self._cws_imds(process, when, requests, local, key_id)
        if "http" not in process.host.sensors:
            return
        for method, target in requests:
            when += dt.timedelta(milliseconds=self.random.randrange(2, 40))
            ends = (process.host.ip, local, address, port)
            self._http(process, when, method, target, ends, status)

    def visit(
        self, process: Process, when: dt.datetime, client: str, method: str, target: str,
        status: int = 200, agent: str = "",
    ) -> None:  # fmt: skip
        """A request of the outside world to a web server of the fleet."""
        ends = (client, self.random.randrange(20000, 65000), process.host.ip, 80)
        self._http(process, when, method, target, ends, status, agent, inbound=True)

    # -- the forms

    def _next_pid(self, host: Host) -> int:
        self._pids[host.name] += self.random.randrange(1, 9)
        return self._pids[host.name]

    def _endpoint(
        self,
        process: Process,
        when: dt.datetime,
        category: str,
        kind: list[str],
        action: str,
        extra: Document,
    ) -> None:
        dataset = f"endpoint.events.{category}"
        document = self._common(process.host, when, "endpoint", dataset, category, kind)
        document["event"]["action"] = action
        document["event"]["module"] = "endpoint"
        document["event"]["outcome"] = "unknown"
        document["message"] = f"Endpoint {category} event"
        document["process"] = described(process, whole=category == "process")
        document["user"] = user(process.program.user)
        for name, value in extra.items():
            if isinstance(document.get(name), dict):
                document[name].update(value)
            else:
                document[name] = value
        self.endpoint.append((when, document))

    def _http(
        self,
        process: Process,
        when: dt.datetime,
        method: str,
        target: str,
        ends: tuple[str, int, str, int],
        status: int,
        agent: str = "",
        inbound: bool = False,
    ) -> None:
        kind = ["connection", "protocol"]
        document = self._common(
            process.host, when, "packetbeat", "network_traffic.http", "network", kind
        )
        duration = self.random.randrange(1, 9) * 1_000_000
        path, _, query = target.partition("?")
        length = 40 + 7 * len(path)
        client: Document = {"ip": ends[0], "port": ends[1]}
        server: Document = {"ip": ends[2], "port": ends[3]}
        domain = "shop.example.com" if inbound else ends[2]
        url = {"scheme": "http", "domain": domain, "port": ends[3], "path": path,
               "full": f"http://{domain}{target}"}  # fmt: skip
        if query:
            url["query"] = query
        document["event"] |= {
            "module": "network_traffic", "start": text(when), "duration": duration,
            "end": text(when + dt.timedelta(microseconds=duration // 1000)),
        }  # fmt: skip
        document |= {
            "type": "http",
            "status": "OK" if status < 400 else "Error",
            "method": method.lower(),
            "query": f"{method} {path}",
            "source": client,
            "destination": server | {"domain": domain},
            "network": {
                "direction": "ingress" if inbound
                else "egress", "protocol": "http", "transport": "tcp", "type": "ipv4",
            },
            "http": {
                "version": "1.1",
                "request": {"method": method},
                "response": {
                    "status_code": status, "body": {"bytes": length},
                    "status_phrase": {200: "ok", 401: "unauthorized", 404: "not found"}[status],
                },
            },
            "url": url,
            "process": described(process, whole=False)
            | {"args": list(process.program.args)},
        }  # fmt: skip
        if agent or process.program.agent:
            document["user_agent"] = {"original": agent or process.program.agent}
        self.http.append((when, document))

    def _common(
        self,
        host: Host,
        when: dt.datetime,
        agent: str,
        dataset: str,
        category: str,
        kind: list[str],
    ) -> Document:
        ingested = when + dt.timedelta(seconds=self.random.randrange(2, 7))
        return {
            "@timestamp": text(when),
            "agent": {
                "id": f"5d0c7a52-8f6e-4b7a-9a11-{host.number:012x}", "type": agent,
                "version": "9.2.1",
            },
            "cloud": {
                "provider": host.cloud, "region": REGIONS[host.cloud],
                "instance": {"id": host.instance},
            },
            "data_stream": {"type": "logs", "dataset": dataset, "namespace": "default"},
            "ecs": {"version": "8.17.0"},
            "event": {
                "kind": "event", "category": [category], "type": kind, "dataset": dataset,
                "created": text(when), "ingested": text(ingested),
            },
            "host": {
                "id": host.id, "name": host.name, "hostname": host.name,
                "architecture": "x86_64", "ip": [host.ip, "127.0.0.1"],
                "os": host.system,
            },
        }  # fmt: skip

    def _cws(
        self, process: Process, when: dt.datetime, name: str, category: str, extra: Document
    ) -> None:
        rule, title = {
            "exec": ("fleet_exec", "A process was started"),
            "connect": ("fleet_connect", "A process opened a connection"),
            "imds": ("fleet_imds", "A process talked to the metadata service"),
        }[name]
        chain = list(ancestors(process))
        whole = cws_process(process) | {"ancestors": [cws_process(one) for one in chain]}
        if chain:
            whole["parent"] = cws_process(chain[0])
        document: Document = {
            "agent": {
                "rule_id": rule, "policy_name": "fleet.policy", "policy_version": "1.4.0",
                "version": "7.72.0", "os": "linux", "arch": "x64", "origin": "ebpf",
                "kernel_version": process.host.system["kernel"].split()[0],
                "distribution": process.host.os,
            },
            "title": title,
            "evt": {"name": name, "category": category, "outcome": "Success"},
            "date": text(when),
            "host": {"id": process.host.id, "name": process.host.name},
            "process": whole,
            "usr": {"id": process.program.user, "group": process.program.user},
            "cgroup": {"id": cgroup(process)},
        }  # fmt: skip
        self.cws.append((when, document | extra))

    def _cws_imds(
        self,
        process: Process,
        when: dt.datetime,
        requests: Sequence[tuple[str, str]],
        local: int,
        key_id: str,
    ) -> None:
        ours, theirs = {"ip": process.host.ip, "port": local}, {"ip": IMDS, "port": 80}
        network = {
            "device": {"netns": 4026531840, "ifindex": 2, "ifname": "ens5"},
            "l3_protocol": "IP_PROTO_IP", "l4_protocol": "IP_PROTO_TCP",
            "source": ours, "destination": theirs, "size": 214,
            "network_direction": "EGRESS", "type": "tcp",
        }  # fmt: skip
        for _, target in requests:
            when += dt.timedelta(milliseconds=self.random.randrange(2, 30))
            imds: Document = {
                "type": "request", "cloud_provider": "aws", "url": target, "host": IMDS,
                "user_agent": process.program.agent, "aws": {"is_imds_v2": True},
            }  # fmt: skip
            extra = {"imds": imds, "network": network}
            self._cws(process, when, "imds", "Network Activity", extra)
        if key_id:
            when += dt.timedelta(milliseconds=3)
            credentials = {
                "code": "Success", "type": "AWS-HMAC", "access_key_id": key_id,
                "last_updated": text(when - dt.timedelta(minutes=31)),
                "expiration": text(when + dt.timedelta(hours=5, minutes=44)),
            }  # fmt: skip
            answer = {"type": "response", "cloud_provider": "aws", "server": "EC2ws",
                      "aws": {"is_imds_v2": True, "security_credentials": credentials}}  # fmt: skip
            back = network | {"source": theirs, "destination": ours, "size": 1480,
                              "network_direction": "INGRESS"}  # fmt: skip
            extra = {"imds": answer, "network": back}
            self._cws(process, when, "imds", "Network Activity", extra)


def user(name: str) -> Document:
    """The ``user`` object of an account."""
    return {"id": USER_IDS.get(name, "S-1-5-18"), "name": name}


def described(process: Process, whole: bool) -> Document:
    """The ``process`` object of an Elastic event; ``whole`` as process events have it."""
    program = process.program
    brief: Document = {
        "entity_id": process.entity_id,
        "executable": program.executable,
        "name": program.name,
        "pid": process.pid,
    }
    first, parent = list(ancestors(process)), process.parent
    if parent is not None:
        brief["parent"] = {"entity_id": parent.entity_id, "pid": parent.pid}
        brief["entry_leader"] = {"entity_id": first[-1].entity_id, "pid": first[-1].pid}
    if not whole:
        return brief
    brief |= {
        "args": list(program.args),
        "args_count": len(program.args),
        "command_line": " ".join(program.args),
        "hash": {"sha256": sha256(program.executable)},
        "interactive": bool(process.tty),
        "start": text(process.started),
        "working_directory": "C:\\Windows\\system32\\" if ":" in program.executable[:2] else "/",
    }
    if ":" in program.executable[:2]:
        brief["code_signature"] = {
            "exists": True, "status": "trusted", "trusted": True,
            "subject_name": "Microsoft Windows",
        }  # fmt: skip
    if parent is not None:
        brief["parent"] |= {
            "args": list(parent.program.args),
            "command_line": " ".join(parent.program.args),
            "executable": parent.program.executable,
            "name": parent.program.name,
        }
    return brief


def cgroup(process: Process) -> str:
    """A systemd slice for a process: the session of a person, or a service."""
    if process.tty or process.program.user in {"ops", "deploy"}:
        return "/user.slice/user-1002.slice/session-41.scope"
    return f"/system.slice/{process.program.name}.service"


def cws_file(program: Program) -> Document:
    """A program's file as Datadog describes it."""
    return {
        "path": program.executable, "name": program.name, "mode": 33261, "mount_id": 26,
        "inode": 20000 + int(sha256(program.executable)[:4], 16), "filesystem": "ext4",
        "uid": 0, "gid": 0, "user": "root", "group": "root",
        "modification_time": "2026-08-13T10:00:00.000Z",
        "change_time": "2026-08-13T10:00:00.000Z",
        "mount_path": "/", "mount_visible": True, "mount_detached": False,
    }  # fmt: skip


def cws_process(process: Process) -> Document:
    """A process as Datadog describes it, without its ancestors."""
    program, started = process.program, process.started
    uid = int(USER_IDS.get(program.user, "0"))
    person = uid in {1002, 1003}
    first = program.args[0].removeprefix("#!")  # a script: comm is its name, not the shell's
    comm = program.name if first.startswith("-") or process.pid == 1 else first.rsplit("/", 1)[-1]
    document: Document = {
        "pid": process.pid, "ppid": process.parent.pid if process.parent else 0,
        "tid": process.pid, "uid": uid, "gid": uid, "user": program.user, "group": program.user,
        "comm": comm[:15],
        "fork_time": text(started - dt.timedelta(milliseconds=4)), "exec_time": text(started),
        "credentials": {
            "uid": uid, "user": program.user, "gid": uid, "group": program.user,
            "euid": uid, "euser": program.user, "egid": uid, "egroup": program.user,
            "auid": uid if person else 4294967295,
            "cap_effective": [] if uid else ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETUID"],
            "cap_permitted": [] if uid else ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETUID"],
        },
        "executable": cws_file(program),
        "cgroup": {"id": cgroup(process)},
        "argv0": first, "source": "event",
    }  # fmt: skip
    if len(program.args) > 1:
        document["args"] = list(program.args[1:])
    if process.tty:
        document["tty"] = process.tty
    return document
