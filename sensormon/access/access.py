"""Who may do what, as pages, routes and commands ask for it; see `Monitor.access`."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.access.accounts import Accounts
from sensormon.access.audit import AuditTrail
from sensormon.access.documents import Documents
from sensormon.access.identity import Identity
from sensormon.access.role_rules import read_role_rules
from sensormon.access.sessions import Sessions
from sensormon.access.tokens import ApiTokens
from sensormon.ingest.collector import Collector
from sensormon.model.clock import Clock
from sensormon.model.settings import Settings
from sensormon.stores.entries import StoredEntries


@dataclass(frozen=True, eq=False)
class Access:
    """The parts by name."""

    identity: Identity
    accounts: Accounts
    sessions: Sessions
    tokens: ApiTokens
    audit: AuditTrail


def build_access(settings: Settings, collector: Collector, stored: StoredEntries, clock: Clock) -> Access:
    """Build the parts. Raises UsageError for a file of roles that cannot be read."""
    documents = Documents(collector, stored, clock)
    audit = AuditTrail(collector, stored, clock)
    accounts = Accounts(documents, audit, clock)
    sessions = Sessions(documents, audit, clock)
    rules = read_role_rules(settings.roles)
    return Access(
        Identity(settings, accounts, sessions, rules),
        accounts,
        sessions,
        ApiTokens(documents, audit, clock),
        audit,
    )
