"""People on one PostgreSQL store: accounts, tokens, notes and the audit trail are the same everywhere."""

from __future__ import annotations

import pytest

from sensormon.access.audit import Change
from sensormon.access.person import Way
from sensormon.access.roles import Act, Role
from sensormon.access.tokens import Scope
from sensormon.model.clock import SECOND
from sensormon.model.errors import Forbidden, SignInRefused, UsageError
from sensormon.stores.entries import AuditQuery
from tests.support.access import ADDRESS, ADMIN, OTHER_PHRASE, PHRASE, person
from tests.support.plant import START
from tests.support.together import Together

TAGS = "[tags.ph]\n"
FAR = START + 10**6 * SECOND


def wait(plant: Together) -> None:
    """Until what was read of the store counts as old."""
    plant.clock.advance(5)


def test_an_account_made_in_one_signs_in_in_another(plant: Together) -> None:
    line, dashboard = plant.start("line", TAGS), plant.start("dashboard", TAGS)
    assert dashboard.access.accounts.all() == []
    line.access.accounts.add(ADMIN, "Ada", Role.ENGINEER, PHRASE)
    plant.follow(line, dashboard)
    wait(plant)
    assert dashboard.access.accounts.sign_in("ada", PHRASE, ADDRESS).role is Role.ENGINEER
    with pytest.raises(UsageError):
        dashboard.access.accounts.add(ADMIN, "ADA", Role.VIEWER, PHRASE)
    dashboard.access.accounts.set_role(ADMIN, "Ada", Role.VIEWER)
    dashboard.access.accounts.set_password(ADMIN, "Ada", OTHER_PHRASE)
    plant.follow(dashboard, line)
    wait(plant)
    assert line.access.accounts.sign_in("Ada", OTHER_PHRASE, ADDRESS).role is Role.VIEWER
    with pytest.raises(SignInRefused):
        line.access.accounts.sign_in("Ada", PHRASE, ADDRESS)
    line.access.accounts.remove(ADMIN, "Ada")
    plant.follow(line, dashboard)
    wait(plant)
    with pytest.raises(SignInRefused):
        dashboard.access.accounts.sign_in("Ada", OTHER_PHRASE, ADDRESS)


def test_a_session_holds_in_all_until_it_is_ended_in_one(plant: Together) -> None:
    line, dashboard = plant.start("line", TAGS), plant.start("dashboard", TAGS)
    line.access.accounts.add(ADMIN, "Ada", Role.ENGINEER, PHRASE)
    line.access.sessions.start("Ada", Role.ENGINEER, Way.ACCOUNT, ADDRESS, "a browser")
    plant.follow(line, dashboard)
    wait(plant)
    (session,) = dashboard.access.sessions.all()
    assert session.name == "Ada"
    assert dashboard.access.sessions.end_all(ADMIN, "Ada") == 1
    plant.follow(dashboard, line)
    wait(plant)
    assert line.access.sessions.all() == []


def test_a_token_opens_all_and_is_revoked_in_all(plant: Together) -> None:
    line, dashboard = plant.start("line", TAGS), plant.start("dashboard", TAGS)
    token, secret = dashboard.access.tokens.add(ADMIN, "line1", Scope.WRITE, ("ph*",))
    assert line.access.tokens.find(secret) is None
    plant.follow(dashboard, line)
    wait(plant)
    known = line.access.tokens.find(secret)
    assert known is not None
    assert (known.id, known.tags) == (token.id, ("ph*",))
    line.access.tokens.revoke(ADMIN, "line1")
    plant.follow(line, dashboard)
    wait(plant)
    gone = dashboard.access.tokens.find(secret)
    assert gone is None or dashboard.access.tokens.state(gone) == "revoked"


def test_the_audit_trail_has_what_was_done_anywhere(plant: Together) -> None:
    line, dashboard = plant.start("line", TAGS), plant.start("dashboard", TAGS)
    ada, otto = person(Role.ADMINISTRATOR, "Ada"), person(Role.OPERATOR, "Otto")
    line.access.audit.perform(ada, Change(Act.EDIT_TAGS, "1 tag"), lambda _: None)
    plant.clock.advance(1)
    with pytest.raises(Forbidden):
        dashboard.access.audit.perform(otto, Change(Act.EDIT_TAGS, "2 tags"), lambda _: None)
    plant.follow(line, dashboard)
    trails = [
        [
            (record.who, record.subject, bool(record.failure))
            for record in monitor.access.audit.read(AuditQuery(0, FAR, limit=10))
        ]
        for monitor in (line, dashboard)
    ]
    assert trails[0] == trails[1]
    assert sorted(trails[0]) == [("Ada", "1 tag", False), ("Otto", "2 tags", True)]


def test_a_note_is_seen_and_removed_anywhere(plant: Together) -> None:
    line, dashboard = plant.start("line", TAGS), plant.start("dashboard", TAGS)
    line.annotations.add("pump changed", "Ada", START)
    plant.follow(line, dashboard)
    (note,) = dashboard.annotations.between(0, FAR)
    assert (note.text, note.who) == ("pump changed", "Ada")
    dashboard.annotations.remove(note.id, "Otto")
    plant.follow(dashboard, line)
    assert line.annotations.between(0, FAR) == []
