"""What the journal does if its files are damaged or removed: no acknowledged entry is lost silently."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import tempfile
import threading
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sensormon.journal import segments
from sensormon.journal.codec import decode, encode
from sensormon.journal.journal import Journal
from sensormon.model.clock import ManualClock
from sensormon.model.errors import JournalDamaged, JournalError, JournalFull
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.model.status import WriteState
from sensormon.monitor.monitor import Monitor
from tests.support.journals import batch_entry, filled, ids, open_journal, settings_entry

SIZE = len(segments.frame(1, encode(settings_entry(1))))
"""Bytes of a record of `settings_entry(1)` to `settings_entry(9)`."""


def flip(path: Path, at: int = -3) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_tear_at_any_byte_keeps_the_records_before_it(tmp_path: Path) -> None:
    (path,) = filled(tmp_path / "whole", 4).glob("*.seg")
    data = path.read_bytes()
    assert len(data) == segments.HEADER_SIZE + 4 * SIZE
    for length in range(len(data) + 1):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / path.name).write_bytes(data[:length])
        whole = max(0, length - segments.HEADER_SIZE) // SIZE
        journal = open_journal(folder)
        assert ids(journal) == list(range(1, whole + 1))
        assert journal.damaged == ()
        shutil.rmtree(folder)


def test_flipped_bit_in_the_last_record_is_reported(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, 2).glob("*.seg")
    data = path.read_bytes()
    for bit in range((segments.HEADER_SIZE + SIZE) * 8, len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(flipped)
        shutil.rmtree(tmp_path / "quarantine", ignore_errors=True)
        journal = open_journal(tmp_path)
        assert journal.damaged
        assert (tmp_path / "quarantine" / path.name).read_bytes() == bytes(flipped)


@pytest.mark.parametrize("segment_bytes", [segments.HEADER_SIZE + SIZE, segments.HEADER_SIZE + 3 * SIZE])
def test_damage_at_the_end_of_a_sealed_segment_is_quarantined(tmp_path: Path, segment_bytes: int) -> None:
    filled(tmp_path, 6, segment_bytes=segment_bytes)
    first = min(tmp_path.glob("*.seg"))
    lost = segments.scan(first).last
    flip(first)
    journal = open_journal(tmp_path)
    assert ids(journal) == [i for i in range(1, 7) if i != lost]
    assert any("damaged" in text for text in journal.damaged)
    assert any(f"records {lost} to {lost} are missing" in text for text in journal.damaged)
    assert (tmp_path / "quarantine" / first.name).exists()


def test_damage_before_an_empty_segment_is_reported(tmp_path: Path) -> None:
    journal = open_journal(filled(tmp_path, 3))
    flip(min(tmp_path.glob("*.seg")))
    (tmp_path / segments.name(2, 4)).write_bytes(segments.header(journal.writer, 4))
    journal = open_journal(tmp_path)
    assert ids(journal) == [1, 2]
    assert any("records 3 to 3 are missing" in text for text in journal.damaged)


def test_damage_that_cannot_be_copied_is_left_in_place(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, 2).glob("*.seg")
    flip(path)
    damaged = path.read_bytes()
    (tmp_path / "quarantine").write_text("in the way")
    journal = open_journal(tmp_path)
    assert path.read_bytes() == damaged
    assert any("could not be copied" in text for text in journal.damaged)


def test_folder_vanished_before_the_first_append_is_recreated(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal = open_journal(filled(folder, 1))
    shutil.rmtree(folder)
    assert [journal.append(settings_entry(i)) for i in (2, 3)] == [2, 3]
    assert ids(journal) == [2, 3]


def test_vanished_newest_segment_leaves_older_ones_readable(tmp_path: Path) -> None:
    journal = open_journal(filled(tmp_path, 2))
    journal.append(settings_entry(3))
    writer = journal.writer
    max(tmp_path.glob("*.seg")).unlink()
    assert journal.append(settings_entry(4)) == 4
    assert ids(journal) == [1, 2, 4]
    assert any("vanished" in text for text in journal.damaged)
    assert open_journal(tmp_path).writer == writer


def test_segment_retired_during_a_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(filled(tmp_path, 4, segment_bytes=1))
    read_payloads = segments.read_payloads

    def late(segment: segments.Segment, start: int, stop: int) -> object:
        journal.retire(4)
        return read_payloads(segment, start, stop)

    monkeypatch.setattr(segments, "read_payloads", late)
    assert [record.number for record in journal.read(0)] == [4]
    assert journal.damaged == ()


def test_segment_that_cannot_be_removed_does_not_block_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    journal = open_journal(tmp_path, fdatasync=fail)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        with pytest.raises(JournalError):
            journal.append(settings_entry(1))
    journal._fdatasync = os.fdatasync
    assert journal.append(settings_entry(1)) == 1
    journal.close()
    assert ids(open_journal(tmp_path)) == [1]


def test_record_that_only_half_fits_leaves_nothing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append(settings_entry(1))
    size = journal.size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + SIZE // 2, hard))
    try:
        with pytest.raises(JournalFull):
            journal.append(settings_entry(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert min(tmp_path.glob("*.seg")).stat().st_size == size
    assert journal.append(settings_entry(2)) == 2
    journal.close()
    assert ids(open_journal(tmp_path)) == [1, 2]


def test_empty_reserve_is_refilled(tmp_path: Path) -> None:
    (tmp_path / "reserve").touch()
    Journal(tmp_path, reserve_bytes=4096)
    assert (tmp_path / "reserve").stat().st_size == 4096


def test_concurrent_reader_sees_each_record_once_in_order(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, segment_bytes=10 * SIZE)
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        while True:
            last_turn = done.is_set()
            records = journal.read(seen[-1] if seen else 0, 7)
            seen.extend(record.number for record in records)
            if last_turn and not records:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    for i in range(1, 201):
        journal.append(settings_entry(i))
    done.set()
    thread.join(30)
    assert seen == list(range(1, 201))


class Plant:
    """A monitor without a source on one data folder; each `send` is one new reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.sent = 0
        self.start()

    def start(self) -> None:
        self.monitor = Monitor(Settings(data_dir=self.folder, source="none"), self.clock)

    def send(self, count: int) -> None:
        for _ in range(count):
            self.sent += 1
            self.clock.advance(1)
            at = self.clock.now()
            reading = Reading("fermenter_temp", at, 36 + self.sent / 100)
            self.monitor.submit(Batch.of([reading], source="test", received=at))

    def newest(self) -> Path:
        return max((self.folder / "journal").glob("*.seg"))

    def check(self) -> None:
        self.monitor.drain()
        ledger = self.monitor.ledger.now().to_dict()
        assert (ledger["received"], ledger["stored"], ledger["difference"]) == (self.sent, self.sent, 0)


