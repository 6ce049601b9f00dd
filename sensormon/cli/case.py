"""`python -m sensormon case FILE` and `open FILE`: make a case of a stopped monitor, or open one in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sensormon.cli.export import check_tags
from sensormon.cli.span import span_of
from sensormon.events.annotations import standing, those
from sensormon.exchange.case_format import of_file
from sensormon.exchange.case_reader import Case
from sensormon.exchange.case_writer import CaseOrder, write_case
from sensormon.exchange.cases import checked_order, held, plain_view
from sensormon.model import timestamps
from sensormon.model.clock import SystemClock
from sensormon.model.entries import Annotation, DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.model.settings import Settings
from sensormon.model.state_words import StateWords, Words
from sensormon.model.tags import TagTable, read_tags
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.stores.protocol import Store


def run_case(options: argparse.Namespace, settings: Settings) -> int:
    """Make the case that these options ask for; see `make_case`."""
    since, until = span_of(options)
    return make_case(settings, options.file, options.name, options.tag, since, until, options.view)


def run_open(options: argparse.Namespace, settings: Settings) -> int:
    """Preview or open the case that these options name; see `preview_case` and `open_case`."""
    act = preview_case if options.preview else open_case
    return act(settings, options.file)


class _Stored:
    """The store of a stopped monitor, as `case_writer.History`."""

    def __init__(self, store: Store, tags: TagTable) -> None:
        self._store = store
        self.tags = tags

    def state_words(self, tags: Sequence[str]) -> Words:
        words = StateWords(self._store.entries.state_words()).by_tag(self.tags)
        return {name: words[name] for name in tags if name in words}

    def stream(self, tags: Sequence[str], since: int, until: int) -> Iterator[pa.Table]:
        return self._store.readings.stream(tags, since, until)

    def stream_rejected(self, tags: Sequence[str], since: int, until: int) -> Iterator[pa.Table]:
        return self._store.readings.stream_rejected(tags, since, until)

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        return self._store.readings.injected_faults(since, until)

    def settings_by_id(self) -> Mapping[int, DetectorSettings]:
        return {settings.id: settings for settings in self._store.entries.detector_settings()}

    def notes(self, tags: Sequence[str], since: int, until: int) -> list[Annotation]:
        return those(standing(self._store.entries.annotations()), since, until, tags)

    def event_history(self, first: int, last: int) -> pd.DataFrame:
        return self._store.entries.event_actions(first, last)


def make_case(
    settings: Settings,
    path: Path,
    name: str,
    tags: Sequence[str] | None,
    since: int,
    until: int,
    view: str,
) -> int:
    """Write the case; 1 if the journal has readings that the store does not have yet.

    Raises UsageError, StoreError, JournalError and OSError, and then leaves no partial file.
    """
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    with stopped.store() as store:
        if store is None:
            raise UsageError(
                "there is nothing in it", where=stopped.store_place, hint="Run the monitor first"
            )
        check_tags(store.readings.tags(), settings, tags)
        since, until = held(since, until, store.spans.extent(tags or None))
        order = CaseOrder(
            name or path.stem[:60], tuple(tags or store.readings.tags()), since, until, plain_view(view)
        )
        checked_order(order)
        known = read_tags(settings.tags)
        whole = store.readings.count(order.tags, since, until)
        part = path.with_name(path.name + ".part")
        try:
            counts = write_case(part, _Stored(store, known), order, SystemClock().now(), _Printed(), whole)
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        waiting = stopped.ledger(store).total.pending
    sys.stderr.write(
        f"\r{counts.readings:,} readings, {counts.flagged:,} of them flagged, {counts.rejected:,} rejected, "
        f"{counts.actions:,} actions on events written to {path}\n"
    )
    if waiting:
        sys.stderr.write(
            f"missing: {waiting:,} readings that the monitor had not stored when it stopped, of any tag and "
            "time. Start it for a moment and make the case again\n"
        )
    return 1 if waiting else 0


def preview_case(settings: Settings, path: Path) -> int:
    """Print what is in the case, and what its tags would be called here. Raises like `open_case`."""
    with _unpacked(settings, path) as (monitor, case):
        _describe(monitor, case)
    return 0


def open_case(settings: Settings, path: Path) -> int:
    """Print what is in the case, and open it. Raises UsageError, StoreError, JournalError."""
    with _unpacked(settings, path) as (monitor, case):
        _describe(monitor, case)
        done = monitor.cases.opener.open(case, _Printed())
        monitor.drain()
    before = f", {done.before:,} were there before and are not stored twice" if done.before else ""
    sys.stderr.write("\r")
    sys.stdout.write(f"{done.readings:,} readings stored{before}\n")
    if done.view:
        sys.stdout.write(f"It is the view http://localhost:8501{done.view}\n")
    return 0


@contextmanager
def _unpacked(settings: Settings, path: Path) -> Iterator[tuple[Monitor, Case]]:
    """The case in this file, and a monitor without a source to open it; the monitor stops at the end."""
    if not path.is_file():
        raise UsageError("there is no such file", where=str(path), hint="Give the path of a case")
    monitor = Monitor(replace(settings, source="none", demo=False), SystemClock())
    try:
        monitor.drain()
        with path.open("rb") as source, monitor.cases.opener.unpacked(source) as case:
            yield monitor, case
    except UsageError as error:
        raise of_file(error, str(path)) from error
    finally:
        monitor.stop()


def _describe(monitor: Monitor, case: Case) -> None:
    about = case.manifest
    sys.stdout.write(
        f"{about.name}: {about.readings:,} readings from {timestamps.render(about.since)} to "
        f"{timestamps.render(about.until)}, {about.flagged:,} of them flagged\n"
    )
    for name, here in monitor.cases.opener.names(case).items():
        sys.stdout.write(f"{name} -> {here}\n")


class _Printed(Progress):
    """Progress on standard error."""

    def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
        super().step(words, done, whole)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{words:<60}")
            sys.stderr.flush()
