"""``tocsin explain``: why a rule fires on an event, or does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from tocsin.cli.errors import OK, for_people
from tocsin.cli.options import AgentVersion, InputFormat, Values, environment
from tocsin.cli.safe_text import printable, printable_json
from tocsin.errors import InputError, UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from tocsin.engine.explain import Explained
    from tocsin.engine.trace import Line
    from tocsin.events.event import Event
    from tocsin.events.record import Document, Record
    from tocsin.rules.environment import Environment
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
            help="Where to look for an event's id, and for the events around it. [default: FILE]",
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
    exceptions: Annotated[
        list[Path] | None,
        typer.Option(
            "--exceptions", metavar="FILE", help="Exceptions, as for scan.", show_default=False
        ),
    ] = None,
    input_format: InputFormat = "",
    agent: AgentVersion = "",
    values: Values = None,
    as_json: Annotated[bool, typer.Option("--json", help="The tree as JSON.")] = False,
) -> int:
    """Show a rule's logic over one event: what held, what failed, and why.

    \b
    Examples:
      tocsin explain 73dd1f2c capture.pcap:4 --rules detection-rules/rules
      tocsin explain imds_credentials events.ndjson:12
    """  # noqa: D301  (the \b is for the help: keep these lines as they are)
    with for_people():
        where = environment(agent, values)
        return _explain(rule, event, rules, where, inputs, input_format, db, exceptions, as_json)


def _explain(
    name: str,
    event: str,
    rule_paths: list[Path] | None,
    where: Environment,
    inputs: list[str] | None,
    input_format: str,
    db: str,
    exceptions: list[Path] | None,
    as_json: bool,
) -> int:
    import sys
    import time

    import msgspec

    from tocsin.cli.rules import choose, load
    from tocsin.cli.scan import excepted
    from tocsin.engine.exceptions import swallowed_by
    from tocsin.engine.explain import explain as explain_logic
    from tocsin.logic.agent_rule import VARIABLES, AgentRule
    from tocsin.logic.query import roles_of
    from tocsin.rules.index import origin_of, sees

    now = time.time_ns()
    known = excepted(load(rule_paths or [], where), exceptions or [], now)[0]
    rule = choose(name, known, where)
    place = _event(event, inputs or [], input_format, db)
    document = place.document
    query, remembered = rule.query, None
    if isinstance(query, AgentRule) and query.variables:
        remembered = _remembered(rule, known.rules, place, inputs or [], input_format, now)
        document = {**document, VARIABLES: remembered or {}}
    asked = [query.where] if isinstance(query, AgentRule) else [r.expr for r in roles_of(query)]
    trees = [explain_logic(expr, document) for expr in dict.fromkeys(asked)]
    seen = sees(rule.index, origin_of(document))
    swallowed = swallowed_by(rule, document) if seen else None
    story = _story(rule, place, inputs or [], input_format, now) if seen else ()
    fires = seen and any(tree.held for tree in trees)
    if as_json:
        found = {
            "rule": {"id": rule.id, "name": rule.name}, "event": place.where, "fires": fires,
            "sees": seen, "exception": swallowed and swallowed.name, "tree": trees[0],
            "trees": trees, "story": [
                {"event": line.event and line.event.position, "kind": line.kind, "text": line.text}
                for line in story
            ],
        }  # fmt: skip
        text = printable_json(msgspec.json.encode(found).decode())
        sys.stdout.buffer.write(text.encode() + b"\n")
        return OK
    from rich.console import Console

    console = Console(highlight=False)
    for number, tree in enumerate(trees, 1):
        part = f", term {number} of {len(trees)}," if len(trees) > 1 else ""
        console.print(_tree(rule, part, place.where, tree, seen and tree.held), soft_wrap=False)
    if not seen:
        console.print(
            "The rule does not see this event: its index patterns are "
            + printable(", ".join(rule.index))
            + "; the event is of "
            + printable(", ".join(origin_of(document).names)),
            style="yellow",
        )
    if swallowed is not None:
        console.print(f"The exception {printable(swallowed.name)} keeps it quiet.", style="yellow")
    if isinstance(query, AgentRule) and query.variables and remembered is None:
        console.print("Its variables are read as if nothing had been set.", style="yellow")
    _print_story(console, story)
    return OK


def _remembered(
    rule: Rule, rules: Sequence[Rule], place: _Place, inputs: list[str], input_format: str, now: int
) -> dict[str, Any] | None:
    """What the rule's variables are worth, with all rules at work over the events around."""
    from tocsin.runtime.story import variables_of

    return variables_of(rule, rules, _files(place, inputs, input_format), place.is_of, now=now)


def _story(
    rule: Rule, place: _Place, inputs: list[str], input_format: str, now: int
) -> Sequence[Line]:
    """What the events around this one made of it."""
    from tocsin.runtime.story import tell

    return tell(rule, _files(place, inputs, input_format), place.is_of, now=now)


