"""The machines of the made-up fleet, and the programs that run on them."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

Document = dict[str, Any]

MIDNIGHT = dt.datetime(2026, 11, 14, tzinfo=dt.UTC)
IMDS = "169.254.169.254"


class Program(msgspec.Struct, frozen=True):
    """A program as it is installed and started on a host.

    Attributes:
        executable: its file.
        args: the arguments as started, the program's own name first.
        user: who runs it.
        agent: the user agent of its HTTP requests; empty where it sends none.
    """

    executable: str
    args: tuple[str, ...]
    user: str = "root"
    agent: str = ""

    @property
    def name(self) -> str:
        """The last part of the executable's path, on either kind of system."""
        return self.executable.replace("\\", "/").rsplit("/", 1)[-1]


class Host(msgspec.Struct, frozen=True):
    """A machine of the fleet.

    Attributes:
        sensors: which of ``endpoint``, ``http``, ``cws`` run on it.
    """

    name: str
    role: str
    cloud: str
    os: str
    number: int
    sensors: frozenset[str]

    @property
    def id(self) -> str:
        """A machine id, always the same for one number."""
        return f"ec2d4b6f8a1c4e07b3957d20c81f{self.number:04x}"

    @property
    def instance(self) -> str:
        """Its name in its cloud."""
        return f"i-0{self.id[-16:]}" if self.cloud == "aws" else f"73510248196{self.number:08d}"

    @property
    def system(self) -> Document:
        """The ``host.os`` object; Ubuntu has a kernel for each cloud."""
        known = OPERATING_SYSTEMS[self.os]
        return known | {"kernel": known["kernel"].replace("-aws", f"-{self.cloud}")}

    @property
    def ip(self) -> str:
        """Its address in the private network of its cloud."""
        return f"10.{ {'aws': 20, 'gcp': 132, 'azure': 64}[self.cloud] }.3.{self.number + 10}"


class Process(msgspec.Struct, frozen=True):
    """A program that runs: where, since when, and started by what."""

    host: Host
    program: Program
    pid: int
    started: dt.datetime
    parent: Process | None = None
    tty: str = ""

    @property
    def entity_id(self) -> str:
        """The sensor's name for this run of the program."""
        minute = int((self.started - MIDNIGHT).total_seconds()) // 60
        key = f"fleetday-{self.host.number:03d}-{self.pid:06d}-{minute:05d}"
        return base64.b64encode(key.encode()).decode()


def ancestors(process: Process) -> Iterator[Process]:
    """The parent, its parent and so on."""
    parent = process.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def sha256(path: str) -> str:
    """A hash for a file that does not exist."""
    return hashlib.sha256(f"file:{path}".encode()).hexdigest()


# name, cloud, os, sensors; those that the story needs come first, so that --hosts 3 still tells it
ROLES_OF_HOSTS: tuple[tuple[str, str, str, str], ...] = (
    ("web", "aws", "ubuntu", "endpoint http"),
    ("worker", "aws", "ubuntu", "endpoint http"),
    ("bastion", "aws", "ubuntu", "cws"),
    ("web", "aws", "ubuntu", "endpoint http"),
    ("worker", "aws", "ubuntu", "endpoint http"),
    ("k8s-node", "aws", "amazon", "cws"),
    ("k8s-node", "aws", "amazon", "endpoint http"),
    ("database", "aws", "ubuntu", "endpoint http"),
    ("ecs", "aws", "amazon", "endpoint http"),
    ("windows", "aws", "windows", "endpoint http"),
    ("gcp-api", "gcp", "ubuntu", "endpoint http"),
    ("azure-batch", "azure", "ubuntu", "endpoint http"),
)

OPERATING_SYSTEMS: dict[str, Document] = {
    "ubuntu": {
        "family": "debian", "kernel": "6.8.0-1021-aws #23-Ubuntu SMP", "name": "Linux",
        "platform": "ubuntu", "type": "linux", "version": "24.04.1",
        "full": "Ubuntu 24.04.1", "Ext": {"variant": "Ubuntu"},
    },
    "amazon": {
        "family": "redhat", "kernel": "6.1.119-129.201.amzn2023.x86_64 #1 SMP", "name": "Linux",
        "platform": "amzn", "type": "linux", "version": "2023.6.20241212",
        "full": "Amazon Linux 2023.6", "Ext": {"variant": "Amazon Linux"},
    },
    "windows": {
        "family": "windows", "kernel": "2022 (10.0.20348.2849)", "name": "Windows",
        "platform": "windows", "type": "windows", "version": "2022 (10.0.20348.2849)",
        "full": "Windows Server 2022 Datacenter 21H2", "Ext": {"variant": "Windows Server 2022"},
    },
}  # fmt: skip
USER_IDS = {"root": "0", "www-data": "33", "postgres": "114", "app": "1001", "ops": "1002",
            "deploy": "1003", "prometheus": "115"}  # fmt: skip
REGIONS = {"aws": "eu-central-1", "gcp": "europe-west3", "azure": "germanywestcentral"}


def fleet(hosts: int) -> list[Host]:
    """The first so many machines; beyond the twelfth the roles begin again."""
    found: list[Host] = []
    count: dict[str, int] = {}
    for number in range(hosts):
        role, cloud, system, sensors = ROLES_OF_HOSTS[number % len(ROLES_OF_HOSTS)]
        count[role] = count.get(role, 0) + 1
        name = f"{role}-{count[role]:02d}"
        found.append(Host(name, role, cloud, system, number, frozenset(sensors.split())))
    return found


INIT = Program("/usr/lib/systemd/systemd", ("/sbin/init",))
WINDOWS_INIT = Program(
    "C:\\Windows\\System32\\services.exe", ("C:\\Windows\\System32\\services.exe",), "SYSTEM"
)
