"""Users: the accounts kept here, adding, changing and removing them, and what each role may do."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.access.accounts import LONGEST_NAME, Account
from sensormon.access.audit import Change
from sensormon.access.person import with_article
from sensormon.access.roles import GIVEN, Act, role_named
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, managed, why_not
from sensormon.ui.drawing import panel
from sensormon.ui.glossary import meaning
from sensormon.ui.passwords import hand_over, handed_over, password_field
from sensormon.ui.sections import section_head
from sensormon.ui.viewer import Viewer
from sensormon.view.access import mode_words, roles_table, times_column

ROLES = [str(role) for role in GIVEN]
_SAID, _ADDED = "users-said", "user-added"


def section(m: Monitor, viewer: Viewer) -> None:
    """The list, the forms, the table of roles. Raises StoreError."""
    section_head("Users", mode_words(m.access.identity.mode))
    locked = why_not(m, Act.MANAGE_USERS)
    if said := st.session_state.pop(_SAID, None):
        st.info(said)
    accounts = [] if locked else m.access.accounts.all()
    if not locked:
        _list(viewer, accounts)
    left, right = st.columns(2, gap="medium")
    with left, panel("user-add", stretch=True):
        _add(m)
    with right, panel("user-change", stretch=True):
        _change(m, accounts)
    st.subheader("What each role may do", anchor=False, help=meaning("role"))
    st.caption(f"Each role may also do what those before it may: {', '.join(ROLES)}.")
    table = roles_table()
    st.dataframe(
        table,
        hide_index=True,
        key="roles",
        alt="What each role may do",
        height=38 + 35 * len(table),
        width="content",
        column_config={
            "Act": st.column_config.TextColumn(width=260),
            "Role needed": st.column_config.TextColumn(width=110),
        },
    )


def _list(viewer: Viewer, accounts: list[Account]) -> None:
    if not accounts:
        st.caption("No accounts yet.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "Name": [account.name for account in accounts],
                "Role": [str(account.role) for account in accounts],
                "Last changed": times_column([account.changed for account in accounts]),
                "By": [account.changed_by for account in accounts],
            }
        ),
        hide_index=True,
        key="users",
        alt=counted(len(accounts), "account"),
        height=min(38 + 35 * len(accounts), 388),
        column_config={
            "Last changed": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name
            )
        },
    )


def _add(m: Monitor) -> None:
    """The form for an account; it is emptied by success only, except for the password."""
    st.markdown("**Add a user**")
    field = allowed(m, Act.MANAGE_USERS)
    password = handed_over("user-password")
    if st.session_state.pop(_ADDED, False):
        st.session_state.update({"user-name": "", "user-role": ROLES[0]})
    with st.form("user-add-form", border=False):
        name = st.text_input("Name", max_chars=LONGEST_NAME, key="user-name", autocomplete="off", **field)
        role = st.selectbox("Role", ROLES, key="user-role", **field)
        password_field("Password", "user-password", new=True, disabled=field["disabled"])
        sent = st.form_submit_button(
            "Add user", type="primary", key="user-add", on_click=hand_over, args=("user-password",), **field
        )
    words = (name or "").strip()
    change = Change(Act.MANAGE_USERS, f"user {words}", "", f"added, {role}")
    if sent and managed(
        m,
        change,
        lambda by: m.access.accounts.add(by, words, role_named(role), password),
        "User not added",
    ):
        st.session_state[_ADDED] = True
        _done(f"{words} may sign in as {role}.")


def _change(m: Monitor, accounts: list[Account]) -> None:
    """Another role, another password, or no account any more, for the chosen one."""
    st.markdown("**Change a user**")
    field = allowed(m, Act.MANAGE_USERS, disabled=not accounts)
    names = [account.name for account in accounts]
    name = st.selectbox("User", names, None, key="user-chosen", placeholder="Choose a user", **field) or ""
    known = next((account for account in accounts if account.name == name), None)
    field = allowed(m, Act.MANAGE_USERS, disabled=known is None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        role = st.selectbox(
            "New role",
            ROLES,
            ROLES.index(str(known.role)) if known else 0,
            key=f"user-new-role-{name}",
            **field,
        )
        same = known is None or str(known.role) == role
        sent = st.button("Set role", key="user-set-role", **allowed(m, Act.MANAGE_USERS, disabled=same))
    if sent:
        change = Change(Act.MANAGE_USERS, f"user {name}", str(known.role) if known else "", role)
        if managed(
            m, change, lambda by: m.access.accounts.set_role(by, name, role_named(role)), "Role not changed"
        ):
            _done(f"{name} is now {with_article(role_named(role))}.")
    with (
        st.form("user-password-form", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        password = password_field("New password", "user-new-password", new=True, disabled=field["disabled"])
        sent = st.form_submit_button("Set password", key="user-set-password", **field)
    change = Change(Act.MANAGE_USERS, f"user {name}", "", "password set")
    if sent and managed(
        m, change, lambda by: m.access.accounts.set_password(by, name, password), "Password not changed"
    ):
        _done(f"{name} has a new password.")
    _remove(m, name, disabled=known is None)


def _remove(m: Monitor, name: str, *, disabled: bool) -> None:
    field = allowed(m, Act.MANAGE_USERS, disabled=disabled)
    with st.popover("Remove …", key="user-remove-ask", **field):
        st.markdown("The account and its sessions end at once. Records keep the name.")
        sent = st.button("Remove the user", key="user-remove", type="primary", **field)
    change = Change(Act.MANAGE_USERS, f"user {name}", "", "removed")
    if sent and managed(m, change, lambda by: m.access.accounts.remove(by, name), "User not removed"):
        _done(f"{name} was removed.")


def _done(words: str) -> None:
    st.session_state[_SAID] = words
    st.rerun()
