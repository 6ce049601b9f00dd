"""Texts on sizes, forecasts and roll-ups, for the Storage section."""

from __future__ import annotations

from sensormon.model.format import counted, duration, size
from sensormon.monitor.disk_usage import ROLLUP_BYTES, Forecast, Rate, Sizes
from sensormon.monitor.retention import Plan, Policy, RolledUp

_DAY = 86_400.0


def size_rows(sizes: Sizes) -> list[tuple[str, str, str]]:
    """Rows of name, size in words, and a remark."""
    space = sizes.space
    inside = "contents unknown: the database is unavailable"
    if space is not None:
        rolled = f", {counted(space.rollups, 'minute')} rolled up" if space.rollups else ""
        inside = (
            f"{counted(space.readings, 'reading')} at full resolution{rolled}; {size(space.free)} free inside"
        )
    own = (
        [("Database", size(sizes.elsewhere), f"on its server: {inside}")]
        if sizes.elsewhere
        else [
            ("Database", size(sizes.database), inside),
            ("Database's write-ahead file", size(sizes.wal), "emptied about every minute"),
        ]
    )
    return [
        *own,
        ("Journal", size(sizes.journal), "acknowledged readings that are not behind a checkpoint yet"),
        ("Archive", size(sizes.archive), "a lost database is rebuilt from it; at most 1.1 GB"),
        ("Dead letters", size(sizes.dead_letters), "readings that the database refused"),
        ("Other", size(sizes.other), "detector state, logs, copies of damaged files"),
    ]


def rate_words(now: Rate | None, sizes: Sizes) -> str:
    """Readings per day and bytes per reading, with the time they were measured over."""
    if sizes.space is None:
        return "Not measurable now: the database is unavailable."
    if now is None:
        if not sizes.arrivals.count:
            return "Not measurable: no live readings in the last 24 h."
        return "Not measurable yet: less than an hour of readings."
    span = "the last 24 h" if now.seconds >= _DAY * 0.99 else f"the last {duration(now.seconds)}"
    each = "" if now.measured else " (typical; too few stored to measure)"
    return f"{now.per_day:,.0f} readings per day over {span}; {now.raw_bytes:,.0f} bytes per reading{each}"


def forecast_words(forecast: Forecast) -> str:
    """ "4.2 GB in a year, disk full in about 3 years"."""
    kept = (
        f"Full resolution for {counted(forecast.days, 'day')}"
        if forecast.days
        else "Full resolution, unlimited"
    )
    full = (
        f"disk full in {_far(forecast.full)}"
        if forecast.full is not None
        else "disk not full within 100 years"
    )
    return f"{kept}: {size(round(forecast.in_a_year))} in a year, {full}"


def policy_words(policy: Policy) -> str:
    """The policy in force."""
    if not policy.days:
        return "Full resolution, unlimited."
    return f"Full resolution for {counted(policy.days, 'day')}, then one-minute roll-ups."


def plan_words(plan: Plan, days: int, raw_bytes: float) -> str:
    """The effect of a run: how many readings become how many minutes, and the space that frees."""
    if not plan.readings:
        return f"No reading is older than {counted(days, 'day')}: nothing to roll up."
    frees = plan.readings * raw_bytes - plan.minutes * ROLLUP_BYTES
    words = (
        f"{counted(plan.readings, 'reading')} older than {counted(days, 'day')} become "
        f"{counted(plan.minutes, 'minute')}"
    )
    return f"{words}; that frees about {size(round(frees))}" if frees > 0 else words


def rolled_words(done: RolledUp) -> str:
    """The measured result of a run."""
    if not done.readings:
        return "Nothing to roll up."
    given = done.before.file - done.after.file
    free = done.after.free - done.before.free
    words = f"{counted(done.readings, 'reading')} rolled up. "
    words += f"{size(max(0, free))} more is free for new readings inside the database file"
    if given < 0:
        return f"{words}; the file itself grew by {size(-given)} for the roll-ups."
    return words + (
        f", and the file is {size(given)} smaller."
        if given > 0
        else "; the file itself is unchanged in size."
    )


def _far(days: int) -> str:
    if days < 60:
        return f"about {counted(days, 'day')}"
    if days < 700:
        return f"about {counted(round(days / 30.4), 'month')}"
    return f"about {counted(round(days / 365.25), 'year')}"
