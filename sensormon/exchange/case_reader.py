"""A case from outside: nothing in it is trusted before it is checked.

`read_case` checks the zip, the manifest, every size and hash, and everything small; `Case.check`
checks every reading. Both raise UsageError with one line. Sizes are limited before anything is
unpacked, names in the zip are compared and never used as paths, and Parquet is read one row
group at a time.

What it is not: a sandbox. The Parquet and zip parsers are those of Arrow and Python.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.exchange import case_format
from sensormon.exchange.case_format import (
    FAULTS,
    READINGS,
    READINGS_BEFORE,
    REJECTED,
    Manifest,
    bad,
)
from sensormon.exchange.case_parts import actions_of, notes_of, settings_of, tags_of, words_of
from sensormon.exchange.case_rows import changes_of
from sensormon.exchange.case_tables import (
    UNREADABLE,
    check_between,
    check_known,
    check_no_nulls,
    count_rows,
    row_groups,
)
from sensormon.exchange.case_verdicts import check as check_verdicts
from sensormon.exchange.case_verdicts import completed
from sensormon.ingest.validation import EARLIEST, FUTURE
from sensormon.model.entries import Annotation, DetectorSettings, EventAction
from sensormon.model.jobs import Progress
from sensormon.model.readings import Ints, Origin, Reason
from sensormon.model.state_words import Words
from sensormon.model.tags import TagTable

_SPARE = 512 << 20
MOST_CHANGES = 10_000
"""The most changes of the detector settings between consecutive readings."""
_BUFFER = 1 << 20
_TOO_FAR = 1 << 62


@dataclass(frozen=True, eq=False)
class Case:
    """An unpacked case in `folder`. `key` identifies its content: the same file has the same key."""

    key: str
    folder: Path
    manifest: Manifest
    tags: TagTable
    settings: Mapping[int, DetectorSettings]
    actions: tuple[EventAction, ...]
    notes: tuple[Annotation, ...]
    words: Words
    rejected: int
    faults: int

    def readings(self) -> Iterator[pa.Table]:
        """The readings by row group, in order of arrival; `tag` and `origin` are dictionary columns."""
        path = self.folder / case_format.READINGS_FILE
        return map(completed, row_groups(path, case_format.MOST_READINGS, READINGS, READINGS_BEFORE))

    def rejections(self) -> Iterator[pa.Table]:
        """The refused readings, checked."""
        for table in row_groups(self.folder / case_format.REJECTED_FILE, case_format.MOST_OTHERS, REJECTED):
            check_no_nulls(table, REJECTED.names)
            check_known(table, "reason", [str(reason) for reason in Reason])
            yield table

    def injected(self) -> Iterator[pa.Table]:
        """The simulator's faults, checked."""
        for table in row_groups(self.folder / case_format.FAULTS_FILE, case_format.MOST_OTHERS, FAULTS):
            check_no_nulls(table, FAULTS.names)
            check_known(table, "tag", self.manifest.tags)
            check_between(table, "time", self.manifest.since, self.manifest.until)
            yield table

    def check(self, now: int, progress: Progress) -> None:
        """Check every reading and every other row. Raises UsageError for the first thing that is wrong."""
        rows, flagged, last, before, changes = 0, 0, 0, -1, 0
        named = np.array(
            sorted({reading for action in self.actions for reading in action.readings}), dtype=np.int64
        )
        present = 0
        for table in self.readings():
            ids, settings = self._check(table, now)
            if len(ids) and not (ids[0] > last and (np.diff(ids) > 0).all() and ids[-1] < _TOO_FAR):
                raise bad("its readings are not in the order of their ids")
            last = int(ids[-1]) if len(ids) else last
            changes += int(changes_of(table).sum()) + int(len(settings) and settings[0] != before)
            before = int(settings[-1]) if len(settings) else before
            if changes > MOST_CHANGES:
                raise bad(f"its detector settings change more than {MOST_CHANGES:,} times")
            rows += len(ids)
            flagged += int(pc.sum(table.column("is_anomaly")).as_py() or 0)
            present += int(np.isin(named, ids).sum())
            progress.step(
                f"{rows:,} of {self.manifest.readings:,} readings checked", rows, 5 * self.manifest.readings
            )
        if (rows, flagged) != (self.manifest.readings, self.manifest.flagged):
            raise bad("it has other readings than its manifest says")
        if present != len(named):
            raise bad("an action names readings that are not in it")
        for tables in (self.rejections(), self.injected()):
            for _ in tables:
                progress.step("checking what was rejected and injected")

    def _check(self, table: pa.Table, now: int) -> tuple[Ints, Ints]:
        check_no_nulls(
            table, ("id", "tag", "time", "value", "quality", "n", "is_anomaly", "settings", "origin")
        )
        if not np.isfinite(table.column("value").to_numpy()).all():
            raise bad("there is a value that is not a number")
        check_known(table, "tag", self.manifest.tags)
        check_known(table, "origin", [str(origin) for origin in Origin])
        for name, known in self.words.items():
            codes = table.column("value").filter(pc.equal(table.column("tag").cast(pa.string()), name))
            if set(codes.unique().to_pylist()) - set(known):
                raise bad(f"there is a state of {name} without a word")
        check_between(table, "time", max(self.manifest.since, EARLIEST), self.manifest.until)
        check_between(table, "time", EARLIEST, now + FUTURE)
        if table.num_rows and pc.min(table.column("n")).as_py() < 0:
            raise bad("there is an n below 0")
        settings = table.column("settings").to_numpy().astype(np.int64)
        if not set(np.unique(settings).tolist()) <= set(self.settings):
            raise bad("there are readings with detector settings that are not in it")
        check_verdicts(table, self.settings)
        return table.column("id").to_numpy(), settings


