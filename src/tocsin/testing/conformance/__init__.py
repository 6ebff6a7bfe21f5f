"""Runs the test suites of other engines, written down as JSON, against Tocsin.

    python -m tocsin.testing.conformance suites/*.json

A file is a list of cases, each with a ``language``, or an object with lists of cases. A case counts
once: *passed* if Tocsin answers as it should (on every engine asked), *failed*, *unsupported* if it
needs what Tocsin cannot do yet, or *not applicable* if it cannot be asked of Tocsin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tocsin.errors import InputError, QueryError, UnsupportedFeature
from tocsin.testing.conformance import eql, kql, secl
from tocsin.testing.conformance.cases import (
    ENGINES,
    Case,
    Context,
    Outcome,
    Runner,
    unsupported,
)
from tocsin.testing.conformance.report import Report

__all__ = ["ENGINES", "Context", "Outcome", "Report", "run_file"]

LANGUAGES: Final[dict[str, Runner]] = {
    "eql": eql.event_query,
    "eql-python": eql.python_query,
    "eql-expression": eql.expression,
    "eql-python-expression": eql.expression,
    "eql-sequence-machine": eql.sequence_machine,
    "kuery": kql.query,
    "kuery-literal": kql.literal,
}
"""What runs a case of a list, by its ``language``."""

SECTIONS: Final[dict[str, Runner]] = {
    "cases": secl.expression,
    "compile_cases": secl.compiles,
    "matcher_cases": secl.matcher,
    "args_cases": secl.arguments,
    "stateful_cases": secl.policy,
    "partial_cases": secl.discarder,
    "subexpr_cases": secl.markup,
}
"""What runs a case of an object, by the list that it stands in."""


def run_file(file: str, engines: Sequence[str] = ENGINES) -> Report:
    """Every case of a file.

    Args:
        file: its path.
        engines: which engines have to give the answer.

    Raises:
        InputError: the file cannot be read, or is no suite.
    """
    try:
        content = msgspec.json.decode(Path(file).read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    context = Context(Path(file), engines, content if isinstance(content, dict) else {})
    outcomes = [(name, _run(run, case, context)) for name, run, case in _cases(file, content)]
    if not outcomes:
        raise InputError(f"{file} holds no cases")
    return Report(file, outcomes)


def _cases(file: str, content: Any) -> Iterator[tuple[str, Runner | None, Case]]:
    if isinstance(content, list) and all(isinstance(case, dict) for case in content):
        for number, case in enumerate(content):
            name = str(case.get("name", f"case {number}"))
            yield name, LANGUAGES.get(case.get("language", "")), case
    elif isinstance(content, dict):
        for section, run in SECTIONS.items():
            for number, case in enumerate(content.get(section, ())):
                yield str(case.get("name", f"{section}[{number}]")), run, case
    else:
        raise InputError(f"{file} is neither a list of cases nor an object with lists of them")


def _run(run: Runner | None, case: Case, context: Context) -> Outcome:
    if run is None:
        return Outcome("unsupported", f"no runner knows the language {case.get('language')!r}")
    query = str(case.get("query", case.get("expr", "")))
    try:
        return run(case, context)
    except UnsupportedFeature as error:
        return unsupported(error)
    except QueryError as error:
        expected = next((str(v) for k, v in case.items() if k.startswith("expected")), "accepted")
        return Outcome("failed", query=query, expected=expected, got=f"refused: {error.message}")
    except InputError:
        raise
    except Exception as error:
        return Outcome("failed", query=query, got=f"{type(error).__name__}: {error}")
