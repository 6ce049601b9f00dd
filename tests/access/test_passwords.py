"""Passwords: hashed, compared, and only a few at a time."""

from __future__ import annotations

import threading

import pytest

from sensormon.access import passwords
from sensormon.model.errors import Overloaded, UsageError
from tests.support.access import PHRASE


def test_a_password_fits_its_hash_and_no_other_does() -> None:
    kept = passwords.hashed(PHRASE)
    assert kept.startswith("$argon2id$")
    assert PHRASE not in kept
    assert kept != passwords.hashed(PHRASE)
    assert passwords.fits(kept, PHRASE)
    for wrong in ("", PHRASE[:-1], PHRASE + " ", PHRASE.upper(), "x" * 10_000, "\ud800" * 12):
        assert not passwords.fits(kept, wrong)


def test_no_password_fits_an_account_that_is_not_there() -> None:
    assert not passwords.fits("", "the password of nobody")
    assert not passwords.fits("not a hash", PHRASE)


def test_however_a_character_was_typed_it_is_the_same_password() -> None:
    composed, decomposed = "č" * 10, "c\u030c" * 10
    assert passwords.fits(passwords.hashed(composed), decomposed)


def test_a_lone_surrogate_is_neither_an_error_nor_a_question_mark() -> None:
    kept = passwords.hashed("\ud800" * 10)
    assert passwords.fits(kept, "\ud800" * 10)
    assert not passwords.fits(kept, "?" * 10)


@pytest.mark.parametrize("password", ["", "x" * 9, "x" * 201])
def test_a_password_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(UsageError, match="10 to 200 characters") as raised:
        passwords.hashed(password)
    assert not password or password not in str(raised.value)


def test_an_unknown_account_costs_as_many_hashes_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = passwords.hashed(PHRASE)
    passwords.fits("", PHRASE)  # the hash of nobody is made once
    compared: list[str] = []
    real = passwords._verify

    def noting(hashed: str, password: str) -> bool:
        compared.append(hashed)
        return real(hashed, password)

    monkeypatch.setattr(passwords, "_verify", noting)
    passwords.fits(kept, "wrong password")
    passwords.fits("", "wrong password")
    known, unknown = compared
    assert known.rsplit("$", 2)[0] == unknown.rsplit("$", 2)[0]  # the same parameters, so the same work


def test_a_flood_is_refused_and_at_most_two_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, go = threading.Lock(), threading.Event()
    running = most = refused = 0

    def slow(_hashed: str, _password: str) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go.wait(30)
        with lock:
            running -= 1
        return True

    def attempt() -> None:
        nonlocal refused
        try:
            passwords.fits("kept", PHRASE)
        except Overloaded:
            with lock:
                refused += 1
            if refused == 50 - passwords.AT_ONCE - passwords.WAITING:
                go.set()

    monkeypatch.setattr(passwords, "_verify", slow)
    threads = [threading.Thread(target=attempt) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert refused == 50 - passwords.AT_ONCE - passwords.WAITING
    assert most == passwords.AT_ONCE
