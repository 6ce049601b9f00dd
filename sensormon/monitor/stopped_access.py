"""Accounts, tokens, sessions and the audit trail of a stopped monitor, for the command line.

Is: the journal, opened under the folder's lock and appended to, or only read; the store is only
read. The next start loads what was appended. Is not: a monitor; nothing is collected, scored or
loaded, and no settings of the detector are applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sensormon.access.access import Access, build_access
from sensormon.access.documents import StoredDocuments
from sensormon.access.role_rules import RoleRules
from sensormon.journal.archive import Archive
from sensormon.journal.journal import Journal
from sensormon.model.clock import Clock
from sensormon.model.entries import AuditRecord, Document, DocumentsEntry
from sensormon.model.errors import UsageError
from sensormon.model.settings import MEGABYTE, Settings
from sensormon.monitor.data_folder import DataFolder
from sensormon.monitor.offline import StoppedMonitor
from sensormon.stores.entries import AuditQuery
from sensormon.stores.opening import opened_to_read
from sensormon.stores.protocol import Store


@contextmanager
def readable_access(settings: Settings, clock: Clock) -> Iterator[Access]:
    """Of a stopped data folder, or a copy of one; changes nothing.

    Raises UsageError if there is none or its monitor runs, StoreError if the store cannot be read.
    """
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    with stopped.store() as store:
        position = store.ledger.accounts().positions.get(stopped.writer, 0) if store else 0
        waiting = [
            record.entry for record in stopped.records(position) if isinstance(record.entry, DocumentsEntry)
        ]
        yield _access(settings, _ReadOnly(waiting), store, clock)


@contextmanager
def writable_access(settings: Settings, clock: Clock) -> Iterator[Access]:
    """Of a stopped data folder, which is made if there is none, and held meanwhile.

    Raises UsageError if it cannot be held or written, StoreError if the store cannot be read.
    """
    folder = DataFolder(settings.data_dir)
    try:
        with opened_to_read(settings.store_url) as store:
            journal = Journal(
                settings.data_dir / "journal",
                archive=Archive(settings.data_dir / "archive"),
                quota_bytes=settings.journal_quota * MEGABYTE,
            )
            try:
                mark = store.ledger.watermark(journal.writer) if store else None
                position = mark.number if mark else 0
                journal.go_on_after(position)
                access = _access(settings, _Appending(journal, position), store, clock)
                yield access
                access.audit.close()
            finally:
                journal.close()
    finally:
        folder.release()


def _access(
    settings: Settings, recorder: _ReadOnly | _Appending, store: Store | None, clock: Clock
) -> Access:
    stored: StoredDocuments = store.entries if store else _NothingStored()
    return build_access(settings, RoleRules(), recorder, stored, clock)  # commands give no roles


class _ReadOnly:
    """The entries that the store does not have; takes no more."""

    def __init__(self, waiting: list[DocumentsEntry]) -> None:
        self._waiting = waiting

    def keep(self, entry: DocumentsEntry) -> None:
        raise UsageError(f"{len(entry.documents)} documents cannot be kept here", where="data folder")

    def waiting_documents(self) -> list[DocumentsEntry]:
        return self._waiting


class _Appending:
    """The journal of a stopped monitor; what is above `position` is not in the store."""

    def __init__(self, journal: Journal, position: int) -> None:
        self._journal = journal
        self._waiting: list[DocumentsEntry] = []
        while records := journal.read(position):
            position = records[-1].number
            self._waiting += [record.entry for record in records if isinstance(record.entry, DocumentsEntry)]

    def keep(self, entry: DocumentsEntry) -> None:
        self._journal.append(entry)
        self._waiting.append(entry)

    def waiting_documents(self) -> list[DocumentsEntry]:
        return self._waiting


class _NothingStored:
    """In place of a store that is not there yet."""

    def documents(self, _collection: str, _since: int = 0, /) -> list[Document]:
        return []

    @contextmanager
    def claiming(self, _documents: Sequence[Document], _bases: Mapping[str, int], /) -> Iterator[bool]:
        yield True  # nothing there is newer

    def audit(self, _query: AuditQuery, /) -> list[AuditRecord]:
        return []
