"""What the Storage section says of sizes, forecasts and roll-ups."""

from __future__ import annotations

from sensormon.model.format import counted, duration, size
from sensormon.monitor.disk_usage import ROLLUP_BYTES, Forecast, Rate, Sizes
from sensormon.monitor.retention import Plan, Policy, RolledUp

_DAY = 86_400.0


def size_rows(sizes: Sizes) -> list[tuple[str, str, str]]:
    """What, bytes in words, and what is worth knowing of it."""
    space = sizes.space
    inside = "the database is away, so what is in it cannot be said"
    if space is not None:
        rolled = f", {counted(space.rollups, 'minute')} rolled up" if space.rollups else ""
        inside = (
            f"{counted(space.readings, 'reading')} one by one{rolled}; {size(space.free)} of it free inside"
        )
    return [
        ("Database", size(sizes.database), inside),
        ("Database's write-ahead file", size(sizes.wal), "emptied about every minute"),
        ("Journal", size(sizes.journal), "what is acknowledged and not behind a checkpoint yet"),
        ("Archive", size(sizes.archive), "what a lost database is made anew from; 1.1 GB at the most"),
        ("Dead letters", size(sizes.dead_letters), "readings that the database refused"),
        ("Other", size(sizes.other), "what the detector remembers, logs, copies of harmed files"),
    ]


def rate_words(now: Rate | None, sizes: Sizes) -> str:
    """What comes in a day and what each reading takes, with what it was measured over."""
    if sizes.space is None:
        return "Not measurable now: the database cannot be asked."
    if now is None:
        if not sizes.arrivals.count:
            return "Not measurable: no live reading came in over the last 24 h."
        return "Not measurable yet: less than an hour of readings."
    span = "the last 24 h" if now.seconds >= _DAY * 0.99 else f"the last {duration(now.seconds)}"
    each = "" if now.measured else ", as is usual; there are too few here to measure it"
    return f"{now.per_day:,.0f} readings a day, as of {span}; {now.raw_bytes:,.0f} bytes a reading{each}"


def forecast_words(one: Forecast) -> str:
    """ "4.2 GB in a year, disk full in about 3 years"."""
    kept = f"One by one for {counted(one.days, 'day')}" if one.days else "One by one for ever"
    full = f"disk full in {_far(one.full)}" if one.full is not None else "disk not full within 100 years"
    return f"{kept}: {size(round(one.in_a_year))} in a year, {full}"


def policy_words(policy: Policy) -> str:
    """What holds now."""
    if not policy.days:
        return "Readings are kept one by one for ever."
    return f"Readings are kept one by one for {counted(policy.days, 'day')}, then by the minute."


def plan_words(plan: Plan, days: int, raw_bytes: float) -> str:
    """What a run would do: how many readings become how many minutes, and what that frees."""
    if not plan.readings:
        return f"No reading is older than {counted(days, 'day')}: there is nothing to roll up."
    frees = plan.readings * raw_bytes - plan.minutes * ROLLUP_BYTES
    words = (
        f"{counted(plan.readings, 'reading')} older than {counted(days, 'day')} become "
        f"{counted(plan.minutes, 'minute')}"
    )
    return f"{words}; about {size(round(frees))} become free" if frees > 0 else words


def rolled_words(done: RolledUp) -> str:
    """What a run did, as measured."""
    if not done.readings:
        return "There was nothing to roll up."
    given = done.before.file - done.after.file
    free = done.after.free - done.before.free
    words = f"{counted(done.readings, 'reading')} became minutes. "
    words += f"{size(max(0, free))} more are free inside the database's file for new readings"
    if given < 0:
        return f"{words}; the file itself grew by {size(-given)} for the minutes."
    return words + (
        f", and the file is {size(given)} smaller."
        if given > 0
        else "; the file itself is as large as before."
    )


def _far(days: int) -> str:
    if days < 60:
        return f"about {counted(days, 'day')}"
    if days < 700:
        return f"about {counted(round(days / 30.4), 'month')}"
    return f"about {counted(round(days / 365.25), 'year')}"
