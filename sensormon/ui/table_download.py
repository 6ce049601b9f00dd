"""A table as a file: a short one at once, a longer one by a job that can be cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import pandas as pd
import pyarrow as pa
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.exporter import Exported
from sensormon.exchange.state_values import beside
from sensormon.exchange.table_writer import EXCEL_ROWS, FORMS, table_file
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.downloads import download, note_download
from sensormon.ui.job_status import follow_job, job_line
from sensormon.ui.viewer import Viewer

AT_ONCE = {"CSV": 10_000, "Parquet": 50_000, "Excel": 1_000}
"""A file of up to this many rows is written at once; a longer one takes seconds and needs a job."""


@dataclass(frozen=True)
class Rows:
    """What to export: `count` rows, each a `noun`, from `pieces`; `name` of the file, no suffix.

    `content` differs whenever the rows do; `about` says for the audit trail which rows they are.
    """

    noun: str
    count: int
    name: str
    content: object
    pieces: Callable[[], Iterator[pa.Table]]
    about: str


def of_table(noun: str, table: pa.Table, name: str, about: str) -> Rows:
    """The rows of this table."""
    hashes = pd.util.hash_pandas_object(beside(table).to_pandas(), index=False).to_numpy()
    content = blake2b(hashes.tobytes(), digest_size=16).hexdigest()
    return Rows(noun, table.num_rows, name, content, lambda: iter([table]), about)


def form_input(key: str) -> str:
    """The choice of a form, one of `FORMS`."""
    chosen = st.segmented_control(
        "File", list(FORMS), default="CSV", required=True, key=key, label_visibility="collapsed"
    )
    return chosen or "CSV"


def table_download(m: Monitor, viewer: Viewer, rows: Rows, form: str, key: str) -> None:
    """The button that downloads these rows, or first one that starts the job. Raises StoreError."""
    words = f"{counted(rows.count, rows.noun)} as {form}"
    if form == "Excel" and rows.count > EXCEL_ROWS:
        st.caption(f"{words}: a sheet holds at most {EXCEL_ROWS:,} rows. Use CSV or Parquet.")
        return
    if rows.count > AT_ONCE[form]:
        _made(m, viewer, rows, words, form, key)
        return
    file_name = f"{rows.name}.{FORMS[form].suffix}"
    st.download_button(
        f"Download {words}",
        _content(rows.pieces, form, viewer.zone_name, (rows.noun, rows.content)),
        file_name=file_name,
        mime=FORMS[form].media_type,
        key=f"download-{key}",
        on_click=note_download,
        args=(m, file_name, f"{words}; {rows.about}"),
        icon=":material/download:",
        **allowed(m, Act.EXPORT),
    )


@st.cache_data(max_entries=8, ttl=600, show_spinner="Writing the file …")
def _content(
    _pieces: Callable[[], Iterator[pa.Table]],
    form: str,
    zone_name: str,
    content: object,
) -> bytes:
    """The bytes of a file; `content` says which rows they are of."""
    del content  # stands for the rows in the cache
    return table_file(pa.concat_tables(_pieces()), form, zone_name)


def _made(m: Monitor, viewer: Viewer, rows: Rows, words: str, form: str, key: str) -> None:
    """A large file, written by a job on demand.

    An earlier file stays available beside the button, as the view may have changed since.
    """
    wanted = (form, viewer.zone_name, rows.content)
    asked, number = st.session_state.get(f"file-{key}", (None, 0))
    job = m.jobs.find(number)
    if job is not None and job.running:
        follow_job(m, job)
        return
    if job is not None and isinstance(job.result, Exported):
        if m.exporter.files.find(job.result.file.key) is not None:
            download(m, job.result.file)
            if asked == wanted:
                return
            st.caption(f"Exported earlier: {counted(job.result.rows, 'row')}.")
    elif job is not None:
        job_line(m, job, "Nothing was kept.")

    def begin(_: str) -> None:
        job = m.exporter.begin(words, rows.pieces, rows.name, form, viewer.zone_name, rows.count)
        st.session_state[f"file-{key}"] = (wanted, job.id)

    change = Change(Act.EXPORT, f"export of {rows.name}", "", f"{words}; {rows.about}")
    pressed = st.button(f"Export {words}", key=f"make-{key}", **allowed(m, Act.EXPORT))
    if pressed and carried_out(m, change, begin, "The export cannot start"):
        job = m.jobs.find(st.session_state[f"file-{key}"][1])
        if job is not None:
            follow_job(m, job)
