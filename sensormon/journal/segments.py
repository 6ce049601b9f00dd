"""The bytes of a journal segment: its header, its records, and how they are found again.

The layout is specified in `journal.py`.
"""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from sensormon.model.errors import JournalError

VERSION = 1
SEGMENT_MAGIC = b"SMJOURN\n"
RECORD_MAGIC = b"\xf5SMR"
_HEADER = struct.Struct("<8sI32sQ")  # magic, version, writer, first number; then CRC-32 of these
_FRAME = struct.Struct("<4sIQ")  # magic, payload length, number; then CRC-32 of length to payload
_CRC = struct.Struct("<I")
_FRAME_AND_CRC = struct.Struct("<4sIQI")
HEADER_SIZE = _HEADER.size + _CRC.size
FRAME_SIZE = _FRAME.size + _CRC.size
_BLOCK = 64 * 1024  # bytes that are read at once
_BY_TIME = 1 << 20
_CLOCK = 1 << 50  # numbers from here on (µs since 1970: the year 2005) can be times
_NAME = re.compile(r"(\d{8})-(\d{20})\.seg(\.gz)?")


@dataclass
class Segment:
    """One file of the journal; `numbers[i]` is the record at `offsets[i]`.

    `end` is where its valid records end, `damage` says what is wrong; empty if nothing is.
    """

    path: Path
    serial: int
    writer: str
    first: int
    numbers: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    end: int = HEADER_SIZE
    torn: int = 0  # bytes after the last valid record
    damage: str = ""

    @property
    def last(self) -> int:
        """The number of its last record; first - 1 if it has none."""
        return self.numbers[-1] if self.numbers else self.first - 1

    def add(self, number: int, size: int) -> None:
        """Take note of a record of `size` bytes at the end."""
        self.numbers.append(number)
        self.offsets.append(self.end)
        self.end += size

    def void(self, number: int) -> None:
        """Forget the records from `number` on: a later segment has them."""
        while self.numbers and self.numbers[-1] >= number:
            self.numbers.pop()
            self.offsets.pop()


def name(serial: int, first: int) -> str:
    """The file name of a segment."""
    return f"{serial:08d}-{first:020d}.seg"


