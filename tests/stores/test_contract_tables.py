"""The contract of every store: its tables as a whole, read at one moment and filled piece by piece."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sensormon.exchange.moving import contents_of, move, origin_of
from sensormon.model.clock import ManualClock
from sensormon.model.entries import Record
from sensormon.model.errors import StoreFault, UsageError
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.duckdb_copies import MADE_HERE
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from sensormon.stores.tables import TABLES, Piece, Snapshot
from tests.support.plant import START, own_table
from tests.support.whole_history import add_states, write_history


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A DuckDB file with rows in every table, open for reading."""
    folder = tmp_path_factory.mktemp("original")
    table = own_table(folder)
    add_states(table)
    clock = ManualClock(START)
    monitor = Monitor(Settings(data_dir=folder / "data", source="simulator", tags=table), clock)
    write_history(monitor, clock, folder)
    monitor.stop()
    store = open_store(str(folder / "data" / "sensormon.duckdb"), read_only=True)
    store.open()
    yield store
    store.close()


def copied(original: Store, store: Store) -> None:
    with original.tables.snapshot() as source:
        moved = move(source, store.tables, lambda _: None, Progress())
    assert moved.differing == ()


def rows_of(moment: Snapshot, table: str) -> list[dict[str, Any]]:
    return [row for piece in moment.pieces(table) for row in piece.rows.to_pylist()]


def test_the_history_has_rows_in_every_table(original: Store) -> None:
    with original.tables.snapshot() as source:
        counts = source.counts()
        assert [table for table, count in counts.items() if not count] == []
        assert {
            table: sum(piece.rows.num_rows for piece in source.pieces(table)) for table in TABLES
        } == counts


def test_a_copy_has_every_row_of_every_table(original: Store, store: Store) -> None:
    copied(original, store)
    with original.tables.snapshot() as source, store.tables.snapshot() as copy:
        assert copy.counts() == source.counts()
        assert contents_of(copy, Progress(), 0, "") == contents_of(source, Progress(), 0, "")
        assert origin_of(copy) == origin_of(source)
        for table in set(TABLES) - {"readings"}:
            rows = [
                [row for piece in each.pieces(table) for row in piece.rows.to_pylist()]
                for each in (source, copy)
            ]
            if table not in ("rejected", "kept_answers"):
                rows = [sorted(each, key=repr) for each in rows]
            assert rows[0] == rows[1]


def test_a_copy_answers_as_the_original(original: Store, store: Store) -> None:
    copied(original, store)
    assert store.ledger.accounts() == original.ledger.accounts()
    assert store.ledger.recount() == original.ledger.recount()
    assert store.ledger.next_id() == original.ledger.next_id()
    assert store.entries.detector_settings() == original.entries.detector_settings()
    assert store.entries.annotations() == original.entries.annotations()
    assert store.entries.documents("accounts") == original.entries.documents("accounts")
    assert store.imports.totals() == original.imports.totals()
    assert store.imports.undone() == original.imports.undone()
    assert store.readings.tags() == original.readings.tags()
    pieces = [[*each.readings.stream(None, 0, 2 * START)] for each in (original, store)]
    rows = [[row for piece in each for row in piece.to_pylist()] for each in pieces]
    assert rows[0] == rows[1]


def test_an_interrupted_copy_goes_on_where_it_was(original: Store, store: Store) -> None:
    with original.tables.snapshot() as source:
        origin = origin_of(source)
        reached = store.tables.begin(origin)
        assert set(reached.values()) == {0}
        first = next(source.pieces("readings"))
        store.tables.append("readings", first)
        assert store.tables.is_unfinished()
        assert store.tables.begin(origin) == {**reached, "readings": first.after}
        with pytest.raises(UsageError, match="somebody else copies into it"):
            store.tables.append("readings", first)
        moved = move(source, store.tables, lambda _: None, Progress())
        assert moved.before == first.rows.num_rows
        assert not moved.differing
        assert not store.tables.is_unfinished()
        again = move(source, store.tables, lambda _: None, Progress())
        assert (again.copied, again.differing) == (0, ())


def test_a_store_with_another_history_takes_no_copy(
    original: Store, store: Store, records: Callable[..., list[Record]]
) -> None:
    store.load("w", records(1))
    with pytest.raises(UsageError, match="holds another history"):
        store.tables.begin("x")
    with original.tables.snapshot() as source, pytest.raises(UsageError, match="holds another history"):
        move(source, store.tables, lambda _: None, Progress())
    assert store.ledger.recount().rows == 3


def test_an_unfinished_copy_of_another_history_is_not_gone_on_with(store: Store) -> None:
    store.tables.begin("this")
    with pytest.raises(UsageError, match="unfinished copy of another history"):
        store.tables.begin("that")


def test_a_snapshot_is_of_one_moment(store: Store, records: Callable[..., list[Record]]) -> None:
    loaded = records(2)
    store.load("w", loaded[:1])
    assert store.checkpoint()
    with store.tables.snapshot() as moment:
        before = moment.counts()
        store.load("w", loaded)
        store.checkpoint()
        assert moment.counts() == before
        assert sum(piece.rows.num_rows for piece in moment.pieces("readings")) == 3
        assert [piece.rows["number"].to_pylist() for piece in moment.pieces("watermarks")] == [[1]]
    assert store.checkpoint()
    assert store.ledger.watermark("w").number == 2


def test_one_changed_cell_is_found(original: Store, store: Store) -> None:
    with original.tables.snapshot() as source:
        store.tables.begin(origin_of(source))
        for table in TABLES:
            for piece in source.pieces(table):
                store.tables.append(table, changed(table, piece))
        moved = move(source, store.tables, lambda _: None, Progress())
    assert moved.differing == ("fermenter_ph on 2026-03-05", "the table audit")
    assert store.tables.is_unfinished()


def changed(table: str, piece: Piece) -> Piece:
    """The piece, with the last reading of the pH and one record of the audit trail a little different.

    That reading is of an import, flagged, of a day that was rolled up.
    """
    columns = {"readings": "n", "audit": "subject"}
    if table not in columns:
        return piece
    name = columns[table]
    cells = piece.rows[name].to_pylist()
    if table == "audit":
        cells[0] += "."
    else:
        place = [row["tag"] for row in piece.rows.select(["tag"]).to_pylist()][::-1].index("fermenter_ph")
        cells[-1 - place] += 1
    number = piece.rows.schema.get_field_index(name)
    column = pa.array(cells, piece.rows.schema.field(name).type)
    return Piece(piece.before, piece.after, piece.rows.set_column(number, name, column))


def test_every_table_is_copied_or_made_from_others() -> None:
    folder = files("sensormon.stores")
    for schema, beside in (("schema.sql", MADE_HERE), ("postgresql_schema.sql", {"rewritten"})):
        named = re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", folder.joinpath(schema).read_text())
        assert set(named) == TABLES.keys() | beside, "a new table needs its place in TABLES"


def test_a_file_of_a_newer_version_is_not_read(store: Store, tmp_path: Path) -> None:
    if store.name != "DuckDB":
        pytest.skip("PostgreSQL's tables have a version, see test_postgresql_connections")
    with duckdb.connect(str(tmp_path / "newer.duckdb")) as connection:
        connection.execute(files("sensormon.stores").joinpath("schema.sql").read_text())
        connection.execute("ALTER TABLE audit ADD COLUMN reason VARCHAR")
    newer = open_store(str(tmp_path / "newer.duckdb"), read_only=True)
    newer.open()
    with pytest.raises(StoreFault, match=r"a newer version has written it: audit\.reason"):
        newer.tables.snapshot().__enter__()
    newer.close()