@pytest.mark.parametrize("harm", ["rot", "deleted"])
def test_journal_that_lost_its_end_continues_above_the_store(tmp_path: Path, harm: str) -> None:
    plant = Plant(tmp_path)
    plant.send(2)
    plant.check()
    plant.monitor.stop()
    plant.start()
    plant.send(2)
    plant.check()
    plant.monitor.stop()
    if harm == "rot":
        flip(plant.newest())
    else:
        plant.newest().unlink()
    plant.start()
    plant.send(2)
    plant.check()
    plant.monitor.stop()


def test_folder_vanishing_at_run_time_loses_nothing(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.send(2)
    plant.check()
    shutil.rmtree(tmp_path / "journal")
    plant.send(2)
    plant.check()
    plant.monitor.stop()
    plant.start()
    plant.check()
    plant.monitor.stop()


def test_newest_segment_vanishing_before_a_crash_duplicates_nothing(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.send(2)
    plant.check()
    plant.monitor.stop()
    plant.start()
    plant.send(2)
    plant.check()
    plant.newest().unlink()
    plant.send(1)
    plant.monitor.parts.store.close()
    plant.monitor.parts.journal.close()
    plant.monitor.parts.folder.release()
    plant.start()
    plant.check()
    plant.monitor.stop()


@pytest.mark.parametrize("harm", ["end lost", "folder lost"])
def test_numbers_are_unique_when_journal_end_and_store_are_lost(tmp_path: Path, harm: str) -> None:
    plant = Plant(tmp_path)
    plant.send(3)
    plant.check()
    plant.monitor.stop()
    plant.start()
    plant.send(3)
    plant.check()
    plant.monitor.stop()
    if harm == "end lost":
        plant.newest().unlink()
    else:
        shutil.rmtree(tmp_path / "journal")
    database = tmp_path / "sensormon.duckdb"
    away = database.rename(tmp_path / "away")
    database.mkdir()  # an obstacle: the store cannot be opened
    plant.start()
    plant.send(3)
    database.rmdir()
    away.rename(database)
    plant.clock.advance(60)
    plant.check()
    plant.monitor.stop()
    plant.start()
    plant.send(2)
    plant.check()
    assert not any("missing" in text for text in plant.monitor.parts.journal.damaged)
    plant.monitor.stop()


def test_lost_journal_folder_continues_the_writer_of_the_archive(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.send(2)
    plant.check()
    plant.monitor.stop()
    plant.start()
    plant.send(2)
    plant.clock.advance(120)
    plant.check()
    plant.monitor.stop()
    assert list((tmp_path / "archive").glob("*.gz"))
    shutil.rmtree(tmp_path / "journal")
    plant.start()
    plant.send(2)
    plant.check()
    plant.monitor.stop()
    plant.start()
    assert len({segment.writer for segment in segments.scan_folder(tmp_path / "journal")}) == 1
    archived = plant.monitor.parts.journal._archive
    assert archived is not None
    newest = archived.newest()
    assert newest is not None
    assert newest.writer == plant.monitor.parts.journal.writer
    plant.monitor.stop()


def test_ledger_balances_while_a_lost_database_reloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = Plant(tmp_path)
    plant.send(30)
    plant.check()
    (tmp_path / "sensormon.duckdb").unlink()
    monkeypatch.setattr("sensormon.ingest.loader.BATCH", 5)
    monkeypatch.setattr("sensormon.ingest.loader.BEHIND", 5)
    seen = []
    for _ in range(40):
        plant.clock.advance(31)
        plant.monitor.parts.loader._last_load = 0
        plant.monitor.parts.loader.step()
        seen.append(plant.monitor.ledger.now().total)  # a page reads before the loader has reported
        plant.monitor.loading.after_step()
        seen.append(plant.monitor.ledger.now().total)
    assert {total.difference for total in seen} == {0}
    assert {total.received for total in seen} == {30}
    assert len({total.pending for total in seen}) > 3, "it was not seen half-way"
    plant.check()
    plant.monitor.stop()


def test_quota_refuses_readings_and_bounds_memory(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.monitor.stop()
    plant.monitor = Monitor(Settings(data_dir=tmp_path, source="none", journal_quota=1), plant.clock)
    (tmp_path / "journal" / "others").write_bytes(b"x" * 500_000)
    batch = Batch.of(
        [Reading("fermenter_temp", plant.clock.now() + i, 36 + i / 1000) for i in range(1000)],
        source="test",
        received=plant.clock.now(),
    )
    with suppress(JournalFull):
        for taken in range(100):
            plant.monitor.submit(replace(batch, time=batch.time + 1000 * taken))
    assert 0 < taken < 99
    assert "quota of 1,000,000 bytes" in plant.monitor.status().source.problem
    refused = [replace(batch, time=batch.time - 10**9 - 1000 * i) for i in range(300)]
    with suppress(JournalFull):
        plant.monitor.submit(refused[0])
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for refused_batch in refused:
        with pytest.raises(JournalFull):
            plant.monitor.submit(refused_batch)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 200_000, f"{grown:,} bytes were kept of what was refused"
    assert plant.monitor.status().source.refused == 1000 * 302
    assert plant.monitor.status().writing is WriteState.FULL
    (tmp_path / "journal" / "others").unlink()
    plant.monitor.submit(refused[0])
    plant.monitor.drain()
    assert plant.monitor.ledger.now().total.stored == 1000 * (taken + 1)
    plant.monitor.stop()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"rows":1', b'"rows":0'),
        (b'"rows":1', b'"rows":-1'),
        (b'"rows":1', b'"rows":Infinity'),
        (b'"tags":["a"]', b'"tags":[]'),
    ],
)
def test_head_that_contradicts_its_columns_is_damage(old: bytes, new: bytes) -> None:
    whole = encode(batch_entry([1.0]))
    start = 5 + int.from_bytes(whole[1:5], "little")
    head = whole[5:start].replace(old, new)
    assert head != whole[5:start]
    with pytest.raises(JournalDamaged):
        decode(whole[:1] + len(head).to_bytes(4, "little") + head + whole[start:])


def test_trailing_bytes_and_endless_nesting_are_damage() -> None:
    for entry in (batch_entry([1.0]), settings_entry(1)):
        with pytest.raises(JournalDamaged):
            decode(encode(entry) + b"x")
    with pytest.raises(JournalDamaged):
        decode(b"B" + (200_000).to_bytes(4, "little") + b"[" * 200_000)


class JournalModel(RuleBasedStateMachine):
    """The journal against a plain list of the numbers acknowledged and not retired."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.failing = 0
        self.kept: list[int] = []
        self.last = 0
        self.open()

    def open(self) -> None:
        self.journal = open_journal(
            self.folder, segment_bytes=segments.HEADER_SIZE + 3 * SIZE, fdatasync=self.fdatasync
        )

    def fdatasync(self, fd: int) -> None:
        if self.failing:
            raise OSError(self.failing, os.strerror(self.failing))
        os.fdatasync(fd)

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        for _ in range(count):
            assert self.journal.append(settings_entry(self.last + 1)) == self.last + 1
            self.last += 1
            self.kept.append(self.last)

    @rule(error=st.sampled_from([errno.EIO, errno.ENOSPC]))
    def fail_to_append(self, error: int) -> None:
        self.failing = error
        with pytest.raises(JournalFull if error == errno.ENOSPC else JournalError):
            self.journal.append(settings_entry(self.last + 1))
        self.failing = 0

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.open()

    @precondition(lambda self: self.journal._segments)
    @rule(length=st.integers(1, SIZE - 1))
    def crash_in_an_append(self, length: int) -> None:
        self.journal.close()
        newest = max(self.folder.glob("*.seg"))
        with newest.open("ab") as file:
            file.write(segments.frame(self.last + 1, encode(settings_entry(self.last + 1)))[:length])
        self.open()

    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        upto = data.draw(st.integers(0, self.last))
        self.journal.retire(upto)
        left = ids(self.journal)
        assert set(self.kept) - set(left) <= set(range(1, upto + 1))
        self.kept = self.kept[len(self.kept) - len(left) :]

    @invariant()
    def gives_back_what_it_acknowledged(self) -> None:
        assert ids(self.journal) == self.kept
        assert self.journal.last == self.last
        assert self.journal.damaged == ()

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.folder)


TestJournalModel = JournalModel.TestCase
TestJournalModel.settings = hypothesis_settings(
    max_examples=40, stateful_step_count=20, deadline=None, derandomize=True
)
