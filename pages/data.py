"""Data: history from files, exports, cases, the tag table, retention and sizes."""

import streamlit as st

from sensormon.monitor.runtime import monitor
from sensormon.ui import data_case, data_export, data_import, data_storage, data_tags
from sensormon.ui.page import page

# The name appears in the address: ?section=Tags.
SECTIONS = {
    "Import": data_import.section,
    "Export": data_export.section,
    "Cases": data_case.section,
    "Tags": data_tags.section,
    "Storage": data_storage.section,
}

m = monitor()
with page("Data") as me:
    chosen = st.segmented_control(
        "Section",
        list(SECTIONS),
        default="Import",
        required=True,
        key="section",
        bind="query-params",
        label_visibility="collapsed",
    )
    SECTIONS[chosen or "Import"](m, me)
