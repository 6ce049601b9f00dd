"""Explore: any tags over any span of the history, compared, measured, annotated, exported."""

from html import escape

import pandas as pd
import streamlit as st

from sensormon.exchange.explore_rows import drawn_points, file_stem
from sensormon.model.clock import SECOND
from sensormon.model.entries import Annotation
from sensormon.model.errors import SensormonError, StoreError
from sensormon.model.format import duration
from sensormon.model.timestamps import render
from sensormon.monitor.explorer import Seen
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import monitor
from sensormon.ui import Viewer, copy_link, not_done, not_readable, panel, zoom_chart
from sensormon.ui.drawing import UNREAD
from sensormon.ui.explore_axes import axes, axes_menu
from sensormon.ui.explore_filter import filtered, only_while
from sensormon.ui.explore_looks import Looked, looks
from sensormon.ui.explore_span import WHOLE, moment, span_control
from sensormon.ui.explore_view import OTHER, Chosen, show
from sensormon.ui.memo import remembered
from sensormon.ui.narrow import folded
from sensormon.ui.page import page
from sensormon.ui.parts import fragment
from sensormon.ui.tag_choice import several_tags
from sensormon.ui.time_range import offset
from sensormon.view.explore import NAMED, drawn_line, times
from sensormon.view.explore_chart import (
    AXES,
    Arrangement,
    Series,
    band_series,
    charts_of,
    crowded,
    empty_stretches,
    explore_chart,
    normal_in_view,
    series_color,
    units,
)
from sensormon.view.phrases import literal
from sensormon.view.simulated import badge, tag_words
from sensormon.view.state_bands import LISTED, fill, place_of, word_of
from sensormon.view.versions import version_marks

MOST_TAGS = 12
OWN, NORMALISED = "Own axes", "Normalised"
NOTHING = "nothing"
# This fraction of the view is also read on each side, so that a pan shows something at once.
MARGIN = 4


# -- controls ----------------------------------------------------------------------------


def comparison() -> tuple[int, str]:
    """How much earlier the span to compare with is (µs), and in words; 0 for none."""
    chosen = st.selectbox(
        "Compare with", [NOTHING, *NAMED, OTHER], key="earlier", bind="query-params", width=210
    )
    if chosen in NAMED:
        return NAMED[chosen] * SECOND, chosen
    if chosen != OTHER:
        return 0, ""
    text = st.text_input(
        "How much earlier",
        "2 d",
        key="offset",
        bind="query-params",
        width=140,
        help="For example 90 min, 36 h, 2 d or 1 w",
    )
    earlier = offset(text or "")
    if earlier is None:
        st.caption(":material/error: Enter a number with a unit: s, min, h, d or w.", width="content")
        return 0, ""
    return earlier, f"{duration(earlier / SECOND)} earlier"


def controls(m: Monitor, viewer: Viewer) -> Chosen:
    """Tags, span, layout, comparison."""
    around = folded()
    top = around.container(horizontal=True, vertical_alignment="bottom", gap="small")

    def draw() -> list[str]:
        return top.multiselect(
            "Tags",
            m.tags.names,
            format_func=m.tags.title,
            key="explore",
            max_selections=MOST_TAGS,
            placeholder="Choose tags",
        )

    names = several_tags(m, "explore", draw, usual=m.tags.names[:3], most=MOST_TAGS)
    with around.container(horizontal=True, vertical_alignment="bottom", gap="small", key="explore-controls"):
        whole = held_extent(m, names)
        span = span_control(m, viewer, whole)
        layout = st.segmented_control(
            "Layout",
            [str(each) for each in Arrangement],
            default=str(Arrangement.STACKED),
            required=True,
            key="layout",
            bind="query-params",
        )
        arrangement = Arrangement(layout or Arrangement.STACKED)
        numbers = [name for name in names if not m.tags[name].has_states]
        own = {m.tags[name].unit for name in numbers}
        if arrangement is Arrangement.OVERLAY and 1 < len(own) <= AXES:
            st.segmented_control(
                "Scale", [OWN, NORMALISED], default=OWN, required=True, key="axes", bind="query-params"
            )
        earlier, words = comparison()
        only = only_while(m, names)
    with top:
        axes_menu(m, names)
        flags = st.checkbox("Flags", value=True, key="flags", bind="query-params")
        copy_link("explore-link", past=None, **{"from": render(span[0]), "to": render(span[1])})
    return Chosen(
        names[:MOST_TAGS],
        span,
        whole or span,
        arrangement,
        flags,
        earlier,
        words,
        moment(m),
        only,
    )


