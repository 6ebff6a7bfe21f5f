"""Which operator remembers for which query."""

from __future__ import annotations

import hashlib
from collections import abc

import msgspec

from tocsin.engine.state.operator import Operator, Saved
from tocsin.events.record import Document
from tocsin.logic.agent_rule import AgentRule
from tocsin.logic.query import (
    Correlation,
    Filter,
    IndicatorMatch,
    NewTerms,
    Sample,
    Sequence,
    Threshold,
)
from tocsin.rules.model import Rule


def operator_for(
    rule: Rule,
    saved: Saved | None = None,
    *,
    indicators: abc.Sequence[Document] = (),
    limited: bool = False,
) -> Operator | None:
    """The operator of a rule, going on from what was saved; None for a rule without one.

    Args:
        rule: the rule.
        saved: what its operator handed over before.
        indicators: documents about threats, for the rules that look for them.
        limited: the rule's ``max_signals`` will be heeded, so that what is beyond it need not be
            told (`ThresholdState.beyond` counts it).
    """
    query = rule.query
    match query:
        case Filter() | AgentRule():
            return None
        case Correlation():
            from tocsin.engine.state.correlation import CorrelationState

            return CorrelationState(query, saved)
        case IndicatorMatch():
            from tocsin.engine.state.indicator_match import IndicatorMatchState

            return IndicatorMatchState(query, indicators)
        case NewTerms():
            from tocsin.engine.state.new_terms import NewTermsState

            return NewTermsState(query, saved)
        case Sequence():
            from tocsin.engine.state.sequence import SequenceState

            return SequenceState(query, saved, runs=rule.runs)
        case Sample():
            from tocsin.engine.state.sample import SampleState

            return SampleState(query, saved, runs=rule.runs)
        case Threshold():
            from tocsin.engine.state.threshold import ThresholdState

            return ThresholdState(
                query, saved, runs=rule.runs, most=_most_told(rule) if limited else None
            )


def _most_told(rule: Rule) -> int | None:
    """Of how many groups a run of a threshold tells; None: of all."""
    is_limited = isinstance(rule.query, Threshold) and rule.suppression is None
    return rule.max_signals if is_limited else None


def operator_name(rule: Rule) -> str:
    """The name under which a rule's memory is kept: of the rule, and of what it remembers.

    New terms go on when a rule's filter changes, as in Elastic; rules of Datadog's Agent remember
    together; anything else begins anew.
    """
    query = rule.query
    if isinstance(query, AgentRule):
        return "variables"
    if isinstance(query, NewTerms):
        return f"new_terms/{rule.id}/{','.join(query.fields)}"
    kind = type(query).__name__.lower()
    text = msgspec.json.encode(query) + repr(rule.runs).encode()
    most = _most_told(rule)
    if most is not None:  # of other groups it is not known any more what happened in them
        text += b" %d" % most
    return f"{kind}/{rule.id}/{hashlib.sha256(text).hexdigest()[:16]}"
