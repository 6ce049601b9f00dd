"""What somebody must look at, though readings are taken and stored: losses, until a person acknowledges them.

That is a difference in the ledger, lines of the dead letters that cannot be read, and parts of the
journal that are missing or damaged. The loader's thread judges after each of its steps, when nothing
is between two places. What was acknowledged is kept in `attention.json` with its number, so that
a further loss shows again; so is damage of the journal that was seen, since a restart forgets it.

What it is not: a state that ends by itself, such as a store that is down; see `Status.problems`.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sensormon.journal.opening import VANISHED
from sensormon.model.clock import Clock
from sensormon.model.durable_files import replace_file
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.json_text import read_object, whole, words
from sensormon.model.ledger import Ledger, beyond
from sensormon.model.text import LONGEST_NAME, cleaned

FILE = "attention.json"
KEPT = 100
"""Acknowledgements in the file, the newest; and sentences on the journal."""

_OFF = "the ledger is off by"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Losses:
    """At one moment: the ledger's difference by source, unreadable dead letters, damage of the journal."""

    difference: Mapping[str, int] = field(default_factory=dict)
    lines: int = 0
    journal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Acknowledgement:
    """Who acknowledged what (one sentence each), and when (µs UTC)."""

    time: int
    who: str
    what: tuple[str, ...]


@dataclass(frozen=True)
class _Record:
    """The content of the file."""

    acknowledged: Losses = Losses()
    seen: tuple[str, ...] = ()  # damage of the journal
    history: tuple[Acknowledgement, ...] = ()


class Attention:
    """Of one monitor. `damage` and `lines` tell what is damaged in the journal and the dead letters now."""

    def __init__(
        self, folder: Path, damage: Callable[[], tuple[str, ...]], lines: Callable[[], int], clock: Clock
    ) -> None:
        self._path = folder / FILE
        self._damage = damage
        self._lines = lines
        self._clock = clock
        self._lock = threading.Lock()
        self._record = _read(self._path)
        self._losses = replace(Losses(), journal=self._record.seen)

    @property
    def losses(self) -> Losses:
        """Everything that was found, acknowledged or not."""
        return self._losses

    @property
    def history(self) -> tuple[Acknowledgement, ...]:
        """The acknowledgements, oldest first."""
        return self._record.history

    @property
    def acknowledged(self) -> Losses:
        """What of the losses somebody has acknowledged."""
        return self._record.acknowledged

    @property
    def of_the_ledger(self) -> Acknowledgement | None:
        """The newest acknowledgement of a difference of the ledger."""
        notes = (note for note in reversed(self.history) if any(_OFF in text for text in note.what))
        return next(notes, None)

    def now(self) -> tuple[str, ...]:
        """What nobody has acknowledged, one sentence each, with its number; empty if all is well."""
        return _sentences(self._losses, self._record.acknowledged)

    def judge(self, ledger: Ledger | None) -> None:
        """Look again; `ledger` is None if the store could not be asked. For the loader's thread."""
        with self._lock:
            difference = self._losses.difference
            if ledger is not None:
                difference = ledger.differences
            known = self._losses.journal
            journal = (*known, *(text for text in self._damage() if text not in known))[-KEPT:]
            self._losses = Losses(difference, self._lines(), journal)
            acknowledged = _no_more_than(self._record.acknowledged, self._losses)
            record = replace(self._record, acknowledged=acknowledged, seen=journal)
            if record != self._record:
                try:
                    self._write(record)
                except UsageError as error:
                    _log.warning("%s", error)

    def acknowledge(self, losses: Losses, who: str) -> None:
        """Note durably that this person has seen these losses. Raises UsageError if it cannot be written."""
        if not cleaned(who):
            raise UsageError("a name is needed", where="Acknowledge", hint="Give yours, for the log")
        with self._lock:
            what = _sentences(losses, self._record.acknowledged)
            note = Acknowledgement(self._clock.now(), cleaned(who)[:LONGEST_NAME], what)
            history = (*self._record.history, note)[-KEPT:]
            self._write(replace(self._record, acknowledged=losses, history=history))
        _log.info("acknowledged by %s: %s", note.who, "; ".join(what))

    def _write(self, record: _Record) -> None:
        self._record = record
        try:
            replace_file(self._path, json.dumps(asdict(record)).encode())
        except OSError as error:
            raise UsageError(
                f"it cannot be written ({error.strerror}), so it is forgotten at the next start",
                where=str(self._path),
                hint="Free some space, or make the data folder writable",
            ) from error


def _sentences(losses: Losses, acknowledged: Losses) -> tuple[str, ...]:
    nowhere, twice = beyond(losses.difference, acknowledged.difference)
    lines = losses.lines - acknowledged.lines
    sentences = []
    if nowhere:
        sentences.append(f"{counted(nowhere, 'reading')} cannot be found any more: {_OFF} {nowhere:,}")
    if twice:
        sentences.append(f"{counted(twice, 'reading')} more than were received: {_OFF} {twice:,}")
    if lines > 0:
        sentences.append(f"{counted(lines, 'line')} of the dead letters cannot be read")
    sentences += [_of_the_journal(text) for text in losses.journal if text not in acknowledged.journal]
    return tuple(sentences)


def _of_the_journal(text: str) -> str:
    name = text.removesuffix(VANISHED)
    return f"Journal: {text}" if name == text else f"A journal file is missing: {name}"


def _no_more_than(acknowledged: Losses, losses: Losses) -> Losses:
    """What is acknowledged of these losses: what has been found again can be lost again."""
    difference = {}
    for source, off in losses.difference.items():
        before = acknowledged.difference.get(source, 0)
        if before * off > 0:
            difference[source] = min(before, off, key=abs)
    return Losses(difference, min(acknowledged.lines, losses.lines), acknowledged.journal)


def _read(path: Path) -> _Record:
    """The file's content; nothing was acknowledged if it cannot be read."""
    try:
        row = read_object(path.read_bytes())
        known = row["acknowledged"]
        difference = {str(source): int(off) for source, off in known["difference"].items()}
        return _Record(
            Losses(difference, whole(known, "lines"), tuple(map(str, known["journal"]))),
            tuple(map(str, row["seen"])),
            tuple(
                Acknowledgement(whole(note, "time"), words(note, "who"), tuple(map(str, note["what"])))
                for note in row["history"]
            ),
        )
    except FileNotFoundError:
        return _Record()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        _log.warning("%s cannot be read, so nothing counts as acknowledged: %s", path, error)
        return _Record()
