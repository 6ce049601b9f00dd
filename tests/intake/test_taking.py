"""What a named source hands over is durable with its position, or neither is: over kills at every point."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.intake.known import known_readings
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import KeptAnswer
from sensormon.model.errors import StoreUnavailable
from sensormon.model.readings import Batch, Origin, Quality, Reading
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Stopping
from tests.support.access import full_journal
from tests.support.bus import wait_until
from tests.support.named import LINE, Delivering, numbered, received
from tests.support.plant import START

Begin = Callable[[Path], Monitor]


@pytest.fixture
def begin(settings: Settings) -> Iterator[Begin]:
    """Starts a monitor on a data folder, as after a kill."""
    running: list[Monitor] = []

    def on(folder: Path) -> Monitor:
        running.append(Monitor(replace(settings, data_dir=folder, journal_quota=1), ManualClock(START)))
        return running[-1]

    yield on
    for monitor in running:
        monitor.stop()


def killed(monitor: Monitor, copy: Path) -> Path:
    """The data folder as a kill -9 at this moment leaves it."""
    ignored = shutil.ignore_patterns("lock", "*.sock", "control*")
    return Path(shutil.copytree(monitor.settings.data_dir, copy, ignore=ignored))


def newest_segment(folder: Path) -> Path:
    return max((folder / "journal").glob("*.seg"))


def test_batch_and_position_are_both_there_or_neither_wherever_the_journal_is_cut(
    begin: Begin, tmp_path: Path
) -> None:
    monitor = begin(tmp_path / "first")
    line = Delivering(monitor)
    line.deliver()
    before = newest_segment(monitor.settings.data_dir).read_bytes().rstrip(b"\0")
    line.deliver()
    folder = killed(monitor, tmp_path / "whole")
    after = newest_segment(folder).read_bytes().rstrip(b"\0")
    assert len(after) > len(before)
    seen = set()
    cuts = [len(before), len(before) + 1, (len(before) + len(after)) // 2, len(after) - 1, len(after)]
    for number, cut in enumerate(cuts):
        torn = Path(shutil.copytree(folder, tmp_path / f"cut{number}"))
        newest_segment(torn).write_bytes(after[:cut])
        again = begin(torn)
        line = Delivering(again)
        assert line.at == received(again)
        seen.add(line.at)
        line.deliver()
        again.drain()
        total = again.ledger.now().total
        assert (total.stored, total.duplicates_dropped, total.difference) == (line.at, 0, 0)
    assert seen == {7, 14}


def test_a_position_survives_the_store_and_an_archive_of_the_journal(begin: Begin, tmp_path: Path) -> None:
    monitor = begin(tmp_path / "first")
    line = Delivering(monitor)
    for step in range(3):
        line.deliver()
        monitor.drain()
        again = begin(killed(monitor, tmp_path / f"copy{step}"))
        assert Delivering(again).at == received(again) == 7 * (step + 1)
    (kept,) = monitor.parts.store.entries.answers_to("position\n")
    assert int(kept.fingerprint) == 3, "the store keeps the newest alone"
    monitor.parts.store.entries.drop_answers(before=FOREVER)
    assert monitor.parts.store.entries.answers_to("position\n") == [kept]
    assert monitor.parts.store.entries.kept_answers(10) == []


def test_what_comes_between_changes_no_position(begin: Begin, tmp_path: Path) -> None:
    monitor = begin(tmp_path / "first")
    line = Delivering(monitor)
    line.deliver()
    monitor.submit(numbered(100, 5, "http"))
    monitor.submit(replace(numbered(200, 5, "import"), origin=Origin.IMPORT))
    again = begin(killed(monitor, tmp_path / "copy"))
    assert Delivering(again).at == received(again) == 7


def test_without_the_store_the_journal_says_the_position(begin: Begin, tmp_path: Path) -> None:
    def away(_: str) -> list[KeptAnswer]:
        raise StoreUnavailable("it is away")

    monitor = begin(tmp_path / "first")
    Delivering(monitor).deliver()
    again = begin(killed(monitor, tmp_path / "copy"))
    assert Delivering(again, away).at == 7
    unknown = Delivering(begin(tmp_path / "new"), away)
    ended: list[bool] = []

    def ask() -> None:
        try:
            unknown.taking.position()
        except Stopping:
            ended.append(True)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: unknown.report.health().trouble is not None)
    unknown.stopping.set()
    asking.join(1)
    assert ended, "rather than begin anew it waits until the store says"


def test_it_waits_while_the_journal_is_full_and_goes_on(begin: Begin, tmp_path: Path) -> None:
    monitor = begin(tmp_path / "first")
    line = Delivering(monitor)
    with full_journal(monitor.settings.data_dir):
        delivering = threading.Thread(target=line.deliver)
        delivering.start()
        wait_until(lambda: line.report.health().trouble is not None)
        assert delivering.is_alive()
        assert received(monitor) == 0, "nothing is acknowledged"
    delivering.join(5)
    assert line.at == received(monitor) == 7
    assert (line.report.health().stored, line.report.health().repeated) == (7, 0)


def test_a_source_that_waits_stops_within_a_second(begin: Begin, tmp_path: Path) -> None:
    monitor = begin(tmp_path / "first")
    line, ended = Delivering(monitor), threading.Event()

    def deliver() -> None:
        try:
            line.deliver()
        except Stopping:
            ended.set()

    with full_journal(monitor.settings.data_dir):
        threading.Thread(target=deliver).start()
        wait_until(lambda: line.report.health().trouble is not None)
        line.stopping.set()
        assert ended.wait(1)
    assert received(monitor) == 0


def test_after_another_run_has_begun_nothing_is_taken_from_the_one_before(
    begin: Begin, tmp_path: Path
) -> None:
    monitor = begin(tmp_path / "first")
    old, new = Delivering(monitor), Delivering(monitor)
    old.deliver()
    old.taking.close()
    new.deliver()
    with pytest.raises(Stopping):
        old.taking.take(numbered(50, 3))
    assert (new.at, received(monitor)) == (14, 14)


def test_what_comes_again_is_recognised_and_counted(begin: Begin, tmp_path: Path) -> None:
    monitor = begin(tmp_path / "first")
    line = Delivering(monitor)
    line.deliver()
    assert line.taking.take(numbered(3, 7)).repeated == 4
    health = line.report.health()
    assert (health.stored, health.repeated, health.refused) == (10, 4, 0)
    monitor.drain()
    assert monitor.ledger.now().total.duplicates_dropped == 4


def test_a_batch_under_another_name_is_refused(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a batch of 'other'"):
        Delivering(begin(tmp_path / "first")).taking.take(numbered(0, 1, "other"))


def test_readings_of_a_batch_are_judged_in_the_order_of_their_times(begin: Begin, tmp_path: Path) -> None:
    monitor = begin(tmp_path / "first")
    batch = numbered(0, 60)
    Delivering(monitor).taking.take(batch.take(batch.time.argsort()[::-1]))
    frame = monitor.readings.recent(0)
    assert frame["time"].is_monotonic_increasing
    assert frame["n"].tolist() == list(range(60))


def test_after_a_kill_nobody_says_what_is_known_before_the_journal_is_loaded(
    begin: Begin, tmp_path: Path
) -> None:
    first = begin(tmp_path / "first")
    Delivering(first).deliver()
    again = begin(killed(first, tmp_path / "again"))
    with pytest.raises(StoreUnavailable, match="from before the start"):
        known_readings(numbered(0, 9), again.parts)
    again.drain()
    assert known_readings(numbered(0, 9), again.parts).tolist() == [True] * 7 + [False] * 2
    Delivering(again).taking.take(numbered(7, 1))
    assert known_readings(numbered(0, 9), again.parts).tolist() == [True] * 8 + [False]


def failed(number: int, tag: str = "fermenter_temp") -> Batch:
    """A reading of a failed sensor, without a value, at the time of the reading with this number."""
    bad = Reading(tag, START + number * SECOND // 10, math.nan, Quality.BAD_SENSOR_FAILURE)
    return Batch.of([bad], source=LINE, received=START + number * SECOND // 10)


def test_a_failed_sensor_keeps_its_last_value_over_a_restart(begin: Begin, tmp_path: Path) -> None:
    first = begin(tmp_path / "first")
    Delivering(first).deliver()
    again = begin(killed(first, tmp_path / "again"))
    taking = Delivering(again).taking
    assert taking.take(failed(8)).stored == 1
    assert again.readings.recent(0)["value"].tolist()[-1] == 36.006


def test_a_failed_sensor_is_known_whatever_value_it_was_given(begin: Begin, tmp_path: Path) -> None:
    first = begin(tmp_path / "first")
    line = Delivering(first)
    line.deliver()
    line.taking.take(failed(8))
    line.taking.take(numbered(9, 1))
    assert line.taking.known(failed(8)).tolist() == [True]
    assert line.taking.known(failed(9)).tolist() == [False], "there it had a good value"
    first.drain()
    again = begin(killed(first, tmp_path / "again"))
    again.drain()
    assert Delivering(again).taking.known(failed(8)).tolist() == [True]
    assert Delivering(again).taking.known(failed(9)).tolist() == [False]


def test_a_state_is_known_however_it_is_written(begin: Begin, tmp_path: Path) -> None:
    monitor = begin(tmp_path / "first")
    monitor.tag_file.add([Tag("valve", "Valve", simulated=False, states=("open", "closed"))], "ada")
    line = Delivering(monitor)

    def valve(*values: float | str) -> Batch:
        rows = [Reading("valve", START + place, value) for place, value in enumerate(values)]
        return Batch.of(rows, source=LINE, received=START)

    line.taking.take(valve("closed", "open", 1))
    assert line.taking.known(valve("true", 0, "Closed")).tolist() == [True] * 3
    assert line.taking.known(valve("open", "ajar", 7)).tolist() == [False] * 3


def test_the_newest_reading_is_known_before_the_journal_is_loaded(begin: Begin, tmp_path: Path) -> None:
    first = begin(tmp_path / "first")
    line = Delivering(first)
    line.deliver()
    newest = line.taking.newest(["fermenter_temp", "fermenter_ph"])
    again = begin(killed(first, tmp_path / "again"))
    assert Delivering(again).taking.newest(["fermenter_temp", "fermenter_ph"]) == newest
    assert newest == {"fermenter_temp": START + 6 * SECOND // 10}
