"""Sigma's log sources: which events they are, and which fields Sigma's names mean in them.

A rule is for a category, a product, a service, or several of them. `find` answers with

* `Source.alternatives`: what an event has to be, one of them with all of its conditions
* `Source.fields_of`: the fields that a name of Sigma's taxonomy stands for
* `Source.fed_by`: the decoders and shapes of ours that make such events out of a vendor's own;
  none: only documents that are in ECS already can be some

>>> source = find(LogSource("process_creation", "linux"))
>>> source.fields_of("Image"), source.fields_of("CommandLine")
(('process.executable',), ('process.command_line',))
>>> find(LogSource("", "gcp", "gcp.audit")).fed_by
('gcp_audit',)

What no table knows is looked for by its name, in ``event.module`` and ``event.dataset``.

Taxonomy: https://sigmahq.io/sigma-specification/specification/sigma-appendix-taxonomy.html
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from tocsin.events.schema._log_sources_cloud import CLOUD
from tocsin.events.schema._log_sources_hosts import HOSTS, WINDOWS_IN_ECS, WINDOWS_NAMES_IN_ECS
from tocsin.events.schema._log_sources_network import NETWORK
from tocsin.events.schema._log_sources_rows import Alternative, Row
from tocsin.events.schema.windows import CATEGORIES, SERVICES, sigma_field
from tocsin.logic.expr import Expr, Leaf, Not, conjunction, disjunction
from tocsin.logic.matchers import Equals, Exists, Wildcard
from tocsin.logic.patterns import glob_from_eql


class LogSource(msgspec.Struct, frozen=True):
    """What a rule is for; empty: it does not say. In lower case."""

    category: str = ""
    product: str = ""
    service: str = ""

    @property
    def shown(self) -> str:
        """For people: ``category process_creation, product linux``."""
        pairs = zip(self.__struct_fields__, msgspec.structs.astuple(self), strict=True)
        return ", ".join(f"{key} {value}" for key, value in pairs if value)

    def holds(self, other: LogSource) -> bool:
        """Whether another one is the same, or a part of this one."""
        mine, its = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return all(not one or one == two for one, two in zip(mine, its, strict=True))


class Source(msgspec.Struct, frozen=True):
    """A log source in documents.

    Attributes:
        alternatives: what an event has to be.
        row: what its names stand for.
        wanted: what the rule is for.
        fed_by: what makes such events here.
        known: whether a table knows the log source.
        windows: the names of Windows' events are known besides.
    """

    alternatives: tuple[Alternative, ...]
    row: Row
    wanted: LogSource
    fed_by: tuple[str, ...]
    known: bool = True
    windows: bool = False

    @property
    def keywords(self) -> tuple[str, ...]:
        """The fields in which a value without a name is looked for; with ``*`` for many."""
        return self.row.keywords

    @property
    def nested(self) -> str:
        """Where the objects stand of which each is an event to Sigma; empty: the document is."""
        return self.row.nested

    @property
    def note(self) -> str:
        """Which events can be seen all the same."""
        return self.row.note

    def fields_of(self, name: str) -> tuple[str, ...]:
        """The fields that a name stands for; a condition holds where it does for one of them."""
        known = self.row.names.get(name)
        if known is not None:
            return known
        if self.windows:
            field = sigma_field(self.wanted.category, self.wanted.service, name)
            more = WINDOWS_NAMES_IN_ECS.get(self.wanted.category, {}).get(name)
            return (field,) if more is None else (field, more)
        return tuple(dict.fromkeys(self.row.spelled(name)))

    def empty_in(self, name: str) -> tuple[str, ...]:
        """The fields that hold a name's value also where it says nothing (``""``, ``-``)."""
        if not self.windows or name in self.row.names:
            return ()
        raw = f"winlog.event_data.{name}"
        mapped = sigma_field(self.wanted.category, self.wanted.service, name)
        return () if mapped == raw or not mapped.startswith(_ECS) else (raw,)


_ECS: Final = ("process.", "file.", "destination.", "source.", "registry.", "dns.", "powershell.")
"""Where Windows' values stand under another name, which leaves out what says nothing."""


def find(wanted: LogSource) -> Source:
    """The events of a log source."""
    return _find(wanted)


@lru_cache(maxsize=1_024)
def _find(wanted: LogSource) -> Source:
    if wanted.product == "windows":
        return _windows(wanted)
    row = _row(wanted)
    if row is None:
        return Source(_by_name(wanted), Row(note=_NOTE), wanted, (), known=False)
    return Source((*row.alternatives, *_from_windows(wanted)), row, wanted, row.fed_by)


ROWS: Final[Mapping[tuple[str, str, str], Row]] = {**HOSTS, **NETWORK, **CLOUD}
"""(category, product, service) → what its events are; ``""``: whatever it is."""


