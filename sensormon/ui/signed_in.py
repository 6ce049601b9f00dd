"""Who is at this page, in the head of every page: name, role, what it allows, sign in and out."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.person import Person, Way
from sensormon.access.roles import Act
from sensormon.model.errors import SignInRefused, StoreError
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import managed
from sensormon.ui.passwords import password_field
from sensormon.ui.who import person
from sensormon.view.access import known_by_words, may_do, signed_in_words
from sensormon.view.guide import PAGES

SIGN_IN, SIGN_OUT = "sign-in", "sign-out"
"""Paths of the routes, relative to the pages."""
_SAID = "own-password-said"


def is_another(m: Monitor, drawn: Person) -> bool:
    """Whether somebody else is at this page than when it was drawn: a session ended, a role changed."""
    try:
        now = person(m)
    except (StoreError, SignInRefused):
        return False  # the next run of the page says so
    return (now.name, now.role, now.session) != (drawn.name, drawn.role, drawn.session)


def signed_in(title: str, m: Monitor, me: Person) -> None:
    """The name and role of this person, or the link to sign in; `title` is that of the page."""
    words = signed_in_words(me)
    if not words:
        st.html(
            f'<span class="visitor">You are a {me.role}: '
            f'<a class="sign-in" href="{sign_in_address(title)}" target="_self">Sign in</a></span>',
            width="content",
        )
        return
    with st.popover(words, icon=":material/account_circle:", type="tertiary", key="signed-in"):
        st.html(
            f'<h3 class="help-head">{escape(words)}</h3><p class="help-text">{known_by_words(me.way)}</p>'
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
        rows = "".join(
            f"<dt>{escape(role.capitalize())}</dt><dd>{escape(acts)}</dd>" for role, acts in may_do(me.role)
        )
        st.html(f'<h3 class="help-head">You may, as</h3><dl class="words">{rows}</dl>')


def sign_in_address(title: str) -> str:
    """Where to sign in and come back to the page of this title."""
    first = next(iter(PAGES))
    path = "" if title == first else PAGES[title].path
    return f"{SIGN_IN}?next={quote(f'/{path}', safe='')}"


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
        "The password was not changed",
    ):
        st.session_state[_SAID] = "Password changed."
        st.rerun()
