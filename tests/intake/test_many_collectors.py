"""On one PostgreSQL store each source runs in one collector, and in another one when that is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.intake.named_sources import sources_of
from sensormon.intake.places import COLLECTION
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link
from sensormon.stores.collectors import CollectorAccount
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.bus import wait_until
from tests.support.named import Delivering, received, simulators, tag_text
from tests.support.postgresql import PostgreSQL
from tests.support.rigs.lines import Rig
from tests.support.together import Together

Collect = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def plant(settings: Settings, url: str, tmp_path: Path, clock: ManualClock) -> Iterator[Together]:
    together = Together(settings, url, tmp_path, clock)
    yield together
    together.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Rig]:
    """Serves a protocol whose sources wait on no clock."""
    rig = Rig(tmp_path, 1)
    yield rig
    rig.close()


def test_one_of_two_runs_it_and_the_other_names_it(plant: Together, server: Rig) -> None:
    first, second = plant.start("a", tag_text(1)), plant.start("b", tag_text(1))
    line = server.text.replace("[sources.line]", "[sources.s1]\nfirst = 1")
    first.settings.sources_file.write_text(f'{server.text}{line}collector = "b"\n')
    mine, theirs = sources_of(first), sources_of(second)
    mine.look()
    plant.follow(first, second)
    plant.clock.advance(6)
    theirs.look()
    plant.follow(first, second)
    plant.clock.advance(6)
    mine.look()
    theirs.look()
    assert second.settings.sources_file.read_text() == first.settings.sources_file.read_text()
    seen = [[(each.name, each.collector) for each in side.health()] for side in (mine, theirs)]
    assert seen == [[("line", "a"), ("s1", "b")]] * 2
    wait_until(lambda: [each.link for each in theirs.health()] == [Link.ELSEWHERE, Link.CONNECTED])
    assert [*mine.problems(), *theirs.problems()] == []
    mine.stop()

    def has_both() -> bool:
        theirs.look()  # the server notices after a moment that the other has let go
        return [each.link for each in theirs.health()] == [Link.CONNECTED] * 2

    wait_until(has_both)
    theirs.stop()


def test_who_takes_over_goes_on_from_what_the_store_has(plant: Together) -> None:
    first, second = plant.start("a", tag_text(1)), plant.start("b", tag_text(1))
    line = Delivering(first)
    line.deliver()
    first.drain()
    line.deliver()  # the store does not have it yet: it is read again
    other = Delivering(second)
    assert other.at == 7
    other.deliver()
    second.drain()
    assert Delivering(second).at == 14
    first.drain()
    assert Delivering(first).at == 14
    for monitor in (first, second):
        plant.follow(monitor)
    assert first.ledger.now().total.difference == 0
    assert received(first) == 21


def test_a_source_of_a_collector_that_does_not_run_is_a_problem(plant: Together) -> None:
    monitor = plant.start("a", tag_text(1))
    monitor.settings.sources_file.write_text(simulators(1, collector='"c"'))
    sources = sources_of(monitor)
    sources.look()
    (problem,) = sources.problems()
    assert "no collector of the name 'c' runs" in problem


@pytest.fixture
def collect(url: str, tmp_path: Path) -> Iterator[Collect]:
    """Starts `python -m sensormon collect` under this name."""
    processes: list[subprocess.Popen[bytes]] = []
    (tmp_path / "plant.toml").write_text(tag_text(1))

    def start(name: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "SENSORMON_STORE": url,
            "SENSORMON_SOURCE": "none",
            "SENSORMON_DATA_DIR": str(tmp_path / name),
            "SENSORMON_TAGS": str(tmp_path / "plant.toml"),
            "SENSORMON_COLLECTOR": name,
        }
        with (tmp_path / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "sensormon", "collect"]
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def runner(store: Store) -> str:
    """Which collector runs the source, as all of them read it."""
    return "".join(str(document.content["collector"]) for document in store.entries.documents(COLLECTION))


@pytest.mark.long
def test_when_a_collector_is_killed_another_takes_over_and_the_file_moves_it_back(
    collect: Collect, url: str, tmp_path: Path
) -> None:
    store = open_store(url)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "sources.toml").write_text(simulators(1))
    first = collect("a")
    wait_until((tmp_path / "a" / "sources.here").exists, 90)
    store.open()
    wait_until(lambda: runner(store) == "a", 60)
    collect("b")
    wait_until((tmp_path / "b" / "sources.toml").exists, 90)
    first.kill()
    first.wait()
    assert wait_until(lambda: runner(store) == "b", 30) < 30
    collect("a")
    (tmp_path / "b" / "sources.toml").write_text(simulators(1, collector='"a"'))
    wait_until(lambda: runner(store) == "a", 90)
    wait_until(lambda: all(not account.difference for account in accounts(store)), 30)
    assert {account.name for account in accounts(store) if account.stored} == {"a", "b"}
    store.close()


def accounts(store: Store) -> list[CollectorAccount]:
    assert store.collectors is not None
    return store.collectors.accounts()
