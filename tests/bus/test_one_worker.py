"""Readings from JetStream with workers on one node: stored once, in order, judged as by one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings, read_settings
from sensormon.monitor.monitor import Monitor
from tests.support.bus import assert_stored_as_by_one_process, payloads, some_rows, tag_table, wait_until
from tests.support.nats import Nats, published
from tests.support.postgresql import PostgreSQL

HOUR = 3_600 * SECOND


@pytest.fixture
def worker(
    settings: Settings, postgresql: PostgreSQL, bus: Nats, tmp_path: Path
) -> Iterator[Callable[..., Monitor]]:
    """Starts a worker with a data folder of its own; all of them share a database."""
    url, running, tags = postgresql.new_database(), list[Monitor](), tag_table(tmp_path)

    def begin(name: str) -> Monitor:
        own = replace(settings, store=url, bus=bus.url, data_dir=tmp_path / name, collector=name, tags=tags)
        running.append(Monitor(own))
        running[-1].start()
        return running[-1]

    yield begin
    for monitor in running:
        monitor.stop()


def test_a_second_worker_goes_on_where_the_first_stopped_without_its_disk(
    worker: Callable[..., Monitor], bus: Nats, tmp_path: Path
) -> None:
    at = time.time_ns() // 1000 // SECOND * SECOND - HOUR
    rows = some_rows(2_400)
    first = worker("a")
    wait_until(lambda: "error" not in bus.ask("STREAM.INFO.sensormon"))
    messages = list(payloads(rows, at))
    asyncio.run(published(bus.url, messages[:1_500]))
    wait_until(lambda: first.parts.store.ledger.recount().rows == 1_500)
    first.stop()
    second = worker("b")
    asyncio.run(published(bus.url, messages[1_500:]))
    wait_until(lambda: second.parts.store.ledger.recount().rows == 2_400)
    wait_until(lambda: bus.ask("STREAM.INFO.sensormon")["state"]["messages"] == 0)
    assert_stored_as_by_one_process(second.parts.store, rows, at, second.settings, tmp_path)


def test_what_is_no_reading_is_counted_and_does_not_stop_the_others(
    worker: Callable[..., Monitor], bus: Nats
) -> None:
    monitor = worker("a")
    store = monitor.parts.store
    wait_until(lambda: "error" not in bus.ask("STREAM.INFO.sensormon"))
    wrong = [("line_1", b"nonsense"), ("line_1", b'{"value": 1e9}'), ("other", b'{"value": 1}')]
    asyncio.run(published(bus.url, [*wrong, ("line_1", b'{"value": 2.5}')]))
    wait_until(lambda: store.ledger.recount().rows == 1)
    wait_until(lambda: sum(store.ledger.accounts().rejected.values()) == 3)
    assert {reason for _, reason in store.ledger.accounts().rejected} == {
        "malformed",
        "out_of_range",
        "unknown_tag",
    }
    wait_until(lambda: bus.ask("STREAM.INFO.sensormon")["state"]["messages"] == 0)
    assert store.collectors is not None
    accounts = {account.name: account for account in store.collectors.accounts()}
    assert sum(account.stored for account in accounts.values()) == 1
    assert all(account.difference == 0 for account in accounts.values())


@pytest.mark.parametrize("store", ["", "plant.duckdb"])
def test_a_bus_needs_a_store_that_workers_share(store: str) -> None:
    with pytest.raises(UsageError, match="SENSORMON_BUS: a bus needs a store that its workers share"):
        read_settings({"SENSORMON_BUS": "nats://127.0.0.1:4222", "SENSORMON_STORE": store})


def test_with_a_bus_there_is_no_simulator_unless_it_is_asked_for() -> None:
    names = {"SENSORMON_BUS": "nats://a:4222, nats://b:4222", "SENSORMON_STORE": "postgresql://db/plant"}
    assert read_settings(names).source == "none"
    assert read_settings(names).bus == "nats://a:4222,nats://b:4222"
    with pytest.raises(UsageError, match="SENSORMON_BUS"):
        read_settings({**names, "SENSORMON_BUS": "kafka://a"})
