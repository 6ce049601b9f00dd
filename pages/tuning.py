"""Tuning: trying other settings on the history, profiles, models of several tags, the versions so far."""

from sensormon.monitor.runtime import monitor
from sensormon.ui import profile_editor, tuning_models, tuning_tags, tuning_try, tuning_versions
from sensormon.ui.page import page
from sensormon.ui.sections import chosen_section

# The name appears in the address: ?part=Versions.
SECTIONS = {
    "Try": tuning_try.section,
    "Tags": tuning_tags.tags_section,
    "Profiles": profile_editor.profiles_section,
    "Models": tuning_models.models_section,
    "Versions": tuning_versions.section,
}

m = monitor()
with page("Tuning") as me:
    chosen = chosen_section(SECTIONS, "part")
    SECTIONS[chosen](m, me)
