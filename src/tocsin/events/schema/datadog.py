"""Names of Datadog's log search, as fields of an event.

An attribute (``@evt.name``) stands below ``datadog``, as it came; what Datadog keeps beside the
attributes (``service``, ``status``, ``message`` …) below ``datadog_log``, and every other name is
the key of a tag, below ``datadog_log.tag``.

>>> path_of("@agent.rule_id"), path_of("service"), path_of("env")
('datadog.agent.rule_id', 'datadog_log.service', 'datadog_log.tag.env')

Names: https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/
"""

from __future__ import annotations

from typing import Final

ATTRIBUTES: Final = "datadog"
"""Where the attributes of a log are."""

LOG: Final = "datadog_log"
"""Where stands what is no attribute."""

MESSAGE: Final = f"{LOG}.message"
TAGS: Final = f"{LOG}.tags"
"""Tags as they are written, ``key:value`` or bare."""

TAG: Final = f"{LOG}.tag"
"""Tags by their keys."""

RESERVED: Final = frozenset(
    {"host", "message", "service", "source", "status", "tags", "timestamp", "trace_id"}
)
"""What a log has beside its attributes; written without ``@``."""


def path_of(name: str) -> str:
    """The field of a name of Datadog's log search."""
    if name.startswith("@"):
        return f"{ATTRIBUTES}.{name[1:]}"
    return f"{LOG if name in RESERVED else TAG}.{name}"


def name_of(path: str) -> str:
    """The name of log search that a field has.

    >>> name_of("datadog.usr.id"), name_of("datadog_log.host"), name_of("datadog_log.tag.env")
    ('@usr.id', 'host', 'env')
    """
    for prefix, mark in ((f"{ATTRIBUTES}.", "@"), (f"{TAG}.", ""), (f"{LOG}.", "")):
        if path.startswith(prefix):
            return mark + path.removeprefix(prefix)
    return path
