"""A load that PostgreSQL breaks off for the sake of another: loaded again from the journal, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.loader import Loader
from sensormon.journal.journal import Journal
from sensormon.model.clock import ManualClock
from sensormon.model.entries import Record
from sensormon.model.status import StoreState
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.journals import open_journal
from tests.support.postgresql import PostgreSQL, binaries

Connection = psycopg.Connection[tuple[object, ...]]
Records = Callable[..., list[Record]]
PATIENCE = 30.0
SOON = 3
"""Seconds after which a loader tries again that has failed once or twice."""

pytestmark = pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server: apt-get install postgresql")


class Plant:
    """A loader with a journal of five records of nine readings, two of them in the store already."""

    def __init__(self, url: str, folder: Path, records: Records, clock: ManualClock) -> None:
        self.url = url
        self.clock = clock
        self.store: Store = open_store(url)
        self.journal: Journal = open_journal(folder / "journal")
        self.loader = Loader(self.journal, self.store, DeadLetters(folder), clock)
        entries = [record.entry for record in records(5, 9)]
        for entry in entries[:2]:
            self.journal.append(entry)
        assert self.loader.drain(1.0)
        for entry in entries[2:]:
            self.journal.append(entry)

    @contextmanager
    def load_held_up(self) -> Iterator[tuple[Connection, Future[float]]]:
        """A load that waits for the lock of this connection, and the end of its step."""
        self.clock.advance(SOON)
        with psycopg.connect(self.url) as connection, ThreadPoolExecutor(1) as pool:
            connection.execute("SET deadlock_timeout = '1h'")  # it is not this one that gives in
            connection.execute("SELECT 1 FROM latest FOR UPDATE")
            stepping = pool.submit(self.loader.step)
            until = time.monotonic() + PATIENCE
            while not _waiting(connection):
                assert time.monotonic() < until
            yield connection, stepping
            stepping.result(PATIENCE)

    def assert_broken_off_and_loaded_once(self, problem: str) -> None:
        """With this problem, and with nothing of the load in the store until it is loaded again."""
        assert self.loader.status().state is StoreState.RETRYING
        assert problem in self.loader.status().problem
        assert self.store.ledger.recount().rows == 18
        self.clock.advance(SOON)
        self.loader.step()
        assert self.loader.status().state is StoreState.HEALTHY
        recount = self.store.ledger.recount()
        assert recount.rows == recount.distinct_ids == 45
        assert self.store.ledger.accounts().stored == {"test": 45}
        self.loader.close()


@pytest.fixture
def plant(postgresql: PostgreSQL, records: Records, clock: ManualClock, tmp_path: Path) -> Plant:
    return Plant(postgresql.new_database(), tmp_path, records, clock)


def _waiting(connection: Connection) -> list[tuple[object, ...]]:
    """The server's processes that wait for a lock."""
    return connection.execute("SELECT DISTINCT pid FROM pg_locks WHERE NOT granted").fetchall()


def test_a_load_that_loses_a_deadlock_is_loaded_again(plant: Plant) -> None:
    with plant.load_held_up() as (connection, _):
        lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        connection.execute(lock, [plant.journal.writer])  # which the load has: now each waits for the other
    plant.assert_broken_off_and_loaded_once("deadlock detected")


def test_a_load_that_is_cancelled_is_loaded_again(plant: Plant) -> None:
    with plant.load_held_up() as (connection, stepping):
        ((process,),) = _waiting(connection)
        connection.execute("SELECT pg_cancel_backend(%s)", [process])
        stepping.result(PATIENCE)
    plant.assert_broken_off_and_loaded_once("canceling statement")
