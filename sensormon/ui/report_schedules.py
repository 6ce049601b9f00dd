"""Reports on a schedule: the list with what became of the last ones, and a form to add or change one."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.format import day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import MessageState
from sensormon.notify.notifications import notifications_of
from sensormon.reports.schedules import DAYS, EVERY, LAST_DAY, Schedule, words_of
from sensormon.reports.sending import sending_of
from sensormon.reports.spans import SPANS
from sensormon.ui.acts import NOTHING, allowed, carried_out, name_field, why_not
from sensormon.ui.drawing import panel
from sensormon.ui.parts import dialog
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal

_ICONS = {MessageState.SENT: ":material/check:", MessageState.WAITING: ":material/hourglass_top:"}
_FAILED = ":material/error:"


def show_schedules(m: Monitor, viewer: Viewer, titles: dict[str, str]) -> None:
    """The schedules, and buttons to add, change and remove one. Raises StoreError."""
    st.markdown("**On a schedule**")
    schedules = sending_of(m).schedules.all()
    contacts = list(notifications_of(m).config().contacts)
    if not schedules:
        st.caption("None. A schedule mails a report every day, week or month.")
    for schedule in schedules:
        with panel(f"schedule-{schedule.id}"):
            _row(m, viewer, schedule, titles, contacts)
    where = "Add a contact on the Notifications page first" if not contacts else None
    if st.button(
        "Schedule a report …",
        key="schedule-add",
        **allowed(m, Act.SCHEDULE_REPORTS, disabled=not contacts, help=where),
    ):
        to = tuple(contacts) if len(contacts) == 1 else ()
        new = Schedule("", next(iter(titles)), "yesterday", EVERY[0], "06:00", viewer.zone_name, to)
        _form(m, new, titles, contacts)
    if not why_not(m, Act.SCHEDULE_REPORTS) and where:
        st.caption(f"{where}.")


def _row(m: Monitor, viewer: Viewer, schedule: Schedule, titles: dict[str, str], contacts: list[str]) -> None:
    title = titles.get(schedule.board, f"{schedule.board} (removed)")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{literal(title)}** · {literal(words_of(schedule))}", width="content")
        with st.container(horizontal=True, gap="small", width="content"):
            act = allowed(m, Act.SCHEDULE_REPORTS)
            if st.button("Edit …", key=f"schedule-edit-{schedule.id}", **act):
                _form(m, schedule, titles, contacts)
            if st.button("Remove …", key=f"schedule-remove-{schedule.id}", **act):
                _removal(m, schedule, title)
    now = m.clock.now()
    lines = [f"Next: {day_and_time(schedule.next_due(now), viewer.zone)[:16]}"] if schedule.on else ["Off"]
    for contact in schedule.contacts:
        message = sending_of(m).last_message(schedule, contact, now)
        if message is not None:
            icon = _ICONS.get(message.state, _FAILED)
            said = f": {message.tries[-1].words}" if message.tries and not message.tries[-1].delivered else ""
            lines.append(f"{icon} Last to {literal(contact)}: {message.state}{literal(said)}")
        elif contact not in contacts:
            lines.append(f"{_FAILED} {literal(contact)} is not in notify.toml any more")
    st.caption(" · ".join(lines))


@dialog("Report on a schedule", icon=":material/schedule_send:")
def _form(m: Monitor, schedule: Schedule, titles: dict[str, str], contacts: list[str]) -> None:
    """Which board or view, when, to whom."""
    names = list(titles)
    with st.form("schedule-form", border=False):
        board = st.selectbox(
            "Board or shared view",
            names,
            index=names.index(schedule.board) if schedule.board in names else 0,
            format_func=lambda each: titles.get(each, each),
            key="schedule-board",
        )
        left, right = st.columns(2, gap="small")
        span = left.selectbox("Span", SPANS, index=SPANS.index(schedule.span), key="schedule-span")
        every = right.selectbox("Every", EVERY, index=EVERY.index(schedule.every), key="schedule-every")
        at = left.time_input("At", time.fromisoformat(schedule.at), key="schedule-at", step=300)
        zone = right.text_input("Time zone", schedule.zone, key="schedule-zone", max_chars=60)
        weekday = left.selectbox(
            "On, if every week",
            range(7),
            index=schedule.weekday,
            format_func=DAYS.__getitem__,
            key="schedule-weekday",
        )
        monthday = right.number_input(
            "On day, if every month", 1, LAST_DAY, schedule.monthday, key="schedule-monthday"
        )
        to = st.multiselect(
            "To",
            contacts,
            default=[name for name in schedule.contacts if name in contacts],
            key="schedule-contacts",
            placeholder="Choose contacts",
            help="Mail has the PDF attached; other ways get a notice with a link.",
        )
        on = st.checkbox("On", schedule.on, key="schedule-on")
        who = name_field(m, "schedule-who")
        refused = st.container()
        sent = st.form_submit_button("Save", type="primary", **allowed(m, Act.SCHEDULE_REPORTS))
    if not sent:
        return
    wanted = replace(
        schedule,
        board=board or schedule.board,
        span=span or schedule.span,
        every=every or schedule.every,
        at=f"{at or time(6):%H:%M}",
        zone=(zone or "").strip(),
        contacts=tuple(to),
        weekday=int(weekday or 0),
        monthday=int(monthday or 1),
        on=bool(on),
    )
    before = _recorded(schedule) if schedule.id else NOTHING
    change = Change(Act.SCHEDULE_REPORTS, f"report of {wanted.board}", before, _recorded(wanted))
    with refused:
        done = carried_out(
            m, change, lambda name: sending_of(m).schedules.save(wanted, name), "Nothing was saved", who
        )
    if done:
        st.rerun()


@dialog("Remove this schedule?", icon=":material/event_busy:")
def _removal(m: Monitor, schedule: Schedule, title: str) -> None:
    """Ask for the name, and remove it."""
    st.markdown(f"**{literal(title)}** · {literal(words_of(schedule))}")
    with st.form("schedule-removal", border=False):
        who = name_field(m, "schedule-removal-who")
        sent = st.form_submit_button("Remove", type="primary", **allowed(m, Act.SCHEDULE_REPORTS))
    change = Change(Act.SCHEDULE_REPORTS, f"report of {schedule.board}", _recorded(schedule), "removed")
    if sent and carried_out(
        m,
        change,
        lambda name: sending_of(m).schedules.remove(schedule.id, name, schedule.version),
        "Nothing was removed",
        who,
    ):
        st.rerun()


def _recorded(schedule: Schedule) -> str:
    """The schedule for the audit trail."""
    return f"{schedule.board}: {words_of(schedule)}"
