"""Documents: durable, the newest version wins, and known while the store is away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import pytest

from sensormon.access.documents import FRESH, OVERLAP, Documents, meaning_of
from sensormon.ingest.collector import Collector
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import AuditRecord, Document, DocumentsEntry
from sensormon.model.errors import JournalError, StoreError, UsageError
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.stores.entries import AuditQuery
from tests.support.access import Restart, full_journal
from tests.support.plant import batch_of


def documents(monitor: Monitor) -> Documents:
    return Documents(monitor.parts.collector, monitor.parts.store.entries, monitor.clock)


def contents(kept: Documents, collection: str = "c") -> dict[str, object]:
    return {key: document.content["v"] for key, document in kept.standing(collection).items()}


def test_a_restart_knows_everything_stored_or_not(restart: Restart) -> None:
    monitor = restart()
    kept = documents(monitor)
    kept.keep("c", "a", {"v": 1}, "Jana")
    kept.keep("other", "a", {"v": 9}, "Jana")
    monitor.drain()
    kept.keep("c", "b", {"v": "č\ud800\x00"}, "Jana")
    kept.keep("c", "a", {"v": 2}, "Bo")
    assert contents(kept) == {"a": 2, "b": "č\ud800\x00"}
    monitor.parts.journal.close()  # as after a kill: nothing more is stored
    monitor.parts.store.close()
    again = restart()
    assert contents(documents(again)) == {"a": 2, "b": "č\ud800\x00"}
    again.drain()
    assert contents(documents(again)) == {"a": 2, "b": "č\ud800\x00"}


def test_a_document_that_was_removed_stays_removed_until_there_is_a_newer_one(restart: Restart) -> None:
    kept = documents(restart())
    kept.keep("c", "a", {"v": 1}, "Jana")
    kept.keep("c", "a", {"v": 1}, "Jana", removed=True)
    assert kept.of("c")["a"].removed
    assert contents(documents(restart())) == {}
    kept = documents(restart())
    kept.keep("c", "a", {"v": 3}, "Jana")
    assert contents(documents(restart())) == {"a": 3}


@pytest.mark.parametrize("stored_between", [False, True])
def test_the_newest_version_wins_even_if_the_clock_was_set_back(
    restart: Restart, clock: ManualClock, stored_between: bool
) -> None:
    monitor = restart()
    kept = documents(monitor)
    kept.keep("c", "a", {"v": "old"}, "Jana")
    if stored_between:
        monitor.drain()
    clock.advance(-86_400)
    kept.keep("c", "a", {"v": "new"}, "Jana")
    kept.keep("c", "a", {"v": "newer"}, "Jana")
    assert contents(kept) == {"a": "newer"}
    monitor = restart()
    assert contents(documents(monitor)) == {"a": "newer"}
    monitor.drain()
    assert contents(documents(monitor)) == {"a": "newer"}


def test_without_the_store_the_last_known_ones_count(monitor: Monitor, clock: ManualClock) -> None:
    kept = documents(monitor)
    kept.keep("c", "a", {"v": 1}, "Jana")
    monitor.drain()
    contents(kept)
    monitor.parts.store.close()
    clock.advance(10 * FRESH / SECOND)
    assert contents(kept) == {"a": 1}
    kept.keep("c", "b", {"v": 2}, "Jana")
    clock.advance(10 * FRESH / SECOND)
    assert contents(kept) == {"a": 1, "b": 2}
    with pytest.raises(StoreError):
        contents(documents(monitor))
    with pytest.raises(StoreError):
        kept.of("never read")


class _Interrupted:
    """The store of a monitor, with something happening in the middle of the first read."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self.meanwhile: list[Callable[[], object]] = []

    def documents(self, collection: str, since: int = 0, /) -> list[Document]:
        while self.meanwhile:
            self.meanwhile.pop()()
        return self._monitor.parts.store.entries.documents(collection, since)

    def claiming(
        self, documents: Sequence[Document], bases: Mapping[str, int], /
    ) -> AbstractContextManager[bool]:
        return self._monitor.parts.store.entries.claiming(documents, bases)

    def audit(self, query: AuditQuery, /) -> list[AuditRecord]:
        return self._monitor.parts.store.entries.audit(query)


def test_what_is_loaded_during_a_read_is_neither_lost_nor_doubled(monitor: Monitor) -> None:
    entry = DocumentsEntry((Document("c", "a", {"v": 1}, "Jana", monitor.clock.now()),))
    stored = _Interrupted(monitor)
    stored.meanwhile += [monitor.drain, lambda: monitor.parts.collector.keep(entry)]
    kept = Documents(monitor.parts.collector, stored, monitor.clock)
    assert contents(kept) == {"a": 1}


def test_what_is_kept_during_a_read_is_not_missed(monitor: Monitor) -> None:
    stored = _Interrupted(monitor)
    kept = Documents(monitor.parts.collector, stored, monitor.clock)
    stored.meanwhile += [lambda: kept.keep("c", "a", {"v": 1}, "Jana")]
    assert contents(kept) == {"a": 1}


