"""API tokens: which there are, making one, revoking one. The secret is shown in one run and kept nowhere."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.person import Person
from sensormon.access.roles import Act
from sensormon.access.tokens import ACTIVE, LONGEST_NAME, ApiToken, Scope
from sensormon.model.clock import DAY
from sensormon.model.format import counted, day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, managed, why_not
from sensormon.ui.drawing import panel
from sensormon.ui.glossary import meaning
from sensormon.ui.sections import section_head
from sensormon.ui.viewer import Viewer
from sensormon.view.access import times_column
from sensormon.view.phrases import literal

SCOPES = {
    "write": "write: send readings",
    "read": "read: read readings",
    "admin": "admin: both, and the administration of tokens and users",
}
USUAL_EXPIRY = "90 days"
EXPIRES = {"30 days": 30, "90 days": 90, "1 year": 365, "never": 0}
"""Days."""
_SAID, _SECRET = "tokens-said", "token-secret-once"


def section(m: Monitor, viewer: Viewer) -> None:
    """The list, the form that makes a token, the choice of one to revoke. Raises StoreError."""
    section_head(
        "API tokens",
        "For programs that send or read readings over HTTP. The token in the data folder, and those of "
        "SENSORMON_TOKEN and SENSORMON_READ_TOKEN, keep working but are not listed.",
        meaning("API token"),
    )
    locked = why_not(m, Act.MANAGE_TOKENS)
    if said := st.session_state.pop(_SAID, None):
        st.info(said)
    above = st.container()
    left, right = st.columns([3, 2], gap="medium")
    secret = str(st.session_state.pop(_SECRET, ""))
    with left, panel("token-add", stretch=True):
        _add(m, empty=bool(secret))
    tokens = [] if locked else m.access.tokens.all()
    with right, panel("token-revoke", stretch=True):
        _revoke(m, [token for token in tokens if m.access.tokens.state(token) == ACTIVE])
    with above:
        if secret:
            with panel("token-secret"):
                st.markdown("**Copy the token now.** It is shown only once; nothing here can show it again.")
                st.code(secret, language=None, wrap_lines=True)
        if not locked:
            _list(m, viewer, tokens)


def _list(m: Monitor, viewer: Viewer, tokens: list[ApiToken]) -> None:
    if not tokens:
        st.caption("No tokens yet.")
        return
    time = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name)
    st.dataframe(
        pd.DataFrame(
            {
                "Name": [token.name for token in tokens],
                "State": [m.access.tokens.state(token) for token in tokens],
                "Scope": [str(token.scope) for token in tokens],
                "Tags": [", ".join(token.tags) or "all" for token in tokens],
                "Expires": [_time(token.expires, "never", viewer) for token in tokens],
                "Last used": [_time(token.used, "not yet", viewer) for token in tokens],
                "Created": times_column([token.created for token in tokens]),
                "By": [token.created_by for token in tokens],
            }
        ),
        hide_index=True,
        key="tokens",
        alt=counted(len(tokens), "token"),
        height=min(38 + 35 * len(tokens), 388),
        column_config={"Created": time},
    )


def _time(time: int, unset: str, viewer: Viewer) -> str:
    return day_and_time(time, viewer.zone) if time else unset


def _add(m: Monitor, *, empty: bool) -> None:
    """The form for a token, `empty` after one was added; the next run, which follows at once, has its secret.

    What is refused stays in the form.
    """
    if empty:
        st.session_state.update({"token-name": "", "token-scope": next(iter(SCOPES)), "token-tags": ""})
        st.session_state["token-expires"] = USUAL_EXPIRY
    st.session_state.setdefault("token-expires", USUAL_EXPIRY)
    field = allowed(m, Act.MANAGE_TOKENS)
    st.markdown("**Add a token**")
    with st.form("token-add-form", border=False):
        name = st.text_input(
            "Name", max_chars=LONGEST_NAME, key="token-name", placeholder="For example: line 3 PLC", **field
        )
        scope = st.selectbox(
            "Scope", list(SCOPES), format_func=SCOPES.__getitem__, key="token-scope", **field
        )
        limit = allowed(
            m, Act.MANAGE_TOKENS, help="Names or patterns with * and ?, comma-separated. Empty: all tags."
        )
        tags = st.text_input(
            "Tags", key="token-tags", max_chars=2_000, placeholder="fermenter_*, agitator_rpm", **limit
        )
        expires = st.selectbox("Expires after", list(EXPIRES), key="token-expires", **field)
        sent = st.form_submit_button("Add token", type="primary", key="token-add", **field)
    words = (name or "").strip()
    patterns = tuple(pattern.strip() for pattern in (tags or "").split(",") if pattern.strip())
    until = m.clock.now() + EXPIRES[expires] * DAY if EXPIRES[expires] else 0
    secrets: list[str] = []

    def add(by: Person) -> None:
        secrets.append(m.access.tokens.add(by, words, Scope(scope), patterns, until)[1])

    change = Change(Act.MANAGE_TOKENS, f"token {words}", "", f"added, {scope}")
    if sent and managed(m, change, add, "Token not added"):
        st.session_state[_SECRET] = secrets[0]
        st.rerun()


def _revoke(m: Monitor, tokens: list[ApiToken]) -> None:
    field = allowed(m, Act.MANAGE_TOKENS, disabled=not tokens)
    names = {token.id: token.name for token in tokens}
    st.markdown("**Revoke a token**")
    key = st.selectbox(
        "Token",
        list(names),
        None,
        format_func=names.__getitem__,
        key="token-chosen",
        placeholder="Choose a token",
        **field,
    )
    name = names.get(key or "", "")
    change = Change(Act.MANAGE_TOKENS, f"token {name}", ACTIVE, "revoked")
    chosen = allowed(m, Act.MANAGE_TOKENS, disabled=not name)
    if st.button("Revoke", key="token-revoke", **chosen) and managed(
        m, change, lambda by: m.access.tokens.revoke(by, key or ""), "Token not revoked"
    ):
        st.session_state[_SAID] = f"Token {literal(name)} revoked."
        st.rerun()
