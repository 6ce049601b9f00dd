"""Reads what a report says from a monitor: courses, figures, events, the state of the data.

Reads in a bounded way: each tag in few readings whatever the span, each list up to its limit. What it is not:
words or a layout; see `pages`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd

from sensormon.analysis.downsample import Overview
from sensormon.boards.board import Tile, TileKind
from sensormon.events.actions import ATTENTION
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.format import counted, day_and_time, listed
from sensormon.model.jobs import Progress
from sensormon.model.ledger import Ledger
from sensormon.model.status import Status, StoreState
from sensormon.model.timestamps import micros
from sensormon.monitor.explorer import Seen
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.statistics import Statistics
from sensormon.notify.messages import ToldEvent
from sensormon.notify.told_events import Row, told_event
from sensormon.reports.content import Content, Course, EventCounts, EventLine, Figures
from sensormon.reports.order import Order
from sensormon.view.status import still_loading

PARTS = 240
"""Parts of the span in a chart; about as many as a printed line can show."""
FEW_PARTS = 40
"""The same for a tag that has no chart."""
LISTED_EVENTS = 100
"""Events that one tile lists; the others are counted."""
MOST_LISTED = 200
"""Events that all tiles list together."""
MOST_PEAKS = 20_000
"""Flagged readings that are looked through for the peaks of the events listed."""
NAMED = 6
"""Tags that a note names; more are counted."""


def gathered(m: Monitor, order: Order, progress: Progress) -> Content:
    """Read what this report says. `order` has been checked.

    Raises UsageError if none of its tags has a reading in the span, StoreError if its events cannot be read,
    Cancelled.
    """
    status, simulated = m.status(), m.simulated.within(order.since, order.until)
    drawn = {tag for tile in order.board.tiles if tile.kind is TileKind.CHART for tag in tile.tags}
    courses: dict[str, Course] = {}
    for names, parts in (
        ([name for name in order.tags if name in drawn], PARTS),
        ([name for name in order.tags if name not in drawn], FEW_PARTS),
    ):
        progress.step("reading", len(courses), len(order.tags))
        seen = m.explorer.overviews(names, order.since, order.until, parts)
        for name in names:
            progress.step("reading", len(courses), len(order.tags))
            courses[name] = _course(m, order, name, seen[name], name in drawn, name in simulated)
    courses = {name: courses[name] for name in order.tags}
    if courses and not any(course.overview.readings for course in courses.values()):
        raise _nothing_there(m, order)
    progress.step("reading events")
    events = _events(m, order)
    return Content(
        order=order,
        made=m.clock.now(),
        courses=courses,
        events=_lines(m, order, events),
        counts=_counts(events),
        by_tag={str(tag): int(number) for tag, number in events["tag"].value_counts().items()},
        notes=tuple(_notes(m, order, status, courses, events)),
        ledger=_ledger_line(m.ledger.now()),
        statistics=_statistics(m, order, progress),
    )


def _course(m: Monitor, order: Order, name: str, seen: Seen, drawn: bool, simulated: bool) -> Course:
    tags, span = m.tags, (order.since, order.until)
    overview, tag = seen.overview, tags[name]
    course = Course(tag, tags.title(name), overview, _figures(overview), simulated, seen.stored)
    if tag.has_states:
        stretches = tuple(m.explorer.state_course(name, overview)) if drawn else ()
        return replace(course, stretches=stretches, words=m.state_words([name]).get(name, {}))
    if drawn and overview.readings:
        with suppress(StoreError):
            spread = m.explorer.distribution(name, *span)
            if spread.readings:
                figures = replace(
                    course.figures,
                    mean=spread.mean,
                    sd=spread.sd,
                    lowest=spread.quantiles[0],
                    highest=spread.quantiles[-1],
                    p95=spread.quantiles[6],
                )
                course = replace(course, figures=figures)
    return course


def _statistics(m: Monitor, order: Order, progress: Progress) -> tuple[Statistics, ...]:
    """The statistics of its tags that have numbers, if they are asked for. Raises StoreError."""
    if not order.extra.statistics:
        return ()
    names = [name for name in order.tags if not m.tags[name].has_states]
    rows = []
    for place, name in enumerate(names):
        progress.step("reading statistics", place, len(names))
        limits = m.tags[name].normal or (-math.inf, math.inf)
        rows.append(m.explorer.statistics(name, (order.since, order.until), limits, len(names)))
    return tuple(rows)


def _figures(overview: Overview) -> Figures:
    """What the overview alone tells; the lowest and the highest are exact, as each part keeps them."""
    value = overview.value[np.isfinite(overview.value)]
    gaps = overview.gaps()
    return Figures(
        readings=overview.readings,
        flagged=overview.flagged,
        mean=math.nan,
        sd=math.nan,
        lowest=float(value.min()) if len(value) else math.nan,
        highest=float(value.max()) if len(value) else math.nan,
        p95=math.nan,
        last=float(overview.value[-1]) if len(overview.value) else math.nan,
        last_time=int(overview.time[-1]) if len(overview.time) else 0,
        missing=sum(end - start for start, end in gaps) / SECOND,
        gaps=len(gaps),
    )


def _nothing_there(m: Monitor, order: Order) -> UsageError:
    extent = m.explorer.extent(order.tags) or None
    hint = "Nothing is stored of its tags; the Live page shows whether any readings arrive"
    if extent is not None:
        first, last = (day_and_time(time, order.zone) for time in extent)
        hint = f"Choose another span; its tags have readings from {first} to {last}, {order.zone.key}"
    return UsageError("there are no readings in this span", where=order.board.title, hint=hint)


# -- events ---------------------------------------------------------------------------


def _listing(order: Order) -> list[Tile]:
    return [tile for tile in order.board.tiles if tile.kind is TileKind.EVENTS]


def _events(m: Monitor, order: Order) -> pd.DataFrame:
    """The events of its tags, or of all tags if a tile lists those of all."""
    everything = any(not tile.tags for tile in _listing(order))
    events = m.events.between(None if everything else list(order.tags), order.since, order.until)
    known = events["tag"].isin(list(m.tags.names))
    shown = events[known].reset_index(drop=True)
    if order.extra.keep is not None:
        shown = order.extra.keep(shown)
    shown.attrs["complete"] = events.attrs["complete"]
    return shown


def _counts(events: pd.DataFrame) -> EventCounts:
    waiting = [str(state) for state in ATTENTION]
    return EventCounts(
        len(events),
        int((events["severity"] == "high").sum()),
        int(events["state"].isin(waiting).sum()),
        bool(events.attrs["complete"]),
    )


def _lines(m: Monitor, order: Order, events: pd.DataFrame) -> dict[int, tuple[EventLine, ...]]:
    """By the place of a tile the newest events of its tags, each with its sentence of why."""
    rows: dict[int, list[Row]] = {}
    room = MOST_LISTED
    for place, tile in enumerate(order.board.tiles):
        if tile.kind is TileKind.EVENTS:
            own = events[events["tag"].isin(tile.tags)] if tile.tags else events
            listed = own.head(min(LISTED_EVENTS, room)).drop(columns=["ids"])
            rows[place] = [*listed.to_dict("records")]
            room -= len(rows[place])
    tell = _teller(m, [row for some in rows.values() for row in some])
    return {place: tuple(_line(row, tell(row)) for row in some) for place, some in rows.items()}


def _teller(m: Monitor, rows: Sequence[Row]) -> Callable[[Row], ToldEvent]:
    """What tells each of these events with the sentence of its peak, or with its numbers alone if the peak
    cannot be read. All peaks are read at once."""
    tags, versions = m.tags, m.detection.by_id()
    peaks, own = dict[int, Row](), m.newest.own([int(row["peak_id"]) for row in rows])
    if rows:
        with suppress(StoreError):
            times = [row["peak_time"].value // 1_000 for row in rows]
            names = sorted({str(row["tag"]) for row in rows})
            flagged = m.stored.anomalies(names, min(times), max(times) + 1, limit=MOST_PEAKS)
            flagged = flagged[flagged["id"].isin([int(row["peak_id"]) for row in rows])]
            peaks = {int(peak["id"]): peak for peak in flagged.to_dict("records")}
            own = {**m.stored.own([peak for peak in peaks if peak not in own]), **own}

    def tell(row: Row) -> ToldEvent:
        peak = int(row["peak_id"])
        scores = {score.detector: score for score in own.get(peak, ())}
        return told_event(row, tags, versions, peaks.get(peak), scores)

    return tell


def _line(row: Row, told: ToldEvent) -> EventLine:
    end = pd.Series([row["end"]])
    return EventLine(
        tag=told.tag,
        title=told.title,
        began=told.began,
        until=int(micros(end)[0]) if told.over else 0,
        value=told.value,
        severity=told.severity,
        state=str(row["state"]),
        label=str(row["label"]),
        why=told.why,
    )


# -- what limits the figures ----------------------------------------------------------


def _notes(
    m: Monitor, order: Order, status: Status, courses: Mapping[str, Course], events: pd.DataFrame
) -> Iterable[str]:
    yield from order.extra.notes
    waiting = still_loading(status)
    if waiting:
        yield f"{counted(waiting, 'reading')} still loading; figures exclude them."
    if status.store.state is not StoreState.HEALTHY and any(not course.stored for course in courses.values()):
        yield f"{status.store.name} could not be read: only the newest readings, from memory, are here."
    simulated = [course.title for course in courses.values() if course.simulated]
    if simulated:
        whose = "All tags" if len(simulated) == len(courses) else listed(simulated, NAMED)
        yield f"SIMULATED: {whose} have readings of the built-in simulator, which no sensor made."
    empty = [course.title for course in courses.values() if not course.overview.readings]
    if empty:
        yield f"No readings in this span: {listed(empty, NAMED)}."
    with suppress(StoreError):
        whole = m.explorer.since_whole([*courses], order.since) if courses else order.since
        if order.since < whole < order.until:
            yield (
                f"Readings before {day_and_time(whole, order.zone)} are kept as one-minute roll-ups; means, "
                "deviations and percentiles begin there."
            )
    if not events.attrs["complete"]:
        yield "There were too many events to look at all: the oldest are left out."
    if status.attention:
        losses = counted(len(status.attention), "loss")
        yield f"{losses} of readings not acknowledged yet; see the Pipeline page."


def _ledger_line(ledger: Ledger) -> str:
    total = ledger.total
    state = "balanced" if ledger.balanced else f"off by {abs(total.difference):,}"
    return (
        f"received {total.received:,} = stored {total.stored:,} + rejected {total.rejected:,} + "
        f"dead-lettered {total.dead_lettered:,} + pending {total.pending:,}: {state}"
    )
