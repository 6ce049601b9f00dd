"""Connections to a PostgreSQL server that were lost: made anew, without a person and without a restart."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sensormon.ingest import loader as loading
from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.loader import Loader
from sensormon.journal.journal import Journal
from sensormon.model.clock import ManualClock
from sensormon.model.entries import Record
from sensormon.model.errors import StoreError, StoreUnavailable, UsageError
from sensormon.model.status import StoreState
from sensormon.stores import postgresql_database
from sensormon.stores.opening import open_store
from sensormon.stores.postgresql_database import Database
from sensormon.stores.protocol import Store
from tests.support.journals import open_journal
from tests.support.postgresql import PostgreSQL, binaries

Records = Callable[..., list[Record]]
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server: apt-get install postgresql")


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A server that syncs to disk, of this test alone."""
    running = PostgreSQL(durable=True)
    yield running
    running.stop()


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url, read_only=False)
    opened.open()
    yield opened
    opened.close()


def cut(url: str) -> None:
    """End every connection of sensormon to this database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND application_name = 'sensormon' AND datname = current_database()"
        )


def check_stored_once(store: Store, readings: int) -> None:
    recount = store.ledger.recount()
    assert recount.rows == recount.distinct_ids == readings
    assert sum(store.ledger.accounts().stored.values()) == readings


def journal_of(folder: Path, records: list[Record]) -> Journal:
    journal = open_journal(folder / "journal")
    for record in records:
        journal.append(record.entry)
    return journal


def test_the_loader_outlasts_a_server_that_ends_every_connection(
    url: str, records: Records, tmp_path: Path, clock: ManualClock
) -> None:
    store = open_store(url)
    with psycopg.connect(url, autocommit=True) as connection:
        store.open()
        connection.execute(
            "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER cut BEFORE INSERT ON watermarks FOR EACH ROW EXECUTE FUNCTION cut()"
        )
        loader = Loader(journal_of(tmp_path, records(3)), store, DeadLetters(tmp_path), clock)
        for failures in range(1, 8):
            clock.advance(loader.step())
            assert loader.status().failures == failures
            assert loader.status().state is StoreState.RETRYING
        connection.execute("DROP TRIGGER cut ON watermarks")
    clock.advance(loader.step())
    assert loader.status().state is StoreState.HEALTHY
    check_stored_once(store, 9)
    loader.close()


def test_a_damaged_table_stops_the_loader_with_what_to_do(
    url: str, records: Records, tmp_path: Path, clock: ManualClock
) -> None:
    store = open_store(url)
    store.open()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'invalid page in block 3' USING ERRCODE = 'XX001'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER fail BEFORE INSERT ON watermarks FOR EACH ROW EXECUTE FUNCTION fail()"
        )
    loader = Loader(journal_of(tmp_path, records(3)), store, DeadLetters(tmp_path), clock)
    for _ in range(loading.HOPELESS + 1):
        clock.advance(loader.step())
    assert loader.status().state is StoreState.FAILED
    assert "Restore it from a back-up" in loader.status().problem
    assert "invalid page in block 3" in loader.status().problem
    loader.close()


@pytest.mark.long
def test_a_load_on_a_server_that_hangs_ends_in_time(
    server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_database, "GRACE", 0.5)
    database = Database(server.new_database(), read_only=False)
    database.open()

    def load() -> None:
        with database.transaction("load", seconds=1.0) as cursor:
            cursor.execute("INSERT INTO undone_totals VALUES ('test', 1)")
            with server.hanging():
                cursor.execute("INSERT INTO undone_totals VALUES ('other', 1)")

    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        load()
    assert time.monotonic() - began < 5, "its seconds, the grace, and a look or two of the watchdog"
    assert database.rows("SELECT count(*) FROM undone_totals") == [(0,)]
    with database.transaction("load") as cursor:
        cursor.execute("INSERT INTO undone_totals VALUES ('test', 1)")
    assert database.rows("SELECT source FROM undone_totals") == [("test",)]
    database.close()


def test_a_wrong_password_is_in_no_traceback(postgresql: PostgreSQL) -> None:
    password = "".join(["hun", "ter", "2"])  # a traceback shows the lines of this test, too
    with pytest.raises(UsageError) as refused:
        open_store(f"postgresql://me:{password}%zz@127.0.0.1:{postgresql.port}/readings")
    assert password not in "".join(traceback.format_exception(refused.value))
    with pytest.raises(StoreError) as caught:
        open_store(f"postgresql://me:{password}@127.0.0.1:{postgresql.port}/readings").open()
    assert password not in "".join(traceback.format_exception(caught.value))