def _files(
    place: _Place, inputs: list[str], input_format: str
) -> Iterator[tuple[str, Iterator[Record]]]:
    """The events around this one, by file."""
    from tocsin.events.record import Record
    from tocsin.sources.files import InputFile, OpenFile, find

    def records(file: InputFile) -> Iterator[Record]:
        with OpenFile(file) as opened:
            for found in opened.records():
                if isinstance(found, Record):
                    yield found

    files = find(inputs or ([place.file] if place.file else []), input_format).files
    return ((file.shown, records(file)) for file in files)


def _print_story(console: Console, story: Sequence[Line]) -> None:
    from rich.text import Text

    marks = {"step": ("·", "cyan"), "lost": ("✗", "red"), "fired": ("✓", "green")}
    if story:
        console.print("Around it:", style="bold")
    for line in story:
        where = f"{printable(line.event.position)}: " if line.event is not None else ""
        mark = marks.get(line.kind, (" ", ""))
        console.print(Text.assemble("  ", mark, " ", (where, "dim"), printable(line.text)))


def _tree(rule: Rule, part: str, where: str, tree: Explained, fires: bool) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    from tocsin.logic.query import Filter

    verdict = Text("matches" if fires else "does not match", style="bold " + (
        "green" if fires else "red"))  # fmt: skip
    if fires and isinstance(rule.query, Filter):
        verdict = Text("fires", style="bold green")
    title = Text.assemble(printable(rule.name), part, " ", verdict, " on ", printable(where))
    root = Tree(title, guide_style="dim")
    _add(root, tree)
    return root


def _add(parent: Tree, node: Explained) -> None:
    from rich.text import Text

    from tocsin.logic.expr import NEGATIVE_OPERATORS

    mark = ("✓", "green") if node.held else ("✗", "red")
    if node.kind in {"and", "or", "not"}:
        label = Text.assemble(mark, " ", (node.kind.upper(), "bold"))
    else:
        text = printable(node.text)
        if len(text) > 200:
            text = text[:200] + " …"
        label = Text.assemble(mark, " ", text)
        negative = node.operator in NEGATIVE_OPERATORS
        if node.held and not negative and node.pattern not in {"", "*", node.text, str(node.value)}:
            label.append(f"  fits {printable(node.pattern)}", style="dim")
        if node.reason:
            style = "yellow" if node.why == "case" else "dim"
            label.append(f"  — {printable(node.reason)}", style=style)
    branch = parent.add(label)
    for child in node.children:
        _add(branch, child)


class _Place(NamedTuple):
    """The event in question.

    Attributes:
        where: as it was named.
        document: the event as rules see it.
        file: the file it stands in, and its place there; empty where only its id is known.
        identity: its id; empty where only its place is known.
    """

    where: str
    document: Document
    file: str = ""
    position: str = ""
    identity: str = ""

    def is_of(self, event: Event) -> bool:
        """Whether an event of a scan is this one."""
        if self.identity:
            return event.id == self.identity
        return (event.source, event.position) == (self.file, self.position)


def _event(event: str, inputs: list[str], input_format: str, db: str) -> _Place:
    name, colon, number = event.rpartition(":")
    if colon and number.isdigit() and Path(name).exists():
        found = _by_position(name, number, input_format)
        if found is None:
            message = f"{name} has no event at {number}{_first_place(name, input_format)}"
            raise InputError(message)
        return _Place(event, found[1], name, found[0])
    for source, identity, document in _identified(inputs, input_format):
        if identity == event:
            return _Place(f"{event} ({source})", document, identity=identity)
    stored = _from_store(event, db)
    if stored is not None:
        return _Place(event, stored, identity=event)
    message = f"no event {event!r}: write FILE:N, or an id together with --input FILE or --db URL"
    raise UsageError(message)


def _first_place(name: str, input_format: str) -> str:
    """Where the first event of a file is, for who asked for one that is not there."""
    from tocsin.events.record import Record
    from tocsin.sources.files import OpenFile, find

    (file,) = find([name], input_format).files
    with OpenFile(file) as opened:
        first = next((found for found in opened.records() if isinstance(found, Record)), None)
    return f"; its first is {first.position}" if first is not None else ""


def _by_position(name: str, number: str, input_format: str) -> tuple[str, Document] | None:
    import re

    from tocsin.events import shapes
    from tocsin.events.record import Record
    from tocsin.sources.files import OpenFile, find

    place = re.compile(rf"\D*{number}(\D|$)")
    (file,) = find([name], input_format).files
    with OpenFile(file) as opened:
        for found in opened.records():
            if place.match(found.position):
                if not isinstance(found, Record):
                    message = f"{name}: {found.position}: {found.reason}"
                    raise InputError(message)
                shaped = shapes.in_ecs(found)
                return found.position, found.document if shaped is None else shaped.document
    return None


def _identified(inputs: Iterable[str], input_format: str) -> Iterator[tuple[str, str, Document]]:
    """Every event of the inputs with its id, as a scan would know it."""
    from tocsin.events.record import Record
    from tocsin.runtime.detector import Identities
    from tocsin.sources.files import OpenFile, find

    found = find(inputs, input_format)
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
