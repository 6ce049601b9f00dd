"""What an import would do: how a table is read, which tags it needs, and what a person must decide.

Pure. What it is not: the import itself; see `importer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo

import numpy as np

from sensormon.exchange.import_table import Table, check, propose
from sensormon.exchange.new_tags import known_alone, new_tags
from sensormon.model import timestamps
from sensormon.model.format import counted, day_and_time, listed
from sensormon.model.qualities import quality_name
from sensormon.model.tags import Tag, TagTable
from sensormon.tables.column_names import known_names
from sensormon.tables.columns import Columns
from sensormon.tables.questions import Question
from sensormon.tables.readings import Readings, read, zone_of

FIRST = 5
"""This many readings are shown before an import."""

_NAMED = 12


@dataclass(frozen=True, eq=False)
class Plan:
    """How a table would be imported. `new` are the tags that it needs and the tag table lacks."""

    table: Table
    columns: Columns
    new: tuple[Tag, ...]
    readings: Readings

    @property
    def left_out(self) -> list[str]:
        """The columns that are not imported."""
        return [str(name) for name in self.table.frame.columns if name not in self.columns.used]


def plan(
    table: Table,
    tags: TagTable,
    stem: str,
    given: Columns,
    values: Mapping[str, str],
    *,
    also_new: bool,
) -> Plan:
    """How to import this table; see `propose`.

    If none of its tags is known, all become new tags; if some are known, the others are left
    out of a wide table, and rejected row by row in a long one, unless `also_new`. Raises UsageError.
    """
    columns = propose(table, tags, stem, given=given, values=values)
    new = [] if values and not also_new else new_tags(table, columns, tags)
    if new and not also_new and _any_known(table, columns, tags):
        new, columns = [], known_alone(columns, tags)
    return planned(table, columns, new, tags)


def planned(table: Table, columns: Columns, new: list[Tag], tags: TagTable) -> Plan:
    """How to import this table with these columns and new tags. Raises UsageError for wrong columns."""
    wider = tags.with_tags(new)
    check(columns, table, wider)
    return Plan(table, columns, tuple(new), read(table.sheet, columns, wider))


def _any_known(table: Table, columns: Columns, tags: TagTable) -> bool:
    if not columns.tag:
        return any(tag in tags for tag in columns.values.values())
    known = known_names(tags)
    cells = [" ".join(str(cell).split()).casefold() for cell in table.frame[columns.tag].dropna().unique()]
    titles = (
        cells if columns.value else [f"{c}.{v.casefold()}" for c in cells for v in columns.values.values()]
    )
    return any(title in known for title in titles)


def answered(columns: Columns, question: Question, value: str) -> Columns:
    """The columns with the question decided: `value` is that of one of its choices."""
    if question.option == "--decimal":
        return replace(columns, decimal=value)
    if question.option == "--day-first":
        return replace(columns, day_first=value == "yes")
    return replace(columns, form=value)


def first_readings(readings: Readings, count: int = FIRST) -> list[tuple[str, str, str, str]]:
    """Tag, time (UTC), value and quality of the first readings of the file, as they would be stored."""
    rows = np.argsort(readings.place, kind="stable")[:count].tolist()
    return [
        (
            readings.names[int(readings.code[row])],
            timestamps.render(int(readings.time[row])),
            value_text(readings, row),
            quality_name(int(readings.quality[row])),
        )
        for row in rows
    ]


def value_text(readings: Readings, row: int) -> str:
    """The value of a reading: its word, or the shortest form of its number."""
    word = -1 if readings.word is None else int(readings.word[row])
    return readings.words[word] if word >= 0 else repr(float(readings.value[row]))


def span_line(readings: Readings, zone: tzinfo) -> str:
    """A sentence with the first and last time in this zone."""
    if not len(readings):
        return "No reading can be read."
    first, last = int(readings.time[0]), int(readings.time[-1])
    line = f"Times from {day_and_time(first, zone)} to {day_and_time(last, zone)}"
    if unsure := int(readings.unsure.sum()):
        line += f"; {counted(unsure, 'reading')} in an hour that occurred twice, read as the later"
    return f"{line}."


def sentences(plan: Plan, zone: tzinfo) -> Iterator[str]:
    """How the table is read, line by line: columns, times, numbers, qualities, new tags, what is left out."""
    table, columns, readings = plan.table, plan.columns, plan.readings
    yield (
        f"{counted(len(table.frame), 'row')} of {table.sheet.name}"
        if table.sheet.name
        else (counted(len(table.frame), "row"))
    )
    yield from table.sheet.notes
    if columns.time:
        both = f"{columns.time} and {columns.clock}" if columns.clock else columns.time
        yield f"Time column: {both} ({zone_of(columns)} where no zone is given)"
    if columns.tag:
        yield f"Tag column: {columns.tag}. Value column: {', '.join(columns.numbers)}"
    yield from readings.said
    if not readings.questions:
        yield span_line(readings, zone)
        if shared := _sharing_a_time(readings):
            yield f"{counted(shared, 'reading')} with the tag and the time of another: check the times"
    for column in columns.numbers:
        tag = "" if columns.tag else f" -> {columns.values[column]}"
        time = columns.times_of.get(column, "")
        quality = columns.qualities.get(column, "")
        extra = [f"times in {time}"] * bool(time) + [f"quality in {quality}"] * bool(quality)
        if tag or extra:
            yield f"{column}{tag}" + (f" ({', '.join(extra)})" if extra else "")
    if plan.new:
        yield f"{_new_kind(plan)}: {listed([_named(tag) for tag in plan.new], _NAMED)}"
    if plan.left_out:
        yield f"Not imported: {listed(plan.left_out, _NAMED)}"
    if len(readings.wrong) and not readings.questions:
        yield f"{counted(len(readings.wrong), 'cell')} cannot be read"


def _sharing_a_time(readings: Readings) -> int:
    """How many readings have the tag and time of an earlier one, as if a part of the time were missing."""
    pairs = np.stack((readings.code.astype(np.int64), readings.time))
    order = np.lexsort(pairs)
    return int((np.diff(pairs[:, order], axis=1) == 0).all(axis=0).sum())


def _new_kind(plan: Plan) -> str:
    return f"{counted(len(plan.new), 'new tag')}"


def _named(tag: Tag) -> str:
    kind = "" if tag.kind == "number" else f" (states, {tag.kind})"
    return f"{tag.name} [{tag.unit}]{kind}" if tag.unit else f"{tag.name}{kind}"
