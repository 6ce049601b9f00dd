"""Since when a rule tells of events: a new one of what comes, a changed one of little that was before."""

from __future__ import annotations

from dataclasses import replace

from sensormon.access.documents import Documents
from sensormon.model.clock import HOUR, ManualClock
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Escalation, Rule
from sensormon.notify.due import BEFORE, RulesSince

HOT = Rule("hot", ("shift",), tags=("ph",))


def since_of(monitor: Monitor) -> RulesSince:
    documents = Documents(monitor.parts.collector, monitor.parts.store.entries, monitor.clock)
    return RulesSince(documents, monitor.clock)


def test_a_rule_keeps_its_beginning_over_a_restart_and_further_rules(
    monitor: Monitor, clock: ManualClock
) -> None:
    began = clock.now()
    assert since_of(monitor).of({"hot": HOT}) == {"hot": began}
    monitor.drain()
    clock.advance(3_600)
    rules = {"hot": HOT, "cold": replace(HOT, name="cold")}
    assert since_of(monitor).of(rules) == {"hot": began, "cold": clock.now()}


def test_a_rule_that_selects_other_events_does_not_tell_of_the_day_before(
    monitor: Monitor, clock: ManualClock
) -> None:
    since = since_of(monitor)
    since.of({"hot": HOT})
    clock.advance(20 * 3_600)
    for changed in (replace(HOT, tags=()), replace(HOT, to=("shift", "boss")), HOT):
        assert since.of({"hot": changed}) == {"hot": clock.now() - BEFORE}


def test_an_edit_that_selects_the_same_changes_nothing(monitor: Monitor, clock: ManualClock) -> None:
    since, began = since_of(monitor), clock.now()
    since.of({"hot": HOT})
    clock.advance(3_600)
    changed = replace(HOT, remind=600.0, escalate=(Escalation(900.0, ("boss",)),), returned=True)
    assert since.of({"hot": changed}) == {"hot": began}


def test_a_rule_that_was_removed_begins_anew(monitor: Monitor, clock: ManualClock) -> None:
    since = since_of(monitor)
    since.of({"hot": HOT})
    since.of({})
    clock.advance(HOUR / 1e6)
    assert since.of({"hot": HOT}) == {"hot": clock.now()}
