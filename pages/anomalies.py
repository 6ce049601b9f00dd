"""Anomalies: events to acknowledge and label, why a reading was flagged or not, both as files."""

import streamlit as st

from sensormon.model.clock import DAY, SECOND
from sensormon.model.errors import StoreError
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import monitor
from sensormon.ui import Viewer, not_readable
from sensormon.ui.bell import QUIET
from sensormon.ui.counts_panel import counts_panel
from sensormon.ui.event_acts import carry_out
from sensormon.ui.event_controls import Range, clear_filters, filter_row, show_between, widen
from sensormon.ui.event_detail import event_detail
from sensormon.ui.event_files import export, flagged_list
from sensormon.ui.event_list import event_list, missing, news
from sensormon.ui.event_reading import EventLists, find, flagged_of
from sensormon.ui.maintenance import show_maintenance
from sensormon.ui.page import page
from sensormon.ui.reading_reason import any_reading
from sensormon.ui.shelved_tags import show_shelved_tags
from sensormon.view.phrases import stored_words


def draw(m: Monitor, viewer: Viewer) -> None:
    """Filters, counts, the events with the chosen one beside them, the flagged readings."""
    acts = m.actions.count
    filters, asked = filter_row(m, viewer)
    lists = find(m, filters, asked)

    def latest() -> None:
        new_in = (filters.tags or None) if asked.until >= asked.moment else ()
        news(m, viewer, acts, new_in, lists.late, lists.changed)

    if lists.all.empty:
        no_anomalies(m, viewer, lists, asked, filters.tags)
        latest()
    else:
        counts_panel(m, viewer, lists, filters, asked, latest)
        events(m, viewer, lists, asked)
    any_reading(m, viewer, list(filters.tags or m.tags.names), (asked.since, asked.until))
    if len(lists.listed):
        flagged_list(m, viewer, flagged_of(m, lists.listed, lists.key))


def events(m: Monitor, viewer: Viewer, lists: EventLists, asked: Range) -> None:
    """The list with the chosen event beside it, below it on a narrow screen."""
    with st.container():  # always one element, so that the list keeps its position
        missing(lists.all, lists.listed)
    if lists.listed.empty:
        with st.container(border=True, key="panel-none"):
            st.markdown(f"**No matching events.** None of the events {asked.words} matches all filters.")
            st.button("Clear filters", key="clear-here", on_click=clear_filters)
        return
    left, right = st.columns([9, 6], gap="small")
    with left:
        files = flagged_of(m, lists.listed, lists.key)
        shown = event_list(m, viewer, lists, lambda: export(m, viewer, lists.listed, files, asked.moment))
    with right:
        event_detail(m, viewer, shown, lists.all)
    shown.rows()


def no_anomalies(m: Monitor, viewer: Viewer, lists: EventLists, asked: Range, tags: tuple[str, ...]) -> None:
    """Explain an empty result, and what to do."""
    stored = (m.explorer.extent(tags or None) or m.explorer.extent()) if lists.watched is None else None
    if stored is not None:
        st.info(stored_words(stored, viewer.zone), title=f"No anomalies here: no readings {asked.words}")
        st.button(
            "Show the newest day",
            key="newest-day",
            on_click=show_between,
            args=(stored[1] + SECOND - DAY, stored[1] + SECOND),
            type="primary",
        )
        return
    if lists.watched is None:
        st.info(
            "No readings are stored. The Live page shows whether any arrive; the Data page imports history.",
            title="No anomalies here: no readings yet",
        )
        return
    st.info(
        "Every reading was in its expected range. Choose a longer time range to see more; the Tuning "
        "page shows what other settings would have flagged.",
        title=f"No anomalies here: nothing was flagged {asked.words}",
    )
    st.button("Show a longer time range", key="widen", on_click=widen)


def quiet(m: Monitor, viewer: Viewer) -> None:
    """What nobody is called for: shelved tags, planned maintenance."""
    with st.expander("Shelved tags and maintenance", expanded=QUIET in st.query_params, key="quiet-tags"):
        show_shelved_tags(m, viewer)
        show_maintenance(m, viewer)


watched = monitor()
with page("Anomalies") as me:
    carry_out(watched, me)
    asked_for = QUIET in st.query_params
    if asked_for:
        quiet(watched, me)
    try:
        draw(watched, me)
    except StoreError as error:
        not_readable(error)
    if not asked_for:
        quiet(watched, me)
