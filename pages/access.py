"""Access: users and their roles, sessions, API tokens, the audit trail."""

from sensormon.model.errors import StoreError
from sensormon.monitor.runtime import monitor
from sensormon.ui import access_audit, access_sessions, access_tokens, access_users, not_readable
from sensormon.ui.page import page
from sensormon.ui.sections import chosen_section

# The name appears in the address: ?section=Sessions.
SECTIONS = {
    "Users": access_users.section,
    "Sessions": access_sessions.section,
    "API tokens": access_tokens.section,
    "Audit trail": access_audit.section,
}

m = monitor()
with page("Access") as me:
    chosen = chosen_section(SECTIONS, "access")
    try:
        SECTIONS[chosen](m, me)
    except StoreError as error:
        not_readable(error)
