"""What EQL refuses, word for word: tests/golden/eql_errors.txt."""

from __future__ import annotations

import pytest
from tests.conftest import Golden

from tocsin.errors import QueryError
from tocsin.events.schema import Schema
from tocsin.languages.eql import compile_query
from tocsin.source_text import SourceText

SCHEMA = Schema(
    {
        "host.ip": "ip",
        "user.name": "keyword",
        "process.pid": "long",
        "process.name": "keyword",
        "event.created": "date",
        "dll.signed": "boolean",
    }
)

REFUSED = """
process
process user.name == "eve"
process WHERE true
`process` where true
until where true
join by host.ip [process where true] [file where true]
Sequence [process where true] [file where true]
process where
process where user.name = "eve"
process where user.name == 'eve'
process where user.name == "eve" AND process.pid == 1
process where NOT user.name == "eve"
process where user.name == "eve" and
process where user.name == "eve" and or process.pid == 1
process where (user.name == "eve"
process where user.name == "eve")
process where user.name in "eve"
process where user.name in ()
process where user.name not like "e*"
process where user.name not "e*"
process where user.name : e
process where process.pid : 4
process where user.name : ("eve", 4)
process where user.name : "e*" : "f*"
process where process.args[0] == "x"
process where process.0.name == "x"
process where sequence == 1
process where 1 < process.pid < 5
process where child of [file where true]
process where user.name == "C:\\windows"
process where user.name
process where user.name and true
process where not length(user.name)
process where 1
process where user.name == process.name
process where process.pid in (1, length(user.name))
process where process.pid == "one"
process where process.pid in (1, "two")
process where host.ip == "localhost"
process where host.ip in ("10.0.0.0/8", "here")
process where event.created > "yesterday"
process where dll.signed == "maybe"
process where dll.signed > false
process where process.pid : "4*"
process where event.created : "2026*"
process where user.name + 1 == 2
process where -user.name == 2
process where length(user.name) == "3"
process where lengths(user.name) == 3
process where wildcard(user.name, "e*")
process where length~(user.name) == 3
process where length() == 3
process where startsWith(user.name)
process where substring(user.name, 1, 2, 3) == "x"
process where startsWith(user.name, 4)
process where number(4) == 4
process where cidrMatch(host.ip, user.name)
process where cidrMatch(host.ip, "10.0.0.0/33")
process where user.name regex "(a"
process where user.name regex "[a"
process where user.name regex "a{x}"
process where user.name regex "\\\\h+"
process where user.name regex "a&b"
process where user.name regex "~(a)"
process where user.name regex "a{5000}"
process where length(user.name) > 1 and string(process.pid) regex "(?=4)"
process where true | sort user.name
process where true | head
process where true | head -1
process where true | head 1.5
process where true | tail 99999999999
sequence [process where true]
sequence [process where true] with runs=1
sequence [process where true] with runs=101
sequence [process where true] with runs=0
sequence with maxspan=5 [process where true] [file where true]
sequence with maxspan=5w [process where true] [file where true]
sequence with maxspan=0s [process where true] [file where true]
sequence with maxspan=1m by host.ip [process where true] [file where true]
sequence [process where true] [file where true] with maxspan=1m
sequence by length(user.name) [process where true] [file where true]
sequence [process where true] by user.name [file where true]
sequence [process where true] by user.name [file where true] by user.name, host.ip
sequence [process where true] by user.name [file where true] by process.pid
sequence [process where true] by user.name [file where true] by user.name until [any where true]
sequence [process where true] ![file where true]
sequence with maxspan=1m ![process where true] ![file where true]
sequence [process where user.name] [file where true]
sequence process where true
sequence [process where true [file where true]
sample [process where true] [file where true]
sample by host.ip [process where true]
sample by host.ip with maxspan=1m [process where true] [file where true]
sample by host.ip [process where true] ![file where true]
sample by host.ip [process where true] [file where true] with runs=2
sample by host.ip [process where true] [file where true] until [any where true]
[process where true] [file where true]
""".strip().splitlines()


def test_errors_say_where_and_what_next(golden: Golden) -> None:
    parts = []
    for query in REFUSED:
        with pytest.raises(QueryError) as caught:
            compile_query(SourceText(query), SCHEMA)
        error = caught.value
        parts.append(f"{query}\n---\n{error.kind}: {error}\n")
    golden("eql_errors.txt", "\n".join(parts))


def test_strict_fields_are_known_or_optional(golden: Golden) -> None:
    parts = []
    for query in ('any where user.nme == "x"', "sequence by host.id [any where true] with runs=2"):
        with pytest.raises(QueryError) as caught:
            compile_query(SourceText(query), SCHEMA, strict_fields=True)
        parts.append(f"{query}\n---\n{caught.value.kind}: {caught.value}\n")
    golden("eql_errors_strict.txt", "\n".join(parts))
    compile_query(SourceText("any where ?user.nme == 1"), SCHEMA, strict_fields=True)


def test_python_engine_functions_name_their_successors() -> None:
    with pytest.raises(QueryError) as caught:
        compile_query(SourceText('any where match(a, "x")'))
    assert caught.value.hint == 'write: field regex~ "…"'
