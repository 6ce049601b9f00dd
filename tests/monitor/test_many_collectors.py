"""Several monitors on one PostgreSQL store: each collects, all show everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from sensormon.ingest.watchdog import LATE
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.reading_ids import collector_of, slice_of
from sensormon.model.settings import Settings
from sensormon.monitor.following import Following
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.stores import recent
from sensormon.stores.collectors import LOST
from sensormon.view.live_feed import LiveFeed
from tests.support.plant import START, batch_of
from tests.support.postgresql import PostgreSQL

NAMES = ["fermenter_ph", "fermenter_temp"]


@pytest.fixture
def start(
    settings: Settings, postgresql: PostgreSQL, tmp_path: Path, clock: ManualClock
) -> Iterator[Callable[..., Monitor]]:
    """Starts a monitor of this name on the one database, in a data folder of its own."""
    url, running = postgresql.new_database(), list[Monitor]()

    def begin(name: str, clock: ManualClock = clock, **changes: object) -> Monitor:
        own = replace(settings, store=url, **{"data_dir": tmp_path / name, "collector": name, **changes})
        running.append(Monitor(own, clock))
        return running[-1]

    yield begin
    for monitor in running:
        monitor.stop()


def following(monitor: Monitor) -> Following:
    assert monitor.following is not None
    return monitor.following


def test_each_shows_what_the_other_collects(start: Callable[..., Monitor], clock: ManualClock) -> None:
    line, dashboard = start("line"), start("dashboard", source="none")
    feed = LiveFeed(dashboard)
    first = feed.board(NAMES, 600)
    for step in range(3):
        clock.advance((START + step * SECOND - clock.now()) / SECOND)
        line.submit(batch_of(("fermenter_ph", 7.0 + step), at=START + step * SECOND))
        line.drain()
        following(dashboard).step()
    news = feed.board(NAMES, 600, after=first["after"])
    assert news["tags"]["fermenter_ph"]["y"] == [7.0, 8.0, 9.0]
    assert feed.board(NAMES, 600, after=news["after"])["tags"].keys() <= {"fermenter_ph"}
    assert not feed.board(NAMES, 600, after=news["after"])["tags"].get("fermenter_ph", {}).get("y")
    assert dashboard.readings.recent(START - 1)["value"].tolist() == [7.0, 8.0, 9.0]
    assert {age.tag for age in dashboard.tag_ages() if age.seconds is not None} == {"fermenter_ph"}


def test_a_tag_of_another_collector_is_silent_a_little_later(
    start: Callable[..., Monitor], clock: ManualClock
) -> None:
    line, dashboard = start("line"), start("dashboard", source="none")
    for step in range(40):
        line.submit(batch_of(("fermenter_ph", 7.0), at=START + step * SECOND // 10))
        clock.advance(0.1)
    line.drain()
    following(dashboard).step()
    clock.advance(3.0)
    assert [silence.tag for silence in line.status().silent] == ["fermenter_ph"]
    assert not dashboard.status().silent, "its readings are on their way"
    assert dashboard.status().source.rate > 0
    clock.advance(LATE)
    assert [silence.tag for silence in dashboard.status().silent] == ["fermenter_ph"]


def test_a_slower_collector_with_lower_ids_is_not_missed(start: Callable[..., Monitor]) -> None:
    slow, fast, dashboard = start("slow"), start("fast"), start("dashboard", source="none")
    feed = LiveFeed(dashboard)
    after = feed.board(NAMES, 600)["after"]
    slow.submit(batch_of(("fermenter_ph", 6.5)))
    fast.submit(batch_of(("fermenter_temp", 37.0)))
    fast.drain()  # its ids are higher, and it stores first
    following(dashboard).step()
    answer = feed.board(NAMES, 600, after=after)
    assert answer["tags"]["fermenter_temp"]["y"] == [37.0]
    slow.drain()
    following(dashboard).step()
    late = feed.board(NAMES, 600, after=answer["after"])
    assert late["tags"]["fermenter_ph"]["y"] == [6.5]
    frame = dashboard.readings.recent(START - 1)
    assert sorted(frame["value"]) == [6.5, 37.0]
    assert len({collector_of(number) for number in frame["id"]}) == 2


def test_ids_never_meet_and_the_ledger_holds_for_all(
    start: Callable[..., Monitor], clock: ManualClock
) -> None:
    monitors = [start("a"), start("b"), start("c")]
    for step in range(5):
        clock.advance((START + step * 20 * SECOND - clock.now()) / SECOND)
        for monitor in monitors:
            monitor.submit(batch_of(*[("fermenter_ph", 7.0)] * 50, at=clock.now(), seconds=0.01))
    for monitor in monitors:
        monitor.drain()
        following(monitor).step()
    stored = monitors[0].parts.store
    assert stored.ledger.recount().distinct_ids == stored.ledger.recount().rows == 750
    for monitor in monitors:
        assert (monitor.ledger.now().total.stored, monitor.ledger.now().total.difference) == (750, 0)
    assert stored.collectors is not None
    accounts = stored.collectors.accounts()
    assert [(account.name, account.stored, account.difference) for account in accounts] == [
        ("a", 250, 0),
        ("b", 250, 0),
        ("c", 250, 0),
    ]
    monitors[0].stop()
    assert not verify(StoppedMonitor(monitors[0].settings.data_dir, monitors[0].settings.store_url)).findings


def test_settings_applied_in_one_are_in_force_in_all(start: Callable[..., Monitor]) -> None:
    line, dashboard = start("line"), start("dashboard", source="none")
    for monitor in (line, dashboard):
        monitor.drain()
        following(monitor).step()
    applied = dashboard.tuner.set_zscore({"threshold": 4.5}, "ada")
    dashboard.drain()
    following(line).step()
    assert line.detection.in_force == applied
    line.drain()
    following(dashboard).step()
    assert dashboard.detection.in_force == applied
    again = line.tuner.set_zscore({"threshold": 5.0}, "grace")
    assert again.id > applied.id
    assert again.id % 32 != applied.id % 32


def test_acts_in_one_are_seen_in_all(start: Callable[..., Monitor]) -> None:
    line, dashboard = start("line"), start("dashboard", source="none")
    values = [("fermenter_ph", 7.0 + step % 3 / 100) for step in range(60)]
    line.submit(batch_of(*values, ("fermenter_ph", 8.5), ("fermenter_ph", 8.5), at=START - 100 * SECOND))
    line.drain()
    for monitor in (line, dashboard):
        following(monitor).step()
    (event,) = dashboard.events.between(None, 0, START + 100 * SECOND)["id"]
    before = line.actions.count
    dashboard.actions.record([event], "acknowledge", "ada")
    dashboard.annotations.add("pump changed", "ada", START)
    dashboard.drain()
    following(line).step()
    assert line.actions.count > before
    assert line.events.between(None, 0, START + 100 * SECOND)["state"].tolist() == ["acknowledged"]
    assert [note.text for note in line.annotations.between(0, START + 100 * SECOND)] == ["pump changed"]


def test_a_name_is_used_once_at_a_time(start: Callable[..., Monitor], tmp_path: Path) -> None:
    start("line")
    with pytest.raises(UsageError, match="a collector named 'line' uses this database already"):
        start("line", data_dir=tmp_path / "other")


def test_a_collector_cut_off_and_the_one_that_went_on_under_its_name_share_no_ids(
    start: Callable[..., Monitor], tmp_path: Path, clock: ManualClock
) -> None:
    cut_off = start("line")
    with psycopg.connect(cut_off.settings.store_url, autocommit=True) as connection:
        connection.execute("UPDATE collectors SET seen = now() - make_interval(secs => %s)", [LOST + 1])
    successor = start("line", data_dir=tmp_path / "new")
    for monitor in (cut_off, successor):
        monitor.submit(batch_of(("fermenter_ph", 7.0), at=clock.now()))
    for monitor in (cut_off, successor):
        monitor.drain()
    counts = successor.parts.store.ledger.recount()
    assert (counts.rows, counts.distinct_ids) == (2, 2)
    following(cut_off).step()  # it reports again
    assert [(each.name.split(" ")[0], each.stored) for each in following(successor).accounts()] == [
        ("line", 1),
        ("line", 1),
    ]


@pytest.mark.parametrize("behind", [60, 3600])
def test_a_collector_whose_clock_is_behind_is_live_on_a_dashboard(
    start: Callable[..., Monitor], clock: ManualClock, behind: int
) -> None:
    clock.advance((START - clock.now()) / SECOND)
    line = start("line", clock=ManualClock(clock.now() - behind * SECOND))
    line.submit(batch_of(("fermenter_ph", 6.0), at=START - SECOND))
    line.drain()
    dashboard = start("dashboard", source="none")
    feed = LiveFeed(dashboard)
    following(dashboard).step()
    first = feed.board(NAMES, 600)
    assert not feed.board(NAMES, 600, after=first["after"])["late"]
    line.submit(batch_of(("fermenter_ph", 7.0)))
    line.drain()
    following(dashboard).step()
    assert feed.board(NAMES, 600, after=first["after"])["late"]  # then viewers read the whole board
    assert feed.board(NAMES, 600)["tags"]["fermenter_ph"]["y"] == [6.0, 7.0]
    assert "fermenter_ph" in {age.tag for age in dashboard.tag_ages() if age.seconds is not None}
    clock.advance(3)
    assert not feed.board(NAMES, 600, after=first["after"])["late"]


def test_a_backlog_that_is_stored_late_shows_on_a_dashboard_started_meanwhile(
    start: Callable[..., Monitor], clock: ManualClock
) -> None:
    clock.advance((START - clock.now()) / SECOND)
    line = start("line")
    line.submit(batch_of(("fermenter_ph", 6.0)))
    line.drain()
    line.submit(batch_of(("fermenter_ph", 6.1), at=START + SECOND))  # and waits
    clock.advance(120)
    dashboard = start("dashboard", source="none")
    following(dashboard).step()
    feed = LiveFeed(dashboard)
    first = feed.board(NAMES, 600)
    line.submit(batch_of(("fermenter_ph", 6.2), at=clock.now()))
    line.drain()
    following(dashboard).step()
    following(dashboard).step()
    news = feed.board(NAMES, 600, after=first["after"])
    assert news["late"]
    assert feed.board(NAMES, 600)["tags"]["fermenter_ph"]["y"] == [6.0, 6.1, 6.2]


def test_readings_of_others_stay_on_the_pages_of_a_collector_with_lower_ids(
    start: Callable[..., Monitor], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "KEPT", 2_000)
    clock.advance((START - clock.now()) / SECOND)
    quiet, busy = start("quiet"), start("busy")  # in each slice of time the first has the lower ids
    following(quiet).step()
    for _ in range(5):
        busy.submit(batch_of(*[("fermenter_ph", 7.0)] * 1_200, at=clock.now(), seconds=0.0001))
        busy.drain()
        clock.advance(1)
        following(quiet).step()
    quiet.submit(batch_of(("fermenter_temp", 37.0), at=clock.now()))
    quiet.drain()
    until = clock.now() + SECOND
    assert quiet.readings.recent(START)["id"].nunique() == 6_001
    assert quiet.explorer.overview("fermenter_ph", START, until).overview.readings == 6_000
    assert sum(piece.num_rows for piece in quiet.parts.streams.by_arrival(None, START, until)) == 6_001
    assert sum(piece.num_rows for piece in quiet.parts.streams.by_time(None, START, until)) == 6_001
    assert quiet.readings.peaks(START)["tag"].tolist() == NAMES


def test_ids_of_a_collector_whose_clock_is_set_back_do_not_stay_behind(
    start: Callable[..., Monitor], clock: ManualClock
) -> None:
    own = ManualClock(clock.now())
    line, other = start("line", clock=own), start("other")
    own.advance(-3600)
    clock.advance(600)
    other.submit(batch_of(("fermenter_ph", 7.0), at=clock.now()))
    other.drain()
    following(line).step()
    assert slice_of(line.parts.collector.next_id) == slice_of(other.parts.collector.next_id)


def test_a_restarted_dashboard_shows_in_explore_what_others_stored_after_its_own_last_record(
    start: Callable[..., Monitor], clock: ManualClock
) -> None:
    clock.advance((START - clock.now()) / SECOND)
    line, dashboard = start("line"), start("dashboard", source="none")
    dashboard.submit(batch_of(("fermenter_temp", 37.0)))
    dashboard.drain()
    dashboard.stop()
    clock.advance(100)
    line.submit(batch_of(("fermenter_ph", 7.0), at=clock.now()))
    line.drain()
    clock.advance(100)
    dashboard = start("dashboard", source="none")
    following(dashboard).step()
    assert dashboard.explorer.overview("fermenter_ph", START, clock.now()).overview.readings == 1
