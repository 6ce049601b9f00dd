"""What is in view on the Explore page as a file."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.charts_explore import Series
from sensormon.explore_export import (
    as_csv,
    as_parquet,
    described,
    drawn_points,
    every_reading,
    file_name,
)
from sensormon.monitor import Monitor
from sensormon.page_parts.explore_view import Chosen
from sensormon.page_parts.jobs import job_line
from sensormon.page_parts.viewer import Viewer
from sensormon.words import counted

SMALL = 100_000
"""Readings that are put into a file without being asked; of more it is a job."""


def export_look(m: Monitor, viewer: Viewer, chosen: Chosen, drawn: list[Series]) -> None:
    """Exactly what is in view as a file."""
    since, until = chosen.span
    whole = sum(m.explorer.count(name, since, until) for name in chosen.names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.segmented_control(
            "What", ["every reading", "the points drawn"], default="every reading", required=True, key="taken"
        )
        kind = st.segmented_control("File", ["CSV", "Parquet"], default="CSV", required=True, key="taken-as")
    names, make = list(chosen.names), as_parquet if kind == "Parquet" else as_csv
    if what == "the points drawn":
        rows = drawn_points([(one.tag.name, one.now) for one in drawn], since, until)
        offer(m, viewer, chosen, rows, kind or "CSV")
    elif whole <= SMALL:
        offer(m, viewer, chosen, every_reading(m, names, since, until, whole), kind or "CSV")
    else:
        title = f"{counted(whole, 'reading')} as {kind}"
        found = m.jobs.find(st.session_state.get("explore_job", (0,))[0])
        fits = found and st.session_state["explore_job"][1:] == (chosen.names, chosen.span, kind)
        if not (fits and found and found.running) and st.button(
            f"Prepare {title}", key="prepare", type="primary"
        ):
            job = m.jobs.start(
                "explore export", title,
                lambda progress: make(
                    described(every_reading(m, names, since, until, whole, progress), m.tags, viewer.zone,
                              viewer.zone_name)
                ), alone=False,
            )  # fmt: skip
            st.session_state["explore_job"] = job.id, chosen.names, chosen.span, kind
            st.rerun()
        if fits and found is not None:
            waiting(m, chosen, found.id, kind or "CSV")
    own = "" if viewer.zone_name == "UTC" else f", and in {viewer.zone_name} in a column of that name"
    st.caption(f"Times in UTC{own}. Pictures: PNG and SVG above the chart.")


def offer(m: Monitor, viewer: Viewer, chosen: Chosen, rows: pd.DataFrame, kind: str) -> None:
    """A button with these rows as a file."""
    made = described(rows, m.tags, viewer.zone, viewer.zone_name)
    download(chosen, as_parquet(made) if kind == "Parquet" else as_csv(made), len(rows), kind)


def download(chosen: Chosen, content: bytes, rows: int, kind: str) -> None:
    """The button itself."""
    ending, mime = {
        "CSV": ("csv", "text/csv"),
        "Parquet": ("parquet", "application/vnd.apache.parquet"),
    }[kind]
    count = counted(rows, "row") if rows else "the file"
    st.download_button(
        f"Download {count} as {kind}", content, file_name(chosen.names, chosen.span[0], ending), mime,
        key="explore-download", on_click="ignore", icon=":material/download:",
    )  # fmt: skip


@st.fragment(run_every=1)
def waiting(m: Monitor, chosen: Chosen, number: int, kind: str) -> None:
    """How far the file is; the button once it is ready."""
    job = m.jobs.find(number)
    if job is None:
        return
    job_line(job)
    if not job.running and job.result is not None:
        download(chosen, job.result, 0, kind)
