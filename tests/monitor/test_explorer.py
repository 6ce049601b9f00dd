"""The whole history of a tag: stored or pending, in files and in words."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sensormon.analysis.control_chart import ControlLimits
from sensormon.exchange.explore_rows import described, drawn_points, every_reading, file_stem
from sensormon.exchange.table_writer import table_file
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.monitor.explorer import Controlled
from sensormon.monitor.monitor import Monitor
from sensormon.stores.long_spans import Outside
from sensormon.ui.time_range import in_calendar, offset, span_of, span_text
from sensormon.view.explore import (
    control_words,
    drawn_line,
    relation_words,
    times,
)
from sensormon.view.traces import View
from tests.support.plant import START, batch_of
from tests.support.states import states_of, with_states

BERLIN = ZoneInfo("Europe/Berlin")
TAG = "fermenter_ph"


def feed(monitor: Monitor, seconds: int, at: int = START) -> None:
    readings = [(TAG, 7.0 + 0.01 * (i % 5)) for i in range(seconds)]
    monitor.submit(batch_of(*readings, at=at))


@pytest.fixture
def monitor(settings: Settings) -> Monitor:
    running = Monitor(settings, ManualClock(START + 7_200 * SECOND))
    feed(running, 3_000)
    running.drain()
    return running


def test_overview_includes_pending_readings(monitor: Monitor) -> None:
    span = (START, START + 7_200 * SECOND)
    distinct = np.random.default_rng(1).permutation(300) * 1e-4 + 7.0
    monitor.submit(batch_of(*[(TAG, float(value)) for value in distinct], at=START + 3_000 * SECOND))
    before = monitor.explorer.overview(TAG, *span)
    monitor.drain()
    after = monitor.explorer.overview(TAG, *span)
    assert before.stored
    assert after.stored
    assert before.overview.readings == after.overview.readings == 3_300
    fresh = [view.overview.time >= START + 3_100 * SECOND for view in (before, after)]
    assert before.overview.time[fresh[0]].tolist() == after.overview.time[fresh[1]].tolist()
    assert before.overview.value[fresh[0]].tolist() == after.overview.value[fresh[1]].tolist()
    assert fresh[0].sum() > 50
    monitor.stop()


def test_overview_uses_memory_while_the_store_is_away(settings: Settings) -> None:
    Path(settings.store_url).mkdir(parents=True)
    monitor = Monitor(settings, ManualClock(START + 7_200 * SECOND))
    feed(monitor, 3_000)
    seen = monitor.explorer.overview(TAG, START, START + 7_200 * SECOND)
    assert not seen.stored
    assert seen.overview.readings == 3_000
    assert seen.overview.width > 0
    monitor.stop()


@pytest.mark.parametrize("stored", [True, False])
def test_a_state_lasts_until_the_next_change_if_only_changes_are_sent(
    settings: Settings, tmp_path: Path, stored: bool
) -> None:
    monitor = Monitor(with_states(settings, tmp_path), ManualClock(START + 7200 * SECOND))
    second = {"open": [0, 3600], "closed": [1, 2, 5000]}
    sent = sorted((at, word) for word, times in second.items() for at in times)
    for at, word in sent:
        monitor.submit(states_of(("valve", word), at=START + at * SECOND))
        monitor.submit(states_of(("running", "true"), at=START + at * SECOND))
    burst = [("valve", word) for word in ("open", "closed") * 4]
    monitor.submit(states_of(*burst, at=START + 5000 * SECOND, seconds=0.05))
    for at in range(10):
        monitor.submit(states_of(("running", "true"), at=START + at * SECOND))
    if stored:
        monitor.drain()
    until = START + 7200 * SECOND
    courses = {}
    for name in ("valve", "running"):
        overview = monitor.explorer.overview(name, START, until).overview
        courses[name] = monitor.explorer.state_course(name, overview)
        frame = monitor.readings.recent(START, [name], until)
        view = View(frame, monitor.tags[name], (START, until))
        assert bool(view.gaps) == (name == "running")
    edges = [(each.start - START) // SECOND for each in courses["valve"]]
    assert edges[:3] == [0, 1, 3600]
    assert set(edges[3:]) == {5000}, "a burst of changes is one in view"
    assert courses["valve"][-1].end == until
    assert courses["running"][0].end < START + 60 * SECOND, "it was sent every second: the rest is a gap"
    monitor.stop()


def test_control_limits_count_outliers_in_the_whole_span(monitor: Monitor) -> None:
    monitor.submit(batch_of(*[(TAG, 8.0)] * 7, *[(TAG, 6.0)] * 4, at=START + 3_000 * SECOND))
    monitor.drain()
    span = (START, START + 7_200 * SECOND)
    controlled = monitor.explorer.controlled(TAG, span, (START, START + 3_000 * SECOND))
    assert controlled.limits is not None
    assert controlled.limits.centre == pytest.approx(7.02)
    assert controlled.outside == Outside(4, 7, 3_011, 3_011)
    few = monitor.explorer.controlled(TAG, span, (START, START + 5 * SECOND))
    assert few.limits is None
    assert "Not measurable" in control_words(few)[0]
    monitor.stop()


def test_relation_reports_how_it_was_measured(monitor: Monitor) -> None:
    monitor.submit(batch_of(*[("agitator_rpm", 400.0 + i % 5) for i in range(3_000)], at=START))
    monitor.drain()
    relation = monitor.explorer.relation(TAG, "agitator_rpm", START, START + 3_000 * SECOND)
    assert (relation.n, relation.counts, relation.share) == (3_000, (3_000, 3_000), 1)
    assert relation.pearson == pytest.approx(1.0)
    assert relation.lag == 0
    lines = relation_words(relation, monitor.tags[TAG], monitor.tags["agitator_rpm"])
    assert lines[0].startswith("Pearson r = +1.00, Spearman ρ = +1.00, n = 3,000 pairs, at most 0.5 s apart")
    nothing = monitor.explorer.relation(TAG, "agitator_rpm", 0, START)
    assert relation_words(nothing, *2 * [monitor.tags[TAG]])[0].startswith(
        "Not measurable: 0 pairs are fewer"
    )
    monitor.stop()


def test_long_span_is_paired_from_a_sample(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.monitor.explorer.PAIRED", 1_000)
    monitor.submit(batch_of(*[("agitator_rpm", 400.0 + i % 5) for i in range(3_000)], at=START))
    monitor.drain()
    relation = monitor.explorer.relation(TAG, "agitator_rpm", START, START + 3_000 * SECOND)
    assert relation.share == 3
    assert 300 < relation.n < 2_000
    assert relation.pearson == pytest.approx(1.0)
    assert (
        "from about one in 3 readings, in stretches" in relation_words(relation, *2 * [monitor.tags[TAG]])[0]
    )
    monitor.stop()


def test_file_holds_the_view_in_both_zones(monitor: Monitor) -> None:
    since, until = START + 100 * SECOND, START + 200 * SECOND
    table = pa.concat_tables(
        every_reading(monitor.streams, monitor.tags, [TAG], since, until, monitor.state_words([TAG]))
    )
    back = pd.read_csv(BytesIO(table_file(table, "CSV", "Europe/Berlin")))
    stored = monitor.stored.frame([TAG], since, until)
    assert list(back) == [
        "time (UTC)",
        "time (Europe/Berlin)",
        "tag",
        "label",
        "value",
        "unit",
        "quality",
        "flagged",
        "score",
        "threshold",
        "detector",
        "simulated",
    ]
    assert back["value"].tolist() == stored["value"].tolist()
    assert pd.to_datetime(back["time (UTC)"]).tolist() == stored["time"].tolist()
    local = pd.to_datetime(back["time (Europe/Berlin)"]).dt.tz_localize("Europe/Berlin")
    assert local.dt.tz_convert("UTC").tolist() == stored["time"].tolist()
    assert set(back["unit"]) == {"pH"}
    parquet = pd.read_parquet(BytesIO(table_file(table, "Parquet", "UTC")))
    assert parquet["value"].tolist() == stored["value"].tolist()
    assert str(parquet["time (UTC)"].dtype) == "datetime64[us, UTC]"
    monitor.stop()


def test_exported_points_match_the_drawn_line(monitor: Monitor) -> None:
    feed(monitor, 3_000, START + 3_000 * SECOND)
    monitor.submit(batch_of((TAG, 8.7), at=START + 6_000 * SECOND))
    monitor.drain()
    since, until = START, START + 6_100 * SECOND
    overview = monitor.explorer.overview(TAG, since, until, 100).overview
    points = drawn_points([(TAG, overview)], since, until)
    assert overview.width > 0
    assert points["value"].tolist() == overview.value.tolist()
    assert points.loc[points["value"] == 8.7, "is_anomaly"].tolist() == [True]
    assert points["is_anomaly"].sum() == overview.flagged
    shorter = drawn_points([(TAG, overview)], since + 3_000 * SECOND, until)
    assert 0 < len(shorter) < len(points)
    assert not points["simulated"].any()
    part = drawn_points([(TAG, overview)], since, until, {TAG: (since, since + 3_000 * SECOND)})
    assert (
        0
        < part["simulated"].sum()
        == len(points) - len(part[part["time"] > pd.Timestamp(since + 3_000 * SECOND, unit="us", tz="UTC")])
    )
    table = described(pa.Table.from_pandas(points, preserve_index=False), monitor.tags, {})
    assert table.column("label").to_pylist() == ["Fermenter pH"] * len(points)
    monitor.stop()


def test_file_names_are_plain() -> None:
    assert file_stem(["a/b", "c:d", "e", "f", "g"], START) == "a-b_c-d_e_and_2_more_20260921T141320Z"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90 min", 5_400), (" 2d", 172_800), ("1.5 h", 5_400), ("1 w", 604_800), ("30 s", 30)],
)
def test_offsets_are_parsed(text: str, seconds: int) -> None:
    assert offset(text) == seconds * SECOND


@pytest.mark.parametrize(
    "text", ["", "0 s", "-1 h", "2", "h", "1e9 d", "9999999 w", "1 y", "٣ h", "1 h; DROP"]
)
def test_invalid_offset_is_ignored(text: str) -> None:
    assert offset(text) is None


def test_spans_round_trip_through_the_url() -> None:
    span = (START, START + 12_345_678)
    assert span_of(*span_text(span).split("/")) == span
    for since, until in [
        ("", ""),
        ("x", "2026-01-01"),
        ("2026-01-02", "2026-01-01"),
        ("2026-01-01", "2026-01-01"),
    ]:
        assert span_of(since, until) is None
    assert in_calendar(-5, START) == (0, START)
    assert in_calendar(START, START + 1) is None


def test_second_date_is_omitted_on_the_same_day() -> None:
    assert times(START, START + 60 * SECOND, BERLIN) == "2026-09-21 16:13:20 to 16:14:20"
    assert times(START, START + 86_400 * SECOND, BERLIN) == "2026-09-21 16:13 to 2026-09-22 16:13"


def test_caption_says_what_was_left_out(monitor: Monitor) -> None:
    span = (START, START + 3_000 * SECOND)
    every = monitor.explorer.overview(TAG, *span, 750).overview
    assert drawn_line([every], *span) == "3,000 readings, all drawn"
    few = monitor.explorer.overview(TAG, *span, 100).overview
    assert "lowest, highest and last of every 30 s, and all flagged readings" in drawn_line([few], *span)
    worst = replace(few, marked=len(few.marks) + 1)
    assert "the worst flagged readings" in drawn_line([worst], *span)
    monitor.stop()


def test_control_chart_warns_of_autocorrelation() -> None:
    limits = ControlLimits(7.0, 0.1, 6.7, 7.3, 1_000, 999, 0.95)
    words = "\n".join(control_words(Controlled(limits, Outside(1, 4, 200_000, 200_000), 1_000, 9_000)))
    assert "5 of 200,000 good readings in view are outside the control limits (less than 0.01 %)" in words
    assert "lag-1 autocorrelation 0.95" in words
    assert "1,000 of the baseline's 9,000 readings" in words
    calm = control_words(
        Controlled(replace(limits, autocorrelation=0.01), Outside(0, 0, 100, 100), 1_000, 1_000)
    )
    assert len(calm) == 1
    assert np.isfinite(limits.sigma)
    assert Tag("x", "X").unit == ""
