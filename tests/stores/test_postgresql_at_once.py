"""What several transactions do at once in a PostgreSQL store: nothing is lost, doubled or counted twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace

import psycopg
import pytest

from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.errors import StoreUnavailable
from sensormon.model.readings import Origin, Processed
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL
from tests.support.rollups import FAR

PATIENCE = 30.0
Makes = Callable[..., Processed]


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store, opened."""
    opened = open_store(url)
    opened.open()
    yield opened
    opened.close()


@contextmanager
def writes_held(url: str, table: str) -> Iterator[Callable[[int], None]]:
    """Holds up all writers of this table. Yields a function that waits until `count` of them are waiting."""
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as looking:
        holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())

        def until_waiting(count: int) -> None:
            deadline = time.monotonic() + PATIENCE
            waiting = 0
            while waiting < count:
                assert time.monotonic() < deadline, "nobody waits"
                ((waiting,),) = looking.execute(
                    "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
                ).fetchall()

        yield until_waiting


def imported(number: int, first_id: int, batch: Processed) -> Record:
    accepted = replace(batch.accepted, source="import", origin=Origin.IMPORT)
    entry = BatchEntry(first_id, {"import": 0}, replace(batch, accepted=accepted), (), 1)
    return Record(number, entry)


def check_balance(store: Store) -> None:
    """Every reading ever stored has a row, is in a roll-up, or was undone: one of these."""
    accounts, recount = store.ledger.accounts(), store.ledger.recount()
    for source, stored in accounts.stored.items():
        rows, rolled = recount.stored.get(source, 0), recount.rolled_up.get(source, 0)
        assert stored == rows + rolled + accounts.undone.get(source, 0)


def test_readings_stored_while_their_day_is_rolled_up_are_kept(
    store: Store, url: str, processed: Makes
) -> None:
    store.load("w", [imported(1, 1, processed(30))])
    (due,) = store.retention.due(FAR, 1)
    with ThreadPoolExecutor() as pool:
        with writes_held(url, "counted_readings") as until_waiting:
            rolling = pool.submit(store.retention.roll_up, due)
            until_waiting(1)
            store.load("w", [imported(2, 31, processed(20))])
        rolling.result(PATIENCE)
    check_balance(store)
    assert store.imports.left(1) >= 20


def test_an_undo_and_a_roll_up_at_once_take_each_reading_once(
    store: Store, url: str, processed: Makes
) -> None:
    store.load("w", [imported(1, 1, processed(30))])
    (due,) = store.retention.due(FAR, 1)
    with ThreadPoolExecutor() as pool:
        with writes_held(url, "rewritten") as until_waiting:
            undoing = pool.submit(store.load, "w", [Record(2, UndoEntry(1, "Ana", START))])
            until_waiting(1)
            rolling = pool.submit(store.retention.roll_up, due)
            until_waiting(2)
        undoing.result(PATIENCE)
        with suppress(StoreUnavailable):  # it may be told to come again
            rolling.result(PATIENCE)
    check_balance(store)


def test_two_roll_ups_of_a_day_at_once_count_it_once(store: Store, url: str, processed: Makes) -> None:
    store.load("w", [imported(1, 1, processed(30))])
    (due,) = store.retention.due(FAR, 1)
    start = threading.Barrier(2)

    def roll() -> None:
        start.wait(PATIENCE)
        with suppress(StoreUnavailable):  # the second may be told to come again
            store.retention.roll_up(due)

    with ThreadPoolExecutor() as pool:
        with writes_held(url, "counted_readings") as until_waiting:
            rolling = [pool.submit(roll) for _ in range(2)]
            until_waiting(2)
        for each in rolling:
            each.result(PATIENCE)
    check_balance(store)
    assert store.retention.rollups(None, 0, FAR)["count"].sum() == 30


def test_a_partition_that_several_need_at_once_is_made_once(
    postgresql: PostgreSQL, records: Callable[..., list[Record]]
) -> None:
    url = postgresql.new_database()
    stores = [open_store(url) for _ in range(4)]
    for store in stores:
        store.open()
        assert store.ledger.recount().rows == 0
    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(store.load, f"w{place}", records(1, 20)) for place, store in enumerate(stores)]
        for load in loads:
            load.result(60)
    assert stores[0].ledger.recount().rows == 80
    for store in stores:
        store.close()
