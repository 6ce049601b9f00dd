"""Storage: what is on disk, how it grows, how long readings are kept at full resolution."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.clock import DAY
from sensormon.model.errors import StoreError
from sensormon.model.format import counted, day_and_time, size
from sensormon.model.settings import LONGEST_RETENTION
from sensormon.monitor.disk_usage import Rate, Sizes, bytes_a_reading, forecast, rate
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.retention import JOB, Plan, RolledUp
from sensormon.ui.acts import allowed, carried_out, name_field, why_not
from sensormon.ui.drawing import UNREAD, not_readable, panel
from sensormon.ui.job_status import follow_newest, job_line, newest_state
from sensormon.ui.parts import dialog
from sensormon.ui.viewer import Viewer
from sensormon.view.access import days_words
from sensormon.view.disk_usage import (
    forecast_words,
    plan_words,
    policy_words,
    rate_words,
    rolled_words,
    size_rows,
)
from sensormon.view.phrases import literal

COMPARED = 30
"""Days that the forecast compares with if retention is unlimited."""


@st.cache_data(ttl=20, max_entries=4, show_spinner="Measuring")
def measured(_m: Monitor, key: tuple[object, ...]) -> Sizes:
    """What is on disk, measured at most every 20 s for all viewers."""
    del key  # the cache key
    return _m.disk_usage.measure()


@st.cache_data(ttl=60, max_entries=8, show_spinner="Counting old readings")
def planned(_m: Monitor, key: tuple[object, ...], days: int) -> Plan:
    """The effect of a run, counted at most once a minute."""
    del key  # part of the cache key
    return _m.retention.plan(days)


def section(m: Monitor, viewer: Viewer) -> None:
    """What is on disk, how it grows, and how long readings are kept at full resolution."""
    drawn = newest_state(m, JOB)  # a roll-up changes what is on disk
    sizes = measured(m, (m.started, str(m.settings.data_dir), drawn))
    if sizes.space is None:  # read again once the database is back
        measured.clear()
        st.session_state[UNREAD] = True
    now = rate(sizes, m.clock.now(), len(m.tags))
    each, _ = bytes_a_reading(sizes.space)
    left, right = st.columns(2, gap="medium")
    with left:
        on_disk(sizes)
    with right:
        growth(m, sizes, now)
    keeping(m, viewer, each, drawn)


def on_disk(sizes: Sizes) -> None:
    """Each part with its size."""
    st.subheader("On disk", anchor=False)
    with panel("sizes"):
        share = sizes.disk_free / max(1, sizes.disk_whole)
        st.html(
            f'<div class="first-line"><b>{size(sizes.whole)}</b> of data · '
            f"{size(sizes.disk_free)} of the disk free ({share:.0%})</div>"
        )
        rows = "".join(
            f'<tr><th scope="row">{escape(name)}<small>{escape(words)}</small></th>'
            f"<td>{escape(amount)}</td></tr>"
            for name, amount, words in size_rows(sizes)
        )
        st.html(f'<table class="figures sizes">{rows}</table>')


def growth(m: Monitor, sizes: Sizes, now: Rate | None) -> None:
    """The daily rate, and the forecast with and without retention."""
    st.subheader("At this rate", anchor=False)
    with panel("growth"):
        st.html(f"<div>{escape(rate_words(now, sizes))}</div>")
        if now is None:
            return
        set_days = m.retention.policy.days
        lines = [forecast(sizes, now, 0), forecast(sizes, now, set_days or COMPARED)]
        marked = [
            f"<b>{escape(forecast_words(line))}</b> · current setting"
            if line.days == set_days
            else f'<span class="quiet">{escape(forecast_words(line))}</span>'
            for line in lines
        ]
        st.html("".join(f"<div>{line}</div>" for line in marked))
        st.caption(
            "All files together. The database file does not shrink by itself; space freed inside it "
            "is reused."
        )


def keeping(m: Monitor, viewer: Viewer, each: float, drawn: tuple[int, bool] | None) -> None:
    """The policy, a form to change it, a button to run it now. A reading takes `each` bytes."""
    st.subheader("Retention at full resolution", anchor=False)
    st.caption(
        "Older readings become one-minute roll-ups: lowest, mean and highest value, and the count. Flagged "
        "readings stay as they are, with their events and labels. Roll-ups cannot be rescored."
    )
    policy = m.retention.policy
    with panel("retention"):
        if m.retention.problem:
            st.error(literal(m.retention.problem), title="The retention setting cannot be read")
        st.html(f'<div class="first-line">{escape(policy_words(policy))}</div>')
        said = []
        if policy.changed:
            said.append(f"Set by {literal(policy.who)}, {day_and_time(policy.changed, viewer.zone)}.")
        if policy.days:
            said.append("Older readings are rolled up once a day, after midnight UTC.")
        if said:
            st.caption(" ".join(said))
        why_not(m, Act.SET_RETENTION)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            days = st.number_input(
                "Full resolution, days (0: unlimited)",
                0,
                LONGEST_RETENTION,
                policy.days,
                key="retention-days",
                width=260,
                **allowed(m, Act.SET_RETENTION),
            )
            if st.button(
                "Set", key="retention-set", **allowed(m, Act.SET_RETENTION, disabled=days == policy.days)
            ):
                set_policy(m, int(days), each)
            if policy.days and st.button("Roll up now", key="retention-run", **allowed(m, Act.ROLL_UP)):
                run_now(m, each)
        if said := st.session_state.pop("retention-said", None):
            st.info(said)
        follow_newest(m, JOB, drawn)
        last_run(m)


def last_run(m: Monitor) -> None:
    """The outcome of the last roll-up, once it has ended."""
    job = next(iter(m.jobs.of(JOB)), None)
    if job is None or job.running:
        return
    job_line(m, job)
    if isinstance(job.result, RolledUp):
        st.caption(f"Last run: {rolled_words(job.result)}")


@dialog("Retention at full resolution", icon=":material/inventory_2:")
def set_policy(m: Monitor, days: int, each: float) -> None:
    """The effect of the new policy, and the name of the person who sets it."""
    if days:
        st.markdown(f"**{counted(days, 'day')}**, then one-minute roll-ups, from the next midnight UTC on.")
        plan_line(m, days, each)
        st.markdown("Readings that are rolled up are permanently deleted.")
    else:
        st.markdown("Unlimited. What was rolled up before stays rolled up.")
    with st.form("retention-form", border=False):
        who = name_field(m, "retention-who")
        sent = st.form_submit_button("Set", type="primary", key="retention-confirm")
        was = days_words(m.retention.policy.days)
        change = Change(Act.SET_RETENTION, "retention at full resolution", was, days_words(days))

        def set_days(name: str) -> None:
            m.retention.set(days, name)

        if sent and carried_out(m, change, set_days, "Nothing was changed", who):
            st.rerun()


@dialog("Roll up now", icon=":material/compress:")
def run_now(m: Monitor, each: float) -> None:
    """Confirm what would be deleted."""
    days = m.retention.policy.days
    plan = plan_line(m, days, each)
    if plan is None or not plan.readings:
        return
    readings = plan.readings
    st.markdown(
        "The raw readings are permanently deleted. You can cancel; days already rolled up are not restored."
    )
    change = Change(
        Act.ROLL_UP,
        f"readings older than {counted(days, 'day')}",
        f"{counted(readings, 'reading')} at full resolution",
        f"{counted(plan.minutes, 'one-minute roll-up')}",
    )
    pressed = st.button(f"Roll up {counted(readings, 'reading')}", type="primary", key="retention-go")
    if pressed and carried_out(m, change, lambda _: m.retention.start(), "The roll-up was not started"):
        st.rerun()


def plan_line(m: Monitor, days: int, each: float) -> Plan | None:
    """Draw the effect of a run in words; returns it, or None while it cannot be read."""
    try:
        key = (m.started, str(m.settings.data_dir), m.clock.now() // DAY, newest_state(m, JOB))
        plan = planned(m, key, days)
    except StoreError as error:
        not_readable(error)
        return None
    st.markdown(f"{plan_words(plan, days, each)}.")
    return plan
