"""Export: which rows, of which tags and span, in which format; a job that writes the file."""

from __future__ import annotations

from datetime import UTC

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.exporter import TAGS, WHAT, Exported, ExportRequest, title
from sensormon.exchange.table_writer import EXCEL_ROWS, FORMS
from sensormon.model.errors import StoreError
from sensormon.model.format import counted, day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.downloads import finished_file, finished_jobs
from sensormon.ui.drawing import not_readable, panel
from sensormon.ui.job_status import job_line, newest_job
from sensormon.ui.sections import section_head
from sensormon.ui.tag_choice import several_tags
from sensormon.ui.time_range import START_AFTER_END, stored_range
from sensormon.ui.viewer import Viewer
from sensormon.view.explore import times

KIND = "export"
SHOWN = 5
"""The most finished files shown, the newest ones."""


def section(m: Monitor, viewer: Viewer) -> None:
    """The choice of rows and format, the button, the finished files."""
    section_head(
        "Export",
        f"Each time appears twice, in UTC and in {viewer.zone_name}, as the column names say. Text that a "
        "spreadsheet would run as a formula is escaped.",
    )
    with panel("export"):
        order = _order(m, viewer)
        ready = _about(m, order)
        running = any(job.running for job in m.jobs.of(KIND))
        pressed = st.button(
            f"Export as {order.form}",
            type="primary",
            key="out-start",
            **allowed(m, Act.EXPORT, disabled=running or not ready),
        )
        change = Change(Act.EXPORT, f"export: {title(order)}", "", _which(order))
        if pressed:
            carried_out(m, change, lambda _: m.exporter.start(order), "The export cannot start")
    job = newest_job(m, KIND)
    if job is not None and not job.running and not isinstance(job.result, Exported):
        job_line(m, job, "The partial file was removed.")
    _finished(m, viewer)


def _order(m: Monitor, viewer: Viewer) -> ExportRequest:
    what = st.segmented_control("What", WHAT, default=WHAT[0], required=True, key="out", bind="query-params")
    what = what or WHAT[0]

    def draw() -> list[str]:
        return st.multiselect(
            "Tags", m.tags.names, format_func=m.tags.title, placeholder="All tags", key="out_tags"
        )

    tags = several_tags(m, "out_tags", draw)
    since, until = (0, m.clock.now()) if what == TAGS else stored_range(viewer, m.clock.now(), "out_span")
    form = st.segmented_control(
        "File", list(FORMS), default="CSV", required=True, key="out_form", bind="query-params"
    )
    return ExportRequest(what, tags or None, since, until, form or "CSV", viewer.zone_name)


def _which(order: ExportRequest) -> str:
    """Which tags and span, for the audit trail."""
    tags = ", ".join(order.tags) if order.tags else "all tags"
    return tags if order.what == TAGS else f"{tags}, {times(order.since, order.until, UTC)} UTC"


def _about(m: Monitor, order: ExportRequest) -> bool:
    """Show how many rows there will be; returns whether they can be written."""
    if order.what != TAGS and not order.since < order.until:
        st.info("Choose an end after the start.", title=START_AFTER_END)
        return False
    try:
        rows = m.exporter.count(order)
    except StoreError as error:
        not_readable(error)
        return False
    if rows is not None and order.form == "Excel" and rows > EXCEL_ROWS:
        st.warning(
            "Choose a shorter span or fewer tags, or use CSV or Parquet, which have no such limit.",
            title=f"{rows:,} rows do not fit in an Excel sheet, which holds {EXCEL_ROWS:,}",
        )
        return False
    if rows == 0:
        st.caption("No rows: the file would have only a header.")
    elif rows is not None:
        st.caption(f"{counted(rows, 'row')}.")
    elif order.form == "Excel":
        st.caption(f"An Excel sheet holds at most {EXCEL_ROWS:,} rows.")
    return True


def _finished(m: Monitor, viewer: Viewer) -> None:
    available = finished_jobs(m, KIND, SHOWN)
    if not available:
        return
    st.subheader("Finished files", anchor=False)
    st.caption("The newest ten are kept for a day. Until then anyone with the link can download the file.")
    for job in available:
        exported: Exported = job.result
        words = f"{counted(exported.rows, 'row')} · {day_and_time(exported.file.created, viewer.zone)}"
        finished_file(m, f"file-{job.id}", f"**{job.title}** · {words}", exported)
