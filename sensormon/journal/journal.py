"""The write-ahead journal: a reading is acknowledged once it is in here, on disk.

Is: a folder of segment files that hold numbered records; one writer, readers in other
threads of the same process. Is not: a database, a queue between machines, or a backup
(segments go once the store has them behind a checkpoint).

Layout, all numbers little-endian:

    SERIAL-FIRST.seg     8 and 20 decimal digits: order of the files, first record number
    header   56 bytes    "SMJOURN\\n", version u32, writer (32 hex digits), first number u64,
                         CRC-32 u32 of these
    record               F5 "SMR", payload length u32, number u64, CRC-32 u32 of length,
                         number and payload; then the payload (see `records.py`)
    reserve              1 MiB of real blocks, given up when the disk is full

Rules:

 1. `append` writes one record with one write, syncs (fdatasync), then returns. What
    returned is on disk. What raised may or may not be; nobody was told it is.
 2. Numbers go up by one. A segment with first number N voids every record from N on in
    the segments before it. So a failed append leaves its segment for good (a failed sync
    is never tried again on the same descriptor) and the next append uses the same number
    in a new segment.
 3. The folder is synced when a file in it is made or removed.
 4. Opening: bytes after the last whole record of the last segment are an append that
    was never acknowledged; they are cut off. If they cannot be the beginning of one, a copy
    is kept in `quarantine/` first and shown: a record that was acknowledged has been harmed.
 5. Damage anywhere else is never cut off: the file is copied to `quarantine/` and shown,
    and every whole record around the damage is still read.
 6. A segment is removed only by `retire`, which the loader calls after a checkpoint; a
    compressed copy goes to the archive first, and `read` goes on there when it is asked for
    records that are no longer here. So a lost database is made anew from both.
 7. A folder found empty at opening goes on with the writer id and above the numbers of the
    archive, or with a new writer id where there is none. The store keeps its watermark by
    writer, so numbers that start again are never taken for old ones. Files that vanish
    while the journal is open are shown; writer and numbers go on in a new segment.
 8. A journal that has lost its end goes on above the store's watermark (`go_on_after`),
    so that no new record has a number which the store takes for loaded. Where the store
    cannot be asked, numbers go on from the time in microseconds, rounded up to a multiple
    of 2^20 (`go_on_from_time`); a segment that begins so is no sign of missing records.
 9. With a quota, `append` refuses what would take the folder above that many bytes.

What it promises: any record whose append returned is read back bit for bit, or its
damage is reported. What it does not: survive a disk that loses what it said it synced.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
import uuid
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sensormon.journal import segments
from sensormon.journal.archive import Archive
from sensormon.journal.codec import decode, encode
from sensormon.journal.segments import Segment
from sensormon.model.durable_files import sync_folder
from sensormon.model.entries import BatchEntry, Entry, Record
from sensormon.model.errors import JournalDamaged, JournalError, JournalFull, UsageError

SEGMENT_BYTES = 8 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Journal:
    """See the module. `append` and `retire` each have one caller; reads come from any thread.

    `quota_bytes` is the most the folder may take, 0 for all there is. `fdatasync` is
    there for tests that make it fail.
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
        self._reserve_bytes = reserve_bytes
        self._fdatasync = fdatasync
        self._lock = threading.Lock()
        self._fd = -1
        self._damaged: list[str] = []
        self._make_folder()
        self._segments = segments.scan_folder(folder)
        self._examine()
        self._archive = archive
        self._quota_bytes = quota_bytes
        retired = archive.newest() if archive and not self._segments else None
        before = self._segments or ([retired] if retired else [])
        writers = [one.writer for one in before if one.writer]
        self.writer = writers[-1] if writers else uuid.uuid4().hex
        self._next = before[-1].last + 1 if before else 1
        self._acknowledged = self._next - 1
        self._serial = before[-1].serial if before else 0
        self._ensure_reserve()

    # -- writing ------------------------------------------------------------------

    def append(self, entry: Entry) -> int:
        """Make the entry durable and say its number.

        Raises JournalFull when there is no space and JournalError for any other failure;
        then the entry was not acknowledged and the next append starts a new segment.
        """
        number = self._next
        record = segments.frame(number, encode(entry))
        try:
            self._notice_loss()
            self._keep_quota(len(record))
            if self._fd < 0 or self._segments[-1].end + len(record) > self._segment_bytes:
                self._roll(number)
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
        """Number the next record above `number`, if it would not be anyway: the store has that one."""
        if number >= self._next:
            self._report(f"records {self._next} to {number} are in the store and no longer in the journal")
            self.close()
            self._next = number + 1
            self._acknowledged = number

    def go_on_from_time(self, now: int) -> None:
        """Number the next record by the time (µs): above all that a store out of reach may have."""
        self.close()
        self._next = segments.by_time(max(now, self._next))

    def retire(self, upto: int) -> None:
        """Remove the segments whose records all have numbers up to `upto`, but for the newest.

        With an archive they go there first. One that cannot be archived stays, and it says so.
        """
        with self._lock:
            covered = [one for one in self._segments[:-1] if one.last <= upto]
        for segment in covered:
            try:
                if self._archive is not None and segment.path.exists():
                    self._archive.put(segment)
            except OSError as error:
                self._report(f"{segment.path.name} cannot be archived and stays ({error.strerror or error})")
                break
            with self._lock:
                self._segments.remove(segment)
            segment.path.unlink(missing_ok=True)
        if covered:
            sync_folder(self.folder)
        self._ensure_reserve()

    def close(self) -> None:
        """Close the file; everything acknowledged is on disk already."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _roll(self, number: int) -> None:
        self.close()
        self._serial = serial = self._serial + 1
        path = self.folder / segments.name(serial, number)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            _write_all(fd, segments.header(self.writer, number))
            self._fdatasync(fd)
            sync_folder(self.folder)
        except OSError:
            os.close(fd)
            with suppress(OSError):  # what stays there is void, and its serial is not used again
                path.unlink(missing_ok=True)
            raise
        with self._lock:
            for earlier in self._segments:
                earlier.void(number)
            self._segments.append(Segment(path, serial, self.writer, number))
        self._fd = fd

    def _abandon(self) -> None:
        """Leave the segment for good, at the length of its last acknowledged record if that can be had."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            os.ftruncate(fd, self._segments[-1].end)
        except OSError:
            pass  # rule 2 makes what is left there harmless
        finally:
            os.close(fd)

    def _keep_quota(self, more: int) -> None:
        if not self._quota_bytes:
            return
        with os.scandir(self.folder) as entries:
            used = sum(one.stat().st_size for one in entries if one.is_file() and one.name != "reserve")
        if used + more > self._quota_bytes:
            raise OSError(errno.EDQUOT, "the journal's quota is used up")

    def _failed(self, error: OSError) -> JournalError:
        where = str(self.folder)
        if error.errno in _FULL:
            with suppress(OSError):  # the refusal is what counts
                (self.folder / "reserve").unlink(missing_ok=True)
            quota = error.errno == errno.EDQUOT and self._quota_bytes
            return JournalFull(
                f"the journal's quota of {self._quota_bytes:,} bytes is used up"
                if quota
                else "no space left for the journal",
                where=where,
                hint="Free some space; readings are refused until then and nothing acknowledged is lost",
            )
        return JournalError(
            f"the journal cannot be written ({error.strerror or error})",
            where=where,
            hint="Check the disk; each further reading is tried anew",
        )

    def _notice_loss(self) -> None:
        """Go on in a new segment where the newest, or the whole folder, was removed meanwhile."""
        if self._segments and not self._vanished(self._segments[-1]):
            return
        if self._segments:
            self._abandon()
            with self._lock:
                lost = [one for one in self._segments if not one.path.exists()]
                self._segments = [one for one in self._segments if one not in lost]
            for segment in lost:
                self._report(f"{segment.path.name} has vanished")
        if not self.folder.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder.parent)

    def _vanished(self, segment: Segment) -> bool:
        try:
            found = os.stat(segment.path).st_ino
        except FileNotFoundError:
            return True
        return self._fd >= 0 and found != os.fstat(self._fd).st_ino

    # -- reading ------------------------------------------------------------------

    def read(self, after: int, limit: int = 1000) -> list[Record]:
        """Records with a number above `after`, in order: about `limit` readings, at least one record.

        Raises JournalError where the disk does not give them.
        """
        records: list[Record] = []
        readings = 0
        with self._lock:
            kept = [(one, len(one.numbers)) for one in self._segments if one.last > after]
            first = self._segments[0].first if self._segments else self._next
        if self._archive is not None and after + 1 < first:
            for number, payload in self._archive.payloads(self.writer, after, first):
                record = self._understood(number, payload)
                if record is None:
                    self._report(f"archived record {number} cannot be read")
                    continue
                records.append(record)
                readings += _readings(record)
                if readings >= limit:
                    return records
        for segment, count in kept:
            start = bisect_right(segment.numbers, after, 0, count)
            try:
                for number, payload in segments.read_payloads(segment, start, count):
                    record = self._record(segment, number, payload)
                    if record is None:
                        continue
                    records.append(record)
                    readings += _readings(record)
                    if readings >= limit:
                        return records
            except FileNotFoundError:
                with self._lock:
                    retired = segment not in self._segments
                if not retired:
                    self._report(f"{segment.path.name} has vanished")
            except OSError as error:
                raise JournalError(
                    f"the journal cannot be read ({error.strerror or error})",
                    where=str(segment.path),
                    hint="Check the disk; loading is tried again by itself",
                ) from error
        return records

    @property
    def last(self) -> int:
        """The highest number acknowledged; 0 where there is none."""
        return self._acknowledged

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        with self._lock:
            return sum(one.end for one in self._segments)

    @property
    def damaged(self) -> tuple[str, ...]:
        """What was found harmed and set aside since this was opened, one sentence each."""
        return (*self._damaged, *(self._archive.damaged if self._archive else ()))

    def _record(self, segment: Segment, number: int, payload: bytes | None) -> Record | None:
        record = self._understood(number, payload)
        if record is None:
            self._quarantine(segment, f"record {number} cannot be read")
        return record

    @staticmethod
    def _understood(number: int, payload: bytes | None) -> Record | None:
        try:
            return None if payload is None else Record(number, decode(payload))
        except JournalDamaged:
            return None

    # -- opening ------------------------------------------------------------------

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / "probe"
            probe.write_bytes(b"")
            probe.unlink()
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
        except OSError as error:
            if error.errno in _FULL:
                return
            raise UsageError(
                f"the folder cannot be written ({error.strerror})",
                where=str(self.folder),
                hint="Make it writable, or set SENSORMON_DATA_DIR to one that is",
            ) from error

    def _examine(self) -> None:
        for segment in self._segments[:-1]:
            if segment.harmed:
                self._quarantine(segment, segment.harmed)
        for earlier, later in zip(self._segments, self._segments[1:], strict=False):
            if earlier.torn and earlier.last + 1 < later.first:
                self._quarantine(earlier, f"its last {earlier.torn} bytes are damaged")
        for text in segments.gaps(self._segments):
            self._report(text)
        if not self._segments:
            return
        last = self._segments[-1]
        if last.harmed:
            self._quarantine(last, last.harmed)
        kept = True
        if last.torn and not segments.unfinished(last.path.read_bytes()[last.end :], last.last + 1):
            kept = self._quarantine(last, f"its last {last.torn} bytes are damaged")
        if last.torn and not last.harmed and kept:
            with last.path.open("r+b") as file:
                file.truncate(last.end)
                os.fsync(file.fileno())

    def _quarantine(self, segment: Segment, what: str) -> bool:
        """Show the damage and keep a copy of the file; False where there is no room for the copy."""
        self._report(f"{segment.path.name}: {what}")
        target = self.folder / "quarantine" / segment.path.name
        if target.exists():
            return True
        try:
            target.parent.mkdir(exist_ok=True)
            copy = target.with_suffix(".tmp")
            shutil.copyfile(segment.path, copy)
            with copy.open("rb+") as file:
                os.fsync(file.fileno())
            copy.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            self._report(f"{segment.path.name} could not be copied to quarantine ({error.strerror})")
            return False
        return True

    def _report(self, text: str) -> None:
        if text not in self._damaged:
            self._damaged.append(text)

    def _ensure_reserve(self) -> None:
        path = self.folder / "reserve"
        if not self._reserve_bytes:
            return
        try:
            if path.exists() and path.stat().st_size >= self._reserve_bytes:
                return
            fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
            try:
                os.posix_fallocate(fd, 0, self._reserve_bytes)
            finally:
                os.close(fd)
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)  # made again after the next checkpoint


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _readings(record: Record) -> int:
    return record.entry.processed.received if isinstance(record.entry, BatchEntry) else 1
