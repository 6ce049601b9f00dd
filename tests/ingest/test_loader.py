"""The loader never gives up and never drops anything."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.loader import BACKOFF, Loader
from sensormon.journal.archive import Archive
from sensormon.journal.journal import Journal
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.readings import Origin
from sensormon.model.status import StoreState
from sensormon.stores.duckdb_store import DuckDBStore
from tests.support.plant import START

Records = Callable[..., list[Record]]
FAR = START + 10**6 * SECOND


class Rig:
    """A journal, a store and the loader between them, in one folder."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.clock = clock
        self.path = folder / "store.duckdb"
        self.journal = Journal(folder / "journal", reserve_bytes=0, segment_bytes=4000)
        self.store = DuckDBStore(self.path)
        self.letters = DeadLetters(folder)
        self.loader = Loader(self.journal, self.store, self.letters, clock)

    def append(self, records: list[Record]) -> None:
        for record in records:
            self.journal.append(record.entry)

    def step(self, times: int = 1) -> float:
        for _ in range(times):
            wait = self.loader.step()
            self.clock.advance(wait)
        return wait

    def ids(self) -> list[int]:
        return list(self.store.readings.frame(None, 0, FAR)["id"])


@pytest.fixture
def rig(tmp_path: Path, clock: ManualClock) -> Rig:
    return Rig(tmp_path, clock)


def test_journaled_readings_are_stored_once(rig: Rig, records: Records) -> None:
    rig.append(records(5))
    rig.step(3)
    assert rig.ids() == list(range(1, 16))
    assert rig.loader.status().state is StoreState.HEALTHY
    assert rig.loader.position == 5


def test_small_batches_share_one_transaction_per_second(
    rig: Rig, records: Records, clock: ManualClock
) -> None:
    rig.step()
    rig.append(records(1))
    rig.loader.step()
    rig.append(records(1, 3, 2))
    rig.loader.step()
    assert rig.loader.position == 1
    clock.advance(1)
    rig.loader.step()
    assert rig.loader.position == 2


