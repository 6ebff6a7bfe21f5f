"""Alerts on a terminal: a table of many, a page of one.

Everything printed passes `printable` and goes to rich as `Text`: what rules and events say is never
read as markup. A severity is a word as well as a colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from tocsin.cli._screen import NARROW, SEVERITY_STYLES
from tocsin.cli.guide_text import first_steps, guide_page
from tocsin.cli.safe_text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from tocsin.alerts.model import Alert, AlertEvidence, AlertThreat
    from tocsin.store.alerts import StoredAlert

Guide = Literal["full", "short", "none"]

SHORT_ID = 12
"""So many digits of an alert's id tell it from all others in practice."""

_LABEL = 9
_MOST_EVIDENCE = 16
_MOST_EVENTS = 8
_LONGEST_VALUE = 320
_LONGEST_IN_FULL = 8_000
_STEPS = 3
_LONGEST_STEP = 180


# --- many ----------------------------------------------------------------------------------------


def alert_table(alerts: Sequence[Alert | StoredAlert], console: Console) -> None:
    """One line an alert; who did it has a column where there is room.

    Args:
        alerts: in the order in which they are to stand.
        console: where to.
    """
    from rich.table import Table

    is_wide = console.width >= NARROW
    closed = any(_status(alert) == "closed" for alert in alerts)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold dim")
    table.add_column("TIME (UTC)", no_wrap=True)
    table.add_column("SEVERITY", no_wrap=True)
    table.add_column("RULE", overflow="fold", ratio=3 if is_wide else None)
    table.add_column("HOST", overflow="fold", max_width=24 if is_wide else 14)
    if is_wide:
        table.add_column("PROCESS", overflow="fold")
        table.add_column("USER", overflow="fold")
    table.add_column("ID", no_wrap=True)
    if closed:
        table.add_column("STATUS", no_wrap=True)
    for item in alerts:
        alert = _alert(item)
        cells = [
            _text(_clock(alert.time)[: 19 if is_wide else 16]),
            _text(
                alert.severity if is_wide else _short(alert.severity),
                SEVERITY_STYLES[alert.severity],
            ),
            _text(alert.rule.name),
            _text(_host_name(alert)),
        ]
        if is_wide:
            cells += [_text(_process_name(alert)), _text(_user_name(alert))]
        cells.append(_text(alert.id[:SHORT_ID], "dim"))
        if closed:
            status = _status(item)
            cells.append(_text(status, "" if status == "open" else "dim"))
        table.add_row(*cells)
    _print(console, table)


def _short(severity: str) -> str:
    return "info" if severity == "informational" else severity


def _alert(item: Alert | StoredAlert) -> Alert:
    from tocsin.alerts.model import Alert

    return item if isinstance(item, Alert) else item.alert


def _status(item: Alert | StoredAlert) -> str:
    return str(getattr(item, "status", "open"))


# --- one -----------------------------------------------------------------------------------------


def alert_panel(alert: Alert, console: Console, *, guide: Guide = "short") -> None:
    """One alert: what, when, who, where, why, and what to do.

    Args:
        alert: the alert.
        console: where to.
        guide: the rule's investigation guide: its first steps, all of it, or nothing. With all of
            it, long values and lists are not cut either.
    """
    is_whole = guide == "full"
    page = _Page(console, is_whole=is_whole)
    page.head(alert)
    page.field("when", _when(alert))
    page.field("host", _host(alert))
    page.field("process", *_process(alert, page))
    page.field("user", _user(alert))
    page.evidence(alert)
    page.field(
        "by", *(page.term(t["field"], t["value"]) for t in alert.details.get("joined_by", ()))
    )
    page.field("count", *_count(alert, page), *_correlated(alert, page))
    page.field("new", *(page.term(t.field, t.value) for t in alert.new_terms))
    page.field("indicator", *_indicators(alert, page))
    page.events(alert)
    page.field("group", *_suppressed(alert, page))
    page.field("known", *_known(alert, page))
    page.field("response", *_responses(alert, page))
    page.field("ATT&CK", *(_threat(threat, page.deeper) for threat in alert.rule.threat))
    page.field("rule", _rule(alert))
    page.field("note", _text(alert.note, "yellow"))
    if guide == "short":
        steps = [_brief(step) for step in first_steps(alert.rule.guide, _STEPS)]
        page.field("to do", *(_text(step) for step in steps), numbered=len(steps) > 1)
    page.field("id", _text(alert.id, "dim"))
    if is_whole:
        page.whole_guide(alert)
    console.print()


