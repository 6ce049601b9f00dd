"""What a PostgreSQL server does when it fails, and that nothing is lost or stored twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest

from sensormon.model.clock import DAY, SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.errors import (
    RowsRefused,
    StoreBroken,
    StoreError,
    StoreFault,
    StoreUnavailable,
    UsageError,
)
from sensormon.stores import postgresql_database
from sensormon.stores.opening import open_store
from sensormon.stores.postgresql_database import VERSION, Database
from sensormon.stores.postgresql_store import PostgreSQLStore
from sensormon.stores.protocol import Store
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL, binaries

Records = Callable[..., list[Record]]
FAR = START + 10**6 * SECOND
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server: apt-get install postgresql")


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A server that syncs to disk, of this test alone."""
    running = PostgreSQL(durable=True)
    yield running
    running.stop()


@pytest.fixture
def stored(postgresql: PostgreSQL) -> Iterator[tuple[Store, str]]:
    """An empty store in a database of its own on the server that tests share, opened, and its URL."""
    url = postgresql.new_database()
    store = open_store(url)
    store.open()
    yield store, url
    store.close()


@pytest.fixture
def dated(postgresql: PostgreSQL) -> Iterator[tuple[Store, str]]:
    """The same for which it is the day after `START`."""
    url = postgresql.new_database()
    store = PostgreSQLStore(url, today=lambda: datetime.fromtimestamp((START + DAY) / 1e6, UTC))
    store.open()
    yield store, url
    store.close()


def load_like_the_loader(store: Store, records: list[Record], beyond: threading.Event) -> None:
    """Load these records one by one, and each again until it is stored, as the loader does."""
    deadline = time.monotonic() + PATIENCE
    for place in range(len(records)):
        while True:
            assert time.monotonic() < deadline
            try:
                store.open()
                store.load("w", records[place : place + 1])
                break
            except StoreBroken:
                store.close()
            except StoreUnavailable:
                beyond.wait(0.01)


def check_stored_once(store: Store, readings: int) -> None:
    recount = store.ledger.recount()
    assert recount.rows == recount.distinct_ids == readings
    assert sum(store.ledger.accounts().stored.values()) == readings


def repeatedly(act: Callable[[], None], times: int, pause: float) -> threading.Thread:
    """Act this often, so long apart, beside what goes on."""

    def acting() -> None:
        for _ in range(times):
            time.sleep(pause)
            act()

    thread = threading.Thread(target=acting)
    thread.start()
    return thread


@pytest.mark.long
def test_a_server_that_is_killed_over_and_over_loses_and_doubles_nothing(
    server: PostgreSQL, records: Records
) -> None:
    store = open_store(server.new_database())

    def kill() -> None:
        server.kill()
        server.start()

    killing = repeatedly(kill, 8, 0.4)
    load_like_the_loader(store, records(1_500, 20), threading.Event())
    killing.join()
    load_like_the_loader(store, records(1_500, 20), threading.Event())  # what is stored is skipped
    check_stored_once(store, 30_000)
    assert store.readings.frame(None, 0, FAR)["id"].tolist() == list(range(1, 30_001))
    store.close()


@pytest.mark.long
def test_connections_that_are_cut_over_and_over_lose_and_double_nothing(
    server: PostgreSQL, records: Records
) -> None:
    url = server.new_database()
    store = open_store(url)

    def cut() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND application_name = 'sensormon'"
            )

    cutting = repeatedly(cut, 60, 0.03)
    load_like_the_loader(store, records(600, 20), threading.Event())
    cutting.join()
    check_stored_once(store, 12_000)
    store.close()


@pytest.mark.long
def test_a_server_that_hangs_is_given_up_in_time_and_used_again_later(
    server: PostgreSQL, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_database, "GRACE", 0.5)
    url, loaded = server.new_database(), records(2, 20)
    store, database = open_store(url), Database(url, read_only=False)
    store.open()
    database.open()
    store.load("w", loaded[:1])
    with server.hanging():
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            database.rows("SELECT count(*) FROM readings", seconds=0.5)
        assert isinstance(caught.value, StoreBroken | StoreUnavailable)
        assert time.monotonic() - began < 10
    load_like_the_loader(store, loaded, threading.Event())
    check_stored_once(store, 40)
    assert database.rows("SELECT count(*) FROM readings") == [(40,)], "with a new connection"
    database.close()
    store.close()


def test_connections_that_were_cut_while_idle_are_made_anew(stored: tuple[Store, str]) -> None:
    store, url = stored
    assert store.ledger.recount().rows == 0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = 'sensormon' AND datname = current_database()"
        )
    assert store.ledger.recount().rows == 0


def test_a_statement_that_takes_too_long_is_cancelled(stored: tuple[Store, str]) -> None:
    database = Database(stored[1], read_only=False)
    database.open()
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        database.rows("SELECT pg_sleep(60)", seconds=0.1)
    assert database.rows("SELECT 1") == [(1,)]
    database.close()


