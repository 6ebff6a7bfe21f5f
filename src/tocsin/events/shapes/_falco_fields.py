"""Falco's output fields, each read as what it has to be, and the processes that they describe.

* Falco writes arguments as one text; they are taken apart at spaces, which an argument with a
  space in it does not survive.
* ``proc.tty`` is a device number: 34816 is ``pts0``, 0 no terminal.
"""

from __future__ import annotations

import re
from typing import Final

from tocsin.events.shapes._cws_values import bool_of
from tocsin.events.shapes._secl_events import UNSET, Process
from tocsin.events.shapes._sensor_ecs import integer, utc
from tocsin.events.shapes._values import Object

SECRET: Final = re.compile(
    r"(?:proc\.a?env|evt\.(?:raw)?arg\.(?:env|data)|evt\.buffer|evt\.args|evt\.info)\b"
)
"""Fields with the environment, or with what was read or written."""

_NOTHING: Final = frozenset({"", "<NA>", "N/A", "<nil>"})
_MOST_ANCESTORS: Final = 20
_PTY: Final = range(136, 144)


class Said:
    """The output fields, each read as what it has to be.

    Args:
        fields: by their names.
    """

    def __init__(self, fields: Object) -> None:
        self.fields = fields
        self.has_secrets = any(SECRET.match(name) for name in fields)

    def text(self, *names: str) -> str | None:
        """The first of some fields that has a value."""
        for name in names:
            value = self.fields.get(name)
            if isinstance(value, str) and value not in _NOTHING:
                return value
        return None

    def number(self, *names: str) -> int | None:
        """The same, of numbers and their texts."""
        return next(
            (n for n in (integer(self.fields.get(m)) for m in names) if n is not None), None
        )

    def flag(self, name: str) -> bool | None:
        """A truth value, or the text of one."""
        value = self.fields.get(name)
        return (
            {"true": True, "false": False}.get(value) if isinstance(value, str) else bool_of(value)
        )


def process_of(said: Said) -> Process:
    tty = said.number("proc.tty")
    auid = said.number("user.loginuid")
    return Process(
        pid=said.number("proc.pid"),
        parent_pid=said.number("proc.ppid"),
        tid=said.number("thread.tid"),
        comm=said.text("proc.name"),
        path=said.text("proc.exepath"),
        argv0=said.text("proc.exe"),
        arguments=_arguments(said),
        command_line=said.text("proc.cmdline", "proc.exeline"),
        directory=said.text("proc.cwd"),
        tty=terminal(tty) if tty else None,
        interactive=None if tty is None else tty != 0,
        start=utc(said.number("proc.pid.ts")),
        uid=said.number("user.uid"),
        gid=said.number("group.gid"),
        auid=UNSET if auid == -1 else auid,
        user=said.text("user.name"),
        group=said.text("group.name"),
        capabilities=(said.text("thread.cap_effective") or "").split(),
        inode=said.number("proc.exe_ino"),
    )


def _arguments(said: Said) -> list[str]:
    """What came behind the program's name."""
    text = said.text("proc.args")
    if text is None:
        line = said.text("proc.cmdline", "proc.exeline") or ""
        for name in (said.text("proc.name"), said.text("proc.exe")):
            if name and line.startswith(f"{name} "):
                return line[len(name) + 1 :].split(" ")
        return line.split(" ")[1:]
    return text.split(" ")


def terminal(device: int) -> str:
    """The name of a terminal by its device number.

    >>> terminal(34816), terminal(1025), terminal(1088)
    ('pts0', 'tty1', 'ttyS0')
    """
    major, minor = (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)
    if major in _PTY:
        return f"pts{(major - _PTY.start) * 256 + minor}"
    if major == 4:
        return f"tty{minor}" if minor < 64 else f"ttyS{minor - 64}"
    if major == 5 and minor == 1:
        return "console"
    return f"tty{major}:{minor}"


def ancestors_of(said: Said) -> list[Process]:
    """From the parent on, as far as the fields go without a gap."""
    line = said.text("proc.pcmdline", "proc.acmdline[1]")
    name = said.text("proc.pname", "proc.aname[1]")
    path = said.text("proc.pexepath", "proc.aexepath[1]")
    first = _ancestor(name, path, line, said.text("proc.pexe", "proc.aexe[1]"))
    first.pid = said.number("proc.ppid", "proc.apid[1]")
    first.start = utc(said.number("proc.ppid.ts"))
    found = [first] if name or path or line else []
    for place in range(2, _MOST_ANCESTORS) if found else ():
        name, path = said.text(f"proc.aname[{place}]"), said.text(f"proc.aexepath[{place}]")
        line = said.text(f"proc.acmdline[{place}]")
        if not (name or path or line):
            break
        further = _ancestor(name, path, line, said.text(f"proc.aexe[{place}]"))
        further.pid = said.number(f"proc.apid[{place}]")
        found.append(further)
    return found


def _ancestor(name: str | None, path: str | None, line: str | None, argv0: str | None) -> Process:
    arguments = line.split(" ")[1:] if line else []
    if line and name and line.startswith(f"{name} "):
        arguments = line[len(name) + 1 :].split(" ")
    return Process(comm=name, path=path, argv0=argv0, arguments=arguments, command_line=line)
