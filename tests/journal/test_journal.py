"""The journal keeps what it acknowledged, whatever happens to its files."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sensormon.journal import segments
from sensormon.journal.archive import Archive
from sensormon.journal.codec import decode, encode
from sensormon.journal.journal import Journal
from sensormon.model.entries import BatchEntry, Record, SettingsEntry
from sensormon.model.errors import JournalError, JournalFull, UsageError
from tests.support.journals import filled, ids, open_journal, settings_entry

Records = Callable[..., list[Record]]


def test_entries_round_trip_bit_for_bit(tmp_path: Path, records: Records) -> None:
    journal = open_journal(tmp_path)
    for record in records(5, 70):
        journal.append(record.entry)
    for record, other in zip(records(5, 70), journal.read(0, 10**6), strict=True):
        assert isinstance(other.entry, BatchEntry)
        assert encode(other.entry) != encode(record.entry)  # the factory continued with other readings
        assert encode(decode(encode(other.entry))) == encode(other.entry)


def test_reading_starts_after_a_number_and_is_limited(tmp_path: Path) -> None:
    journal = open_journal(filled(tmp_path, 25), segment_bytes=600)
    assert ids(journal) == list(range(1, 26))
    assert ids(journal, 20) == [21, 22, 23, 24, 25]
    assert len(journal.read(0, 3)) == 3
    assert journal.read(25) == []


def test_segments_roll_and_are_retired_when_covered(tmp_path: Path) -> None:
    journal = open_journal(filled(tmp_path, 30, segment_bytes=600), segment_bytes=600)
    files = len(list(tmp_path.glob("*.seg")))
    assert files > 5
    journal.retire(15)
    assert ids(journal)[-1] == 30
    assert 1 < ids(journal)[0] <= 16
    assert len(list(tmp_path.glob("*.seg"))) < files
    journal.retire(30)
    assert len(list(tmp_path.glob("*.seg"))) == 1
    assert journal.append(settings_entry(31)) == 31


def test_numbers_and_writer_continue_after_reopening(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append(settings_entry(1))
    journal.close()
    again = open_journal(tmp_path)
    assert again.writer == journal.writer
    assert again.append(settings_entry(2)) == 2
    assert ids(again) == [1, 2]


def test_tear_at_any_byte_yields_only_whole_records(tmp_path: Path) -> None:
    (path,) = filled(tmp_path / "whole", 4).glob("*.seg")
    data = path.read_bytes()
    ends = [end for end in range(len(data) + 1) if _records_in(data[:end], tmp_path) is not None]
    assert ends == list(range(len(data) + 1))


def _records_in(data: bytes, tmp_path: Path) -> list[int] | None:
    folder = tmp_path / "torn"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / segments.name(1, 1)
    path.write_bytes(data)
    whole = segments.scan(path).numbers
    journal = open_journal(folder)
    assert ids(journal) == whole == list(range(1, len(whole) + 1))
    assert journal.append(settings_entry(len(whole) + 1)) == len(whole) + 1
    assert ids(journal) == list(range(1, len(whole) + 2))
    journal.close()
    return whole


@pytest.mark.parametrize("written", [0, 20, segments.HEADER_SIZE - 1])
def test_segment_whose_header_did_not_reach_the_disk_is_no_damage(tmp_path: Path, written: int) -> None:
    archive = Archive(tmp_path / "archive")
    journal = Journal(tmp_path / "journal", archive=archive)
    journal.append(settings_entry(1))
    journal.close()
    (first,) = segments.scan_folder(tmp_path / "journal")
    header = segments.header(first.writer, 2)[:written].ljust(segments.HEADER_SIZE, b"\0")
    (tmp_path / "journal" / segments.name(first.serial + 1, 2)).write_bytes(header)  # power was cut then
    journal = Journal(tmp_path / "journal", archive=archive)
    assert journal.writer == first.writer
    assert journal.append(settings_entry(2)) == 2
    journal.retire(1)
    assert ids(journal) == [1, 2]
    assert journal.damaged == ()
    journal.close()


def test_flipped_bit_yields_no_wrong_record(tmp_path: Path) -> None:
    (path,) = filled(tmp_path / "whole", 4).glob("*.seg")
    data = path.read_bytes()
    damaged = tmp_path / segments.name(1, 1)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << (bit % 8)
        damaged.write_bytes(flipped)
        try:
            segment = segments.scan(damaged)
        except JournalError:
            continue  # the flip changed the version, so the whole file is refused
        for number, payload in segments.read_payloads(segment, 0, 9):
            assert payload is not None
            entry = decode(payload)
            assert isinstance(entry, SettingsEntry)
            assert entry.settings.id == number
        assert len(segment.numbers) >= 3
        assert len(segment.numbers) == 4 or segment.damage or segment.torn


def test_damage_before_the_end_is_quarantined_and_reported(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, 6).glob("*.seg")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    journal = open_journal(tmp_path)
    assert len(ids(journal)) == 5
    assert any("damaged" in text for text in journal.damaged)
    assert (tmp_path / "quarantine" / path.name).read_bytes() == bytes(data)
    assert path.read_bytes() == bytes(data)
    assert journal.append(settings_entry(7)) == 7


def test_failed_sync_abandons_the_segment_and_reuses_the_number(tmp_path: Path) -> None:
    failing = {"on": False, "calls": []}

    def fdatasync(fd: int) -> None:
        if failing["on"]:
            failing["calls"].append(os.fstat(fd).st_ino)
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(fd)

    journal = open_journal(tmp_path, fdatasync=fdatasync)
    journal.append(settings_entry(1))
    failing["on"] = True
    for _ in range(3):
        with pytest.raises(JournalError, match="Check the disk"):
            journal.append(settings_entry(99))
    first, *others = failing["calls"]
    assert first not in others, "the same file was synced again after it failed"
    failing["on"] = False
    assert journal.append(settings_entry(2)) == 2
    assert ids(journal) == [1, 2]
    journal.close()
    assert ids(open_journal(tmp_path)) == [1, 2]


def test_record_left_by_a_failed_append_is_void(tmp_path: Path) -> None:
    path = tmp_path / segments.name(1, 1)
    writer = "a" * 32
    left = segments.header(writer, 1) + b"".join(segments.frame(i, encode(settings_entry(i))) for i in (1, 2))
    path.write_bytes(left)
    later = segments.header(writer, 2) + segments.frame(2, encode(settings_entry(2)))
    (tmp_path / segments.name(2, 2)).write_bytes(later)
    journal = open_journal(tmp_path)
    assert ids(journal) == [1, 2]
    assert journal.damaged == ()


def test_full_disk_is_distinguished_and_recoverable(tmp_path: Path) -> None:
    full = {"on": True}

    def fdatasync(fd: int) -> None:
        if full["on"]:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fdatasync(fd)

    journal = Journal(tmp_path, reserve_bytes=4096, fdatasync=fdatasync)
    assert (tmp_path / "reserve").stat().st_size == 4096
    with pytest.raises(JournalFull, match="Free some space"):
        journal.append(settings_entry(1))
    assert not (tmp_path / "reserve").exists()
    full["on"] = False
    assert journal.append(settings_entry(1)) == 1
    journal.retire(0)
    assert (tmp_path / "reserve").exists()


def test_vanished_folder_is_recreated_with_the_same_writer(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    journal = open_journal(folder)
    journal.append(settings_entry(1))
    writer = journal.writer
    shutil.rmtree(folder)
    assert journal.append(settings_entry(2)) == 2
    assert journal.writer == writer
    assert ids(open_journal(folder)) == [2]
    shutil.rmtree(folder)
    assert open_journal(folder).writer != writer


def test_unknown_version_is_refused_untouched(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, 2).glob("*.seg")
    data = bytearray(path.read_bytes())
    import struct
    import zlib

    struct.pack_into("<I", data, 8, 7)
    struct.pack_into(
        "<I", data, segments.HEADER_SIZE - 4, zlib.crc32(bytes(data[: segments.HEADER_SIZE - 4]))
    )
    path.write_bytes(data)
    with pytest.raises(JournalError, match="version 7"):
        open_journal(tmp_path)
    assert path.read_bytes() == bytes(data)


def test_folder_that_cannot_be_created_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        open_journal(tmp_path / "file" / "journal")
