"""The form of a back-up: a folder with the store's tables, the journal beyond them, files, and a manifest.

    manifest.json      written last: version of the form, rows of each table, size and SHA-256 of each file
    store/TABLE.arrow  the rows of a table, Arrow IPC compressed by Zstandard; see `sensormon.stores.tables`
    journal/*.seg      the records beyond the store's watermark, in the journal's own form
    files/*            tag table, roles and what else is kept in files

So a back-up of one store can be put back into another. Folders have mode 0700 and files 0600: secrets are in
it (digests of tokens, hashes of passwords, the file `token`). Is not: the archive of old journal segments.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from sensormon.journal import segments
from sensormon.journal.codec import encode
from sensormon.journal.journal import SEGMENT_BYTES
from sensormon.model.durable_files import replace_file, sync_folder
from sensormon.model.entries import Record
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.model.json_text import read_object
from sensormon.stores.tables import TABLES, Piece, Snapshot

VERSION = 1
MANIFEST = "manifest.json"
_READ = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a back-up holds: rows by table, bytes and SHA-256 by file; `made` is µs UTC."""

    made: int
    writer: str
    rows: Mapping[str, int]
    files: Mapping[str, tuple[int, str]]


# -- writing ------------------------------------------------------------------------


def make_folder(path: Path) -> None:
    """Make the folder of a new back-up. Raises UsageError if there is anything of this name."""
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise UsageError(
            "there is something of this name already",
            where=str(path),
            hint="A back-up never overwrites anything; give another name",
        ) from None


def write_tables(folder: Path, snapshot: Snapshot, progress: Progress) -> dict[str, int]:
    """Write all tables; how many rows each has."""
    (folder / "store").mkdir(mode=0o700)
    whole, done = sum(snapshot.counts().values()), 0
    rows: dict[str, int] = {}
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    for table, schema in TABLES.items():
        rows[table] = 0
        with (
            _new_file(folder / _table(table)) as file,
            pa.ipc.new_stream(file, schema, options=options) as writer,
        ):
            for piece in snapshot.pieces(table):
                writer.write_table(piece.rows)
                rows[table] += piece.rows.num_rows
                done += piece.rows.num_rows
                progress.step(f"backing up {table}: {done:,} of {whole:,} rows", done, whole)
    return rows


def write_journal(folder: Path, writer: str, records: Iterable[Record], first: int) -> None:
    """Write these records as segments; without any, one that says where this journal goes on."""
    target = folder / "journal"
    target.mkdir(mode=0o700)
    if not writer:
        return
    serial, pending = 0, bytearray()
    for record in records:
        if not pending:
            first = record.number
        pending += segments.frame(record.number, encode(record.entry))
        if len(pending) >= SEGMENT_BYTES:
            serial += 1
            _write_segment(target, serial, writer, first, pending)
            pending, first = bytearray(), record.number + 1
    if pending or not serial:
        _write_segment(target, serial + 1, writer, first, pending)


def _write_segment(folder: Path, serial: int, writer: str, first: int, frames: bytearray) -> None:
    with _new_file(folder / segments.name(serial, first)) as file:
        file.write(segments.header(writer, first) + frames)


def write_file(folder: Path, name: str, content: bytes) -> None:
    """Keep this content as a file of this name."""
    (folder / "files").mkdir(mode=0o700, exist_ok=True)
    with _new_file(folder / "files" / name) as file:
        file.write(content)


def finish(folder: Path, made: int, writer: str, rows: Mapping[str, int]) -> Manifest:
    """Make everything durable, and write the manifest: from now on it is a back-up."""
    files: dict[str, tuple[int, str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            files[str(path.relative_to(folder))] = (path.stat().st_size, _digest(path))
        else:
            sync_folder(path)
    document = {"version": VERSION, "made": made, "writer": writer, "rows": dict(rows), "files": files}
    replace_file(folder / MANIFEST, json.dumps(document, indent=1).encode(), mode=0o600)
    sync_folder(folder.parent)
    return Manifest(made, writer, rows, files)


def _new_file(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
    return digest.hexdigest()


# -- reading ------------------------------------------------------------------------


def checked(folder: Path, progress: Progress) -> Manifest:
    """The manifest, once every file is as it says. Raises UsageError naming the first file that is not."""
    path = folder / MANIFEST
    try:
        document = read_object(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            "there is no manifest", where=str(path), hint="This is not a back-up, or it was not finished"
        ) from None
    except ValueError as error:
        raise _harmed(path, f"it cannot be read ({error})") from error
    version = document.get("version")
    if type(version) is not int or version > VERSION:
        raise UsageError(
            f"the back-up has version {version}, this program knows {VERSION}",
            where=str(path),
            hint="Use the version of sensormon that made it, or a newer one",
        )
    try:
        manifest = Manifest(
            int(document["made"]),
            str(document["writer"]),
            {table: int(document["rows"][table]) for table in TABLES},
            {str(name): (int(size), str(digest)) for name, (size, digest) in document["files"].items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _harmed(path, "it does not say what is in the back-up") from error
    for table in TABLES:
        if _table(table) not in manifest.files:
            raise _harmed(folder / _table(table), "the manifest does not have it")
    for done, (name, (size, digest)) in enumerate(manifest.files.items()):
        progress.step(f"checking {name}", done, len(manifest.files))
        _check(folder / name, size, digest)
    return manifest


def _table(table: str) -> str:
    return f"store/{table}.arrow"


def _check(path: Path, size: int, digest: str) -> None:
    if ".." in path.parts:
        raise _harmed(path, "its name leads out of the back-up")
    if not path.is_file():
        raise _harmed(path, "it is missing")
    if path.stat().st_size != size:
        raise _harmed(path, f"it has {path.stat().st_size:,} bytes instead of {size:,}")
    if _digest(path) != digest:
        raise _harmed(path, "its content has changed")


def _harmed(path: Path, what: str) -> UsageError:
    return UsageError(f"the back-up is damaged: {what}", where=str(path), hint="Use another back-up")


class KeptTables:
    """The tables of a checked back-up, as a `Snapshot`; a place is a number of rows."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest

    def counts(self) -> dict[str, int]:
        return dict(self._manifest.rows)

    def pieces(self, table: str, after: int = 0) -> Iterator[Piece]:
        place = 0
        path = self._folder / _table(table)
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                end = place + batch.num_rows
                if end > after:
                    rows = pa.Table.from_batches([batch.slice(max(0, after - place))])
                    yield Piece(max(place, after), end, rows)
                place = end
