"""The filtered events, and their flagged readings, one by one and as files."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import pandas as pd
import streamlit as st

from sensormon.anomaly_table import anomaly_table
from sensormon.event_export import events_file, file_name, large_file, readings_file
from sensormon.explanation import score_names
from sensormon.export import frame_file
from sensormon.monitor import Monitor
from sensormon.page_parts.jobs import follow_job, job_line
from sensormon.page_parts.viewer import Viewer
from sensormon.table_writers import EXCEL_ROWS, FORMS
from sensormon.words import counted

LISTED = 1_000
"""Flagged readings listed on the page; the file has all."""
AT_ONCE = {"CSV": 10_000, "Parquet": 50_000, "Excel": 1_000}
"""Rows of a file that is made at once; a longer one takes seconds, is made on demand and can be cancelled."""


@st.cache_data(max_entries=8, ttl=600, show_spinner="Writing the file …")
def _file(_frame: pd.DataFrame, form: str, zone_name: str, key: tuple[object, ...]) -> bytes:  # noqa: ARG001
    """The bytes of a file; `key` says which rows they are of."""
    return frame_file(_frame, form, zone_name)


def export(
    m: Monitor,
    viewer: Viewer,
    events: pd.DataFrame,
    readings: Callable[[], pd.DataFrame],
    moment: int,
) -> None:
    """A button that opens the choice of a form, and the downloads: events, and the readings they are of.

    `readings` is asked only once it is open.
    """
    title = f"Export {counted(len(events), 'event')}"
    popover = st.popover(title, key="export", icon=":material/download:", on_change="rerun")
    if not popover.open:
        return
    with popover:
        form = st.segmented_control(
            "File", list(FORMS), default="CSV", required=True, key="form", label_visibility="collapsed"
        )
        st.caption(f"What is filtered, times in UTC and in {viewer.zone_name}.")
        points = readings_file(readings(), events, m.tags)
        for kind, noun, frame in (
            ("events", "event", events_file(events, m.tags)),
            ("flagged_readings", "flagged reading", points),
        ):
            _download(m, viewer, frame, kind, noun, form or "CSV", moment)


def _download(
    m: Monitor,
    viewer: Viewer,
    frame: pd.DataFrame,
    kind: str,
    noun: str,
    form: str,
    moment: int,
) -> None:
    rows = counted(len(frame), noun)
    if form == "Excel" and len(frame) > EXCEL_ROWS:
        st.caption(f"{rows}: an Excel sheet has {EXCEL_ROWS:,} rows at the most. Take CSV or Parquet.")
        return
    data: bytes | None
    key = (kind, form, viewer.zone_name, _content(frame))
    if len(frame) <= AT_ONCE[form]:
        data = _file(frame, form, viewer.zone_name, key)
    else:
        data = _made(m, viewer, frame, f"{rows} as {form}", form, key)
    if data is None:
        return
    st.download_button(
        f"Download {rows} as {form}",
        data,
        file_name=file_name(kind, moment, viewer.zone, FORMS[form].suffix),
        mime=FORMS[form].media_type,
        key=f"download-{kind}",
        on_click="ignore",
        icon=":material/download:",
    )


def _content(frame: pd.DataFrame) -> str:
    """The same for two tables with the same rows."""
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return blake2b(rows.tobytes(), digest_size=16).hexdigest()


def _made(
    m: Monitor, viewer: Viewer, frame: pd.DataFrame, title: str, form: str, key: tuple[object, ...]
) -> bytes | None:
    """A large file, made by a job once it is asked for; None until it is there."""
    name = f"file-{key[0]}"
    asked, number = st.session_state.get(name, (None, 0))
    job = m.jobs.find(number) if asked == key else None
    if job is not None and isinstance(job.result, bytes):
        return job.result
    if job is None or not job.running:
        if job is not None:
            job_line(job, "Nothing of it is kept.")
        if not st.button(f"Make the file: {title}", key=f"make-{key[0]}"):
            return None
        job = m.jobs.start(
            "events file",
            title,
            lambda progress: large_file(frame, form, viewer.zone_name, progress.step),
            alone=False,
        )
        st.session_state[name] = (key, job.id)
    follow_job(job)
    return None


def flagged_list(m: Monitor, viewer: Viewer, asked: Callable[[], pd.DataFrame]) -> None:
    """The flagged readings of the listed events one by one, once they are asked for."""
    more = st.expander("Flagged readings one by one", key="points", on_change="rerun", bind="query-params")
    if not more.open:
        return
    readings = asked()
    with more:
        said = f"{counted(len(readings), 'flagged reading')} of the listed events"
        if len(readings) > LISTED:
            said += f", the newest {LISTED:,} are shown; Export has all"
        st.caption(said)
        st.dataframe(
            anomaly_table(readings.head(LISTED), m.tags, score_names(m.settings_by_id())),
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
                "Why": st.column_config.TextColumn(width=190),
            },
        )
