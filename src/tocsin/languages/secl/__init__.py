"""SECL, the language of Datadog's Agent rules (Workload Protection).

>>> query = compile_query('exec.comm in ["curl", "wget"] && exec.tty_name != ""')
>>> query.where.terms[0].matcher
Equals(values=('exec',), fold_case=False)

Another table of fields gives another model:

>>> from tocsin.events.schema.secl import FieldKind
>>> table = Fields({"process.uid": FieldKind("int")}, {"ROOT": 0}, prefix="")
>>> compile_query("process.uid == ROOT", fields=table).where.field
'process.uid'

A variable is a field of its own, which holds what rules have set:

>>> shell = Variable("process.shell", scope="process")
>>> compile_query("process.uid == ROOT && ${process.shell} != ''".replace("'", '"'),
...               fields=table, variables={shell.name: shell}).where.terms[1].term.field
'secl_variables.process.shell'
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tocsin.events.schema.secl import SECL_FIELDS, FieldKind, Fields
from tocsin.languages.secl.lower import (
    Compiled,
    Computation,
    Known,
    lower_condition,
    lower_rule,
    lower_value,
)
from tocsin.languages.secl.macros import Macro, Macros
from tocsin.languages.secl.names import Variables
from tocsin.languages.secl.parser import parse
from tocsin.logic.agent_rule import Variable
from tocsin.logic.query import Filter
from tocsin.source_text import SourceText

__all__ = [
    "SECL_FIELDS",
    "Compiled",
    "Compiler",
    "Computation",
    "FieldKind",
    "Fields",
    "Macro",
    "Variable",
    "Variables",
    "compile_query",
    "parse",
]


def compile_query(
    source: SourceText | str,
    macros: Mapping[str, Macro | str] | None = None,
    fields: Fields = SECL_FIELDS,
    variables: Variables | None = None,
) -> Filter:
    """An expression as logic.

    Args:
        source: its text.
        macros: the macros that it may use, or their texts, by name.
        fields: what its names may stand for. Where fields fix event types, the expression has to
            name fields of exactly one, which becomes part of the condition.
        variables: the variables that it may read, by name; a text says why there is none.

    Raises:
        QuerySyntaxError: the text is not SECL.
        QuerySemanticError: its names or types make no sense.
        UnsupportedFeature: it needs something that Tocsin lacks.
    """
    return Filter(where=Compiler(macros, fields, variables).rule(source).where)


class Compiler:
    """Compiles the expressions of a policy, whose macros are parsed once.

    Args:
        macros: the macros that expressions may use, or their texts, by name.
        fields: what names may stand for.
        variables: the variables that may be read, by name; a text says why there is none.
    """

    def __init__(
        self,
        macros: Mapping[str, Macro | str] | None = None,
        fields: Fields = SECL_FIELDS,
        variables: Variables | None = None,
    ) -> None:
        self._macros = Macros(macros or {})
        self._fields = fields
        self._variables = variables or {}

    def rule(self, source: SourceText | str, tags: Sequence[str] = ()) -> Compiled:
        """The expression of a rule.

        Args:
            source: its text.
            tags: the rule's own, for ``event.rule.tags``.

        Raises:
            QueryError: it cannot be used.
        """
        return lower_rule(parse(source), self._known(tags))

    def condition(
        self, source: SourceText | str, events: Collection[str], tags: Sequence[str] = ()
    ) -> Compiled:
        """The filter of an action, which says nothing of the event's type.

        Args:
            source: its text.
            events: the event types of its rule.
            tags: the rule's own.

        Raises:
            QueryError: it cannot be used, or names fields that these events have not.
        """
        return lower_condition(parse(source), self._known(tags), events)

    def value(
        self, source: SourceText | str, events: Collection[str], tags: Sequence[str] = ()
    ) -> Computation:
        """What an action sets: a field, or an expression of any type.

        Args:
            source: its text.
            events: the event types of its rule.
            tags: the rule's own.

        Raises:
            QueryError: it cannot be used, or names fields that these events have not.
        """
        return lower_value(parse(source), self._known(tags), events)

    def _known(self, tags: Sequence[str]) -> Known:
        return Known(self._macros, self._fields, self._variables, tuple(tags))
