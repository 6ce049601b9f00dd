"""Counts above the list of events: per minute, hour or day with a click that filters, load, top tags."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import pandas as pd
import streamlit as st

from sensormon.events.alarm_load import CHATTER, chattering, load_of, longest_standing, top_tags
from sensormon.events.filters import Filters, stretch_text
from sensormon.events.histogram import Bins, bins, counts, stretch_words
from sensormon.model.format import counted, day_and_time
from sensormon.model.readings import Ints
from sensormon.model.timestamps import micros, render
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import panel, ready
from sensormon.ui.event_controls import Range
from sensormon.ui.event_list import choose
from sensormon.ui.event_reading import EventLists
from sensormon.ui.url_state import held, hold, hold_together
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import choose_rows, chosen_rows, fresh_key, replace_widget
from sensormon.view.alarm_load import load_line, load_rows
from sensormon.view.events import events_line, lasted_column
from sensormon.view.time_charts import count_chart

_ALL = "the whole time range"


def counts_panel(
    m: Monitor, viewer: Viewer, lists: EventLists, filters: Filters, asked: Range, news: Callable[[], None]
) -> None:
    """Summary of the time range: line, bars, alarm load, and the tags with the most events.

    Everything counts the events that match without the stretch. The load is measured from the
    first reading on. `news` draws at the right of the first line.
    """
    events, watched = lists.matching, lists.watched or asked.since
    each = bins(asked.since, asked.until, viewer.zone)
    starts = micros(events["start"])
    numbers = counts(starts, each.edges)
    with panel("counts"):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"
        ):
            with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
                st.markdown(events_line(events, asked.words), width="content")
                _stretch(each, numbers, filters, viewer)
            news()
        with st.container():
            if not events.attrs.get("complete", True):
                st.caption("Too many flagged readings: the oldest events are left out.")
        _bars(each, numbers, filters, viewer)
        load = load_of(events, asked.since, asked.until, lists.watched)
        more = st.expander(load_line(load), key="load", on_change="rerun", bind="query-params")
        if more.open:
            with more:
                left, middle, right = st.columns([4, 5, 5], gap="medium")
                with left:
                    _figures(load_rows(load, viewer.zone), asked, watched, viewer)
                with middle:
                    _top(m, lists.of_all_tags, filters)
                with right:
                    _longest(m, viewer, events)
                    _chattering(m, viewer, events)


def _stretch(each: Bins, numbers: Ints, filters: Filters, viewer: Viewer) -> None:
    """A button that clears the chosen stretch, and a list of all for people without a mouse."""
    if filters.stretch is not None:
        st.button(
            f"{stretch_words(*filters.stretch, viewer.zone)} ×",
            key="stretch-off",
            help="Show the whole time range",
            on_click=hold,
            args=("bar", ""),
        )
    popover = st.popover(f"By {each.unit}", type="tertiary", key="stretches", on_change="rerun")
    if not popover.open:
        return
    with popover:
        words = [stretch_words(*each.span(place), viewer.zone) for place in range(len(each))]
        places = [place for place in range(len(each)) if numbers[place]][::-1]
        spans = [each.span(place) for place in places]
        st.session_state["stretch"] = (
            places[spans.index(filters.stretch)] if filters.stretch in spans else None
        )
        st.selectbox(
            f"Show one {each.unit} only",
            places,
            format_func=lambda place: f"{words[place]}: {counted(int(numbers[place]), 'event')}",
            placeholder=_ALL,
            key="stretch",
            on_change=lambda: _choose_stretch(_span(each, st.session_state["stretch"])),
        )
        st.dataframe(
            pd.DataFrame({str(each.unit).capitalize(): words, "Events": numbers}),
            hide_index=True,
            height=300,
            key="counts-table",
            alt=f"Events per {each.unit}",
        )


def _span(each: Bins, place: int | None) -> tuple[int, int] | None:
    return None if place is None else each.span(place)


def _choose_stretch(span: tuple[int, int] | None) -> None:
    """Filter by this stretch."""
    replace_widget("counts")
    values = {"bar": "" if span is None else stretch_text(span)}
    if "moment" in st.session_state:
        values["asof"] = render(st.session_state["moment"])
    hold_together(values)


def _bars(each: Bins, numbers: Ints, filters: Filters, viewer: Viewer) -> None:
    # A new chart after each choice: no bar stays marked, and no old click is repeated.
    key = f"{fresh_key('counts')}-{held('bar')}"

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points:  # a click on the chosen bar clears it, even if the browser reports the click twice
            span = each.span(int(points[0]["point_index"]))
            _choose_stretch(None if span == filters.stretch else span)

    words = [
        f"{stretch_words(*each.span(place), viewer.zone)}  {counted(int(count), 'event')}"
        for place, count in enumerate(numbers.tolist())
    ]
    st.plotly_chart(
        ready(count_chart(numbers, each.edges, words, viewer.palette, chosen=filters.stretch)),
        width="stretch",
        theme=None,
        key=key,
        on_select=clicked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt=f"Events per {each.unit}, {int(numbers.max(initial=0))} at most; "
        f"“By {each.unit}” above lists them as a table",
    )


def _figures(rows: list[tuple[str, str, str]], asked: Range, watched: int, viewer: Viewer) -> None:
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}"
        + (f"<small>{escape(norm)}</small>" if norm else "")
        + "</td></tr>"
        for name, value, norm in rows
    )
    st.html(f'<b>Alarm load</b><table class="figures"><tbody>{body}</tbody></table>')
    said = "By ISA-18.2 and EEMUA 191, counting events; filters apply."
    if watched > asked.since:
        said += (
            f" Readings begin {day_and_time(watched, viewer.zone)}; earlier time is not counted, gaps are."
        )
    st.caption(said)


def _top(m: Monitor, events: pd.DataFrame, filters: Filters) -> None:
    """The ten tags with the most events; choosing some shows theirs alone."""
    top = top_tags(events)
    names = list(top["tag"])
    rows = [place for place, name in enumerate(names) if name in filters.tags]
    if chosen_rows(fresh_key("top")) != rows:
        replace_widget("top")
        choose_rows(fresh_key("top"), rows)
    key = fresh_key("top")

    def choose_tags() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        others = [tag for tag in filters.tags if tag not in names]
        st.session_state["tags"] = [*others, *(names[row] for row in rows if names[row] in m.tags)]

    st.html("<b>Top tags</b>")
    st.dataframe(
        pd.DataFrame(
            {"Tag": [m.tags.title(name) for name in names], "Events": top["events"], "Share": top["share"]}
        ),
        hide_index=True,
        on_select=choose_tags,
        selection_mode="multi-row",
        key=key,
        alt="The tags with the most events; the first column filters by them",
        column_config={
            "Tag": st.column_config.TextColumn(width=170),
            "Events": st.column_config.NumberColumn(format="localized", width=58),
            "Share": st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1, color="gray", width=140
            ),
        },
    )
    st.caption("Select tags in the first column to filter by them.")


def _longest(m: Monitor, viewer: Viewer, events: pd.DataFrame) -> None:
    longest = longest_standing(events)
    st.html("<b>Longest events</b>")
    if longest.empty:
        st.caption("Every event is a single reading.")
        return
    ids = [int(event_id) for event_id in longest["id"]]

    def show() -> None:
        rows = st.session_state["longest"]["selection"]["rows"]
        if rows and rows[0] < len(ids):
            choose([ids[rows[0]]])

    st.dataframe(
        pd.DataFrame(
            {
                "Began": longest["start"],
                "Tag": [m.tags.title(name) for name in longest["tag"]],
                "Lasted": lasted_column(longest),
            }
        ),
        hide_index=True,
        on_select=show,
        selection_mode="single-row",
        key="longest",
        alt="The events that lasted longest; the first column shows one below",
        column_config={
            "Began": st.column_config.DatetimeColumn(
                format="MM-DD HH:mm", timezone=viewer.zone_name, width=85
            ),
            "Tag": st.column_config.TextColumn(width=170),
        },
    )


def _chattering(m: Monitor, viewer: Viewer, events: pd.DataFrame) -> None:
    rows = chattering(events)
    st.html(f"<b>Chattering tags</b> <span class='quiet'>{CHATTER} events or more within a minute</span>")
    if not rows:
        st.caption("None.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "Tag": [m.tags.title(row.tag) for row in rows],
                "Most": [row.most for row in rows],
                "At": [day_and_time(row.at, viewer.zone)[5:] for row in rows],
                "Minutes": [row.times for row in rows],
            }
        ),
        hide_index=True,
        height=min(38 + 35 * len(rows), 38 + 35 * 5),
        key="chattering",
        alt="Tags whose events come and go quickly",
        column_config={
            "Tag": st.column_config.TextColumn(width=150),
            "Most": st.column_config.NumberColumn(width=50, help="The most events within a minute"),
            "At": st.column_config.TextColumn(width=100, help="When that minute began"),
            "Minutes": st.column_config.NumberColumn(
                width=65, format="localized", help=f"How many minutes had {CHATTER} events or more"
            ),
        },
    )
