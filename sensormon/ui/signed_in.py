"""Who is at this page, in the head of every page: name, role, what it allows, sign in and out."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.person import Person, Way
from sensormon.access.roles import Act
from sensormon.model.errors import SignInRefused, StoreError
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import managed
from sensormon.ui.passwords import password_field
from sensormon.ui.sign_in_link import sign_in_link
from sensormon.ui.who import person
from sensormon.view.access import known_by_words, may_do, signed_in_words, who_words

SIGN_OUT = "sign-out"
"""Path of the route, relative to the pages."""
_SAID = "own-password-said"


def is_another(m: Monitor, drawn: Person) -> bool:
    """Whether somebody else is at this page than when it was drawn: a session ended, a role changed."""
    try:
        now = person(m)
    except (StoreError, SignInRefused):
        return False  # the next run of the page says so
    return (now.name, now.role, now.session) != (drawn.name, drawn.role, drawn.session)


def signed_in(m: Monitor, me: Person) -> None:
    """The name and role of this person, or the link to sign in."""
    if me.way is Way.VISITOR:
        st.html(f'<span class="visitor">You are a {me.role}: {sign_in_link()}</span>', width="content")
        return
    with st.popover(who_words(me), icon=":material/account_circle:", type="tertiary", key="signed-in"):
        st.html(
            f'<h3 class="help-head">{escape(signed_in_words(me))}</h3>'
            f'<p class="help-text">{known_by_words(me.way)}</p>'
        )
        if me.way is Way.ACCOUNT:
            _change_password(m, me)
            st.html(
                f'<form method="post" action="{SIGN_OUT}">'
                '<button type="submit" class="plain">Sign out</button></form>'
            )
        elif me.way is Way.PROVIDER and st.button("Sign out", key="sign-out"):
            change = Change(Act.SIGN_OUT, f"session of {me.name}", "live", "ended")
            if managed(m, change, lambda by: m.access.sessions.end(by, by.session), "Not signed out"):
                st.logout()
        elif me.way is Way.MACHINE:
            st.html(f'<p class="help-text">{sign_in_link()} with an account to have your name verified.</p>')
        rows = "".join(
            f"<dt>{escape(role.capitalize())}</dt><dd>{escape(acts)}</dd>" for role, acts in may_do(me.role)
        )
        st.html(f'<h3 class="help-head">What you can do</h3><dl class="words">{rows}</dl>')


def _change_password(m: Monitor, me: Person) -> None:
    if said := st.session_state.pop(_SAID, None):
        st.info(said)
    with (
        st.expander("Change password", key="own-password"),
        st.form("own-password-form", border=False, clear_on_submit=True),
    ):
        old = password_field("Current password", "own-password-old", new=False)
        new = password_field("New password", "own-password-new", new=True)
        sent = st.form_submit_button("Change password", key="own-password-change")
    change = Change(Act.CHANGE_OWN_ACCOUNT, f"user {me.name}", "", "password set")
    if sent and managed(
        m,
        change,
        lambda by: m.access.accounts.change_own_password(by, old, new),
        "Password not changed",
    ):
        st.session_state[_SAID] = "Password changed."
        st.rerun()
