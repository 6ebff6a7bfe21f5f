"""What became of a case, and the ways to find out: both engines, and texts that must be refused.

A runner of a language is a function from a case (a dict of the file) and a `Context` to an
`Outcome`. What cannot be asked of Tocsin at all is listed in `NOT_APPLICABLE`, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from tocsin.engine import reference
from tocsin.engine.evaluate import evaluate
from tocsin.engine.plan import Plan
from tocsin.errors import QueryError, UnsupportedFeature
from tocsin.events.batch import Batch
from tocsin.logic.expr import Expr

Case = Mapping[str, Any]
Document = dict[str, Any]
Status = Literal["passed", "failed", "unsupported", "not_applicable"]

ENGINES: Final = ("reference", "columnar")

NOT_APPLICABLE: Final[Mapping[str, str]] = {
    "query_dsl": "Query DSL is what Elasticsearch runs; Tocsin runs the query itself",
    "foreign_tree": "the syntax tree of another parser; that the text is accepted is not the case",
    "refused_conversion": "what the other tool cannot convert says nothing about the query",
    "override_demo": "tests how Go code may replace a comparison, not the language",
    "prefix": "tests whether a path may lead to a match, which only the Agent's discarders ask",
}


class Outcome(msgspec.Struct, frozen=True):
    """What became of a case.

    Attributes:
        status: one of four.
        reason: why a case is unsupported or not applicable.
        query: the text that failed.
        expected: what should have come out of it.
        got: what did.
        documented_disagreement: the case's own sources contradict each other, and the answer was
            held to the documented one.
    """

    status: Status
    reason: str = ""
    query: str = ""
    expected: str = ""
    got: str = ""
    documented_disagreement: bool = False


PASSED: Final = Outcome("passed")


class Context(msgspec.Struct, frozen=True):
    """What a case is run with.

    Attributes:
        file: the file that it stands in; its data stand beside it.
        engines: which of `ENGINES` have to give the answer.
        content: the whole file, where it is an object.
    """

    file: Path
    engines: Sequence[str] = ENGINES
    content: Mapping[str, Any] = {}


Runner = Callable[[Case, Context], Outcome]


def not_applicable(kind: str) -> Outcome:
    """A case that cannot be asked of Tocsin."""
    return Outcome("not_applicable", NOT_APPLICABLE[kind])


def compared(query: str, expected: object, got: object) -> Outcome:
    """Passed if the two are the same, as JSON sees them: 1, 1.0 and true are three values."""
    if _same(expected, got):
        return PASSED
    return Outcome("failed", query=query, expected=shown(expected), got=shown(got))


def refused(query: str, compile_text: Callable[[], object], expected: str = "an error") -> Outcome:
    """Passed if the text is refused; a text that Tocsin only cannot run yet tells nothing."""
    try:
        compile_text()
    except UnsupportedFeature as error:
        return unsupported(error)
    except QueryError:
        return PASSED
    return Outcome("failed", query=query, expected=expected, got="accepted")


def accepted(query: str, compile_text: Callable[[], object]) -> Outcome:
    """Passed if the text is accepted."""
    compile_text()
    return Outcome("passed", query=query)


def unsupported(error: UnsupportedFeature) -> Outcome:
    """A case that needs what Tocsin cannot do yet."""
    return Outcome("unsupported", error.message)


def first_that_did_not_pass(*outcomes: Callable[[], Outcome]) -> Outcome:
    """Several questions in one case: the first answer that is not right, or PASSED."""
    for ask in outcomes:
        outcome = ask()
        if outcome.status != "passed":
            return outcome
    return PASSED


def hits(expr: Expr, documents: Sequence[Document], engine: str) -> list[int]:
    """The places of the documents that satisfy a condition, by one of the engines."""
    if engine == "reference":
        return [row for row, found in enumerate(documents) if reference.holds(expr, found)]
    plan = Plan([expr])
    [rows] = evaluate(plan, Batch(documents, plan.extractor))
    return [int(row) for row in rows]


def shown(value: object) -> str:
    """A value for people."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else f"{text[:299]}…"


def _same(one: object, other: object) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other