# -- reading ------------------------------------------------------------------------------


def which(m: Monitor) -> tuple[object, ...]:
    """A cache key that identifies the monitor."""
    return m.started, str(m.settings.data_dir)


def extent(m: Monitor, names: tuple[str, ...] | None = None) -> tuple[int, int] | None:
    """The span of all stored readings of these tags; None if there are none, or the store is unavailable."""
    try:
        span = m.explorer.extent(names)
    except StoreError:
        return None
    return span and (span[0], span[1] + 1_000)  # a span has no end of its own; browsers know milliseconds


def held_extent(m: Monitor, names: tuple[str, ...]) -> tuple[int, int] | None:
    """The same, held still like the moment."""
    kept: dict[tuple[str, ...], tuple[int, int]] = st.session_state.setdefault(WHOLE, {})
    if names not in kept and (span := extent(m, names)):
        kept[names] = span
    return kept.get(names)


@st.cache_resource(max_entries=100, ttl=20, show_spinner=False)
def _seen(_m: Monitor, which: tuple[object, ...], name: str, since: int, until: int, parts: int) -> Seen:
    del which  # part of the cache key
    return _m.explorer.overview(name, since, until, parts)


def seen(m: Monitor, name: str, since: int, until: int, parts: int) -> Seen:
    """The overview of a tag; viewers of the same span share it, but never one made without the store."""
    overview = _seen(m, which(m), name, since, until, parts)
    return overview if overview.stored else m.explorer.overview(name, since, until, parts)


def series(m: Monitor, chosen: Chosen) -> tuple[list[Series], bool]:
    """The tags as drawn, and whether the store was available for all."""
    since, until = chosen.span
    margin = (until - since) // MARGIN
    start, end = max(0, since - margin), min(until + margin, max(until, m.clock.now()))
    parts = 600 if len(chosen.names) <= 4 else 400
    drawn, stored = [], True
    wanted = axes(m, chosen.names)
    for number, name in enumerate(chosen.names, 1):
        now = seen(m, name, start, min(end, max(chosen.now, start + 1)), parts)
        before = (
            seen(m, name, start - chosen.earlier, end - chosen.earlier, parts) if chosen.earlier else None
        )
        stored = stored and now.stored
        if m.tags[name].has_states:
            course = m.explorer.state_course(name, now.overview)
            words = m.state_words([name]).get(name, {})
            drawn.append(band_series(m.tags[name], number, now.overview, course, words))
            continue
        drawn.append(
            Series(
                m.tags[name],
                number,
                now.overview,
                before.overview if before else None,
                chosen.earlier,
                wanted[name],
            )
        )
    return drawn, stored


# -- the chart ----------------------------------------------------------------------------