def test_retries_back_off_to_at_most_30_seconds(rig: Rig, records: Records) -> None:
    rig.path.mkdir()  # a folder in the place of the file cannot be opened
    rig.append(records(1))
    waits = [rig.step() for _ in range(8)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert tuple(waits[:6]) == BACKOFF
    status = rig.loader.status()
    assert status.state is StoreState.RETRYING
    assert status.failures == 8
    assert "store.duckdb" in status.problem
    rig.path.rmdir()
    rig.step(2)
    assert rig.loader.status().state is StoreState.HEALTHY
    assert rig.loader.status().problem == ""
    assert "store.duckdb" in rig.loader.status().last_error
    assert rig.ids() == [1, 2, 3]


def test_clock_set_back_does_not_delay_the_next_retry(rig: Rig, records: Records) -> None:
    rig.path.mkdir()
    rig.append(records(1))
    rig.step()
    rig.path.rmdir()
    rig.clock.advance(-3600)
    rig.step(3)
    assert rig.ids() == [1, 2, 3]


def test_database_locked_by_another_process_is_retried(rig: Rig, records: Records) -> None:
    script = (
        f"import duckdb, sys; held = duckdb.connect({str(rig.path)!r}); print('held', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"
        rig.append(records(2))
        rig.step()
        assert "Another program has the database open" in rig.loader.status().problem
        other.stdin.close()
        other.wait(10)
    rig.step(2)
    assert rig.ids() == [1, 2, 3, 4, 5, 6]


def test_database_deleted_while_open_is_rebuilt_from_the_journal(rig: Rig, records: Records) -> None:
    rig.append(records(4))
    rig.step(3)
    os.unlink(rig.path)
    rig.append(records(1, 3, 5))
    rig.step(4)
    assert rig.ids() == list(range(1, 16))


def test_corrupt_database_is_set_aside_and_rebuilt(rig: Rig, records: Records, tmp_path: Path) -> None:
    rig.append(records(4))
    rig.step(3)
    rig.loader.close()
    rig.path.write_bytes(b"not a database" * 1000)
    again = Rig(tmp_path, rig.clock)
    again.step()
    assert "set aside" in again.loader.status().problem
    again.step(2)
    assert again.ids() == list(range(1, 13))
    assert rig.path.with_name("store.duckdb.damaged-1").exists()


def test_unstorable_row_does_not_block_the_others(rig: Rig, records: Records) -> None:
    rig.step()
    _forbid(rig, 38)
    appended = records(3)
    appended[1].entry.processed.accepted.value[1] = 99.0
    rig.append(appended)
    rig.step(2)
    assert rig.ids() == [1, 2, 3, 4, 6, 7, 8, 9]
    assert rig.letters.counts() == {"test": 1}
    assert '"id": 5' in rig.letters.path.read_text()
    assert rig.loader.status().state is StoreState.HEALTHY


def _forbid(rig: Rig, above: float) -> None:
    """Rebuild the table so that the database itself refuses values above this."""
    rig.loader.close()
    with duckdb.connect(str(rig.path)) as connection:
        (ddl,) = connection.execute(
            "SELECT sql FROM duckdb_tables() WHERE table_name = 'readings'"
        ).fetchall()[0]
        connection.execute("DROP TABLE readings")
        assert ddl.count("DOUBLE NOT NULL") == 1
        connection.execute(ddl.replace("DOUBLE NOT NULL", f'DOUBLE NOT NULL CHECK ("value" < {above})'))
    rig.loader = Loader(rig.journal, rig.store, rig.letters, rig.clock)


def test_dead_letter_is_stored_once_if_the_database_is_rebuilt(
    rig: Rig, records: Records, tmp_path: Path
) -> None:
    rig.step()
    _forbid(rig, 38)
    appended = records(1)
    appended[0].entry.processed.accepted.value[1] = 99.0
    rig.append(appended)
    rig.step(2)
    assert rig.letters.counts() == {"test": 1}
    rig.loader.close()
    rig.path.unlink()
    rebuilt = Rig(tmp_path, rig.clock)
    rebuilt.step(3)
    assert sorted(rebuilt.ids()) == [1, 2, 3]
    assert not rebuilt.letters.path.exists()


def _of_an_import(record: Record) -> BatchEntry:
    """The entry of this record as one of import 1."""
    assert isinstance(record.entry, BatchEntry)
    processed = record.entry.processed
    accepted = replace(processed.accepted, source="import", origin=Origin.IMPORT)
    return replace(record.entry, processed=replace(processed, accepted=accepted), import_id=1)


def test_dead_letters_of_an_undone_import_do_not_come_back(rig: Rig, records: Records) -> None:
    rig.step()
    _forbid(rig, 37)
    for record in records(2, 4):
        rig.journal.append(_of_an_import(record))
    rig.step(3)
    dead = len(rig.letters.ids())
    assert 0 < dead < 8
    rig.journal.append(UndoEntry(1, "Ana", START))
    rig.step(2)
    assert rig.ids() == []
    assert rig.letters.ids() == frozenset()
    accounts = rig.store.ledger.accounts()
    assert accounts.stored == accounts.undone == {"import": 8 - dead}
    assert accounts.rejected[("import", "import_undone")] == dead
    rig.loader.retry_dead_letters()
    rig.step(2)
    assert rig.ids() == []


def test_dead_letters_left_by_a_kill_in_an_undo_are_dropped_by_the_next_retry(
    rig: Rig, records: Records
) -> None:
    rig.step()
    _forbid(rig, 37)
    rig.journal.append(_of_an_import(records(1, 8)[0]))
    rig.step(3)
    lines = rig.letters.path.read_bytes()
    rig.journal.append(UndoEntry(1, "Ana", START))
    rig.step(2)
    rig.letters.path.write_bytes(lines)  # as if it had been killed after the store's part
    rig.loader.retry_dead_letters()
    rig.step(2)
    assert rig.ids() == []
    assert rig.letters.ids() == frozenset()


def test_dead_letters_stay_in_the_file_until_stored(rig: Rig, records: Records) -> None:
    rig.step()
    _forbid(rig, 38)
    appended = records(1)
    appended[0].entry.processed.accepted.value[1] = 99.0
    rig.append(appended)
    rig.step(2)
    rig.loader.retry_dead_letters()
    rig.step(2)
    assert '"attempts": 2' in rig.letters.path.read_text()
    with rig.letters.path.open("a") as file:
        file.write("{half a line\n")
    rig.loader.close()
    with duckdb.connect(str(rig.path)) as connection:
        connection.execute("ALTER TABLE readings RENAME TO old")
        connection.execute("CREATE TABLE readings AS SELECT * FROM old")
    rig.loader = Loader(rig.journal, rig.store, rig.letters, rig.clock)
    rig.step(2)
    assert sorted(rig.ids()) == [1, 2, 3]
    assert not rig.letters.path.exists()
    assert rig.letters.damaged() == 1


def test_schema_of_another_version_stops_loading(rig: Rig, records: Records) -> None:
    rig.step()
    rig.loader.close()
    with duckdb.connect(str(rig.path)) as connection:
        connection.execute("ALTER TABLE readings DROP COLUMN origin")
    rig.loader = Loader(rig.journal, rig.store, rig.letters, rig.clock)
    rig.append(records(1))
    rig.step(3)
    assert rig.loader.status().state is StoreState.FAILED
    assert "another version" in rig.loader.status().problem
    assert len(rig.journal.read(0)) == 1


def test_steady_flow_does_not_delay_the_checkpoint(rig: Rig, records: Records) -> None:
    first = 1
    for _ in range(70):
        rig.append(records(1, 3, first))
        first += 1
        rig.step()
    assert len(rig.journal.read(0)) < 70, "nothing was retired while readings kept coming"


def test_lost_database_is_rebuilt_from_archive_and_journal(
    rig: Rig, records: Records, tmp_path: Path
) -> None:
    rig.journal.close()
    rig.journal = Journal(
        tmp_path / "journal", reserve_bytes=0, segment_bytes=4000, archive=Archive(tmp_path / "archive")
    )
    rig.loader = Loader(rig.journal, rig.store, rig.letters, rig.clock)
    rig.append(records(40))
    rig.step(3)
    rig.clock.advance(61)
    rig.step()
    assert len(list((tmp_path / "archive").glob("*.gz"))) >= 3
    rig.path.unlink()
    rig.step(60)
    assert rig.ids() == list(range(1, 121))
    damaged = sorted((tmp_path / "archive").glob("*.gz"))[1]
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert len(rig.journal.read(0, 10**6)) < 40
    assert any(damaged.name in text for text in rig.journal.damaged)


def test_segments_are_retired_only_after_a_checkpoint(rig: Rig, records: Records, clock: ManualClock) -> None:
    rig.append(records(40))
    rig.step(3)
    files = len(list(rig.journal.folder.glob("*.seg")))
    assert files > 3
    clock.advance(61)
    rig.step()
    assert len(list(rig.journal.folder.glob("*.seg"))) == 1
    rig.loader.close()
    rig.store.open()
    assert len(rig.ids()) == 120


def test_unreadable_journal_is_retried(rig: Rig, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.append(records(2))

    def failing(*_: object) -> object:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("sensormon.journal.segments.read_payloads", failing)
        rig.step()
        assert "journal cannot be read" in rig.loader.status().problem
    rig.step(2)
    assert rig.ids() == [1, 2, 3, 4, 5, 6]


class _CountingStore(DuckDBStore):
    """Counts its transactions."""

    loads = 0

    def load(self, writer: str, records: Sequence[Record], without: Collection[int] = ()) -> None:
        self.loads += 1
        super().load(writer, records, without)


def test_an_unstorable_row_among_many_records_is_found_by_halving(rig: Rig, records: Records) -> None:
    rig.step()
    _forbid(rig, 38)
    appended = records(64)
    appended[40].entry.processed.accepted.value[1] = 99.0
    rig.append(appended)
    store = _CountingStore(rig.path)
    rig.loader = Loader(rig.journal, store, rig.letters, rig.clock)
    rig.loader.step()
    assert store.ledger.recount().rows == 64 * 3 - 1
    assert rig.letters.ids() == {40 * 3 + 2}
    assert store.loads <= 2 * 7  # six halvings, and the row's own record without it
    store.close()


def test_a_loader_that_is_behind_takes_many_records_in_one_transaction(rig: Rig, records: Records) -> None:
    rig.append(records(700))
    store = _CountingStore(rig.path)
    rig.loader = Loader(rig.journal, store, rig.letters, rig.clock)
    rig.loader.step()
    assert store.loads == 1
    assert rig.loader.position == 700
    store.close()


def test_a_dead_letter_stored_later_does_not_become_the_newest_reading(rig: Rig, records: Records) -> None:
    rig.store.open()
    rig.store.load("w", records(1, 3, 2))
    rig.store.store_row(records(1, 1)[0])
    rig.store.close()
    with duckdb.connect(str(rig.path)) as connection:
        assert connection.execute("SELECT max(id) FROM readings").fetchall() == [(6,)]
        assert connection.execute("SELECT id FROM latest ORDER BY id").fetchall()[-1] == (6,)
        assert connection.execute("SELECT min(id) >= 4 FROM latest").fetchall() == [(True,)]
