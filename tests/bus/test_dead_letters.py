"""Readings of the bus that PostgreSQL refuses for good: kept beside the readings, counted, tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensormon.bus.partition import Partition, Plant
from sensormon.bus.payload import batch_of, rows_of
from sensormon.exchange.moving import move
from sensormon.ingest.dead_letters import retry_kept
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.recovery import settings_in_force
from sensormon.model import timestamps
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import StoreFault
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.offline_readings import OfflineReadings
from sensormon.monitor.verify import verify
from sensormon.stores.opening import open_store, opened_to_fill
from sensormon.stores.protocol import Store
from sensormon.view.status import dead_letter_words
from tests.support.bus import payloads, some_rows, tag_table, wait_until
from tests.support.nats import Nats, published
from tests.support.partitions import STREAM, TEMP, messages, refuse, refuse_no_more
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL

FOREVER = 1 << 52


class Plants:
    """A database that can be told to refuse rows, and partitions on it."""

    def __init__(self, url: str, tags: TagTable, clock: ManualClock) -> None:
        self.url = url
        self.store = open_store(url)
        self.store.open()
        assert self.store.partitions is not None
        assert self.store.collectors is not None
        settings = settings_in_force(None, Settings(), START)
        self.plant = Plant(
            self.store, self.store.partitions, self.store.collectors, lambda: tags, lambda: settings, 0, clock
        )

    def partition(self) -> Partition:
        return Partition.load(self.plant, TEMP, STREAM)


def store_all(partition: Partition, first: int, count: int) -> None:
    partition.take(messages(first, count))
    partition.store()


def check_books(store: Store, received: int, stored: int, dead: int) -> None:
    accounts = store.ledger.accounts()
    assert accounts.received == {f"partition-{TEMP}": {"bus": received}}
    assert (accounts.stored, accounts.kept) == ({"bus": stored}, {"bus": dead} if dead else {})
    assert accounts.dead_elsewhere("some journal") == accounts.kept
    recount = store.ledger.recount()
    assert recount.rows == recount.distinct_ids == stored


@pytest.fixture
def plants(postgresql: PostgreSQL, tags: TagTable, clock: ManualClock) -> Iterator[Plants]:
    running = Plants(postgresql.new_database(), tags, clock)
    yield running
    running.store.close()


def test_the_rest_of_a_batch_is_stored_and_the_refused_reading_kept_and_counted(plants: Plants) -> None:
    refuse(plants.url, "NEW.n IN (57, 58)")
    store_all(plants.partition(), 1, 100)
    check_books(plants.store, received=100, stored=98, dead=2)
    letters = plants.store.entries.documents("dead_letters")
    assert [letter.content["n"] for letter in letters] == [57, 58]
    assert {letter.content["reason"] for letter in letters} == {"not here"}
    assert plants.store.collectors is not None
    (account,) = plants.store.collectors.accounts()
    assert (account.received, account.stored, account.dead, account.difference) == (100, 98, 2, 0)


def test_whoever_takes_over_after_a_refused_reading_judges_as_if_it_had_been_there(plants: Plants) -> None:
    refuse(plants.url, "NEW.n = 57")
    partition = plants.partition()
    for first in range(1, 81, 20):
        store_all(partition, first, 20)
    store_all(plants.partition(), 81, 20)
    ours = plants.store.readings.frame(["temp"], 0, FOREVER)
    alone = Pipeline(plants.plant.tags(), plants.plant.settings())
    batch, *_ = batch_of(rows_of(messages(1, 100)).rows, START)
    expected = alone.judge(batch).scores
    others = [place for place in range(100) if place != 57]
    assert ours["n"].tolist() == expected.n[others].tolist()
    assert np.array_equal(ours["score"].to_numpy(), expected.score[others], equal_nan=True)


def test_a_refused_reading_is_stored_once_as_soon_as_the_database_takes_it(plants: Plants) -> None:
    refuse(plants.url, "NEW.n IN (57, 58)")
    store_all(plants.partition(), 1, 100)
    assert retry_kept(plants.store, START).stored == 0
    check_books(plants.store, received=100, stored=98, dead=2)
    refuse_no_more(plants.url)
    assert retry_kept(plants.store, START).stored == 2
    assert retry_kept(plants.store, START).stored == 0
    check_books(plants.store, received=100, stored=100, dead=0)
    assert plants.store.readings.frame(["temp"], 0, FOREVER)["n"].tolist() == list(range(100))
    store_all(plants.partition(), 101, 10)
    check_books(plants.store, received=110, stored=110, dead=0)


def test_dead_letters_are_tried_a_few_at_a_time_and_each_try_is_noted(plants: Plants, tmp_path: Path) -> None:
    refuse(plants.url, "NEW.n IN (7, 8, 9, 10, 11)")
    store_all(plants.partition(), 1, 20)
    keys = [letter.key for letter in plants.store.entries.dead_letters("", 9)]
    refuse_no_more(plants.url)
    refuse(plants.url, "NEW.n IN (7, 8, 9, 10)")
    first = retry_kept(plants.store, START + SECOND, "", 2)
    second = retry_kept(plants.store, START + SECOND, first.last, 2)
    third = retry_kept(plants.store, START + SECOND, second.last, 2)
    assert [first.last, second.last, third.last] == [keys[1], keys[3], ""]
    assert first.stored + second.stored + third.stored == 1
    check_books(plants.store, received=20, stored=16, dead=4)
    letters = plants.store.entries.dead_letters("", 9)
    assert {letter.content["attempts"] for letter in letters} == {2}
    assert {letter.content["last_failed"] for letter in letters} == {timestamps.render(START + SECOND)}
    with (
        opened_to_fill(str(tmp_path / "moved.duckdb")) as (moved, _),
        plants.store.tables.snapshot() as source,
    ):
        move(source, moved.tables, lambda _: None, Progress())
        copied = moved.entries.dead_letters("", 9)
        assert copied == letters
        moved.entries.note_try(replace(copied[0], content={**copied[0].content, "attempts": 3}))
        assert [letter.content["attempts"] for letter in moved.entries.dead_letters("", 9)] == [3, 2, 2, 2]


def test_an_export_of_a_stopped_worker_says_where_the_refused_readings_are(
    plants: Plants, tmp_path: Path
) -> None:
    refuse(plants.url, "NEW.n IN (57, 58)")
    store_all(plants.partition(), 1, 100)
    stopped = StoppedMonitor(tmp_path, plants.url)
    readings = OfflineReadings(stopped, plants.store)
    assert readings.count(None, 0, FOREVER, anomalies=False) == 98
    (sentence,) = readings.refused()
    assert sentence.startswith(
        "2 bus readings that the database refused are not in it: see the table documents"
    )
    line = stopped.ledger(plants.store).total
    assert (line.received, line.stored, line.dead_lettered, line.difference) == (100, 98, 2, 0)
    report = verify(stopped)
    assert report.findings == report.unchecked == ()


def test_dead_letters_move_with_the_history_and_are_stored_there(plants: Plants, tmp_path: Path) -> None:
    refuse(plants.url, "NEW.n = 57")
    store_all(plants.partition(), 1, 100)
    moved = open_store(str(tmp_path / "moved.duckdb"))
    moved.open()
    with plants.store.tables.snapshot() as source:
        assert move(source, moved.tables, lambda _: None, Progress()).differing == ()
    check_books(moved, received=100, stored=99, dead=1)
    assert retry_kept(moved, START).stored == 1
    check_books(moved, received=100, stored=100, dead=0)
    moved.close()


def test_what_is_refused_although_each_reading_is_taken_stays_in_the_stream(plants: Plants) -> None:
    refuse(plants.url, "NEW.source = 'bus'", "stored_totals")
    partition = plants.partition()
    partition.take(messages(1, 10))
    with pytest.raises(StoreFault, match="not here"):
        partition.store()
    assert plants.store.ledger.recount().rows == 0
    refuse_no_more(plants.url)
    partition.store()
    check_books(plants.store, received=10, stored=10, dead=0)


def test_a_refused_reading_blocks_no_other_and_is_shown(
    settings: Settings, postgresql: PostgreSQL, bus: Nats, tmp_path: Path
) -> None:
    url, rows = postgresql.new_database(), some_rows(240)
    at = time.time_ns() // 1000 // SECOND * SECOND - 3_600 * SECOND
    monitor = Monitor(
        replace(settings, store=url, bus=bus.url, collector="a", tags=tag_table(tmp_path)),
    )
    monitor.start()
    try:
        wait_until(lambda: "error" not in bus.ask("STREAM.INFO.sensormon"))
        refuse(url, "NEW.tag = 'line_3' AND NEW.n = 5")
        asyncio.run(published(bus.url, payloads(rows, at)))
        ledger = monitor.parts.store.ledger
        wait_until(lambda: ledger.recount().rows == 239)
        wait_until(lambda: bus.ask("STREAM.INFO.sensormon")["state"]["messages"] == 0)
        total = monitor.ledger.now().total
        assert (total.received, total.stored, total.dead_lettered, total.difference) == (240, 239, 1, 0)
        letters = monitor.status().dead_letters
        assert dead_letter_words(letters) == "1 reading of the bus that the database refused, kept in it"
        refuse_no_more(url)
        monitor.loader.retry_dead_letters()
        wait_until(lambda: ledger.recount().rows == 240)
        total = monitor.ledger.now().total
        assert (total.stored, total.dead_lettered, total.difference) == (240, 0, 0)
        assert monitor.status().dead_letters.kept == 0
    finally:
        monitor.stop()
