"""Access: users and their roles, sessions, API tokens, the audit trail."""

import streamlit as st

from sensormon.model.errors import StoreError
from sensormon.monitor.runtime import monitor
from sensormon.ui import access_audit, access_sessions, access_tokens, access_users, not_readable
from sensormon.ui.page import page

# The name appears in the address: ?section=Sessions.
SECTIONS = {
    "Users": access_users.section,
    "Sessions": access_sessions.section,
    "API tokens": access_tokens.section,
    "Audit trail": access_audit.section,
}

m = monitor()
with page("Access") as me:
    chosen = st.segmented_control(
        "Section",
        list(SECTIONS),
        default="Users",
        required=True,
        key="access",
        bind="query-params",
        label_visibility="collapsed",
    )
    try:
        SECTIONS[chosen or "Users"](m, me)
    except StoreError as error:
        not_readable(error)
