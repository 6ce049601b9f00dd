"""What people do on the pages: the one gate that every change goes through, and its widgets.

`carried_out` asks who is at the page, checks the role, has the audit trail record it, and only
then changes something; `tests/pages/test_gate.py` holds that no page changes anything elsewhere. A widget
for an act that a role does not allow is disabled and says why: see `allowed` and `why_not`. That
is for people; a forged click on a disabled button still meets the gate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypedDict

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.person import Person, refusal
from sensormon.access.roles import Act
from sensormon.model.errors import Forbidden, SensormonError, UsageError
from sensormon.model.text import LONGEST_NAME, cleaned
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import not_done
from sensormon.ui.who import TYPED, person

NOTHING = "nothing"
"""The value before or after in the audit trail of what did not exist, or exists no longer."""


class Allowed(TypedDict):
    """Arguments of a widget."""

    disabled: bool
    help: str | None


def allowed(m: Monitor, act: Act, *, disabled: bool = False, help: str | None = None) -> Allowed:
    """`disabled` and `help` of a widget for this act; a role that does not allow it comes first."""
    reason = refusal(person(m), act)
    return Allowed(disabled=disabled or bool(reason), help=reason or help)


def why_not(m: Monitor, act: Act) -> bool:
    """If the role does not allow this act, draw the reason as a line; returns whether it does not.

    For widgets that show no help while they are disabled.
    """
    reason = refusal(person(m), act)
    if reason:
        st.caption(f":material/lock: {reason}")
    return bool(reason)


def name_field(
    m: Monitor, key: str, *, required: bool = True, width: int | Literal["stretch"] = "stretch"
) -> str:
    """The name for records: that of the person signed in, or of a field for it inside a form.

    If `required` the form cannot be sent without it. The session remembers a name that was given.
    """
    me = person(m)
    if me.verified:
        return me.name
    who = st.text_input(
        "Your name, for the log", me.typed, max_chars=LONGEST_NAME, key=key, required=required, width=width
    )
    return who or ""


def carried_out(
    m: Monitor, change: Change, do: Callable[[str], object], problem: str, typed: str | None = None
) -> bool:
    """Do this in the name for records, if the role allows it, after the audit trail has it.

    If it fails, say why under the title `problem`. `typed` is the name from a form's `name_field`, which
    the session then remembers; None if the form did not ask for one.
    """
    try:
        me = _named(person(m), typed)
        m.access.audit.perform(me, change, do)
    except SensormonError as error:
        not_done(error, problem)
        return False
    if not me.verified and me.typed:
        st.session_state[TYPED] = me.typed
    return True


def managed(m: Monitor, change: Change, do: Callable[[Person], object], problem: str) -> bool:
    """The same for accounts, sessions and tokens, which check the role and record what they did themselves.

    What they refuse or fail to do is recorded here, as this change.
    """
    try:
        me = person(m)
        try:
            do(me)
        except Forbidden as error:
            m.access.audit.refuse(me, change, error.what)
            raise
        except SensormonError as error:
            m.access.audit.record(m.access.audit.record_of(me, change, failure=error.what))
            raise
    except SensormonError as error:
        not_done(error, problem)
        return False
    return True


def _named(me: Person, typed: str | None) -> Person:
    """The person with the name just typed. Raises UsageError if a name was asked for and is empty."""
    if typed is None or me.verified:
        return me
    if not cleaned(typed):
        raise UsageError("a name is needed", where="Your name", hint="Give yours, for the log")
    return replace(me, typed=typed.strip())
