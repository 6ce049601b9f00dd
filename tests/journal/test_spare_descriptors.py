"""A process without a free file descriptor: the journal still takes readings and starts segments."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sensormon.journal.journal import Journal
from sensormon.journal.spare_descriptors import SpareDescriptors
from sensormon.model.entries import Record
from sensormon.model.errors import JournalError


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Whoever opens a file meanwhile gets EMFILE, unless somebody closes another one first."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 20, before[1]))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_journal_takes_readings_and_rolls_without_a_free_descriptor(
    tmp_path: Path, records: Callable[..., list[Record]]
) -> None:
    written = records(30, 100)
    journal = Journal(tmp_path / "journal", segment_bytes=20_000, reserve_bytes=0, quota_bytes=10**9)
    journal.append(written[0].entry)
    with no_descriptor_left():
        numbers = [journal.append(record.entry) for record in written[1:]]
    assert numbers == list(range(2, 31))
    assert len(list((tmp_path / "journal").glob("*.seg"))) > 3
    assert [record.number for record in journal.read(0, 10**6)] == list(range(1, 31))
    journal.close()


def test_a_journal_whose_reserve_is_gone_too_says_so_and_recovers(
    tmp_path: Path, records: Callable[..., list[Record]]
) -> None:
    written = records(3)
    journal = Journal(tmp_path / "journal", quota_bytes=10**9)
    journal.append(written[0].entry)
    journal.close()
    with no_descriptor_left(), pytest.raises(JournalError, match="Too many open files"):
        journal.append(written[1].entry)
    assert journal.append(written[1].entry) == 2
    assert [record.number for record in journal.read(0)] == [1, 2]
    journal.close()


def test_the_reserve_is_taken_back_and_given_up_at_the_end() -> None:
    spare = SpareDescriptors(4)
    spare.run(lambda: None)
    with no_descriptor_left():
        spare.run(lambda: os.close(os.open(os.devnull, os.O_RDONLY)))
        spare.run(lambda: os.close(os.open(os.devnull, os.O_RDONLY)))
    before = len(os.listdir("/proc/self/fd"))
    del spare
    assert len(os.listdir("/proc/self/fd")) == before - 4
