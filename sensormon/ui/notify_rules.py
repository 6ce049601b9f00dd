"""The section Rules of Notifications: the list with its switches, and the editor of a rule."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from sensormon.access.roles import Act
from sensormon.model.events import Severity
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Rule
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.drawing import panel
from sensormon.ui.notify_fields import Fields, Opened, close, heading, open_, opened, row
from sensormon.ui.notify_file import Known, known, remove, save, say_problem
from sensormon.ui.notify_first import first_rule
from sensormon.ui.notify_forecast import forecast_panel
from sensormon.ui.notify_rule_fields import rule_fields
from sensormon.ui.notify_saving import save_named
from sensormon.ui.notify_words import rule_sentence, rule_words
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import fresh_key, replace_widget

PLACE = "rule"
"""In the address: the rule that is open."""
_SEARCHED = 8
"""With more rules there is a search."""
_SHOWN = 100
"""Rules in the list; each has widgets of its own."""
_PRESSED = "rule-switched"


def section(m: Monitor, viewer: Viewer) -> None:
    """The rules, or the one that is open."""
    now = known(m)
    say_problem(now)
    locked = why_not(m, Act.MANAGE_NOTIFICATIONS)
    if not now.config.rules and not now.config.contacts and now.text is not None:
        first_rule(m, locked=locked)
        return
    names = [*now.config.contacts]
    empty = Rule("", (names[0],) if len(names) == 1 else (), severity=Severity.MEDIUM, returned=True)
    shown = None if locked or now.text is None else opened(PLACE, now.config, empty)
    if shown is None:
        _list(m, now, empty)
    else:
        _editor(m, viewer, now, shown)


# -- the list ---------------------------------------------------------------------------------


def _list(m: Monitor, now: Known, empty: Rule) -> None:
    if (switched := st.session_state.pop(_PRESSED, None)) is not None:
        _switch(m, switched)
    rules = [*now.config.rules.values()]
    wrong = now.text is None
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        off = sum(not rule.on for rule in rules)
        words = counted(len(rules), "rule") + (f", {off} switched off" if off else "")
        st.markdown(words, width="content")
        searched = ""
        if len(rules) > _SEARCHED:
            searched = st.text_input(
                "Find a rule",
                key="rule-search",
                label_visibility="collapsed",
                placeholder="Find a rule, tag or contact",
                width=280,
                icon=":material/search:",
            )
        st.button(
            "Add a rule",
            icon=":material/add:",
            type="primary",
            key="rule-new",
            on_click=open_,
            args=(PLACE, None, empty),
            **allowed(
                m,
                Act.MANAGE_NOTIFICATIONS,
                disabled=wrong or not now.config.contacts,
                help=None if now.config.contacts else "Add a contact first: somebody to tell",
            ),
        )
    if not rules:
        st.info("Nobody is told of anything. Add a rule.")
    wanted = (searched or "").strip().casefold()
    rows = [rule for rule in rules if wanted in f"{rule.name} {rule_sentence(rule)}".casefold()]
    if rows:
        with panel("rules"):
            for rule in rows[:_SHOWN]:
                _row(m, now, rule)
            if len(rows) > _SHOWN:
                st.caption(f"{len(rows) - _SHOWN:,} more; search for them above.")
    elif rules:
        st.caption("No rule has these words.")


def _row(m: Monitor, now: Known, rule: Rule) -> None:
    key = f"{fresh_key('rule-on')}-{now.seen[:8]}-{rule.name}"
    with st.container(horizontal=True, vertical_alignment="center", key=f"rule-row-{rule.name}", gap="small"):

        def switched() -> None:
            st.session_state[_PRESSED] = (rule, bool(st.session_state[key]))

        field = allowed(m, Act.MANAGE_NOTIFICATIONS, disabled=now.text is None)
        with st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="small"):
            st.toggle(
                f"{rule.name} on",
                rule.on,
                key=key,
                label_visibility="collapsed",
                on_change=switched,
                **field,
            )
            row(rule.name, rule_sentence(rule), mark="" if rule.on else "off", off=not rule.on)
        st.button("Edit", key=f"rule-edit-{rule.name}", on_click=open_, args=(PLACE, rule, rule), **field)
        copy = replace(rule, name=_free_name(now, rule.name))
        st.button(
            "Duplicate",
            key=f"rule-copy-{rule.name}",
            type="tertiary",
            on_click=open_,
            args=(PLACE, None, copy),
            **field,
        )


def _free_name(now: Known, name: str) -> str:
    """A name that no rule has."""
    for number in range(2, len(now.config.rules) + 3):
        if (free := f"{name[:55]}-{number}") not in now.config.rules:
            return free
    return ""


def _switch(m: Monitor, switched: tuple[Rule, bool]) -> None:
    """Carry out what a switch was set to."""
    rule, on = switched
    replace_widget("rule-on")
    if save(m, rule, replace(rule, on=on), None, "The rule was not switched"):
        close(PLACE, f"{rule.name} is {'on' if on else 'off: it tells nobody'}.")
        st.rerun()


# -- the editor -------------------------------------------------------------------------------


def _editor(m: Monitor, viewer: Viewer, now: Known, shown: Opened[Rule]) -> None:
    fields = Fields(PLACE, shown.round)
    new = shown.begun is None
    heading(PLACE, "All rules", "New rule" if new else shown.name)
    left, right = st.columns([3, 2], gap="medium")
    with left, panel("rule-fields"):
        rule = rule_fields(m, now.config, shown.start, fields, new=new)
    with right, panel("rule-does"):
        st.markdown("**What it does**")
        lacks = next(iter(fields.problems.values()), "")
        words = f"Not complete yet. {lacks}." if lacks else rule_words(rule)
        st.html(f'<p class="first-line">{escape(words)}</p>')
    with right, panel("rule-forecast"):
        forecast_panel(m, viewer, now.config, None if lacks else rule)
    with left:
        said = f"{rule.name} is saved and in force."
        save_named(m, now, shown, rule, fields, noun="rule", names=now.config.rules, said=said)
        if not new:
            _remove(m, shown)


def _remove(m: Monitor, shown: Opened[Rule]) -> None:
    with st.popover("Remove …", key="rule-remove-ask", **allowed(m, Act.MANAGE_NOTIFICATIONS)):
        st.markdown("It tells nobody any more. What it has sent stays in the log.")
        pressed = st.button("Remove the rule", key="rule-remove", type="primary")
    if pressed and shown.begun is not None and remove(m, shown.begun, None, "The rule was not removed"):
        close(PLACE, f"{shown.name} was removed.")
        st.rerun()
