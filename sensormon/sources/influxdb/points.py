"""Points of InfluxDB as readings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from sensormon.model.errors import SourceError
from sensormon.model.line_tags import LineTag, MissingPart
from sensormon.model.readings import Batch, Ints, Quality, Reason, Rejection
from sensormon.sources.influxdb.server import Series
from sensormon.sources.values import Values, values_of

_PART = re.compile(r"\{([^{}]+)\}")
_SHOWN = 200


@dataclass
class Points:
    """Readings of one stretch of time, gathered series by series. `time` is in ns UTC."""

    tags: list[str] = field(default_factory=list)
    time: list[Ints] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)
    count: int = 0

    def add(self, series: Series, rule: LineTag) -> None:
        """The fields of a series; what is null is no reading. Raises SourceError."""
        columns = series["columns"]
        cells = list(zip(*series["values"], strict=True))
        if not cells:
            return
        if columns[0] != "time":
            raise SourceError("the result has no times", hint="Ask for points, not for a list of names")
        named = {part for part in _PART.findall(rule.rule) if part in columns}
        if named:  # without GROUP BY tags stand in columns
            for own, places in _by_names(columns, cells, named).items():
                tags = {**(series.get("tags") or {}), **dict(own)}
                rows = [[column[place] for place in places] for column in cells]
                self._add(series["name"], tags, columns, rows, rule, named)
        else:
            self._add(series["name"], series.get("tags") or {}, columns, cells, rule, named)

    def _add(
        self,
        measurement: str,
        tags: Mapping[str, str],
        columns: list[str],
        cells: list[list[object]] | list[tuple[object, ...]],
        rule: LineTag,
        named: set[str],
    ) -> None:
        try:
            times = np.array(cells[0], dtype=np.int64)
        except (ValueError, TypeError, OverflowError):
            raise SourceError("a point has no time", hint="Is this the answer of an InfluxDB 1.x?") from None
        for name, column in zip(columns[1:], cells[1:], strict=True):
            if name in named:
                continue
            try:
                tag = rule.name(measurement, tags, name)
            except MissingPart as error:
                raise SourceError(
                    f"points of {measurement!r} have no tag {error.part!r}, which tag = {rule.rule!r} needs",
                    hint="End the query with GROUP BY *, or correct tag",
                ) from None
            there = [place for place, cell in enumerate(column) if cell is not None]
            if not there:
                continue
            whole = len(there) == len(column)
            self.tags.append(tag)
            self.time.append(times if whole else times[there])
            self.values.append(values_of(column if whole else [column[place] for place in there]))
            self.count += len(there)

    def readings(self, source: str, received: int) -> Gathered:
        """All of them in the order of their times."""
        names = tuple(dict.fromkeys(self.tags))
        code = {name: i for i, name in enumerate(names)}
        lengths = [len(times) for times in self.time]
        tag = np.repeat(np.array([code[name] for name in self.tags], dtype=np.int32), lengths)
        time = np.concatenate(self.time) if lengths else np.zeros(0, dtype=np.int64)
        number = np.concatenate([each.number for each in self.values]) if lengths else np.zeros(0)
        first = np.cumsum([0, *lengths[:-1]]).tolist()
        word = {
            at + row: text
            for at, each in zip(first, self.values, strict=False)
            for row, text in each.word.items()
        }
        wrong = {
            at + row: why
            for at, each in zip(first, self.values, strict=False)
            for row, why in each.wrong.items()
        }
        words = tuple(dict.fromkeys(word.values()))
        places = np.full(len(time), -1, dtype=np.int32)
        place = {text: i for i, text in enumerate(words)}
        places[list(word)] = [place[text] for text in word.values()]
        batch = Batch(
            source=source,
            received=received,
            tags=names,
            tag=tag,
            time=time // 1_000,
            value=number,
            quality=np.full(len(time), Quality.GOOD, dtype=np.uint32),
            words=words,
            word=places if words else None,
        )
        malformed = {row: _rejection(batch, row, why) for row, why in wrong.items()}
        kinds = {name: each.kind for name, each in zip(self.tags, self.values, strict=True)}
        return Gathered(batch, time, np.arange(len(time)), malformed, kinds).take(
            np.argsort(time, kind="stable")
        )


@dataclass(frozen=True, eq=False)
class Gathered:
    """Readings and their times in ns; `malformed` are by `row`, and still among the readings."""

    batch: Batch
    time: Ints
    row: Ints
    malformed: Mapping[int, Rejection]
    kinds: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: Ints) -> Gathered:
        """These alone."""
        return replace(self, batch=self.batch.take(rows), time=self.time[rows], row=self.row[rows])

    def parted(self) -> tuple[Batch, tuple[Rejection, ...]]:
        """The readings, and what cannot be one."""
        if not self.malformed:
            return self.batch, ()
        wrong = np.isin(self.row, list(self.malformed))
        return self.batch.take(~wrong), tuple(self.malformed[row] for row in self.row[wrong].tolist())

    def prints(self) -> list[int]:
        """64 bits of each reading's digest."""
        batch = self.batch
        words = [-1] * len(self) if batch.word is None else batch.word.tolist()
        rows = zip(batch.tag.tolist(), self.time.tolist(), batch.value.tolist(), words, strict=True)
        return [
            _print(batch.tags[tag], time, batch.words[word] if word >= 0 else value)
            for tag, time, value, word in rows
        ]


def _print(tag: str, time: int, value: float | str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{tag}\0{time}\0{value!r}".encode(), digest_size=8).digest())


def _by_names(
    columns: list[str], cells: list[tuple[object, ...]], named: set[str]
) -> dict[tuple[tuple[str, str], ...], list[int]]:
    """The places of the rows by the tags in these columns."""
    own = [(columns.index(name), name) for name in sorted(named)]
    places: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for row in range(len(cells[0])):
        key = tuple((name, str(cells[column][row] or "")) for column, name in own)
        places.setdefault(key, []).append(row)
    return places


def _rejection(batch: Batch, row: int, why: tuple[Reason, str]) -> Rejection:
    return Rejection(
        batch.source,
        batch.received,
        row,
        batch.tags[batch.tag[row]][:_SHOWN],
        f"{int(batch.time[row])} µs",
        "",
        *why,
    )
