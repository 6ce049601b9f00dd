"""One event: its readings with those before and after, why it was flagged, the actions on it."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.analysis.gaps import usual_interval
from sensormon.events.actions import LABEL_WORDS, State
from sensormon.model.clock import DAY, SECOND
from sensormon.model.format import day_and_time, duration
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import panel, picking_chart
from sensormon.ui.event_acts import asking
from sensormon.ui.event_list import Shown, chosen_ids, step
from sensormon.ui.reading_reason import CONTEXT, picker, reason, scales_of
from sensormon.ui.viewer import Viewer
from sensormon.view.events import history_table, lasted
from sensormon.view.severity import severity_words
from sensormon.view.severity_marks import mark_severities
from sensormon.view.time_charts import live_chart

AROUND = {"auto": 0, "2 min": 120, "10 min": 600, "60 min": 3_600, "24 h": 86_400}
"""Seconds shown before and after an event; auto depends on the tag's interval."""
_USUAL = "auto"
_READINGS = 60


def event_detail(m: Monitor, viewer: Viewer, shown: Shown, events: pd.DataFrame) -> None:
    """The event with its context, the sentence why, the settings that flagged it, its log.

    `events` has those whose flags are drawn with the mark of their severity.
    """
    event, place, among = shown.event, shown.place, shown.among
    tag = m.tags[event["tag"]]
    start, end = (int(time) for time in micros(pd.Series([event["start"], event["end"]])))
    with panel("context"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            alone, keys = len(chosen_ids()) < 2, (None, None) if asking() else ("K", "J")
            st.button(
                "Previous",
                key="previous",
                icon=":material/chevron_left:",
                shortcut=keys[0],
                disabled=alone and place == 0,
                on_click=step,
                args=(-1,),
            )
            st.button(
                "Next",
                key="next",
                icon=":material/chevron_right:",
                shortcut=keys[1],
                disabled=alone and place == among - 1,
                on_click=step,
                args=(1,),
            )
            st.caption(f"{place + 1:,} of {among:,}", width="content")
        around = st.segmented_control(
            "Shown before and after",
            list(AROUND),
            default=_USUAL,
            required=True,
            key="around",
            bind="query-params",
            label_visibility="collapsed",
        )
        label = f" · {LABEL_WORDS.get(event['label'], event['label'])}" if event["label"] else ""
        going_on = "" if event["over"] else ", ongoing"
        st.html(
            f"<b>{escape(m.tags.title(tag.name))}</b> · {day_and_time(start, viewer.zone)} · "
            f"{lasted(event['seconds'], event['readings'])}{going_on} · "
            f'<span class="severity-{event["severity"]}">{severity_words(event["severity"])} severity</span>'
            " · "
            f"{escape(event['state'])}{escape(label)}"
        )
        air = AROUND[around or _USUAL] * SECOND or _some_readings(m, tag.name, start, end)
        span = (start - air, max(start + SECOND, min(end + air, m.clock.now())))
        frame = m.stored.frame([tag.name], *span, limit=CONTEXT)
        chosen = frame.loc[frame["id"] == st.session_state.get("reading"), "time"]
        figure = live_chart(
            frame,
            tag,
            span,
            viewer.palette,
            240,
            mark=int(micros(chosen)[0]) if len(chosen) else None,
            pick=True,
            shade=(start, end),
            scales=scales_of(m),
        )
        own = events[events["tag"] == tag.name].iloc[::-1]
        starts, ends = micros(own["start"]), micros(own["end"])
        mark_severities(figure, starts, ends, own["severity"].tolist(), viewer.palette)
        picking_chart(
            figure,
            f"context-{event['id']}",
            f"{tag.label} from {duration(air / SECOND)} before the event to as long after it; "
            "“Nearby readings” below lists them as a table",
            picker("reading"),
        )
        st.caption(
            "Shaded: expected range. Click a reading, or use ← and →, to see why it was flagged or not."
        )
        if span[0] < m.explorer.since_whole((tag.name,), span[0]):
            st.caption(
                "Only flagged readings are stored individually this far back. "
                "Explore shows the rest as one-minute roll-ups."
            )
        reason(m, viewer, frame, "reading", int(event["peak_id"]))
        _log(m, viewer, event)


def _some_readings(m: Monitor, tag: str, start: int, end: int) -> int:
    """The time (µs) that _READINGS of the tag usually take, regardless of gaps; at least 2 min."""
    for back in (600 * SECOND, DAY, 7 * DAY):  # the newest arrival may have an old timestamp
        before = m.stored.frame([tag], start - back, start, limit=_READINGS)
        if len(before) == _READINGS:
            break
    usual = _READINGS * round(usual_interval(np.sort(micros(before["time"]))))
    return max(120 * SECOND, min(usual, 7 * DAY), (end - start) // 4)


def _log(m: Monitor, viewer: Viewer, event: pd.Series) -> None:
    """The actions on the event, newest first."""
    if event["shelved_until"] is not pd.NaT and event["state"] == State.SHELVED:
        shelved = int(micros(pd.Series([event["shelved_until"]]))[0])
        st.caption(f"Shelved until {day_and_time(shelved, viewer.zone)}")
    history = history_table(m.events.actions(min(event["ids"]), max(event["ids"])), event["ids"])
    if history.empty:
        st.caption("No action on this event yet.")
        return
    zone = viewer.zone_name
    st.dataframe(
        history.drop(columns="Until") if history["Until"].isna().all() else history,
        hide_index=True,
        key="history",
        placeholder="",
        alt="Actions on this event, newest first",
        column_config={
            "Time": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=zone),
            "Until": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone=zone),
        },
    )
