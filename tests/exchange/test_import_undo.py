"""Imports as entries of a list: what they store once, undone exactly, and done again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from sensormon.exchange.import_table import pieces, propose, read_file
from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.entries import UndoEntry
from sensormon.model.errors import StoreUnavailable, UsageError
from sensormon.model.imports import Import, ImportState
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.imported_files import SINCE, file_of, take
from tests.support.plant import START, batch_of


@pytest.fixture
def monitor(settings: Settings) -> Iterator[Monitor]:
    opened = Monitor(settings, ManualClock(START))
    yield opened
    opened.stop()


def undo(monitor: Monitor, number: int) -> str:
    return monitor.undoing.undo(number, "Bo", Progress()).sentence()


def entry(monitor: Monitor, number: int) -> Import:
    return monitor.import_log.find(number)


def stored(monitor: Monitor) -> pd.DataFrame:
    return monitor.readings.recent(0, until=START * 2)


def checked(monitor: Monitor) -> None:
    """Stop the monitor; `verify` must agree, and the ledger balance."""
    monitor.drain()
    settings = monitor.settings
    monitor.stop()
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    assert report.findings == ()
    assert report.ledger is not None
    assert report.ledger.total.difference == 0


def test_a_grown_and_a_resaved_file_store_only_what_is_new(monitor: Monitor, tmp_path: Path) -> None:
    first = take(monitor, file_of(tmp_path / "1.csv", 5))
    grown = take(monitor, file_of(tmp_path / "2.csv", 15))
    resaved = take(monitor, file_of(tmp_path / "3.csv", 15, end="\r\n", swapped=True))
    assert [(report.accepted, report.known) for report in (first, grown, resaved)] == [
        (10, 0),
        (20, 10),
        (0, 30),
    ]
    assert "10 are already there and are not stored twice" in grown.sentences()
    total = monitor.ledger.now().total
    assert (total.stored, total.rejected, total.duplicates_dropped, total.difference) == (30, 40, 40, 0)
    assert [(each.totals.stored, each.known) for each in monitor.import_log.entries()] == [
        (0, 30),
        (20, 10),
        (10, 0),
    ]
    assert len(stored(monitor)) == 30
    checked(monitor)


def test_what_came_live_is_not_imported_again(monitor: Monitor, tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.csv", 4)
    at = int((SINCE + pd.Timedelta(minutes=1)).value) // 1_000
    value = float(read_file(path).frame["fermenter_ph"].iloc[1])
    monitor.submit(batch_of(("fermenter_ph", value), at=at))
    report = take(monitor, path)
    assert (report.accepted, report.known) == (7, 1)
    checked(monitor)


def test_readings_that_only_the_journal_has_count_too(monitor: Monitor, tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.csv", 4)
    table = read_file(path)
    batches = pieces(table, propose(table, monitor.tags), START)
    results = monitor.importer.take(batches)  # has looked at the store before the reading comes
    at = int(SINCE.value) // 1_000
    (piece,) = pieces(table, propose(table, monitor.tags), START)

    def late() -> Iterator[object]:
        monitor.submit(batch_of(("fermenter_ph", float(table.frame["fermenter_ph"].iloc[0])), at=at))
        yield piece

    results.close()
    (result,) = monitor.importer.take(late())  # type: ignore[arg-type]
    assert (result.accepted, result.known) == (7, 1)
    checked(monitor)


def test_new_rows_are_scored_as_if_the_whole_file_were_new(
    settings: Settings, monitor: Monitor, tmp_path: Path
) -> None:
    take(monitor, file_of(tmp_path / "1.csv", 100))
    take(monitor, file_of(tmp_path / "2.csv", 300))
    other = Monitor(replace(settings, data_dir=tmp_path / "other"), ManualClock(START))
    take(other, tmp_path / "2.csv")
    columns = ["tag", "time", "score", "is_anomaly"]
    grown = stored(monitor).query("time >= '2026-01-01 01:40+00:00'")[columns].reset_index(drop=True)
    whole = stored(other).query("time >= '2026-01-01 01:40+00:00'")[columns].reset_index(drop=True)
    other.stop()
    assert grown["is_anomaly"].any()
    pd.testing.assert_frame_equal(grown, whole)


def test_an_undo_removes_exactly_its_readings_and_events(monitor: Monitor, tmp_path: Path) -> None:
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    take(monitor, file_of(tmp_path / "1.csv", 200))
    monitor.submit(batch_of(("fermenter_ph", 7.01), at=START + SECOND))
    take(monitor, file_of(tmp_path / "2.csv", 400))
    event = int(monitor.events.between(None, 0, START)["id"].iloc[-1])
    monitor.actions.record([event], "acknowledge", "Ana")
    before = stored(monitor)
    assert undo(monitor, 1) == "Import 1 is undone: 400 readings removed."
    after = stored(monitor)
    assert len(before) - len(after) == 400
    assert set(after["time"]) & set(before["time"].iloc[1:401]) == set()
    assert len(monitor.newest.frame(0)) == 402
    assert event not in set(monitor.events.between(None, 0, START)["id"])
    assert monitor.events.actions(event, event).empty
    undone = entry(monitor, 1)
    assert (undone.state, undone.totals.stored) == (ImportState.UNDONE, 400)
    assert undone.undone is not None
    assert (undone.undone.who, undone.undone.readings) == ("Bo", 400)
    total = monitor.ledger.now().total
    assert (total.stored, total.undone, total.difference) == (802, 400, 0)
    checked(monitor)


def test_the_file_can_be_imported_again_after_its_undo(monitor: Monitor, tmp_path: Path) -> None:
    path = file_of(tmp_path / "1.csv", 6_000)
    take(monitor, path)
    before = stored(monitor)[["tag", "time", "value", "score"]]
    undo(monitor, 1)
    assert stored(monitor).empty
    assert take(monitor, path).accepted == 12_000
    pd.testing.assert_frame_equal(stored(monitor)[["tag", "time", "value", "score"]], before)
    assert [each.state for each in monitor.import_log.entries()] == [ImportState.DONE, ImportState.UNDONE]
    checked(monitor)


def test_a_file_that_relied_on_the_undone_import_can_fill_the_gap(monitor: Monitor, tmp_path: Path) -> None:
    take(monitor, file_of(tmp_path / "1.csv", 5))
    grown = file_of(tmp_path / "2.csv", 15)
    take(monitor, grown)
    undo(monitor, 1)
    report = take(monitor, grown)
    assert (report.accepted, report.known) == (10, 20)
    checked(monitor)


def test_a_rebuilt_database_comes_to_the_same(settings: Settings, monitor: Monitor, tmp_path: Path) -> None:
    path = file_of(tmp_path / "1.csv", 3_000)
    take(monitor, path)
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    undo(monitor, 1)
    take(monitor, file_of(tmp_path / "2.csv", 3_100, 2_900))
    before = stored(monitor)
    monitor.stop()
    for file in settings.data_dir.glob("sensormon.duckdb*"):
        file.unlink()
    again = Monitor(settings, ManualClock(START))
    again.drain()
    pd.testing.assert_frame_equal(stored(again), before)
    assert entry(again, 1).state is ImportState.UNDONE
    assert again.ledger.now().total.undone == 6_000
    checked(again)


def test_an_interrupted_import_is_partial_and_goes_on_under_its_number(
    settings: Settings, monitor: Monitor, tmp_path: Path
) -> None:
    path = file_of(tmp_path / "1.csv", 9_000)
    take(monitor, path, most=2)
    assert entry(monitor, 1).state is ImportState.PARTIAL
    monitor.stop()
    again = Monitor(settings, ManualClock(START))
    again.drain()
    report = take(again, path)
    assert (report.accepted, report.again) == (8_000, 10_000)
    (done,) = again.import_log.entries()
    assert (done.id, done.state, done.rows, done.totals.stored) == (1, ImportState.DONE, 18_000, 18_000)
    undo(again, 1)
    assert stored(again).empty
    checked(again)


def test_a_partial_import_can_be_undone(monitor: Monitor, tmp_path: Path) -> None:
    path = file_of(tmp_path / "1.csv", 9_000)
    take(monitor, path, most=1)
    undo(monitor, 1)
    assert stored(monitor).empty
    assert take(monitor, path).accepted == 18_000
    assert [each.id for each in monitor.import_log.entries()] == [2, 1]
    checked(monitor)


def test_only_one_import_or_undo_runs_at_a_time(monitor: Monitor, tmp_path: Path) -> None:
    take(monitor, file_of(tmp_path / "1.csv", 10))
    table = read_file(file_of(tmp_path / "2.csv", 9_000))
    running = monitor.importer.take(pieces(table, propose(table, monitor.tags), START))
    next(running)
    assert entry(monitor, 2).state is ImportState.RUNNING
    for number in (1, 2):
        with pytest.raises(UsageError, match="running"):
            undo(monitor, number)
    running.close()
    undo(monitor, 1)


def test_what_cannot_be_undone_is_refused_in_words(monitor: Monitor, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no import 1"):
        undo(monitor, 1)
    take(monitor, file_of(tmp_path / "1.csv", 50))
    take(monitor, file_of(tmp_path / "2.csv", 60, 50))
    for due in monitor.parts.store.retention.due(START, 1)[:1]:
        monitor.parts.store.retention.roll_up(due)
    with pytest.raises(UsageError, match=r"import 1 cannot be undone: 50 of its readings were rolled up"):
        undo(monitor, 1)
    monitor.parts.store.retention.roll_up(monitor.parts.store.retention.due(START, 1)[0])
    with pytest.raises(UsageError, match=r"import 1 cannot be undone: 100 of its readings were rolled up"):
        undo(monitor, 1)
    checked(monitor)


def test_nothing_is_rolled_up_while_an_undo_waits(monitor: Monitor, tmp_path: Path) -> None:
    take(monitor, file_of(tmp_path / "1.csv", 50))
    monitor.parts.collector.undo(UndoEntry(1, "Bo", START), [(1, 100)])
    monitor.retention.set(1, "Ana")
    job = monitor.retention.start()
    assert monitor.jobs.wait(job, 30)
    assert job.problem is not None
    assert "an import is being undone" in str(job.problem)
    assert entry(monitor, 1).state is ImportState.UNDOING
    assert len(monitor.newest.frame(0)) == 0, "memory has none of it any more"
    monitor.drain()
    assert entry(monitor, 1).state is ImportState.UNDONE
    checked(monitor)


def test_an_undo_that_only_the_journal_has_is_done_by_the_next_start(
    settings: Settings, monitor: Monitor, tmp_path: Path
) -> None:
    path = file_of(tmp_path / "1.csv", 50)
    take(monitor, path)
    monitor.parts.collector.undo(UndoEntry(1, "Bo", START), [(1, 100)])
    monitor.loader.close()
    monitor.parts.collector.close()
    monitor.parts.journal.close()
    monitor.parts.folder.release()
    again = Monitor(settings, ManualClock(START))
    again.drain()
    assert entry(again, 1).state is ImportState.UNDONE
    assert take(again, path).accepted == 100
    checked(again)


def with_tag(monitor: Monitor, tag: Tag) -> None:
    """Add this tag to the table of the monitor."""
    draft = monitor.tag_file.read()
    monitor.tag_file.save(draft, TagTable([*draft.tags, tag]), "Ana", ["added"])


@pytest.fixture
def own_tags(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a tag table that a test may change."""
    path = tmp_path / "tags.toml"
    path.write_text("[tags.fermenter_ph]\nunit = 'pH'\nvalid = [5, 9]\n", encoding="utf-8")
    return replace(settings, tags=path)


