"""A back-up of one monitor, running or stopped: what goes into it, and in which order.

Files first, then the store at one moment, then the journal from that moment's watermark to its end. So
everything that was acknowledged before it began is in it: in the tables if it was stored by then, else in the
journal. Dead letters are read before and after, since a line goes once its reading is stored; a line too many
does no harm, because a reading that is stored already is not stored again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sensormon.access.audit import AuditTrail, Change
from sensormon.access.person import Person, check
from sensormon.access.roles import Act
from sensormon.exchange import backup_folder
from sensormon.exchange.backup_folder import Manifest
from sensormon.ingest.dead_letters import FILE
from sensormon.journal.journal import Journal
from sensormon.model.clock import Clock
from sensormon.model.entries import Record
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Job, Jobs, Progress
from sensormon.model.settings import DATABASE, Settings
from sensormon.monitor.data_folder import LOCK, SNAPSHOT
from sensormon.stores.protocol import Store

COMMAND = "backup"
STATE = "backup state"
COMMANDS = (COMMAND, STATE)
TAGS, ROLES = "tags.toml", "roles.toml"
"""What the tag table and the file of roles are called in a back-up."""

_LEFT_OUT = (DATABASE, LOCK, SNAPSHOT, FILE, "control.sock")
"""How the names of those files of a data folder begin that are not copied as they are."""
_AT_ONCE = 1_000


def back_up(
    settings: Settings,
    store: Store,
    writer: str,
    records: Callable[[int], Iterable[Record]],
    target: Path,
    made: int,
    progress: Progress,
) -> Manifest:
    """Make a back-up in a new folder; `records` gives those of the journal above a number.

    Raises UsageError if there is anything of this name, OSError, StoreError and JournalError; what was
    written until then has no manifest.
    """
    backup_folder.make_folder(target)
    _write_files(settings, target)
    dead = _dead_letters(settings)
    with store.tables.snapshot() as snapshot:
        rows = backup_folder.write_tables(target, snapshot, progress)
        marks = [row for piece in snapshot.pieces("watermarks") for row in piece.rows.to_pylist()]
    position = next((int(row["number"]) for row in marks if row["writer"] == writer), 0)
    backup_folder.write_journal(target, writer, records(position), position + 1)
    dead += [line for line in _dead_letters(settings) if line not in dead]
    if dead:
        backup_folder.write_file(target, FILE, b"".join(line + b"\n" for line in dead))
    return backup_folder.finish(target, made, writer, rows)


def _write_files(settings: Settings, target: Path) -> None:
    named = {TAGS: settings.tags} | ({ROLES: settings.roles} if settings.roles else {})
    for path in sorted(settings.data_dir.iterdir()):
        if path.is_file() and not path.name.startswith(_LEFT_OUT) and not path.name.endswith(".tmp"):
            named.setdefault(path.name, path)
    for name, path in named.items():
        if path.is_file():
            backup_folder.write_file(target, name, path.read_bytes())


def _dead_letters(settings: Settings) -> list[bytes]:
    path = settings.data_dir / FILE
    return path.read_bytes().splitlines() if path.exists() else []


def upto_now(journal: Journal) -> Callable[[int], Iterator[Record]]:
    """Reads the records of a running journal above a number, up to what is acknowledged when that begins."""

    def records(after: int) -> Iterator[Record]:
        last = journal.last
        while after < last:
            piece = journal.read(after, _AT_ONCE)
            if not piece:
                return
            for record in piece:
                if record.number <= last:
                    yield record
            after = piece[-1].number

    return records


class BackUps:
    """The back-ups of a running monitor, each a job."""

    def __init__(
        self, settings: Settings, store: Store, journal: Journal, audit: AuditTrail, jobs: Jobs, clock: Clock
    ) -> None:
        self._settings = settings
        self._store = store
        self._journal = journal
        self._audit = audit
        self._jobs = jobs
        self._clock = clock

    def answer(self, by: Person, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Begin one, or say how far it is. Raises UsageError, Forbidden and what the work raised."""
        if name == COMMAND:
            target = Path(str(arguments.get("to", "")))
            if not target.is_absolute():
                raise UsageError("the path is not absolute", where=COMMAND)
            check(by, Act.MANAGE_USERS)  # hashes of passwords are in it
            change = Change(Act.EXPORT, f"back-up {target}")
            return _state(self._audit.perform(by, change, lambda _: self._start(target)))
        job = self._jobs.find(int(arguments.get("job", 0)))
        if job is None:
            raise UsageError("there is no such back-up", where=COMMAND)
        return _state(job)

    def _start(self, target: Path) -> Job:
        if os.path.lexists(target):
            backup_folder.make_folder(target)  # which refuses it
        begun = self._clock.now()

        def work(progress: Progress) -> Manifest:
            records = upto_now(self._journal)
            return back_up(
                self._settings, self._store, self._journal.writer, records, target, begun, progress
            )

        return self._jobs.start(COMMAND, "Back-up", work)


def _state(job: Job) -> dict[str, Any]:
    if job.problem is not None:
        raise job.problem
    rows = dict(job.result.rows) if isinstance(job.result, Manifest) else None
    return {"job": job.id, "running": job.running, "words": job.progress.words, "rows": rows}
