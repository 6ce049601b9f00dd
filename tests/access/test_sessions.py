"""Sessions: how they start, and all the ways in which they end for good."""

from __future__ import annotations

import pytest

from sensormon.access.access import Access
from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.sessions import IDLE, LONGEST, MOST_STARTS, Session, digest
from sensormon.model.clock import HOUR, MINUTE, SECOND, ManualClock
from sensormon.model.errors import Forbidden, SignInRefused, UsageError
from sensormon.monitor.monitor import Monitor
from tests.support.access import ADDRESS, ADMIN, Restart, full_journal, person


def start(access: Access, name: str = "Jana", browser: str = "Firefox") -> str:
    return access.sessions.start(name, Role.OPERATOR, Way.ACCOUNT, ADDRESS, browser)


def find(access: Access, cookie: str) -> Session | None:
    return access.sessions.find(digest(cookie))


def test_a_session_is_found_by_its_cookie_also_after_a_restart(restart: Restart) -> None:
    access = restart().access
    cookie = start(access)
    session = find(access, cookie)
    assert session is not None
    assert (session.name, session.way, session.address, session.browser) == (
        "Jana",
        Way.ACCOUNT,
        ADDRESS,
        "Firefox",
    )
    assert len(cookie) >= 43
    assert find(access, cookie[:-1]) is None
    assert find(restart().access, cookie) == session


def test_a_session_that_was_ended_never_comes_back(restart: Restart, clock: ManualClock) -> None:
    access = restart().access
    cookie = start(access)
    jana = person(Role.VIEWER, session=digest(cookie))
    access.sessions.end(jana, jana.session)
    assert find(access, cookie) is None
    with pytest.raises(UsageError, match="has ended"):
        access.sessions.end(jana, jana.session)
    for seconds in (-3_600, 0, 3_600, LONGEST / SECOND):
        clock.advance(seconds)
        assert find(restart().access, cookie) is None


def test_a_session_ends_when_it_idles_also_across_restarts(restart: Restart, clock: ManualClock) -> None:
    access = restart().access
    cookie = start(access)
    for _ in range(3):
        clock.advance((IDLE - HOUR) / SECOND)
        assert find(access, cookie) is not None
        access = restart().access
    clock.advance(IDLE / SECOND + 1)
    assert find(access, cookie) is None
    assert find(restart().access, cookie) is None
    assert restart().access.sessions.all() == []


def test_a_session_ends_after_its_longest_time_however_busy(access: Access, clock: ManualClock) -> None:
    cookie = start(access)
    for _ in range(LONGEST // (12 * HOUR)):
        clock.advance(12 * HOUR / SECOND)
        assert find(access, cookie) is not None
    clock.advance(1)
    assert find(access, cookie) is None


def test_the_last_use_is_durable_once_an_hour(monitor: Monitor, clock: ManualClock) -> None:
    cookie = start(monitor.access)
    last = monitor.parts.journal.last
    find(monitor.access, cookie)
    after_the_first = monitor.parts.journal.last
    for _ in range(59):
        clock.advance(60)
        find(monitor.access, cookie)
    assert monitor.parts.journal.last == after_the_first <= last + 1
    clock.advance(60)
    find(monitor.access, cookie)
    assert monitor.parts.journal.last == after_the_first + 1
    (session,) = monitor.access.sessions.all()
    assert session.used == clock.now()


def test_people_end_their_own_sessions_and_administrators_all(access: Access) -> None:
    mine, others = start(access), start(access, "Bo")
    jana = person(Role.ENGINEER, session=digest(mine))
    with pytest.raises(Forbidden):
        access.sessions.end(jana, digest(others))
    with pytest.raises(Forbidden):
        access.sessions.end_all(jana, "Jana")
    with pytest.raises(Forbidden):
        access.sessions.end(Person("", Role.VIEWER, Way.VISITOR), "")
    access.sessions.end(jana, digest(mine))
    access.sessions.end(ADMIN, digest(others))
    assert access.sessions.all() == []


def test_all_sessions_of_a_name_end_together(access: Access, clock: ManualClock) -> None:
    cookies = []
    for name in ("Jana", "jana", "Bo"):
        clock.advance(1)
        cookies.append(start(access, name))
    assert [session.name for session in access.sessions.all()] == ["Bo", "jana", "Jana"]
    assert access.sessions.end_all(ADMIN, "JANA") == 2
    assert access.sessions.end_all(ADMIN, "JANA") == 0
    assert [find(access, cookie) is not None for cookie in cookies] == [False, False, True]


def test_only_so_many_sessions_of_a_name_start_in_an_hour(monitor: Monitor, clock: ManualClock) -> None:
    access = monitor.access
    for _ in range(MOST_STARTS):
        start(access)
    last = monitor.parts.journal.last
    with pytest.raises(SignInRefused) as raised:
        start(access, "JANA")
    assert raised.value.seconds == 3_600
    assert monitor.parts.journal.last == last
    start(access, "Bo")
    clock.advance(raised.value.seconds)
    start(access)


def test_what_a_browser_says_is_cut_and_cleaned(access: Access) -> None:
    cookie = start(access, browser="\ud800\x00\n" + "x" * 10_000)
    session = find(access, cookie)
    assert session is not None
    assert len(session.browser) <= 200
    assert session.browser.isprintable()


def test_a_full_journal_keeps_nobody_out_who_is_signed_in(monitor: Monitor, clock: ManualClock) -> None:
    cookie = start(monitor.access)
    clock.advance(2 * HOUR / SECOND)
    with full_journal(monitor.settings.data_dir):
        assert find(monitor.access, cookie) is not None
        clock.advance(MINUTE / SECOND)
        assert find(monitor.access, cookie) is not None


def test_old_sessions_are_not_read_for_ever(restart: Restart, clock: ManualClock) -> None:
    monitor = restart()
    start(monitor.access)
    monitor.drain()
    for _ in range(2):
        clock.advance(20 * 24 * 3_600)
        start(monitor.access, "Bo")
    assert [session.name for session in monitor.access.sessions.all()] == ["Bo"]
    assert len(monitor.parts.store.entries.documents("sessions")) == 1
    since = clock.now() - LONGEST
    monitor.drain()
    assert len(monitor.parts.store.entries.documents("sessions")) == 3
    assert len(monitor.parts.store.entries.documents("sessions", since)) == 2
