"""The filtered events and their flagged readings, as a table and as files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import pandas as pd
import pyarrow as pa
import streamlit as st

from sensormon.exchange.event_rows import events_file, file_stem, readings_file
from sensormon.model.format import counted
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.ui.table_download import form_input, of_table, table_download
from sensormon.ui.viewer import Viewer
from sensormon.view.events import anomaly_table
from sensormon.view.explanation import Scales
from sensormon.view.explore import times

LISTED = 1_000
"""The most flagged readings listed on the page; the file has all."""


def export(
    m: Monitor,
    viewer: Viewer,
    events: pd.DataFrame,
    readings: Callable[[], pd.DataFrame],
    moment: int,
) -> None:
    """A button that opens the choice of a format, and downloads of the events and of their readings.

    `readings` is called only once it is open.
    """
    title = f"Export {counted(len(events), 'event')}"
    popover = st.popover(title, key="export", icon=":material/download:", on_change="rerun")
    if not popover.open:
        return
    with popover:
        form = form_input("form")
        st.caption(f"The filtered events; times in UTC and in {viewer.zone_name}.")
        points = readings_file(readings(), events, m.tags)
        ends = [micros(events[column]) for column in ("start", "end")] if len(events) else []
        span = f", {times(int(ends[0].min()), int(ends[1].max()), UTC)} UTC" if ends else ""
        about = f"{counted(len(events), 'event')} of {counted(events['tag'].nunique(), 'tag')}{span}"
        for kind, noun, frame in (
            ("events", "event", events_file(events, m.tags)),
            ("flagged_readings", "flagged reading", points),
        ):
            table = pa.Table.from_pandas(frame, preserve_index=False)
            rows = of_table(noun, table, file_stem(kind, moment, viewer.zone), about)
            table_download(m, viewer, rows, form, kind)


def flagged_list(m: Monitor, viewer: Viewer, asked: Callable[[], pd.DataFrame]) -> None:
    """The flagged readings of the listed events, drawn on demand."""
    more = st.expander("Flagged readings", key="points", on_change="rerun", bind="query-params")
    if not more.open:
        return
    readings = asked()
    with more:
        said = f"{counted(len(readings), 'flagged reading')} of the listed events"
        if len(readings) > LISTED:
            said += f", newest {LISTED:,} shown; Export has all"
        st.caption(said)
        st.dataframe(
            anomaly_table(readings.head(LISTED), m.tags, Scales(m.detection.by_id())),
            hide_index=True,
            height=min(460, 38 + 35 * max(1, len(readings))),
            key="flagged",
            alt="Flagged readings, newest first",
            column_config={
                "Time": st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name, width=150
                ),
                "Tag": st.column_config.TextColumn(width=150),
                "Value": st.column_config.TextColumn(width=85, alignment="right"),
                "Expected": st.column_config.TextColumn(width=130, alignment="right"),
                "Score": st.column_config.NumberColumn("Score", format="%.1f", width=60),
                "Detector": st.column_config.TextColumn(width=110),
                "Why": st.column_config.TextColumn(width=190),
            },
        )
