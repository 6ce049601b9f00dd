"""The list of imports under Import history, and the undoing of one, after a question."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.access.roles import Act
from sensormon.exchange.undoing import KIND, Removed
from sensormon.model.errors import SensormonError, StoreError
from sensormon.model.format import clock_time, counted, day_and_time
from sensormon.model.imports import Import
from sensormon.monitor.import_commands import undo_change
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out, name_field
from sensormon.ui.drawing import not_done, not_readable, panel
from sensormon.ui.job_status import job_line, newest_job
from sensormon.ui.parts import dialog
from sensormon.ui.viewer import Viewer
from sensormon.view.access import times_column
from sensormon.view.phrases import literal

MOST = 200
"""The most imports listed; `imports list` has all."""
ROWS = 8
"""Rows before the list scrolls."""


def imports_list(m: Monitor, viewer: Viewer) -> None:
    """Every import with its counts, the choice of one to undo, and the outcome of the last undo."""
    st.subheader("Imports", anchor=False)
    with panel("imports"):
        _outcome(m, viewer)
        try:
            entries = m.import_log.entries()
        except StoreError as error:
            not_readable(error)
            return
        if not entries:
            st.caption("No imports yet.")
            return
        _table(entries[:MOST], viewer)
        if len(entries) > MOST:
            st.caption(f"The newest {MOST} of {counted(len(entries), 'import')}.")
        _choice(m, [entry for entry in entries if entry.undoable])


def _table(entries: list[Import], viewer: Viewer) -> None:
    time = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name)
    number = st.column_config.NumberColumn(format="localized")
    counts = {
        "Read": [entry.rows for entry in entries],
        "Stored": [entry.totals.stored for entry in entries],
        "Already there": [entry.known for entry in entries],
        "Rejected": [entry.totals.rejected for entry in entries],
        "Flagged": [entry.totals.flagged for entry in entries],
    }
    st.dataframe(
        pd.DataFrame(
            {
                "No.": [entry.id for entry in entries],
                "File": [", ".join(entry.files) for entry in entries],
                "State": [_state(entry) for entry in entries],
                **counts,
                "First time": [_time(entry.totals.since, viewer) for entry in entries],
                "Last time": [_time(entry.totals.until, viewer) for entry in entries],
                "When": times_column([entry.began for entry in entries]),
                "By": [entry.who for entry in entries],
                "New tags": [", ".join(entry.tags) for entry in entries],
            }
        ),
        hide_index=True,
        key="imports",
        alt=counted(len(entries), "import"),
        height=min(38 + 35 * len(entries), 38 + 35 * ROWS),
        column_config={**dict.fromkeys(counts, number), "When": time},
    )


def _time(time: int | None, viewer: Viewer) -> str:
    return "" if time is None else day_and_time(time, viewer.zone)


def _state(entry: Import) -> str:
    return f"{entry.state} by {entry.undone.who}" if entry.undone else str(entry.state)


def _choice(m: Monitor, entries: list[Import]) -> None:
    by_number = {entry.id: entry for entry in entries}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Undo an import",
            list(by_number),
            None,
            format_func=lambda each: f"{each}: {', '.join(by_number[each].files)}",
            key="import-undo-chosen",
            placeholder="Choose an import",
            **allowed(m, Act.IMPORT, disabled=not entries),
        )
        pressed = st.button(
            "Undo…",
            key="import-undo",
            icon=":material/undo:",
            **allowed(m, Act.IMPORT, disabled=number not in by_number),
        )
    if pressed and number in by_number:
        confirm(m, by_number[number])


@dialog("Undo an import", icon=":material/undo:")
def confirm(m: Monitor, entry: Import) -> None:
    """Say what goes, and ask."""
    files = literal(", ".join(entry.files))
    st.markdown(f"**Import {entry.id}, {files}: {counted(entry.totals.stored, 'reading')} will be removed**")
    said = "Their events go with them, and what people did on these. The file can be imported again."
    if entry.tags:
        said += " Tags that this import made go too if nothing else uses them and nobody edited them."
    st.markdown(said)
    try:
        m.undoing.check(entry.id)
    except SensormonError as error:
        not_done(error, "It cannot be undone")
        return
    with st.form("import-undo-form", border=False):
        who = name_field(m, "import-undo-who")
        sent = st.form_submit_button(
            f"Remove {counted(entry.totals.stored, 'reading')}", type="primary", key="import-undo-confirm"
        )

    def begin(name: str) -> None:
        m.undoing.start(entry.id, name)

    if sent and carried_out(m, undo_change(entry), begin, "Nothing was changed", who):
        st.rerun()


def _outcome(m: Monitor, viewer: Viewer) -> None:
    """The progress of an undo, or what the last one removed."""
    job = newest_job(m, KIND)
    if job is None or job.running:
        return
    job_line(m, job, "If the removal had begun, it goes on by itself; the list shows it.")
    if isinstance(job.result, Removed) and st.session_state.get("undo-seen") != job.id:
        st.info(literal(job.result.sentence()), title=f"Undone, {clock_time(job.ended or 0, viewer.zone)}")
        st.button("Dismiss", key="undo-dismiss", on_click=dismiss, args=(job.id,))


def dismiss(job: int) -> None:
    """Stop showing the outcome of this undo."""
    st.session_state["undo-seen"] = job
