"""Import: history from files, with a preview of what each column is and of what would be stored."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.import_job import KIND, FilesReport, ImportPart, start_imports
from sensormon.exchange.import_table import Table, check, read_tables
from sensormon.exchange.mappings import SavedMapping
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.format import clock_time, counted
from sensormon.model.tag_links import link_text
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from sensormon.tables.parquet_reader import SHARED_BYTES, SHARED_SECONDS, Budget
from sensormon.ui.acts import allowed, carried_out, why_not
from sensormon.ui.data_imports import imports_list
from sensormon.ui.downloads import download
from sensormon.ui.drawing import not_done, panel
from sensormon.ui.import_mappings import chosen_mapping, save_mapping
from sensormon.ui.import_questions import decided, plan_of, preview
from sensormon.ui.import_roles import mapped_columns
from sensormon.ui.import_tags import offer_tags, tags_added
from sensormon.ui.job_status import job_line, newest_job
from sensormon.ui.presence import still_here
from sensormon.ui.sections import section_head
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal

KINDS = ["csv", "txt", "tsv", "dat", "gz", "zip", "xlsx", "xlsm", "xls", "xlsb", "ods", "parquet"]
_BOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_CHOSEN = "import-columns-of"
"""Key in the session's state: the columns as a person left them, by the names of a table's columns."""
_SHOWN_TAGS = 6


@dataclass(frozen=True, eq=False)
class Upload:
    """A table of an uploaded file; `name` says which, `stem` is what its only series would be called."""

    name: str
    stem: str
    table: Table

    @property
    def signature(self) -> tuple[str, ...]:
        """The names of its columns: tables with the same ones are read alike."""
        return tuple(map(str, self.table.frame.columns))


@st.cache_resource(max_entries=8, ttl=600, show_spinner="Reading the file")
def read(content: bytes, name: str, sheet: str, names: tuple[str, ...]) -> list[Table]:
    """The uploaded file's tables, which nobody changes. Raises UsageError if it cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(name).name or "file")
        path.write_bytes(content)
        try:
            return read_tables(
                path, Budget(SHARED_BYTES, SHARED_SECONDS, still_here), sheet=sheet, names=names
            )
        except UsageError as error:
            raise UsageError(error.what, where=name, hint=error.hint) from error


def uploads(files: Sequence[UploadedFile], sheet: str, names: tuple[str, ...]) -> list[Upload]:
    """The tables of these files. Raises UsageError for one that cannot be read."""
    tables = []
    for file in files:
        for table in read(file.getvalue(), file.name, sheet, names):
            inside = table.sheet.name.removeprefix(file.name).removeprefix(", ")
            name = f"{file.name}, {inside}" if inside else file.name
            tables.append(Upload(name, Path(table.sheet.name or file.name).stem, table))
    return tables


def outcome(m: Monitor, viewer: Viewer) -> bool:
    """Draw the last import's progress or outcome; returns whether one is running."""
    job = newest_job(m, KIND)
    if job is None or job.running:
        return job is not None
    if st.session_state.get("import-seen") == job.id:
        return False
    if isinstance(job.result, FilesReport):
        nothing = job.result.nothing_taken
        show = st.error if nothing else st.info
        title = f"{literal(job.title)}: {'nothing was imported' if nothing else 'done'}"
        sentences = [literal(sentence) for sentence in job.result.sentences()]
        show("\n\n".join(sentences), title=f"{title}, {clock_time(job.ended or 0, viewer.zone)}")
    else:
        job_line(
            m, job, f"{job.progress.words} were read and are kept. Import the same file again to continue."
        )
    with st.container(horizontal=True):
        if isinstance(job.result, FilesReport):
            _ways_on(m, job.result)
        st.button("Dismiss", key="import-dismiss", on_click=dismiss, args=(job.id,))
    return False


def _ways_on(m: Monitor, report: FilesReport) -> None:
    """Buttons that lead to what was imported, and to what was rejected."""
    names = [name for name in report.tags if name in m.tags]
    if names and report.since is not None and report.until is not None and not report.nothing_taken:
        pairs = {
            "explore": link_text(names[:_SHOWN_TAGS]),
            "from": render(report.since),
            "to": render(report.until + 1),
        }
        st.link_button(
            "Open in Explore",
            f"./explore?{urlencode(pairs)}",
            type="primary",
            icon=":material/open_in_new:",
            help=f"{report.flagged:,} flagged",
        )
    if report.rejected_file is not None:
        download(m, report.rejected_file)


