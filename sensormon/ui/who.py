"""Who is at this page, asked at every run: a session that was ended ends at the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from sensormon.access.person import Person
from sensormon.access.visit import COOKIE, PEER, Visit
from sensormon.monitor.monitor import Monitor

TYPED = "who"
"""Key in the session's state: the name that somebody gave without proof."""


def person(m: Monitor) -> Person:
    """The person at this page. Raises StoreError while accounts cannot be read."""
    known = m.access.identity.of(visit())
    typed = "" if known.verified else str(st.session_state.get(TYPED, ""))
    return replace(known, typed=typed)


def visit() -> Visit:
    """What the connection of this page says; the server's own middleware adds the peer's address."""
    headers = {name.lower(): value for name, value in st.context.headers.items()}
    return Visit(
        peer=headers.get(PEER, ""),
        headers=headers,
        cookie=st.context.cookies.get(COOKIE, ""),
        claims=_claims(),
    )


def _claims() -> Mapping[str, Any]:
    """What an identity provider says, if it signed this person in."""
    user = st.user.to_dict()
    return user if user.get("is_logged_in") else {}
