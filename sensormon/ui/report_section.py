"""Reports: a board or a saved view as PDF now, the finished files, and reports on a schedule."""

from __future__ import annotations

import streamlit as st

from sensormon.access.roles import Act
from sensormon.exchange.exporter import Exported
from sensormon.model.errors import StoreError
from sensormon.model.format import day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.reports.spans import SPANS, span_of
from sensormon.reports.subjects import VIEW, titles_of
from sensormon.reports.typesetting import missing
from sensormon.ui.acts import allowed
from sensormon.ui.downloads import finished_file, finished_jobs
from sensormon.ui.drawing import not_readable, panel
from sensormon.ui.job_status import job_line, newest_job
from sensormon.ui.report_job import KIND, own_views, start_report
from sensormon.ui.report_schedules import show_schedules
from sensormon.ui.time_range import time_field
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal

SHOWN = 5
"""The most finished reports shown, the newest ones."""
_TIMES, _OWN = "From … to …", "as in the view"


def report_section(m: Monitor, viewer: Viewer) -> None:
    """The choice of board and span, the button, the finished files, the schedules."""
    st.subheader("Reports", anchor=False)
    st.caption(
        "A board or a saved view as PDF for print: charts, values, events with their reason, and what the "
        "figures rest on."
    )
    if missing():
        st.info(missing(), title="No reports yet")
        return
    try:
        owner = own_views(m)
        with panel("report"):
            _ask(m, viewer, titles_of(m, owner), owner)
        job = newest_job(m, KIND)
        if job is not None and not job.running and not isinstance(job.result, Exported):
            job_line(m, job, "No file was made.")
        _finished(m, viewer)
        show_schedules(m, viewer, titles_of(m))
    except StoreError as error:
        not_readable(error)


def _ask(m: Monitor, viewer: Viewer, titles: dict[str, str], owner: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        names = list(titles)
        name = st.selectbox(
            "Board or view",
            names,
            format_func=lambda each: titles.get(each, each),
            key="report-board",
            width=260,
        )
        own = (name or "").startswith(VIEW)
        spans = [*([_OWN] if own else []), *SPANS, _TIMES]
        first = _OWN if own else "the last day"
        key = "report-span-view" if own else "report-span"
        span = st.selectbox("Span", spans, index=spans.index(first), key=key, width=200)
        times = None if span == _OWN else _times(m, viewer, span)
        running = any(job.running for job in m.jobs.of(KIND))
        ready = name is not None and (times is not None or span == _OWN)
        pressed = st.button(
            "Make PDF",
            type="primary",
            key="report-make",
            **allowed(m, Act.EXPORT, disabled=running or not ready),
        )
    if pressed and name is not None:
        start_report(m, viewer, name, titles[name], owner, times)


def _times(m: Monitor, viewer: Viewer, span: str | None) -> tuple[int, int] | None:
    """The span asked for; None while it is not whole."""
    now = m.clock.now()
    if span != _TIMES:
        return span_of(span or SPANS[1], now, viewer.zone)
    day = span_of("yesterday", now, viewer.zone)
    since = time_field(viewer, "From", day[0], key="report-since", width=220)
    until = time_field(viewer, "To", day[1], last=True, key="report-until", width=220)
    return None if since is None or until is None else (since, until)


def _finished(m: Monitor, viewer: Viewer) -> None:
    for job in finished_jobs(m, KIND, SHOWN):
        exported: Exported = job.result
        words = f"**{literal(job.title)}** · {day_and_time(exported.file.created, viewer.zone)}"
        finished_file(m, f"report-{job.id}", words, exported)
