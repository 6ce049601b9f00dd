"""Files made at random, through the doors of the product: read, imported, exported, undone, sent again.

What is stored and exported must be what the files mean; `Seen` keeps what is not.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from sensormon.exchange.dry_run import dry_run
from sensormon.exchange.exporter import READINGS, Exported, ExportRequest
from sensormon.exchange.import_log import ImportedFile
from sensormon.exchange.import_plan import Plan, answered, plan
from sensormon.exchange.import_table import earliest_of, pieces_of, read_tables
from sensormon.exchange.importer import Report
from sensormon.model.clock import ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.model.qualities import quality_name
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from tests.support.excel import cells
from tests.support.plant import START
from tests.support.random_files import RandomFile, make
from tests.support.written_times import instant, micros_of

GROUP = 25
"""Files in one monitor."""

_EXCEL_1970 = 25_569
"""1970-01-01 in days of a spreadsheet."""

Row = tuple[str, int, str, str]
"""Tag, time (µs UTC), value as text, quality."""


class Wrong(Exception):
    """What came of a file is not what it means."""


@dataclass
class Seen:
    """What came of some files: counts, and what is wrong, each with its seed."""

    files: int = 0
    readings: int = 0
    rejected: int = 0
    asked: int = 0
    undone: int = 0
    wrong: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, file: RandomFile) -> Iterator[None]:
        """Note what is wrong with the file, and go on after it."""
        try:
            yield
        except Wrong as error:
            self.add(file, str(error))
        except UsageError as error:
            self.add(file, f"refused: {error}")

    def add(self, file: RandomFile, what: str) -> None:
        """Note that this is wrong with the file."""
        again = f"python -m tests.support.random_files {file.seed}"
        self.wrong.append(f"{what}\n    {again}: {', '.join(file.traits)}")


@dataclass(frozen=True)
class _Taken:
    """A file and its plan, what it means by the tags' names, its path, and the number of its import."""

    file: RandomFile
    plan: Plan
    meant: Counter[Row]
    path: Path
    import_id: int = 0


def check(seeds: Sequence[int], folder: Path, *, undo_every: int = 7) -> Seen:
    """Take the files of these seeds through everything, in monitors below this folder."""
    seen = Seen()
    for start in range(0, len(seeds), GROUP):
        _check_group(seeds[start : start + GROUP], folder / str(start), undo_every, seen)
    return seen


def _check_group(seeds: Sequence[int], folder: Path, undo_every: int, seen: Seen) -> None:
    folder.mkdir()
    tags = folder / "tags.toml"
    tags.write_text('[tags.other]\nlabel = "Other"\n', encoding="utf-8")
    monitor = Monitor(Settings(data_dir=folder / "data", source="none", tags=tags), ManualClock(START))
    try:
        states = [tag for seed in seeds for tag in _state_tags(make(seed))]
        if states:
            monitor.tag_file.add(states, "Ana")
        planned: list[_Taken] = []
        for file in map(make, seeds):
            with seen.noting(file):
                planned.append(_plan_of(file, folder, monitor, seen))
        monitor.tag_file.add([tag for each in planned for tag in each.plan.new], "Ana")
        taken: list[_Taken] = []
        for each in planned:
            with seen.noting(each.file):
                taken.append(_stored(monitor, each, seen))
                if each.file.seed % undo_every == 0:
                    _undo_and_again(monitor, taken[-1], seen)
        for form in ("CSV", "Parquet", "Excel"):
            _compare_export(monitor, form, taken, seen)
    finally:
        monitor.stop()


def read_plan(file: RandomFile, path: Path, monitor: Monitor, seen: Seen) -> Plan:
    """How the product reads the file, each question answered rightly; Wrong for one that it must not ask."""
    (table,) = read_tables(path, names=file.names)
    given = _given(file)
    asked: set[str] = set()
    while True:
        each = plan(table, monitor.tags, path.stem, given, {}, also_new=True)
        if not each.readings.questions:
            break
        question = each.readings.questions[0]
        offered = [choice.value for choice in question.choices]
        right = [value for value in offered if value in file.answers.get(question.option, ())]
        if question.option not in file.answers:
            raise Wrong(f"asks needlessly: {question}")
        if len(right) != 1 or question.option in asked:
            raise Wrong(f"does not offer the right answer {file.answers}: {question}")
        asked.add(question.option)
        given = answered(given, question, right[0])
    if lacking := file.asks - asked:
        raise Wrong(f"does not ask for {lacking}")
    seen.asked += bool(asked)
    return each


