"""Data: sources, history from files, exports, reports, cases, the tag table, retention and sizes."""

from sensormon.monitor.runtime import monitor
from sensormon.ui import (
    calculated_tags,
    data_case,
    data_export,
    data_import,
    data_sources,
    data_storage,
    data_tags,
)
from sensormon.ui.page import page
from sensormon.ui.sections import chosen_section

# The name appears in the address: ?section=Tags.
SECTIONS = {
    "Import": data_import.section,
    "Sources": data_sources.section,
    "Export": data_export.section,
    "Cases": data_case.section,
    "Tags": data_tags.section,
    "Calculated tags": calculated_tags.section,
    "Storage": data_storage.section,
}

m = monitor()
with page("Data") as me:
    chosen = chosen_section(SECTIONS, "section")
    SECTIONS[chosen](m, me)
