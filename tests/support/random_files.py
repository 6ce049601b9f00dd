"""Files of readings made at random, each from its seed, and what they mean.

`python -m tests.support.random_files SEED [FOLDER]` writes the file of that seed and prints what it means.
The readings come first; then somebody writes them down in one of the ways of loggers, historians and
spreadsheets. Nothing here reads a file, and nothing is shared with the code under test.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from tests.support.random_bytes import Table, file_bytes, text_alone
from tests.support.random_cells import (
    BAD_TIMES,
    BAD_VALUES,
    QUALITIES,
    Cell,
    NumberForm,
    QualityForm,
    number_style,
)
from tests.support.two_ways import numbers_differ, orders_of, usual_mark
from tests.support.written_times import (
    DAY,
    SECOND,
    TimeForm,
    in_utc_alone,
    instant,
    micros_of,
    number_form,
    split_forms,
    text_form,
    whole_hours_alone,
)

LATEST = 1_780_000_000 * SECOND
"""No file has a later time (2026-05-28)."""
_EARLIEST = 1_000_000_000 * SECOND
_ZONES = ["UTC", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
_SWITCHES = {  # half an hour before a clock is set back (s UTC)
    "Europe/Berlin": 1_729_987_200,
    "America/New_York": 1_730_606_400,
    "Australia/Lord_Howe": 1_712_411_100,
}
_TIME_NAMES = ["timestamp", "Time", "datetime", "Date Time", "ts", "Zeitstempel", "recorded_at", "TIMESTAMP"]
_TAG_NAMES = ["tag", "TagName", "Tag Name", "entity_id", "sensor", "name", "Variable", "point"]
_VALUE_NAMES = ["value", "Value", "val", "reading", "Messwert", "_value", "VALUE"]
_TITLES = ["temp_{}", "TI-101{}", "Flow in {}", "Behälter {}", "Pression é{}", "reactor.{}.pv", "Level {}"]
_UNITS = ["°C", "bar", "m³/h", "%", "pH", "rpm", ""]
_STATES = [("closed", "open"), ("idle", "Running", "fault 2"), ("off", "on")]


@dataclass(frozen=True)
class Meant:
    """A reading that the file means: its tag's title, time (µs UTC), value or word, and quality's name."""

    title: str
    time: int
    value: float | str
    quality: str


@dataclass(frozen=True)
class RandomFile:
    """A file of that seed. `zone`, `decimal`, `day_first`, `form`, `missing` and `names` are said beside it.

    `rejected` are the lines of cells that are no readings, one for each cell. `answers` are the questions
    that it leaves open by the option that decides, with the right answers; `asks` are those that no
    convention decides. `states` are the words of tags that are known before. `traits` say how it was made.
    """

    seed: int
    name: str
    content: bytes
    readings: tuple[Meant, ...]
    rejected: tuple[int, ...]
    zone: str
    decimal: str
    day_first: bool | None
    form: str
    missing: tuple[str, ...]
    names: tuple[str, ...]
    states: Mapping[str, tuple[str, ...]]
    answers: Mapping[str, frozenset[str]]
    asks: frozenset[str]
    traits: tuple[str, ...]

    @property
    def titles(self) -> list[str]:
        """The tags of the file."""
        return list(dict.fromkeys(reading.title for reading in self.readings))


@dataclass(frozen=True)
class _Series:
    title: str
    unit: str
    number: NumberForm
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Times:
    """How the times of a file are written: in one column or two."""

    form: TimeForm
    zone: str
    clock: TimeForm | None = None

    def local(self, micros: int) -> datetime:
        return instant(micros).astimezone(ZoneInfo(self.zone))

    def shown_twice(self, micros: int) -> bool:
        """Whether the clock shows this time in two hours: a row that is there twice may be one of each."""
        local = self.local(micros)
        return not self.form.zoned and local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()

    def cells(self, micros: int) -> list[Cell]:
        local = self.local(micros)
        moment = instant(micros) if in_utc_alone(self.form) else local
        texts = [self.form.write(moment)] + ([self.clock.write(local)] if self.clock else [])
        return [Cell(text, local.replace(tzinfo=None) if not self.clock else None) for text in texts]

    @property
    def step(self) -> int:
        return self.clock.step if self.clock else self.form.step


@dataclass
class _Draft:
    """A file while it is written: its table, and what the rows mean so far."""

    rng: Random
    times: _Times
    quality: QualityForm | None
    missing: str
    bad: bool
    spaced: bool
    header: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    meant: list[list[Meant | None]] = field(default_factory=list)  # None: a cell that is rejected
    dates: list[list[str]] = field(default_factory=list)  # by column of times
    written: list[Cell] = field(default_factory=list)  # those that are numbers


def make(seed: int) -> RandomFile:
    """The file of this seed, always the same."""
    rng = Random(seed)  # noqa: S311  a test file, no secret
    table = Table.draw(rng)
    times = _draw_times(rng, typed=table.typed)
    typed = table.typed
    mark, thousands = (".", "") if typed else number_style(rng)
    series = _draw_series(rng, seed, mark, thousands, table.separator)
    quality = rng.choice(QUALITIES[table.separator == " " :]) if rng.random() < 0.3 else None
    missing = rng.choice(["", "NaN", "null", "N/A", "--", "No Data", "\\N", "-999", "-200"])
    if table.separator == " " and not missing.strip():
        missing = "NaN"
    draft = _Draft(rng, times, quality, missing, rng.random() < 0.4, table.separator == " ")
    layout = rng.choices(["wide", "long", "pairs"], [5, 4, 1])[0]
    if layout == "pairs" and (times.clock or len(series) < 2):
        layout = "wide"
    if layout == "long":  # one column of values has one unit at most, and that in every cell
        series = [replace(each, number=replace(each.number, unit="")) for each in series]
    count = rng.choice([1, 2, 3, 5, 8, 20, 20, 60, 120])
    instants = _instants(rng, times, count)
    {"wide": _wide, "long": _long, "pairs": _pairs}[layout](draft, series, instants)
    order = rng.choice(["ascending"] * 4 + ["descending", "shuffled"])
    shown_twice = any(map(times.shown_twice, instants))
    if shown_twice and count <= 8:  # a few rows of that hour may happen to be in order after a shuffle
        order = "ascending"
    _shuffle_rows(draft, order, twice=not shown_twice)
    named = not (layout == "wide" and not typed and rng.random() < 0.05)
    if rng.random() < 0.2 and layout != "pairs":
        _note(draft, table.separator)
    if named and not typed and table.separator.strip() and layout == "wide" and rng.random() < 0.07:
        _index(draft)
    table = table.fitting(rng, draft.header, draft.units, draft.rows, named=named)
    content, places = file_bytes(table, f"random-{seed}")
    traits = [layout, order, times.form.name + (f" | {times.clock.name}" if times.clock else ""), times.zone]
    traits += [f"decimal {mark}", f"thousands {thousands!r}", f"missing {missing!r}", *table.traits]
    traits += [f"quality {quality.name}"] if quality else []
    return _finished(seed, table, content, places, draft, series, tuple(traits), mark)


def _draw_times(rng: Random, *, typed: bool) -> _Times:
    zone = rng.choice(_ZONES)
    if typed and rng.random() < 0.7:
        return _Times(TimeForm("typed", lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"), SECOND), zone)
    kind = rng.random()
    if kind < 0.12 and not typed:
        date, clock = split_forms(rng)
        return _Times(date, zone, clock)
    form = number_form(rng) if kind < 0.4 else text_form(rng)
    if whole_hours_alone(form) and zone not in ("UTC", "Europe/Berlin"):
        zone = "Europe/Berlin"
    return _Times(form, zone)


def _draw_series(rng: Random, seed: int, mark: str, thousands: str, separator: str) -> list[_Series]:
    letters = "".join("abcdefghij"[int(digit)] for digit in str(seed))
    series: list[_Series] = []
    for form in rng.sample(_TITLES, rng.choice([1, 1, 2, 3, 4])):
        number = NumberForm.draw(rng, mark, thousands)
        number = replace(number, unit=number.unit if separator.strip() else "")
        words = rng.choice(_STATES) if rng.random() < 0.08 else ()
        title = f"valve_{len(series)}{letters}" if words else form.format(letters)
        series.append(_Series(title, rng.choice(_UNITS), number, words))
    if all(each.words for each in series):
        series.append(_Series(f"temp_{letters}", "°C", NumberForm.draw(rng, mark, thousands)))
    return series


def _instants(rng: Random, times: _Times, count: int) -> list[int]:
    step = max(
        times.step, rng.choice([1, 1_000, SECOND, 10 * SECOND, 60 * SECOND, 600 * SECOND, 3600 * SECOND, DAY])
    )
    step *= rng.choice([1, 1, 7])
    if times.step > step or step % times.step:
        step = times.step
    first = rng.randrange(_EARLIEST, LATEST - step * count)
    if times.zone in _SWITCHES and rng.random() < 0.15:
        first = _SWITCHES[times.zone] * SECOND
        step = max(times.step, 600 * SECOND)
    if times.step < DAY:
        return [first - first % times.step + i * step for i in range(count)]
    day = times.local(first).date()
    days = [datetime.fromordinal(day.toordinal() + i * (step // DAY)) for i in range(count)]
    return [
        micros_of(each.replace(tzinfo=ZoneInfo("UTC" if times.form.zoned else times.zone))) for each in days
    ]


def _time_cells(draft: _Draft, micros: int, column: int) -> tuple[list[Cell], bool]:
    """The cells of a time, rarely ones that say none; and whether they say it."""
    while len(draft.dates) <= column:
        draft.dates.append([])
    cells = draft.times.cells(micros)
    if draft.bad and draft.dates[column] and len(draft.dates[column]) % 8 == 7 and draft.rng.random() < 0.5:
        draft.dates[column].append("")
        return [Cell(draft.rng.choice(BAD_TIMES[draft.spaced :])), *cells[1:]], False
    draft.dates[column].append(draft.times.form.date(draft.times.local(micros)))
    return cells, True


def _value_cell(draft: _Draft, series: _Series, row: int) -> tuple[Cell, float | str | None, bool]:
    """A cell, the value that it means if any, and whether it is wrong (rather than empty)."""
    rng = draft.rng
    if row > 0 and draft.bad and row % 8 == 3 and rng.random() < 0.5:
        return Cell(rng.choice(BAD_VALUES)), None, True
    if row > 0 and row % 4 == 2 and rng.random() < 0.4:
        return Cell(draft.missing), None, False
    if series.words:
        word = rng.choice(series.words)
        return Cell(rng.choice([word, word, word.upper()])), word, False
    cell = series.number.draw_cell(rng)
    draft.written.append(cell)
    assert isinstance(cell.typed, float)
    return cell, cell.typed, False


def _quality_cell(draft: _Draft, row: int) -> tuple[Cell, str]:
    """A cell of quality and the name that it means; empty for one that means none."""
    assert draft.quality is not None
    if draft.bad and row % 8 == 5 and draft.rng.random() < 0.3:
        return Cell("maybe"), ""
    text, name = draft.rng.choices(draft.quality.words, [6] + [1] * (len(draft.quality.words) - 1))[0]
    return Cell(text), name


def _time_header(draft: _Draft, name: str) -> list[str]:
    return draft.rng.choice([["Date", "Time"], ["Datum", "Uhrzeit"]]) if draft.times.clock else [name]


def _wide(draft: _Draft, series: Sequence[_Series], instants: Sequence[int]) -> None:
    """A column for each tag beside the times; perhaps a quality for each, or one for all."""
    rng = draft.rng
    apart = draft.quality is not None and not draft.quality.name.startswith("Is") and rng.random() < 0.4
    brackets = rng.random() < 0.3
    draft.header = _time_header(draft, rng.choice(_TIME_NAMES))
    draft.units = [""] * len(draft.header)
    for each in series:
        draft.header.append(
            f"{each.title} [{each.unit}]" if brackets and each.unit and not each.words else each.title
        )
        draft.units.append(each.unit)
        if draft.quality and apart:
            draft.header.append(f"{each.title} {draft.quality.name}")
            draft.units.append("")
    if draft.quality and not apart:
        draft.header.append(draft.quality.name)
        draft.units.append("")
    for row, time in enumerate(instants):
        cells, timely = _time_cells(draft, time, 0)
        values = [_value_cell(draft, each, row) for each in series]
        quality, name = _quality_cell(draft, row) if draft.quality else (None, "Good")
        meant: list[Meant | None] = []
        for each, (cell, value, wrong) in zip(series, values, strict=True):
            cells.append(cell)
            if apart:
                own, name = _quality_cell(draft, row)
                cells.append(own)
            if wrong or (value is not None and not (timely and name)):
                meant.append(None)
            elif value is not None:
                meant.append(Meant(each.title, time, value, name))
        draft.rows.append([*cells, quality] if quality and not apart else cells)
        draft.meant.append(meant)


def _long(draft: _Draft, series: Sequence[_Series], instants: Sequence[int]) -> None:
    """A row for each reading, with its tag."""
    rng = draft.rng
    draft.header = _time_header(draft, rng.choice(_TIME_NAMES))
    draft.header += [rng.choice(_TAG_NAMES), rng.choice(_VALUE_NAMES)]
    draft.header += [draft.quality.name] if draft.quality else []
    draft.units = [""] * len(draft.header)
    row = 0
    for time in instants:
        for each in series:
            cells, timely = _time_cells(draft, time, 0)
            cell, value, _ = _value_cell(draft, each, row if time != instants[0] else 0)
            quality, name = _quality_cell(draft, row) if draft.quality else (None, "Good")
            cells += [Cell(each.title), cell]
            draft.rows.append([*cells, quality] if quality else cells)
            fine = value is not None and timely and name
            draft.meant.append(
                [Meant(each.title, time, value, name)] if fine and value is not None else [None]
            )
            row += 1


def _pairs(draft: _Draft, series: Sequence[_Series], instants: Sequence[int]) -> None:
    """A column of times before that of each tag."""
    rng = draft.rng
    last = rng.choice([" time", " Timestamp", "_time"])
    for each in series:
        draft.header += [each.title + last, each.title]
        draft.units += ["", each.unit]
    draft.quality = None
    for row, time in enumerate(instants):
        cells: list[Cell] = []
        meant: list[Meant | None] = []
        for column, each in enumerate(series):
            at = time + column * draft.times.step if draft.times.step < DAY else time
            own, timely = _time_cells(draft, at, column)
            cell, value, wrong = _value_cell(draft, each, row)
            cells += [*own, cell]
            if wrong or (value is not None and not timely):
                meant.append(None)
            elif value is not None:
                meant.append(Meant(each.title, at, value, "Good"))
        draft.rows.append(cells)
        draft.meant.append(meant)


def _shuffle_rows(draft: _Draft, order: str, *, twice: bool) -> None:
    """Put the rows in another order, and perhaps some of them in twice."""
    pairs = list(zip(draft.rows, draft.meant, strict=True))
    if order == "descending":
        pairs.reverse()
    elif order == "shuffled":
        draft.rng.shuffle(pairs)
    for _ in range(draft.rng.choice([0, 0, 0, 1, 2]) if len(pairs) > 4 and twice else 0):
        cells, meant = draft.rng.choice(pairs)
        pairs.append((cells, [None] * len(meant)))
    draft.rows = [cells for cells, _ in pairs]
    draft.meant = [meant for _, meant in pairs]


def _note(draft: _Draft, separator: str) -> None:
    """A column of text that nobody wants, with everything that a separator can be."""
    draft.header.append("Remark")
    draft.units.append("")
    notes = ["" if separator != " " else "-", "ok", "pump; off", "a,b", 'said "no"', "x | y"] + (
        ["two\nlines"] if separator.strip() else []
    )
    for number, row in enumerate(draft.rows):
        draft.rows[number] = [*row, Cell(draft.rng.choice(notes) if number % 2 else "ok")]


def _index(draft: _Draft) -> None:
    """The numbers of the rows as pandas writes them, in a first column without a name."""
    draft.header.insert(0, "")
    draft.units.insert(0, "")
    for number, row in enumerate(draft.rows):
        draft.rows[number] = [Cell(str(number)), *row]


def _finished(
    seed: int,
    table: Table,
    content: bytes,
    places: Sequence[int],
    draft: _Draft,
    series: Sequence[_Series],
    traits: tuple[str, ...],
    mark: str,
) -> RandomFile:
    """The file with what is open about it, and what is said beside it where convention would mislead."""
    rng, form = draft.rng, draft.times.form
    texts = [cell.number for cell in draft.written] if text_alone(table, draft.rows) else []
    answers: dict[str, frozenset[str]] = {}
    asks: set[str] = set()
    decimal, day_first, said_form = "", None, ""
    if numbers_differ(texts):
        answers["--decimal"] = frozenset({mark})
        usual = usual_mark(texts, table.separator)
        decimal = mark if usual not in ("", mark) or rng.random() < 0.3 else ""
        asks |= {"--decimal"} if not usual and not decimal else set()
    open_orders = [orders_of([text for text in dates if text]) for dates in draft.dates] if form.order else []
    if any(len(orders) > 1 for orders in open_orders):
        answers["--day-first"] = frozenset({"yes" if form.order == "dmy" else "no"})
        answers["--time-format"] = frozenset({form.order})
        if form.order == "mdy" and mark == ",":
            day_first = False
        # Years of two digits stand last, by convention, unless the dates are of several days or have dashes.
        slashed_years_first = form.order == "ymd" and "/" in form.date(instant(0))
        said_form = (
            "ymd" if slashed_years_first and any(len(set(dates) - {""}) == 1 for dates in draft.dates) else ""
        )
    if form.name == "s":
        answers["--time-format"] = frozenset({"s"})
    missing = (draft.missing,) if draft.missing in ("-999", "-200") else ()
    lines = [
        place for place, meant in zip(places, draft.meant, strict=True) for each in meant if each is None
    ]
    return RandomFile(
        seed=seed,
        name=f"random-{seed}.{table.ending}",
        content=content,
        readings=tuple(each for meant in draft.meant for each in meant if each is not None),
        rejected=tuple(lines),
        zone=draft.times.zone,
        decimal=decimal,
        day_first=day_first,
        form=said_form,
        missing=missing,
        names=() if table.named else tuple(draft.header),
        states={each.title: each.words for each in series if each.words},
        answers=answers,
        asks=frozenset(asks),
        traits=traits,
    )


def _main(seed: int, folder: Path) -> None:
    file = make(seed)
    (folder / file.name).write_bytes(file.content)
    lines = [f"{folder / file.name}: {', '.join(file.traits)}", f"zone {file.zone}"]
    lines += [f"said beside it: {file.decimal=} {file.day_first=} {file.form=} {file.missing=} {file.names=}"]
    lines += [f"open: {dict(file.answers)}; must be asked: {sorted(file.asks)}; {file.states=}"]
    lines += [
        f"  {each.title}  {instant(each.time)}  {each.value!r}  {each.quality}" for each in file.readings
    ]
    lines += [f"rejected: {file.rejected}"]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    _main(int(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "."))
