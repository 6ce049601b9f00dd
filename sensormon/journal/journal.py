"""The write-ahead journal: a reading is acknowledged once it is in here, on disk.

Is: a folder of segment files that hold numbered records; one writer, readers in other
threads of the same process. Is not: a database, a queue between machines, or a backup
(segments go once the store has them behind a checkpoint).

Layout, all numbers little-endian:

    SERIAL-FIRST.seg     8 and 20 decimal digits: order of the files, first record number
    header   56 bytes    "SMJOURN\\n", version u32, writer (32 hex digits), first number u64,
                         CRC-32 u32 of these
    record               F5 "SMR", payload length u32, number u64, CRC-32 u32 of length,
                         number and payload; then the payload (see `codec.py`)
    reserve              1 MiB of real blocks, given up when the disk is full

Rules:

 1. `append` writes one record with one write, syncs (fdatasync), then returns. If it returned,
    the record is on disk. If it raised, the record may be on disk; nobody was told that it is.
 2. Numbers go up by one. A segment with first number N voids every record from N on in
    the segments before it. So a failed append leaves its segment for good (a failed sync
    is never tried again on the same descriptor), and the next append uses the same number
    in a new segment.
 3. The folder is synced when a file in it is made or removed.
 4. Opening: bytes after the last whole record of the last segment are an append that
    was never acknowledged; they are cut off. If they cannot be the beginning of an append, an
    acknowledged record is damaged: a copy goes to `quarantine/` first and the damage is reported.
 5. Damage anywhere else is never cut off: the file is copied to `quarantine/`, the damage is
    reported, and every whole record around it is still read.
 6. Only `retire` removes a segment; the loader calls it after a checkpoint. A compressed copy
    goes to the archive first, and `read` continues there if it is asked for records that are
    no longer here. So a lost database is rebuilt from both.
 7. If the folder is empty at opening, writer id and numbers continue from the archive, or
    with a new writer id if there is no archive. The store keeps one watermark per writer, so
    numbers that start again are never taken for old ones. Files that vanish while the journal
    is open are reported; writer and numbers continue in a new segment.
 8. A journal that has lost its end continues above the store's watermark (`go_on_after`),
    so that no new record has a number which the store takes for loaded. If the store cannot
    be asked, numbers continue from the time in microseconds, rounded up to a multiple
    of 2^20 (`go_on_from_time`); such a first number is no sign of missing records.
 9. With a quota, `append` refuses a record that would take the folder above that many bytes.
10. Where the process has no file descriptor left, `append` gives up a few that it holds in reserve.

What it promises: any record whose append returned is read back bit for bit, or its
damage is reported. What it does not: survive a disk that loses what it said it synced.
Rules 4 and 5 are in `opening.py`, the bytes in `segments.py`.
"""

from __future__ import annotations

import errno
import os
import threading
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from sensormon.journal import opening, segments
from sensormon.journal.alike import decode_all
from sensormon.journal.archive import Archive
from sensormon.journal.codec import encode
from sensormon.journal.opening import FORBIDDEN, NO_SPACE, VANISHED, Damage
from sensormon.journal.outlines import Stretch, read_stretch
from sensormon.journal.segments import Segment
from sensormon.journal.spare_descriptors import SpareDescriptors
from sensormon.model.durable_files import sync_folder
from sensormon.model.entries import BatchEntry, Entry, Record
from sensormon.model.errors import (
    JournalError,
    JournalFull,
    JournalQuotaUsed,
    JournalUnwritable,
)

SEGMENT_BYTES = 8 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
MOST_RECORDS = 5_000
"""The most that one `read` returns."""
PIECE_BYTES = 256 * 1024
"""About how much of the journal is decoded at once."""


