"""The audit trail: before it is done, whatever comes of it, and bounded where strangers write it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest

from sensormon.access.access import Access
from sensormon.access.audit import LONGEST, MOST_EXPORTS, MOST_REFUSALS, AuditTrail, Change
from sensormon.access.person import Person, Way
from sensormon.access.roles import Act, Role
from sensormon.model.clock import ManualClock
from sensormon.model.entries import AuditRecord
from sensormon.model.errors import Forbidden, JournalError, SignInRefused, SourceError
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.stores.entries import AuditQuery
from tests.support.access import ADDRESS, ADMIN, OTHER_PHRASE, PHRASE, Restart, full_journal, person

EVERYTHING = AuditQuery(0, FOREVER)
CHANGE = Change(Act.SET_RETENTION, "retention", "unlimited", "1 day")


def fail_with(error: Exception) -> Callable[[str], None]:
    def do(_: str) -> None:
        raise error

    return do


def words(audit: AuditTrail, query: AuditQuery = EVERYTHING) -> list[tuple[str, str, str]]:
    return [(record.who, record.act, record.failure) for record in audit.read(query)]


def test_a_change_is_recorded_before_it_is_done(access: Access, clock: ManualClock) -> None:
    seen: list[list[AuditRecord]] = []

    def do(name: str) -> str:
        seen.append(access.audit.read(EVERYTHING))
        return f"done by {name}"

    assert access.audit.perform(person(Role.ADMINISTRATOR), CHANGE, do) == "done by Jana"
    assert seen == [
        [
            AuditRecord(
                clock.now(),
                "Jana",
                True,
                "administrator",
                ADDRESS,
                "set retention",
                "retention",
                "unlimited",
                "1 day",
            )
        ]
    ]
    assert access.audit.read(EVERYTHING) == seen[0]


def test_a_refused_act_is_recorded_and_not_done(access: Access) -> None:
    with pytest.raises(Forbidden):
        access.audit.perform(person(Role.ENGINEER), CHANGE, fail_with(AssertionError()))
    (record,) = access.audit.read(EVERYTHING)
    assert (record.who, record.role, record.act) == ("Jana", "engineer", "set retention")
    assert record.failure == "set retention is not allowed for an engineer"


def test_who_is_not_verified_is_marked(access: Access) -> None:
    visitor = Person("", Role.ADMINISTRATOR, Way.OPEN, typed="Jana", address=ADDRESS)
    assert access.audit.perform(visitor, CHANGE, str) == "Jana (unverified)"
    (record,) = access.audit.read(EVERYTHING)
    assert (record.who, record.verified) == ("Jana (unverified)", False)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (SourceError("the source is away", where="source"), "the source is away"),
        (OSError(28, "No space left"), "OSError"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_a_failure_is_recorded_and_raised(access: Access, error: Exception, failure: str) -> None:
    with pytest.raises(type(error)) as raised:
        access.audit.perform(ADMIN, CHANGE, fail_with(error))
    assert raised.value is error
    assert words(access.audit) == [("root", "set retention", failure), ("root", "set retention", "")]


def test_nothing_is_done_that_cannot_be_recorded(monitor: Monitor) -> None:
    audit = monitor.access.audit
    audit.perform(ADMIN, CHANGE, str)
    with full_journal(monitor.settings.data_dir):
        with pytest.raises(JournalError):
            audit.perform(ADMIN, CHANGE, fail_with(AssertionError()))
        with pytest.raises(Forbidden):
            audit.perform(person(Role.VIEWER), CHANGE, fail_with(AssertionError()))
    assert len(audit.read(EVERYTHING)) == 1


def test_the_failure_counts_even_if_it_cannot_be_recorded(monitor: Monitor) -> None:
    audit = monitor.access.audit
    with ExitStack() as stack:

        def fill(_: str) -> None:
            stack.enter_context(full_journal(monitor.settings.data_dir))
            raise SourceError("away")

        with pytest.raises(SourceError):
            audit.perform(ADMIN, CHANGE, fill)
    assert words(audit) == [("root", "set retention", "")]


def test_long_and_unprintable_fields_are_cut_and_cleaned(access: Access) -> None:
    change = Change(Act.NOTE, "x" * LONGEST, "y" * (LONGEST + 1), "a\x00b\ud800\n")
    access.audit.record(access.audit.record_of(ADMIN, change))
    (record,) = access.audit.read(EVERYTHING)
    assert record.subject == "x" * LONGEST
    assert record.before == "y" * (LONGEST - 1) + "…"
    assert record.after == "a b"


def test_stored_and_waiting_records_are_merged_without_doubles(monitor: Monitor) -> None:
    audit = monitor.access.audit
    for _ in range(3):  # the same in every field, at the same moment of the clock
        audit.record(audit.record_of(ADMIN, CHANGE))
    stored = audit.read(EVERYTHING)
    assert len(stored) == 3
    monitor.drain()
    assert audit.read(EVERYTHING) == stored
    for _ in range(2):
        audit.record(audit.record_of(ADMIN, CHANGE))
    both = audit.read(EVERYTHING)
    assert len(both) == len(set(both)) == 5
    assert both[2:] == stored
    assert [record.time for record in both] == sorted((record.time for record in both), reverse=True)
    assert audit.read(AuditQuery(0, FOREVER, limit=3)) == both[:3]


def test_a_reader_asks_for_people_acts_and_times(monitor: Monitor, clock: ManualClock) -> None:
    audit = monitor.access.audit
    for name, act in (("Jana", Act.DELETE), ("Bo", Act.DELETE), ("Jana", Act.NOTE)):
        clock.advance(10)
        audit.record(audit.record_of(person(Role.ADMINISTRATOR, name), Change(act, "x")))
        if name == "Bo":
            monitor.drain()
    now = clock.now()
    asked = {
        AuditQuery(0, FOREVER, people=("Jana",)): ["note", "delete"],
        AuditQuery(0, FOREVER, acts=("delete",)): ["delete", "delete"],
        AuditQuery(0, FOREVER, ("Bo",), ("note",)): [],
        AuditQuery(now, now + 1): ["note"],
        AuditQuery(0, now): ["delete", "delete"],
    }
    for query, acts in asked.items():
        assert [act for _, act, _ in words(audit, query)] == acts


OTHER = Person("Otto", Role.OPERATOR, Way.ACCOUNT, address="192.0.2.1")


def sign_in_wrongly(access: Access, times: int) -> None:
    for i in range(times):
        with pytest.raises(SignInRefused):
            access.accounts.sign_in(f"stranger {i}", "x" * 300, f"192.0.2.{i % 250}")


def test_a_flood_of_failed_sign_ins_writes_few_records_and_counts_the_rest(
    monitor: Monitor, clock: ManualClock
) -> None:
    access = monitor.access
    before = monitor.parts.journal.last
    sign_in_wrongly(access, 500)
    assert monitor.parts.journal.last == before + MOST_REFUSALS
    clock.advance(61)
    sign_in_wrongly(access, 1)
    assert monitor.parts.journal.last == before + MOST_REFUSALS + 1
    records = access.audit.read(EVERYTHING)
    assert len(records) == MOST_REFUSALS + 2
    (summary,) = [record for record in records if record.subject.startswith("490 more since")]
    assert summary.act == "sign in"
    assert summary.failure
    assert len(monitor.parts.store.entries.documents("sessions")) == 0


def test_what_was_only_counted_is_recorded_when_somebody_looks_or_at_the_stop(
    restart: Restart, clock: ManualClock
) -> None:
    access = restart().access
    sign_in_wrongly(access, MOST_REFUSALS + 7)
    clock.advance(61)
    assert access.audit.read(EVERYTHING)[0].subject.startswith("7 more since")
    sign_in_wrongly(access, MOST_REFUSALS + 3)
    records = restart().access.audit.read(EVERYTHING)
    assert len(records) == 2 * MOST_REFUSALS + 2
    assert records[0].subject.startswith("3 more since")


def export(access: Access, who: Person) -> None:
    access.audit.perform(who, Change(Act.EXPORT, "download of a.csv", "", "1 kB"), str)


def test_a_flood_of_exports_writes_few_records_and_counts_the_rest_by_who_and_where(
    monitor: Monitor, clock: ManualClock
) -> None:
    access, before = monitor.access, monitor.parts.journal.last
    strangers = [
        Person("", Role.VIEWER, Way.VISITOR, address="192.0.2.7", typed=f"name {i}") for i in range(500)
    ]
    for stranger in strangers:
        export(access, stranger)
    assert monitor.parts.journal.last == before + MOST_EXPORTS
    for _ in range(MOST_EXPORTS + 3):
        export(access, person(Role.VIEWER))
    assert monitor.parts.journal.last == before + 2 * MOST_EXPORTS
    clock.advance(61)
    records = access.audit.read(EVERYTHING)
    sums = [record for record in records if "more since" in record.subject]
    counts = {
        (counted.who, counted.address, counted.act, counted.subject[:8], counted.failure) for counted in sums
    }
    assert counts == {
        ("visitor (unverified)", "192.0.2.7", "export", "490 more", ""),
        ("Jana", ADDRESS, "export", "3 more s", ""),
    }
    assert len(records) == 2 * MOST_EXPORTS + 2
    export(access, strangers[0])
    assert len(access.audit.read(EVERYTHING)) == 2 * MOST_EXPORTS + 3


def test_a_flood_of_exports_hides_no_export_of_somebody_else_and_no_change(access: Access) -> None:
    all_records = AuditQuery(0, FOREVER, limit=10_000)
    for i in range(1_000):
        export(access, Person("", Role.VIEWER, Way.VISITOR, address=f"192.0.2.{i // 256}.{i % 256}"))
    count = len(access.audit.read(all_records))
    assert count == 100 + MOST_EXPORTS
    export(access, person(Role.VIEWER))
    for _ in range(MOST_EXPORTS * 3):
        access.audit.perform(person(Role.ADMINISTRATOR), CHANGE, str)
    assert len(access.audit.read(all_records)) == count + 1 + MOST_EXPORTS * 3


def test_counted_refusals_keep_what_all_of_them_share(access: Access, clock: ManualClock) -> None:
    counted = {}
    vera = person(Role.VIEWER)
    same, moved = replace(vera, address="192.0.2.1"), replace(vera, address="192.0.2.2")
    for case, people in {
        "alone": (same, same),
        "two at one place": (same, OTHER),
        "two": (OTHER, moved),
    }.items():
        for who in [same] * MOST_REFUSALS + list(people):
            with pytest.raises(Forbidden):
                access.audit.perform(who, CHANGE, str)
        clock.advance(61)
        newest = access.audit.read(EVERYTHING)[0]
        assert newest.subject.startswith("2 more since")
        counted[case] = (newest.who, newest.role, newest.address)
    somebody = "visitor (unverified)"
    assert counted == {
        "alone": (vera.name, "viewer", "192.0.2.1"),
        "two at one place": (somebody, "nobody", "192.0.2.1"),
        "two": (somebody, "nobody", ""),
    }


def test_a_flood_of_one_act_hides_no_refusal_of_another(access: Access) -> None:
    sign_in_wrongly(access, 3 * MOST_REFUSALS)
    with pytest.raises(Forbidden):
        access.audit.perform(person(Role.VIEWER), CHANGE, str)
    assert words(access.audit)[0][:2] == ("Jana", "set retention")


def test_a_flood_on_a_full_journal_is_still_refused_in_the_same_words(monitor: Monitor) -> None:
    with full_journal(monitor.settings.data_dir):
        sign_in_wrongly(monitor.access, 3)


def test_failed_sign_ins_name_accounts_and_nothing_else_that_was_typed(access: Access) -> None:
    access.accounts.add(ADMIN, "Jana", Role.VIEWER, PHRASE)
    for name in ("JANA", PHRASE):
        with pytest.raises(SignInRefused):
            access.accounts.sign_in(name, OTHER_PHRASE, ADDRESS)
    (unknown, known, _) = access.audit.read(EVERYTHING)
    assert (known.who, known.verified, known.address) == ("Jana (unverified)", False, ADDRESS)
    assert unknown.who == "unknown name (unverified)"
