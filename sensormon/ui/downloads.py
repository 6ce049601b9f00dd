"""Downloads of finished files: small ones from the page itself, large ones from the disk.

A download by the page keeps the whole file in the server's memory while the page is open, and
works wherever pages work. The route streams from the disk.
"""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.export_folder import ExportFile
from sensormon.exchange.exporter import Exported
from sensormon.model.format import size
from sensormon.model.jobs import Job
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.drawing import panel

SMALL = 16 << 20
"""The page itself serves files up to this many bytes."""


@st.cache_data(max_entries=10, ttl=3_600, show_spinner=False)
def _content(key: str, _file: ExportFile) -> bytes:
    del key  # stands for the file in the cache
    return _file.path.read_bytes()


def download(m: Monitor, file: ExportFile) -> None:
    """The button that downloads the file; a line if it is gone.

    The audit trail has who made a file, and who downloaded it from the page itself.
    """
    words = f"Download {file.name}, {size(file.size)}"
    try:
        if file.size <= SMALL:
            st.download_button(
                words,
                _content(file.key, file),
                file.name,
                file.media_type,
                key=f"download-{file.key}",
                on_click=note_download,
                args=(m, file.name, size(file.size)),
                icon=":material/download:",
                wrap=True,
                **allowed(m, Act.EXPORT),
            )
            return
    except OSError:
        st.caption("The file has expired. Export it again.")
        return
    st.link_button(words, f"api/exports/{file.key}", icon=":material/download:", wrap=True)


def finished_jobs(m: Monitor, kind: str, most: int) -> list[Job]:
    """The newest jobs of this kind that made a file which can still be downloaded; their results are
    `Exported`."""
    done = [job for job in m.jobs.of(kind) if isinstance(job.result, Exported)]
    return [job for job in done if m.exporter.files.find(job.result.file.key) is not None][:most]


def finished_file(m: Monitor, key: str, words: str, exported: Exported) -> None:
    """A finished file in a panel of its own: these words, in Markdown, and the download."""
    with (
        panel(key),
        st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"),
    ):
        st.markdown(words, width="content")
        download(m, exported.file)
        if exported.note:
            st.caption(exported.note)


def note_download(m: Monitor, name: str, after: str) -> None:
    """Record in the audit trail that a file is downloaded which the page itself serves."""
    carried_out(m, Change(Act.EXPORT, f"download of {name}", "", after), _served, "Not recorded")


def _served(who: str) -> None:
    """The browser fetches the file itself."""