class Journal:
    """See the module. `append` and `retire` have one caller each; any thread may read.

    `quota_bytes` is the most the folder may take, 0 for no limit. `fdatasync` is a parameter
    so that tests can make it fail.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
        quota_bytes: int = 0,
        archive: Archive | None = None,
        fdatasync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._reserve = folder / "reserve"
        self._reserve_bytes = reserve_bytes
        self._fdatasync = fdatasync
        self._lock = threading.Lock()
        self._fd = -1
        self._spare = SpareDescriptors()
        self._damage = Damage(folder)
        opening.make_folder(folder)
        self._segments = opening.open_segments(folder, self._damage)
        self._archive = archive
        self._quota_bytes = quota_bytes
        retired = archive.newest() if archive and not self._segments else None
        before = self._segments or ([retired] if retired else [])
        writers = [segment.writer for segment in before if segment.writer]
        self.writer = writers[-1] if writers else uuid.uuid4().hex
        self._next = before[-1].last + 1 if before else 1
        self._acknowledged = self._next - 1
        self._serial = before[-1].serial if before else 0
        opening.ensure_reserve(self._reserve, self._reserve_bytes)

    # -- writing ------------------------------------------------------------------

    def append(self, entry: Entry) -> int:
        """Make the entry durable; returns its number.

        Raises JournalFull if there is no space and JournalError for any other failure. Then the
        entry is not acknowledged, and the next append starts a new segment.
        """
        number = self._next
        record = segments.frame(number, encode(entry))
        try:
            self._spare.run(lambda: self._prepare(number, len(record)))
            _write_all(self._fd, record)
            self._fdatasync(self._fd)
        except OSError as error:
            self._abandon()
            raise self._failed(error) from error
        with self._lock:
            self._segments[-1].add(number, len(record))
            self._next = number + 1
            self._acknowledged = number
        return number

    def go_on_after(self, number: int) -> None:
        """Number the next record above `number`, which the store has already."""
        if number >= self._next:
            self._damage.report(
                f"records {self._next} to {number} are in the store and no longer in the journal"
            )
            self._leave()
            self._next = number + 1
            self._acknowledged = number

    def go_on_from_time(self, now: int) -> None:
        """Number the next record by the time (µs), above all that an unreachable store may have."""
        self._leave()
        self._next = segments.by_time(max(now, self._next))

    def retire(self, upto: int) -> None:
        """Remove the segments whose records all have numbers up to `upto`, except the newest.

        With an archive they go there first; a segment that cannot be archived stays and is reported.
        """
        with self._lock:
            covered = [segment for segment in self._segments[:-1] if segment.last <= upto]
        for segment in covered:
            try:
                if self._archive is not None and segment.path.exists():
                    self._archive.put(segment)
            except OSError as error:
                self._damage.report(
                    f"{segment.path.name} cannot be archived and stays ({error.strerror or error})"
                )
                break
            with self._lock:
                self._segments.remove(segment)
            segment.path.unlink(missing_ok=True)
        if covered:
            sync_folder(self.folder)
        opening.ensure_reserve(self._reserve, self._reserve_bytes)

    def close(self) -> None:
        """Close the file and give up the reserve. Everything acknowledged is on disk already."""
        self._leave()
        self._spare.release()

    def _prepare(self, number: int, size: int) -> None:
        """Have a segment with room for a record of this size. May be done again after an OSError."""
        self._notice_loss()
        self._keep_quota(size)
        if self._fd < 0 or self._segments[-1].end + size > self._segment_bytes:
            self._roll(number)

    def _leave(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _roll(self, number: int) -> None:
        self._leave()
        self._serial = serial = self._serial + 1
        path = self.folder / segments.name(serial, number)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            _write_all(fd, segments.header(self.writer, number))
            self._fdatasync(fd)
            sync_folder(self.folder)
        except OSError:
            os.close(fd)
            with suppress(OSError):  # what stays is void, and its serial is never used again
                path.unlink(missing_ok=True)
            raise
        with self._lock:
            for earlier in self._segments:
                earlier.void(number)
            self._segments.append(Segment(path, serial, self.writer, number))
        self._fd = fd

    def _abandon(self) -> None:
        """Leave the segment for good, cut to its last acknowledged record if the disk allows it."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            os.ftruncate(fd, self._segments[-1].end)
        except OSError:
            pass  # rule 2 makes the rest harmless
        finally:
            os.close(fd)

    def _keep_quota(self, more: int) -> None:
        if not self._quota_bytes:
            return
        with os.scandir(self.folder) as entries:
            used = sum(_size(entry) for entry in entries if entry.name != self._reserve.name)
        if used + more > self._quota_bytes:
            raise OSError(errno.EDQUOT, "the journal's quota is used up")

    def _failed(self, error: OSError) -> JournalError:
        where = str(self.folder)
        if error.errno in NO_SPACE:
            with suppress(OSError):  # the refusal is what counts
                self._reserve.unlink(missing_ok=True)
            hint = "Free some space; readings are refused until then and nothing acknowledged is lost"
            if error.errno == errno.EDQUOT and self._quota_bytes:
                used = f"the journal's quota of {self._quota_bytes:,} bytes is used up"
                return JournalQuotaUsed(used, where=where, hint=hint)
            return JournalFull("no space left for the journal", where=where, hint=hint)
        if error.errno in FORBIDDEN:
            return JournalUnwritable(
                f"the journal is not writable ({error.strerror or error})",
                where=where,
                hint="Make it writable for the monitor's account; readings are refused until then",
            )
        return JournalError(
            f"the journal cannot be written ({error.strerror or error})",
            where=where,
            hint="Check the disk; the journal tries again with each reading",
        )

    def _notice_loss(self) -> None:
        """Continue in a new segment if somebody removed the newest one, or the whole folder."""
        if self._segments and not self._vanished(self._segments[-1]):
            return
        if self._segments:
            self._abandon()
            with self._lock:
                lost = [segment for segment in self._segments if not segment.path.exists()]
                self._segments = [segment for segment in self._segments if segment not in lost]
            for segment in lost:
                self._damage.report(segment.path.name + VANISHED)
        if not self.folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder.parent)

    def _vanished(self, segment: Segment) -> bool:
        try:
            inode = os.stat(segment.path).st_ino
        except FileNotFoundError:
            return True
        return self._fd >= 0 and inode != os.fstat(self._fd).st_ino

    # -- reading ------------------------------------------------------------------

    def read(self, after: int, limit: int = 1000) -> list[Record]:
        """Records with a number above `after`, in order: about `limit` readings, at least one record.

        At most `MOST_RECORDS`, since a record of a few readings takes far more memory than they do.

        Raises JournalError if the disk cannot be read.
        """
        records: list[Record] = []
        readings = 0
        with self._lock:
            kept = [(segment, len(segment.numbers)) for segment in self._segments if segment.last > after]
            first = self._segments[0].first if self._segments else self._next
        if self._archive is not None and after + 1 < first:
            for number, entry in _entries(self._archive.payloads(self.writer, after, first), limit):
                if entry is None:
                    self._damage.report(f"archived record {number} cannot be read")
                    continue
                records.append(Record(number, entry))
                readings += _readings(entry)
                if readings >= limit or len(records) >= MOST_RECORDS:
                    return records
        for segment, count in kept:
            start = bisect_right(segment.numbers, after, 0, count)
            try:
                for number, entry in _entries(segments.read_payloads(segment, start, count), limit):
                    if entry is None:
                        self._damage.quarantine(segment, f"record {number} cannot be read")
                        continue
                    records.append(Record(number, entry))
                    readings += _readings(entry)
                    if readings >= limit or len(records) >= MOST_RECORDS:
                        return records
            except FileNotFoundError:
                with self._lock:
                    retired = segment not in self._segments
                if not retired:
                    self._damage.report(segment.path.name + VANISHED)
            except OSError as error:
                raise _unreadable(segment, error) from error
        return records

    def stretches(self, after: int) -> Iterator[Stretch]:
        """All records with a number above `after`, in order, a segment at a time.

        Raises JournalError if the disk cannot be read.
        """
        with self._lock:
            kept = [(segment, len(segment.numbers)) for segment in self._segments if segment.last > after]
            first = self._segments[0].first if self._segments else self._next
        if self._archive is not None and after + 1 < first:
            for segment, start, stop in self._archive.within(self.writer, after, first):
                stretch = _stretch(segment, start, stop)
                for number in stretch.unreadable:
                    self._damage.report(f"archived record {number} cannot be read")
                yield stretch
        for segment, count in kept:
            try:
                stretch = _stretch(segment, bisect_right(segment.numbers, after, 0, count), count)
            except FileNotFoundError:
                self._damage.report(segment.path.name + VANISHED)
                continue
            except OSError as error:
                raise _unreadable(segment, error) from error
            for number in stretch.unreadable:
                self._damage.quarantine(segment, f"record {number} cannot be read")
            yield stretch

    @property
    def last(self) -> int:
        """The highest acknowledged number; 0 if there is none."""
        return self._acknowledged

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        with self._lock:
            return sum(segment.end for segment in self._segments)

    @property
    def damaged(self) -> tuple[str, ...]:
        """What was found damaged since the journal was opened, one sentence each."""
        return (*self._damage.reports, *(self._archive.damaged if self._archive else ()))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _stretch(segment: Segment, start: int, stop: int) -> Stretch:
    data = segments.contents(segment.path)
    return read_stretch(data, segments.frames(segment, data, start, stop))


