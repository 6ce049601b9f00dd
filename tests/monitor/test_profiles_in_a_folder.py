"""Profiles in a data folder: the same bits after a crash, and folders from before there were profiles."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sensormon.ingest.detector_state import FILE, write_states
from sensormon.ingest.recovery import recover
from sensormon.ingest.tag_memory import KEPT
from sensormon.journal.journal import Journal
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Choice, Profile, Profiles, default_profiles
from sensormon.model.readings import Withheld
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.offline_readings import OfflineReadings
from sensormon.monitor.verify import verify
from sensormon.stores.columns import READINGS
from sensormon.stores.opening import open_store
from tests.support.plant import START
from tests.support.watched_plant import PROFILES, readings, version

OLD = Path(__file__).parents[1] / "data" / "folders" / "7c1d7d4.tar.xz"
BASE = {"window": 50, "threshold": 3.0}
"""What the environment asks for."""
APPLIED = replace(version(PROFILES, 2), base=BASE)
FAR = START + 10**6 * SECOND
TAGS = """
[tags.temp]
normal = [-3.0, 3.0]
[tags.speed]
group = "drive"
[tags.level]
resolution = 0.1
"""


@pytest.fixture
def profiled(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a monitor of the three tags."""
    file = tmp_path / "profiled.toml"
    file.write_text(TAGS)
    return replace(settings, tags=file)


def stream(monitor: Monitor) -> pa.Table:
    """All readings with what each detector said, stored or not."""
    return pa.concat_tables(piece.cast(READINGS) for piece in monitor.parts.streams.by_arrival(None, 0, FAR))


def submit(monitor: Monitor, rows: int, first: int, part: int = 90) -> None:
    for start in range(first, first + rows, part):
        monitor.submit(readings(part, start))


@pytest.mark.parametrize("drained", [False, True])
def test_after_a_crash_each_verdict_is_as_if_nothing_had_happened(
    profiled: Settings, clock: ManualClock, tmp_path: Path, drained: bool
) -> None:
    whole = Monitor(profiled, clock)
    whole.parts.collector.apply(APPLIED)
    submit(whole, 4500, 0)
    write_states(profiled.data_dir, *whole.parts.collector.saved_states())
    submit(whole, 900, 4500)
    if drained:
        whole.drain()
    crashed = replace(
        profiled, data_dir=tmp_path / "crashed", store=str(tmp_path / "crashed" / "sensormon.duckdb")
    )
    shutil.copytree(profiled.data_dir, crashed.data_dir, ignore=shutil.ignore_patterns("*.lock", "lock*"))
    again = Monitor(crashed, clock)
    assert again.detection.in_force == whole.detection.in_force
    for monitor in (whole, again):
        submit(monitor, 2700, 5400)
        monitor.drain()
    left, right = stream(whole), stream(again)
    assert set(left["withheld"].unique().to_pylist()) == {*map(int, Withheld)} - {Withheld.LATE}
    assert left.drop_columns(["received"]).equals(right.drop_columns(["received"]))
    for monitor in (whole, again):
        monitor.stop()
    assert verify(StoppedMonitor(crashed.data_dir, crashed.store_url)).findings == ()


@pytest.mark.parametrize(("remembered", "read"), [(True, KEPT), (False, 1500)])
def test_a_restart_reads_back_what_its_detectors_do_not_remember(
    profiled: Settings, clock: ManualClock, remembered: bool, read: int
) -> None:
    monitor = Monitor(profiled, clock)
    batch = readings(4500)
    monitor.submit(replace(batch, quality=np.zeros(4500, dtype=np.uint32)))
    monitor.drain()
    monitor.stop()
    if not remembered:
        (profiled.data_dir / FILE).unlink()
    journal, store = Journal(profiled.data_dir / "journal"), open_store(profiled.store_url)
    recovered = recover(journal, store, clock.now(), profiled.data_dir)
    assert {name: len(history.time) for name, history in recovered.histories.items()} == dict.fromkeys(
        ("temp", "speed", "level"), read
    )
    assert set(recovered.states) == ({"temp", "speed", "level"} if remembered else set())
    store.close()
    journal.close()