class _Page:
    """Labels on the left, values on the right, wrapped below themselves."""

    def __init__(self, console: Console, *, is_whole: bool) -> None:
        self.console = console
        self.is_whole = is_whole
        ascii_only = console.options.ascii_only
        self.arrow = "<-" if ascii_only else "←"
        self.deeper = ">" if ascii_only else "›"
        self.width = max(20, console.width - _LABEL - 1)

    def head(self, alert: Alert) -> None:
        from rich.text import Text

        line = Text()
        style = SEVERITY_STYLES[alert.severity]
        badge = style if " on " in style else f"{style} reverse"
        line.append(f" {alert.severity.upper()} ", style=badge)
        line.append(f" {printable(alert.rule.name)}", style="bold")
        self.console.print(line)

    def field(self, label: str, *values: Text, numbered: bool = False) -> None:
        """A label and its values, one below the other; without a value, nothing."""
        from rich.text import Text

        lines: list[Text] = []
        for number, value in enumerate((v for v in values if v), 1):
            if not numbered:
                lines += self.wrap(value)
                continue
            wrapped = self.wrap(value, indent=3)
            wrapped[0] = Text.assemble(f"{number}. ", wrapped[0])
            lines += [wrapped[0], *(Text.assemble("   ", line) for line in wrapped[1:])]
        self.lines(label, lines)

    def lines(self, label: str, lines: list[Text]) -> None:
        from rich.text import Text

        for number, line in enumerate(lines):
            shown = label if number == 0 else ""
            row = Text.assemble((f"{shown:>{_LABEL}} ", "dim"), line)
            row.rstrip()
            self.console.print(row, soft_wrap=True)

    def wrap(self, value: Text, indent: int = 0) -> list[Text]:
        return list(value.wrap(self.console, max(10, self.width - indent), overflow="fold"))

    def term(self, field: str, value: object) -> Text:
        if value is None:
            return _assemble("no ", (field, "cyan"))
        return _assemble((field, "cyan"), " = ", (self.cut(value) or '""', "bold"))

    def cut(self, value: object) -> str:
        longest = _LONGEST_IN_FULL if self.is_whole else _LONGEST_VALUE
        text = _value(value)
        return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"

    def evidence(self, alert: Alert) -> None:
        """``field operator pattern  ←  value``: beside each other, or below where it is narrow."""
        number = {event.id: n for n, event in enumerate(alert.events, 1)}
        shown = alert.evidence if self.is_whole else alert.evidence[:_MOST_EVIDENCE]
        leaves = [
            (
                self.leaf(e, number if len(number) > 1 else {}),
                _text(self.cut(e.value) or '""', "bold"),
            )
            for e in shown
        ]
        between = len(self.arrow) + 4
        fitting = (v for v in leaves if v[0].cell_len + between + v[1].cell_len <= self.width)
        column = max((leaf.cell_len for leaf, _ in fitting), default=0)
        lines: list[Text] = []
        for leaf, value in leaves:
            if max(column, leaf.cell_len) + between + value.cell_len <= self.width:
                gap = " " * (column - leaf.cell_len)
                lines.append(_joined(leaf, f"{gap}  {self.arrow}  ", value))
            else:
                lines += self.wrap(leaf)
                below = self.wrap(value, indent=len(self.arrow) + 3)
                lines.append(_joined("  ", f"{self.arrow} ", below[0]))
                lines += [_joined(" " * (len(self.arrow) + 3), line) for line in below[1:]]
        left_out = len(alert.evidence) - len(shown)
        if left_out:
            lines.append(_text(f"and {left_out} more", "dim"))
        self.lines("why", lines)

    def leaf(self, evidence: AlertEvidence, number: dict[str, int]) -> Text:
        which = number.get(evidence.event)
        return _assemble(
            (f"{which}: " if which else "", "dim"),
            (evidence.field, "cyan"),
            f" {printable(evidence.operator)} ",
            # `!= null` asks for any value: its pattern says nothing.
            "" if evidence.operator.endswith("null") else self.cut(evidence.pattern) or '""',
        )

    def events(self, alert: Alert) -> None:
        shown = alert.events if self.is_whole else alert.events[:_MOST_EVENTS]
        several = len(alert.events) > 1
        lines = [
            _text(
                f"{f'{n}: {_clock(event.time)}  ' if several else ''}"
                f"{event.source.file}, {event.source.position}"
            )
            for n, event in enumerate(shown, 1)
        ]
        left_out = len(alert.events) - len(shown)
        if left_out:
            lines.append(_text(f"and {left_out} more", "dim"))
        self.field("events" if several else "event", *lines)

    def whole_guide(self, alert: Alert) -> None:
        rule = alert.rule
        self.field("benign?", *(_text(text) for text in rule.false_positives))
        self.field("see", *(_text(reference) for reference in rule.references))
        if rule.guide.strip():
            self.console.print()
            _print(self.console, guide_page(rule.guide))


