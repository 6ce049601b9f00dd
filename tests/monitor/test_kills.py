"""A monitor killed at random, with files damaged in between, stores each acknowledged reading once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.kills import (
    Fault,
    assert_all_stored,
    delete_database,
    flip_database,
    flip_wal,
    kill_alone,
    run_and_kill,
    tear_journal,
    truncate_database,
    truncate_wal,
)

FAULTS: list[Fault] = [
    kill_alone,
    tear_journal,
    delete_database,
    kill_alone,
    truncate_wal,
    flip_wal,
    kill_alone,
    truncate_database,
    flip_database,
]


@pytest.mark.parametrize(
    ("kills", "most", "seed"),
    [
        (4, 1000, 1),
        pytest.param(27, 400, 2, marks=pytest.mark.long),  # each kind of damage three times
        pytest.param(100, 400, 2, marks=pytest.mark.full),
    ],
    ids=["four", "twenty-seven", "hundred"],
)
def test_repeated_kills_and_damage_lose_nothing(tmp_path: Path, kills: int, most: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  the moment of a kill need not be secret
    folder = tmp_path / "data"
    acknowledged: dict[int, float] = {}
    for round_number in range(kills):
        values = run_and_kill(folder, seed * 1000 + round_number, rng, most)
        assert not values.keys() & acknowledged.keys(), "an id was given twice"
        acknowledged |= values
        FAULTS[round_number % len(FAULTS)](folder, rng)
    assert_all_stored(folder, acknowledged)


@pytest.mark.parametrize(
    "moment",
    [
        "checkpoint",
        "retire",
        pytest.param("replay", marks=pytest.mark.long),
        pytest.param("roll", marks=pytest.mark.long),
    ],
)
def test_kill_in_the_middle_of_a_step_loses_nothing(tmp_path: Path, moment: str) -> None:
    rng = random.Random(moment)  # noqa: S311  the moment of a kill need not be secret
    folder = tmp_path / "data"
    acknowledged = run_and_kill(folder, 0, rng, 300)
    for seed in range(1, 4):
        if moment == "replay":
            delete_database(folder, rng)  # so that the whole journal is replayed
        acknowledged |= run_and_kill(folder, seed, rng, 3_000, moment)
    assert_all_stored(folder, acknowledged)
