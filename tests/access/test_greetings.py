"""The greeting is put away once per account, in whichever browser."""

from __future__ import annotations

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, Adopt

OLGA = Person("Olga", Role.VIEWER, Way.ACCOUNT)


def test_account_is_greeted_once_also_after_a_restart(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    greetings = monitor.access.greetings
    assert not greetings.is_over(OLGA)
    assert greetings.put_away(OLGA)
    assert greetings.is_over(Person("olga", Role.ENGINEER, Way.PROVIDER))
    assert not greetings.is_over(Person("Jana", Role.VIEWER, Way.ACCOUNT))
    assert not greetings.put_away(OLGA), "it is recorded once"
    monitor.stop()
    assert adopt(Monitor(settings, ManualClock(START))).access.greetings.is_over(OLGA)


def test_name_that_is_not_proved_is_left_to_the_browser(settings: Settings, adopt: Adopt) -> None:
    greetings = adopt(Monitor(settings, ManualClock(START))).access.greetings
    stranger = Person("", Role.VIEWER, Way.OPEN, typed="Olga")
    assert not greetings.put_away(stranger)
    assert not greetings.is_over(stranger)
