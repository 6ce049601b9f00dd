"""A power cut loses what was not synced, and nothing that was acknowledged.

The cut is simulated on the files of a killed monitor. Each journal segment keeps what its last
sync covered and a random part of the rest. The database, whose syncs are not watched, stays as
it is, loses its write-ahead log or is deleted.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.kills import assert_all_stored, delete_database, kill_alone, run_and_kill, truncate_wal


def cut_power(folder: Path, syncs: Path, rng: random.Random) -> None:
    """Truncate the journal to what was synced plus a random part of what was only written."""
    synced = {}
    for line in syncs.read_text().splitlines() if syncs.exists() else ():
        inode, size = map(int, line.split())
        synced[inode] = size
    for path in [*(folder / "journal").glob("*.seg")]:
        status = path.stat()
        safe = min(synced.get(status.st_ino, 0), status.st_size)
        with path.open("r+b") as file:
            kept = rng.randint(safe, status.st_size)
            file.truncate(kept)
            if rng.random() < 0.5:
                file.truncate(status.st_size)  # the length was on disk, the bytes were not: zeros
    for path in folder.rglob("*.tmp"):
        path.unlink()
    rng.choice([kill_alone, kill_alone, truncate_wal, delete_database])(folder, rng)


def run(tmp_path: Path, how: str, cuts: int) -> None:
    rng = random.Random(7)  # noqa: S311  the moment of a cut need not be secret
    folder, syncs, acknowledged = tmp_path / "data", tmp_path / "syncs", dict[int, float]()
    for seed in range(cuts):
        acknowledged |= run_and_kill(folder, seed, rng, 600, f"{how}={syncs}")
        cut_power(folder, syncs, rng)
    assert_all_stored(folder, acknowledged)


def test_acknowledged_readings_survive_power_cuts(tmp_path: Path) -> None:
    run(tmp_path, "syncs", 5)


@pytest.mark.parametrize(
    "cuts", [pytest.param(12, marks=pytest.mark.long), pytest.param(40, marks=pytest.mark.full)]
)
def test_acknowledged_readings_survive_many_power_cuts(tmp_path: Path, cuts: int) -> None:
    run(tmp_path, "syncs", cuts)


def test_journal_that_only_claims_to_sync_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run(tmp_path, "unsynced", 3)
