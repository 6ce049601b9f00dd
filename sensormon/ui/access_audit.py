"""The audit trail: filtered by time, person and act, in pages, and as a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pyarrow as pa
import streamlit as st

from sensormon.access.roles import NEEDS, Act
from sensormon.model.entries import AuditRecord
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.stores.entries import AuditQuery
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.glossary import meaning
from sensormon.ui.sections import section_head
from sensormon.ui.table_download import form_input, of_table, table_download
from sensormon.ui.time_range import stored_range
from sensormon.ui.viewer import Viewer
from sensormon.ui.who import person
from sensormon.view.access import audit_file, audit_table
from sensormon.view.explore import times

PAGE = 1_000
"""Records on one page."""
MOST = 1_000_000
"""Most records of a file, the newest ones."""
_PAGE = "audit-page"


def section(m: Monitor, viewer: Viewer) -> None:
    """The filters, the records newest first, the file. Raises StoreError."""
    section_head(
        "Audit trail",
        "Every change, every export, every sign-in, and what was refused or failed. Nothing removes it.",
        meaning("audit trail", "unverified name"),
    )
    if why_not(m, Act.READ_AUDIT):
        _people(m, {person(m).signature})
        st.button("Export", key="audit-export-locked", **allowed(m, Act.READ_AUDIT))
        return
    query = _filters(m, viewer)
    page = st.session_state.get(_PAGE, (query, 0))
    number = page[1] if replace(page[0], since=0, until=1) == replace(query, since=0, until=1) else 0
    records = m.access.audit.read(replace(query, limit=(number + 1) * PAGE + 1))
    if len(records) <= number * PAGE:  # the span was made shorter, or its records have grown too old
        number = 0
    shown, more = records[number * PAGE : (number + 1) * PAGE], len(records) > (number + 1) * PAGE
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(_count_words(number, len(shown), more), width="content")
        _export(m, viewer, query)
    if not shown:
        st.caption("No records match.")
        return
    _table(viewer, shown)
    if more or number:
        with st.container(horizontal=True):
            _step("Newer", "audit-newer", query, number - 1, disabled=not number)
            _step("Older", "audit-older", query, number + 1, disabled=not more)


def _filters(m: Monitor, viewer: Viewer) -> AuditQuery:
    since, until = stored_range(viewer, m.clock.now(), "audit_span")
    known = {account.name for account in m.access.accounts.all()}
    known |= {record.who for record in m.access.audit.read(AuditQuery(since, until, limit=PAGE))}
    return AuditQuery(since, until, *_people(m, known))


def _people(m: Monitor, known: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The people and the acts chosen."""
    field = allowed(m, Act.READ_AUDIT)
    left, right = st.columns(2)
    people = left.multiselect(
        "Person", sorted(known), key="audit-who", placeholder="Everybody", accept_new_options=True, **field
    )
    acts = right.multiselect(
        "Act", [str(act) for act in NEEDS], key="audit-acts", placeholder="Everything", **field
    )
    return tuple(people), tuple(acts)


def _count_words(number: int, count: int, more: bool) -> str:
    if number or more:
        first = number * PAGE
        return f"Records {first + 1:,} to {first + count:,}{', older ones follow' if more else ''}"
    return counted(count, "record")


def _step(words: str, key: str, query: AuditQuery, number: int, *, disabled: bool) -> None:
    def go() -> None:
        st.session_state[_PAGE] = (query, number)

    st.button(words, key=key, on_click=go, disabled=disabled)


def _table(viewer: Viewer, records: list[AuditRecord]) -> None:
    text = st.column_config.TextColumn
    st.dataframe(
        audit_table(records),
        hide_index=True,
        height=min(38 + 35 * len(records), 600),
        key="audit",
        alt="Records of the audit trail, newest first",
        column_config={
            "Time": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name, width=150
            ),
            "Who": text(width=95),
            "Act": text(width=115),  # up to here a phone shows it
            "What": text(width=240),
            "Before": text(width=120),
            "After": text(width=190),
            "Outcome": text(width=140),
            "Role": text(width=105),
            "Address": text(width=110),
        },
    )


def _export(m: Monitor, viewer: Viewer, query: AuditQuery) -> None:
    """All records of the filter as a file; they are read once the choice is open."""
    box = st.popover("Export", key="audit-export", icon=":material/download:", on_change="rerun")
    if not box.open:
        return
    with box:
        form = form_input("audit-form")
        frame = audit_file(m.access.audit.read(replace(query, limit=MOST)))
        table = pa.Table.from_pandas(frame, preserve_index=False)
        about = "; ".join(
            [
                f"{times(query.since, query.until, UTC)} UTC",
                *([f"by {', '.join(query.people)}"] if query.people else []),
                *([f"acts {', '.join(query.acts)}"] if query.acts else []),
            ]
        )
        table_download(m, viewer, of_table("record", table, "audit_trail", about), form, "audit")