def _given(file: RandomFile) -> Columns:
    """What somebody says beside the file."""
    return Columns(
        zone=file.zone, decimal=file.decimal, day_first=file.day_first, form=file.form, missing=file.missing
    )


def _state_tags(file: RandomFile) -> list[Tag]:
    return [Tag(title, title, states=words, simulated=False) for title, words in file.states.items()]


def _plan_of(file: RandomFile, folder: Path, monitor: Monitor, seen: Seen) -> _Taken:
    """How the product reads the file, compared with what it means by a dry run."""
    seen.files += 1
    path = folder / file.name
    path.write_bytes(file.content)
    each = read_plan(file, path, monitor, seen)
    names = _names(file, each)
    meant = Counter(
        (names[reading.title], reading.time, _text(reading.value), reading.quality)
        for reading in file.readings
    )
    _compare(meant, _dry(monitor, each, file), "dry run", file, each)
    return _Taken(file, each, meant, path)


def _stored(monitor: Monitor, each: _Taken, seen: Seen) -> _Taken:
    """Import the file, and compare the report and the store with what it means."""
    report = _import(monitor, each.plan, each.file)
    monitor.drain()
    if report.accepted != sum(each.meant.values()) and not each.plan.readings.unsure.any():
        raise Wrong(f"stores {report.accepted} of {sum(each.meant.values())} readings: {report.sentences()}")
    if (count := _count(monitor, {row[0] for row in each.meant})) != report.accepted:
        raise Wrong(f"has {count} readings after storing {report.accepted}")
    seen.readings += report.accepted
    seen.rejected += len(each.file.rejected)
    return replace(each, import_id=report.import_id)


def _names(file: RandomFile, each: Plan) -> dict[str, str]:
    """The tags' names by their titles in the file."""
    if each.columns.tag:
        labels = {tag.label: tag.name for tag in each.new} | {title: title for title in file.states}
    else:
        labels = {}
        for column, tag in each.columns.values.items():
            titles = [title for title in file.titles if column == title or column.startswith(f"{title} [")]
            labels |= dict.fromkeys(titles, tag)
    if lacking := [title for title in file.titles if title not in labels]:
        raise Wrong(f"has no tags for {lacking}: {each.columns}, new {[tag.label for tag in each.new]}")
    return {title: labels[title] for title in file.titles}


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else repr(value)


def _dry(monitor: Monitor, each: Plan, file: RandomFile) -> Counter[Row]:
    """What the dry run prints; its rejections must be those of the file."""
    out, errors = io.StringIO(), io.StringIO()
    wider = monitor.tags.with_tags(each.new)
    dry_run([each], wider, monitor.clock.now(), monitor.settings.earliest, out, errors)
    out.seek(0)
    rows = Counter(
        (tag, _micros(time), value, quality) for tag, time, value, quality in list(csv.reader(out))[1:]
    )
    lines = sorted(int(line.split(":")[0].split()[1]) for line in errors.getvalue().splitlines())
    # A row without a number or a time at the very beginning may belong to the heading, if that is said.
    said = {int(number) for number in re.findall(r"\bLines? (\d+)", " ".join(each.table.sheet.notes))}
    rejected = [line for line in file.rejected if line in lines or line not in said]
    if lines != sorted(rejected) and not each.readings.unsure.any():
        extra, lacking = Counter(lines) - Counter(rejected), Counter(rejected) - Counter(lines)
        shown = "".join(errors.getvalue().splitlines(keepends=True)[:5])
        raise Wrong(f"rejects lines {sorted(extra)[:5]} besides, and not {sorted(lacking)[:5]}: {shown}")
    return rows


def _import(monitor: Monitor, each: Plan, file: RandomFile) -> Report:
    report = Report(each.table.sheet.word)
    parts = pieces_of(each.table, each.columns, each.readings, monitor.clock.now())
    imported = ImportedFile(file.name, "Ana", tuple(tag.name for tag in each.new))
    for result in monitor.importer.take(
        parts, imported, earliest=earliest_of(each.columns, monitor.settings.earliest)
    ):
        report.add(result)
    return report


def _count(monitor: Monitor, names: Iterable[str]) -> int:
    return monitor.exporter.count_readings(tuple(names), 0, START)


def _undo_and_again(monitor: Monitor, taken: _Taken, seen: Seen) -> None:
    """Send the file again, undo it, and import it once more: nothing twice, nothing left, all of it again."""
    names = {row[0] for row in taken.meant}
    whole = _count(monitor, names)
    again = _import(monitor, read_plan(taken.file, taken.path, monitor, Seen()), taken.file)
    monitor.drain()
    if again.accepted or _count(monitor, names) != whole:
        raise Wrong(f"stores {again.accepted} readings twice: {again.sentences()}")
    for number in {taken.import_id, again.import_id}:
        monitor.undoing.undo(number, "Bo", Progress())
    monitor.drain()
    if left := _count(monitor, names):
        raise Wrong(f"leaves {left} readings after the undo")
    _take_once_more(monitor, taken, whole)
    seen.undone += 1