def main_chart(
    m: Monitor, viewer: Viewer, chosen: Chosen, drawn: list[Series], notes: list[Annotation]
) -> None:
    """The chart, its legend, how much it shows."""
    normalised = st.session_state.get("axes") == NORMALISED
    drawn, only = filtered(drawn, chosen.only, chosen.span)
    narrow = chosen.arrangement is Arrangement.OVERLAY and len(units(drawn)) > AXES
    figure = explore_chart(
        drawn,
        chosen.span,
        viewer.palette,
        arrangement=chosen.arrangement,
        normalised=normalised or narrow,
        flags=chosen.flags,
        notes=notes,
        earlier=chosen.earlier_words,
    )
    titles = ", ".join(m.tags.title(name) for name in chosen.names)
    when = times(*chosen.span, viewer.zone)
    with panel("explore"):
        zoom_chart(
            figure,
            "explore-chart",
            f"{titles}, {when}. Arrow keys move, plus and minus zoom, Home shows all.",
            viewer,
            span=chosen.span,
            whole=chosen.whole,
            head=when,
            title=f"{titles}, {when} ({viewer.zone_name})",
            file=file_stem(chosen.names, chosen.span[0]),
            on_span=show,
            on_pick=clicked,
        )
        simulated = m.simulated.within(*chosen.span)
        badged = [name for name in chosen.names if name in simulated]
        mark = badge(tag_words(badged, len(chosen.names), m.tags)) if badged else ""
        st.html(legend(viewer, chosen, drawn, mark))
        if numbers := [line.now for line in drawn if not line.is_band]:
            st.caption(f"{drawn_line(numbers, *chosen.span)}.")
        if only:
            st.caption(literal(only))
        if len(numbers) < len(drawn):
            st.caption("Of states every change is drawn that is far enough from the next to be seen.")
        if narrow:
            st.caption(
                f"An overlay has at most {AXES} axes. With {len(units(drawn))} units each line runs from its "
                "lowest to its highest value in view; By unit keeps the values on axes."
            )
        table(m, viewer, chosen, drawn)


def clicked(time: int) -> None:
    """A moment of the chart was clicked: offer it for a note."""
    st.session_state["explore_clicked"] = time


