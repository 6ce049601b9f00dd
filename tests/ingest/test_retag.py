"""The tag table changes while the monitor runs: what applies from when, and what stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensormon.detectors import PER_TAG
from sensormon.ingest.running_tags import RunningTags
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.profiles import single
from sensormon.model.readings import Batch
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.sources.simulator import Simulator
from tests.support.api import Start, get, post
from tests.support.pages import PAGES, show, text
from tests.support.plant import START, batch_of

FAR = START + 10**6 * SECOND
PH = Tag("fermenter_ph", "Fermenter pH", "pH", valid=(5.0, 9.0), normal=(6.5, 7.5), resolution=0.01)


def feed(monitor: Monitor, tag: str, count: int, first: int = 0) -> None:
    """Readings of one tag, one per second, with the same values on every call."""
    values = np.random.default_rng(3).normal(7, 0.05, first + count)[first:]
    rows = [(tag, round(float(value), 3)) for value in values]
    monitor.submit(batch_of(*rows, at=START + first * SECOND))


def scores(monitor: Monitor, tag: str) -> list[tuple[object, ...]]:
    """All scores of this tag, bit for bit."""
    monitor.drain()
    rows = monitor.stored.frame([tag], 0, FAR)
    columns = ("time", "n", "score", "expected", "lower", "upper", "is_anomaly")
    return [tuple(map(repr, row)) for row in zip(*(rows[name] for name in columns), strict=True)]


@pytest.mark.parametrize("detector", sorted(PER_TAG))
def test_retagging_leaves_scores_of_other_tags_unchanged(
    settings: Settings, clock: ManualClock, tmp_path: Path, detector: str
) -> None:
    plain = Monitor(replace(settings, data_dir=tmp_path / "plain"), clock)
    changed = Monitor(settings, clock)
    for monitor in (plain, changed):
        monitor.tuner.apply(single(detector, {}), "x")
        feed(monitor, "fermenter_ph", 130)
    others = [tag for tag in changed.tags if tag.name != "fermenter_temp"]
    changed.running_tags.retag(TagTable([Tag("new", "New"), *reversed(others)]))
    for monitor in (plain, changed):
        feed(monitor, "fermenter_ph", 90, first=130)
    assert scores(plain, "fermenter_ph") == scores(changed, "fermenter_ph")
    plain.stop()
    changed.stop()


def test_tag_removed_and_restored_continues_its_scores(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    plain = Monitor(replace(settings, data_dir=tmp_path / "plain"), clock)
    changed = Monitor(settings, clock)
    for monitor in (plain, changed):
        feed(monitor, "fermenter_ph", 77)
    whole = changed.tags
    changed.running_tags.retag(TagTable(tag for tag in whole if tag.name != "fermenter_ph"))
    changed.submit(batch_of(("fermenter_ph", 7.0)))
    changed.running_tags.retag(whole)
    for monitor in (plain, changed):
        feed(monitor, "fermenter_ph", 60, first=77)
    assert scores(plain, "fermenter_ph") == scores(changed, "fermenter_ph")
    assert changed.ledger.now().total.rejected == 1
    plain.stop()
    changed.stop()


def test_tag_removed_before_a_restart_continues_its_scores(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[tags.other]\n")
    plain = Monitor(replace(settings, data_dir=tmp_path / "plain"), clock)
    changed = Monitor(settings, clock)
    whole = changed.tags
    for monitor in (plain, changed):
        feed(monitor, "fermenter_ph", 77)
    changed.stop()
    changed = Monitor(replace(settings, tags=file), clock)
    assert changed.running_tags.former == {"fermenter_ph"}
    changed.running_tags.retag(whole)
    for monitor in (plain, changed):
        feed(monitor, "fermenter_ph", 60, first=77)
    assert scores(plain, "fermenter_ph") == scores(changed, "fermenter_ph")
    plain.stop()
    changed.stop()


def test_ranges_and_resolution_apply_from_the_next_reading(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    assert not monitor.submit(batch_of(("fermenter_ph", 8.5))).processed.rejected
    monitor.running_tags.retag(TagTable([replace(PH, valid=(5.0, 8.0))]))
    receipt = monitor.submit(batch_of(("fermenter_ph", 8.5), ("fermenter_ph", 7.5), ("agitator_rpm", 400.0)))
    assert [str(rejection.reason) for rejection in receipt.processed.rejected] == [
        "out_of_range",
        "unknown_tag",
    ]
    assert monitor.submit(batch_of(*[("fermenter_ph", 7.0)] * 1)).processed.received == 1
    feed(monitor, "fermenter_ph", 60, first=5)
    monitor.running_tags.retag(TagTable([replace(PH, resolution=2.0)]))
    wide = monitor.submit(batch_of(("fermenter_ph", 8.5), at=START + 100 * SECOND)).processed.scores
    assert not wide.is_anomaly[0], "off by less than the resolution is no anomaly"
    monitor.stop()
    assert verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings == ()


def test_simulator_adds_new_tags_at_once(settings: Settings, clock: ManualClock) -> None:
    settings = replace(settings, source="simulator")
    monitor = Monitor(settings, clock)
    kept = [tag for tag in monitor.tags if tag.name != "agitator_rpm"]
    monitor.source.inject("stuck", "agitator_rpm", 60)
    monitor.running_tags.retag(TagTable([Tag("new", "New", normal=(1.0, 2.0)), *kept]))
    assert monitor.source.simulator is not None
    assert monitor.source.simulator.active(START + SECOND) == ()
    monitor.source.inject("level_shift", "new", 60)
    batch = monitor.source.simulator.read(START)
    assert sorted({batch.tags[code] for code in batch.tag}) == ["fermenter_ph", "fermenter_temp", "new"]
    assert monitor.submit(batch).processed.rejected == ()
    alone = Simulator(kept, settings.seed, settings.interval).read(START)
    values = dict(zip([batch.tags[code] for code in batch.tag], batch.value, strict=True))
    for code, value in zip(alone.tag, alone.value, strict=True):
        assert values[alone.tags[code]] == value
    assert set(monitor.status().source.tags) == {"new", "fermenter_ph", "fermenter_temp"}
    monitor.stop()


def test_table_that_cannot_be_simulated_changes_nothing(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, source="simulator"), clock)
    before = monitor.tags
    with pytest.raises(UsageError, match="speed"):
        monitor.running_tags.retag(TagTable([*before, Tag("bad", "Bad", profile={"speed": 1})]))
    assert monitor.tags is before
    assert monitor.submit(batch_of(("bad", 1.0))).processed.rejected
    assert monitor.source.simulator is not None
    assert len(monitor.source.simulator.read(START)) == 3
    monitor.stop()


def test_all_tags_may_be_replaced(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, source="simulator"), clock)
    monitor.running_tags.retag(TagTable([Tag("only", "Only")]))
    assert monitor.source.simulator is not None
    assert monitor.source.simulator.read(START).tags == ("only",)
    assert not monitor.submit(batch_of(("only", 0.5))).processed.rejected
    monitor.stop()


def test_running_import_continues_with_the_new_table(settings: Settings, clock: ManualClock) -> None:
    from sensormon.exchange.import_table import Piece
    from sensormon.model.readings import Origin, Reading

    monitor = Monitor(settings, clock)

    def pieces():
        for number in range(2):
            rows = [Reading("fermenter_ph", START - (100 - number) * SECOND, 7.0 + number)]
            batch = Batch.of(rows, source="import", received=START, origin=Origin.IMPORT)
            yield Piece(f"import:x:{number}", batch, (0,), ())
            monitor.running_tags.retag(TagTable([Tag("other", "Other")]))

    first, second = monitor.importer.take(pieces())
    assert (first.accepted, second.accepted) == (1, 0)
    assert [str(rejection.reason) for rejection in second.rejected] == ["unknown_tag"]
    monitor.stop()


def test_silence_is_reported_only_for_remaining_tags(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    for i in range(60):
        clock.advance(1)
        rows = [("fermenter_ph", 7.0 + 0.01 * (i % 5)), ("fermenter_temp", 37.0 + 0.01 * (i % 5))]
        monitor.submit(batch_of(*rows, at=clock.now(), seconds=0.0))
    monitor.running_tags.retag(TagTable([Tag("new", "New"), PH]))
    clock.advance(30)
    assert [silence.tag for silence in monitor.status().silent] == ["fermenter_ph"]
    monitor.stop()


def test_recording_keeps_its_own_tags(settings: Settings, clock: ManualClock, tmp_path: Path) -> None:
    file = tmp_path / "recording.csv"
    file.write_text("timestamp,tag,value\n2026-01-01T00:00:00Z,played,1\n2026-01-01T00:00:01Z,played,2\n")
    monitor = Monitor(replace(settings, source=f"replay:{file}"), clock)
    assert "played" in monitor.tags
    monitor.running_tags.retag(TagTable([PH]))
    assert monitor.tags.names == ("fermenter_ph", "played")
    monitor.stop()


def test_unknown_tag_is_labelled_with_its_name(tags: TagTable) -> None:
    assert tags["gone"].render(1.5) == "1.500"
    assert (tags["gone"].label, "gone" in tags, len(tags)) == ("gone", False, 2)
    assert tags.digest == TagTable(list(tags)).digest != TagTable(list(tags)[:1]).digest


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_readings_of_a_removed_tag(settings: Settings, page: str) -> None:
    monitor = Monitor(replace(settings, source="simulator", access="open"), ManualClock(START))
    runtime.adopt(monitor)
    try:
        monitor.source.backfill()
        monitor.drain()
        monitor.running_tags.retag(TagTable([PH]))
        words = text(show(page))
        if page == "anomalies":
            assert "agitator_rpm" in show(page).dataframe[0].value["Tag"].tolist()
        assert "Traceback" not in words
    finally:
        runtime.stop()


def test_api_accepts_new_tags_and_serves_removed_ones(start: Start) -> None:
    monitor, api = start()
    reading = {"tag": "fermenter_temp", "value": 37.0, "timestamp": "2026-01-31T12:00:00Z"}
    assert post(api, "/ingest", reading).status_code == 201
    assert post(api, "/ingest", {**reading, "tag": "new"}).status_code == 400
    monitor.running_tags.retag(TagTable([Tag("new", "New", "bar")]))
    assert post(api, "/ingest", {**reading, "value": 37.1}).status_code == 400
    assert post(api, "/ingest", {**reading, "tag": "new"}).status_code == 201
    (row,) = get(api, "/data?tag=fermenter_temp").json()
    assert row["value"] == 37.0
    assert get(api, "/data?tag=never").status_code == 404
    assert [tag["unit"] for tag in get(api, "/tags").json()] == ["bar"]


def test_a_simulator_goes_on_leaving_what_is_in_the_files_of_other_processes_only(
    settings: Settings, clock: ManualClock
) -> None:
    monitor = Monitor(settings, clock)
    own, theirs = Tag("own", "Own", normal=(1.0, 2.0)), Tag("theirs", "Theirs", normal=(1.0, 2.0))
    simulator = Simulator([own], 0, 1.0)
    running = RunningTags(TagTable([own, theirs]), simulator, monitor.parts.collector)
    running.leave(lambda _: ())
    assert [tag.name for tag in simulator.tags] == ["own"]
    running.leave(lambda _: ("own",))
    assert simulator.tags == ()
    running.leave(lambda _: ())
    assert [tag.name for tag in simulator.tags] == ["own"]
    monitor.stop()
