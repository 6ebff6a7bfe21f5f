"""One scan: inputs → records → detector → alerts → store and sink, with everything counted.

With a store, what rules remember of a file and the note that it is done are one transaction with
the last of its alerts (many alerts are written before, in parts: to find them again adds nothing).
A scan that was interrupted therefore goes on with the file it was in; one that ended leaves no
note, and scanning the same input again finds the same alerts and adds none.
"""

from __future__ import annotations

import base64
import datetime as dt
import gc
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tocsin.alerts.build import alert_of
from tocsin.alerts.model import Alert
from tocsin.engine.match import Match
from tocsin.engine.state.build import operator_name
from tocsin.errors import InputError, UsageError
from tocsin.events.decoders import json, parquet
from tocsin.events.record import Document, Undecodable
from tocsin.rules.model import Rule
from tocsin.runtime.detector import ALWAYS, Detector, Window
from tocsin.runtime.hits import Found
from tocsin.runtime.maps import Maps
from tocsin.runtime.outcome import Outcome
from tocsin.runtime.pieces import Pieces
from tocsin.runtime.rereading import Rereading
from tocsin.runtime.slow_patterns import slow_patterns
from tocsin.runtime.summary import Summary
from tocsin.sources.files import STANDARD_INPUT, InputFile, OpenFile, readable_again
from tocsin.sources.files import Found as Inputs

MANY_BYTES = 8 << 20
_DENSE = 16
"""A file of columns has the events of lines that are so many times larger."""

PENDING_ALERTS = 1_000
PENDING_BYTES = 16 << 20


class Sink(Protocol):
    """Where alerts go."""

    def write(self, alert: Alert) -> None:
        """Takes an alert, once."""


class Memory(Protocol):
    """What a scan needs of a store; `runtime.memory` has the two there are.

    Attributes:
        remembers: whether another scan will see what rules remember after this one.
    """

    remembers: bool

    def saved(self, operators: Sequence[str]) -> dict[str, dict[str, bytes]]:
        """What rules remember, by operator and key."""

    def add(self, alerts: Sequence[Alert]) -> int:
        """Takes some alerts before `commit`; returns how many were not there before."""

    def progress(self, scan: str) -> bytes | None:
        """The note that an interrupted scan left."""

    def commit(
        self,
        alerts: Sequence[Alert],
        changes: dict[str, dict[str, bytes | None]],
        scan: str,
        progress: bytes | None,
    ) -> int:
        """Writes all of it in one transaction; returns how many alerts were not there before."""

    def alerts(self, identifiers: Sequence[str]) -> list[Alert]:
        """Alerts that were committed before."""


class Progress(msgspec.Struct):
    """The note of an interrupted scan.

    Attributes:
        done: the files that are done.
        alerts: the alerts found in them.
        read: how many records were read up to the end of the last of them.
        noted: see `Detector.noted`.
    """

    done: list[tuple[str, int, int]] = msgspec.field(default_factory=list)
    alerts: list[str] = msgspec.field(default_factory=list)
    read: int = 0
    noted: bytes = b""