@pytest.mark.parametrize("stored", [False, True])
def test_versions_too_old_to_count_are_left_out(monitor: Monitor, clock: ManualClock, stored: bool) -> None:
    kept = documents(monitor)
    kept.forget_after("c", 100 * SECOND)
    kept.keep("c", "a", {"v": 1}, "Jana")
    clock.advance(60)
    kept.keep("c", "b", {"v": 2}, "Jana")
    if stored:
        monitor.drain()
    assert contents(kept) == {"a": 1, "b": 2}
    clock.advance(60)
    assert contents(kept) == {"b": 2}


def test_what_is_kept_before_the_first_read_is_known_at_once(monitor: Monitor) -> None:
    kept = documents(monitor)
    kept.keep("c", "a", {"v": 1}, "Jana")
    assert contents(kept) == {"a": 1}


def test_what_others_wrote_is_seen_after_a_while(monitor: Monitor, clock: ManualClock) -> None:
    kept, others = documents(monitor), documents(monitor)
    assert contents(kept) == {}
    others.keep("c", "a", {"v": 1}, "Bo")
    clock.advance(FRESH / SECOND + 1)
    assert contents(kept) == {"a": 1}


def test_what_others_are_known_to_have_written_is_seen_at_once(monitor: Monitor) -> None:
    first, second = documents(monitor), documents(monitor)
    assert contents(first) == {}
    second.keep("c", "a", {"v": 1}, "Jana")
    assert contents(first) == {}
    first.look_again("c")
    assert contents(first) == {"a": 1}
    monitor.drain()
    monitor.parts.store.close()
    first.look_again("c")
    assert contents(first) == {"a": 1}  # the last ones known, without the store


def test_meaning_is_made_anew_only_of_other_documents(monitor: Monitor, clock: ManualClock) -> None:
    kept, other = documents(monitor), documents(monitor)
    meaning = meaning_of(kept, "c", lambda known: [document.content["v"] for document in known.values()])
    assert meaning() == []
    kept.keep("c", "a", {"v": 1}, "Jana")
    first = meaning()
    assert first == [1]
    assert meaning() is first
    other.keep("c", "a", {"v": 2}, "Bo")
    clock.advance(FRESH / 1e6)
    assert meaning() == [2]
    assert first == [1]


def test_a_version_that_cannot_be_recorded_is_not_known(monitor: Monitor) -> None:
    kept = documents(monitor)
    kept.keep("c", "a", {"v": 1}, "Jana")
    with full_journal(monitor.settings.data_dir), pytest.raises(JournalError):
        kept.keep("c", "a", {"v": 2}, "Jana")
    assert contents(kept) == {"a": 1}


def test_one_folder_never_has_two_monitors(monitor: Monitor) -> None:
    with pytest.raises(UsageError, match="another monitor"):
        Monitor(monitor.settings, monitor.clock)


def test_a_rebuilt_database_has_documents_and_audit_records_back(restart: Restart) -> None:
    monitor = restart()
    kept = documents(monitor)
    record = AuditRecord(monitor.clock.now(), "Jana", True, "viewer", "", "look", "at something")
    for version in range(3):
        kept.keep("c", "a", {"v": version}, "Jana", record)
    monitor.submit(batch_of(("fermenter_ph", 7.0), ("fermenter_ph", 7.1)))
    kept.keep("c", "b", {"v": 7}, "Jana", removed=True)
    monitor.drain()
    monitor.stop()
    folder = monitor.settings.data_dir
    database = folder / "sensormon.duckdb"
    database.write_bytes(b"not a database")
    again = restart()
    again.drain()
    assert contents(documents(again)) == {"a": 2}
    assert documents(again).of("c")["b"].removed
    everything = AuditQuery(0, FOREVER)
    assert [r for r in again.parts.store.entries.audit(everything) if r == record] == [record] * 3
    again.stop()
    assert list(folder.glob("sensormon.duckdb.damaged-*"))
    report = verify(StoppedMonitor(folder, str(database)))
    assert report.findings == ()


def test_the_collector_is_a_recorder(monitor: Monitor) -> None:
    collector: Collector = monitor.parts.collector
    entry = DocumentsEntry((Document("c", "a", {"v": 1}, "Jana", 1),))
    collector.keep(entry)
    assert collector.waiting_documents() == [entry]
    monitor.drain()
    assert collector.waiting_documents() == []


def test_a_large_collection_is_read_onwards_and_misses_nothing(monitor: Monitor, clock: ManualClock) -> None:
    asked: list[int] = []
    began = clock.now()

    class Stored:
        """The store's documents, and since when they were asked for."""

        def documents(self, collection: str, since: int = 0, /) -> list[Document]:
            asked.append(since)
            return monitor.parts.store.entries.documents(collection, since)

        def audit(self, query: AuditQuery, /) -> list[AuditRecord]:
            return monitor.parts.store.entries.audit(query)

    monitor.drain()
    kept = Documents(monitor.parts.collector, Stored(), clock)
    kept.read_onwards("c")
    kept.keep("c", "a", {"v": 1}, "Jana")
    other = documents(monitor)
    for minute in range(1, 11):
        clock.advance(60)
        other.keep("c", f"{minute}", {"v": minute}, "Bo")
        monitor.drain()
        assert contents(kept) == {"a": 1} | {str(each): each for each in range(1, minute + 1)}
    assert asked[0] == 0
    assert all(since >= began - OVERLAP for since in asked[1:10])
    assert asked[-1] == 0, "everything is read again now and then"
    kept.look_again("c")
    kept.of("c")
    assert asked[-1] == 0
