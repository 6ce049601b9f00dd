"""The section Calendars of Notifications: at which times rules apply."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from html import escape
from zoneinfo import available_timezones

import streamlit as st

from sensormon.access.roles import Act
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Calendar, NotifyConfig
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.drawing import panel
from sensormon.ui.notify_fields import Fields, Opened, close, heading, open_, opened, row
from sensormon.ui.notify_file import Known, known, remove, say_problem
from sensormon.ui.notify_saving import save_named
from sensormon.ui.notify_words import DAYS, calendar_sentence
from sensormon.ui.viewer import Viewer

PLACE = "calendar"
"""In the address: the calendar that is open."""
LONGEST_NAME = 60


def section(m: Monitor, viewer: Viewer) -> None:
    """The calendars, or the one that is open."""
    now = known(m)
    say_problem(now)
    locked = why_not(m, Act.MANAGE_NOTIFICATIONS)
    empty = Calendar("", viewer.zone_name, (0, 1, 2, 3, 4), time(6), time(14))
    shown = None if locked or now.text is None else opened(PLACE, now.config, empty)
    if shown is None:
        _list(m, now, empty)
    else:
        _editor(m, now, shown)


def _list(m: Monitor, now: Known, empty: Calendar) -> None:
    calendars = [*now.config.calendars.values()]
    field = allowed(m, Act.MANAGE_NOTIFICATIONS, disabled=now.text is None)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(counted(len(calendars), "calendar"), width="content")
        st.button(
            "Add a calendar",
            icon=":material/add:",
            type="primary",
            key="calendar-new",
            on_click=open_,
            args=(PLACE, None, empty),
            **field,
        )
    if not calendars:
        st.caption("A rule without a calendar applies at all times. A calendar is a shift, nights, weekends.")
        return
    with panel("calendars"):
        for calendar in calendars:
            used = rules_during(now.config, calendar.name)
            words = f"{calendar_sentence(calendar)} · {', '.join(used[:4]) or 'no rule uses it'}"
            with st.container(
                horizontal=True, vertical_alignment="center", key=f"calendar-row-{calendar.name}"
            ):
                row(calendar.name, words)
                st.button(
                    "Edit",
                    key=f"calendar-edit-{calendar.name}",
                    on_click=open_,
                    args=(PLACE, calendar, calendar),
                    **field,
                )


def rules_during(config: NotifyConfig, name: str) -> list[str]:
    """The rules that have this calendar."""
    return [rule.name for rule in config.rules.values() if name in rule.calendars]


def _editor(m: Monitor, now: Known, shown: Opened[Calendar]) -> None:
    fields = Fields(PLACE, shown.round)
    new = shown.begun is None
    heading(PLACE, "All calendars", "New calendar" if new else shown.name)
    with panel("calendar-fields"):
        calendar = _fields(shown.start, fields, new=new)
        st.html(f'<p class="first-line">{escape(calendar_sentence(calendar))}</p>')
    save_named(
        m,
        now,
        shown,
        calendar,
        fields,
        noun="calendar",
        names=now.config.calendars,
        said=f"{calendar.name} is saved and in force.",
    )
    if not new:
        _remove(m, now, shown)


def _fields(start: Calendar, fields: Fields, *, new: bool) -> Calendar:
    """Draw the fields; the calendar that they make."""
    name = start.name
    if new:
        with fields.field("name", 300):
            name = st.text_input(
                "Name", max_chars=LONGEST_NAME, key=fields.key("name"), placeholder="For example: night"
            )
    with fields.field("days"):
        days = st.pills(
            "Days",
            [*range(7)],
            format_func=DAYS.__getitem__,
            selection_mode="multi",
            default=[*start.days],
            key=fields.key("days"),
        )
    if not days:
        fields.problems["days"] = "Choose at least one day"
    zones = sorted({*available_timezones(), start.zone})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        begin = st.time_input("From", start.begin, key=fields.key("begin"), step=900, width=140)
        end = st.time_input(
            "To",
            start.end,
            key=fields.key("end"),
            step=900,
            width=140,
            help="If it is not after the first it lasts into the next day. The same time twice: 24 hours.",
        )
        with fields.field("zone", 280):
            zone = st.selectbox("Time zone", zones, zones.index(start.zone), key=fields.key("zone"))
    with fields.field("but"):
        but = st.multiselect(
            "Not on",
            [day.isoformat() for day in start.but],
            [day.isoformat() for day in start.but],
            accept_new_options=True,
            key=fields.key("but"),
            placeholder="days such as 2026-12-24",
        )
    return replace(
        start,
        name=(name or "").strip(),
        days=tuple(sorted(days)),
        begin=begin or time(0),
        end=end or time(0),
        zone=zone or start.zone,
        but=_dates(but, fields),
    )


def _dates(words: list[str], fields: Fields) -> tuple[date, ...]:
    days = set()
    for word in words:
        try:
            days.add(date.fromisoformat(word.strip()))
        except ValueError:
            fields.problems["but"] = f"{word[:40]!r} is not a day: write 2026-12-24"
    return tuple(sorted(days))


def _remove(m: Monitor, now: Known, shown: Opened[Calendar]) -> None:
    used = rules_during(now.config, shown.name)
    field = allowed(
        m,
        Act.MANAGE_NOTIFICATIONS,
        disabled=bool(used),
        help=f"Rules have it: {', '.join(used[:5])}" if used else None,
    )
    with st.popover("Remove …", key="calendar-remove-ask", **field):
        pressed = st.button("Remove the calendar", key="calendar-remove", type="primary", **field)
    if pressed and shown.begun is not None and remove(m, shown.begun, None, "The calendar was not removed"):
        close(PLACE, f"{shown.name} was removed.")
        st.rerun()
