"""The first rule in one short form: who is told, by mail or by a URL, and of what."""

from __future__ import annotations

import streamlit as st

from sensormon.access.roles import Act
from sensormon.model.errors import UsageError
from sensormon.model.events import Severity
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Contact, Rule
from sensormon.notify.config_edit import Edited
from sensormon.ui.acts import allowed, name_field
from sensormon.ui.drawing import panel
from sensormon.ui.glossary import meaning
from sensormon.ui.notify_fields import Fields
from sensormon.ui.notify_file import SAID, refusal_of, save_all
from sensormon.ui.notify_mail import mail_fields, wrong_server
from sensormon.ui.notify_ways import ON_THIS_MACHINE, way_refusal
from sensormon.ui.notify_words import rule_sentence

MAIL, HOOK, OTHER = "E-mail", "Webhook", "Another service"
_RULE = "events"


def first_rule(m: Monitor, *, locked: bool) -> None:
    """The form; for somebody who may not use it, a line that says what is missing."""
    if locked:
        st.info("Nobody is told of anything yet.")
        return
    fields = Fields("first", 0)
    with panel("first-rule"):
        st.markdown("**Nobody is told of anything yet. Who should be?**")
        way = st.segmented_control(
            "By",
            [MAIL, HOOK, OTHER],
            default=MAIL,
            required=True,
            key="first-by",
            label_visibility="collapsed",
        )
        with st.form("first-form", border=False):
            with st.container(horizontal=True, vertical_alignment="top"):
                with fields.field("name", 240):
                    name = st.text_input("Who", "shift", max_chars=60, key=fields.key("name"))
                with fields.field("ways", 320 if way == MAIL else 480):
                    typed = _address(way or MAIL, fields)
            mail = mail_fields(None, fields, host_label="Mail server") if way == MAIL else None
            private = way != OTHER and st.checkbox(
                ON_THIS_MACHINE,
                key=fields.key("private"),
                help="For a mail server or a webhook on the machine of the monitor; refused otherwise",
            )
            severity = st.segmented_control(
                "Of events of this severity or higher",
                [*Severity],
                format_func=str,
                default=Severity.MEDIUM,
                required=True,
                key=fields.key("severity"),
                help=meaning("severity"),
            )
            who = name_field(m, "first-who", required=False, width=320)
            sent = st.form_submit_button(
                "Make this rule", type="primary", key="first-save", **allowed(m, Act.MANAGE_NOTIFICATIONS)
            )
        st.caption("Everything can be changed afterwards: more people, other tags, times, escalation.")
    if not sent:
        return
    contact = Contact((name or "").strip(), (_way(way or MAIL, typed),), allow_private=bool(private))
    rule = Rule(_RULE, (contact.name,), severity=severity or Severity.MEDIUM, returned=True)
    values: list[Edited] = [*([mail] if mail else []), contact, rule]
    refusal = wrong_server(mail) if mail else None
    if not typed.strip():
        needed = "an address is needed" if mail else "a URL is needed"
        refusal = UsageError(f"ways: {needed}", where="contact")
    if fields.refuse(refusal or refusal_of("", *values) or way_refusal(contact, mail)):
        return
    if save_all(m, values, who, "The rule was not made"):
        st.session_state[SAID] = f"In force: {rule_sentence(rule)} Send a test from Contacts."
        st.rerun()


def _address(way: str, fields: Fields) -> str:
    labels = {
        MAIL: ("Address", "lead@plant.example"),
        HOOK: ("URL", "https://hooks.plant.example/alarm"),
        OTHER: ("URL as apprise has it", "tgram://…, slack://…, workflows://…, ntfys://…"),
    }
    label, example = labels[way]
    return (
        st.text_input(label, max_chars=1_000, placeholder=example, key=fields.key("way"), autocomplete="off")
        or ""
    )


def _way(way: str, typed: str) -> str:
    text = typed.strip()
    return f"mailto:{text.removeprefix('mailto:')}" if way == MAIL else text
