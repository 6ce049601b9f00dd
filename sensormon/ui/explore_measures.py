"""Measures of the readings in view on the Explore page: distribution, two tags, control chart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from sensormon.exchange.explore_rows import file_stem
from sensormon.model.entries import Annotation
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import chart
from sensormon.ui.explore_view import Chosen, show
from sensormon.ui.glossary import meaning, prose
from sensormon.ui.tag_choice import single_tag
from sensormon.ui.time_range import offset, span_of, span_text
from sensormon.ui.url_state import write
from sensormon.ui.viewer import Viewer
from sensormon.ui.zoom_chart import zoom_chart
from sensormon.view.explore import (
    control_words,
    distribution_facts,
    limit_facts,
    quantile_table,
    relation_words,
    sampled,
    times,
)
from sensormon.view.explore_chart import Arrangement, Series, explore_chart
from sensormon.view.phrases import states_left_out
from sensormon.view.statistics_charts import DOTS, add_limits, histogram, scatter


def tag_to_measure(m: Monitor, chosen: Chosen) -> str | None:
    """The tag to measure, one of the numbers shown; None, which is then said, if there are only states."""
    names = [name for name in chosen.names if not m.tags[name].has_states]
    if not names:
        st.info(
            "A state is not a number: it has no distribution and no limits. Choose a numeric tag above.",
            title="Only states in view",
        )
        return None
    name: str | None = names[0]
    if len(names) > 1:
        name = _tag(m, "Tag", "measured", names, names[0])
    if left_out := states_left_out(m.tags, chosen.names):
        st.caption(left_out)
    return name or names[0]


def _tag(m: Monitor, label: str, key: str, names: Sequence[str], usual: str) -> str | None:
    """The choice of one of these tags; the address has its name."""

    def draw() -> str | None:
        return st.selectbox(label, names, format_func=m.tags.title, key=key, width=320)

    return single_tag(m, key, draw, offered=names, usual=usual)


def facts(figures: list[tuple[str, str]]) -> None:
    """Named numbers in a row."""
    cells = "".join(f"<div><span>{escape(name)}</span>{escape(value)}</div>" for name, value in figures)
    st.html(f'<div class="facts">{cells}</div>')


def distribution_look(m: Monitor, viewer: Viewer, chosen: Chosen) -> None:
    """The distribution of the values in view."""
    name = tag_to_measure(m, chosen)
    if name is None:
        return
    tag = m.tags[name]
    distribution = m.explorer.distribution(tag.name, *chosen.span)
    if not distribution.readings:
        st.info("No good readings of this tag in view.", title="Nothing to measure")
        return
    outside = m.explorer.outside_normal(tag, *chosen.span)
    facts(distribution_facts(distribution, tag, outside))
    chart(histogram(distribution, tag, viewer.palette), "explore-histogram", f"Histogram of {tag.label}")
    shaded = "Shaded: the {normal band}. " if tag.normal else ""
    prose(f"{shaded}Dotted: the 5, 50 and 95 % {{quantile|quantiles}} of the good readings.")
    if note := sampled(distribution):
        st.caption(note)
    with st.expander("Quantiles"):
        st.dataframe(quantile_table(distribution, tag), hide_index=True, key="explore-quantiles")


def two_tags_look(m: Monitor, viewer: Viewer, chosen: Chosen) -> None:
    """Two tags against each other."""
    names = m.tags.numbers
    if len(names) < 2:
        st.info("Fewer than two tags have numbers.", title="Nothing to compare")
        return
    shown = [name for name in chosen.names if name in names] or names[:1]
    first = names.index(shown[0])
    second = names.index(shown[1]) if len(shown) > 1 else (first + 1) % len(names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        across = _tag(m, "X", "across", names, names[first])
        up = _tag(m, "Y", "up", names, names[second])
        apart = st.text_input(
            "Maximum time offset",
            "",
            key="apart",
            bind="query-params",
            placeholder="half the interval",
            width=180,
            help="Longest time between the two readings of a pair, such as 1 s or 5 min",
        )
    if left_out := states_left_out(m.tags, m.tags.names):
        st.caption(left_out)
    x, y = m.tags[across or names[first]], m.tags[up or names[second]]
    if x is y:
        st.info("Choose two different tags.", title="Same tag twice")
        return
    tolerance = offset(apart) if apart else None
    if apart and tolerance is None:
        st.caption(":material/error: Enter a number with a unit: s, min, h or d.")
    relation = m.explorer.relation(x.name, y.name, *chosen.span, tolerance=tolerance)
    lines = relation_words(relation, x, y)
    st.markdown(f"**{lines[0]}**", help=meaning("correlation", "rank correlation"))
    if relation.n:
        left, right = st.columns([3, 2])
        with left:
            chart(
                scatter(relation.pairs, x, y, viewer.palette), "explore-scatter", f"{y.label} over {x.label}"
            )
        with right:
            for line in lines[1:]:
                st.markdown(line)
            if relation.n > DOTS:
                st.caption(f"Showing an even sample of {DOTS:,} pairs; the statistics use all of them.")


def control_look(
    m: Monitor, viewer: Viewer, chosen: Chosen, drawn: list[Series], notes: Sequence[Annotation]
) -> None:
    """An individuals chart with limits from a baseline."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = tag_to_measure(m, chosen)
        if name is None:
            return
        if st.button(
            "Use the view as baseline",
            key="baseline-here",
            help="Keep the limits of the span now in view, wherever the view moves",
        ):
            write({"baseline": span_text(chosen.span)})
            st.rerun()
        kept = span_of(*st.query_params.get("baseline", "").partition("/")[::2])
        if kept and st.button("First half of the view", key="baseline-half"):
            write({"baseline": ""})
            st.rerun()
    series = next(series for series in drawn if series.tag.name == name)
    baseline = kept or series.now.first_half(*chosen.span)
    tag = m.tags[name]
    controlled = m.explorer.controlled(name, chosen.span, baseline)
    what = "chosen" if kept else "first half of the view"
    st.caption(
        f"Baseline, {what}: {times(*baseline, viewer.zone)}. It should be a period of normal operation."
    )
    lines = control_words(controlled)
    st.markdown(f"**{lines[0]}**")
    for line in lines[1:]:
        st.warning(line) if line.startswith("Caution") else st.markdown(line)
    if controlled.limits is None:
        return
    facts(limit_facts(controlled.limits, tag))
    figure = explore_chart(
        [series], chosen.span, viewer.palette, arrangement=Arrangement.OVERLAY, flags=False, notes=notes
    )
    add_limits(figure, controlled.limits, tag, baseline, viewer.palette)
    when = times(*chosen.span, viewer.zone)
    zoom_chart(
        figure,
        "explore-control",
        f"Control chart of {tag.label}, {when}",
        viewer,
        span=chosen.span,
        whole=chosen.whole,
        head=when,
        title=f"{tag.label}, control chart, {when} ({viewer.zone_name})",
        file=file_stem([name, "control"], chosen.span[0]),
        on_span=show,
    )
    prose(
        "Individuals chart: {centre line|centre} ± 3 {σ}, σ from the mean {moving range} ÷ 1.128 (Shewhart "
        "1931). △ ▽ outside. Control limits ({UCL}, {LCL}) say what the process did in its {baseline}; they "
        "are not specification limits, which say what it should do."
    )
