"""Cases: a span of history with everything known about it, saved as one file or opened from one."""

from __future__ import annotations

from datetime import UTC
from html import escape
from typing import IO
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.case_format import of_file
from sensormon.exchange.case_opener import Opened
from sensormon.exchange.case_writer import CaseOrder
from sensormon.exchange.cases import LONGEST_NAME, Glance, Saved, held, plain_view
from sensormon.model.errors import SensormonError, StoreError, UsageError
from sensormon.model.format import counted, day_and_time
from sensormon.model.tag_links import link_text
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, why_not
from sensormon.ui.downloads import download
from sensormon.ui.drawing import not_done, not_readable, panel
from sensormon.ui.job_status import job_line, newest_job
from sensormon.ui.presence import still_here
from sensormon.ui.sections import section_head
from sensormon.ui.tag_choice import several_tags
from sensormon.ui.time_range import stored_range
from sensormon.ui.viewer import Viewer
from sensormon.view.explore import times
from sensormon.view.phrases import literal

SAVE, OPEN = "case-save", "case-open"
SHOWN_TAGS = 12


def section(m: Monitor, viewer: Viewer) -> None:
    """Save a case, open one."""
    with st.container():
        section_head(
            "Save a case",
            "One file with the readings of some tags over a time span, as scored, with their limits, the "
            "detector settings, rejected readings, and who acknowledged, labelled or shelved "
            "what. Another installation opens it to the same view.",
        )
        with panel("case-save"):
            _save(m, viewer)
    _saved(m, viewer)
    st.subheader("Open a case", anchor=False)
    st.caption(
        "A case is stored beside your own readings, never mixed with them: a tag that has readings here gets "
        "another name. Scores stay unchanged, no alarms are raised, and a case opened twice is stored once."
    )
    locked = why_not(m, Act.OPEN_CASE)
    file = st.file_uploader("Case", ["sensormon"], key="case-file", **allowed(m, Act.OPEN_CASE))
    if file is not None and not locked:
        with panel("case-open"):
            try:
                _preview(m, viewer, file, (file.file_id, file.size))
            except StoreError as error:
                not_readable(error)
            except UsageError as error:
                not_done(of_file(error, file.name), "This file cannot be opened")
            except SensormonError as error:
                not_done(error, "This file cannot be opened")
    _opened(m)


def _save(m: Monitor, viewer: Viewer) -> None:
    name = st.text_input(
        "Name", max_chars=LONGEST_NAME, key="case-name", placeholder="For example: pH spikes, batch 12"
    )

    def draw() -> list[str]:
        return st.multiselect(
            "Tags", m.tags.names, format_func=m.tags.title, placeholder="All tags", key="case_tags"
        )

    names = several_tags(m, "case_tags", draw) or m.tags.names
    since, until = stored_range(viewer, m.clock.now(), "case_span")
    address = st.text_input(
        "Link to a view",
        key="case-view",
        placeholder="Optional: a copied link. Default: Explore with these tags",
    )
    try:
        since, until = held(since, until, m.explorer.extent(names))
        rows = m.exporter.count_readings(names, since, until) if since < until else 0
    except StoreError as error:
        not_readable(error)
        return
    st.caption(f"{counted(rows, 'reading')} of {counted(len(names), 'tag')}.")
    running = any(job.running for job in m.jobs.of(SAVE))
    if st.button(
        "Save the case",
        type="primary",
        key="case-start",
        **allowed(m, Act.EXPORT, disabled=running or not rows),
    ):
        view = plain_view(address or "") or _explore(names, since, until)
        order = CaseOrder((name or "").strip(), names, since, until, view)
        which = f"{counted(rows, 'reading')} of {', '.join(names)}, {times(since, until, UTC)} UTC"
        change = Change(Act.EXPORT, f"case {order.name}", "", which)
        carried_out(m, change, lambda _: m.cases.save(order), "The case cannot be saved")


def _explore(names: tuple[str, ...], since: int, until: int) -> str:
    """The address of these tags over this span on the Explore page."""
    pairs = {
        "explore": link_text(names[:SHOWN_TAGS]),
        "from": render(since),
        "to": render(until),
    }
    return f"/explore?{urlencode(pairs)}"


