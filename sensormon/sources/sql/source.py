"""Asks the query again and again, from where it was read to, and hands the readings over."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from sensormon.model.errors import SourceError
from sensormon.model.format import counted
from sensormon.model.tags import NAME, Tag
from sensormon.sources.backfill import AHEAD, BackfillProgress, live_from, origin_of
from sensormon.sources.connected import ConnectedSource, Explorer, Intake, Secret
from sensormon.sources.report import Report
from sensormon.sources.sql.columns import Layout, layout_of
from sensormon.sources.sql.cursors import earlier, first
from sensormon.sources.sql.database import Away, Database
from sensormon.sources.sql.explorer import SqlExplorer
from sensormon.sources.sql.kind import UNITS, SqlSource
from sensormon.sources.sql.opening import database_of
from sensormon.sources.sql.progress import Pass, Seen, Sifted, bound_of, place_of
from sensormon.sources.sql.rows import Reading, Row, Rows, readings_of
from sensormon.sources.sql.times import times_of
from sensormon.sources.watcher import cancelled_by

BACKOFF = (0.5, 1.0, 2.0, 5.0)
"""Seconds before a database that is away is tried again; the last value for all further tries."""
_MOST_AHEAD = 10_000
"""Rows too far in the future that are refused one by one."""
_LATE_SHARE = 9
"""Late rows are looked for again after so many times as long as it took."""


def open_source(config: SqlSource, secret: Secret) -> ConnectedSource:
    """A source that can run."""
    return SqlReader(config, secret)


def explore(config: SqlSource, secret: Secret) -> Explorer:
    """What a page asks of it."""
    return SqlExplorer(config, secret)


class SqlReader:
    """Of one source and one run; see `ConnectedSource`."""

    def __init__(self, config: SqlSource, secret: Secret) -> None:
        self._config = config
        self._secret = secret

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """See `ConnectedSource.run`."""
        following = Following(self._config, intake, report, stopping)
        tries = 0
        while not stopping.is_set():
            report.connecting()
            try:
                with (
                    database_of(self._config, self._secret) as database,
                    cancelled_by(database.cancel, stopping),
                ):
                    following.begin(database)
                    tries = 0
                    while not stopping.is_set():
                        following.read(database)
                        intake.clock.wait(stopping, self._config.interval)
            except Away as error:
                if stopping.is_set():
                    return
                report.waiting(error)
                stopping.wait(BACKOFF[min(tries, len(BACKOFF) - 1)])
                tries += 1
            except SourceError:
                if stopping.is_set():  # it was cancelled, which is no fault
                    return
                raise


class Following:
    """The state of one run: the place, and what is known of the rows before it."""

    def __init__(self, config: SqlSource, intake: Intake, report: Report, stopping: threading.Event) -> None:
        self._config = config
        self._intake = intake
        self._report = report
        self._stopping = stopping
        self._place = place_of(intake.position())
        self._seen = Seen()
        self._since: Any = None
        self._look_again = 0
        self._lowest: Any = None
        self._floor: Any = None
        self._reading = Reading(config.name, Layout(0, 0))
        self._offered: set[str] = set()
        self._ahead: set[Row] = set()
        self._progress = BackfillProgress()

    def begin(self, database: Database) -> None:
        """A connection was made. Raises SourceError if the result is not one to read."""
        columns = database.columns()
        config = self._config
        layout = layout_of(config, columns)
        self._reading = Reading(config.name, layout, config.tags_by_name, config.timezone, config.time_unit)
        if self._place.cursor is None and self._lowest is None:
            kind = columns[layout.cursor].kind
            self._lowest = first(kind, config.start, self._intake.clock.now(), config.timezone)
            self._floor = None if config.start is None else self._lowest
        self._report.connected(f"{database.version()}, {counted(len(columns), 'column')}")

    def read(self, database: Database) -> None:
        """Everything that is there now."""
        config, clock, layout = self._config, self._intake.clock, self._reading.layout
        begun, cursor = clock.now(), self._place.cursor
        looks = bool(config.late) and cursor is not None and begun >= self._look_again
        if looks and self._since is None:
            self._since = self._window(cursor)
        passing = Pass(self._place, self._floor, layout.cursor, config.cursor, self._seen, looks=looks)
        bound = bound_of(self._place, self._since if looks else None, self._lowest)
        with closing(database.pages(bound, max(1, config.batch // layout.readings))) as pages:
            for page in pages:
                self._take(page, passing)
                if self._stopping.is_set():
                    return
        if looks:
            self._since = self._window(cursor)
            self._look_again = clock.now() + _LATE_SHARE * (clock.now() - begun)

    def _window(self, cursor: Any) -> Any:
        """From where on rows may come late once this value was read."""
        return earlier(cursor, self._config.late, UNITS.get(self._config.time_unit))

    def _take(self, page: Sequence[Row], passing: Pass) -> None:
        due = self._due(page)
        if due < len(page):
            self._refuse_ahead(page[due:])
            page = page[:due]
        if not page:
            return
        sifted = passing.sift(page)
        if not sifted.new:
            self._place = passing.taken(sifted)
        if sifted.unsure:
            self._take_unsure(sifted.unsure)
        if sifted.new:
            self._take_new(sifted, passing)
        if self._config.late:
            since = self._since if self._since is not None else self._window(self._place.cursor)
            self._seen.add(page, passing.values(page), since)

    def _due(self, page: Sequence[Row]) -> int:
        """How many rows at the beginning of the page the cursor may follow; those after them are too new."""
        layout = self._reading.layout
        if layout.cursor != layout.time:
            return len(page)
        latest = self._intake.clock.now() + AHEAD

        def is_ahead(row: Row) -> bool:
            times, _ = times_of([row[layout.time]], self._reading.zone, self._reading.unit)
            return int(times[0]) > latest

        # the first one first, since it is the one to name if its time cannot be read
        return 0 if is_ahead(page[0]) else bisect_left(page, True, key=is_ahead)

    def _refuse_ahead(self, ahead: Sequence[Row]) -> None:
        """Rows of a clock that is ahead: refused, once, with the reason; they are read when they are due."""
        new = [row for row in ahead if row not in self._ahead]
        if not new or len(self._ahead) >= _MOST_AHEAD:
            return
        self._ahead.update(new)
        rows = self._readings(new)
        self._offer(rows)
        self._intake.take(rows.batch, rows.malformed)

    def _take_unsure(self, unsure: Sequence[Row]) -> None:
        """Rows at or before the place: late ones, or such as were read before a restart."""
        rows = self._readings(unsure)
        batch = rows.batch.take(~self._intake.known(rows.batch))
        if not len(batch) and not rows.malformed:
            return
        self._offer(rows)
        origin = origin_of(batch.time, batch.received)
        self._intake.take(replace(batch, origin=origin), rows.malformed, self._place.to_json())
        if len(batch):
            self._report.note("readings that came late", len(batch))

    def _take_new(self, sifted: Sifted, passing: Pass) -> None:
        """History and live readings apart, where one follows the other."""
        rows = self._readings(sifted.new)
        split = live_from(rows.batch.time, rows.batch.received)
        row = int(rows.row[split]) if 0 < split < len(rows.row) else 0
        if row:
            history = passing.cut(sifted, row)
            self._hand_over(self._readings(history.new), history, passing)
            rows = self._readings(sifted.new[row:])
        self._hand_over(rows, sifted, passing)

    def _readings(self, rows: Sequence[Row]) -> Rows:
        return readings_of(rows, self._reading, self._intake.clock.now())

    def _hand_over(self, rows: Rows, sifted: Sifted, passing: Pass) -> None:
        times = rows.batch.time
        if rows.skipped:
            self._report.note("cells without a value", rows.skipped)
        self._place = passing.taken(sifted, int(times.min()) if len(times) else None)
        if len(times) or rows.malformed:
            self._offer(rows)
            batch = replace(rows.batch, origin=origin_of(times, rows.batch.received))
            self._intake.take(batch, rows.malformed, self._place.to_json())
        if len(times):
            self._tell(int(times.max()), len(times))

    def _tell(self, newest: int, readings: int) -> None:
        text = self._progress.text(self._place.began, newest, readings, self._intake.clock.now())
        self._report.connected(text or "up to date")

    def _offer(self, rows: Rows) -> None:
        """Tags before their first reading: those that sources.toml names, and with `new_tags` all others."""
        names = set(rows.kinds) - self._offered
        if not names:
            return
        named = set(self._config.tags)
        self._offered |= names
        wanted = [
            name for name in rows.kinds if name in names and (self._config.common.new_tags or name in named)
        ]
        tags = [tag_of(name, rows.kinds[name]) for name in wanted if NAME.fullmatch(name)]
        if tags:
            self._intake.offer_tags(tags)


def tag_of(name: str, kind: str) -> Tag:
    """A tag for readings of this kind."""
    return Tag(name, name.replace("_", " ").capitalize(), simulated=False, kind=kind)