def test_a_server_that_takes_no_writes_is_waited_for(stored: tuple[Store, str], records: Records) -> None:
    store, url = stored
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        store.close()
        store.open()
        with pytest.raises(StoreUnavailable, match="read-only"):
            store.load("w", records(1))
        assert store.ledger.recount().rows == 0, "it still answers"
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    store.close()
    store.open()
    store.load("w", records(1))
    check_stored_once(store, 3)


def test_a_deadlock_is_tried_again(stored: tuple[Store, str]) -> None:
    database = Database(stored[1], read_only=False)
    database.open()
    first, failures = threading.Barrier(2), list[StoreError]()

    def locking(one: int, other: int) -> None:
        try:
            with database.transaction("lock") as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [one])
                first.wait(PATIENCE)
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [other])
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=locking, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    (failure,) = failures
    assert isinstance(failure, StoreUnavailable)
    assert "deadlock" in failure.what
    database.close()


def test_a_stopped_server_is_tried_again(postgresql: PostgreSQL) -> None:
    nobody = open_store("postgresql://sensormon@127.0.0.1:1/readings")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/readings \(open\)"):
        nobody.open()
    missing = open_store(postgresql.url("missing"))
    with pytest.raises(StoreUnavailable, match='"missing" does not exist'):
        missing.open()


def test_an_empty_database_is_set_up_once_by_several_at_once(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    stores = [open_store(url) for _ in range(4)]
    threads = [threading.Thread(target=store.open) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version FROM sensormon_version").fetchall() == [(VERSION,)]
    for store in stores:
        assert store.ledger.recount().rows == 0
        store.close()


def test_tables_of_a_newer_version_are_left_alone(stored: tuple[Store, str]) -> None:
    store, url = stored
    store.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE sensormon_version SET version = 99")
    with pytest.raises(StoreFault, match="version 99"):
        store.open()


def test_a_database_without_tables_is_not_read(postgresql: PostgreSQL) -> None:
    empty = open_store(postgresql.new_database(), read_only=True)
    with pytest.raises(StoreFault, match="missing"):
        empty.open()


def test_passwords_are_in_no_message(postgresql: PostgreSQL) -> None:
    url = f"postgresql://sensormon:hunter2@127.0.0.1:{postgresql.port}/missing?application_name=hunter2"
    with pytest.raises(StoreError) as caught:
        open_store(url).open()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(UsageError) as refused:
        open_store("postgresql://me:hunter2@[there/readings")
    assert "hunter2" not in str(refused.value)


def test_a_row_that_can_never_be_stored_is_named(stored: tuple[Store, str], records: Records) -> None:
    store, url = stored
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'no' USING ERRCODE = 'data_exception'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON readings FOR EACH ROW"
            " WHEN (NEW.id IN (5, 6)) EXECUTE FUNCTION refuse()"
        )
    (record,) = records(1, 9)
    with pytest.raises(RowsRefused):
        store.load("w", [record])
    assert store.ledger.recount().rows == 0
    assert store.refused_rows(record) == {5: "no", 6: "no"}
    store.load("w", [record], without={5, 6})
    check_stored_once(store, 7)


def test_days_long_past_share_the_partition_of_their_month(
    dated: tuple[Store, str], records: Records
) -> None:
    store, url = dated
    loaded = records(2, 60)
    for record, beginning in zip(loaded, (-400 * DAY, 10 * DAY), strict=True):
        assert isinstance(record.entry, BatchEntry)
        record.entry.processed.accepted.time[:] = START + beginning + np.arange(60) * DAY // 4
    store.load("w", loaded)
    assert store.ledger.recount().rows == 120
    assert partitions(url) == {
        *("readings_202508", "readings_202509"),
        *(f"readings_{day:%Y%m%d}" for day in days(loaded[1])),
    }


def test_partitions_of_the_next_days_are_made_ahead(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    store = PostgreSQLStore(url, today=lambda: datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    store.open()
    store.checkpoint()
    store.checkpoint()
    assert partitions(url) == {"readings_20261231", "readings_20270101", "readings_20270102"}
    store.close()


def test_a_partition_goes_with_its_last_reading(dated: tuple[Store, str], records: Records) -> None:
    store, url = dated
    loaded = records(2, 20)
    for record, beginning in zip(loaded, (0, 2 * DAY), strict=True):
        assert isinstance(record.entry, BatchEntry)
        record.entry.processed.accepted.time[:] += beginning
        record.entry.processed.scores.is_anomaly[:] = False
    store.load("w", loaded)
    (before,) = {f"readings_{day:%Y%m%d}" for day in days(loaded[0])}
    assert before in partitions(url)
    for due in store.retention.due(START + DAY, 1):
        assert store.retention.roll_up(due) == 20
    assert before not in partitions(url)
    store.load("w", records(3, 20)[2:])
    assert before in partitions(url), "readings that come late make it again"


def partitions(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {
            name
            for (name,) in connection.execute(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
                " WHERE inhparent = 'readings'::regclass"
            )
        }


def days(record: Record) -> list[datetime]:
    assert isinstance(record.entry, BatchEntry)
    return [datetime.fromtimestamp(time / 1e6, UTC) for time in record.entry.processed.accepted.time.tolist()]
