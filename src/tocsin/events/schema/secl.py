"""SECL's fields: what an expression may name, of which type, and in which events.

A table of fields is a `Fields`; `SECL_FIELDS` is Datadog's model (Agent 7.72, and the Windows
fields that public policies use). Objects that look alike are written once: a file, a process, and
a process with its parent and ancestors.

>>> SECL_FIELDS.kinds["open.file.path"].glob, SECL_FIELDS.kinds["open.file.path"].event
(True, 'open')
>>> SECL_FIELDS.kinds["process.ancestors.comm"].iterator
'process.ancestors'

Fields: https://docs.datadoghq.com/security/workload_protection/linux_expressions/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from tocsin.events.schema.secl_constants import CONSTANTS
from tocsin.logic.field_types import Scalar

FieldClass = Literal["string", "int", "bool", "ip"]

INDEXED: Final = 32
"""How many elements of an array an expression can name one by one (``exec.argv[0]``)."""


class FieldKind(msgspec.Struct, frozen=True):
    """What one field is.

    Attributes:
        type: of its values; times are ints, nanoseconds since the epoch.
        array: whether an event has any number of them.
        glob: patterns are path globs (`logic.path_globs`).
        path: its literals have to be clean, absolute paths, and no regular expressions.
        fold_case: texts and patterns ignore case (regular expressions do not).
        event: the one event type that has it; empty where several do.
        events: the event types that have it, where several but not all do.
        iterator: the array of objects that it belongs to: ``process.ancestors``.
        element_array: each object of the iterator has any number of values.
        indexed: its elements can be named: ``exec.argv[0]``.
        least: the smallest constant that it is compared with; None for any.
    """

    type: FieldClass = "string"
    array: bool = False
    glob: bool = False
    path: bool = False
    fold_case: bool = False
    event: str = ""
    events: tuple[str, ...] = ()
    iterator: str = ""
    element_array: bool = False
    indexed: bool = False
    least: int | None = None


class Fields(msgspec.Struct, frozen=True):
    """What the names in an expression may stand for.

    Attributes:
        kinds: the fields by name. Where none of them fixes an event type, expressions need none.
        constants: values by name, beside ``true`` and ``false``.
        prefix: what a field is called in documents: ``secl.`` and its name.
        aliases: old names of fields.
        variables: variables that are plain fields of the event, ``${process.pid}``.
        rule_tags: the field that holds the tags of the rule that looks; empty: there is none.
    """

    kinds: Mapping[str, FieldKind]
    constants: Mapping[str, Scalar] = {}
    prefix: str = "secl."
    aliases: Mapping[str, str] = {}
    variables: Mapping[str, str] = {}
    rule_tags: str = ""


# Tables: ``name:type``, a string where none is given; ``[]`` after the type for arrays. ``@name``
# stands for a file, ``+`` for a process, ``&name`` for one with its parent and ancestors.

_FILE = """
path:glob name extension inode:int mode:int rights:int uid:int gid:int user group filesystem
mount_id:int in_upper_layer:bool modification_time:int change_time:int mount_visible:bool
mount_detached:bool hashes:string[] package.name package.version package.release package.epoch:int
package.source_name package.source_version package.source_release package.source_epoch:int
metadata.type metadata.size:int metadata.is_executable:bool metadata.architecture metadata.abi
metadata.compression metadata.linkage metadata.is_upx_packed:bool
metadata.is_garble_obfuscated:bool device_path
"""
_PROCESS = """
pid:int ppid:int tid:int uid:int gid:int user group comm tty_name created_at:int
args argv:string[!] argv0 args_flags:string[] args_options:string[] args_truncated:bool
envs:string[] envp:string[] envs_truncated:bool cmdline:text user_sid
auid:int euid:int egid:int fsuid:int fsgid:int euser egroup fsuser fsgroup
cap_effective:int cap_permitted:int caps_attempted:int caps_used:int
is_exec:bool is_thread:bool is_kworker:bool mntns:int netns:int
container.id container.created_at:int cgroup.id cgroup.version:int cgroup.manager
cgroup.file.inode:int cgroup.file.mount_id:int
user_session.id user_session.session_type:int user_session.k8s_session_id user_session.k8s_uid
user_session.k8s_username user_session.k8s_groups:string[] user_session.ssh_session_id
user_session.ssh_username user_session.ssh_client_ip:ip user_session.ssh_client_port:int
user_session.ssh_auth_method:int user_session.ssh_public_key
@file @interpreter.file
"""
_ADDRESS = "addr.family:int addr.ip:ip addr.is_public:bool addr.port:int addr.hostname:string[]"
_NETWORK = """
source.ip:ip source.port:int source.is_public:bool destination.ip:ip destination.port:int
destination.is_public:bool device.ifname l3_protocol:int l4_protocol:int size:int
network_direction:int type:int
"""
_REGISTRY = "registry.key_name:text registry.key_path:text registry.value_name:text"

_ANY_EVENT = """
event.async:bool event.hostname event.origin event.os event.rule.tags:string[] event.service
event.signature event.source event.timestamp:int
container.id container.created_at:int container.tags:string[] container.runtime
cgroup.id cgroup.version:int cgroup.manager cgroup.file.inode:int cgroup.file.mount_id:int
&process
"""
_EVENTS: Final[Mapping[str, str]] = {
    "accept": f"{_ADDRESS} retval:int",
    "bind": f"{_ADDRESS} protocol:int retval:int",
    "bpf": """cmd:int map.name map.type:int prog.name prog.tag prog.type:int prog.attach_type:int
        prog.helpers:int[] retval:int""",
    "capabilities": "attempted:int used:int",
    "capset": "cap_effective:int cap_permitted:int",
    "cgroup_write": "pid:int @file",
    "chdir": "@file syscall.path retval:int",
    "chmod": """@file file.destination.mode:int file.destination.rights:int syscall.mode:int
        syscall.path retval:int""",
    "chown": """@file file.destination.uid:int file.destination.gid:int file.destination.user
        file.destination.group syscall.path syscall.uid:int syscall.gid:int retval:int""",
    "connect": f"{_ADDRESS} protocol:int retval:int",
    "dns": """id:int question.name:text question.type:int question.class:int question.length:int
        question.count:int response.code:int""",
    "exec": "syscall.path +",
    "exit": "cause:int code:int +",
    "imds": """type cloud_provider url host user_agent server aws.is_imds_v2:bool
        aws.security_credentials.type""",
    "link": "@file @file.destination syscall.path syscall.destination.path retval:int",
    "load_module": """@file name args argv:string[!] args_truncated:bool loaded_from_memory:bool
        retval:int""",
    "mkdir": "@file file.destination.mode:int file.destination.rights:int syscall.path retval:int",
    "mmap": "@file flags:int protection:int retval:int",
    "mount": """fs_type source.path mountpoint.path root.path syscall.fs_type syscall.source.path
        syscall.mountpoint.path detached:bool visible:bool retval:int""",
    "mprotect": "req_protection:int vm_protection:int retval:int",
    "network_flow_monitor": "flows.length:int",
    "open": """@file flags:int file.destination.mode:int syscall.path syscall.flags:int
        syscall.mode:int retval:int""",
    "packet": f"{_NETWORK} filter tls.version:int",
    "prctl": "option:int new_name is_name_truncated:bool retval:int",
    "ptrace": "request:int retval:int &tracee",
    "removexattr": "@file file.destination.name file.destination.namespace retval:int",
    "rename": "@file @file.destination syscall.path syscall.destination.path retval:int",
    "rmdir": "@file syscall.path retval:int",
    "selinux": "bool.name bool.state bool_commit.state:bool enforce.status",
    "setgid": "gid:int egid:int fsgid:int group egroup fsgroup",
    "setrlimit": "resource:int rlim_cur:int rlim_max:int retval:int &target",
    "setsockopt": """level:int optname:int socket_family:int socket_protocol:int socket_type:int
        filter_hash filter_instructions filter_len:int is_filter_truncated:bool
        used_immediates:int[] retval:int""",
    "setuid": "uid:int euid:int fsuid:int user euser fsuser",
    "setxattr": "@file file.destination.name file.destination.namespace retval:int",
    "signal": "type:int pid:int retval:int &target",
    "splice": "@file pipe_entry_flag:int pipe_exit_flag:int retval:int",
    "sysctl": """action:int name name_truncated:bool value value_truncated:bool old_value
        old_value_truncated:bool file_position:int""",
    "unlink": "@file flags:int syscall.dirfd:int syscall.path syscall.flags:int retval:int",
    "unload_module": "name retval:int",
    "utimes": "@file syscall.path retval:int",
    # Windows:
    "create": "@file",
    "write": "@file",
    "delete": "@file",
    "create_key": _REGISTRY,
    "open_key": _REGISTRY,
    "delete_key": _REGISTRY,
    "set": f"{_REGISTRY} registry.value_data value_data",
}
_FLOWS = """
device.ifname source.ip:ip source.port:int source.is_public:bool destination.ip:ip
destination.port:int destination.is_public:bool l3_protocol:int l4_protocol:int
ingress.packet_count:int ingress.data_size:int egress.packet_count:int egress.data_size:int
"""
_WINDOWS = frozenset({"create", "write", "delete"})
_WITH_NETWORK = ("dns", "imds", "packet")

FIM: Final = "fim.write.file."
"""Stands for a file of seven event types: whatever changes one."""


def _kind(text: str, event: str) -> FieldKind:
    name = text.removesuffix("[]").removesuffix("[!]")
    array = name != text
    return FieldKind(
        type="string" if name in {"", "glob", "text", "string"} else name,  # type: ignore[arg-type]
        array=array,
        glob=name == "glob",
        path=name == "glob" and event not in _WINDOWS,
        fold_case=name == "text" or event in _WINDOWS,
        event=event,
        element_array=array,
        indexed=text.endswith("[!]"),
    )


def _table(text: str, event: str, prefix: str = "") -> Iterator[tuple[str, FieldKind]]:
    """The fields of a table; ``event`` is the event type that they fix."""
    for row in text.split():
        if row.startswith("@"):
            yield from _table(_FILE, event, f"{prefix}{row[1:]}.")
        elif row.startswith("&"):
            yield from _family(f"{prefix}{row[1:]}.", event)
        elif row == "+":
            yield from _table(_PROCESS, event, prefix)
        else:
            name, _, kind = row.partition(":")
            yield prefix + name, _kind(kind, event)


def _family(prefix: str, event: str) -> Iterator[tuple[str, FieldKind]]:
    """A process, its parent, and its ancestors as an iterator."""
    yield from _table(_PROCESS, event, prefix)
    yield from _table(_PROCESS, event, f"{prefix}parent.")
    yield from _iterator(_PROCESS, event, f"{prefix}ancestors")


def _iterator(text: str, event: str, name: str) -> Iterator[tuple[str, FieldKind]]:
    yield f"{name}.length", FieldKind("int", event=event)
    for field, kind in _table(text, event, f"{name}."):
        yield field, msgspec.structs.replace(kind, array=True, iterator=name, indexed=False)


def _kinds() -> dict[str, FieldKind]:
    kinds = dict(_table(_ANY_EVENT, ""))
    for name, kind in _table(_NETWORK, "", "network."):
        kinds[name] = msgspec.structs.replace(kind, events=_WITH_NETWORK)
    for event, text in _EVENTS.items():
        kinds.update(_table(text, event, f"{event}."))
    flows = "network_flow_monitor.flows"
    kinds.update(_iterator(_FLOWS, "network_flow_monitor", flows))
    return kinds


_ALIASES: Final[Mapping[str, str]] = {
    # Names of the first agents: https://docs.datadoghq.com/security/workload_protection/
    "async": "event.async",
    **{
        f"{event}.{old}": f"{event}.{new}"
        for event in ("chmod", "chown", "mkdir", "open", "removexattr", "rmdir", "setxattr",
                      "unlink", "utimes", "exec", "process", "process.ancestors")
        for old, new in (("filename", "file.path"), ("basename", "file.name"),
                         ("inode", "file.inode"), ("container_path", "file.path"))
    },
    **{
        f"{event}.{old}": f"{event}.file.{new}"
        for event in ("link", "rename")
        for old, new in (
            ("source.filename", "path"), ("source.basename", "name"),
            ("target.filename", "destination.path"), ("target.basename", "destination.name"),
            ("old.filename", "path"), ("old.basename", "name"),
            ("new.filename", "destination.path"), ("new.basename", "destination.name"),
        )
    },
    "open.mode": "open.file.destination.mode",
    "chmod.mode": "chmod.file.destination.mode",
    "mkdir.mode": "mkdir.file.destination.mode",
    "exec.name": "exec.comm",
    "process.name": "process.comm",
}  # fmt: skip

SECL_FIELDS: Final = Fields(
    kinds=_kinds(),
    constants=CONSTANTS,
    aliases=_ALIASES,
    variables={"process.pid": "process.pid"},
    rule_tags="event.rule.tags",
)
"""Datadog's fields and constants."""


_UNSENT: Final = ("packet.filter", "cgroup.file.inode", "cgroup.file.mount_id")


def is_sent(name: str) -> bool:
    """Whether events say something of the field: the Agent keeps some to itself.

    >>> is_sent("open.file.inode"), is_sent("process.cgroup.file.inode"), is_sent("packet.filter")
    (True, False, False)
    """
    return not f".{name}".endswith(tuple(f".{unsent}" for unsent in _UNSENT))
