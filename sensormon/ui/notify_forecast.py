"""What a rule would have sent over the last week, as it is in the fields: counts, the list, the alarm load.

It is worked out by a job, as a week of a busy plant takes seconds; nothing is sent and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import streamlit as st

from sensormon.model.clock import DAY, SECOND
from sensormon.model.format import counted, day_and_time
from sensormon.model.jobs import Job, Progress
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import NotifyConfig, Rule
from sensormon.notify.history import MOST, Forecast, would_have_sent
from sensormon.notify.words import subject_of
from sensormon.ui.glossary import meaning
from sensormon.ui.job_status import follow_job, job_line
from sensormon.ui.memo import remembered
from sensormon.ui.notify_words import KINDS
from sensormon.ui.viewer import Viewer
from sensormon.view.alarm_load import load_line

KIND = "forecast"
SPAN = 7 * DAY
LISTED = 200
"""Messages in the list, the newest."""
AT_ONCE = 1.5
"""Seconds for which the page waits before it shows how far the job is."""
AT_A_TIME = 3
"""Rules that are tried at once, whoever tries them: each takes a processor meanwhile."""
_JOB = "notify-forecast"


def forecast_panel(m: Monitor, viewer: Viewer, config: NotifyConfig, rule: Rule | None) -> None:
    """A button, how far it is, what would have been sent; `rule` is None while it is not complete."""
    st.markdown("**What would this have sent over the last week?**")
    if rule is None:
        st.caption("Complete the rule first.")
        return
    if not rule.of_events:
        st.caption(_of_the_monitor(rule))
        return
    named = replace(rule, name=rule.name or "new", on=True)
    tried = replace(config, rules={named.name: named})
    wanted = repr(tried)
    kept: tuple[str, Job] | None = st.session_state.get(_JOB)
    job = kept[1] if kept is not None and kept[0] == wanted else None
    if job is None:
        words = "The rule has changed. Try it again" if kept is not None else "Try it on the last week"
        if not st.button(words, key="forecast", icon=":material/history:"):
            return
        if kept is not None:
            kept[1].progress.cancel()
        st.session_state.pop(_JOB, None)
        if sum(job.running for job in m.jobs.of(KIND)) >= AT_A_TIME:
            st.caption("Others are trying rules at this moment. Try it again in a few seconds.")
            return
        work, title = work_of(m, tried), f"What {named.name} would have sent"
        job = remembered(_JOB, wanted, lambda: m.jobs.start(KIND, title, work, alone=False))
        m.jobs.wait(job, AT_ONCE)
    if job.running:
        follow_job(m, job)
    elif isinstance(job.result, Forecast):
        _result(viewer, job.result)
    else:
        job_line(m, job, "Nothing was changed.")
        st.button("Try it again", key="forecast-again", on_click=st.session_state.pop, args=(_JOB, None))


def work_of(m: Monitor, config: NotifyConfig) -> Callable[[Progress], Forecast]:
    """The work of the job: read the events of the last week, and repeat the planning on them."""
    until = m.clock.now()

    def work(progress: Progress) -> Forecast:
        progress.step("reading the events of the last week")
        events = m.events.between(None, until - SPAN, until)
        progress.step(f"going through {counted(len(events), 'event')}")
        first = m.stored.first_time(until - SPAN, until)  # without readings there is nothing to tell of
        since = until - SPAN if first is None else first
        forecast = would_have_sent(config, events, tags=m.tags, since=since, until=until)
        complete = forecast.complete and bool(events.attrs.get("complete", True))
        return replace(forecast, complete=complete)

    return work


def _of_the_monitor(rule: Rule) -> str:
    if rule.heartbeat:
        return f"{counted(max(1, int(SPAN / SECOND // rule.heartbeat)), 'message')} to each contact."
    return (
        "Only rules of events can be tried on the past: how the monitor itself was is not recorded in a way "
        "that could be gone through again."
    )


def _result(viewer: Viewer, forecast: Forecast) -> None:
    messages = forecast.messages
    days = (forecast.until - forecast.since) / DAY
    if not messages:
        st.markdown("No message: no event of the last week is one that this rule tells of.")
        return
    often = len(messages) / days
    pace = f"{often:,.0f}" if often >= 10 else f"{often:.1f}"
    st.html(
        f'<p class="first-line"><b>{counted(len(messages), "message")}</b> on '
        f"{counted(forecast.events, 'event')}, {pace} messages a day</p>"
    )
    st.markdown(load_line(forecast.load), help=meaning("alarm load"))
    st.dataframe(
        counts_table(forecast),
        hide_index=True,
        key="forecast-counts",
        alt="Messages by contact and kind",
        width="content",
    )
    st.dataframe(
        message_table(forecast, viewer),
        hide_index=True,
        key="forecast-list",
        alt="The messages, newest first",
        height=min(360, 38 + 35 * min(len(messages), LISTED)),
        column_config={
            "Time": st.column_config.TextColumn(width=140),
            "To": st.column_config.TextColumn(width=80),
            "Message": st.column_config.TextColumn(width=420),
        },
    )
    if len(messages) > LISTED:
        st.caption(f"The newest {LISTED} of {len(messages):,}.")
    if not forecast.complete:
        st.caption(f"Part of the week only: more than {MOST:,} messages, or more events than can be read.")
    st.caption(
        "As if the rule had been in force alone, with the limits and grouping of its contacts. Events are as "
        "they are known now; shelved tags and maintenance are left out."
    )


def counts_table(forecast: Forecast) -> pd.DataFrame:
    """A row for each contact, a column for each kind of message."""
    kinds = [kind for kind in KINDS if any(kind == each for _, each in forecast.counts)]
    contacts = [*dict.fromkeys(contact for contact, _ in forecast.counts)]
    columns = {
        KINDS[kind]: [forecast.counts.get((contact, kind), 0) for contact in contacts] for kind in kinds
    }
    return pd.DataFrame({"Contact": contacts, **columns})


def message_table(forecast: Forecast, viewer: Viewer) -> pd.DataFrame:
    """The newest messages, newest first."""
    rows = [*reversed(forecast.messages)][:LISTED]
    return pd.DataFrame(
        {
            "Time": [day_and_time(message.created, viewer.zone) for message in rows],
            "To": [message.contact for message in rows],
            "Message": [subject_of(message, viewer.zone) for message in rows],
        }
    )
