"""The section Messages of Notifications: what waits, what nobody took, and the delivery log."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.person import Person
from sensormon.access.roles import Act
from sensormon.model.errors import StoreError
from sensormon.model.format import counted, day_and_time, moment_words
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import NotifyConfig
from sensormon.notify.messages import Kind, Message, MessageState
from sensormon.notify.notifications import notifications_of
from sensormon.notify.outbox import Counts
from sensormon.notify.words import subject_of
from sensormon.ui.acts import allowed, managed, why_not
from sensormon.ui.drawing import not_readable, panel
from sensormon.ui.notify_file import Known, known, say_problem
from sensormon.ui.notify_words import KINDS, way_words
from sensormon.ui.parts import every
from sensormon.ui.viewer import Viewer
from sensormon.view.access import times_column

LISTED = 200
"""Messages in the log, the newest."""
ON_TOP = 10
"""Waiting and failed messages above it."""
STATES = {MessageState.WAITING: "waiting", MessageState.SENT: "sent", MessageState.FAILED: "failed"}


def section(m: Monitor, viewer: Viewer) -> None:
    """The state in a line, failed and waiting messages, the log with its filters."""
    now = known(m)
    say_problem(now)
    why_not(m, Act.MANAGE_NOTIFICATIONS)
    with st.container(horizontal=True, vertical_alignment="top"):
        contacts = st.multiselect(
            "Contacts",
            [*now.config.contacts],
            key="log-contacts",
            placeholder="all contacts",
            width=320,
        )
        state = st.segmented_control(
            "State", [*STATES], format_func=STATES.__getitem__, key="log-state", help="None chosen: all"
        )
    _messages(m, viewer, now, tuple(contacts), state)


@every(3)
def _messages(
    m: Monitor, viewer: Viewer, now: Known, contacts: tuple[str, ...], state: MessageState | None
) -> None:
    outbox = notifications_of(m).outbox
    try:
        counts = outbox.counts()
        waiting = outbox.waiting()
        # whoever sent a test has seen that it failed
        failed = [message for message in outbox.failed() if message.kind is not Kind.TEST]
        listed = outbox.log(LISTED, contacts, () if state is None else (state,))
    except StoreError as error:
        not_readable(error)
        return
    st.markdown(f"{_state_line(m, viewer, counts, len(failed))} · {_who_sends(m)}")
    if failed:
        with panel("messages-failed"):
            st.markdown(f"**{counted(len(failed), 'message')} that nobody took**")
            for message in failed[:ON_TOP]:
                _row(m, viewer, now.config, message)
            _more(len(failed), "log below has them, by the state failed")
    if waiting:
        with panel("messages-waiting"):
            st.markdown(f"**{counted(len(waiting), 'message')} waiting**")
            for message in waiting[:ON_TOP]:
                _row(m, viewer, now.config, message)
            _more(len(waiting), "log below has them, by the state waiting")
    if not listed:
        words = "No message has these contacts and this state." if contacts or state else "No message yet."
        st.caption(words)
        return
    st.dataframe(
        log_table(listed, now.config, viewer),
        hide_index=True,
        key="messages",
        alt=counted(len(listed), "message"),
        height=min(38 + 35 * len(listed), 560),
        column_config={
            "Time": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name, width=150
            ),
            "Message": st.column_config.TextColumn(width=380),
            "Tries": st.column_config.NumberColumn(width=60),
            "Answer": st.column_config.TextColumn(width=320),
        },
    )
    if len(listed) == LISTED:
        st.caption(f"The newest {LISTED}. Messages are kept for 30 days.")


def _more(count: int, where: str) -> None:
    if count > ON_TOP:
        st.caption(f"{count - ON_TOP:,} more; the {where}.")


def _state_line(m: Monitor, viewer: Viewer, counts: Counts, dead: int) -> str:
    """How many are in which state."""
    parts = [f"{counts.sent:,} sent in 30 days", f"{counts.waiting:,} waiting"]
    if counts.oldest is not None:
        parts[-1] += f" since {moment_words(counts.oldest, m.clock.now(), viewer.zone)}"
    failed = f"{dead:,} failed"
    parts.append(f":red[◆ {failed}]" if dead else failed)
    return " · ".join(parts)


def _who_sends(m: Monitor) -> str:
    """Which process hands messages over."""
    match notifications_of(m).sender.leading:
        case True:
            return "this process sends"
        case False:
            return "another process on this database sends"
        case None:
            return "nothing is sent at the moment"


def _row(m: Monitor, viewer: Viewer, config: NotifyConfig, message: Message) -> None:
    """A message that waits or that nobody took, with the last answer."""
    subject = escape(subject_of(message, viewer.zone))
    made = moment_words(message.created, m.clock.now(), viewer.zone)
    words = f"{message.contact} · {made} · {answer_words(message, config)}"
    is_failed = message.state is MessageState.FAILED
    if not is_failed and message.tries:
        words += f" · next try {moment_words(message.due, m.clock.now(), viewer.zone)}"
    with st.container(horizontal=True, vertical_alignment="center", key=f"message-{message.key}"):
        st.html(f'<div class="told"><b>{subject}</b><span>{escape(words)}</span></div>', width="stretch")
        if not is_failed:
            return

        def again(by: Person) -> None:
            notifications_of(m).outbox.send_again(by, message.key)

        change = Change(Act.MANAGE_NOTIFICATIONS, f"message to {message.contact}", "failed", "sent again")
        pressed = st.button("Send again", key=f"again-{message.key}", **allowed(m, Act.MANAGE_NOTIFICATIONS))
    if pressed and managed(m, change, again, "The message was not sent again"):
        st.rerun()


def answer_words(message: Message, config: NotifyConfig) -> str:
    """What the server said last, and by which way it was asked."""
    if not message.tries:
        return "not tried yet"
    last = message.tries[-1]
    contact = config.contacts.get(message.contact)
    known_way = contact is not None and last.way < len(contact.ways)
    by = f"{way_words(contact.ways[last.way])}: " if known_way and contact is not None else ""
    return f"{by}{last.words}"


def log_table(messages: Sequence[Message], config: NotifyConfig, viewer: Viewer) -> pd.DataFrame:
    """The log, a row for each message."""
    return pd.DataFrame(
        {
            "Time": times_column([message.created for message in messages]),
            "To": [message.contact for message in messages],
            "Kind": [KINDS[message.kind].lower() for message in messages],
            "Message": [subject_of(message, viewer.zone) for message in messages],
            "State": [STATES[message.state] for message in messages],
            "Tries": [message.attempts for message in messages],
            "Answer": [answer_words(message, config) for message in messages],
            "Handed over": [_handed_over(message, viewer) for message in messages],
        }
    )


def _handed_over(message: Message, viewer: Viewer) -> str:
    delivered = [attempt.time for attempt in message.tries if attempt.delivered]
    return day_and_time(delivered[-1], viewer.zone) if delivered else ""
