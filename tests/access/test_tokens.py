"""API tokens: shown once, kept as digests, limited, and revocable."""

from __future__ import annotations

import hashlib
import threading

import pytest

from sensormon.access.access import Access
from sensormon.access.roles import Role
from sensormon.access.tokens import MOST_PATTERNS, Scope
from sensormon.model.clock import HOUR, SECOND, ManualClock
from sensormon.model.errors import Forbidden, UsageError
from sensormon.monitor.monitor import Monitor
from tests.support.access import ADMIN, Restart, full_journal, person


def test_only_the_digest_of_a_secret_is_kept(monitor: Monitor, access: Access) -> None:
    token, secret = access.tokens.add(ADMIN, "line1", Scope.WRITE)
    monitor.drain()
    (document,) = monitor.parts.store.entries.documents("tokens")
    assert document.content["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert document.key == document.content["digest"][:16] == token.id
    assert secret not in repr((document, token, access.tokens.all(), vars(access.tokens)))
    assert len(secret) >= 46


def test_a_token_is_found_by_its_secret_alone_also_after_a_restart(restart: Restart) -> None:
    access = restart().access
    token, secret = access.tokens.add(ADMIN, "line1", Scope.READ)
    for wrong in ("", "sm_", secret[:-1], secret + " ", secret[3:], token.id, "sm_\ud800", "sm_" * 10**6):
        assert access.tokens.find(wrong) is None
    for again in (access, restart().access):
        known = again.tokens.find(secret)
        assert known is not None
        assert known.id == token.id


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_itself_and_admin_opens_all(access: Access, scope: Scope) -> None:
    token, _ = access.tokens.add(ADMIN, "line1", scope)
    assert {wanted for wanted in Scope if token.opens(wanted)} == (
        set(Scope) if scope is Scope.ADMIN else {scope}
    )


def test_patterns_limit_the_tags(access: Access) -> None:
    token, _ = access.tokens.add(ADMIN, "line1", Scope.WRITE, ("line1_*", "ph?"))
    assert [token.covers(tag) for tag in ("line1_temp", "ph1", "ph", "Line1_temp", "xline1_", "")] == [
        True,
        True,
        *[False] * 4,
    ]
    everything, _ = access.tokens.add(ADMIN, "all", Scope.WRITE)
    assert everything.covers("anything")


@pytest.mark.parametrize("patterns", [("",), ("a\nb",), ("x" * 201,), (" a",), ("a",) * (MOST_PATTERNS + 1)])
def test_patterns_that_cannot_be_used_are_refused(access: Access, patterns: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        access.tokens.add(ADMIN, "line1", Scope.WRITE, patterns)


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "sm_abc", "0123456789abcdef"])
def test_a_name_that_cannot_be_used_is_refused(access: Access, name: str) -> None:
    with pytest.raises(UsageError):
        access.tokens.add(ADMIN, name, Scope.WRITE)


def test_a_token_expires(access: Access, clock: ManualClock) -> None:
    expires = clock.now() + HOUR
    token, secret = access.tokens.add(ADMIN, "line1", Scope.WRITE, expires=expires)
    assert token.expires == expires
    clock.advance(3_600 - 0.001)
    assert access.tokens.find(secret)
    assert access.tokens.state(token) == "active"
    clock.advance(0.001)
    assert access.tokens.find(secret) is None
    assert access.tokens.state(token) == "expired"
    with pytest.raises(UsageError, match="expired already"):
        access.tokens.add(ADMIN, "line2", Scope.WRITE, expires=clock.now())


def test_a_token_can_be_revoked_by_name_or_id(restart: Restart) -> None:
    access = restart().access
    first, secret = access.tokens.add(ADMIN, "line1", Scope.WRITE)
    other, other_secret = access.tokens.add(ADMIN, "line2", Scope.WRITE)
    assert access.tokens.state(access.tokens.revoke(ADMIN, "line1")) == "revoked"
    assert access.tokens.revoke(ADMIN, other.id).name == "line2"
    for again in (access, restart().access):
        assert again.tokens.find(secret) is None
        assert again.tokens.find(other_secret) is None
        assert all(token.revoked for token in again.tokens.all())
    with pytest.raises(UsageError, match="no token 'line1'"):
        access.tokens.revoke(ADMIN, "line1")
    assert first.id != other.id


def test_a_name_can_be_used_again_and_then_means_the_active_token(access: Access, clock: ManualClock) -> None:
    old, _ = access.tokens.add(ADMIN, "line1", Scope.WRITE, expires=clock.now() + SECOND)
    with pytest.raises(UsageError, match="already"):
        access.tokens.add(ADMIN, "line1", Scope.READ)
    clock.advance(2)
    new, _ = access.tokens.add(ADMIN, "line1", Scope.READ)
    assert access.tokens.revoke(ADMIN, "line1").id == new.id != old.id


def test_a_secret_given_instead_of_a_name_is_not_said_again(access: Access) -> None:
    _, secret = access.tokens.add(ADMIN, "line1", Scope.WRITE)
    with pytest.raises(UsageError) as raised:
        access.tokens.revoke(ADMIN, secret)
    assert secret not in repr(raised.value)


def test_only_administrators_make_and_revoke_tokens(access: Access) -> None:
    access.tokens.add(ADMIN, "line1", Scope.WRITE)
    engineer = person(Role.ENGINEER)
    with pytest.raises(Forbidden):
        access.tokens.add(engineer, "line2", Scope.READ)
    with pytest.raises(Forbidden):
        access.tokens.revoke(engineer, "line1")


def test_the_last_use_is_exact_while_running_and_durable_to_the_hour(
    restart: Restart, clock: ManualClock
) -> None:
    monitor = restart()
    _, secret = monitor.access.tokens.add(ADMIN, "line1", Scope.WRITE)
    assert monitor.access.tokens.all()[0].used == 0
    monitor.access.tokens.find(secret)
    last = monitor.parts.journal.last
    for _ in range(50):
        clock.advance(60)
        monitor.access.tokens.find(secret)
    assert monitor.parts.journal.last == last
    assert monitor.access.tokens.all()[0].used == clock.now()
    kept = restart().access.tokens.all()[0].used
    assert 0 < clock.now() - kept < HOUR


def test_many_senders_at_once_note_the_use_once(monitor: Monitor, clock: ManualClock) -> None:
    _, secret = monitor.access.tokens.add(ADMIN, "line1", Scope.WRITE)
    last = monitor.parts.journal.last
    together = threading.Barrier(8)

    def send() -> None:
        together.wait(10)
        monitor.access.tokens.find(secret)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert monitor.parts.journal.last == last + 1
    assert monitor.access.tokens.all()[0].used == clock.now()


def test_a_full_journal_does_not_stop_a_token_that_only_reads(monitor: Monitor) -> None:
    _, secret = monitor.access.tokens.add(ADMIN, "line1", Scope.READ)
    with full_journal(monitor.settings.data_dir):
        assert monitor.access.tokens.find(secret) is not None
