"""How a PostgreSQL server finds the rows of an answer: by the values asked for, not in the whole history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import psycopg
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Processed
from sensormon.stores.opening import open_store
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_queries import moment
from sensormon.stores.postgresql_stream import by_id
from sensormon.stores.protocol import Store
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL

FAR = START + 10**6 * SECOND
ROWS = 60_000
PATIENCE = 30.0
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_READ = (
    "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables"
    " WHERE relname LIKE 'readings%'"
)


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def store(url: str, processed: Callable[..., Processed]) -> Iterator[Store]:
    """A store with readings of two tags, closed; the server knows how their values are spread."""
    loaded = open_store(url)
    loaded.open()
    scored = processed(ROWS)
    tag = (np.arange(ROWS) % 2).astype(np.int32)
    accepted = replace(scored.accepted, tags=("temp", "speed"), tag=tag)
    scored = replace(scored, accepted=accepted, scores=replace(scored.scores, n=np.arange(ROWS) // 2))
    loaded.load("w", [Record(1, BatchEntry(1, {}, scored))])
    loaded.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    yield loaded
    loaded.close()


def rows_read(store: Store, url: str, read: Callable[[], object]) -> int:
    """How many rows of readings the server reads for this; sessions report theirs when they end."""
    with psycopg.connect(url, autocommit=True) as connection:
        before = reported(connection)
        store.open()
        read()
        store.close()
        return reported(connection) - before


def reported(connection: psycopg.Connection[tuple[int]]) -> int:
    """What all sessions but this one have read so far, once none of them is left."""
    deadline = time.monotonic() + PATIENCE
    while connection.execute(_OTHERS).fetchall()[0][0]:
        assert time.monotonic() < deadline
    return int(connection.execute(_READ).fetchall()[0][0])


def test_histories_read_the_newest_rows_of_each_tag(store: Store, url: str) -> None:
    assert rows_read(store, url, lambda: store.readings.histories(50)) < ROWS // 20


@pytest.mark.usefixtures("store")
def test_a_stream_is_planned_with_the_bounds_of_each_piece(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.stores.postgresql_stream.PIECE", 1_000)
    database = Database(url, read_only=True)
    database.open()
    pieces = list(by_id(database, "time < %s", [moment(FAR)]))
    # The one connection of this database has run them all.
    plans = database.rows(
        "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements"
        " WHERE statement LIKE '%%array_agg%%' AND statement NOT LIKE '%%pg_prepared%%'"
    )
    database.close()
    assert sum(piece.num_rows for piece in pieces) == ROWS
    assert plans[0][0] == 0
    assert plans[0][1] > 20
