"""Files made at random, written as loggers, historians and spreadsheets do: nothing is lost or changed.

Each goes through a dry run, an import and exports as CSV, Parquet and Excel, which must have exactly the
readings that it means. Every other cell is rejected by its line, and what can be read in two ways is asked.
Every seventh file is sent again, undone and imported once more.

A failure names the seed; `python -m tests.support.random_files SEED` writes the file and prints its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.random_files import make
from tests.support.random_imports import check

_EVERYDAY, _LONG, _FULL = range(20), range(20, 320), range(10_000)


def blocks(seeds: Sequence[int], size: int) -> list[Sequence[int]]:
    return [seeds[start : start + size] for start in range(0, len(seeds), size)]


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(_EVERYDAY, id="everyday"),
        *(pytest.param(part, id=f"long-{part[0]}", marks=pytest.mark.long) for part in blocks(_LONG, 100)),
        *(pytest.param(part, id=f"full-{part[0]}", marks=pytest.mark.full) for part in blocks(_FULL, 500)),
    ],
)
def test_files_are_stored_and_exported_as_they_are_meant(tmp_path: Path, seeds: Sequence[int]) -> None:
    seen = check(seeds, tmp_path)
    assert seen.files == len(seeds)
    assert not seen.wrong, f"{len(seen.wrong)} of {seen.files} files:\n" + "\n".join(seen.wrong)
    assert seen.readings > 10 * seen.files
    assert seen.undone


def test_a_seed_always_makes_the_same_file() -> None:
    assert [make(seed) for seed in range(40)] == [make(seed) for seed in range(40)]