@pytest.mark.parametrize("then", ["unused", "edited", "used"])
def test_tags_that_the_import_made_go_if_nothing_else_needs_them(
    own_tags: Settings, tmp_path: Path, then: str
) -> None:
    monitor = Monitor(own_tags, ManualClock(START))
    with_tag(monitor, Tag("tank_level", "m"))
    path = tmp_path / "a.csv"
    path.write_text("time,tank_level\n2026-01-01T00:00:00Z,1.5\n2026-01-01T00:01:00Z,1.6\n")
    take(monitor, path, tags=("tank_level",))
    if then == "edited":
        draft = monitor.tag_file.read()
        kept = [tag for tag in draft.tags if tag.name != "tank_level"]
        table = TagTable([*kept, replace(draft.tags["tank_level"], label="Level")])
        monitor.tag_file.save(draft, table, "Ana", ["label"])
    if then == "used":
        monitor.submit(batch_of(("tank_level", 2.0)))
    said = undo(monitor, 1)
    assert ("tank_level" in monitor.tags) is (then != "unused")
    assert ("unused tag tank_level" in said) is (then == "unused")
    assert entry(monitor, 1).tags == ("tank_level",)
    checked(monitor)


def test_tags_left_by_a_kill_go_after_the_next_start(own_tags: Settings, tmp_path: Path) -> None:
    monitor = Monitor(own_tags, ManualClock(START))
    with_tag(monitor, Tag("tank_level", "m"))
    path = tmp_path / "a.csv"
    path.write_text("time,tank_level\n2026-01-01T00:00:00Z,1.5\n")
    take(monitor, path, tags=("tank_level",))
    monitor.parts.collector.undo(UndoEntry(1, "Bo", START), [(1, 1)])
    monitor.stop()
    again = Monitor(own_tags, ManualClock(START))
    again.drain()
    for job in again.jobs.of("undo import"):
        assert again.jobs.wait(job, 30)
    assert "tank_level" not in again.tags
    assert "fermenter_ph" in again.tags
    checked(again)