def read_case(source: Path | IO[bytes], folder: Path, step: Callable[[], None]) -> Case:
    """The case in this file, unpacked into the empty `folder`. Raises UsageError.

    Calls `step` with every megabyte unpacked, and passes on what that raises.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            about = _directory(archive)
            data = _small(archive, about[case_format.MANIFEST], case_format.MANIFEST_BYTES)
            manifest = case_format.parse_manifest(data)
            if set(about) - {case_format.MANIFEST} != set(manifest.members):
                raise bad("its parts are not those of its manifest")
            size = sum(bytes_ for bytes_, _ in manifest.members.values())
            if shutil.disk_usage(folder).free < size + _SPARE:
                raise bad(f"it needs {size >> 20:,} MiB on the disk to be looked at", "Free some space")
            for name, (length, digest) in manifest.members.items():
                _unpack(archive, about[name], folder / name, length, digest, step)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, *UNREADABLE) as error:
        raise bad("it is not a complete zip file") from error
    settings = settings_of((folder / case_format.SETTINGS_FILE).read_bytes())
    tags = tags_of(folder / case_format.TAGS_FILE, manifest)
    actions = actions_of((folder / case_format.ACTIONS_FILE).read_bytes())
    path = folder / case_format.READINGS_FILE
    readings = count_rows(path, case_format.MOST_READINGS, READINGS, READINGS_BEFORE)
    if readings != manifest.readings:
        raise bad("it has other readings than its manifest says")
    return Case(
        key=hashlib.sha256(data).hexdigest()[:32],
        folder=folder,
        manifest=manifest,
        tags=tags,
        settings=settings,
        actions=actions,
        notes=notes_of(folder / case_format.ANNOTATIONS_FILE, manifest),
        words=words_of(folder / case_format.STATES_FILE, tags),
        rejected=count_rows(folder / case_format.REJECTED_FILE, case_format.MOST_OTHERS, REJECTED),
        faults=count_rows(folder / case_format.FAULTS_FILE, case_format.MOST_OTHERS, FAULTS),
    )


def _directory(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members of the zip by name. Raises UsageError unless each is allowed, unique and not too large."""
    allowed = {case_format.MANIFEST: case_format.MANIFEST_BYTES, **case_format.MEMBERS}
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename
        if name not in allowed:
            raise bad(f"it has a part {name[:50]!r} that does not belong in a case")
        if name in members:
            raise bad(f"{name} is in it twice")
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise bad(f"{name} is encrypted or packed in an unknown way")
        if member.file_size > allowed[name]:
            raise bad(f"{name} is larger than the {allowed[name] >> 20:,} MiB it may be")
        members[name] = member
    if case_format.MANIFEST not in members:
        raise bad("it is not a case", "Choose a file made with Save a case or python -m sensormon case")
    return members


def _small(archive: zipfile.ZipFile, about: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(about) as member:
        data = member.read(most + 1)
    if len(data) > most:
        raise bad(f"{about.filename} is too large")
    return data


def _unpack(
    archive: zipfile.ZipFile,
    about: zipfile.ZipInfo,
    path: Path,
    length: int,
    digest: str,
    step: Callable[[], None],
) -> None:
    """Write the member to `path`. Raises UsageError unless size and hash are what the manifest says."""
    if about.file_size != length:
        raise bad(f"{path.name} has another size than its manifest says")
    actual, done = hashlib.sha256(), 0
    with archive.open(about) as member, path.open("wb") as target:
        while part := member.read(_BUFFER):
            step()
            done += len(part)
            if done > length:
                raise bad(f"{path.name} has another size than its manifest says")
            actual.update(part)
            target.write(part)
    if done != length or actual.hexdigest() != digest:
        raise bad(f"{path.name} is not what its manifest says: the file was changed or damaged")
