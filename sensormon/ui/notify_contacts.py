"""The section Contacts of Notifications: who is told, by which ways, and the mail server."""

from __future__ import annotations

import os
from dataclasses import replace
from html import escape

import streamlit as st

from sensormon.access.roles import Act
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Contact, Limit, Mail, NotifyConfig
from sensormon.ui.acts import allowed, why_not
from sensormon.ui.drawing import panel
from sensormon.ui.notify_fields import Fields, Opened, close, heading, open_, opened, row
from sensormon.ui.notify_file import Known, known, refusal_of, remove, say_problem
from sensormon.ui.notify_first import first_rule
from sensormon.ui.notify_mail import mail_section
from sensormon.ui.notify_saving import save_named
from sensormon.ui.notify_test import answer_to_test, send_a_test
from sensormon.ui.notify_ways import ON_THIS_MACHINE, way_refusal
from sensormon.ui.notify_words import contact_sentence, way_words
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal

PLACE = "contact"
"""In the address: the contact that is open."""
LONGEST_NAME = 60
_STRETCHES = {"minute": 60, "hour": 3_600, "day": 86_400}
PRIVATE = (
    "Messages may then go to addresses of this machine and to link-local ones, where services may trust "
    "whatever comes from here. The plant's private network can be reached without it."
)


def section(m: Monitor, _viewer: Viewer) -> None:
    """The contacts, or the one that is open, and the mail server."""
    now = known(m)
    say_problem(now)
    locked = why_not(m, Act.MANAGE_NOTIFICATIONS)
    if not now.config.contacts and not now.config.rules and now.text is not None and not locked:
        first_rule(m, locked=locked)
        return
    shown = None if locked or now.text is None else opened(PLACE, now.config, Contact("", ()))
    if shown is not None:
        _editor(m, now, shown)
        return
    _list(m, now)
    mail_section(m, now)


# -- the list ---------------------------------------------------------------------------------


def _list(m: Monitor, now: Known) -> None:
    contacts = [*now.config.contacts.values()]
    field = allowed(m, Act.MANAGE_NOTIFICATIONS, disabled=now.text is None)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(counted(len(contacts), "contact"), width="content")
        st.button(
            "Add a contact",
            icon=":material/add:",
            type="primary",
            key="contact-new",
            on_click=open_,
            args=(PLACE, None, Contact("", ())),
            **field,
        )
    if not contacts:
        return
    with panel("contacts"):
        for contact in contacts:
            _row(m, now, contact)


def _row(m: Monitor, now: Known, contact: Contact) -> None:
    field = allowed(m, Act.MANAGE_NOTIFICATIONS, disabled=now.text is None)
    used = users_of(now.config, contact.name)
    told = f"told by {', '.join(used[:4])}{' …' if len(used) > 4 else ''}" if used else "no rule tells them"
    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center", key=f"contact-row-{contact.name}"):
            private = "may call this machine" if contact.allow_private else ""
            row(contact.name, f"{contact_sentence(contact)} · {told}", mark=private)
            st.button(
                "Edit",
                key=f"contact-edit-{contact.name}",
                on_click=open_,
                args=(PLACE, contact, contact),
                **field,
            )
            send_a_test(m, contact, disabled=now.text is None)
        answer_to_test(m, contact)


def users_of(config: NotifyConfig, name: str) -> list[str]:
    """The rules that tell this contact."""
    return [
        rule.name
        for rule in config.rules.values()
        if name in rule.to or any(name in step.to for step in rule.escalate)
    ]


# -- the editor -------------------------------------------------------------------------------


def _editor(m: Monitor, now: Known, shown: Opened[Contact]) -> None:
    fields = Fields(PLACE, shown.round)
    new = shown.begun is None
    heading(PLACE, "All contacts", "New contact" if new else shown.name)
    with panel("contact-fields"):
        contact = _fields(now.config, shown.start, fields, new=new)

    def ways_missing() -> UsageError | None:
        if str(st.session_state.get(fields.key("way-new")) or "").strip():
            return UsageError("ways: what was typed is not among the ways yet", where="contact")
        if not contact.ways:
            return UsageError("ways: add an address or a URL first", where="contact")
        return None

    save_named(
        m,
        now,
        shown,
        contact,
        fields,
        noun="contact",
        names=now.config.contacts,
        said=f"{contact.name} is saved.",
        first=ways_missing,
        last=lambda: way_refusal(contact, now.config.mail),
    )
    if not new:
        _remove(m, now, shown)


