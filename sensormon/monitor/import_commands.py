"""The commands for imports, as plain data in and out: for the command line, of a running or stopped monitor.

The list of a stopped monitor is only read; an undo needs the folder, like an import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensormon.access.audit import AuditTrail, Change
from sensormon.access.person import Person, check
from sensormon.access.roles import Act
from sensormon.exchange.import_log import ImportLog, listed
from sensormon.exchange.undoing import Undoing
from sensormon.model.entries import BatchEntry, Document, DocumentsEntry, UndoEntry
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.imports import COLLECTION, Import, added_up, part_of
from sensormon.model.jobs import Jobs
from sensormon.model.settings import Settings
from sensormon.monitor.offline import StoppedMonitor

LIST = "imports list"
UNDO = "imports undo"
COMMANDS = (LIST, UNDO)

PATIENCE = 8.0
"""Seconds that a command waits for the end of an undo, which then goes on by itself."""


def run_import_command(
    log: ImportLog,
    undoing: Undoing,
    audit: AuditTrail,
    jobs: Jobs,
    by: Person,
    name: str,
    arguments: Mapping[str, Any],
) -> Any:
    """Run a command. Raises UsageError for one that is wrong, Forbidden, StoreError and JournalError."""
    if name == LIST:
        check(by, Act.LOOK)
        return [entry.to_dict() for entry in log.entries()]
    number = arguments.get("id")
    if type(number) is not int:
        raise UsageError("the number of the import is missing", where="imports")
    change = undo_change(undoing.check(number))
    job = audit.perform(by, change, lambda who: undoing.start(number, who))
    ended = jobs.wait(job, PATIENCE)
    if job.problem is not None:
        raise job.problem
    return job.result.sentence() if ended and job.result else f"Import {number} is being undone."


def undo_change(entry: Import) -> Change:
    """What the audit trail says of undoing this import."""
    before = f"{', '.join(entry.files)}: {counted(entry.totals.stored, 'reading')}"
    return Change(Act.IMPORT, f"import {entry.id}", before, "undone")


def stopped_imports(settings: Settings) -> list[Import]:
    """The imports of a stopped monitor, newest first; changes nothing.

    Raises UsageError if there is no folder or its monitor runs, StoreError if the store cannot be read.
    """
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    with stopped.store() as store:
        position = store.ledger.accounts().positions.get(stopped.writer, 0) if store else 0
        documents: dict[str, Document] = {}
        for document in store.entries.documents(COLLECTION) if store else ():
            documents[document.key] = document
        parts, undos = [], []
        for record in stopped.records(position):
            entry = record.entry
            if isinstance(entry, BatchEntry) and (part := part_of(entry, record.number)):
                parts.append(part.totals)
            elif isinstance(entry, UndoEntry):
                undos.append(entry)
            elif isinstance(entry, DocumentsEntry):
                documents |= {each.key: each for each in entry.documents if each.collection == COLLECTION}
        return listed(
            documents,
            added_up(store.imports.totals() if store else (), parts),
            store.imports.undone() if store else (),
            undos,
        )