# --- values --------------------------------------------------------------------------------------


def _when(alert: Alert) -> Text:
    parts = [f"{_clock(alert.time)} UTC"]
    if len(alert.events) > 1:
        parts.append(f"since {_clock(alert.events[0].time)}")
    parts.append(f"found {_clock(alert.detected_at)}")
    return _text(" · ".join(parts))


def _host(alert: Alert) -> Text:
    host = alert.host
    name = _host_name(alert)
    parts = [name]
    if _value(host.get("id")) not in ("", name):
        parts.append(_value(host.get("id")))
    parts.append(", ".join(_list(host.get("ip"))[:4]))
    system = host.get("os") if isinstance(host.get("os"), dict) else {}
    parts.append(_value(system.get("name") or system.get("type")) if system else "")
    return _text(" · ".join(part for part in parts if part))


def _process(alert: Alert, page: _Page) -> Iterator[Text]:
    process = alert.process
    chain = []
    node: Any = process
    while isinstance(node, dict) and node:
        name = _value(node.get("name") or node.get("executable"))
        pid = _value(node.get("pid"))
        chain.append(" ".join(p for p in (name, f"({pid})" if pid else "") if p))
        node = node.get("parent")
    yield _text(f" {page.arrow} ".join(part for part in chain if part))
    executable = _value(process.get("executable"))
    command = _command(process)
    if executable and not command.startswith(executable) and executable != chain[0]:
        yield _text(executable)
    if command:
        yield _text(page.cut(command), "bold")


def _command(process: dict[str, Any]) -> str:
    line = process.get("command_line")
    return _value(line) if line else " ".join(_list(process.get("args")))


def _user(alert: Alert) -> Text:
    user = alert.user or alert.process.get("user") or {}
    name, number = _value(user.get("name")), _value(user.get("id"))
    domain = _value(user.get("domain"))
    shown = f"{domain}\\{name}" if domain and name else name or number
    return _text(f"{shown} ({number})" if name and number else shown)


def _count(alert: Alert, page: _Page) -> Iterator[Text]:
    """A threshold's result: how many events, of which group, and how many values they had."""
    result = alert.details.get("threshold_result")
    if not result:
        return
    asked = alert.details.get("threshold", {})
    since = f" since {_clock(str(result['from']))}" if result.get("from") else ""
    yield _assemble((_of(result["count"], asked.get("value"), "event"), "bold"), since)
    for term in result.get("terms", ()):
        yield page.term(term["field"], term["value"])
    least = {one["field"]: one["value"] for one in asked.get("cardinality", ())}
    for one in result.get("cardinality", ()):
        number = _of(one["value"], least.get(one["field"]), "value")
        yield _assemble((one["field"], "cyan"), ": ", (number, "bold"))


def _correlated(alert: Alert, page: _Page) -> Iterator[Text]:
    """What a correlation asked for, and what came together."""
    found = alert.details.get("correlation")
    if not found:
        return
    number = found["value"]
    is_told = isinstance(number, (int, float)) and number != found["count"]
    value = f", {printable(found['type'])} {number:g}" if is_told else ""
    yield _assemble(
        (_of(found["count"], None, "event") + value, "bold"),
        f" within {printable(found['timespan'])} (rings at: {page.cut(found['condition'])})",
    )
    matched = (f"{one['count']:,} × {page.cut(one['rule'])}" for one in found["matched"])
    yield _text(" · ".join(matched), "dim")


def _of(number: int, least: int | None, thing: str) -> str:
    """``12 events (rings at 10)``."""
    text = f"{number:,} {thing}{'' if number == 1 else 's'}"
    return text if least is None else f"{text} (rings at {least:,})"


def _suppressed(alert: Alert, page: _Page) -> Iterator[Text]:
    """How many matches were counted on this one, and what they have in common."""
    suppression = alert.details.get("suppression")
    if not suppression or not suppression["docs_count"]:
        return
    until = _clock(str(suppression["end"]))
    yield _assemble((f"and {suppression['docs_count']:,} more", "bold"), f" like it until {until}")
    if "threshold_result" not in alert.details:  # it has told of its group already
        for term in suppression["terms"]:
            yield page.term(term["field"], term["value"])