def _unreadable(segment: Segment, error: OSError) -> JournalError:
    return JournalError(
        f"the journal cannot be read ({error.strerror or error})",
        where=str(segment.path),
        hint="Check the disk; loading tries again by itself",
    )


def _entries(payloads: Iterator[tuple[int, bytes | None]], limit: int) -> Iterator[tuple[int, Entry | None]]:
    """The records with these numbers and payloads, decoded a piece at a time; None for a damaged one.

    A piece has at most `limit` records and about `PIECE_BYTES`, so that little is decoded in vain.
    """
    numbers: list[int] = []
    piece: list[bytes | None] = []
    size = 0
    for number, payload in payloads:
        numbers.append(number)
        piece.append(payload)
        size += len(payload or b"")
        if size >= PIECE_BYTES or len(piece) >= limit:
            yield from zip(numbers, decode_all(piece), strict=True)
            numbers, piece, size = [], [], 0
    yield from zip(numbers, decode_all(piece), strict=True)


def _size(entry: os.DirEntry[str]) -> int:
    """The bytes of this file; 0 for a folder, and for a segment that was retired since it was listed."""
    try:
        return entry.stat().st_size if entry.is_file() else 0
    except FileNotFoundError:
        return 0


def _readings(entry: Entry) -> int:
    return entry.processed.received if isinstance(entry, BatchEntry) else 1