def test_verify_notices_an_undo_that_is_half_done(monitor: Monitor, tmp_path: Path) -> None:
    settings = monitor.settings
    take(monitor, file_of(tmp_path / "1.csv", 10))
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    undo(monitor, 1)
    monitor.stop()
    with duckdb.connect(settings.store_url) as connection:
        connection.execute(
            "INSERT INTO readings BY NAME SELECT * REPLACE (3 AS id, 'import' AS source, 'import' AS origin)"
            " FROM readings LIMIT 1"
        )
    findings = verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings
    assert "import 1 was undone, and 1 of its readings are in the store" in findings
    with duckdb.connect(settings.store_url) as connection:
        connection.execute("DELETE FROM readings WHERE id = 3")
        connection.execute("DELETE FROM undone_imports")
    findings = verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings
    assert any("import 1 was undone, not in the store" in finding for finding in findings)


def test_an_old_reading_far_outside_the_file_is_not_looked_at(monitor: Monitor, tmp_path: Path) -> None:
    """The same values on another day are other readings."""
    path = file_of(tmp_path / "1.csv", 5)
    frame = read_file(path).frame
    frame["time"] = (pd.to_datetime(frame["time"]) + pd.Timedelta(DAY, "us")).astype(str)
    frame.to_csv(tmp_path / "2.csv", index=False)
    take(monitor, path)
    assert take(monitor, tmp_path / "2.csv").accepted == 10