def test_readings_in_memory_stored_and_of_a_stopped_folder_are_equal(
    profiled: Settings, clock: ManualClock
) -> None:
    monitor = Monitor(profiled, clock)
    monitor.parts.collector.apply(APPLIED)
    submit(monitor, 900, 0)
    monitor.drain()
    submit(monitor, 450, 900)
    memory = stream(monitor)
    since, until = START - SECOND, FAR
    by_time = pa.concat_tables(
        piece.cast(READINGS) for piece in monitor.parts.streams.by_time(None, since, until)
    )
    assert by_time.sort_by("id").equals(memory)
    frame = monitor.readings.recent(since)
    assert np.array_equal(frame["threshold"], memory["threshold"].to_pandas(), equal_nan=True)
    judged = frame.loc[frame["detector"].notna(), "id"]
    number = int(judged.iloc[-1])
    assert monitor.readings.verdicts(number)
    monitor.stop()
    with StoppedMonitor(profiled.data_dir, profiled.store_url).store() as store:
        offline = OfflineReadings(StoppedMonitor(profiled.data_dir, profiled.store_url), store)
        pieces = list(offline.stream(None, since, until, anomalies=False))
    assert pa.concat_tables(piece.cast(READINGS) for piece in pieces).equals(memory)
    again = Monitor(profiled, clock)
    again.drain()
    assert stream(again).equals(memory)
    stored = again.readings.verdicts(number)
    assert list(stored) == list(monitor.readings.verdicts(number))
    again.stop()


def test_settings_that_cannot_be_used_are_not_recorded(profiled: Settings, clock: ManualClock) -> None:
    monitor = Monitor(profiled, clock)
    record = monitor.parts.collector.last_record
    with pytest.raises(UsageError, match="nosuch"):
        monitor.parts.collector.apply(version(Profiles((Profile("default", (Choice("nosuch"),)),)), 2))
    assert monitor.parts.collector.last_record == record
    assert monitor.detection.in_force.id == 1
    monitor.stop()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder of before there were profiles."""
    with tarfile.open(OLD) as archive:
        archive.extractall(tmp_path / "old", filter="data")
    return tmp_path / "old"


def test_a_folder_of_before_profiles_is_read_without_being_changed(old: Path) -> None:
    stopped = StoppedMonitor(old, str(old / "sensormon.duckdb"))
    before = (old / "sensormon.duckdb").read_bytes()
    with stopped.store() as store:
        assert store is not None
        table = pa.concat_tables(
            piece.cast(READINGS)
            for piece in OfflineReadings(stopped, store).stream(None, 0, FAR, anomalies=False)
        )
        frame = store.readings.frame(None, 0, FAR)
        assert store.entries.detector_settings()[0].profiles is None
        assert set(store.readings.own(frame["id"].tolist()).values()) == {()}
    assert table.num_rows > len(frame) > 0
    assert set(table["withheld"].to_pylist()) == {0}
    for name in ("threshold", "profile", "detector", "own"):
        assert table[name].null_count == table.num_rows
    assert (old / "sensormon.duckdb").read_bytes() == before


def test_a_folder_of_before_profiles_opens_and_goes_on(old: Path) -> None:
    settings = Settings(data_dir=old, source="none")
    clock = ManualClock(1_790_000_200 * SECOND)
    monitor = Monitor(settings, clock)
    chosen = monitor.detection.in_force
    assert chosen.profiles is None, "a person chose it"
    assert chosen.in_use.default.detectors == (Choice(chosen.detector, dict(chosen.params)),)
    monitor.drain()
    before = monitor.stored.frame(None, 0, FAR)
    assert before["threshold"].isna().all()
    assert before["withheld"].tolist() == [0] * len(before)
    at = clock.now()
    batch = readings(30)
    monitor.submit(
        replace(
            batch,
            tags=("fermenter_ph", "agitator_rpm", "fermenter_temp"),
            value=batch.value * 0 + 7.5,
            time=batch.time + 400 * SECOND,
        )
    )
    monitor.parts.collector.apply(
        replace(version(default_profiles(50, 3.0), chosen.id + 1), base=chosen.base)
    )
    monitor.drain()
    monitor.stop()
    report = verify(StoppedMonitor(old, settings.store_url))
    assert report.findings == ()
    again = Monitor(settings, clock)
    assert again.detection.in_force.in_use == default_profiles(50, 3.0)
    assert again.detection.by_id()[chosen.id] == chosen
    pd.testing.assert_frame_equal(
        again.stored.frame(None, 0, at - 200 * SECOND),
        before[before["time"] < pd.Timestamp(at - 200 * SECOND, unit="us", tz="UTC")],
    )
    again.stop()
