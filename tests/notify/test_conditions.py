"""Conditions of the monitor, from its status, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensormon.model.clock import SECOND
from sensormon.model.status import (
    JournalStatus,
    Refusal,
    Silence,
    SourceState,
    SourceStatus,
    Status,
    StoreState,
    StoreStatus,
    TagAge,
)
from sensormon.notify.conditions import Standing, ended_words, settled, standing
from tests.support.plant import START

WELL = Status(
    now=START,
    started=START - 1_000 * SECOND,
    source=SourceStatus("plc", SourceState.COLLECTING, 1.0, (), 3.0, START),
    journal=JournalStatus(0, 0, None, 0),
    store=StoreStatus("DuckDB", StoreState.HEALTHY, START - 1_000 * SECOND),
)


def names(*stand: Standing) -> list[str]:
    return [each.name for each in stand]


def silent(*tags: str, source: str = "plc") -> tuple[Silence, ...]:
    return tuple(Silence(tag, tag.upper(), 30.0 + n, source) for n, tag in enumerate(tags))


def age(tag: str, seconds: float | None, source: str = "plc") -> TagAge:
    return TagAge(tag, tag.upper(), source, seconds, False, 0.0)


def test_nothing_stands_while_all_is_well() -> None:
    assert standing(WELL, quota=100, full_in=400) == []
    assert settled(WELL)
    assert not settled(replace(WELL, started=START - 100 * SECOND))


def test_a_silent_tag_stands_since_its_last_reading() -> None:
    (each,) = standing(replace(WELL, silent=silent("ph")), ages=[age("ph", 30), age("rpm", 1)])
    assert (each.name, each.since) == ("silent:ph", START - 30 * SECOND)
    assert each.words == "PH has been silent for 30 s. Check the sensor and its connection."


def test_a_source_all_of_whose_tags_are_silent_is_one_condition() -> None:
    ages = [age("ph", 30), age("rpm", 31), age("new", None), age("other", 1, "line2")]
    status = replace(WELL, silent=silent("ph", "rpm"))
    stand = standing(status, ages=ages)
    assert names(*stand) == ["silent:ph", "silent:rpm", "silent:source plc"]
    assert [each.part_of for each in stand] == ["silent:source plc", "silent:source plc", ""]
    assert stand[2].words.startswith(
        "The source plc has delivered nothing for 30 s: all its 2 tags are silent"
    )
    assert names(*standing(status, ages=[*ages, age("temp", 1)])) == ["silent:ph", "silent:rpm"]


@pytest.mark.parametrize(("seconds", "stands"), [(59, False), (60, True)])
def test_a_store_is_away_after_a_minute(seconds: int, stands: bool) -> None:
    store = replace(
        WELL.store, state=StoreState.RETRYING, since=START - seconds * SECOND, problem="No answer."
    )
    stand = standing(replace(WELL, store=store, journal=JournalStatus(2, 40, START, 10)))
    assert names(*stand) == (["store:DuckDB"] if stands else [])
    if stands:
        assert stand[0].words == (
            "Nothing has got into DuckDB for 1 min; 40 readings wait in the journal. No answer."
        )


def test_the_journal_refuses_and_fills_until_it_has_emptied_well() -> None:
    source = replace(WELL.source, problem="Free some space.", refusal=Refusal.DISK)
    (refusing,) = standing(replace(WELL, source=source))
    assert refusing.words == "Readings are refused: the journal's disk is full. Free some space."

    def filled(size: int, before: list[Standing]) -> list[Standing]:
        return standing(replace(WELL, journal=JournalStatus(1, 1, START, size)), quota=100, before=before)

    assert filled(79, []) == []
    full = filled(80, [])
    assert names(*full) == ["journal:filling"]
    assert names(*filled(71, full)) == ["journal:filling"]
    assert filled(69, full) == []


def test_a_disk_that_will_be_full_within_a_month_is_told_and_does_not_flicker() -> None:
    assert standing(WELL, full_in=31) == []
    stand = standing(WELL, full_in=30)
    assert stand[0].words.startswith("At the rate of the last day the disk will be full in about 30 days.")
    assert names(*standing(WELL, full_in=35, before=stand)) == ["disk:forecast"]
    assert standing(WELL, full_in=41, before=stand) == []
    assert standing(WELL, full_in=None, before=stand) == []


def test_a_loss_that_grows_and_a_thread_that_stopped_are_each_one_condition() -> None:
    status = replace(
        WELL,
        attention=("3 readings cannot be found any more: the ledger is off by 3", "Journal: 7.log, line 3"),
        failures=("The loader stopped: KeyError. It is started again in 2 s",),
    )
    first = standing(status)
    assert names(*first) == ["loss:Journal: 7.log, line 3", "loss:the ledger", "thread:The loader"]
    more = ("4 readings cannot be found any more: the ledger is off by 4", status.attention[1])
    later = standing(replace(status, attention=more, now=START + SECOND), before=first)
    assert names(*later) == names(*first)
    assert [each.since for each in later] == [START] * 3
    assert "4 readings" in later[1].words


def test_the_end_of_each_condition_has_words() -> None:
    assert ended_words("silent:ph") == "ph reports again."
    assert ended_words("silent:source plc") == "The source plc reports again."
    assert ended_words("journal:filling") == "The journal is no longer filling."
    assert ended_words("thread:The loader") == "The loader works again."
