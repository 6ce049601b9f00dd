"""Send a test to a contact by one of its ways, and show what the server answered.

It goes out at once, past rules and limits. One that was taken is in the log of messages like all else; one
that was not is in the audit trail alone, as whoever sent it has seen the answer. The hand-over runs in a
job, as a server may take its time.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Job, Progress
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Contact
from sensormon.notify.messages import Kind, Message, MessageState, Try, key_of
from sensormon.notify.notifications import notifications_of
from sensormon.notify.trying import Outcome
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.job_status import follow_job
from sensormon.ui.notify_words import way_words
from sensormon.view.phrases import literal

KIND = "test"
AT_ONCE = 2.5
"""Seconds for which the page waits for the answer before it shows that it waits."""
APART = 10 * SECOND
"""µs between two tests to a contact by one way, whoever sends them: limits do not hold them back."""
_SENT = "notify-tests"
"""Key in the session's state: by contact, the way in words and the job."""


def send_a_test(m: Monitor, contact: Contact, *, disabled: bool) -> None:
    """The button; with several ways it asks by which."""
    field = allowed(m, Act.MANAGE_NOTIFICATIONS, disabled=disabled)
    key = f"contact-test-{contact.name}"
    chosen: int | None = None
    if len(contact.ways) == 1:
        chosen = 0 if st.button("Send a test", key=key, **field) else None
    else:
        chosen = st.menu_button(
            "Send a test",
            [*range(len(contact.ways))],
            format_func=lambda place: f"{place + 1}: {literal(way_words(contact.ways[place]))}",
            key=key,
            **field,
        )
    if chosen is None:
        return
    words = way_words(contact.ways[chosen])
    message = Message(
        key_of("test", contact.name, m.clock.now()),
        Kind.TEST,
        "",
        contact.name,
        m.clock.now(),
        way=chosen,
    )

    def send_it(_by: str) -> None:
        check_pause(m, message)
        job = m.jobs.start(kind_of(message), f"Test to {words}", work_of(m, message))
        st.session_state.setdefault(_SENT, {})[contact.name] = (words, job)
        m.jobs.wait(job, AT_ONCE)

    change = Change(Act.MANAGE_NOTIFICATIONS, f"test to {contact.name}", "", f"sent to {words}")
    carried_out(m, change, send_it, "The test was not sent")


def kind_of(message: Message) -> str:
    """The kind of job: tests by one way run one after the other."""
    return f"{KIND} {message.contact} {message.way}"


def check_pause(m: Monitor, message: Message) -> None:
    """Raises UsageError if another test went the same way within `APART`."""
    before = m.jobs.of(kind_of(message))
    if before and 0 <= message.created - before[0].started < APART:
        raise UsageError(
            f"{message.contact} was sent a test by this way a moment ago",
            where=f"contacts.{message.contact}",
            hint=f"Wait {APART // SECOND} s between two of them",
        )


def answer_to_test(m: Monitor, contact: Contact) -> None:
    """What the server answered to the last test of this session; nothing without one."""
    kept: tuple[str, Job] | None = st.session_state.get(_SENT, {}).get(contact.name)
    if kept is None:
        return
    words, job = kept
    if job.running:
        follow_job(m, job)
    elif isinstance(job.result, Outcome):
        _say(f"{words}: {job.result.words}", delivered=job.result.delivered)
    elif job.problem is not None:
        _say(f"{words}: {job.problem}", delivered=False)


def _say(words: str, *, delivered: bool) -> None:
    """Not as Markdown, which would make links of addresses."""
    state = "✓ taken by" if delivered else "✕ not taken by"
    st.html(f'<div class="{"quiet" if delivered else "abnormal"}">{state} {escape(words)}</div>')


def work_of(m: Monitor, message: Message) -> Callable[[Progress], Outcome]:
    """The work of the job: hand the message over, and keep what became of it."""
    parts = notifications_of(m)

    def work(progress: Progress) -> Outcome:
        progress.step("waiting for the server's answer")
        try:
            outcome = parts.carrier.deliver(message)
        except UsageError as error:
            outcome = Outcome(False, str(error), lasting=True)
        if outcome.delivered:  # a dead letter would be reported on every page
            attempt = Try(m.clock.now(), message.way, delivered=True, words=outcome.words)
            parts.outbox.add([message.tried(attempt, MessageState.SENT, way=message.way)])
        return outcome

    return work
