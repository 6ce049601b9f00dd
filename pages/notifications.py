"""Notifications: who is notified of what and when, and what became of each message."""

from sensormon.model.errors import StoreError
from sensormon.monitor.runtime import monitor
from sensormon.ui import not_readable, notify_calendars, notify_contacts, notify_log, notify_rules
from sensormon.ui.maintenance import show_maintenance
from sensormon.ui.page import page
from sensormon.ui.sections import chosen_section
from sensormon.ui.shelved_tags import show_shelved_tags

# The name appears in the address: ?notify=Contacts.
SECTIONS = {
    "Rules": notify_rules.section,
    "Contacts": notify_contacts.section,
    "Calendars": notify_calendars.section,
    "Messages": notify_log.section,
    "Shelved tags": show_shelved_tags,
    "Maintenance": show_maintenance,
}

m = monitor()
with page("Notifications") as me:
    chosen = chosen_section(SECTIONS, "notify")
    try:
        SECTIONS[chosen](m, me)
    except StoreError as error:
        not_readable(error)