def dismiss(job: int) -> None:
    """Stop showing the outcome of this import."""
    st.session_state["import-seen"] = job


def section(m: Monitor, viewer: Viewer) -> None:
    """The files, what their columns are, their first readings, the button, the outcome."""
    try:
        with st.container():
            _section(m, viewer)
    except SensormonError as error:
        not_done(error, "The file cannot be imported")
    imports_list(m, viewer)


def _section(m: Monitor, viewer: Viewer) -> None:
    section_head(
        "Import history",
        "CSV (also zipped), Excel or Parquet files with a column of times and one column per tag, or with a "
        "column of tags and one of values, under any names. Readings are scored as if they had come in live "
        "and raise no alarms; duplicates are ignored.",
    )
    running = outcome(m, viewer)
    locked = why_not(m, Act.IMPORT)
    files = st.file_uploader(
        "Files", KINDS, key="import-file", accept_multiple_files=True, **allowed(m, Act.IMPORT)
    )
    if not files or locked:
        return
    with panel("mapping"):
        mapping = chosen_mapping(m)
        sheet, names = _file_options(files, mapping)
        tables = uploads(files, sheet, names)
        shown = _shown(tables)
        columns = mapped_columns(m, viewer, shown.table, shown.stem, mapping)
        offer_tags(m, shown.table, shown.stem, columns)
        if not columns.numbers:
            st.info("Assign at least one column to a tag.", title="No column is assigned yet")
            return
        check(columns, shown.table, m.running_tags.now())
        answered = decided(m, shown.table, columns)
        if answered is None:
            return
        st.session_state.setdefault(_CHOSEN, {})[shown.signature] = answered
        preview(viewer, plan_of(m.running_tags.now(), shown.table, answered))
        save_mapping(m, SavedMapping(answered, sheet))
        _offer_import(m, tables, running)


def _file_options(files: Sequence[UploadedFile], mapping: SavedMapping) -> tuple[str, tuple[str, ...]]:
    """The sheet of a workbook, and the names of columns of a file without a header."""
    places = iter(st.columns(2))
    sheet = ""
    if any(file.name.lower().endswith(_BOOKS) for file in files):
        sheet = next(places).text_input(
            "Sheet", mapping.sheet, key="import-sheet", placeholder="the first with a table"
        )
    names = next(places).text_input(
        "Names of the columns",
        key="import-names",
        placeholder="only for a file without a header: time, temp, …",
    )
    return (sheet or "").strip(), tuple(name.strip() for name in names.split(",")) if names else ()


def _shown(tables: Sequence[Upload]) -> Upload:
    """The table to look at: the only one, or the one that is chosen."""
    if len(tables) == 1:
        return tables[0]
    place = st.selectbox(
        f"{counted(len(tables), 'table')}; the one to look at",
        range(len(tables)),
        format_func=lambda at: tables[at].name,
        key="import-table",
        help="Tables with the same columns are read alike",
    )
    return tables[place]


def _offer_import(m: Monitor, tables: Sequence[Upload], running: bool) -> None:
    """The button that imports every table that was looked at, and those with the same columns."""
    known: dict[tuple[str, ...], Columns] = st.session_state[_CHOSEN]
    parts = [
        ImportPart(each.table, known[each.signature], each.name, tags_added(each.table))
        for each in tables
        if each.signature in known
    ]
    if others := [each.name for each in tables if each.signature not in known]:
        st.caption(f"Look at these too, or they are not imported: {literal(', '.join(others))}")
    if running:
        st.caption("An import is already running; wait for it or cancel it.")
    to = dict.fromkeys(tag for part in parts for tag in part.columns.values.values())
    rows = sum(len(part.table.frame) for part in parts)
    change = Change(
        Act.IMPORT,
        ", ".join(dict.fromkeys(part.name for part in parts)),
        "",
        f"{counted(rows, 'row')} to {', '.join(to) or 'the tags named in the file'}",
    )

    def begin(name: str) -> None:
        for part in parts:
            check(part.columns, part.table, m.running_tags.now())
        start_imports(m.jobs, m.importer, m.loading.keep_up, m.exporter.files, parts, m.clock.now(), who=name)

    pressed = st.button(
        "Import", type="primary", key="import-start", **allowed(m, Act.IMPORT, disabled=running)
    )
    if pressed and carried_out(m, change, begin, "The import cannot start"):
        st.rerun()
