"""Documentation that can be wrong is tested: every command and option has its place in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tocsin.cli.main import app
from tocsin.sources.files import formats

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")
EVERYWHERE = {"--help", "--install-completion", "--show-completion"}


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for word, child in below.items():
        yield from commands(child, f"{name} {word}")


ALL = dict(commands(typer.main.get_command(app), "tocsin"))


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_a_heading_and_names_its_options(name: str) -> None:
    heading = f"\n## {name}\n"
    assert heading in COMMANDS
    section = COMMANDS.partition(heading)[2].partition("\n## ")[0]
    for parameter in ALL[name].params:
        longest = max(parameter.opts, key=len)
        if longest.startswith("--") and longest not in EVERYWHERE:
            assert f"{longest}`" in section or f"{longest} " in section, longest


def test_every_documented_option_exists() -> None:
    for heading, section in re.findall(
        r"\n## (tocsin [a-z ]+)\n(.*?)(?=\n## |\Z)", COMMANDS, re.DOTALL
    ):
        known = {option for p in ALL[heading].params for option in p.opts} | EVERYWHERE
        for option in re.findall(r"`(--[a-z-]+)", section):
            assert option in known, f"{heading} {option}"


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (*DOCS.glob("*.md"), DOCS.parent / "README.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_input_format_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", (DOCS / "inputs.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(described) == list(formats())
