"""What somebody sees instead of a page: the way to sign in, or that they have been signed out."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon.access.identity import name_in
from sensormon.access.roles import Role
from sensormon.monitor.monitor import Monitor
from sensormon.ui.sign_in_link import sign_in_link
from sensormon.ui.style import style_sheet
from sensormon.ui.viewer import viewer
from sensormon.ui.who import person, visit


def must_sign_in(m: Monitor) -> bool:
    """Whether nobody is signed in who has to be. Raises StoreError while accounts cannot be read."""
    return m.access.identity.closed and person(m).role is Role.NOBODY


def draw_sign_in(m: Monitor) -> None:
    """Draw the way to sign in; nothing else may be on the page."""
    st.set_page_config(layout="wide", page_title="Sign in · sensormon")
    st.html(f"<style>{style_sheet(viewer().palette)}</style>")
    with (
        st.container(horizontal_alignment="center", key="sign-in-page"),
        st.container(key="panel-sign-in", width=420, border=True),
    ):
        _WAYS[m.access.identity.mode](m)


def _accounts(_: Monitor) -> None:
    st.header("You have been signed out", anchor=False)
    st.html(f"<p>{sign_in_link()}</p>")


def _proxy(_: Monitor) -> None:
    st.header("You are not signed in", anchor=False)
    st.write(
        "The proxy in front of this monitor no longer says who you are. Reload the page to sign in there."
    )


def _provider(m: Monitor) -> None:
    here = visit()
    name = name_in(here.claims)
    if m.access.identity.lacks_role(here):
        st.header("No access", anchor=False)
        words = f"You are signed in as <strong>{escape(name)}</strong>, but have no role here."
        st.html(f"<p>{words} Ask an administrator for one.</p>")
        st.button("Sign out", on_click=st.logout, key="leave")
        return
    st.header("You have been signed out" if name else "Sign in", anchor=False)
    st.write("You sign in at your organisation's identity provider.")
    st.button("Sign in", type="primary", on_click=st.login, key="sign-in")


_WAYS = {"users": _accounts, "proxy": _proxy, "oidc": _provider}
