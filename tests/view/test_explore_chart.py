"""The figures of Explore: their lines, axes, marks and annotations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from sensormon.analysis.control_chart import ControlLimits
from sensormon.analysis.correlation import Pairs
from sensormon.analysis.downsample import Overview, whole
from sensormon.model.clock import SECOND
from sensormon.model.entries import Annotation
from sensormon.model.tags import Tag
from sensormon.stores.long_spans import SHARES, Distribution
from sensormon.view.explore_chart import AXES, WORST, Arrangement, Series, explore_chart, units
from sensormon.view.palette import DARK, LIGHT
from sensormon.view.statistics_charts import DOTS, add_limits, histogram, scatter
from sensormon.view.traces import Span
from tests.support.plant import START

SPAN = (START, START + 100 * SECOND)
TEMP = Tag("temp", "Temp <b>", "°C", normal=(35.0, 40.0), resolution=0.01)
PH = Tag("ph", "pH value", "pH", resolution=0.01)


LONG = (START, START + 400 * SECOND)


def overview(
    values: list[float], flagged: tuple[int, ...] = (), missing: range = range(0), span: Span = SPAN
) -> Overview:
    """One reading per second with these values; missing ones leave a gap."""
    rows = [i for i in range(len(values)) if i not in missing]
    frame = pd.DataFrame(
        {
            "id": rows,
            "time": pd.to_datetime([START + i * SECOND for i in rows], unit="us", utc=True).as_unit("us"),
            "value": [values[i] for i in rows],
            "quality": np.zeros(len(rows), np.uint32),
            "score": [5.0] * len(rows),
            "is_anomaly": [i in flagged for i in rows],
        }
    )
    return whole(frame, *span)


def series(*tags: Tag, **more: object) -> list[Series]:
    return [
        Series(tag, i, overview([10.0 * i + 0.1 * (k % 3) for k in range(100)]), **more)
        for i, tag in enumerate(tags, 1)
    ]


def lines(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.mode == "lines" and trace.hoverinfo != "skip"]


def test_stacked_tags_share_one_time_axis() -> None:
    figure = explore_chart(series(TEMP, PH), SPAN, LIGHT, arrangement=Arrangement.STACKED)
    top, bottom = figure.layout.yaxis.domain, figure.layout.yaxis2.domain
    assert top[0] > bottom[1]
    assert [trace["yaxis"] for trace in lines(figure)] == ["y", "y2"]
    assert figure.layout.xaxis.anchor == "y2"
    assert figure.layout.xaxis.spikemode == "across"
    assert "Temp &lt;b&gt;" in figure.layout.annotations[0].text
    assert figure.layout.yaxis.title.text == "°C"


def test_overlaid_tags_share_an_axis_per_unit() -> None:
    other = replace(TEMP, name="two", label="Two")
    figure = explore_chart(series(TEMP, PH, other), SPAN, LIGHT, arrangement=Arrangement.OVERLAY)
    assert [trace["yaxis"] for trace in lines(figure)] == ["y", "y2", "y"]
    assert figure.layout.yaxis2.side == "right"
    low, high = figure.layout.yaxis.range
    assert low < 10.0
    assert high > 30.2
    colors = {trace["line"]["color"] for trace in lines(figure)}
    assert len(colors) == 3
    assert {annotation.text for annotation in figure.layout.annotations} >= {
        "<b>1</b>",
        "<b>2</b>",
        "<b>3</b>",
    }
    assert len(units(series(TEMP, PH, other))) == 2 <= AXES


def test_by_unit_tags_of_a_unit_share_a_chart_and_its_axis() -> None:
    back = replace(TEMP, name="back", label="Return", normal=None)
    ratio, share = Tag("ratio", "Ratio", ""), Tag("share", "Share", "")
    shown = series(TEMP, ratio, PH, back, share)
    figure = explore_chart(shown, SPAN, LIGHT, arrangement=Arrangement.BY_UNIT)
    assert [trace["yaxis"] for trace in lines(figure)] == ["y", "y2", "y3", "y", "y2"]
    axes = [figure.layout[name] for name in ("yaxis", "yaxis2", "yaxis3")]
    assert [axis.title.text for axis in axes] == ["°C", "no unit", "pH"]
    assert axes[0].domain[0] > axes[1].domain[1] > axes[1].domain[0] > axes[2].domain[1]
    assert not any(axis.overlaying for axis in axes)
    assert axes[0].range[0] < 10.0
    assert axes[0].range[1] > 40.2, "its axis fits all tags of the unit"
    titles = [note.text for note in figure.layout.annotations if note.y in {axis.domain[1] for axis in axes}]
    assert titles[2] == "<b>pH value</b>"
    assert "<b>1</b> Temp &lt;b&gt;" in titles[0]
    assert "<b>4</b> Return" in titles[0]
    ends = {note.text: note.y for note in figure.layout.annotations if note.xanchor == "right"}
    assert set(ends) == {"<b>1</b>", "<b>2</b>", "<b>4</b>", "<b>5</b>"}, "a line alone needs no number"
    for number, axis in (("1", axes[0]), ("4", axes[0]), ("2", axes[1]), ("5", axes[1])):
        assert axis.domain[0] <= ends[f"<b>{number}</b>"] <= axis.domain[1]
    colors = [trace["line"]["color"] for trace in lines(figure)]
    assert colors[2] == LIGHT.line
    assert [colors[place] for place in (0, 1, 3, 4)] == [LIGHT.series[place] for place in (0, 1, 3, 4)]
    stacked = explore_chart(shown, SPAN, LIGHT, arrangement=Arrangement.STACKED)
    assert stacked.layout.height > figure.layout.height > 440


def test_title_of_a_shared_chart_counts_the_tags_that_do_not_fit() -> None:
    tags = [Tag(f"t{i}", f"Temperature of zone {i}", "°C") for i in range(7)]
    shown = series(*tags, PH)
    figure = explore_chart(shown, SPAN, LIGHT, arrangement=Arrangement.BY_UNIT)
    (title,) = [note.text for note in figure.layout.annotations if "zone 0" in note.text]
    assert title.endswith("and 6 more")


def test_normalised_lines_span_0_to_100_and_keep_their_values() -> None:
    figure = explore_chart(series(TEMP, PH), SPAN, DARK, arrangement=Arrangement.OVERLAY, normalised=True)
    for place, trace in enumerate(lines(figure), 1):
        y = np.asarray(trace["y"], dtype=np.float64)
        assert y.min() >= 0
        assert y.max() <= 100
        assert np.ptp(y) > 50
        assert np.asarray(trace["customdata"]).max() == pytest.approx(10.0 * place + 0.2)


def test_gap_breaks_the_line_and_is_hatched() -> None:
    shown = Series(TEMP, 1, overview([37.0] * 100, missing=range(40, 60)))
    figure = explore_chart([shown], SPAN, LIGHT, arrangement=Arrangement.STACKED)
    (line,) = lines(figure)
    y, x = np.asarray(line["y"]), np.asarray(line["x"])
    assert np.isnan(y).sum() == 1
    at = int(np.flatnonzero(np.isnan(y))[0])
    assert (x[at - 1], x[at + 1]) == ((START + 39 * SECOND) / 1e3, (START + 60 * SECOND) / 1e3)
    strip = next(trace for trace in figure.data if trace.fillpattern.shape)
    assert strip.x[0] == x[at - 1]


def test_flagged_readings_have_a_diamond_and_a_hover_text() -> None:
    shown = Series(TEMP, 1, overview([37.0, 37.1] * 50, flagged=(17,)))
    figure = explore_chart([shown], SPAN, LIGHT, arrangement=Arrangement.STACKED)
    (diamonds,) = [mark for mark in figure.data if mark.marker.symbol == "diamond"]
    assert list(diamonds.x) == [(START + 17 * SECOND) / 1e3]
    assert "flagged, score 5.0" in lines(figure)[0]["text"][17]


def test_a_flag_is_named_by_the_detector_that_spoke() -> None:
    view = overview([37.0, 37.1] * 50, flagged=(17, 18, 19))
    view.marks["detector"] = ["zscore", "recommended", None]
    text = lines(explore_chart([Series(TEMP, 1, view)], SPAN, LIGHT, arrangement=Arrangement.STACKED))[0][
        "text"
    ]
    assert [said.split(", ")[1] for said in text[17:20]] == ["z 5.0", "recommended 5.0", "score 5.0"]


def test_worst_of_many_flags_are_on_the_line_others_on_the_edge() -> None:
    flagged = tuple(range(0, 400, 2))
    view = overview([37.0 + i % 7 / 10 for i in range(400)], flagged, span=LONG)
    view.marks["score"] = [100.0 if i == 60 else 4.0 + i / 1000 for i in flagged]
    figure = explore_chart([Series(TEMP, 1, view)], LONG, LIGHT, arrangement=Arrangement.STACKED)
    (diamonds,) = [mark for mark in figure.data if mark.marker.symbol == "diamond"]
    (strokes,) = [mark for mark in figure.data if mark.marker.symbol == "line-ns-open"]
    assert len(diamonds.x) == WORST
    assert (START + 60 * SECOND) / 1e3 in list(diamonds.x)
    assert len(strokes.x) == len(flagged) - WORST
    assert figure.layout[strokes.yaxis.replace("y", "yaxis")].range == (0, 1)
    bare = explore_chart([Series(TEMP, 1, view)], LONG, LIGHT, arrangement=Arrangement.STACKED, flags=False)
    assert not [trace for trace in bare.data if trace.mode == "markers"]


def test_earlier_span_is_shifted_lighter_and_dashed() -> None:
    before = replace(overview([36.0] * 100), since=START - 86_400 * SECOND)
    before = replace(before, time=before.time - 86_400 * SECOND)
    shown = Series(TEMP, 1, overview([37.0] * 100), before, 86_400 * SECOND)
    figure = explore_chart([shown], SPAN, LIGHT, arrangement=Arrangement.OVERLAY, earlier="a day earlier")
    earlier, now = lines(figure)
    assert np.asarray(earlier["x"])[0] == np.asarray(now["x"])[0]
    assert earlier["line"]["dash"] == "dash"
    assert float(earlier["opacity"]) < 1
    assert "a day earlier" in str(earlier["hovertemplate"])
    low, high = figure.layout.yaxis.range
    assert low < 36.0
    assert high > 37.0


def test_legend_names_each_line_and_mark_once() -> None:
    def legend(arrangement: Arrangement) -> list[str]:
        shown = [
            Series(
                tag,
                i,
                overview([10.0 + 0.1 * (k % 3) for k in range(100)], (40,), range(50, 70)),
                overview([1.0] * 100),
                100 * SECOND,
            )
            for i, tag in enumerate((TEMP, PH), 1)
        ]
        figure = explore_chart(shown, SPAN, LIGHT, arrangement=arrangement, earlier="100 s earlier")
        assert figure.layout.showlegend is False, "on the page words say it"
        return sorted(trace.name for trace in figure.data if trace.showlegend)

    assert legend(Arrangement.STACKED) == ["100 s earlier", "flagged", "no data"]
    assert legend(Arrangement.OVERLAY) == [
        "1  Temp &lt;b&gt;",
        "1  Temp &lt;b&gt;, 100 s earlier",
        "2  pH value",
        "2  pH value, 100 s earlier",
        "flagged",
        "no data",
    ]


def test_notes_are_drawn_escaped_and_shortened() -> None:
    moment = Annotation("a", START + SECOND, START + SECOND, (), "<script>x</script>", "Ana", START)
    long = Annotation("b", START, START + 50 * SECOND, (), "y" * 200, "Ana", START)
    figure = explore_chart(series(TEMP), SPAN, LIGHT, arrangement=Arrangement.STACKED, notes=[moment, long])
    texts = [annotation.text for annotation in figure.layout.annotations if annotation.text.startswith("✎")]
    assert texts[0] == "✎ &lt;script&gt;x&lt;/script&gt;"
    assert len(texts[1]) < 40
    assert any(shape.type == "rect" and shape.x1 == long.until / 1e3 for shape in figure.layout.shapes)
    many = explore_chart(series(TEMP), SPAN, LIGHT, arrangement=Arrangement.STACKED, notes=[moment] * 50)
    assert not any(annotation.text.startswith("✎") for annotation in many.layout.annotations)


def test_quotes_in_notes_and_labels_are_not_escaped() -> None:
    note = Annotation("a", START, START, (), 'the "new" & <old> pump\'s', 'Ana "A"', START)
    figure = explore_chart(
        series(replace(TEMP, label='12" pipe')), SPAN, LIGHT, arrangement=Arrangement.STACKED, notes=[note]
    )
    (drawn,) = [annotation for annotation in figure.layout.annotations if annotation.text.startswith("✎")]
    assert drawn.text == '✎ the "new" &amp; &lt;old&gt; pump\'s'
    assert drawn.hovertext.endswith('<br>Ana "A"')
    assert "hovertemplate" in figure.data[0]
    assert figure.data[0].hovertemplate.startswith('12" pipe')


def test_control_limits_are_in_view_and_outliers_are_marked() -> None:
    values = [37.0, 37.1] * 50
    values[20], values[30] = 39.0, 35.0
    figure = explore_chart([Series(TEMP, 1, overview(values))], SPAN, LIGHT, arrangement=Arrangement.OVERLAY)
    add_limits(figure, ControlLimits(37.05, 0.1, 36.0, 60.0, 100, 99, 0.0), TEMP, SPAN, LIGHT)
    assert figure.layout.yaxis.range[1] > 60.0
    (down,) = [trace for trace in figure.data if trace.marker.symbol == "triangle-down-open"]
    assert list(down.y) == [35.0]
    assert {annotation.text.split()[0] for annotation in figure.layout.annotations} >= {"UCL", "CL", "LCL"}


def test_outliers_of_the_compared_span_are_not_marked() -> None:
    before, now = [37.0] * 100, [37.0] * 100
    before[10], now[20] = 30.0, 35.0
    series = Series(TEMP, 1, overview(now), overview(before), 0)
    figure = explore_chart([series], SPAN, LIGHT, arrangement=Arrangement.OVERLAY)
    add_limits(figure, ControlLimits(37.0, 0.1, 36.0, 38.0, 100, 99, 0.0), TEMP, SPAN, LIGHT)
    (down,) = [trace for trace in figure.data if trace.marker.symbol == "triangle-down-open"]
    assert list(down.y) == [35.0]


def test_histogram_and_scatter_show_their_data() -> None:
    quantiles = tuple(36 + 2 * share for share in SHARES)
    distribution = Distribution(10, 37.0, 0.5, quantiles, np.linspace(36, 38, 5), np.array([1, 4, 3, 2]), 10)
    figure = histogram(distribution, TEMP, LIGHT)
    assert list(figure.data[0].y) == [1, 4, 3, 2]
    assert figure.layout.xaxis.range[0] < 35.0
    assert figure.layout.xaxis.range[1] > 40.0
    sides = {mark.text: mark.xanchor for mark in figure.layout.annotations}
    assert (sides["5th percentile"], sides["95th percentile"]) == ("right", "left"), (
        "their names cannot cover each other"
    )
    flat = Distribution(3, 37.0, 0.0, (37.0,) * len(SHARES), np.array([37.0, 37.0]), np.array([3]), 3)
    assert histogram(flat, PH, DARK).data[0].width[0] > 0
    many = np.arange(3.0 * DOTS)
    feed = Tag("ph", "Feed pH", "pH", resolution=0.01)
    crossed = scatter(Pairs(many.astype(np.int64), many, -many, SECOND), PH, feed, LIGHT)
    axes = (crossed.layout.xaxis.title.text, crossed.layout.yaxis.title.text)
    assert axes == ("pH value, pH", "Feed pH"), "a label that ends with its unit says it once"
    near = scatter(
        Pairs(many.astype(np.int64), 7 + many / many[-1], np.full_like(many, 2), SECOND), PH, feed, LIGHT
    )
    assert (near.layout.xaxis.tickformat, near.layout.yaxis.tickformat) == (",.1f", ""), "not 6.8 and then 7"
    dots = crossed.data[0]
    assert len(dots.x) == DOTS
    assert (dots.x[0], dots.x[-1]) == (0.0, many[-1])