def legend(viewer: Viewer, chosen: Chosen, drawn: list[Series], mark: str) -> str:
    """The legend of lines and of the marks in view, as HTML; `mark` is the badge of simulated tags."""
    chips = [mark] if mark else []
    charts = charts_of(drawn, chosen.arrangement)
    if shared := [line for line, chart in zip(drawn, charts, strict=True) if charts.count(chart) > 1]:
        for line in shared:
            color = series_color(viewer.palette, line)
            chips.append(
                f'<span><b style="color:{color}">{line.number}</b> '
                f'<i style="display:inline-block;width:1.4rem;'
                f'border-top:2px solid {color};vertical-align:middle"></i> {escape(line.tag.label)}'
                f"{f' ({escape(line.tag.unit)})' if line.tag.unit else ''}</span>"
            )
    if chosen.earlier:
        has_earlier = any(
            line.earlier and line.earlier.within(*(end - chosen.earlier for end in chosen.span))
            for line in drawn
        )
        chips.append(f"<span>┄ {escape(chosen.earlier_words)}{'' if has_earlier else ': no readings'}</span>")
    quality = pd.concat([line.now.marks["quality"] for line in drawn]) if drawn else pd.Series(dtype=int)
    if chosen.flags and any(line.now.flagged for line in drawn):
        many = any(crowded(line.now.marks, chosen.span) for line in drawn)
        words = "worst flagged readings; strokes above mark the others" if many else "flagged"
        chips.append(f'<span><span style="color:var(--sm-anomaly)">◆</span> {words}</span>')
    if (quality // 2**30 == 1).any():
        chips.append('<span><span style="color:var(--sm-uncertain)">○</span> uncertain</span>')
    if (quality // 2**30 >= 2).any():
        chips.append('<span><span style="color:var(--sm-uncertain)">×</span> bad quality</span>')
    stretches = [gap for row in empty_stretches(drawn, chosen.arrangement) for gap in row]
    if any(start < chosen.span[1] and end > chosen.span[0] for start, end in stretches):
        chips.append("<span>▨ no data</span>")
    chips += state_chips(viewer, drawn, chosen.span)
    if normal_in_view(drawn, chosen.span, chosen.arrangement):
        chips.append("<span>╌ edge of the normal band</span>")
    return f'<div class="status quiet">{"".join(chips)}</div>'


def state_chips(viewer: Viewer, drawn: list[Series], span: tuple[int, int]) -> list[str]:
    """The states in view with their colours, tag by tag, as HTML."""
    chips = []
    for line in drawn:
        codes = {stretch.code for stretch in line.course if stretch.end > span[0] and stretch.start < span[1]}
        swatches = []
        for code in sorted(codes)[:LISTED]:
            color, *_ = fill(viewer.palette, place_of(line.words, code))
            swatches.append(
                f'<i style="display:inline-block;width:.8rem;height:.8rem;border-radius:2px;'
                f'background:{color};vertical-align:-1px"></i> {escape(word_of(line.words, code))}'
            )
        if swatches:
            more = f" and {len(codes) - LISTED:,} more" if len(codes) > LISTED else ""
            chips.append(f"<span><b>{escape(line.tag.label)}</b> {' '.join(swatches)}{more}</span>")
    return chips


def table(m: Monitor, viewer: Viewer, chosen: Chosen, drawn: list[Series]) -> None:
    """The drawn points, for people who cannot see the chart."""
    box = st.expander("As a table", key="explore-table", on_change="rerun")
    if not box.open:
        return
    with box:
        words = m.state_words(chosen.names)
        points = drawn_points([(line.tag.name, line.now) for line in drawn], *chosen.span)
        shown = pd.DataFrame(
            {
                "Time": points["time"],
                "Tag": [m.tags.title(name) for name in points["tag"]],
                "Value": [
                    word_of(words[name], v) if name in words else m.tags[name].render(v)
                    for name, v in zip(points["tag"], points["value"], strict=True)
                ],
                "Flagged": ["flagged" if flagged else "" for flagged in points["is_anomaly"]],
            }
        )
        st.dataframe(
            shown,
            hide_index=True,
            height=300,
            key="explore-points",
            column_config={
                "Time": st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm:ss.SSS", timezone=viewer.zone_name
                )
            },
        )


# -- the page -----------------------------------------------------------------------------


def empty(m: Monitor, chosen: Chosen) -> bool:
    """What to do if no reading is in view; returns whether there are any elsewhere."""
    if extent(m, chosen.names):
        st.info(
            "Choose a longer time range or other tags, or show the whole history.",
            title="No readings in view",
        )
        if st.button("Show the whole history", key="explore-all", type="primary"):
            show(chosen.whole)
            st.rerun()
        return True
    if extent(m):
        st.info(
            "Other tags have readings; choose some above.",
            title=f"No reading of {'this tag' if len(chosen.names) == 1 else 'these tags'} is stored",
        )
    else:
        st.info(
            "Readings appear here as they arrive, or once history is imported on the Data page.",
            title="No readings yet",
        )
    return False


def versions(m: Monitor, chosen: Chosen) -> list[Annotation]:
    """The changes of the settings in view, as notes."""
    wanted = (m.started, m.detection.in_force.id)
    marks: list[Annotation] = remembered(
        "explore-versions", wanted, lambda: version_marks(m.detection.readable())
    )
    since, until = chosen.span
    return [mark for mark in marks if since <= mark.since < until]


@fragment
def draw(m: Monitor, viewer: Viewer) -> None:
    """Controls, the chart, one analysis of the view."""
    chosen = controls(m, viewer)
    if not chosen.names:
        st.info("Choose one or more tags above.", title="No tags selected")
        return
    drawn, stored = series(m, chosen)
    if not stored:
        st.session_state[UNREAD] = True
        st.warning(
            "The database cannot be read at the moment; only the newest readings, kept in memory, are shown. "
            "Collection continues and readings are safe in the journal.",
            title="History unavailable",
            icon=":material/database_off:",
        )
    notes = m.annotations.readable(*chosen.span, chosen.names)
    nothing = not any(line.now.readings or (line.earlier and line.earlier.readings) for line in drawn)
    if nothing and not (stored and empty(m, chosen)):
        return
    main_chart(m, viewer, chosen, drawn, sorted([*notes, *versions(m, chosen)], key=lambda note: note.since))
    try:
        looks(m, viewer, Looked(chosen, drawn, notes))
    except StoreError as error:
        not_readable(error)
    except SensormonError as error:
        not_done(error, "This is not possible")


monitored = monitor()
with page("Explore") as me:
    draw(monitored, me)