def _row(wanted: LogSource) -> Row | None:
    """The row that knows most of the log source."""
    category, product, service = msgspec.structs.astuple(wanted)
    # A category that nobody knows is not everything that the product does.
    is_whole = bool(service) or not category or (category, "", "") in ROWS
    tried = [
        (category, product, service),
        ("", product, service) if is_whole else None,
        (category, product, ""),
        (category, "", service), (category, "", "") if not product or not service else None,
        ("", "", service) if not product else None,
        ("", product, "") if not service and not category else None,
    ]  # fmt: skip
    return next((ROWS[key] for key in tried if key is not None and key in ROWS), None)


_NOTE: Final = "events are looked for whose event.module or event.dataset is called so"


def _by_name(wanted: LogSource) -> tuple[Alternative, ...]:
    category, product, service = msgspec.structs.astuple(wanted)
    found: list[Alternative] = []
    if product and service:
        dataset = service if service.startswith(f"{product}.") else f"{product}.{service}"
        found.append((("event.dataset", (dataset, service)),))
        found.append((("event.module", (product,)), ("event.dataset", (f"*.{service}",))))
    elif product or service:
        found.append((("event.module", (product or service,)),))
        found.append((("event.dataset", (f"{product or service}.*",)),))
    else:
        found.append((("event.category", (category,)),))
    return tuple(found)


def resembling(wanted: LogSource) -> str:
    """What an unknown category, product or service was perhaps to be; empty where none is near.

    >>> resembling(LogSource("proces_creation", "windows")), resembling(LogSource("", "acme"))
    ('category process_creation', '')
    """
    for place, name in enumerate(wanted.__struct_fields__):
        word = getattr(wanted, name)
        known = {key[place] for key in ROWS} - {""}
        known |= {"category": set(CATEGORIES) | set(WINDOWS_IN_ECS), "service": set(SERVICES)}.get(
            name, {"windows"}
        )
        if word and word not in known:
            near = difflib.get_close_matches(word[:_LONGEST], sorted(known), n=1, cutoff=0.85)
            if near:
                return f"{name} {near[0]}"
    return ""


_LONGEST: Final = 60


# --- Windows ----------------------------------------------------------------------------------

_EVENT_LOGS: Final = "windows_event"
_ANY_CHANNEL: Final[Alternative] = (("winlog.channel", ("*",)),)


def _windows(wanted: LogSource) -> Source:
    row = ROWS.get(msgspec.structs.astuple(wanted)) or Row(keywords=("winlog.*", "message"))
    alternatives = list(row.alternatives)
    known = True
    if wanted.category in CATEGORIES or wanted.category in WINDOWS_IN_ECS:
        alternatives += _from_windows(wanted)
        alternatives += WINDOWS_IN_ECS.get(wanted.category, ())
    elif wanted.service and wanted.service not in SERVICES:
        known = False
        channel = ("winlog.channel", (f"*{wanted.service}*", f"*{wanted.service}/*"))
        alternatives.append((channel,))
    elif not wanted.service:
        known = not wanted.category
        alternatives.append(_ANY_CHANNEL)
    if wanted.service in SERVICES:
        on_channel = (("winlog.channel", SERVICES[wanted.service]),)
        alternatives = [(*one, *on_channel) for one in alternatives or [()]]
    in_log = any(field == "winlog.channel" and v for one in alternatives for field, v in one)
    fed = (_EVENT_LOGS,) if in_log and known else ()
    if not fed and wanted.category in WINDOWS_IN_ECS:
        row = msgspec.structs.replace(row, note=_NO_CHANNEL)
    return Source(tuple(alternatives), row, wanted, fed or row.fed_by, known, windows=True)


_NO_CHANNEL: Final = "no Windows event log has them; events of Elastic's endpoint agent are seen"


def _from_windows(wanted: LogSource) -> Iterator[Alternative]:
    """The events of Windows' logs, and of the logs that Sysmon writes elsewhere."""
    for source in CATEGORIES.get(wanted.category, ()):
        if wanted.product in {source.product, ""}:
            where = tuple(
                (f"winlog.event_data.{name}", values) for name, values in source.where.items()
            )
            yield (("winlog.channel", (source.channel,)), ("event.code", source.event_ids), *where)


# --- as logic ---------------------------------------------------------------------------------


@lru_cache(maxsize=1_024)
def where(source: Source) -> Expr:
    """What an event has to be, as logic; case counts for nothing."""
    return disjunction(
        *(
            conjunction(*(_condition(field, values) for field, values in alternative))
            for alternative in source.alternatives
        )
    )


def _condition(field: str, values: tuple[str, ...]) -> Expr:
    if not values:
        return Not(Leaf(field, Exists(), "keyword", operator=":"))
    if values == ("*",):
        return Leaf(field, Exists(), "keyword", operator=":")
    if any("*" in value for value in values):
        globs = tuple(glob_from_eql(value) for value in values)
        return Leaf(field, Wildcard(globs, fold_case=True), "keyword", operator=":")
    return Leaf(field, Equals(values, fold_case=True), "keyword", operator=":")
