"""Options that several commands share, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin.rules.environment import Environment

InputFormat = Annotated[
    str,
    typer.Option(
        "--input-format",
        metavar="NAME",
        help="What the inputs are, where that is not recognised: evtx, cloudtrail, zeek, … or ecs; "
        "a wrong name lists them all.",
        show_default=False,
    ),
]
AgentVersion = Annotated[
    str,
    typer.Option(
        "--agent-version",
        metavar="VERSION",
        help="The version of Datadog's Agent that policies are read for: 7.60, or any for all "
        "their rules. [default: the newest]",
        show_default=False,
    ),
]
Values = Annotated[
    list[Path] | None,
    typer.Option(
        "--values",
        metavar="FILE",
        help="Values for the placeholders of Sigma rules: YAML, a name and a list; again for more.",
        show_default=False,
    ),
]


def environment(agent: str, values: list[Path] | None) -> Environment:
    """What the options say of the place where rules run.

    Raises:
        UsageError: a version or a file that makes no sense.
    """
    from tocsin.rules.environment import NEWEST_AGENT, Environment, agent_version, read_values

    return Environment(
        agent_version=agent_version(agent) if agent else NEWEST_AGENT,
        values=read_values(values or []),
    )
