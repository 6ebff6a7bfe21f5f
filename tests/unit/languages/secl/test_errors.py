"""What people see when an expression is wrong."""

from __future__ import annotations

import pytest
from tests.conftest import Golden

from tocsin.errors import QueryError
from tocsin.languages.secl import compile_query
from tocsin.logic.agent_rule import Variable
from tocsin.source_text import SourceText

BROKEN = [
    "",
    'exec.comm == "curl" &&',
    'exec.comm in["curl"]',
    "exec.comm == 'curl'",
    'exec.comm = "curl"',
    'exec.comm == "curl',
    "exec.pid == 5-2",
    "bpf.cmd in [BPF_MAP_CREATE, BPF_PROG_LOAD]",
    'exec.comm == ["curl"]',
    'exec.comm in ["curl", 7]',
    'exec.uid == "root"',
    "exec.comm > 3",
    'exec.com == "curl"',
    "open.flags & O_CREATE > 0",
    "open.flags & O_CREAT",
    'exec.comm == "curl" && open.file.path == "/etc/passwd"',
    'process.comm == "curl"',
    'exec.file.path =~ "/usr/**/bin/**"',
    'exec.file.path == "usr/bin/curl"',
    'exec.comm =~ r"(curl"',
    "exec.created_at != 30s",
    'process.ancestors[_].comm == "sh" && exec.pid > 1',
    'process.ancestors[A].comm == "sh" && process.ancestors[B].pid > 1 && exec.pid > 1',
    "exec.comm != ${process.shall}",
    "exec.comm == ${exec.file.name}",
    "connect.addr.ip == 10.0.0.999",
    'exec.comm =~"curl*"',
    "exec.comm == ${process shell}",
    "connect.addr.ip in 10.0.0.1",
    'exec.comm == ${process.shel} && exec.args != "-c"',
    'exec.comm == "${process.ruled_out}"',
    'exec.args == "%{process.ancestors.comm}"',
    "exec.pid == ${process.seen}",
    'process.ancestors.comm[9] == "-c" && exec.pid > 1',
    '%{exec.pid.root_domain} == "example.org"',
    "exec.argv == exec.args_flags",
    '"-c" == exec.argv',
    'exec.comm == "curl" && network.size > 3',
]
KNOWN: dict[str, Variable | str] = {
    "process.shell": Variable("process.shell", scope="process"),
    "process.seen": Variable("process.seen", scope="process", array=True),
    "process.ruled_out": "remembers_it would set it, but it is for Agent >= 9 only",
}


def test_the_messages_for_broken_expressions(golden: Golden) -> None:
    parts = []
    for number, text in enumerate(BROKEN):
        with pytest.raises(QueryError) as caught:
            compile_query(SourceText(text, "tower.policy", 10 * number + 1), variables=KNOWN)
        parts.append(f"{caught.value.kind}: {caught.value}\n")
    golden("secl_errors.txt", "\n".join(parts))
