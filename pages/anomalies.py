"""Anomalies: what was flagged, why, and as a file."""

from html import escape

import pandas as pd
import streamlit as st

from sensormon.anomaly_table import anomaly_table
from sensormon.charts import count_chart, live_chart
from sensormon.clock import SECOND
from sensormon.errors import StoreError
from sensormon.export import anomalies_csv
from sensormon.monitor import Monitor
from sensormon.page_parts import SPANS, Viewer, begin, chart, not_readable, panel
from sensormon.runtime import monitor
from sensormon.traces import micros
from sensormon.words import counted, day_and_time, pace, why

MOST = 10_000
CHOICES = ["15 min", "1 h", "6 h", "24 h", "7 d"]


def context(m: Monitor, viewer: Viewer, row: pd.Series) -> None:
    """The chosen anomaly: the sentence that says why, and the readings around it."""
    tag = m.tags[row["tag"]]
    time = int(micros(pd.Series([row["time"]]))[0])
    around = (time - 120 * SECOND, min(time + 60 * SECOND, m.clock.now()))
    with panel("context"):
        st.html(f"<b>{escape(tag.label)}</b> · {day_and_time(time, viewer.zone)}")
        sentence = why(tag, row["value"], row["expected"], row["upper"], row["score"])
        st.html(f'<span class="abnormal">◆ {escape(sentence)}</span>')
        frame = m.history([tag.name], *around)
        figure = live_chart(frame, tag, around, viewer.palette, 260, mark=time)
        chart(figure, "context", f"{tag.label} around the anomaly")
        st.caption("Two minutes before, one minute after. Shaded: where the reading was expected.")


def tag_filter(m: Monitor) -> list[str]:
    """The tags to show; none means all. Many tags are a list to search, few are pills."""
    label, key = "Tags, all where none is chosen", "tags"

    def named(name: str) -> str:
        return m.tags[name].label

    if len(m.tags) > 12:
        return st.multiselect(label, m.tags.names, format_func=named, key=key, bind="query-params")
    return st.pills(
        label, m.tags.names, selection_mode="multi", format_func=named, key=key, bind="query-params"
    )


def page(m: Monitor, viewer: Viewer) -> None:
    """Filters, counts, the table and the chosen row."""
    with st.container(horizontal=True, gap="medium"):
        span = st.segmented_control(
            "Time range", CHOICES, default="1 h", required=True, key="within", bind="query-params"
        )
        names = tag_filter(m)
        least = st.number_input(
            "Lowest score (z)",
            0.0,
            100.0,
            0.0,
            0.5,
            format="%.1f",
            key="score",
            bind="query-params",
            width=140,
        )
    span = span or "1 h"  # an address may name none
    until = m.clock.now()
    since = until - SPANS[span] * SECOND
    rows = m.anomalies(names or m.tags.names, since, until, least, MOST)
    if rows.empty:
        st.info(
            "Choose a longer time range, more tags or a lower score to see more.", title="No anomalies here"
        )
        return
    with panel("counts"):
        if len(rows) < MOST:
            st.markdown(f"**{counted(len(rows), 'anomaly')}** in {span}, {pace(len(rows), SPANS[span])}")
        else:
            st.markdown(f"**More than {MOST:,} anomalies** in {span}; the newest {MOST:,} are counted below")
        figure = count_chart(rows, (since, until), viewer.palette)
        chart(figure, "counts", f"Anomalies over the last {span}")
    if len(rows) == MOST:
        st.caption(f"The newest {MOST:,} are shown and exported. Narrow the filters to reach older ones.")
    left, right = st.columns([9, 5], gap="small")
    with left:
        chosen = table(m, viewer, rows)
        st.download_button(
            f"Download {counted(len(rows), 'row')} as CSV",
            anomalies_csv(rows, m.tags, viewer.zone, viewer.zone_name),
            file_name=f"anomalies_{day_and_time(until, viewer.zone).replace(' ', '_').replace(':', '')}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            help=f"Times in UTC and in {viewer.zone_name}",
        )
    with right:
        context(m, viewer, rows.iloc[chosen])


def table(m: Monitor, viewer: Viewer, rows: pd.DataFrame) -> int:
    """The table; the position of the row that is chosen, the newest where none is."""
    event = st.dataframe(
        anomaly_table(rows, m.tags),
        hide_index=True,
        height=460,
        on_select="rerun",
        selection_mode="single-row",
        key="flagged",
        column_config={
            "Time": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name, width=150
            ),
            "Tag": st.column_config.TextColumn(width=150),
            "Value": st.column_config.TextColumn(width=85, alignment="right"),
            "Expected": st.column_config.TextColumn(width=130, alignment="right"),
            "Score": st.column_config.NumberColumn("z", format="%.1f", width=60),
            "Why": st.column_config.TextColumn(width=190),
        },
    )
    picked = [row for row in event.selection.rows if row < len(rows)]
    return picked[0] if picked else 0


monitored = monitor()
me = begin("Anomalies", monitored)
try:
    page(monitored, me)
except StoreError as error:
    not_readable(error)
