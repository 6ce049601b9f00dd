"""Calculated tags: the list, the choice of one to edit, evaluating history, removing one."""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.formulas.order import users_of
from sensormon.model.clock import DAY
from sensormon.model.errors import UsageError
from sensormon.model.tag_edit import changes
from sensormon.model.tags import TagTable
from sensormon.monitor.calculated import JOB
from sensormon.monitor.calculated_runner import CalculatedStatus
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import NOTHING, allowed, carried_out, name_field, why_not
from sensormon.ui.calculated_form import SAID, form
from sensormon.ui.drawing import not_done, panel
from sensormon.ui.job_status import newest_job
from sensormon.ui.parts import dialog
from sensormon.ui.sections import section_head
from sensormon.ui.viewer import Viewer
from sensormon.view.calculated import list_frame
from sensormon.view.phrases import literal

NEW = "New calculated tag"
_SPANS = {"All stored history": None, "Last 24 h": DAY, "Last 7 days": 7 * DAY, "Last 30 days": 30 * DAY}


def section(m: Monitor, viewer: Viewer) -> None:
    """The list, the progress of an evaluation, and the form for a new tag or the chosen one."""
    section_head(
        "Calculated tags",
        "A tag whose value is a formula over other tags. It is calculated live, scored and shown like any "
        "other, and can be evaluated over the history.",
    )
    why_not(m, Act.EDIT_TAGS)
    if said := st.session_state.pop(SAID, None):
        st.info(literal(said), title="Tags saved")
    job = newest_job(m, JOB)
    if job is not None and job.result is not None:
        st.caption(f"{literal(job.title)}: {literal('. '.join(job.result.sentences()))}.")
    elif job is not None and job.problem is not None:
        not_done(job.problem, f"{literal(job.title)}: failed")
    statuses = m.calculated.status()
    if statuses:
        _list(m, viewer, statuses)
    with panel("calculated"):
        chosen = _choice(m, [status.tag for status in statuses])
        form(m, viewer, None if chosen == NEW else chosen)


def _list(m: Monitor, viewer: Viewer, statuses: list[CalculatedStatus]) -> None:
    frame = list_frame(statuses, m.tags)
    st.dataframe(
        frame,
        hide_index=True,
        key="calculated-list",
        height=min(38 + 35 * len(frame), 388),
        column_config={
            "Name": st.column_config.TextColumn(width="small"),
            "Formula": st.column_config.TextColumn(width="large"),
            "Unit": st.column_config.TextColumn(width="small"),
            "Last value": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name
            ),
            "State": st.column_config.TextColumn(width="large"),
        },
    )


def _choice(m: Monitor, names: list[str]) -> str:
    """The tag to edit, and the buttons for it."""
    if not names:
        return NEW
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen: str = st.selectbox("Edit", [NEW, *names], key="calculated-chosen", width=320)
        field = allowed(m, Act.EDIT_TAGS, disabled=chosen == NEW)
        if st.button("Evaluate history …", key="calculated-history", icon=":material/history:", **field):
            _history_dialog(m, chosen)
        if st.button("Remove …", key="calculated-remove", icon=":material/delete:", **field):
            _remove_dialog(m, chosen)
    return chosen


@dialog("Evaluate history", icon=":material/history:")
def _history_dialog(m: Monitor, name: str) -> None:
    """Ask over which span, and start the job."""
    inside = [tag for tag in _used(m, name) if m.tags[tag].formula]
    st.markdown(
        f"Calculates **{literal(m.tags.title(name))}** from stored readings. Times that have a value already "
        "are left as they are, so it can be cancelled and repeated. Data → Import lists it and can undo it."
    )
    if inside:
        st.markdown(f"The calculated tags that it uses come first: {literal(', '.join(inside))}.")
    with st.form("calculated-history-form", border=False):
        span = st.selectbox("Span", list(_SPANS), key="calculated-span")
        who = name_field(m, "calculated-history-who")
        sent = st.form_submit_button("Evaluate", type="primary", key="calculated-history-start")
    now, length = m.clock.now(), _SPANS[span]
    since = None if length is None else now - length
    change = Change(Act.EDIT_TAGS, f"history of {name}", NOTHING, span)
    if sent and carried_out(
        m,
        change,
        lambda by: m.calculated.start_history([*inside, name], since, now, by),
        "The history was not evaluated",
        who,
    ):
        st.rerun()


def _used(m: Monitor, name: str) -> list[str]:
    """The tags that this one uses, and those that they use."""
    known_tags: dict[str, None] = {}
    waiting = [name]
    while waiting:
        tag = m.tags[waiting.pop()]
        try:
            uses = m.calculated.check(tag.name, tag.formula, tag.tolerance).tags if tag.formula else ()
        except UsageError:
            uses = ()
        waiting += [used for used in uses if used not in known_tags]
        known_tags |= dict.fromkeys(uses)
    return list(known_tags)


@dialog("Remove the calculated tag", icon=":material/delete:")
def _remove_dialog(m: Monitor, name: str) -> None:
    """Ask, and take the tag out of the table."""
    if users := users_of(name, m.tags):
        st.markdown(
            f"**{literal(name)}** is used by {literal(', '.join(users))}. Change or remove them first."
        )
        return
    st.markdown(f"**{literal(m.tags.title(name))}** is no longer calculated. Its readings and events stay.")
    with st.form("calculated-remove-form", border=False):
        who = name_field(m, "calculated-remove-who")
        sent = st.form_submit_button("Remove", type="primary", key="calculated-remove-confirm")

    def remove(by: str) -> None:
        draft = m.tag_file.read()
        after = TagTable(tag for tag in draft.tags if tag.name != name)
        m.tag_file.save(draft, after, by, changes(draft.tags, after))

    change = Change(Act.EDIT_TAGS, f"calculated tag {name}", m.tags[name].formula, NOTHING)
    if sent and carried_out(m, change, remove, "Nothing was changed", who):
        st.session_state[SAID] = f"{name} is no longer calculated."
        st.session_state.pop("calculated-chosen", None)
        st.rerun()
