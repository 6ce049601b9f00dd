"""How times stand in files: forms of one instant, for files made at random.

Independent of the grammar under test: a form only writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

SECOND = 1_000_000
MINUTE, DAY = 60 * SECOND, 86_400 * SECOND
_MONTHS = ["January", "February", "March", "April", "May", "June"]
_MONTHS += ["July", "August", "September", "October", "November", "December"]
_EXCEL = datetime(1899, 12, 30)


@dataclass(frozen=True)
class TimeForm:
    """One way to write times. `write` takes the local time; `date` gives the part with the date alone.

    `step` is the finest time that it can write (µs). A form that is not `zoned` is by the clock of the
    file's zone. `order` is that of day, month and year where the numbers leave it open.
    """

    name: str
    write: Callable[[datetime], str]
    step: int
    zoned: bool = False
    order: str = ""
    date: Callable[[datetime], str] = lambda _: ""


def instant(micros: int) -> datetime:
    """This time (µs UTC) as a datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def micros_of(moment: datetime) -> int:
    """µs UTC of a datetime with a zone."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _stretched(form: str, moment: datetime) -> str:
    """`strftime` with a few directives of our own, and months in English whatever the locale is."""
    return (
        form.replace("{month}", _MONTHS[moment.month - 1])
        .replace("{mon}", _MONTHS[moment.month - 1][:3])
        .replace("{d}", str(moment.day))
        .replace("{m}", str(moment.month))
        .replace("{H}", str(moment.hour))
        .replace("{I}", str((moment.hour - 1) % 12 + 1))
        .replace("{p}", "PM" if moment.hour >= 12 else "AM")
        .replace("{f1}", f"{moment.microsecond // 100_000}")
        .replace("{f3}", f"{moment.microsecond // 1_000:03}")
        .replace("{f6}", f"{moment.microsecond:06}")
        .replace("{offset}", _offset(moment, ":"))
        .replace("{offset4}", _offset(moment, ""))
        .replace("{offset2}", _offset(moment, ":")[:3])
    )


def _offset(moment: datetime, mark: str) -> str:
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}{mark}{rest:02}"


def _written(form: str) -> Callable[[datetime], str]:
    def write(moment: datetime) -> str:
        return moment.strftime(_stretched(form, moment))

    return write


_DATES = [  # the form, the order that its numbers leave open, how often
    ("%Y-%m-%d", "", 8),
    ("%Y/%m/%d", "", 2),
    ("%Y.%m.%d", "", 1),
    ("%d.%m.%Y", "dmy", 4),
    ("{d}.{m}.%Y", "dmy", 1),
    ("%d.%m.%y", "dmy", 1),
    ("%d/%m/%Y", "dmy", 3),
    ("{d}/{m}/%Y", "dmy", 1),
    ("%d-%m-%Y", "dmy", 1),
    ("%d/%m/%y", "dmy", 1),
    ("%m/%d/%Y", "mdy", 3),
    ("{m}/{d}/%Y", "mdy", 1),
    ("%m-%d-%Y", "mdy", 1),
    ("%m/%d/%y", "mdy", 1),
    ("%y-%m-%d", "ymd", 1),
    ("%y/%m/%d", "ymd", 1),
    ("%d-{mon}-%Y", "", 1),
    ("%d-{mon}-%y", "", 1),
    ("{d} {month} %Y", "", 1),
    ("{mon} {d}, %Y", "", 1),
]
_CLOCKS = [
    ("%H:%M:%S", SECOND, 8),
    ("%H:%M", MINUTE, 2),
    ("{H}:%M:%S", SECOND, 1),
    ("%H:%M:%S.{f1}", 100_000, 1),
    ("%H:%M:%S.{f3}", 1_000, 3),
    ("%H:%M:%S.{f6}", 1, 1),
    ("%H:%M:%S.{f6}000", 1, 1),
    ("%H:%M:%S,{f3}", 1_000, 1),
    ("{I}:%M:%S {p}", SECOND, 1),
    ("%I:%M {p}", MINUTE, 1),
    ("%H.%M.%S", SECOND, 1),
]
_OFFSETS = ["Z", "{offset}", "{offset4}", "{offset2}", " {offset}", " UTC", " GMT"]
_UTC_OFFSETS = frozenset(["Z", " UTC", " GMT"])


def whole_hours_alone(form: TimeForm) -> bool:
    """Whether the form has no minutes in its offset."""
    return form.name.endswith("{offset2}")


def in_utc_alone(form: TimeForm) -> bool:
    """Whether the form says that it is in UTC."""
    return any(form.name.endswith(offset) for offset in _UTC_OFFSETS)


def _one_of(rng: Random, rows: list[tuple[str, str, int]] | list[tuple[str, int, int]]) -> tuple[str, object]:
    row = rng.choices(rows, weights=[weight for *_, weight in rows])[0]
    return row[0], row[1]


def text_form(rng: Random) -> TimeForm:
    """A date and a clock, perhaps with an offset."""
    date, order = _one_of(rng, list(_DATES))
    clock, step = _one_of(rng, list(_CLOCKS))
    assert isinstance(order, str)
    assert isinstance(step, int)
    if date == "%Y-%m-%d" and rng.random() < 0.1:
        return TimeForm(date, _written(date), DAY, date=_written(date))
    between = "T" if date == "%Y-%m-%d" and clock.startswith("%H:") and rng.random() < 0.4 else " "
    zoned = date == "%Y-%m-%d" and clock.startswith("%H:") and rng.random() < 0.5
    whole = date + between + clock + (rng.choice(_OFFSETS) if zoned else "")
    return TimeForm(whole, _written(whole), step, zoned, order, _written(date))


def split_forms(rng: Random) -> tuple[TimeForm, TimeForm]:
    """A form of the date and one of the clock, for two columns."""
    date, order = _one_of(rng, list(_DATES))
    clock, step = _one_of(rng, list(_CLOCKS))
    assert isinstance(order, str)
    assert isinstance(step, int)
    if rng.random() < 0.2:
        date, order, clock, step = "%Y%m%d", "", "%H%M%S", SECOND
    return (
        TimeForm(date, _written(date), DAY, order=order, date=_written(date)),
        TimeForm(clock, _written(clock), step),
    )


def number_form(rng: Random) -> TimeForm:
    """A time as a number: since 1970, in digits, or a spreadsheet's days."""
    forms = [
        TimeForm("s", lambda moment: str(micros_of(moment) // SECOND), SECOND, zoned=True),
        TimeForm("s.fff", lambda moment: f"{micros_of(moment) / SECOND:.3f}", 1_000, zoned=True),
        TimeForm("ms", lambda moment: str(micros_of(moment) // 1_000), 1_000, zoned=True),
        TimeForm("us", lambda moment: str(micros_of(moment)), 1, zoned=True),
        TimeForm("ns", lambda moment: f"{micros_of(moment)}000", 1, zoned=True),
        TimeForm("%Y%m%d%H%M%S", _written("%Y%m%d%H%M%S"), SECOND),
        TimeForm("%Y%m%d%H%M", _written("%Y%m%d%H%M"), MINUTE),
        TimeForm("%Y%m%d", _written("%Y%m%d"), DAY),
        TimeForm("%Y%m%dT%H%M%S", _written("%Y%m%dT%H%M%S"), SECOND),
        TimeForm("excel 6", lambda moment: f"{_excel(moment):.6f}", SECOND),
        TimeForm("excel 10", lambda moment: f"{_excel(moment):.10f}", SECOND),
    ]
    return rng.choice(forms)


def _excel(moment: datetime) -> float:
    return (moment.replace(tzinfo=None) - _EXCEL) / timedelta(days=1)