def _known(alert: Alert, page: _Page) -> Iterator[Text]:
    """What the rules of an Agent remembered when this one matched."""
    for name, value in alert.details.get("variables", {}).items():
        said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield _assemble((f"${{{printable(name)}}}", "cyan"), " = ", (page.cut(said), "bold"))


def _responses(alert: Alert, page: _Page) -> Iterator[Text]:
    """What the policy asks the Agent to do, and Tocsin leaves to who reads this."""
    for response in alert.details.get("responses", ()):
        settings = ", ".join(f"{k} {v}" for k, v in response.items() if k != "action")
        asked = _assemble("the policy asks for ", (page.cut(response["action"]), "bold"))
        yield asked + _text(f" ({page.cut(settings)})" if settings else "")


def _indicators(alert: Alert, page: _Page) -> Iterator[Text]:
    """The indicators that the event met: type, value, provider, and by which field."""
    enrichments = alert.details.get("threat", {}).get("enrichments", [])
    shown = enrichments if page.is_whole else enrichments[:_MOST_EVIDENCE]
    for one in shown:
        indicator, matched = one["indicator"], one["matched"]
        said = _list(indicator.get("type"))[:1]
        names = dict.fromkeys(
            text
            for name in ("provider", "name", "description")
            for text in _list(indicator.get(name))[:1]
        )
        value = page.cut(matched["atomic"])
        about = [page.cut(name) for name in names if name and name != value]
        yield _assemble(
            *(f"{kind} " for kind in said),
            (value, "bold"),
            f" {page.arrow} ",
            (str(matched["field"]), "cyan"),
            "".join(f" · {text}" for text in about),
        )
    left_out = len(enrichments) - len(shown) + int(alert.details.get("enrichments_left_out", 0))
    if left_out:
        yield _text(f"and {left_out:,} more", "dim")


def _threat(threat: AlertThreat, deeper: str) -> Text:
    tactic = threat.tactic
    start = f"{tactic.id} {tactic.name}" if tactic else ""
    names = [
        f"{t.id} {t.name}"
        for technique in threat.technique
        for t in (technique.subtechnique or (technique,))
    ]
    return _text(f" {deeper} ".join(part for part in (start, ", ".join(names)) if part))


def _rule(alert: Alert) -> Text:
    rule = alert.rule
    authors = ", ".join(rule.author)
    parts = [
        f"{rule.source.vendor} {rule.id}",
        f"risk {alert.risk_score}",
        rule.source.file,
        f"by {authors} ({rule.license})" if authors and rule.license else "",
    ]
    return _text(" · ".join(part for part in parts if part))


def _host_name(alert: Alert) -> str:
    host = alert.host
    return _value(host.get("name") or host.get("hostname") or host.get("id"))


def _process_name(alert: Alert) -> str:
    return _value(alert.process.get("name") or alert.process.get("executable"))


def _user_name(alert: Alert) -> str:
    user = alert.user or alert.process.get("user") or {}
    return _value(user.get("name") or user.get("id"))


def _clock(time: str) -> str:
    """A moment without what nobody reads: ``2026-03-01 10:00:01``."""
    return time[:19].replace("T", " ")


def _brief(step: str) -> str:
    """A step's first sentences, as many as one takes in at a glance."""
    if len(step) <= _LONGEST_STEP:
        return step
    start = step[:_LONGEST_STEP]
    sentences = start.rpartition(". ")[0]
    return f"{sentences}." if sentences else f"{start.rpartition(' ')[0]} …"


def _list(value: object) -> list[str]:
    if value is None:
        return []
    return [_value(v) for v in value] if isinstance(value, list) else [_value(value)]


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_list(value))
    return str(value)


# --- text ----------------------------------------------------------------------------------------


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(printable(text), style=style)


def _assemble(*parts: str | tuple[str, str]) -> Text:
    from rich.text import Text

    safe = [printable(p) if isinstance(p, str) else (printable(p[0]), p[1]) for p in parts]
    return Text.assemble(*safe)


def _joined(*parts: str | Text) -> Text:
    from rich.text import Text

    return Text.assemble(*parts)


def _print(console: Console, what: Any) -> None:
    """Prints something without blanks behind its lines."""
    from tocsin.cli._screen import put

    put(console, what)
