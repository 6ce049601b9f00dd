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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sensormon.detectors import make
from sensormon.events.actions import checked
from sensormon.events.annotations import checked as noted
from sensormon.exchange import case_format
from sensormon.exchange.case_format import (
    FAULTS,
    GROUP,
    READINGS,
    READINGS_BEFORE,
    REJECTED,
    Manifest,
    bad,
    parse_json,
    text,
    whole,
)
from sensormon.exchange.case_format import time as time_of
from sensormon.exchange.case_rows import changes_of
from sensormon.exchange.case_verdicts import check as check_verdicts
from sensormon.exchange.case_verdicts import completed
from sensormon.ingest.states import problem_of
from sensormon.ingest.validation import EARLIEST, FUTURE, SHOWN
from sensormon.model.entries import Annotation, DetectorSettings, EventAction
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.model.profiles import Choice, Profiles, read_profiles
from sensormon.model.readings import Ints, Origin, Reason
from sensormon.model.state_words import Words
from sensormon.model.tags import MOST_STATES, Tag, TagTable, read_tags
from sensormon.model.toml_text import FOREIGN

_SPARE = 512 << 20
_MOST_ACTIONS = 100_000
_MOST_NAMED = 1_000_000
_MOST_SETTINGS = 1_000
MOST_CHANGES = 10_000
"""The most changes of the detector settings between consecutive readings."""
_BUFFER = 1 << 20
_FOOTER_BYTES = 16 << 20
_GROUP_BYTES = 128 << 20
"""The most bytes that the description of a Parquet member, and one of its row groups, may take."""
_PLAIN = str.maketrans("[]<>`", "()()'")
_TOO_FAR = 1 << 62
_READABLE = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


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
        return map(completed, _groups(path, case_format.MOST_READINGS, READINGS, READINGS_BEFORE))

    def rejections(self) -> Iterator[pa.Table]:
        """The refused readings, checked."""
        for table in _groups(self.folder / case_format.REJECTED_FILE, case_format.MOST_OTHERS, REJECTED):
            _no_nulls(table, REJECTED.names)
            _known(table, "reason", [str(reason) for reason in Reason])
            yield table

    def injected(self) -> Iterator[pa.Table]:
        """The simulator's faults, checked."""
        for table in _groups(self.folder / case_format.FAULTS_FILE, case_format.MOST_OTHERS, FAULTS):
            _no_nulls(table, FAULTS.names)
            _known(table, "tag", self.manifest.tags)
            _between(table, "time", self.manifest.since, self.manifest.until)
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
        _no_nulls(table, ("id", "tag", "time", "value", "quality", "n", "is_anomaly", "settings", "origin"))
        if not np.isfinite(table.column("value").to_numpy()).all():
            raise bad("there is a value that is not a number")
        _known(table, "tag", self.manifest.tags)
        _known(table, "origin", [str(origin) for origin in Origin])
        for name, known in self.words.items():
            codes = table.column("value").filter(pc.equal(table.column("tag").cast(pa.string()), name))
            if set(codes.unique().to_pylist()) - set(known):
                raise bad(f"there is a state of {name} without a word")
        _between(table, "time", max(self.manifest.since, EARLIEST), self.manifest.until)
        _between(table, "time", EARLIEST, now + FUTURE)
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
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, *_READABLE) as error:
        raise bad("it is not a complete zip file") from error
    settings = _settings((folder / case_format.SETTINGS_FILE).read_bytes())
    tags = _tags(folder / case_format.TAGS_FILE, manifest)
    actions = _actions((folder / case_format.ACTIONS_FILE).read_bytes())
    path = folder / case_format.READINGS_FILE
    readings = _rows(path, case_format.MOST_READINGS, READINGS, READINGS_BEFORE)
    if readings != manifest.readings:
        raise bad("it has other readings than its manifest says")
    return Case(
        key=hashlib.sha256(data).hexdigest()[:32],
        folder=folder,
        manifest=manifest,
        tags=tags,
        settings=settings,
        actions=actions,
        notes=_notes(folder / case_format.ANNOTATIONS_FILE, manifest),
        words=_words(folder / case_format.STATES_FILE, tags),
        rejected=_rows(folder / case_format.REJECTED_FILE, case_format.MOST_OTHERS, REJECTED),
        faults=_rows(folder / case_format.FAULTS_FILE, case_format.MOST_OTHERS, FAULTS),
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


def _parquet(path: Path, most: int, *schemas: pa.Schema) -> pq.ParquetFile:
    if _footer(path) > _FOOTER_BYTES:
        raise bad(f"{path.name} has too long a description of itself")
    try:
        with pq.ParquetFile(path) as file:
            schema = next((schema for schema in schemas if file.schema_arrow.equals(schema)), None)
        if schema is None:
            raise bad(f"{path.name} has other columns than a case has")
        texts = [column.name for column in schema if column.type == pa.string()]
        file = pq.ParquetFile(path, read_dictionary=texts)
        about = file.metadata
        if about.num_rows > most:
            raise bad(f"{path.name} has more than {most:,} rows")
        total = 0
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            total += group.num_rows
            columns = range(group.num_columns)
            packed = {group.column(place).compression for place in columns}
            if group.num_rows > GROUP or packed != {"UNCOMPRESSED"}:
                raise bad(f"{path.name} is packed in a way that a case is not")
            # Of columns that are not compressed, the reader takes no more bytes than are in the file.
            if sum(group.column(place).total_compressed_size for place in columns) > _GROUP_BYTES:
                raise bad(f"{path.name} has a row group of more than {_GROUP_BYTES >> 20} MiB")
        if total != about.num_rows:
            raise bad(f"{path.name} has other rows than it says")
    except _READABLE as error:
        raise bad(f"{path.name} cannot be read") from error
    return file


def _footer(path: Path) -> int:
    """The length of the description at the end of a Parquet file, as the file says; 0 if it cannot be."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
    return length if length < size else 0


def _rows(path: Path, most: int, *schemas: pa.Schema) -> int:
    with _parquet(path, most, *schemas) as file:
        rows: int = file.metadata.num_rows
        return rows


def _groups(path: Path, most: int, *schemas: pa.Schema) -> Iterator[pa.Table]:
    with _parquet(path, most, *schemas) as file:
        for number in range(file.metadata.num_row_groups):
            try:
                table = file.read_row_group(number)
                if table.num_rows > GROUP:
                    raise bad(f"{path.name} has other rows than it says")
                table.validate(full=True)  # text is UTF-8, dictionary indices are within bounds
                for column in table.columns:
                    if pa.types.is_dictionary(column.type):
                        _short(column, path.name)
            except _READABLE as error:
                raise bad(f"{path.name} cannot be read") from error
            yield table


def _short(column: pa.ChunkedArray, name: str) -> None:
    for chunk in column.chunks:
        if len(chunk.dictionary) and (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) > 5 * SHOWN:
            raise bad(f"{name} has text that is too long")


def _no_nulls(table: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        if table.column(name).null_count:
            raise bad(f"there is a row without {name}")


def _known(table: pa.Table, name: str, known: Sequence[str]) -> None:
    for chunk in table.column(name).chunks:
        used = chunk.dictionary.take(pc.unique(chunk.indices)).to_pylist()
        if unknown := set(used) - set(known):
            raise bad(f"the {name} {min(map(str, unknown))[:50]!r} is unknown")


def _between(table: pa.Table, name: str, since: int, until: int) -> None:
    if not table.num_rows:
        return
    times = pc.min_max(table.column(name).cast(pa.int64())).as_py()
    if times["min"] < since or times["max"] >= until:
        raise bad(f"there is a {name} outside of its span, or one that has not come yet")


def _tags(path: Path, manifest: Manifest) -> TagTable:
    """The tags of the case, in the order of its manifest; the simulator leaves them alone."""
    try:
        table = read_tags(path, FOREIGN)
    except UsageError as error:
        raise bad(f"tags.toml: {error.what[:SHOWN]}") from error
    if set(table.names) != set(manifest.tags):
        raise bad("its tags are not those of its manifest")
    return TagTable(_portable(table[name]) for name in manifest.tags)


def _portable(tag: Tag) -> Tag:
    """The tag as it is stored here: no long text, and none that a page would render as a link."""
    texts = []
    for words in (tag.label, tag.unit, tag.group):
        if len(words) > SHOWN or not (words.isprintable() or not words):
            raise bad(f"{tag.name}: its label, unit or group is too long or not text")
        texts.append(words.translate(_PLAIN))
    label, unit, group = texts
    return replace(tag, label=label, unit=unit, group=group, profile={}, simulated=False)


def _list(data: bytes, name: str, most: int) -> list[Any]:
    rows = parse_json(data, name)
    if not isinstance(rows, list) or len(rows) > most:
        raise bad(f"{name} is not a list of at most {most:,}")
    return rows


def _settings(data: bytes) -> dict[int, DetectorSettings]:
    settings: dict[int, DetectorSettings] = {}
    for row in _list(data, case_format.SETTINGS_FILE, _MOST_SETTINGS):
        number = whole(row, "id", (1 << 31) - 1)
        params = case_format.mapping(row, "params")
        if number in settings or not all(type(value) in (int, float) for value in params.values()):
            raise bad("its detector settings are not what they must be")
        name = text(row, "detector", 100)
        profiles = _profiles(row.get("profiles"))
        version = DetectorSettings(
            number,
            time_of(row, "applied"),
            text(row, "who", 200),
            name,
            params,
            {},
            profiles,
            text({"reason": "", **row}, "reason"),
        )
        for choice in (Choice(name, params), *_choices(version)):
            try:
                make(choice.detector, **choice.params)
            except UsageError as error:
                raise bad(
                    f"its readings were scored with {choice.detector[:50]!r}, which this version does not "
                    "know so",
                    "Update the program",
                ) from error
        if version.in_use.default.detectors[0].detector != name:
            raise bad("its detector settings contradict their profiles")
        settings[number] = version
    return settings


def _choices(version: DetectorSettings) -> Iterator[Choice]:
    return (choice for profile in version.in_use.profiles for choice in profile.detectors)


def _profiles(document: object) -> Profiles | None:
    """The profiles of a version; None for one from before there were any."""
    if document is None:
        return None
    try:
        return read_profiles(document)
    except UsageError as error:
        raise bad(f"its profiles cannot be used: {error.what[:SHOWN]}") from error


def _actions(data: bytes) -> tuple[EventAction, ...]:
    actions, named = [], 0
    for row in _list(data, case_format.ACTIONS_FILE, _MOST_ACTIONS):
        readings = row.get("readings") if isinstance(row, dict) else None
        if not isinstance(readings, list):
            raise bad("actions.json is not what it must be")
        named += len(readings)
        if named > _MOST_NAMED:
            raise bad(f"more than {_MOST_NAMED:,} events were acted on")
        until = time_of(row, "until") if text(row, "until") else None
        try:
            actions.append(
                checked(
                    readings,
                    text(row, "action"),
                    text(row, "who"),
                    time_of(row, "time"),
                    label=text(row, "label"),
                    note=text(row, "note"),
                    until=until,
                )
            )
        except UsageError as error:
            raise bad(f"actions.json: {error.what}") from error
    return tuple(actions)


def _words(path: Path, tags: TagTable) -> Words:
    """The words of every tag of states; older cases have no such member, and no such tags."""
    words: dict[str, dict[float, str]] = {tag.name: {} for tag in tags if tag.has_states}
    rows = _list(path.read_bytes(), path.name, case_format.MOST_WORDS) if path.exists() else []
    for row in rows:
        name, word = text(row, "tag"), row.get("word")
        code = whole(row, "code", case_format.HIGHEST_CODE)
        if name not in words or code in words[name] or len(words[name]) >= MOST_STATES:
            raise bad(f"{path.name} has words that do not belong in it")
        if not isinstance(word, str) or problem_of(word):
            raise bad(f"{path.name}: {problem_of(word) if isinstance(word, str) else 'a word is missing'}")
        words[name][code] = word
    return words


def _notes(path: Path, manifest: Manifest) -> tuple[Annotation, ...]:
    """The notes; none if the case has no such member, as older ones."""
    if not path.exists():
        return ()
    notes = []
    for row in _list(path.read_bytes(), path.name, case_format.MOST_NOTES):
        tags = row.get("tags") if isinstance(row, dict) else None
        if not isinstance(tags, list) or not tags or not set(map(str, tags)) <= set(manifest.tags):
            raise bad("there is a note on tags that are not in it")
        since, until, written = (time_of(row, name) for name in ("since", "until", "time"))
        try:
            note = noted(text(row, "text"), text(row, "who"), since, until, list(map(str, tags)), written)
        except UsageError as error:
            raise bad(f"{path.name}: {error.what}") from error
        notes.append(replace(note, id=text(row, "id", 64)))
    return tuple(notes)
