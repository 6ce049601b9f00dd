"""Saved mappings on the Import page: one is chosen, and the one at hand is saved under a name."""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.exchange.mappings import Mappings, SavedMapping
from sensormon.model.errors import UsageError
from sensormon.model.text import LONGEST_NAME
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.drawing import not_done

_NONE = "none: as the file shows"


def chosen_mapping(m: Monitor) -> SavedMapping:
    """The saved mapping that the person chooses; an empty one for none."""
    try:
        known = Mappings(m.settings.data_dir).all()
    except UsageError as error:
        not_done(error, "Saved mappings are not available")
        known = {}
    if not known:
        return SavedMapping(Columns())
    name = st.selectbox("Saved mapping", [_NONE, *known], key="import-mapping")
    return known.get(name, SavedMapping(Columns()))


def save_mapping(m: Monitor, mapping: SavedMapping) -> None:
    """The field and button that save this mapping."""
    with st.form("import-save", border=False):
        left, right = st.columns([2, 3], vertical_alignment="bottom")
        name = left.text_input(
            "Save this mapping as",
            max_chars=LONGEST_NAME,
            key="import-save-name",
            placeholder="such as Line 4",
        )
        asked = right.form_submit_button("Save", key="import-save-button", **allowed(m, Act.IMPORT))
    if not asked or not (name or "").strip():
        return
    mappings = Mappings(m.settings.data_dir)
    change = Change(Act.IMPORT, f"mapping {name}", "", "saved")
    if carried_out(m, change, lambda _: mappings.save(name, mapping), "The mapping was not saved"):
        st.rerun()