def _saved(m: Monitor, viewer: Viewer) -> None:
    job = newest_job(m, SAVE)
    if job is None or job.running:
        return
    if not isinstance(job.result, Saved):
        job_line(m, job, "The partial file was removed.")
    elif m.exporter.files.find(job.result.file.key) is not None:
        counts = job.result.counts
        with (
            panel("case-saved"),
            st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"),
        ):
            st.markdown(
                f"**{literal(job.title)}** · {counted(counts.readings, 'reading')}, "
                f"{counts.flagged:,} flagged · {counts.rejected:,} rejected · "
                f"{counted(counts.actions, 'action')} on events · {counted(counts.notes, 'note')} · "
                f"{day_and_time(job.result.file.created, viewer.zone)}",
                width="content",
            )
            download(m, job.result.file)


@st.cache_data(max_entries=3, ttl=600, show_spinner="Reading the case")
def _glance(_m: Monitor, _file: IO[bytes], key: tuple[object, ...]) -> Glance:
    del key  # stands for the file in the cache
    return _m.cases.glance(_file, still_here)


def _preview(m: Monitor, viewer: Viewer, file: IO[bytes], key: tuple[object, ...]) -> None:
    """The content of the case, its names here, and the button that opens it."""
    finished = sum(not job.running for job in m.jobs.of(OPEN))
    seen = _glance(m, file, (*key, m.started, finished))
    about = seen.manifest
    st.html(
        f'<div class="first-line"><b>{escape(about.name)}</b> · {counted(about.readings, "reading")}, '
        f"{about.flagged:,} flagged · {day_and_time(about.since, viewer.zone)} to "
        f"{day_and_time(about.until, viewer.zone)}</div>"
    )
    st.caption(
        f"{seen.rejected:,} rejected · {counted(seen.faults, 'injected fault')} · "
        f"{counted(seen.actions, 'action')} on events · {counted(seen.notes, 'note')} · "
        f"made {day_and_time(about.created, viewer.zone)} with "
        f"sensormon {literal(about.application)}"
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Tag in the case": [seen.labels[name] for name in about.tags],
                "Original name": list(about.tags),
                "Name here": [seen.names[name] for name in about.tags],
            }
        ),
        hide_index=True,
        key="case-tags-shown",
        height=min(38 + 35 * len(about.tags), 388),
    )
    if seen.here:
        st.caption("This case is already open. Opening it again stores nothing and leads to its view.")
    running = any(job.running for job in m.jobs.of(OPEN))
    which = f"{counted(about.readings, 'reading')} of {', '.join(seen.names.values())}"
    change = Change(Act.OPEN_CASE, f"case {about.name}", "", which)
    if st.button(
        "Open the case", type="primary", key="case-open-start", **allowed(m, Act.OPEN_CASE, disabled=running)
    ):
        carried_out(m, change, lambda _: m.cases.open(file, about.name), "The case cannot be opened")


def _opened(m: Monitor) -> None:
    job = newest_job(m, OPEN)
    if job is None or job.running:
        return
    if not isinstance(job.result, Opened):
        job_line(m, job, "What was stored is kept; open the case again to continue.")
        return
    done: Opened = job.result
    before = (
        f" {counted(done.before, 'reading')} were already stored and are not stored twice."
        if done.before
        else ""
    )
    with panel("case-opened"):
        st.markdown(
            f"**{literal(done.name)} is open:** {counted(done.readings, 'reading')} stored, "
            f"{done.rejected:,} rejected, {counted(done.actions, 'action')} on events, "
            f"{counted(done.notes, 'note')}.{before}"
        )
        with st.container(horizontal=True):
            if done.view:
                st.link_button(
                    "Open its view",
                    "./" + done.view.lstrip("/"),
                    type="primary",
                    icon=":material/open_in_new:",
                )
            st.link_button(
                "Its events",
                _events(done),
                icon=":material/open_in_new:",
            )


def _events(done: Opened) -> str:
    """The address of the events of its tags over its span."""
    pairs = {
        "within": "between",
        "from": render(done.since),
        "to": render(done.until),
        "tags": link_text([*done.tags.values()][:SHOWN_TAGS]),
    }
    return f"anomalies?{urlencode(pairs)}"
