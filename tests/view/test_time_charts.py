"""What a time chart shows of a frame of readings, and what it leaves out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sensormon.analysis.gaps import LIMIT, breaks, gaps, kept_rows, usual_interval
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import default_profiles
from sensormon.model.readings import Quality
from sensormon.model.tags import Tag
from sensormon.view import time_charts
from sensormon.view.explanation import Scales
from sensormon.view.palette import DARK, LIGHT
from sensormon.view.time_charts import flag_changes
from sensormon.view.y_range import fitted
from tests.support.profiled import version_of

PH = Tag("ph", "Fermenter pH", unit="pH", normal=(6.5, 7.5), resolution=0.01)
START = 1_790_000_000 * SECOND
BOTH = default_profiles(50, 3.0)
SCALES = Scales({1: DetectorSettings(1, START, "Ana", "zscore", {}, {}), 2: version_of(BOTH, 2)})


def frame(seconds, values=None, flagged=(), quality=None, expected=7.0, half=0.1):
    """Readings at START + seconds, as the monitor returns them."""
    seconds = np.asarray(seconds)
    rows = len(seconds)
    values = np.full(rows, 7.0) if values is None else np.asarray(values, dtype=float)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "tag": "ph",
            "time": pd.to_datetime(START + seconds * SECOND, unit="us", utc=True).astype(
                "datetime64[us, UTC]"
            ),
            "value": values,
            "quality": np.zeros(rows, np.uint32) if quality is None else np.asarray(quality, np.uint32),
            "score": np.abs(values - expected) / half * 3.0,
            "expected": np.full(rows, expected),
            "lower": np.full(rows, expected - half),
            "upper": np.full(rows, expected + half),
            "is_anomaly": np.isin(np.arange(rows), list(flagged)),
            "origin": "live",
            "settings": 1,
        }
    )


def span(seconds):
    return START, START + int(seconds) * SECOND


def live_chart(*given, **named):
    return time_charts.live_chart(*given, **named).figure()


def before_after_chart(*given, **named):
    return time_charts.before_after_chart(*given, **named).figure()


def count_chart(*given, **named):
    return time_charts.count_chart(*given, **named).figure()


def traces(figure):
    """The traces of a live chart by role."""
    names = ("band", "strip", "no data", "line", "uncertain", "bad", "flagged")
    return dict(zip(names, figure.data, strict=True))


def test_the_line_breaks_at_a_gap_and_the_strip_covers_it():
    parts = traces(live_chart(frame([*range(10), *range(20, 30)]), PH, span(29), LIGHT))
    assert np.flatnonzero(np.isnan(parts["line"].y)).tolist() == [10]
    assert parts["strip"].x[0] == (START + 9 * SECOND) / 1e3
    assert parts["strip"].x[1] == (START + 20 * SECOND) / 1e3
    assert set(parts["no data"].text) == {"no data for 11 s"}


def test_three_usual_intervals_are_not_a_gap_yet():
    parts = traces(live_chart(frame([0, 1, 2, 3, 6, 7, 8]), PH, span(8), LIGHT))
    assert not np.isnan(parts["line"].y).any()
    assert len(parts["strip"].x) == 0


def test_a_stopped_source_leaves_a_gap_to_the_end_of_the_span():
    parts = traces(live_chart(frame(range(10)), PH, span(60), LIGHT))
    assert parts["strip"].x[1] == (START + 60 * SECOND) / 1e3


def test_an_empty_frame_is_one_gap_over_the_normal_band():
    figure = live_chart(frame([]), PH, span(60), LIGHT)
    assert len(traces(figure)["strip"].x) == 6
    low, high = figure.layout.yaxis.range
    assert low < 6.5
    assert high > 7.5


def test_flags_uncertain_and_bad_readings_differ_in_shape():
    quality = [0, 0, 0, Quality.UNCERTAIN, Quality.BAD, 0]
    parts = traces(live_chart(frame(range(6), [7, 7.5, 7, 7.01, 3, 7], [1], quality), PH, span(6), LIGHT))
    assert (parts["flagged"].marker.symbol, list(parts["flagged"].y)) == ("diamond", [7.5])
    assert (parts["uncertain"].marker.symbol, list(parts["uncertain"].y)) == ("circle-open", [7.01])
    assert (parts["bad"].marker.symbol, list(parts["bad"].y)) == ("x-thin-open", [3.0])
    assert 3.0 not in parts["line"].y


def test_the_hover_reads_like_a_sentence():
    line = traces(live_chart(frame(range(5), [7, 7, 7.5, 7, 7], [2]), PH, span(5), LIGHT, scales=SCALES))[
        "line"
    ]
    assert line.hovertemplate == (
        "%{x|%H:%M:%S}  %{y:,.2f} pH  expected %{customdata[0]:,.2f} ± %{customdata[1]:,.2f}"
        "  z %{customdata[2]:.1f}%{text}<extra></extra>"
    )
    assert list(line.text) == ["", "", ", above 3.0", "", ""]
    assert line.customdata[2] == pytest.approx([7.0, 0.1, 15.0], rel=1e-6)


def spoken(rows, *detectors):
    """These readings as judged by the default profile; the detectors spoke in turn."""
    return rows.assign(settings=2, profile="default", detector=list(detectors))


def test_the_band_passes_by_a_flag_with_another_detectors_band():
    rows = spoken(
        frame(range(7), [7, 7, 9, 7, 7, 9, 7], [2, 5]), *["recommended"] * 2, "zscore", *["recommended"] * 4
    )
    rows.loc[2, ["expected", "lower", "upper"]] = [7.0, 3.0, 11.0]
    band = traces(live_chart(rows, PH, span(6), LIGHT, scales=SCALES))["band"]
    edges = [7.1] * 6 + [6.9] * 6 + [np.nan]
    assert band.y == pytest.approx(edges, nan_ok=True)
    assert band.x[2] == (START + 3 * SECOND) / 1e3, "the flag at 2 s has no corner, that at 5 s has"


def test_the_band_goes_on_through_a_long_stretch_of_another_detectors_flags():
    detectors = ["recommended", *["zscore"] * 8, "recommended"]
    rows = spoken(frame(range(10), [7, *[9] * 8, 7], range(1, 9)), *detectors)
    band = traces(live_chart(rows, PH, span(9), LIGHT, scales=SCALES))["band"]
    assert band.x[:2] == pytest.approx([START / 1e3, (START + 9 * SECOND) / 1e3])


def test_the_hover_names_each_score_by_its_detector():
    rows = spoken(frame(range(3), [7, 9, 9], [1, 2]), "zscore", "zscore", "recommended")
    line = traces(live_chart(rows, PH, span(2), LIGHT, scales=SCALES))["line"]
    names = [template.split("  ")[-1].split(" %{")[0] for template in line.hovertemplate]
    assert names == ["z", "z", "recommended"]
    assert list(line.text) == ["", ", above 3.0", ", above 3.4"]


def test_a_reading_in_warm_up_says_that_it_was_not_judged():
    rows = frame(range(4))
    rows.loc[:1, ["score", "expected", "lower", "upper"]] = np.nan
    templates = traces(live_chart(rows, PH, span(4), LIGHT))["line"].hovertemplate
    assert ["not judged" in text for text in templates] == [True, True, False, False]


def test_the_band_is_a_closed_outline_for_each_stretch():
    band = traces(live_chart(frame([0, 1, 2, 20, 21, 22]), PH, span(22), LIGHT))["band"]
    assert np.flatnonzero(np.isnan(band.x)).tolist() == [6, 13]
    assert band.y[:6] == pytest.approx([7.1, 7.1, 7.1, 6.9, 6.9, 6.9])


def test_times_are_sent_as_milliseconds_utc():
    figure = live_chart(frame(range(5)), PH, span(4), LIGHT)
    assert list(traces(figure)["line"].x) == [(START + i * SECOND) / 1e3 for i in range(5)]
    assert figure.layout.xaxis.type == "date"


def test_charts_are_svg_without_title_or_legend():
    figure = live_chart(frame(range(5)), PH, span(4), DARK)
    assert {trace.type for trace in figure.data} == {"scatter"}
    assert figure.layout.uirevision
    assert figure.layout.title.text is None
    assert figure.layout.showlegend is False
    assert figure.layout.annotations[0].text == "pH"


def test_a_normal_edge_is_drawn_only_where_it_fits():
    near = live_chart(frame(range(5), [6.4, 7, 7, 7, 7]), PH, span(4), LIGHT)
    far = live_chart(frame(range(5)), PH, span(4), LIGHT)
    assert [shape.y0 for shape in near.layout.shapes] == [6.5]
    assert len(far.layout.shapes) == 0


def test_late_readings_are_drawn_in_order_of_time():
    x = traces(live_chart(frame([0, 2, 1, 3]), PH, span(3), LIGHT))["line"].x
    assert list(x) == sorted(x)


def test_a_day_is_thinned_and_keeps_every_flag_and_the_extremes():
    rng = np.random.default_rng(1)
    values = 7 + 0.01 * rng.standard_normal(86_400)
    flagged = rng.choice(86_400, 300, replace=False)
    values[flagged] = 7.4
    values[5_000], values[6_000] = 7.9, 6.1
    parts = traces(live_chart(frame(range(86_400), values, flagged), PH, span(86_400), LIGHT))
    assert len(parts["flagged"].x) == 300
    assert len(parts["line"].x) <= LIMIT + 302
    assert {7.9, 6.1} <= set(parts["line"].y)
    assert not np.isnan(parts["line"].y).any()


def test_kept_gained_and_lost_flags_have_shapes_of_their_own():
    before = frame(range(8), [7, 7.5, 7, 7.4, 7, 7, 7.3, 7], [1, 3])
    after = before.assign(is_anomaly=np.isin(np.arange(8), [1, 6]))
    assert flag_changes(before, after).to_dict() == {1: "kept", 3: "lost", 6: "gained"}
    marks = before_after_chart(before, after, PH, span(8), LIGHT).data[-3:]
    assert [(trace.marker.symbol, list(trace.y)) for trace in marks] == [
        ("square-open", [7.4]),
        ("triangle-up", [7.3]),
        ("diamond", [7.5]),
    ]


def test_no_flags_at_all_is_no_change():
    assert flag_changes(frame(range(3)), frame(range(3))).empty
    figure = before_after_chart(frame(range(3)), frame(range(3)), PH, span(3), LIGHT)
    assert all(len(trace.x) == 0 for trace in figure.data[-3:])


def test_the_bars_are_the_counts_with_chosen_ones_outlined():
    edges = START + np.arange(5) * SECOND
    counts, words = np.array([1, 0, 2, 3]), ["a", "b", "c", "d"]
    bars = count_chart(counts, edges, words, LIGHT).data[0]
    assert list(bars.y) == [1, 0, 2, 3]
    assert list(bars.text) == words
    assert set(bars.marker.line.width) == {0}
    chosen = count_chart(counts, edges, words, LIGHT, chosen=(int(edges[1]), int(edges[3]))).data[0]
    assert list(chosen.marker.line.width) == [0, 2, 2, 0]
    assert list(chosen.marker.opacity) == [0.35, 1, 1, 0.35]


TIMES = npst.arrays(np.int64, st.integers(0, 200), elements=st.integers(0, 10_000)).map(np.sort)


@given(TIMES, st.integers(4, 60), st.randoms(use_true_random=False))
def test_thinning_keeps_order_ends_special_rows_and_extremes(time, limit, random):
    value = np.array([random.gauss(0, 1) for _ in time])
    special = np.array([random.random() < 0.1 for _ in time], dtype=bool)
    kept = kept_rows(time, value, special, (0, 10_000), limit)
    assert (np.diff(kept) > 0).all()
    assert set(np.flatnonzero(special)) <= set(kept)
    assert len(kept) <= max(limit, limit + special.sum() + 2)
    if len(time):
        assert {0, len(time) - 1} <= set(kept)
        assert value[kept].min() == value.min()
        assert value[kept].max() == value.max()


@given(TIMES)
def test_a_gap_is_where_the_line_breaks(time):
    interval = usual_interval(time)
    inner = [
        pair for pair in gaps(time, interval, (0, 10_000)) if len(time) and time[0] <= pair[0] < time[-1]
    ]
    stretches = breaks(time, interval)
    assert len(inner) == (stretches[-1] if len(stretches) else 0)


@settings(max_examples=200)
@given(npst.arrays(np.float64, st.integers(0, 20), elements=st.floats(-1e9, 1e9) | st.just(np.nan)))
def test_the_axis_has_air_around_everything_drawn(values):
    low, high = fitted(values, PH)
    assert low < high
    finite = values[np.isfinite(values)]
    if len(finite):
        air = 0.05 * (finite.max() - finite.min())
        tiny = 1e-6 * max(1.0, np.abs(finite).max())
        assert low <= finite.min() - air + tiny
        assert high >= finite.max() + air - tiny
        assert high - low <= 1.4 * max(finite.max() - finite.min(), 0.04) + tiny


def test_thinning_keeps_the_first_lowest_and_highest_of_each_part():
    value = np.array([3.0, 1.0, 1.0, np.nan, 5.0, 5.0, 2.0, 2.0, np.nan, np.nan])
    kept = kept_rows(np.arange(10), value, np.zeros(10, dtype=bool), (0, 9), 4)
    assert kept.tolist() == [0, 1, 4, 5, 6, 9]
