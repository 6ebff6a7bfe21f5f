"""What the machines of the made-up fleet do all day: programs, what they ask for, and how often."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tocsin.lab.fleet_machines import IMDS, Program

TOKEN = ("PUT", "/latest/api/token")
INSTANCE_ID = ("GET", "/latest/meta-data/instance-id")
ROLES = "/latest/meta-data/iam/security-credentials/"
AZURE_TOKEN = (
    "/metadata/identity/oauth2/token?api-version=2018-02-01"
    "&resource=https%3A%2F%2Fstorage.azure.com%2F"
)

UBUNTU_PYTHON = "/usr/bin/python3.12"
BOTO3 = (
    "Boto3/1.35.71 md/Botocore#1.35.71 ua/2.0 os/linux#6.8.0-1021-aws md/arch#x86_64 "
    "lang/python#3.12.3 md/pyimpl#CPython cfg/retry-mode#legacy"
)
GO_SDK = "aws-sdk-go/1.55.5 (go1.22.11; linux; amd64)"

SSHD = Program("/usr/sbin/sshd", ("sshd", "-D"))
CRON = Program("/usr/sbin/cron", ("/usr/sbin/cron", "-f", "-P"))
NODE_EXPORTER = Program(
    "/usr/bin/node_exporter", ("/usr/bin/node_exporter", "--collector.systemd"), "prometheus"
)
SSM_UBUNTU = Program(
    "/snap/amazon-ssm-agent/9881/amazon-ssm-agent",
    ("/snap/amazon-ssm-agent/9881/amazon-ssm-agent",),
    agent=f"{GO_SDK} amazon-ssm-agent/3.3.1611.0",
)
SSM_AMAZON = Program(
    "/usr/bin/amazon-ssm-agent",
    ("/usr/bin/amazon-ssm-agent",),
    agent=f"{GO_SDK} amazon-ssm-agent/3.3.1611.0",
)
SSM_WINDOWS = Program(
    "C:\\Program Files\\Amazon\\SSM\\amazon-ssm-agent.exe",
    ("C:\\Program Files\\Amazon\\SSM\\amazon-ssm-agent.exe",),
    "SYSTEM",
    "aws-sdk-go/1.55.5 (go1.22.11; windows; amd64) amazon-ssm-agent/3.3.1611.0",
)
SSM_WORKER = Program(
    "/snap/amazon-ssm-agent/9881/ssm-document-worker",
    ("/snap/amazon-ssm-agent/9881/ssm-document-worker", "7d3f2c1a-worker"),
)
CLOUDWATCH = Program(
    "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent",
    ("/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent", "-config", "/opt/agent.toml"),
    agent=f"{GO_SDK} CWAgent/1.300051.0",
)
CLOUD_INIT = Program(
    UBUNTU_PYTHON, ("/usr/bin/python3", "/usr/bin/cloud-init", "init"),
    agent="Cloud-Init/24.4-0ubuntu1~24.04.2",
)  # fmt: skip
GUNICORN = Program(
    UBUNTU_PYTHON,
    ("/srv/shop/venv/bin/python3", "/srv/shop/venv/bin/gunicorn", "shop.wsgi", "-w", "4"),
    "www-data",
    BOTO3,
)
NGINX = Program("/usr/sbin/nginx", ("nginx: worker process",), "www-data")
CELERY = Program(
    UBUNTU_PYTHON,
    ("/srv/queue/venv/bin/python3", "-m", "celery", "-A", "queue", "worker"),
    "app",
    BOTO3,
)
POSTGRES = Program(
    "/usr/lib/postgresql/16/bin/postgres",
    ("/usr/lib/postgresql/16/bin/postgres", "-D", "/var/lib/postgresql/16/main"),
    "postgres",
)
WAL_G = Program(
    "/usr/local/bin/wal-g", ("wal-g", "wal-push", "pg_wal/000000010000002A"), "postgres", GO_SDK
)
KUBELET = Program(
    "/usr/bin/kubelet",
    ("/usr/bin/kubelet", "--config", "/etc/kubernetes/kubelet/config.json"),
    agent="aws-sdk-go-v2/1.32.4 os/linux lang/go#1.22.9 md/GOOS#linux md/GOARCH#amd64",
)
CONTAINERD = Program("/usr/bin/containerd", ("/usr/bin/containerd",))
CNI = Program("/app/aws-k8s-agent", ("./aws-k8s-agent",), agent=f"{GO_SDK} amazon-vpc-cni-k8s")
POD_IDENTITY = Program(
    "/go-runner", ("/go-runner", "eks-pod-identity-agent", "server"),
    agent="aws-sdk-go-v2/1.32.4 os/linux lang/go#1.22.9 eks-pod-identity-agent",
)  # fmt: skip
ECR_PROVIDER = Program(
    "/etc/eks/image-credential-provider/ecr-credential-provider",
    ("/etc/eks/image-credential-provider/ecr-credential-provider",),
    agent="aws-sdk-go-v2/1.32.4 os/linux lang/go#1.22.9 md/GOOS#linux md/GOARCH#amd64",
)
POD_PYTHON = Program(
    "/usr/local/bin/python3.12", ("python3", "/app/report.py"), "app", BOTO3
)  # fmt: skip
ECS_AGENT = Program("/agent", ("/agent",), agent=f"{GO_SDK} amazon-ecs-agent/1.89.2")
ECS_TASK = Program("/usr/local/bin/node", ("node", "/app/server.js"), "app")
W3WP = Program(
    "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
    ("c:\\windows\\system32\\inetsrv\\w3wp.exe", "-ap", "Orders"),
    "Orders",
    "aws-sdk-dotnet-coreclr/3.7.402.24 aws-sdk-dotnet-core/3.7.402.24 .NET_Core/8.0.11 "
    "OS/Microsoft_Windows_10.0.20348",
)
SVCHOST = Program(
    "C:\\Windows\\System32\\svchost.exe",
    ("C:\\Windows\\system32\\svchost.exe", "-k", "netsvcs", "-p", "-s", "Schedule"),
    "SYSTEM",
)
GUEST_AGENT = Program(
    "/usr/bin/google_guest_agent", ("/usr/bin/google_guest_agent",), agent="Go-http-client/1.1"
)
GCP_APP = Program(
    UBUNTU_PYTHON, ("/srv/api/venv/bin/python3", "-m", "uvicorn", "api:app"), "app",
    "python-requests/2.32.3",
)  # fmt: skip
OPS_AGENT = Program(
    "/opt/google-cloud-ops-agent/subagents/opentelemetry-collector/otelopscol",
    ("/opt/google-cloud-ops-agent/subagents/opentelemetry-collector/otelopscol", "--config=a"),
    agent="gcloud-golang/0.1",
)
WAAGENT = Program(
    UBUNTU_PYTHON, ("/usr/bin/python3", "-u", "/usr/sbin/waagent", "-run-exthandlers"),
    agent="WALinuxAgent/2.12.0.2",
)  # fmt: skip
AZURE_APP = Program(
    "/opt/batch/bin/python3.11", ("/opt/batch/bin/python3.11", "-m", "batch.run"), "app",
    "azsdk-python-identity/1.19.0 Python/3.11.9 (Linux-6.8.0-1021-azure-x86_64)",
)  # fmt: skip


def curl(*args: str, user: str = "root") -> Program:
    """A run of curl."""
    return Program("/usr/bin/curl", ("curl", *args), user, "curl/8.5.0")


def role(name: str) -> list[tuple[str, str]]:
    """What an SDK asks for to get the keys of a role, with a session token."""
    return [TOKEN, ("GET", ROLES), ("GET", ROLES + name)]


class Habit(msgspec.Struct, frozen=True):
    """A service that does the same every so many minutes.

    Attributes:
        requests: what it asks of the metadata service; empty for plain connections.
        port: 443 for cloud interfaces.
    """

    program: Program
    every: float
    address: str
    requests: tuple[tuple[str, str], ...] = ()
    port: int = 443


def asks(
    program: Program, every: float, requests: Iterable[tuple[str, str]], address: str = IMDS,
    port: int = 80,
) -> Habit:  # fmt: skip
    """A habit of asking a metadata service."""
    return Habit(program, every, address, tuple(requests), port)


AWS_LINUX = (
    asks(CLOUDWATCH, 150, role("{role}")),
    Habit(CLOUDWATCH, 45, "192.0.2.21"),
)
HABITS: dict[str, tuple[Habit, ...]] = {
    "web": (
        asks(SSM_UBUNTU, 60, [TOKEN, INSTANCE_ID]), Habit(SSM_UBUNTU, 40, "192.0.2.20"),
        *AWS_LINUX,
        asks(GUNICORN, 110, role("{role}")),
        Habit(GUNICORN, 24, "10.20.3.17", port=5432), Habit(GUNICORN, 35, "192.0.2.30"),
    ),
    "worker": (
        asks(SSM_UBUNTU, 60, [TOKEN, INSTANCE_ID]), Habit(SSM_UBUNTU, 40, "192.0.2.20"),
        *AWS_LINUX,
        asks(CELERY, 110, role("{role}")),
        Habit(CELERY, 22, "192.0.2.33"), Habit(CELERY, 35, "192.0.2.30"),
    ),
    "bastion": (
        asks(SSM_UBUNTU, 40, [TOKEN, INSTANCE_ID]), Habit(SSM_UBUNTU, 52, "192.0.2.20"),
    ),
    "k8s-node": (
        asks(SSM_AMAZON, 40, [TOKEN, INSTANCE_ID]),
        asks(KUBELET, 60, [TOKEN, INSTANCE_ID]), Habit(KUBELET, 31, "10.20.0.2"),
        asks(CNI, 90, [TOKEN, ("GET", "/latest/meta-data/network/interfaces/macs/")]),
        asks(POD_IDENTITY, 120, role("{role}")),
        asks(POD_PYTHON, 55, [("GET", "/v1/credentials")], "169.254.170.23"),
        Habit(CONTAINERD, 78, "192.0.2.40"),
    ),
    "database": (
        asks(SSM_UBUNTU, 60, [TOKEN, INSTANCE_ID]), Habit(SSM_UBUNTU, 40, "192.0.2.20"),
        *AWS_LINUX,
    ),
    "ecs": (
        asks(SSM_AMAZON, 60, [TOKEN, INSTANCE_ID]), Habit(SSM_AMAZON, 26, "192.0.2.20"),
        asks(ECS_AGENT, 90, role("{role}")), Habit(ECS_AGENT, 16, "192.0.2.41"),
        asks(
            ECS_TASK, 50, [("GET", "/v2/credentials/4c2f5e1b-9d0a-4a5e-8a57-000000000017")],
            "169.254.170.2",
        ),
        Habit(ECS_TASK, 18, "192.0.2.33"),
    ),
    "windows": (
        asks(SSM_WINDOWS, 60, [TOKEN, INSTANCE_ID]), Habit(SSM_WINDOWS, 26, "192.0.2.20"),
        asks(W3WP, 110, role("{role}")), Habit(W3WP, 21, "10.20.3.17", port=5432),
        Habit(SVCHOST, 78, "192.0.2.50"),
    ),
    "gcp-api": (
        asks(
            GUEST_AGENT, 25,
            [("GET", "/computeMetadata/v1/?timeout_sec=60&alt=json&recursive=true")],
        ),
        asks(
            GCP_APP, 50, [("GET", "/computeMetadata/v1/instance/service-accounts/default/token")]
        ),
        Habit(GCP_APP, 18, "192.0.2.60"),
        asks(
            OPS_AGENT, 55,
            [("GET", "/computeMetadata/v1/instance/service-accounts/default/token?scopes=m")],
        ),
        Habit(OPS_AGENT, 26, "192.0.2.61"),
    ),
    "azure-batch": (
        asks(WAAGENT, 20, [("GET", "/machine/?comp=goalstate")], "168.63.129.16"),
        asks(WAAGENT, 60, [("GET", "/metadata/instance?api-version=2021-02-01")]),
        asks(
            AZURE_APP, 58,
            [("GET", AZURE_TOKEN)],
        ),
        Habit(AZURE_APP, 18, "192.0.2.70"),
    ),
}  # fmt: skip
ROLE_NAMES = {
    "web": "web-app-role", "worker": "queue-worker-role", "bastion": "bastion-ops-role",
    "k8s-node": "node-role", "database": "database-backup-role", "ecs": "ecs-instance-role",
    "windows": "orders-role",
}  # fmt: skip

Job = tuple[float, tuple[Program, ...], tuple[str, ...]]
"""Every so many minutes: programs that start one another, and files that the last one writes."""


def sh(line: str, user: str = "root") -> Program:
    """A shell with one line to run."""
    return Program("/usr/bin/dash", ("/bin/sh", "-c", line), user)


LINUX_JOBS: tuple[Job, ...] = (
    (120, (sh("cd / && run-parts --report /etc/cron.hourly"),
          Program("/usr/bin/run-parts", ("run-parts", "--report", "/etc/cron.hourly"))), ()),
    (180, (sh("command -v debian-sa1 > /dev/null && debian-sa1 1 1"),
          Program("/usr/lib/sysstat/sadc", ("/usr/lib/sysstat/sadc", "-F", "1", "1"))),
     ("/var/log/sysstat/sa14",)),
    (480, (Program("/usr/bin/apt-get", ("apt-get", "-qq", "-y", "update")),
           Program("/usr/lib/apt/methods/https", ("/usr/lib/apt/methods/https",), "_apt")),
     ("/var/lib/apt/lists/partial/archive.ubuntu.com_ubuntu_dists_noble_InRelease",
      "/var/cache/apt/pkgcache.bin")),
    (720, (Program("/usr/sbin/logrotate", ("/usr/sbin/logrotate", "/etc/logrotate.conf")),
           Program("/usr/bin/gzip", ("/usr/bin/gzip",))),
     ("/var/log/syslog.2.gz", "/var/log/auth.log.2.gz")),
)  # fmt: skip
JOBS: dict[str, tuple[Job, ...]] = {
    "web": (*LINUX_JOBS,
            (60, (sh("/srv/shop/bin/clear-sessions", "www-data"),
                  Program(UBUNTU_PYTHON, ("python3", "/srv/shop/bin/clear-sessions"), "www-data")),
             ("/srv/shop/var/sessions.lock",))),
    "worker": LINUX_JOBS,
    "k8s-node": (
        (36, (Program("/usr/bin/containerd-shim-runc-v2",
                      ("containerd-shim-runc-v2", "-namespace", "k8s.io", "start")),
              Program("/usr/sbin/runc", ("runc", "--root", "/run/containerd/runc/k8s.io", "exec")),
              Program("/bin/busybox", ("sh", "-c", "test -f /tmp/healthy"))), ()),
    ),
    "database": (*LINUX_JOBS,
                 (40, (Program("/usr/bin/pg_isready", ("pg_isready", "-q"), "postgres"),), ())),
    "ecs": ((40, (Program("/usr/bin/runc", ("runc", "exec", "healthcheck")),
                  Program("/bin/busybox", ("sh", "-c", "wget -q -O- localhost:8080/health"))),
             ()),),
    "windows": (
        (40, (Program("C:\\Windows\\System32\\taskhostw.exe", ("taskhostw.exe", "SYSTEM"),
                      "SYSTEM"),), ()),
        (60, (Program("C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
                      ("powershell.exe", "-NoProfile", "-File", "C:\\ops\\Rotate-Logs.ps1"),
                      "SYSTEM"),), ("C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex261114.zip",)),
    ),
    "gcp-api": LINUX_JOBS,
    "azure-batch": LINUX_JOBS,
    "bastion": LINUX_JOBS[:2],
}  # fmt: skip