class Scan:
    """A scan that is set up and not yet run.

    Args:
        rules: those that loaded.
        inputs: the files, from `sources.files.find`.
        memory: where alerts and what rules remember are kept.
        sink: where alerts go besides.
        window: events outside it are not looked at.
        warm_up: see `Detector`.
        dead_letters: a file for what could not be decoded.
        max_signals: how many alerts a run of an Elastic rule may make that does not say; None: any
            number.
        clock: the current time in nanoseconds since the epoch.
        indicators: documents about threats, from `sources.indicators.load_indicators`.
        moved: called now and then with (bytes read, of how many, alerts) for a progress bar.
        verify_input: every line is decoded, so that each that is no event is named.
        jobs: how many processes look for hits in files of lines.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        inputs: Inputs,
        memory: Memory,
        sink: Sink,
        *,
        window: Window = ALWAYS,
        warm_up: dt.timedelta = dt.timedelta(0),
        dead_letters: Path | None = None,
        indicators: Sequence[Document] = (),
        max_signals: int | None = None,
        clock: Callable[[], int] = time.time_ns,
        moved: Callable[[int, int, int], None] | None = None,
        verify_input: bool = False,
        jobs: int = 1,
    ) -> None:
        self._inputs = inputs = readable_again(inputs)
        reads_twice = _is_worth_it(inputs)
        self._jobs = jobs
        self._memory = memory
        self._sink = sink
        self._dead_letters = dead_letters
        self._clock = clock
        self._moved = moved or (lambda _read, _total, _alerts: None)
        self._total = sum(file.size for file in inputs.files)
        self._seen: set[str] = set()
        self._pending: list[Alert] = []
        self._pending_bytes = 0
        self._found: list[str] = []
        self._key = _scan_key(rules, inputs, window, warm_up, indicators, max_signals)
        operators = [operator_name(rule) for rule in rules]
        operators += Outcome.operators(rules, max_signals)
        saved = memory.saved([*operators, "clock"])
        self._detector = Detector(
            rules, now=clock(), window=window, warm_up=warm_up,
            saved=saved, indicators=indicators, all_decoded=verify_input,
            limited=True, reads_twice=reads_twice, remembers=memory.remembers,
        )  # fmt: skip
        self._outcome = Outcome(rules, saved, max_signals=max_signals)
        self.summary = Summary(
            indicators=len(indicators), without_indicators=self._detector.without_indicators
        )

    def run(self) -> Summary:
        """Does it; an input that cannot be read costs that input, and the summary names it."""
        try:
            return self._run()
        finally:
            for file in self._inputs.files:
                if file.kept is not None:
                    file.kept.close()

    def _run(self) -> Summary:
        begun = time.monotonic()
        summary, read = self.summary, 0
        summary.refused.extend(self._inputs.refused)
        with ExitStack() as stack:
            stack.enter_context(rare_collections())
            letters = None
            if self._dead_letters is not None:
                letters = stack.enter_context(_DeadLetters(self._dead_letters))
            progress = self._resume()
            done = {tuple(entry) for entry in progress.done}
            pieces = stack.enter_context(Pieces(self._detector.finder, self._jobs))
            for file in self._inputs.files:
                mark = _mark(file)
                if mark is not None and mark in done:
                    summary.resumed += 1
                    read += file.size
                    continue
                try:
                    self._file(file, read, letters, pieces)
                except InputError as error:
                    summary.refused.append(str(error))
                    continue
                finally:
                    read += file.size
                if mark is not None and self._detector.is_resumable:
                    progress.done.append(mark)
                    progress.read = self._detector.read
                    progress.noted = self._detector.noted()
                if file is not self._inputs.files[-1]:  # at the end much of it is forgotten
                    self._commit(progress)
        if summary.events:
            summary.slow = slow_patterns(self._detector)
        if self._detector.again(pieces.maps.latest):
            self._read_again(pieces.maps)
        for match in self._detector.finishing():
            self._alerts(self._outcome.take([match]))
        self._alerts(self._outcome.finish())
        self._commit(None)
        summary.learned = self._detector.learned
        summary.suppressed = self._outcome.suppressed
        summary.cut = self._outcome.cut + self._detector.beyond
        summary.crowded = self._detector.crowded
        summary.policies = self._detector.policies
        summary.undated = self._detector.undated
        summary.outside = self._detector.outside
        summary.seconds = time.monotonic() - begun
        return summary

    def _resume(self) -> Progress:
        note = self._memory.progress(self._key)
        if note is None:
            return Progress()
        try:
            progress = msgspec.json.decode(note, type=Progress)
        except msgspec.DecodeError:
            return Progress()  # to begin anew finds the same alerts
        try:
            self._detector.go_on(progress.read, progress.noted)
        except msgspec.DecodeError:
            return Progress()
        for alert in self._memory.alerts(progress.alerts):
            self._count(alert)
        return progress

    def _file(
        self, file: InputFile, read: int, letters: _DeadLetters | None, pieces: Pieces
    ) -> None:
        summary = self.summary
        self._detector.new_file()
        with OpenFile(file) as opened:
            summary.files += 1
            for found in pieces.of(opened):
                self._alerts(self._outcome.take(self._detector.take(found, file.shown)))
                summary.events += found.events
                summary.passed_over += found.passed_over
                for piece in found.undecodable:
                    self._undecodable(piece, file, letters)
                self._moved(read + opened.position, self._total, len(self._seen))

    def _undecodable(
        self, piece: Undecodable, file: InputFile, letters: _DeadLetters | None
    ) -> None:
        summary = self.summary
        summary.undecodable[_reason_group(piece.reason)] += 1
        if len(summary.examples) < 5:
            summary.examples.append(f"{file.shown}: {piece.position}: {piece.reason}")
        if letters is not None:
            letters.write(file.shown, piece)

    def _read_again(self, maps: Maps) -> None:
        """Reads once more what matters to sequences that were put off."""
        detector, read = self._detector, 0
        assert detector.wanted is not None  # noqa: S101  (`again` has just said so)
        with (
            Rereading(detector.finder, detector.wanted, maps, self._jobs) as rereading,
            Pieces(detector.finder, self._jobs) as pieces,
        ):
            for file in self._inputs.files:
                detector.new_file()
                try:
                    for found in rereading.of(file) or self._in_full(file, pieces, read):
                        detector.take(found, file.shown)
                except InputError as error:
                    reason = f"{error}, when it was read again for sequences"
                    if str(error) not in self.summary.refused:
                        self.summary.refused.append(reason)
                read += file.size
                self._moved(read, self._total, len(self._seen))

    def _in_full(self, file: InputFile, pieces: Pieces, read: int) -> Iterator[Found]:
        with OpenFile(file) as opened:
            for found in pieces.of(opened):
                yield found
                self._moved(read + opened.position, self._total, len(self._seen))

    def _alerts(self, matches: Sequence[Match]) -> None:
        now = self._clock()
        for match in matches:
            alert = alert_of(match, now)
            if alert.id not in self._seen:
                self._pending.append(alert)
                self._pending_bytes += sum(event.size for event in match.events)
                self._count(alert)
                if len(self._pending) >= PENDING_ALERTS or self._pending_bytes >= PENDING_BYTES:
                    self._add()

    def _count(self, alert: Alert) -> None:
        self._seen.add(alert.id)
        self.summary.alerts[alert.severity] += 1
        self.summary.by_rule[alert.rule.name] += 1
        self._sink.write(alert)

    def _add(self) -> None:
        """Hands over the alerts that are waiting: a file may have any number of them."""
        self.summary.new += self._memory.add(self._pending)
        self._found.extend(alert.id for alert in self._pending)
        self._pending, self._pending_bytes = [], 0

    def _commit(self, progress: Progress | None) -> None:
        note = None
        if progress is not None:
            progress.alerts += [*self._found, *(alert.id for alert in self._pending)]
            note = msgspec.json.encode(progress)
        changes: dict[str, dict[str, bytes | None]] = {}
        if self._memory.remembers:
            changes = self._detector.changes() | self._outcome.changes()
        self.summary.new += self._memory.commit(self._pending, changes, self._key, note)
        self._pending, self._pending_bytes, self._found = [], 0, []


@contextmanager
def rare_collections() -> Iterator[None]:
    """Makes Python's cycle collector rare: events are many and have no cycles."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _is_worth_it(inputs: Inputs) -> bool:
    """Whether it may be worth while to read the inputs twice: there is much in them."""
    total = sum(file.size * (_DENSE if _is_dense(file) else 1) for file in inputs.files)
    if total >= MANY_BYTES:
        return True
    pipes = [file.kept for file in inputs.files if file.kept is not None]
    if len(inputs.files) > 1 or not pipes:  # nobody waits for a pipe before other files are read
        return bool(pipes)
    with suppress(OSError):  # whoever reads it says so
        return pipes[0].exceeds(json.LINES_AT_ONCE)
    return False


