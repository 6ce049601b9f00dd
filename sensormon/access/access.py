"""Who may do what, as pages, routes and commands ask for it; see `Monitor.access`."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.access.accounts import Accounts
from sensormon.access.audit import AuditTrail
from sensormon.access.documents import Documents, Recorder, StoredDocuments
from sensormon.access.greetings import Greetings
from sensormon.access.identity import Identity
from sensormon.access.role_rules import RoleRules
from sensormon.access.roles import Role
from sensormon.access.sessions import Sessions
from sensormon.access.tokens import ApiTokens
from sensormon.model.clock import Clock
from sensormon.model.errors import StoreError
from sensormon.model.settings import Settings


@dataclass(frozen=True, eq=False)
class Access:
    """The parts by name."""

    identity: Identity
    accounts: Accounts
    sessions: Sessions
    tokens: ApiTokens
    audit: AuditTrail
    greetings: Greetings


def build_access(
    settings: Settings, rules: RoleRules, recorder: Recorder, stored: StoredDocuments, clock: Clock
) -> Access:
    """Build the parts; the rules give roles to people whom somebody else knows."""
    documents = Documents(recorder, stored, clock)
    audit = AuditTrail(recorder, stored, clock)
    sessions = Sessions(documents, audit, clock)
    accounts = Accounts(documents, audit, sessions, clock)
    return Access(
        Identity(settings, accounts, sessions, rules),
        accounts,
        sessions,
        ApiTokens(documents, audit, clock),
        audit,
        Greetings(documents),
    )


def first_steps(access: Access) -> str:
    """What to do before anybody can sign in, for the log at the start; empty if nothing is."""
    if access.identity.mode != "users":
        return ""
    try:
        if any(account.role is Role.ADMINISTRATOR for account in access.accounts.all()):
            return ""
    except StoreError as error:
        return f"the accounts cannot be read yet, nobody can sign in: {error}"
    return (
        "nobody can administer yet. Make the first account on this machine with\n"
        "  python -m sensormon users add NAME --role administrator"
    )
