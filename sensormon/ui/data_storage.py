"""Storage: what is on disk, how it grows, how long readings are kept at full resolution."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon.model.clock import DAY
from sensormon.model.errors import SensormonError, StoreError
from sensormon.model.format import counted, day_and_time, size
from sensormon.model.settings import LONGEST_RETENTION
from sensormon.monitor.disk_usage import Rate, Sizes, bytes_a_reading, forecast, rate
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.retention import JOB, Plan, RolledUp
from sensormon.ui.drawing import UNREAD, not_done, not_readable, panel
from sensormon.ui.job_status import follow_newest, job_line, newest_state
from sensormon.ui.signed_form import name_field, signed
from sensormon.ui.viewer import Viewer
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
        with st.container(horizontal=True, vertical_alignment="bottom"):
            days = st.number_input(
                "Full resolution, days (0: unlimited)",
                0,
                LONGEST_RETENTION,
                policy.days,
                key="retention-days",
                width=260,
            )
            if st.button("Set", key="retention-set", disabled=days == policy.days):
                set_policy(m, int(days), each)
            if policy.days and st.button("Roll up now", key="retention-run"):
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
    job_line(job)
    if isinstance(job.result, RolledUp):
        st.caption(f"Last run: {rolled_words(job.result)}")


@st.dialog("Retention at full resolution", icon=":material/inventory_2:")
def set_policy(m: Monitor, days: int, each: float) -> None:
    """The effect of the new policy, and the name of the person who sets it."""
    if days:
        st.markdown(f"**{counted(days, 'day')}**, then one-minute roll-ups, from the next midnight UTC on.")
        plan_line(m, days, each)
        st.markdown("Readings that are rolled up are permanently deleted.")
    else:
        st.markdown("Unlimited. What was rolled up before stays rolled up.")
    with st.form("retention-form", border=False):
        who = name_field("retention-who")
        sent = st.form_submit_button("Set", type="primary", key="retention-confirm")
        if sent and signed(who, lambda name: m.retention.set(days, name), "Nothing was changed"):
            st.rerun()


@st.dialog("Roll up now", icon=":material/compress:")
def run_now(m: Monitor, each: float) -> None:
    """Confirm what would be deleted."""
    days = m.retention.policy.days
    readings = plan_line(m, days, each)
    if not readings:
        return
    st.markdown(
        "The raw readings are permanently deleted. You can cancel; days already rolled up are not restored."
    )
    if st.button(f"Roll up {counted(readings, 'reading')}", type="primary", key="retention-go"):
        try:
            m.retention.start()
        except SensormonError as error:
            not_done(error, "The roll-up was not started")
            return
        st.rerun()


def plan_line(m: Monitor, days: int, each: float) -> int:
    """The effect of a run in words; returns how many readings it would delete or, if flagged, count."""
    try:
        key = (m.started, str(m.settings.data_dir), m.clock.now() // DAY, newest_state(m, JOB))
        plan = planned(m, key, days)
    except StoreError as error:
        not_readable(error)
        return 0
    st.markdown(f"{plan_words(plan, days, each)}.")
    return plan.readings