def by_time(now: int) -> int:
    """The first number from this time (µs) on that marks itself as taken from the clock."""
    return -(-now // _BY_TIME) * _BY_TIME


def first_number(path: Path) -> int:
    """The first record number of a segment, by its file name; 0 for another file."""
    match = _NAME.fullmatch(path.name)
    return int(match[2]) if match else 0


def contents(path: Path) -> bytes:
    """The bytes of a segment, unpacked if it is an archived one."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def header(writer: str, first: int) -> bytes:
    """The first bytes of a segment."""
    head = _HEADER.pack(SEGMENT_MAGIC, VERSION, writer.encode("ascii"), first)
    return head + _CRC.pack(zlib.crc32(head))


def frame(number: int, payload: bytes) -> bytes:
    """A record: its frame and its payload."""
    head = _FRAME.pack(RECORD_MAGIC, len(payload), number)
    return b"".join((head, _CRC.pack(_checksum(head, payload)), payload))


def _checksum(head: bytes, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(head[4:]))


def payload_at(data: bytes | memoryview, offset: int) -> tuple[int, memoryview] | None:
    """Number and payload of the record at this offset; None if there is no valid one."""
    view = memoryview(data)
    if len(view) - offset < FRAME_SIZE:
        return None
    head = bytes(view[offset : offset + _FRAME.size])
    magic, length, number = _FRAME.unpack(head)
    (crc,) = _CRC.unpack_from(view, offset + _FRAME.size)
    start = offset + FRAME_SIZE
    if magic != RECORD_MAGIC or len(view) - start < length:
        return None
    payload = view[start : start + length]
    return (number, payload) if _checksum(head, payload) == crc else None


def _whole(data: bytes, offset: int) -> tuple[int, int]:
    """The number of the record at this offset, and where it ends; both are 0 if there is no valid one.

    For many records: it takes half of what `payload_at` does.
    """
    start = offset + FRAME_SIZE
    if start > len(data):
        return 0, 0
    magic, length, number, crc = _FRAME_AND_CRC.unpack_from(data, offset)
    end = start + length
    if magic != RECORD_MAGIC or end > len(data):
        return 0, 0
    if zlib.crc32(data[start:end], zlib.crc32(data[offset + 4 : offset + _FRAME.size])) != crc:
        return 0, 0
    return number, end


def unfinished(rest: bytes, number: int) -> bool:
    """Whether these bytes can be an append of record `number` that was cut short.

    False if they must once have been longer or different: another beginning, another number,
    all the bytes that the length announces, or a checksum that fits the corrected length.
    """
    if len(rest) < FRAME_SIZE:
        return RECORD_MAGIC.startswith(rest[: len(RECORD_MAGIC)])
    magic, length, own = _FRAME.unpack_from(rest)
    if magic != RECORD_MAGIC or own != number or FRAME_SIZE + length <= len(rest):
        return False
    whole = frame(number, rest[FRAME_SIZE:])
    return whole[_FRAME.size : FRAME_SIZE] != rest[_FRAME.size : FRAME_SIZE]


def scan(path: Path) -> Segment:
    """What this file holds. Changes nothing.

    After damage it searches for the next whole record. Raises JournalError for a format
    version that this program does not know.
    """
    match = _NAME.fullmatch(path.name)
    serial, first = (int(match[1]), int(match[2])) if match else (0, 1)
    data = contents(path)
    segment = Segment(path, serial, "", first)
    if len(data) >= HEADER_SIZE:
        magic, version, writer, number = _HEADER.unpack_from(data)
        (crc,) = _CRC.unpack_from(data, _HEADER.size)
        if zlib.crc32(data[: _HEADER.size]) != crc or magic != SEGMENT_MAGIC:
            if len(data) > HEADER_SIZE:  # else it was being made: its length was on disk, not its bytes
                segment.damage = "its header is damaged"
        elif version != VERSION:
            raise JournalError(
                f"the journal has format version {version}, this program knows {VERSION}",
                where=str(path),
                hint="Start the version that wrote it, or a newer one",
            )
        else:
            segment.writer, segment.first = writer.decode("ascii"), number
    offset, end, last = HEADER_SIZE, min(len(data), HEADER_SIZE), segment.first - 1
    while (offset := data.find(RECORD_MAGIC, offset)) >= 0:
        own, whole = _whole(data, offset)
        if not whole or own <= last:
            offset += 1
            continue
        if offset > end:
            segment.damage = segment.damage or f"{offset - end} bytes at {end} are damaged"
        last = own
        segment.numbers.append(last)
        segment.offsets.append(offset)
        offset = end = whole
    segment.end = end
    segment.torn = len(data) - end
    return segment


def scan_folder(folder: Path) -> list[Segment]:
    """All segments of a journal in order, each without the records that a later one replaces."""
    segments = [scan(path) for path in sorted(folder.glob("*.seg"))]
    for earlier, later in pairwise(segments):
        earlier.void(later.first)
    writers = [segment.writer for segment in segments if segment.writer]
    for segment in segments:
        if not segment.writer and segment.damage:
            segment.writer = writers[-1] if writers else ""
    return segments


def gaps(segments: list[Segment]) -> list[str]:
    """A sentence for each run of record numbers missing after the first segment's first.

    A segment whose first number was taken from the clock leaves no gap before it.
    """
    missing: list[str] = []
    expected = segments[0].first if segments else 1
    for segment in segments:
        if segment.first >= _CLOCK and segment.first % _BY_TIME == 0:
            expected = max(expected, segment.first)
        if segment.first > expected:
            missing.append(
                f"records {expected} to {segment.first - 1} are missing before {segment.path.name}"
            )
            expected = segment.first
        for number in segment.numbers:
            if number > expected:
                missing.append(f"records {expected} to {number - 1} are missing in {segment.path.name}")
            expected = number + 1
    return missing


def read_payloads(segment: Segment, start: int, stop: int) -> Iterator[tuple[int, bytes | None]]:
    """Numbers and payloads of the segment's records [start:stop]; None for a damaged one."""
    if segment.path.suffix == ".gz":
        data = contents(segment.path)
        for number, offset in zip(segment.numbers[start:stop], segment.offsets[start:stop], strict=True):
            yield number, _payload(payload_at(data, offset), number)
        return
    numbers, offsets = segment.numbers[start:stop], segment.offsets[start:stop]
    fd = os.open(segment.path, os.O_RDONLY)
    try:
        first = 0
        while first < len(offsets):
            begin = offsets[first]
            block = os.pread(fd, _BLOCK, begin)
            # Whole are those before another that begins in what was read; the first may be longer than that.
            after = max(bisect_right(offsets, begin + len(block), first + 1) - 1, first + 1)
            within = [offset - begin for offset in offsets[first:after]]
            for number, at, end in _frames(numbers[first:after], within, block):
                yield number, block[at:end] if end else _alone(fd, begin + at, number)
            first = after
    finally:
        os.close(fd)


def frames(segment: Segment, data: bytes, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Of the segment's records [start:stop] the number, and where in its bytes the payload begins and ends.

    Both places are 0 for a damaged one. For many records: each costs a third of what `payload_at` takes.
    """
    for number, begin, end in _frames(segment.numbers[start:stop], segment.offsets[start:stop], data):
        yield number, begin if end else 0, end


def _frames(numbers: Sequence[int], offsets: Sequence[int], data: bytes) -> Iterator[tuple[int, int, int]]:
    """Of each record at these offsets its number, and where its payload begins and ends.

    Of one that is damaged, or not whole in the data, its offset and 0.
    """
    view = memoryview(data)
    checksum, unpack, crc_at = zlib.crc32, _FRAME.unpack_from, _CRC.unpack_from
    for number, offset in zip(numbers, offsets, strict=True):
        begin = offset + FRAME_SIZE
        if begin <= len(data):
            magic, length, own = unpack(data, offset)
            end = begin + length
            if magic == RECORD_MAGIC and own == number and end <= len(data):
                head = checksum(view[offset + 4 : offset + _FRAME.size])
                if (checksum(view[begin:end], head),) == crc_at(data, offset + _FRAME.size):
                    yield number, begin, end
                    continue
        yield number, offset, 0


def _alone(fd: int, offset: int, number: int) -> bytes | None:
    """The payload of the record with this number at this offset, read by itself; None if it is damaged."""
    block = memoryview(os.pread(fd, _BLOCK, offset))
    return _payload(payload_at(block, 0) or payload_at(_long_record(fd, offset, block), 0), number)


def _long_record(fd: int, offset: int, block: memoryview) -> bytes:
    """All of the record at this offset, of which `block` is the beginning; empty if it has no end."""
    if len(block) < _BLOCK:
        return b""
    size = FRAME_SIZE + int(_FRAME.unpack_from(block)[1])
    return os.pread(fd, size, offset) if offset + size <= os.fstat(fd).st_size else b""


def _payload(record: tuple[int, memoryview] | None, number: int) -> bytes | None:
    return bytes(record[1]) if record is not None and record[0] == number else None
