"""The mail server: where it is, who sends, and the name of the variable with the password."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import streamlit as st

from sensormon.access.roles import Act
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Contact, Mail
from sensormon.ui.acts import allowed, name_field
from sensormon.ui.drawing import panel
from sensormon.ui.notify_fields import Fields
from sensormon.ui.notify_file import SAID, Known, refusal_of, remove, save
from sensormon.ui.notify_ways import way_refusal
from sensormon.view.phrases import literal

SECURITY = {
    "smtp+starttls": "STARTTLS, usually port 587",
    "smtps": "TLS, usually port 465",
    "smtp": "none, usually port 25",
}
_ANYBODY = Contact("anybody", ("mailto:anybody@plant.example",), allow_private=True)
PORTS = {"smtp+starttls": 587, "smtps": 465, "smtp": 25}


def mail_section(m: Monitor, now: Known) -> None:
    """The form for the mail server; it saves by itself."""
    mail = now.config.mail
    field = allowed(m, Act.MANAGE_NOTIFICATIONS, disabled=now.text is None)
    with panel("mail"):
        st.markdown("**Mail server**")
        fields = Fields(f"mail-{now.seen[:8]}", 0)
        with st.form("mail-form", border=False):
            made = mail_fields(mail, fields, disabled=field["disabled"])
            who = name_field(m, "mail-who", required=False, width=320)
            sent = st.form_submit_button("Save the mail server", key="mail-save", **field)
        if sent and fields.refuse(wrong_server(made) or refusal_of(now.text or "", made)):
            return
        if sent and save(m, mail, made, who, "The mail server was not saved"):
            st.session_state[SAID] = "The mail server is saved."
            st.rerun()
        if mail is not None:
            _remove(m, now, mail)


def mail_fields(
    mail: Mail | None, fields: Fields, *, disabled: bool = False, host_label: str = "Host"
) -> Mail:
    """Draw the fields; the mail server that they make, which may be wrong."""
    scheme, host, port = _parts(mail.server if mail else "")
    with st.container(horizontal=True, vertical_alignment="top"):
        with fields.field("server", 320):
            host = (
                st.text_input(
                    host_label,
                    host,
                    max_chars=250,
                    placeholder="mail.plant.example",
                    key=fields.key("host"),
                    disabled=disabled,
                )
                or ""
            )
        security = (
            st.selectbox(
                "Encryption",
                [*SECURITY],
                [*SECURITY].index(scheme),
                format_func=SECURITY.__getitem__,
                key=fields.key("security"),
                width=240,
                disabled=disabled,
            )
            or scheme
        )
        typed = st.text_input(
            "Port",
            port,
            max_chars=5,
            placeholder="the usual one",
            key=fields.key("port"),
            width=140,
            disabled=disabled,
        )
    with st.container(horizontal=True, vertical_alignment="top"):
        with fields.field("from", 320):
            sender = st.text_input(
                "From",
                mail.sender if mail else "",
                max_chars=250,
                placeholder="sensormon@plant.example",
                key=fields.key("from"),
                disabled=disabled,
            )
        with fields.field("user", 240):
            user = st.text_input(
                "User",
                mail.user if mail else "",
                max_chars=250,
                placeholder="none",
                key=fields.key("user"),
                autocomplete="off",
                disabled=disabled,
            )
        with fields.field("password_env", 240):
            variable = st.text_input(
                "Variable with the password",
                mail.password_env if mail else "",
                max_chars=100,
                placeholder="MAIL_PASSWORD",
                key=fields.key("variable"),
                help="The name of an environment variable of the monitor, never the password itself",
                disabled=disabled,
            )
            if mail is not None and mail.password_env:
                st.caption(password_words(mail.password_env))
    place = (typed or "").strip() or str(PORTS[security])
    return Mail(
        f"{security}://{host.strip()}:{place}" if host.strip() else "",
        (sender or "").strip(),
        (user or "").strip(),
        (variable or "").strip(),
    )


def password_words(name: str) -> str:
    """Whether the variable is set, never what it is."""
    if os.environ.get(name):
        return f"{literal(name)} is set."
    return (
        f"{literal(name)} is not set: the mail server will refuse the login. Set it where the monitor is "
        "started, and start it again."
    )


def _parts(server: str) -> tuple[str, str, str]:
    """Scheme, host and port of the fields."""
    try:
        parts = urlsplit(server)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", server, None
    scheme = scheme if scheme in PORTS else "smtp+starttls"
    usual = port is None or port == PORTS[scheme]
    return scheme, host, "" if usual else str(port)


def _remove(m: Monitor, now: Known, mail: Mail) -> None:
    used = [
        contact.name
        for contact in now.config.contacts.values()
        if any(way.startswith("mailto:") for way in contact.ways)
    ]
    field = allowed(
        m,
        Act.MANAGE_NOTIFICATIONS,
        disabled=bool(used) or now.text is None,
        help=f"Contacts have mail addresses: {', '.join(used[:5])}" if used else None,
    )
    if st.button("Remove the mail server", type="tertiary", key="mail-remove", **field) and remove(
        m, mail, None, "The mail server was not removed"
    ):
        st.session_state[SAID] = "The mail server was removed."
        st.rerun()


def wrong_server(mail: Mail) -> UsageError | None:
    """Why the fields make no mail server; None if they do."""
    if not mail.server:
        return UsageError("server: the host is needed", where="[mail]")
    if not mail.sender:
        return UsageError("from: the address that sends is needed", where="[mail]")
    return refusal_of("", mail) or way_refusal(_ANYBODY, mail)
