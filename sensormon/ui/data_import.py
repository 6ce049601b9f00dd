"""Import: history from files, with a preview of what each column is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.import_table import Columns, Table, check, propose, read_file
from sensormon.exchange.importer import KIND, Report, start_import, times_line
from sensormon.exchange.new_tags import no_numbers
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.format import clock_time, counted
from sensormon.monitor.monitor import Monitor
from sensormon.tables.numbers import numbers_of
from sensormon.tables.parquet_reader import SHARED_BYTES, SHARED_SECONDS, Budget
from sensormon.tables.table_reader import time_column
from sensormon.ui.acts import allowed, carried_out, why_not
from sensormon.ui.drawing import not_done, panel
from sensormon.ui.import_tags import offer_tags, tags_added
from sensormon.ui.job_status import job_line, newest_job
from sensormon.ui.presence import still_here
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal

NOT = "not imported"
NAMED = 5  # columns


@st.cache_resource(max_entries=2, ttl=600, show_spinner="Reading the file")
def read(content: bytes, name: str) -> Table:
    """The uploaded file's table, which nobody changes. Raises UsageError if it cannot be read."""
    with tempfile.NamedTemporaryFile(suffix=Path(name).suffix) as file:
        file.write(content)
        file.flush()
        try:
            return read_file(Path(file.name), Budget(SHARED_BYTES, SHARED_SECONDS, still_here))
        except UsageError as error:
            raise UsageError(error.what, where=name, hint=error.hint) from error


def proposed(m: Monitor, table: Table, stem: str, time: str, zone: str) -> Columns:
    """What the columns seem to be; only the times if that is unclear."""
    try:
        return propose(table, m.tags, stem, zone=zone, time=time)
    except UsageError:
        return Columns(time, zone=zone)


@st.cache_data(max_entries=20, ttl=600, show_spinner="Reading the times")
def times_said(_table: Table, key: str, columns: Columns, zone_name: str) -> str:
    """How the times are read."""
    del key  # stands for the table in the cache
    return times_line(_table, columns, ZoneInfo(zone_name))


@st.cache_data(max_entries=20, ttl=600, show_spinner="Reading the numbers")
def values_of(_table: Table, key: str, time: str) -> pd.DataFrame:
    """The lowest and highest number of each column except the times, as they are imported."""
    del key  # stands for the table in the cache
    numbers = numbers_of(_table.frame, [name for name in _table.frame.columns if name != time])
    ends = [
        (np.nanmin(column), np.nanmax(column)) if np.isfinite(column).any() else (None, None)
        for column in numbers.values()
    ]
    return pd.DataFrame(ends, columns=["Lowest", "Highest"], index=list(numbers), dtype="float64")


def mapping(m: Monitor, viewer: Viewer, table: Table, stem: str) -> Columns:
    """The proposal with the person's corrections."""
    names = list(table.frame.columns)
    left, right = st.columns(2)
    usual = names.index(time_column(table.frame) or names[0])
    time = left.selectbox("Time column", names, usual, key="import-time")
    zones = ["UTC", *sorted(available_timezones() - {"UTC"})]
    at = zones.index(viewer.zone_name) if viewer.zone_name in zones else 0
    zone = right.selectbox("Time zone", zones, at, key="import-zone")
    proposal = proposed(m, table, stem, time, zone)
    st.caption(times_said(table, table.key, proposal, viewer.zone_name))
    if proposal.tag:
        st.caption(
            f"Tags come from the column {literal(proposal.tag)}, values from {literal(proposal.value)}."
        )
        return Columns(time, tag=proposal.tag, value=proposal.value, zone=zone)
    others = [name for name in names if name != time]
    ends = values_of(table, table.key, time).reset_index(drop=True)
    tags = [proposal.values.get(name, NOT) for name in others]
    rows = pd.concat([pd.DataFrame({"Column": others, "Tag": tags}), ends], axis=1)
    edited = st.data_editor(
        rows,
        hide_index=True,
        key=f"import-columns-{table.key}-{time}-{m.tags.digest}",
        disabled=["Column", "Lowest", "Highest"],
        column_config={"Tag": st.column_config.SelectboxColumn(options=[NOT, *m.tags.names], required=True)},
    )
    pairs = zip(edited["Column"], edited["Tag"], strict=True)
    return Columns(time, values={name: tag for name, tag in pairs if tag != NOT}, zone=zone)


