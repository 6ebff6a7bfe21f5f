"""Runs python-eql's engine; started by `bench.peers.python_eql` with the Python of its environment.

    python eql_runner.py rules.json events.ndjson

Writes lines of JSON: first what it has taken, then for each line that it reads one pass over the
events. They are decoded before; each pass has an engine of its own, which is built before the
clock starts. The fields are read as its engine reads them: an array of one is that one.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from typing import Any

import eql  # type: ignore[import-not-found,unused-ignore]
from eql import parser

SYNTAX = (
    parser.elasticsearch_syntax, parser.allow_negation, parser.allow_sample, parser.allow_runs,
    # Its optimizer folds `process.args == "a" and process.args == "b"` to false.
    parser.skip_optimizations,
)  # fmt: skip


def main() -> None:
    rules_file, events_file = sys.argv[1:]
    with open(rules_file, encoding="utf-8") as file:  # noqa: PTH123  (it stays as plain as it can)
        texts: dict[str, str] = json.load(file)
    with open(events_file, "rb") as file:  # noqa: PTH123
        events = [event(json.loads(line)) for line in file]
    queries: dict[str, Any] = {}
    refused: dict[str, list[str]] = {"parser": [], "engine": []}
    with ExitStack() as stack:
        for syntax in SYNTAX:
            stack.enter_context(syntax)
        for identifier, text in texts.items():
            where = "parser"
            try:
                query = parser.parse_query(text)
                where = "engine"
                one_pass({identifier: query}, events)  # it must not raise on any of them
            except Exception:
                refused[where].append(identifier)
            else:
                queries[identifier] = query
        say({"taken": list(queries), "refused": refused, "events": len(events)})
        for _ in sys.stdin:
            seconds, matches = one_pass(queries, events)
            say({"seconds": seconds, "matches": matches})


def one_pass(queries: dict[str, Any], events: list[Any]) -> tuple[float, int]:
    """Seconds, and how many results there were."""
    found = 0

    def count(_result: Any) -> None:
        nonlocal found
        found += 1

    engine = eql.PythonEngine({})
    for query in queries.values():
        engine.add_query(query)
    engine.add_output_hook(count)
    begun = time.perf_counter()
    engine.stream_events(events)
    return time.perf_counter() - begun, found


def event(document: dict[str, Any]) -> Any:
    """An event as its engine takes it."""
    data = plain(document)
    category = data.get("event", {}).get("category", "generic")
    return eql.Event(category, data.get("event", {}).get("sequence", 0), data)


def plain(value: Any) -> Any:
    """The value without arrays of one."""
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return plain(value[0]) if len(value) == 1 else [plain(below) for below in value]
    return value


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
