"""``tocsin rules``: what loads, what there is, what is wrong with it, what it looks for, tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.errors import ALERTS, RULES, for_people
from tocsin.cli.options import AgentVersion, Values, environment

if TYPE_CHECKING:
    from tocsin.rules.environment import Environment
    from tocsin.rules.model import Loaded, Rule

app = typer.Typer(
    help="Look at rules: what loads, what is in them, what is wrong with them, whether they work.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
_StrictFields = Annotated[
    bool,
    typer.Option("--strict-fields", help="Refuse rules that name a field which no schema knows."),
]
_Some = Annotated[
    list[Path],
    typer.Argument(metavar="PATH", help="Rule files, or directories of them."),
]


@app.command()
def stats(
    paths: _Some,
    json: _Json = False,
    all_problems: Annotated[
        bool, typer.Option("--problems", help="Show every problem, not the first of each kind.")
    ] = False,
    strict_fields: _StrictFields = False,
    agent: AgentVersion = "",
    values: Values = None,
) -> None:
    """Count the rules that load, by type, and say why the others do not."""
    from tocsin.cli._rule_tables import print_stats, stats_as_data
    from tocsin.cli._screen import print_json

    with for_people():
        loaded = load(paths, environment(agent, values), strict_fields=strict_fields)
        if json:
            print_json(stats_as_data(loaded))
        else:
            print_stats(loaded, all_problems=all_problems)


@app.command("list")
def list_rules(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Rule files; without one, the shipped pack."),
    ] = None,
    severity: Annotated[
        str, typer.Option(metavar="LEVEL", help="Only rules of at least this severity.")
    ] = "",
    vendor: Annotated[str, typer.Option(metavar="NAME", help="Only this vendor's rules.")] = "",
    tactic: Annotated[
        str, typer.Option(metavar="ID", help="Only rules of a tactic: TA0006, or its name.")
    ] = "",
    technique: Annotated[
        str,
        typer.Option(metavar="ID", help="Only rules of a technique; T1552 takes T1552.005 too."),
    ] = "",
    json: _Json = False,
    agent: AgentVersion = "",
    values: Values = None,
) -> None:
    """List rules: id, name, vendor, type, severity, ATT&CK."""
    from tocsin.cli._rule_tables import print_list, row_as_data
    from tocsin.cli._screen import print_json

    with for_people():
        chosen = Choice(severity, vendor, tactic, technique)
        loaded = load(paths or [], environment(agent, values))
        rules = [rule for rule in loaded.rules if chosen.takes(rule)]
        if json:
            print_json([row_as_data(rule) for rule in rules])
        else:
            print_list(rules, loaded)


@app.command()
def lint(
    paths: _Some,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 for warnings too.")] = False,
    strict_fields: _StrictFields = False,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORM", help="text or json.")
    ] = "text",
    agent: AgentVersion = "",
    values: Values = None,
) -> None:
    """Report every problem and every doubtful thing, with its place.

    Exit status: 0 if all rules load, 2 if one does not (with --strict also for warnings), 3 if the
    command line is wrong. What Tocsin does not run yet is a note, and no fault of the rule.
    """
    from tocsin.catalogue.lint import lint as find_doubtful
    from tocsin.cli._rule_lint import find_slow, lint_as_data, print_lint
    from tocsin.cli._screen import print_json
    from tocsin.errors import UsageError

    with for_people():
        if form not in {"text", "json"}:
            message = f"--format {form!r}: choose text or json"
            raise UsageError(message)
        loaded = load(paths, environment(agent, values), strict_fields=strict_fields)
        findings = [*find_doubtful(loaded.rules), *find_slow(loaded.rules)]
        if form == "json":
            print_json(lint_as_data(loaded, findings))
        else:
            print_lint(loaded, findings)
    warned = bool(findings) or any(problem.kind == "warning" for problem in loaded.problems)
    if any(problem.is_failure for problem in loaded.problems) or (strict and warned):
        raise typer.Exit(RULES)


@app.command()
def profile(
    paths: _Some,
    events: Annotated[
        list[str],
        typer.Option("--events", "-e", metavar="FILE", help="Lines of JSON to try the rules on."),
    ],
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, help="How many lines of the table.")
    ] = 30,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORM", help="text or json.")
    ] = "text",
    agent: AgentVersion = "",
    values: Values = None,
) -> None:
    """Show what each rule costs on your telemetry, and which have no rare text.

    \b
    Examples:
      tocsin rules profile ~/detection-rules/rules --events endpoint.ndjson
    """  # noqa: D301  (the \b is for the help: keep these lines as they are)
    from tocsin.cli._rule_profile import print_profile, profile_as_data
    from tocsin.cli._screen import print_json
    from tocsin.errors import InputError, UsageError
    from tocsin.runtime.rule_profile import profile as find_costs
    from tocsin.sources.files import find

    with for_people():
        if form not in {"text", "json"}:
            message = f"--format {form!r}: choose text or json"
            raise UsageError(message)
        found = find(events)
        if found.refused:
            raise InputError(found.refused[0])
        loaded = load(paths, environment(agent, values))
        costs = find_costs(loaded.rules, found.files)
        if not costs.events:
            message = f"--events {' '.join(events)}: no lines of JSON in it"
            raise InputError(message)
        if form == "json":
            print_json(profile_as_data(costs))
        else:
            print_profile(costs, most)


@app.command()
def show(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE", help="An id or its beginning, a file, or words of the rule's name."
        ),
    ],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH", help="Rules to compare with; without one, the shipped pack."
        ),
    ] = None,
    guide: Annotated[
        bool, typer.Option("--guide", help="Print the whole investigation guide.")
    ] = False,
    json: _Json = False,
    agent: AgentVersion = "",
    values: Values = None,
) -> None:
    """Show one rule: its logic as a tree, and what else looks for the same indicators."""
    from tocsin.catalogue.counts import count_indicators
    from tocsin.catalogue.page import as_data, page_of
    from tocsin.cli._rule_page import print_page
    from tocsin.cli._screen import bar, print_json

    with for_people():
        compared = load(paths or [], environment(agent, values))
        chosen = choose(rule, compared, environment(agent, values))
        with bar("counting indicators"):
            page = page_of(chosen, count_indicators(compared.rules))
        if json:
            print_json(as_data(page))
        else:
            print_page(page, guide=guide)


@app.command("test")
def check(
    paths: _Some,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Also write the results as JUnit's XML."),
    ] = None,
    json: _Json = False,
    agent: AgentVersion = "",
    values: Values = None,
) -> None:
    """Test rules with their authors' events and with events made out of their logic.

    Exit status: 0 if all tests pass, 1 if one fails, 2 if a rule does not load, 3 if a file of
    events or the command line is wrong.
    """
    from tocsin.cli._rule_lint import not_loaded
    from tocsin.cli._rule_test import junit as as_junit
    from tocsin.cli._rule_test import print_tests, tests_as_data
    from tocsin.cli._screen import bar, print_json
    from tocsin.runtime.rule_tests import run_tests

    with for_people():
        loaded = load(paths, environment(agent, values))
        problems = [problem for problem in not_loaded(loaded) if problem.is_failure]
        with bar("testing rules"):
            tested = list(run_tests(loaded.rules))
        if junit is not None:
            write(junit, as_junit(tested, problems))
        if json:
            print_json(tests_as_data(tested, problems))
        else:
            print_tests(tested, loaded, problems)
    if any(one.failed for one in tested):
        raise typer.Exit(ALERTS)
    if problems:
        raise typer.Exit(RULES)


def write(file: Path, text: str) -> None:
    """Writes what the user asked for.

    Raises:
        UsageError: it cannot be written there.
    """
    from tocsin.errors import UsageError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot write {file}: {(error.strerror or str(error)).lower()}"
        raise UsageError(message) from error


@app.command()
def export(
    paths: _Some,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORM", help="elastic-ndjson.")
    ] = "elastic-ndjson",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there."),
    ] = None,
    agent: AgentVersion = "",
    values: Values = None,
) -> None:
    """Write rules, with their exceptions, as a vendor's own tools import them.

    elastic-ndjson is what Kibana imports: Elastic's rules, none of them enabled. Rules of other
    vendors, and those that did not load, are left out and counted.
    """
    from tocsin.cli._screen import safe
    from tocsin.errors import UsageError
    from tocsin.rules.formats.elastic_ndjson import export as as_ndjson

    with for_people():
        if form != "elastic-ndjson":
            message = f"--format {form!r}: choose elastic-ndjson"
            raise UsageError(message)
        loaded = load(paths, environment(agent, values))
        text = as_ndjson(loaded.rules)
        if output is None:
            sys.stdout.buffer.write(text.encode())
        else:
            try:
                output.write_text(text, encoding="utf-8", newline="")
            except OSError as error:
                message = f"--output {output}: {(error.strerror or str(error)).lower()}"
                raise UsageError(message) from error
    written = sum(rule.vendor == "elastic" for rule in loaded.rules)
    others = len(loaded.rules) - written
    failed = sum(not problem.loads for problem in loaded.problems)
    left_out = [f"{others:,} of other vendors"] * bool(others)
    left_out += [f"{failed:,} that did not load"] * bool(failed)
    told = f"{written:,} rules written" + (f"; left out: {', '.join(left_out)}" if left_out else "")
    sys.stderr.write(f"{safe(told)}\n")


def load(paths: list[Path], where: Environment, *, strict_fields: bool = False) -> Loaded:
    """The rules of files and directories; without any, the shipped pack.

    Args:
        paths: the files and directories.
        where: what the user says of the place where rules run.
        strict_fields: whether a rule with a field that no schema knows is refused.

    Raises:
        UsageError: one of them is not there.
    """
    from tocsin.cli._screen import bar
    from tocsin.cli.scan import near
    from tocsin.errors import UsageError
    from tocsin.rules.load import load_rules, shipped_pack

    for path in paths:
        if not path.exists():
            message = f"{path}: no such file or directory"
            raise UsageError(message)
    with bar("loading rules"):
        return load_rules(
            paths or [near(shipped_pack())], environment=where, strict_fields=strict_fields
        )


def choose(wanted: str, compared: Loaded, where: Environment) -> Rule:
    """The one rule that is meant: out of a file of that name, else out of those to compare with.

    Raises:
        UsageError: none is, or several are.
    """
    from tocsin.catalogue.find import find
    from tocsin.errors import UsageError

    file = Path(wanted)
    if file.is_file():
        loaded = load([file], where)
        rules = loaded.rules
        if not rules:
            raise UsageError(_not_loaded(wanted, loaded) or f"{wanted}: no rule in this file")
    else:
        loaded = compared
        found = find(wanted, loaded.rules)
        rules = found.rules
        if not rules:
            problem = _not_loaded(wanted, loaded)
            if problem:
                raise UsageError(problem)
            near = "".join(f"\n  {near.id}  {near.name}" for near in found.nearest)
            hint = f"; did you mean{near}" if near else " (`tocsin rules list` shows them all)"
            message = f"no rule {wanted!r} among {len(loaded.rules):,}{hint}"
            raise UsageError(message)
    if len(rules) > 1:
        lines = [f"  {rule.id}  {rule.name}" for rule in rules[:_MOST_CANDIDATES]]
        if len(rules) > _MOST_CANDIDATES:
            lines.append(f"  … and {len(rules) - _MOST_CANDIDATES:,} more")
        message = "\n".join([f"{wanted!r} may mean {len(rules):,} rules:", *lines])
        raise UsageError(message)
    return rules[0]


_MOST_CANDIDATES = 10


def _not_loaded(wanted: str, loaded: Loaded) -> str:
    """Why a rule of that id, name or file did not load; empty where there is none such."""
    for problem in loaded.problems:
        path = Path(problem.path)
        known = {problem.rule_id, problem.name, problem.path, path.name, path.stem} - {""}
        if not problem.loads and wanted in known:
            return f"{wanted} could not be loaded ({problem.kind}): {problem.message}"
    return ""


class Choice:
    """Which rules `tocsin rules list` is asked for.

    Args:
        severity: the least severe one to take; empty for all.
        vendor: empty for all.
        tactic: an id or a name.
        technique: an id; that of a technique stands for its sub-techniques too.

    Raises:
        UsageError: one of them is none.
    """

    def __init__(self, severity: str, vendor: str, tactic: str, technique: str) -> None:
        from tocsin.errors import UsageError
        from tocsin.rules.attack import is_technique_id
        from tocsin.rules.model import SEVERITIES, severity_of

        least = severity_of(severity) if severity else SEVERITIES[0]
        if least is None:
            message = f"--severity {severity!r}: choose {', '.join(SEVERITIES)}"
            raise UsageError(message)
        self.severities = SEVERITIES[SEVERITIES.index(least) :]
        self.vendor = vendor.casefold()
        self.tactic = tactic.casefold().replace("-", " ")
        self.technique = technique.upper()
        if technique and not is_technique_id(self.technique):
            message = f"--technique {technique!r}: write an id such as T1552 or T1552.005"
            raise UsageError(message)

    def takes(self, rule: Rule) -> bool:
        """Whether a rule is one of them."""
        return (
            rule.severity in self.severities
            and self.vendor in {"", rule.vendor.casefold()}
            and self._has_tactic(rule)
            and self._has_technique(rule)
        )

    def _has_tactic(self, rule: Rule) -> bool:
        tactics = [threat.tactic for threat in rule.threat if threat.tactic is not None]
        known = {text.casefold() for tactic in tactics for text in (tactic.id, tactic.name)}
        return not self.tactic or self.tactic in known

    def _has_technique(self, rule: Rule) -> bool:
        from tocsin.cli._rule_tables import technique_ids

        wanted = self.technique
        return not wanted or any(
            known == wanted or known.startswith(f"{wanted}.") for known in technique_ids(rule)
        )