def _passed_over(table: Table, columns: Columns) -> None:
    """List the columns that cannot be tags, with what is in them."""
    unreadable = no_numbers(table, columns)
    if not unreadable:
        return
    said = [literal(f"{name} (“{cell}”)" if cell else f"{name} (empty)") for name, cell in unreadable.items()]
    more = f" and {counted(len(said) - NAMED, 'column')} more" if len(said) > NAMED else ""
    st.caption(f"Skipped, as most cells are not numbers: {', '.join(said[:NAMED])}{more}.")


def outcome(m: Monitor, viewer: Viewer) -> bool:
    """Draw the last import's progress or outcome; returns whether one is running."""
    job = newest_job(m, KIND)
    if job is None or job.running:
        return job is not None
    if st.session_state.get("import-seen") == job.id:
        return False
    if isinstance(job.result, Report):
        nothing = job.result.nothing_taken
        show = st.error if nothing else st.info
        title = f"{literal(job.title)}: {'nothing was imported' if nothing else 'done'}"
        sentences = [literal(sentence) for sentence in job.result.sentences()]
        show("\n\n".join(sentences), title=f"{title}, {clock_time(job.ended or 0, viewer.zone)}")
    else:
        job_line(
            m, job, f"{job.progress.words} were read and are kept. Import the same file again to continue."
        )
    st.button("Dismiss", key="import-dismiss", on_click=dismiss, args=(job.id,))
    return False


def dismiss(job: int) -> None:
    """Stop showing the outcome of this import."""
    st.session_state["import-seen"] = job


def section(m: Monitor, viewer: Viewer) -> None:
    """The file, what its columns are, its first rows, the button, the outcome."""
    try:
        _section(m, viewer)
    except SensormonError as error:
        not_done(error, "The file cannot be imported")


def _section(m: Monitor, viewer: Viewer) -> None:
    st.subheader("Import history", anchor=False)
    st.caption(
        "A CSV or Parquet file with a column of times and one column per tag, or with the columns tag and "
        "value. Readings are scored as if they had come in live and raise no alarms; duplicates are ignored."
    )
    running = outcome(m, viewer)
    locked = why_not(m, Act.IMPORT)
    file = st.file_uploader(
        "File", ["csv", "txt", "tsv", "parquet"], key="import-file", **allowed(m, Act.IMPORT)
    )
    if file is None or locked:
        return
    table = read(file.getvalue(), file.name)
    with panel("mapping"):
        columns = mapping(m, viewer, table, Path(file.name).stem)
        offer_tags(m, table, columns)
        _passed_over(table, columns)
        st.caption(f"{counted(len(table.frame), 'row')}; the first ones:")
        st.dataframe(table.frame.head(5), hide_index=True, key="import-preview")
        if not columns.tag and not columns.values:
            st.info("Assign at least one column to a tag.", title="No column is assigned yet")
            return
        check(columns, table, m.tags)
        if running:
            st.caption("An import is already running; wait for it or cancel it.")
        to = ", ".join(columns.values.values()) or f"the tags named in {columns.tag}"
        change = Change(Act.IMPORT, file.name, "", f"{counted(len(table.frame), 'row')} to {to}")

        def begin(name: str) -> None:
            start_import(
                m.jobs,
                m.importer,
                m.loading.keep_up,
                table,
                columns,
                file.name,
                m.clock.now(),
                who=name,
                tags=tags_added(table),
            )

        pressed = st.button(
            "Import", type="primary", key="import-start", **allowed(m, Act.IMPORT, disabled=running)
        )
        if pressed and carried_out(m, change, begin, "The import cannot start"):
            st.rerun()