def test_an_undo_that_the_database_cannot_take_yet_is_done_later(
    own_tags: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = Monitor(own_tags, ManualClock(START))
    with_tag(monitor, Tag("tank_level", "m"))
    path = tmp_path / "a.csv"
    path.write_text("time,tank_level\n2026-01-01T00:00:00Z,1.5\n")
    take(monitor, path, tags=("tank_level",))
    store = monitor.parts.store

    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("no space is left", where="disk", hint="Free some")

    with monkeypatch.context() as patched:
        patched.setattr(store, "load", full)
        said = undo(monitor, 1)
    assert said == "Import 1 is undone. Its readings leave the database once it can be written."
    assert entry(monitor, 1).state is ImportState.UNDOING
    monitor.clock.wait(threading.Event(), 60)
    monitor.drain()
    for job in monitor.jobs.of("undo import"):
        assert monitor.jobs.wait(job, 30)
    assert entry(monitor, 1).state is ImportState.UNDONE
    assert "tank_level" not in monitor.tags
    checked(monitor)


def test_states_that_are_there_already_are_known_by_their_words(own_tags: Settings, tmp_path: Path) -> None:
    with own_tags.tags.open("a", encoding="utf-8") as file:
        file.write("[tags.valve]\nstates = ['closed', 'open']\n")
    monitor = Monitor(own_tags, ManualClock(START))
    path = tmp_path / "a.csv"
    path.write_text("time,tag,value\n2026-01-01T00:00:00Z,valve,open\n2026-01-01T00:01:00Z,valve,closed\n")
    assert take(monitor, path).accepted == 2
    path.write_text(path.read_text().replace("open", "OPEN") + "2026-01-01T00:02:00Z,valve,open\n")
    report = take(monitor, path)
    assert (report.accepted, report.known) == (1, 2)
    undo(monitor, 1)
    assert take(monitor, path).accepted == 2
    checked(monitor)
