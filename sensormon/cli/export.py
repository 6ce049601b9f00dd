"""`python -m sensormon export`: anomalies or readings of a stopped monitor as a file.

What the monitor had not moved from its journal into the store when it stopped is in the file, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from sensormon.cli.span import span_of
from sensormon.exchange.state_values import worded
from sensormon.exchange.table_writer import EXCEL_ROWS, FORMS, too_long, with_zone
from sensormon.exchange.verdict_columns import with_verdicts
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.state_words import Words
from sensormon.model.tags import read_tags
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.offline_readings import OfflineReadings
from sensormon.stores.columns import with_simulated

FORMATS = {"csv": "CSV", "parquet": "Parquet", "excel": "Excel"}
"""The forms of files by the values of `--format`."""


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Export what these options ask for. Raises UsageError, StoreError, JournalError and OSError."""
    since, until = span_of(options)
    return export(settings, options.what, options.tag, since, until, options.format, options.out)


def export(
    settings: Settings,
    what: str,
    tags: Sequence[str] | None,
    since: int,
    until: int,
    form: str,
    out: Path | None,
) -> int:
    """Write the file piece by piece; 1 if readings that it should have cannot be read.

    Raises UsageError, StoreError, JournalError, OSError and leaves no partial file.
    """
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    with stopped.store() as store:
        readings = OfflineReadings(stopped, store)
        if store is None and not readings.tags():
            raise UsageError(
                "there is nothing to export", where=stopped.store_place, hint="Run the monitor first"
            )
        if tags:
            check_tags(readings.tags(), settings, tags)
        flagged = what == "anomalies"
        if form == "excel":
            whole = readings.count(tags, since, until, anomalies=flagged)
            if whole > EXCEL_ROWS:
                raise too_long(whole)
        words = readings.state_words(read_tags(settings.tags), tags)
        if out is None:
            _write(readings, words, tags, since, until, flagged, form, cast("BinaryIO", sys.stdout.buffer))
            return _missing(readings)
        try:
            with out.open("wb") as stream:
                rows = _write(readings, words, tags, since, until, flagged, form, stream)
        except BaseException:
            if out.is_file():
                with suppress(OSError):
                    out.unlink()
            raise
        sys.stderr.write(f"{rows:,} {what} written to {out}\n")
        return _missing(readings)


def _missing(readings: OfflineReadings) -> int:
    """Say on standard error what the file does not have; 1 if that is because of damage."""
    for sentence in readings.refused():
        sys.stderr.write(f"note: {sentence}\n")
    missing = readings.missing()
    for sentence in missing:
        sys.stderr.write(f"missing: {sentence}; run `python -m sensormon verify`\n")
    return 1 if missing else 0


def check_tags(stored: Iterable[str], settings: Settings, tags: Sequence[str] | None) -> None:
    """Raise UsageError unless these tags are in the table or among those `stored`."""
    known = {*stored, *read_tags(settings.tags).names}
    for name in tags or ():
        if name not in known:
            raise UsageError(
                f"there is no tag {name!r}",
                where="--tag",
                hint=f"The tags: {', '.join(sorted(known)[:12])}",
            )


def _write(
    readings: OfflineReadings,
    words: Words,
    tags: Sequence[str] | None,
    since: int,
    until: int,
    flagged: bool,
    form: str,
    stream: BinaryIO,
) -> int:
    file, rows = FORMS[FORMATS[form]].begin(stream), 0
    try:
        for piece in worded(readings.stream(tags, since, until, anomalies=flagged), words):
            marked = with_simulated(with_verdicts(piece))
            # A sheet has no time zones, so its columns name theirs. The other formats keep the names.
            file.write(with_zone(marked, "UTC") if form == "excel" else marked)
            rows += piece.num_rows
        file.close()
    except BaseException:
        file.abandon()
        raise
    return rows