def _take_once_more(monitor: Monitor, taken: _Taken, whole: int) -> None:
    each = read_plan(taken.file, taken.path, monitor, Seen())
    if each.new:
        monitor.tag_file.add(each.new, "Ana")
    report = _import(monitor, each, taken.file)
    monitor.drain()
    if report.accepted != whole:
        raise Wrong(f"stores {report.accepted} of {whole} readings after the undo: {report.sentences()}")


def _compare_export(monitor: Monitor, form: str, taken: Sequence[_Taken], seen: Seen) -> None:
    """Compare an export of everything with what the files mean."""
    job = monitor.exporter.start(ExportRequest(READINGS, None, 0, START, form, "UTC"))
    assert monitor.jobs.wait(job, 60)
    assert job.problem is None, job.problem
    result: Exported = job.result
    by_tag: dict[str, Counter[Row]] = {}
    for row in _exported(result.file.path, form):
        by_tag.setdefault(row[0], Counter())[row] += 1
    for each in taken:
        tags = {row[0] for row in each.meant}
        rows = sum((by_tag.get(tag, Counter()) for tag in tags), Counter())
        meant = _to_ms(each.meant) if form == "Excel" else each.meant
        try:
            _compare(meant, rows, form, each.file, each.plan)
        except Wrong as error:
            seen.add(each.file, str(error))


def _to_ms(rows: Counter[Row]) -> Counter[Row]:
    """The rows as far as a spreadsheet can tell times apart."""
    whole: Counter[Row] = Counter()
    for (tag, time, value, quality), count in rows.items():
        whole[tag, round(time / 1_000) * 1_000, value, quality] += count
    return whole


def _exported(path: Path, form: str) -> Iterable[Row]:
    """The rows of an exported file, read by other libraries than those that wrote it."""
    table: Sequence[Sequence[object]]
    if form == "CSV":
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = list(csv.reader(file))
    elif form == "Parquet":
        columns = pq.read_table(path)
        table = [
            columns.column_names,
            *map(list, zip(*(column.to_pylist() for column in columns), strict=True)),
        ]
    else:
        table = cells(path.read_bytes())
    head, *body = table
    at = {str(name): place for place, name in enumerate(head)}
    for row in body:
        value = row[at["value"]]
        if "state" in at and row[at["state"]]:
            value = row[at["state"]]
        yield str(row[at["tag"]]), _micros(row[at["time (UTC)"]]), _plain(value), _quality(row[at["quality"]])


def _plain(value: object) -> str:
    """The value of an exported cell as `repr` writes a number, or the word of a state."""
    try:
        return repr(float(str(value)))
    except ValueError:
        return str(value)


def _quality(cell: object) -> str:
    text = str(cell)
    return quality_name(int(float(text))) if text.replace(".0", "").isdigit() else text


def _micros(time: object) -> int:
    """µs UTC of a time in ISO 8601, of a datetime, or of a spreadsheet's days."""
    if isinstance(time, float):
        return round((time - _EXCEL_1970) * 86_400_000) * 1_000
    moment = time if isinstance(time, datetime) else datetime.fromisoformat(str(time).replace("Z", "+00:00"))
    return micros_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _compare(meant: Counter[Row], rows: Counter[Row], where: str, file: RandomFile, each: Plan) -> None:
    """Raise Wrong unless these are the rows; those of an hour that a clock showed twice may be the later."""
    if each.readings.unsure.any():
        # The same word in both hours is one reading then.
        meant, rows = _later(meant, file.zone), _later(rows, file.zone)
    if meant != rows:
        extra, lacking = list((rows - meant).items()), list((meant - rows).items())
        shown = [(*row, f"{instant(row[1]):%F %T.%f}") for row, _ in (extra[:2] + lacking[:2])]
        said = " ".join(each.readings.said)
        raise Wrong(f"{where}: {len(extra)} rows too many, {len(lacking)} lack: {shown}; {said}")


def _later(rows: Counter[Row], zone: str) -> Counter[Row]:
    """The rows without the difference between the two hours that the clock of the zone shows alike."""
    return Counter(
        {
            (tag, micros_of(instant(time).astimezone(ZoneInfo(zone)).replace(fold=1)), value, quality)
            for tag, time, value, quality in rows
        }
    )
