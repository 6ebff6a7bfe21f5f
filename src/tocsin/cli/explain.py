"""``tocsin explain``: why a rule fires on an event, or does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.errors import OK, for_people
from tocsin.cli.safe_text import printable, printable_json
from tocsin.errors import InputError, UsageError

if TYPE_CHECKING:
    from rich.tree import Tree

    from tocsin.engine.explain import Explained
    from tocsin.events.record import Document
    from tocsin.rules.model import Rule


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE", help="A rule's id (or its beginning), name or file.", show_default=False
        ),
    ],
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT",
            help="FILE:N (line, object or packet N of a file), or an event's id together with "
            "--input or --db.",
            show_default=False,
        ),
    ],
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            "--rules",
            "-r",
            metavar="PATH",
            help="Where the rule is. [default: the pack]",
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="INPUT",
            help="Where to look for an event's id.",
            show_default=False,
        ),
    ] = None,
    db: Annotated[
        str,
        typer.Option(
            "--db",
            metavar="URL",
            envvar="TOCSIN_DB",
            help="A store whose alerts are "
            "searched for an event's id. [default: your user's, where there is one]",
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The tree as JSON.")] = False,
) -> int:
    """Show a rule's logic over one event: what held, what failed, and why.

    \b
    Examples:
      tocsin explain 73dd1f2c capture.pcap:4 --rules detection-rules/rules
      tocsin explain imds_credentials events.ndjson:12
    """  # noqa: D301  (the \b is for the help: keep these lines as they are)
    with for_people():
        return _explain(rule, event, rules, inputs, db, as_json)


def _explain(
    name: str,
    event: str,
    rule_paths: list[Path] | None,
    inputs: list[str] | None,
    db: str,
    as_json: bool,
) -> int:
    import sys

    import msgspec

    from tocsin.cli.rules import choose, load
    from tocsin.engine.explain import explain as explain_logic
    from tocsin.logic.query import NewTerms, filter_of
    from tocsin.rules.index import origin_of, sees

    rule = choose(name, load(rule_paths or []))
    where, document = _event(event, inputs or [], db)
    tree = explain_logic(filter_of(rule.query).expr, document)
    seen = sees(rule.index, origin_of(document))
    terms = _terms(rule, document) if isinstance(rule.query, NewTerms) else {}
    fires = tree.held and seen and all(terms.values())
    if as_json:
        found = {
            "rule": {"id": rule.id, "name": rule.name}, "event": where, "fires": fires,
            "sees": seen, "new_terms": terms, "tree": tree,
        }  # fmt: skip
        text = printable_json(msgspec.json.encode(found).decode())
        sys.stdout.buffer.write(text.encode() + b"\n")
        return OK
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_tree(rule, where, tree, fires), soft_wrap=False)
    if not seen:
        console.print(
            "The rule does not see this event: its index patterns are "
            + printable(", ".join(rule.index))
            + "; the event is of "
            + printable(", ".join(origin_of(document).names)),
            style="yellow",
        )
    for field, values in terms.items():
        text = ", ".join(values) if values else "absent: such an event does not count"
        console.print(f"new term {printable(field)}: {printable(text)}")
    if terms and fires:
        console.print("It rings if these terms are new within the rule's history.", style="dim")
    return OK


def _terms(rule: Rule, document: Document) -> dict[str, list[str]]:
    from tocsin.events.fields import values_of
    from tocsin.logic.field_types import text_of
    from tocsin.logic.query import NewTerms

    query = rule.query
    fields = query.fields if isinstance(query, NewTerms) else ()
    return {field: [text_of(value) for value in values_of(document, field)] for field in fields}


def _tree(rule: Rule, where: str, tree: Explained, fires: bool) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    from tocsin.logic.query import NewTerms

    verdict = Text("matches" if fires else "does not match", style="bold " + (
        "green" if fires else "red"))  # fmt: skip
    if fires and not isinstance(rule.query, NewTerms):
        verdict = Text("fires", style="bold green")
    title = Text.assemble(printable(rule.name), " ", verdict, " on ", printable(where))
    root = Tree(title, guide_style="dim")
    _add(root, tree)
    return root


def _add(parent: Tree, node: Explained) -> None:
    from rich.text import Text

    mark = ("✓", "green") if node.held else ("✗", "red")
    if node.kind in {"and", "or", "not"}:
        label = Text.assemble(mark, " ", (node.kind.upper(), "bold"))
    else:
        text = printable(node.text)
        if len(text) > 200:
            text = text[:200] + " …"
        label = Text.assemble(mark, " ", text)
        if node.held and node.pattern not in {"", "*", node.text, str(node.value)}:
            label.append(f"  fits {printable(node.pattern)}", style="dim")
        if node.reason:
            style = "yellow" if node.why == "case" else "dim"
            label.append(f"  — {printable(node.reason)}", style=style)
    branch = parent.add(label)
    for child in node.children:
        _add(branch, child)


def _event(event: str, inputs: list[str], db: str) -> tuple[str, Document]:
    name, colon, number = event.rpartition(":")
    if colon and number.isdigit() and Path(name).exists():
        found = _by_position(name, number)
        if found is None:
            message = f"{name} has no event at {number}"
            raise InputError(message)
        return event, found
    for source, identity, document in _identified(inputs):
        if identity == event:
            return f"{event} ({source})", document
    stored = _from_store(event, db)
    if stored is not None:
        return event, stored
    message = f"no event {event!r}: write FILE:N, or an id together with --input FILE or --db URL"
    raise UsageError(message)


def _by_position(name: str, number: str) -> Document | None:
    import re

    from tocsin.events import shapes
    from tocsin.events.record import Record
    from tocsin.sources.files import InputFile, OpenFile

    place = re.compile(rf"\D*{number}(\D|$)")
    with OpenFile(InputFile(name)) as opened:
        for found in opened.records():
            if place.match(found.position):
                if not isinstance(found, Record):
                    message = f"{name}: {found.position}: {found.reason}"
                    raise InputError(message)
                shaped = shapes.in_ecs(found.document)
                return found.document if shaped is None else shaped.document
    return None


def _identified(inputs: Iterable[str]) -> Iterator[tuple[str, str, Document]]:
    """Every event of the inputs with its id, as a scan would know it."""
    from tocsin.events.record import Record
    from tocsin.runtime.detector import Identities
    from tocsin.sources.files import OpenFile, find

    found = find(inputs)
    if found.refused:
        raise InputError(found.refused[0])
    for file in found.files:
        identities = Identities()
        with OpenFile(file) as opened:
            for record in opened.records():
                if isinstance(record, Record):
                    identity, document = identities.of(record)
                    yield f"{file.name}, {record.position}", identity, document


def _from_store(identity: str, db: str) -> Document | None:
    import msgspec

    from tocsin.alerts.model import Alert
    from tocsin.store.alerts import list_alerts
    from tocsin.store.open import default_url, open_store

    url = db or default_url()
    if not db and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    engine = open_store(url)
    try:
        with engine.connect() as connection:
            for stored in list_alerts(connection, status="all"):
                if identity not in stored.document:
                    continue
                alert = msgspec.json.decode(stored.document, type=Alert)
                for event in alert.events:
                    if event.id == identity:
                        return event.document
    finally:
        engine.dispose()
    return None
