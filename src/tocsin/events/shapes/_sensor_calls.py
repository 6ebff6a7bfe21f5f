"""What a system call that a sensor saw means, in the words of Elastic Defend's events.

Rows are ``action category:type[,type] calls…``; ``-`` for no action of its own.

>>> call_of("execve").action, call_of("connect").secl, call_of("futex").categories
('exec', 'connect', ('process',))
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec


class Call(msgspec.Struct, frozen=True):
    """A system call.

    Attributes:
        name: its name.
        action: ``event.action``; empty where the call's name has to do.
        categories: ``event.category``.
        types: ``event.type``.
        secl: SECL's name of the event, of those that are made here: ``exec``, ``connect``.
    """

    name: str
    action: str
    categories: tuple[str, ...]
    types: tuple[str, ...]
    secl: str = ""


_CALLS: Final = """
exec process:start execve execveat spawned_process
fork process:start clone clone3 fork vfork
end process:end exit exit_group procexit
connection_attempted network:connection,start connect
connection_accepted network:connection,start accept accept4
disconnect_received network:connection,end shutdown
- network:start listen bind
- network:connection,info send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg
open file:access open openat openat2 open_by_handle_at
creation file:creation creat mkdir mkdirat mknod mknodat symlink symlinkat link linkat
rename file:change rename renameat renameat2
deletion file:deletion unlink unlinkat rmdir
modification file:change truncate ftruncate write pwrite pwrite64 writev
permission_change file:change chmod fchmod fchmodat fchmodat2
owner_change file:change chown fchown fchownat lchown
extended_attributes_change file:change setxattr fsetxattr lsetxattr
extended_attributes_delete file:change removexattr fremovexattr lremovexattr
mount file:change mount umount umount2
load_module driver:start init_module finit_module
unload_module driver:end delete_module
uid_change process:change setuid setreuid setresuid setfsuid
gid_change process:change setgid setregid setresgid setfsgid
"""


def _rows(text: str) -> Iterator[tuple[str, Call]]:
    for row in text.strip().splitlines():
        action, kind, *names = row.split()
        categories, _, types = kind.partition(":")
        secl = {"exec": "exec", "connection_attempted": "connect"}.get(action, "")
        for name in names:
            yield name, Call(
                name, action.removeprefix("-"), tuple(categories.split(",")),
                tuple(types.split(",")), secl,
            )  # fmt: skip


_BY_NAME: Final = dict(_rows(_CALLS))


def call_of(name: str) -> Call:
    """What a call means; one without a row is something about a process."""
    return _BY_NAME.get(name) or Call(name, "", ("process",), ("info",))
