"""What a vendor's field is called in ECS, so that rules of two vendors can be compared.

Elastic's languages use ECS as it is. SECL names a field after its event type (``open.file.path``),
which says nothing about what stands in it: that prefix goes, and what is left is looked up in
`SECL`. A field that ECS has no name for keeps its vendor's name in a namespace of its own, so that
it never looks like the same thing as another vendor's.

>>> canonical_field("exec.file.name", "secl"), canonical_field("open.file.path", "secl")
('process.name', 'file.path')
>>> canonical_field("open.flags", "secl"), canonical_field("process.name", "eql")
('secl:open.flags', 'process.name')

The names are for counting and for people. They are no promise that two fields read alike: SECL's
``process.comm`` is cut after 15 bytes, ECS's ``process.name`` is not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

PROCESS: Final[dict[str, str]] = {
    "file.path": "process.executable",
    "file.name": "process.name",
    "comm": "process.name",
    "args": "process.args",
    "argv": "process.args",
    "cmdline": "process.command_line",
    "envs": "process.env_vars",
    "pid": "process.pid",
    "ppid": "process.parent.pid",
    "uid": "user.id",
    "user": "user.name",
    "gid": "group.id",
    "group": "group.name",
    "container.id": "container.id",
    "parent.file.path": "process.parent.executable",
    "parent.file.name": "process.parent.name",
    "parent.comm": "process.parent.name",
    "parent.args": "process.parent.args",
    "parent.argv": "process.parent.args",
    "parent.cmdline": "process.parent.command_line",
    "parent.envs": "process.parent.env_vars",
    "parent.pid": "process.parent.pid",
}
"""SECL's fields of a process, without the ``process.`` or ``exec.`` in front of them."""

SECL: Final[dict[str, str]] = {
    **{f"process.{name}": ecs for name, ecs in PROCESS.items()},
    **{f"exec.{name}": ecs for name, ecs in PROCESS.items()},
    "container.id": "container.id",
    "connect.addr.ip": "destination.ip",
    "connect.addr.port": "destination.port",
    "connect.addr.hostname": "destination.domain",
    "accept.addr.ip": "source.ip",
    "accept.addr.port": "source.port",
    "network.destination.ip": "destination.ip",
    "network.destination.port": "destination.port",
    "network.source.ip": "source.ip",
    "network.source.port": "source.port",
    "dns.question.name": "dns.question.name",
    "imds.url": "url.original",
    "imds.host": "url.domain",
    "imds.user_agent": "user_agent.original",
    "load_module.file.path": "dll.path",
    "load_module.file.name": "dll.name",
    "rename.file.path": "file.Ext.original.path",
    "rename.file.name": "file.Ext.original.name",
    "set.registry.key_path": "registry.path",
    "set_key_value.registry.key_path": "registry.path",
}
"""SECL's fields by their whole name; `FILE_EVENTS` adds those of files."""

FILE_EVENTS: Final = frozenset({
    "chmod", "chown", "create", "fim.write", "link", "mkdir", "open", "removexattr", "rename",
    "rmdir", "setxattr", "unlink", "utimes", "write",
})  # fmt: skip
"""Event types whose ``file`` is the file that something was done to."""

FILE: Final[dict[str, str]] = {
    "file.path": "file.path",
    "file.name": "file.name",
    "file.extension": "file.extension",
    # What a file is called after a rename or as a link: ECS's file.path.
    "file.destination.path": "file.path",
    "file.destination.name": "file.name",
}

_INDEX = re.compile(r"\[[^\]]*\]")


@lru_cache(maxsize=65_536)
def canonical_field(name: str, language: str) -> str:
    """The ECS name of a field as a rule of the language spells it.

    >>> canonical_field("process.ancestors[A].file.name", "secl")
    'secl:process.ancestors.file.name'
    >>> canonical_field("?process.name", "eql")
    'process.name'
    """
    name = _INDEX.sub("", name.removeprefix("?"))
    if language != "secl":
        return name
    known = SECL.get(name)
    if known is not None:
        return known
    event, _, rest = name.partition(".file.")
    if event in FILE_EVENTS and f"file.{rest}" in FILE:
        return FILE[f"file.{rest}"]
    return f"secl:{name}"


NAMES_OF_PATHS: Final[dict[str, str]] = {
    "process.executable": "process.name",
    "process.parent.executable": "process.parent.name",
    "file.path": "file.name",
    "dll.path": "dll.name",
}
"""Fields that hold a path, and the field that holds its last part."""
