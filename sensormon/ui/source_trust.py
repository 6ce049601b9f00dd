"""Asks whether the certificate that a server has shown is to be trusted."""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.intake.named_sources import sources_of
from sensormon.model.errors import SensormonError
from sensormon.monitor.monitor import Monitor
from sensormon.sources.named import NamedSource
from sensormon.sources.trusting import Trusting
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.drawing import panel
from sensormon.ui.source_open import Opened
from sensormon.view.phrases import literal


def unknown_certificate(m: Monitor, shown: Opened, source: NamedSource) -> None:
    """What the server showed at the last test, if it is not trusted, and the button that trusts it."""
    try:
        explorer = sources_of(m).explore(source)
        certificate = explorer.unknown_certificate() if isinstance(explorer, Trusting) else None
    except SensormonError:  # what is wrong stands above
        return
    if certificate is None or not isinstance(explorer, Trusting):
        return
    trusting, fingerprint = explorer, certificate.fingerprint
    with panel("source-certificate"):
        st.markdown(
            f"**The server shows a certificate that is not trusted:** {literal(certificate.subject)}, valid "
            f"until {literal(certificate.ends)}"
        )
        st.code(fingerprint, language=None, wrap_lines=True)
        st.caption(
            "Compare this SHA-256 fingerprint with the one that the server itself shows. Is it the same?"
        )
        pressed = st.button(
            "Trust this certificate", key=shown.key("trust"), **allowed(m, Act.MANAGE_SOURCES)
        )
    change = Change(Act.MANAGE_SOURCES, f"certificate of {source.place}", "not trusted", fingerprint)
    if pressed and carried_out(
        m, change, lambda _: trusting.trust(fingerprint), "The certificate is not trusted"
    ):
        shown.questions.pop("test", None)
        st.rerun()
