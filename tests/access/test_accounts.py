"""Accounts: who may make them, signing in, and the last administrator."""

from __future__ import annotations

import threading

import pytest

from sensormon.access.access import Access, first_steps
from sensormon.access.accounts import WRONG
from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import Forbidden, SignInRefused, UsageError
from tests.support.access import ADDRESS, ADMIN, OTHER_PHRASE, PHRASE, Restart, person


def test_a_name_is_the_same_in_any_case_and_form(access: Access) -> None:
    access.accounts.add(ADMIN, "  Jana   Novák ", Role.OPERATOR, PHRASE)
    for name in ("Jana Novák", "JANA NOVÁK", "jana nova\u0301k", "ｊana novák"):
        account = access.accounts.find(name)
        assert account is not None
        assert account.name == "Jana Novák"
        with pytest.raises(UsageError, match="already"):
            access.accounts.add(ADMIN, name, Role.VIEWER, PHRASE)


@pytest.mark.parametrize(
    "name", ["", " ", "_x", "-x", "a/b", "a\x00b", "a (unverified)", "\u202ea", "x" * 65, "x" * 100_000, "<b"]
)
def test_a_name_that_cannot_be_one_is_refused(access: Access, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name") as raised:
        access.accounts.add(ADMIN, name, Role.VIEWER, PHRASE)
    assert len(str(raised.value)) < 300
    assert access.accounts.all() == []


def test_only_administrators_change_accounts(access: Access) -> None:
    access.accounts.add(ADMIN, "Jana", Role.OPERATOR, PHRASE)
    engineer = person(Role.ENGINEER, "Bo")
    for change in (
        lambda: access.accounts.add(engineer, "Eve", Role.ADMINISTRATOR, PHRASE),
        lambda: access.accounts.set_role(engineer, "Jana", Role.VIEWER),
        lambda: access.accounts.set_password(engineer, "Jana", OTHER_PHRASE),
        lambda: access.accounts.remove(engineer, "Jana"),
    ):
        with pytest.raises(Forbidden) as raised:
            change()
        assert raised.value.needs == "administrator"
    assert [account.role for account in access.accounts.all()] == [Role.OPERATOR]


def test_nobody_gets_the_role_of_somebody_who_is_not_signed_in(access: Access) -> None:
    with pytest.raises(UsageError):
        access.accounts.add(ADMIN, "Jana", Role.NOBODY, PHRASE)
    access.accounts.add(ADMIN, "Jana", Role.VIEWER, PHRASE)
    with pytest.raises(UsageError):
        access.accounts.set_role(ADMIN, "Jana", Role.NOBODY)


def test_signing_in_gives_the_account(access: Access) -> None:
    added = access.accounts.add(ADMIN, "Jana", Role.OPERATOR, PHRASE)
    assert access.accounts.sign_in("jana", PHRASE, ADDRESS) == added


def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words(access: Access) -> None:
    access.accounts.add(ADMIN, "Jana", Role.OPERATOR, PHRASE)
    access.accounts.add(ADMIN, "Gone", Role.OPERATOR, PHRASE)
    access.accounts.remove(ADMIN, "Gone")
    said = set()
    for name, phrase in (
        ("Jana", OTHER_PHRASE),
        ("Nobody", PHRASE),
        ("Gone", PHRASE),
        ("", ""),
        ("x" * 100_000, PHRASE),
        ("\ud800", "\ud800" * 20),
        ("Jana", "x" * 100_000),
    ):
        with pytest.raises(SignInRefused) as raised:
            access.accounts.sign_in(name, phrase, ADDRESS)
        said.add(str(raised.value))
    assert said == {f"sign-in: {WRONG}. Try again"}


def test_guessing_waits_and_the_right_password_still_counts_afterwards(
    access: Access, clock: ManualClock
) -> None:
    access.accounts.add(ADMIN, "Jana", Role.OPERATOR, PHRASE)
    for _ in range(5):
        with pytest.raises(SignInRefused, match=WRONG):
            access.accounts.sign_in("Jana", OTHER_PHRASE, ADDRESS)
    with pytest.raises(SignInRefused, match="too many") as raised:
        access.accounts.sign_in("Jana", PHRASE, ADDRESS)
    assert raised.value.seconds == 1
    access.accounts.sign_in("Jana", PHRASE, "192.0.2.99")
    clock.advance(raised.value.seconds)
    access.accounts.sign_in("Jana", PHRASE, ADDRESS)


def test_a_password_can_be_changed_by_its_owner_who_knows_it(access: Access) -> None:
    account = access.accounts.add(ADMIN, "Jana", Role.VIEWER, PHRASE)
    cookies = [
        access.sessions.start(account.name, account.role, Way.ACCOUNT, ADDRESS, browser)
        for browser in ("Firefox", "Safari")
    ]
    mine, other = access.sessions.all()
    jana = person(Role.VIEWER, "Jana", mine.key)
    with pytest.raises(SignInRefused):
        access.accounts.change_own_password(jana, OTHER_PHRASE, "another phrase")
    access.accounts.change_own_password(jana, PHRASE, OTHER_PHRASE)
    assert access.accounts.sign_in("Jana", OTHER_PHRASE, ADDRESS)
    assert [session.key for session in access.sessions.all()] == [mine.key]
    assert access.sessions.find(other.key) is None
    assert len(cookies) == 2
    provided = Person("Jana", Role.ADMINISTRATOR, Way.PROVIDER)
    with pytest.raises(UsageError, match="kept here"):
        access.accounts.change_own_password(provided, OTHER_PHRASE, PHRASE)


def test_setting_a_password_ends_the_sessions_of_that_account_only(access: Access) -> None:
    for name in ("Jana", "Bo"):
        access.accounts.add(ADMIN, name, Role.VIEWER, PHRASE)
        access.sessions.start(name, Role.VIEWER, Way.ACCOUNT, ADDRESS, "Firefox")
    access.sessions.start("Jana", Role.VIEWER, Way.PROVIDER, ADDRESS, "Firefox")
    access.accounts.set_password(ADMIN, "JANA", OTHER_PHRASE)
    left = sorted((session.name, str(session.way)) for session in access.sessions.all())
    assert left == [("Bo", "account"), ("Jana", "identity provider")]


def test_the_last_administrator_stays_except_for_whoever_sits_at_the_machine(access: Access) -> None:
    access.accounts.add(ADMIN, "Jana", Role.ADMINISTRATOR, PHRASE)
    jana = person(Role.ADMINISTRATOR)
    for change in (
        lambda: access.accounts.remove(jana, "Jana"),
        lambda: access.accounts.set_role(jana, "Jana", Role.VIEWER),
    ):
        with pytest.raises(UsageError, match="last administrator"):
            change()
    access.accounts.set_role(jana, "Jana", Role.ADMINISTRATOR)
    access.accounts.remove(ADMIN, "Jana")
    assert access.accounts.all() == []


def test_two_administrators_cannot_remove_each_other_at_once(access: Access) -> None:
    for name in ("Jana", "Bo"):
        access.accounts.add(ADMIN, name, Role.ADMINISTRATOR, PHRASE)
    together = threading.Barrier(2)
    refused: list[str] = []

    def remove(by: str, name: str) -> None:
        together.wait(10)
        try:
            access.accounts.remove(person(Role.ADMINISTRATOR, by), name)
        except UsageError as error:
            refused.append(error.what)

    threads = [threading.Thread(target=remove, args=names) for names in (("Jana", "Bo"), ("Bo", "Jana"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(access.accounts.all()) == 1
    assert len(refused) == 1


def test_the_first_step_is_to_make_an_administrator(restart: Restart) -> None:
    assert first_steps(restart().access) == ""
    access = restart(access="users").access
    access.accounts.add(ADMIN, "Bo", Role.ENGINEER, PHRASE)
    assert "python -m sensormon users add NAME --role administrator" in first_steps(access)
    access.accounts.add(ADMIN, "Jana", Role.ADMINISTRATOR, PHRASE)
    assert first_steps(access) == ""


def test_the_first_step_says_if_the_store_is_away(restart: Restart, clock: ManualClock) -> None:
    monitor = restart(access="users")
    monitor.parts.store.close()
    clock.advance(60)
    assert "cannot be read yet" in first_steps(monitor.access)


def test_an_account_says_who_changed_it_when(access: Access, clock: ManualClock) -> None:
    access.accounts.add(ADMIN, "Jana", Role.OPERATOR, PHRASE)
    clock.advance(5)
    access.accounts.set_role(person(Role.ADMINISTRATOR, "Bo"), "Jana", Role.VIEWER)
    (account,) = access.accounts.all()
    assert (account.changed_by, account.changed % (10 * SECOND)) == ("Bo", clock.now() % (10 * SECOND))
