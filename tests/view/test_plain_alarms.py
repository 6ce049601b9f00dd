"""What an operator reads of the monitor's problems: no paths, addresses or numbers of processes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensormon.model.clock import SECOND
from sensormon.model.status import (
    CompanionStatus,
    JournalStatus,
    Refusal,
    SourceState,
    SourceStatus,
    Status,
    StoreState,
    StoreStatus,
)
from sensormon.view.active_feed import problem_key, problems
from sensormon.view.plain_alarms import plain_alarms
from sensormon.view.status import alarms

NOW = 1_790_000_000 * SECOND
SOURCE = SourceStatus("simulator", SourceState.COLLECTING, 1.0, ("a", "b"), 2.0, NOW - 800_000)
STORE = StoreStatus("DuckDB", StoreState.HEALTHY, NOW - 60 * SECOND)
WELL = Status(NOW, NOW - 60 * SECOND, SOURCE, JournalStatus(42, 42, NOW, 4096), STORE)
AWAY = replace(
    STORE,
    state=StoreState.RETRYING,
    since=NOW - 14 * SECOND,
    next_try=NOW + 4 * SECOND,
    problem="/data/sensormon.duckdb is locked by the process 4711",
)
COMPANIONS = (
    CompanionStatus(
        "sources", "", ("mixer is away: opc.tcp://10.0.0.7:4840 refused", "mixer is away: again")
    ),
    CompanionStatus("outputs", "", ("Output historian is connecting: tls handshake with 10.0.0.8",)),
    CompanionStatus("notifications", "", ("Notifications: /data/notify.toml, line 3: no such contact",)),
)
SENTENCES = [
    (WELL, ()),
    (replace(WELL, store=AWAY), ("Database away for 14 s; 42 readings safe in the journal.",)),
    (
        replace(WELL, store=replace(AWAY, state=StoreState.FAILED)),
        (
            "Database not loaded for 14 s; 42 readings safe in the journal. "
            "Somebody has to restart the monitor.",
        ),
    ),
    (
        replace(
            WELL, failures=("The loader stopped: OSError: /data/journal/0007. It is started again in 2 s",)
        ),
        ("The loader stopped. No acknowledged reading is lost.",),
    ),
    (
        replace(WELL, source=replace(SOURCE, problem="/data/journal is full", refusal=Refusal.DISK)),
        ("Readings are refused: the journal's disk is full. None of them is acknowledged.",),
    ),
    (
        replace(WELL, companions=COMPANIONS),
        (
            "Source mixer is away.",
            "Output historian is connecting.",
            "Notifications are not set up correctly, so people may not be told.",
        ),
    ),
]


@pytest.mark.parametrize(("status", "sentences"), SENTENCES)
def test_operator_reads_sentences_and_no_technical_details(
    status: Status, sentences: tuple[str, ...]
) -> None:
    assert plain_alarms(status) == problems(status) == sentences
    for text in sentences:
        assert not any(mark in text for mark in ("/", "4711", "10.0.0", "Error"))


def test_pipeline_keeps_the_details() -> None:
    detailed = alarms(replace(WELL, store=AWAY, companions=COMPANIONS))
    assert "4711" in detailed[0]
    assert "next try in 4.0 s" in detailed[0]
    assert "10.0.0.7" in detailed[1]


def test_problem_keeps_its_key_while_its_numbers_change() -> None:
    (before,) = plain_alarms(replace(WELL, store=AWAY))
    later = replace(AWAY, since=AWAY.since - 9 * SECOND)
    (after,) = plain_alarms(replace(WELL, store=later))
    assert before != after
    assert problem_key(before) == problem_key(after)