def _is_dense(file: InputFile) -> bool:
    return file.format == "parquet" or file.name.lower().endswith(parquet.SUFFIXES)


def _mark(file: InputFile) -> tuple[str, int, int] | None:
    """What tells that a file is the one that was done; None: it cannot be told."""
    if file.name == STANDARD_INPUT:
        return None
    try:
        found = Path(file.name).stat()
    except OSError:
        return None
    return _place(file), found.st_size, found.st_mtime_ns


def _place(file: InputFile) -> str:
    return InputFile(str(Path(file.name).resolve())).shown


def _scan_key(
    rules: Sequence[Rule],
    inputs: Inputs,
    window: Window,
    warm_up: dt.timedelta,
    indicators: Sequence[Document],
    max_signals: int | None,
) -> str:
    """Scans of the same inputs by the same rules and indicators are one scan."""
    digest = hashlib.sha256()
    parts: list[Any] = [_place(file) for file in inputs.files]
    parts += [(rule.id, rule.type, rule.text) for rule in rules]
    parts += [item.text for rule in rules for item in rule.exceptions]
    parts += [] if max_signals is None else [("max_signals", max_signals)]
    parts += [(window.since, window.until), warm_up.total_seconds()]
    # Without their time, which may be that of their reading.
    parts += [{k: v for k, v in one.items() if k != "@timestamp"} for one in indicators]
    for part in parts:
        digest.update(repr(part).encode() + b"\0")
    return f"scan/{digest.hexdigest()[:32]}"


def _reason_group(reason: str) -> str:
    """The reason without what differs from piece to piece, so that equal ones are counted."""
    return reason.partition(" (")[0].partition(": ")[0]


class _DeadLetters:
    """A file to which what could not be decoded is appended; a context manager.

    Raises:
        UsageError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _DeadLetters:
        with self._clear_errors():
            self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        with self._clear_errors():
            self._file.close()

    def write(self, name: str, piece: Undecodable) -> None:
        """Appends a piece of a file."""
        with self._clear_errors():
            self._file.write(_dead_letter(name, piece) + "\n")

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = (
                f"{InputFile(str(self._path)).shown}: {(error.strerror or str(error)).lower()}"
            )
            raise UsageError(message) from error


def _dead_letter(name: str, piece: Undecodable) -> str:
    entry: dict[str, str] = {"file": name, "position": piece.position, "reason": piece.reason}
    try:
        entry["raw"] = piece.raw.decode("utf-8")
    except UnicodeDecodeError:
        entry["raw_base64"] = base64.b64encode(piece.raw).decode("ascii")
    return msgspec.json.encode(entry).decode("utf-8", "replace")
