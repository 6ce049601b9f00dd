"""Who collects into a PostgreSQL store: numbers, names, reports; and tables of before there were several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files

import psycopg
import pytest

from sensormon.model.entries import Record
from sensormon.model.errors import UsageError
from sensormon.model.reading_ids import COLLECTORS
from sensormon.stores.collectors import LOST, CollectorAccount, Collectors, Report
from sensormon.stores.opening import open_store
from sensormon.stores.postgresql_database import VERSION
from sensormon.stores.protocol import Store
from tests.support.postgresql import PostgreSQL

Records = Callable[..., list[Record]]


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def collectors(store: Store) -> Collectors:
    assert store.collectors is not None
    return store.collectors


def silence(url: str, name: str) -> None:
    """As if the collector had not reported for long enough."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE collectors SET seen = now() - make_interval(secs => %s) WHERE name = %s", [LOST + 1, name]
        )


def account(collectors: Collectors, name: str) -> CollectorAccount:
    return next(each for each in collectors.accounts() if each.name == name)


def test_a_journal_keeps_its_number_under_any_name(collectors: Collectors) -> None:
    assert collectors.enter("w1", "north", "host", "1") == 0
    assert collectors.enter("w2", "south", "host", "1") == 1
    assert collectors.enter("w1", "north line", "other", "2") == 0
    assert [(each.name, each.host, each.version) for each in collectors.accounts()] == [
        ("north line", "other", "2"),
        ("south", "host", "1"),
    ]


def test_without_a_name_it_is_called_after_its_host(collectors: Collectors) -> None:
    for number in range(3):
        assert collectors.enter(f"w{number}", "", "plant", "1") == number
    assert [each.name for each in collectors.accounts()] == ["plant", "plant 2", "plant 3"]
    assert collectors.enter("w1", "", "plant", "1") == 1
    assert [each.name for each in collectors.accounts()] == ["plant", "plant 2", "plant 3"]


def test_a_name_goes_on_with_a_new_journal_once_the_old_one_is_silent(
    collectors: Collectors, url: str
) -> None:
    collectors.enter("w1", "north", "host", "1")
    with pytest.raises(UsageError, match="'north' uses this database already"):
        collectors.enter("w2", "north", "host", "1")
    silence(url, "north")
    assert not account(collectors, "north").runs
    assert collectors.enter("w2", "north", "host", "1") == 1
    assert account(collectors, "north").runs
    assert account(collectors, "north").writer == "w2"
    former = next(each for each in collectors.accounts() if each.writer == "w1")
    assert (former.number, former.replaced) == (0, True)


def test_numbers_of_former_journals_are_used_again_only_when_no_other_is_left(
    collectors: Collectors, url: str
) -> None:
    for number in range(COLLECTORS):
        assert collectors.enter(f"w{number}", "north", "host", "1") == number
        silence(url, "north")
    assert collectors.enter("another", "north", "host", "1") == 0
    assert collectors.enter("south", "south", "host", "1") == 1


def test_more_collectors_than_there_are_numbers_are_refused(collectors: Collectors) -> None:
    for number in range(COLLECTORS):
        assert collectors.enter(f"w{number}", f"c{number}", "host", "1") == number
    with pytest.raises(UsageError, match="32 collectors"):
        collectors.enter("w", "another", "host", "1")


def test_an_account_has_the_report_and_the_ledger_of_its_journal(
    store: Store, collectors: Collectors, records: Records
) -> None:
    collectors.enter("w1", "north", "host", "1")
    collectors.enter("w2", "south", "host", "1")
    first, second = records(2, 3)
    store.load("w1", [first, second], without={1})
    collectors.report("w1", Report("simulator", 5, 17, {"test": 1}, "the disk is full"))
    north, south = collectors.accounts()
    assert north.report == Report("simulator", 5, 17, {"test": 1}, "the disk is full")
    assert (north.received, north.stored, north.rejected, north.difference) == (6, 5, 0, 0)
    assert (south.received, south.stored, south.difference) == (0, 0, 0)
    assert store.ledger.accounts().dead == {"w1": {"test": 1}, "w2": {}}


def test_tables_of_version_1_are_brought_to_this_version(url: str, records: Records) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(files("sensormon.stores").joinpath("postgresql_schema.sql").read_bytes())
        connection.execute("CREATE TABLE sensormon_version (version integer NOT NULL)")
        connection.execute("INSERT INTO sensormon_version VALUES (1)")
        connection.execute("INSERT INTO watermarks VALUES ('w1', 2, 7)")
        connection.execute("INSERT INTO received_totals VALUES ('w1', 'test', 7)")
        connection.execute("INSERT INTO stored_totals VALUES ('test', 6)")
        connection.execute("INSERT INTO rejected_totals VALUES ('test', 'duplicate', 1)")
    store = open_store(url)
    store.open()
    assert store.collectors is not None
    assert store.collectors.enter("w1", "north", "host", "1") == 0
    (north,) = store.collectors.accounts()
    assert (north.received, north.stored, north.rejected, north.difference) == (7, 6, 1, 0)
    store.load("w1", [Record(3, each.entry) for each in records(1, 3)])
    assert store.ledger.accounts().stored == {"test": 9}
    store.close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version FROM sensormon_version").fetchall() == [(VERSION,)]
