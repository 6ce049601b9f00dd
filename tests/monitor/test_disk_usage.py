"""Disk usage and its forecast: measured, and silent if there is too little to measure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.journal.archive import LIMIT
from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.disk_usage import FARTHEST, Rate, Sizes, bytes_a_reading, forecast, rate, size_in
from sensormon.monitor.monitor import Monitor
from sensormon.stores.retention import Arrivals, Due, Space
from sensormon.view.disk_usage import forecast_words, plan_words, rate_words, rolled_words, size_rows
from tests.support.plant import START, batch_of

GB = 10**9
SPACE = Space(file=130_000_000, wal=0, free=0, readings=2_592_000, rollups=0)  # ten days of 3 tags
SIZES = Sizes(
    130_000_000, 0, 0, 0, 0, 0, 10 * GB, 20 * GB, SPACE, Arrivals(259_200, START - DAY, START, 2_592)
)


def test_files_are_counted_by_kind(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    monitor.submit(batch_of(("fermenter_ph", 7.0), ("fermenter_ph", 7.1)))
    monitor.drain()
    (settings.data_dir / "failed_measurements.jsonl").write_text("x" * 100)
    (settings.data_dir / "archive").mkdir(exist_ok=True)
    (settings.data_dir / "archive" / "old.seg.gz").write_bytes(b"x" * 5_000)
    (settings.data_dir / "sensormon.duckdb.damaged-1").write_bytes(b"x" * 7_000)
    sizes = monitor.disk_usage.measure()
    assert sizes.dead_letters == 100
    assert sizes.archive == 5_000
    assert sizes.other >= 7_000
    assert sizes.journal > 0
    assert sizes.database == Path(settings.store_url).stat().st_size
    assert sizes.whole == sum(path.stat().st_size for path in settings.data_dir.rglob("*") if path.is_file())
    assert sizes.space is not None
    assert (sizes.space.readings, sizes.arrivals.count) == (2, 2)
    assert 0 < sizes.disk_free < sizes.disk_whole
    assert "less than an hour" in rate_words(rate(sizes, clock.now(), 3), sizes)
    monitor.parts.store.close()
    away = monitor.disk_usage.measure()
    assert (away.space, away.database) == (None, Path(settings.store_url).stat().st_size)
    assert "the database is unavailable" in rate_words(None, away)
    assert "the database is unavailable" in size_rows(away)[0][2]
    monitor.stop()


def test_rate_covers_the_last_day_or_less() -> None:
    whole = rate(SIZES, START, 3)
    assert whole is not None
    assert (whole.per_day, whole.flagged, whole.minutes) == (259_200, 0.01, 4_320)
    assert whole.raw_bytes == pytest.approx(50.15, abs=0.01)
    assert rate_words(whole, SIZES) == "259,200 readings per day over the last 24 h; 50 bytes per reading"
    part = replace(SIZES, arrivals=Arrivals(21_600, START - 7_200 * SECOND, START, 0))
    pace = rate(part, START, 3)
    assert pace is not None
    assert pace.per_day == 259_200
    assert "over the last 2 h" in rate_words(pace, part)
    short = replace(SIZES, arrivals=Arrivals(10_797, START - 3_599 * SECOND, START, 0))
    assert rate(short, START, 3) is None
    none = replace(SIZES, arrivals=Arrivals())
    assert "no live readings" in rate_words(rate(none, START, 3), none)
    few = replace(SIZES, space=replace(SPACE, readings=10_000))
    assert bytes_a_reading(few.space) == (50.0, False)
    assert "too few stored to measure" in rate_words(rate(few, START, 3), few)


def test_forecast_with_and_without_retention() -> None:
    now = rate(SIZES, START, 3)
    assert now is not None
    for_ever, month = forecast(SIZES, now, 0), forecast(SIZES, now, 30)
    assert for_ever.in_a_year == pytest.approx(SIZES.database + 365 * 259_200 * now.raw_bytes)
    assert for_ever.full == pytest.approx(10 * GB / (259_200 * now.raw_bytes), rel=0.02)
    assert (
        forecast_words(for_ever) == "Full resolution, unlimited: 4.9 GB in a year, disk full in about 2 years"
    )
    raw = 30 * 259_200 * 0.99 + 375 * 259_200 * 0.01
    assert month.in_a_year == pytest.approx(raw * now.raw_bytes + 345 * 4_320 * 0.99 * 16)
    assert month.full is None
    assert forecast_words(month).endswith("for 30 days: 458.5 MB in a year, disk not full within 100 years")
    full = replace(SIZES, disk_free=0)
    assert forecast(full, now, 0).full == 1
    idle = replace(now, per_day=0.0, minutes=0.0)
    assert forecast(SIZES, idle, 0).full is None
    assert "not full within 100 years" in forecast_words(forecast(SIZES, idle, 0))


@given(
    st.floats(0, 1e8),
    st.floats(0, 1),
    st.floats(1, 200),
    st.integers(0, 4000),
    st.floats(0, FARTHEST),
    st.floats(0, 100),
)
def test_forecast_never_shrinks_and_retention_costs_at_most_its_minutes(
    per_day: float, flagged: float, each: float, days: int, ahead: float, archived: float
) -> None:
    now = Rate(per_day, 86_400, flagged, each, archived, min(per_day, 4_320), True)
    here, later = size_in(SIZES, now, days, ahead), size_in(SIZES, now, days, ahead + 10)
    assert SIZES.whole * 0.999 <= here <= later * 1.000001
    plain = size_in(SIZES, now, 0, ahead)
    assert here <= plain * 1.000001 + 16 * (per_day * ahead + SPACE.readings)
    assert plain - SIZES.whole <= max(0, now.per_day * ahead * each + SPACE.readings * each) + LIMIT


def test_a_database_on_a_server_takes_nothing_of_this_disk() -> None:
    sizes = replace(SIZES, database=0, elsewhere=SPACE.file)
    now = rate(sizes, START, 3)
    assert now is not None
    assert now.raw_bytes == pytest.approx(50.15, abs=0.01)
    assert forecast(sizes, now, 0).in_a_year == sizes.whole == 0
    assert size_rows(sizes)[0][:2] == ("Database", "130.0 MB")
    assert "on its server" in size_rows(sizes)[0][2]


def test_plan_and_result_in_words() -> None:
    from sensormon.monitor.retention import Plan, RolledUp

    plan = Plan(0, (Due("a", 0, 1_000_000, 16_700, 0, 0), Due("b", 0, 234_567, 3_876, 0, 0)))
    words = plan_words(plan, 30, 50.0)
    assert words == "1,234,567 readings older than 30 days become 20,576 minutes; that frees about 61.4 MB"
    assert "nothing to roll up" in plan_words(Plan(0), 30, 50.0)
    before, after = Space(100_000_000, 0, 0, 9, 0), Space(100_000_000, 0, 40_000_000, 9, 0)
    done = rolled_words(RolledUp(1_000, before, after))
    assert done.endswith(
        "40.0 MB more is free for new readings inside the database file; "
        "the file itself is unchanged in size."
    )
    assert "is 1.0 MB smaller" in rolled_words(RolledUp(1_000, before, replace(after, file=99_000_000)))
    assert "grew by 2.0 MB" in rolled_words(RolledUp(1_000, before, replace(after, file=102_000_000)))
    assert rolled_words(RolledUp(0, before, after)) == "Nothing to roll up."