def _fields(config: NotifyConfig, start: Contact, fields: Fields, *, new: bool) -> Contact:
    """Draw the fields; the contact that they make."""
    name = start.name
    if new:
        with fields.field("name", 300):
            name = st.text_input(
                "Name",
                max_chars=LONGEST_NAME,
                key=fields.key("name"),
                placeholder="For example: shift",
                help="Letters, digits, dots, - and _. It stays: rules and the log carry it.",
            )
    with fields.field("ways"):
        ways = _ways(config, start, fields)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = st.number_input(
            "At most, messages", 1, 999_999, start.limit.messages, key=fields.key("most"), width=160
        )
        words = [*_STRETCHES]
        per = st.selectbox(
            "per",
            words,
            [*_STRETCHES.values()].index(start.limit.seconds),
            key=fields.key("per"),
            width=140,
            help="What is over it comes later, in one digest",
        )
        with fields.field("group", 220):
            group = fields.time(
                "group",
                "Collect events for",
                start.group,
                unset="each by itself",
                help="Events within this time come in one message. Empty: each by itself, at once.",
            )
    secret = start.secret_env
    if any(way.startswith(("http://", "https://")) for way in ways):
        with fields.field("secret_env", 400):
            secret = st.text_input(
                "Variable with the webhook's secret",
                start.secret_env,
                max_chars=100,
                key=fields.key("secret"),
                placeholder="none: the webhook is not signed",
                help="The name of an environment variable. Its value signs what the webhook gets.",
            )
            st.caption(variable_words(secret or ""))
    private = st.checkbox(ON_THIS_MACHINE, start.allow_private, key=fields.key("private"))
    if private:
        st.warning(PRIVATE)
    return replace(
        start,
        name=(name or "").strip(),
        ways=ways,
        limit=Limit(int(most), _STRETCHES[per or "hour"]),
        group=group,
        secret_env=(secret or "").strip(),
        allow_private=private,
    )


def variable_words(name: str) -> str:
    """Whether this environment variable is set, never what it is; empty without a name."""
    if not name.strip():
        return ""
    state = "is set" if os.environ.get(name.strip()) else "is not set in the process that runs the monitor"
    return f"{literal(name.strip())} {state}."


def _ways(config: NotifyConfig, start: Contact, fields: Fields) -> tuple[str, ...]:
    """The ways in order, each of which can be moved and removed, and a field for another."""
    kept = fields.key("ways")
    ways: list[str] = st.session_state.setdefault(kept, [*start.ways])
    st.markdown(
        "Ways, tried in this order",
        help="The next one is tried if one refuses or fails. What may be secret in them is not shown.",
    )
    for place, way in enumerate(ways):
        with st.container(horizontal=True, vertical_alignment="center", key=f"way-row-{place}", gap="small"):
            words = f'<div class="told line"><b>{place + 1}</b>{escape(way_words(way))}</div>'
            st.html(words, width="stretch")
            st.button(
                "Move up",
                icon=":material/arrow_upward:",
                type="tertiary",
                key=fields.key(f"way-up-{place}"),
                disabled=not place,
                on_click=_reordered,
                args=(kept, place),
            )
            st.button(
                "Remove",
                type="tertiary",
                key=fields.key(f"way-remove-{place}"),
                on_click=_without,
                args=(kept, place),
            )
    typed = fields.key("way-new")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Add a way",
            key=typed,
            max_chars=1_000,
            autocomplete="off",
            placeholder="lead@plant.example or https://hooks.plant.example/alarm",
            help="A mail address, the URL of a webhook, or that of a service that apprise knows: tgram://, "
            "slack://, workflows://, ntfys:// and others",
            on_change=_added,
            args=(kept, typed),
        )
        st.button("Add", key=fields.key("way-add"), on_click=_added, args=(kept, typed))
    if not config.mail and any(way.startswith("mailto:") for way in ways):
        st.caption("Mail goes out once the mail server below the contacts is set.")
    if typed in st.session_state and st.session_state.get(f"{typed}-refused"):
        st.markdown(f":red[{literal(st.session_state[f'{typed}-refused'])}]")
    return tuple(ways)


def way_of_text(typed: str) -> str:
    """What was typed as a way; a bare address is one for mail.

    >>> way_of_text(" lead@plant.example "), way_of_text("https://me@hooks.example/x")
    ('mailto:lead@plant.example', 'https://me@hooks.example/x')
    """
    text = typed.strip()
    return f"mailto:{text}" if "@" in text and ":" not in text else text


def _added(kept: str, typed: str) -> None:
    """Take the way over that was typed; what cannot be one stays in the field, with the reason."""
    way = way_of_text(str(st.session_state.get(typed) or ""))
    if not way:
        return
    contact = Contact("new", (way,), allow_private=True)
    server = Mail("smtp://localhost", "sensormon@plant.example")
    problem = refusal_of("", server, contact) or way_refusal(contact, server)
    refused = f"{problem.what.partition(': ')[2]}." if problem else ""
    st.session_state[f"{typed}-refused"] = refused[:1].upper() + refused[1:]
    if not problem:
        st.session_state[kept] = [*dict.fromkeys([*st.session_state[kept], way])]
        st.session_state[typed] = ""


def _reordered(kept: str, place: int) -> None:
    ways = [*st.session_state[kept]]
    ways.insert(place - 1, ways.pop(place))
    st.session_state[kept] = ways


def _without(kept: str, place: int) -> None:
    ways = [*st.session_state[kept]]
    del ways[place : place + 1]
    st.session_state[kept] = ways


def _remove(m: Monitor, now: Known, shown: Opened[Contact]) -> None:
    used = users_of(now.config, shown.name)
    field = allowed(
        m,
        Act.MANAGE_NOTIFICATIONS,
        disabled=bool(used),
        help=f"Rules tell this contact: {', '.join(used[:5])}" if used else None,
    )
    with st.popover("Remove …", key="contact-remove-ask", **field):
        st.markdown("Messages to this contact that still wait fail.")
        pressed = st.button("Remove the contact", key="contact-remove", type="primary", **field)
    if pressed and shown.begun is not None and remove(m, shown.begun, None, "The contact was not removed"):
        close(PLACE, f"{shown.name} was removed.")
        st.rerun()
