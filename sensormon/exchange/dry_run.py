"""An import without a store: exactly the readings that it would store, as CSV, and what it would reject.

The readings go through the same validation as those of an import. What it is not: a look into the
database; what is there already is shown too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from sensormon.detectors import DEFAULT
from sensormon.exchange.import_plan import Plan
from sensormon.exchange.import_table import earliest_of, pieces_of
from sensormon.ingest.pipeline import Pipeline
from sensormon.model import timestamps
from sensormon.model.entries import DetectorSettings
from sensormon.model.qualities import quality_name
from sensormon.model.readings import Processed
from sensormon.model.tags import TagTable

HEADER = ("tag", "time", "value", "quality")


def dry_run(
    plans: Iterable[Plan], tags: TagTable, now: int, earliest: int, out: TextIO, errors: TextIO
) -> int:
    """Write what would be stored to `out` and what would be rejected to `errors`; the number of readings.

    `tags` has the new ones too; no reading before `earliest` (µs UTC) is taken. A reading that is
    twice in a file is written once.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    stored = 0
    for plan in plans:
        settings = DetectorSettings(0, now, "", DEFAULT, {}, {})
        pipeline = Pipeline(tags, settings, earliest=earliest_of(plan.columns, earliest))
        for piece in pieces_of(plan.table, plan.columns, plan.readings, now):
            rows = len(piece.batch) + len(piece.malformed)
            done = pipeline.process(piece.batch, piece.positions, piece.malformed, listed=rows)
            stored += len(done.accepted)
            writer.writerows(_rows(done, pipeline, tags))
            for rejection in sorted(done.rejected, key=lambda rejection: rejection.index):
                errors.write(f"{rejection.line(plan.table.sheet.word)}\n")
    return stored


def _rows(done: Processed, pipeline: Pipeline, tags: TagTable) -> Iterable[tuple[str, str, str, str]]:
    batch = done.accepted
    states = {name: pipeline.words.of(name) for name in batch.tags if tags[name].has_states}
    for code, time, value, quality in zip(
        batch.tag.tolist(), batch.time.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True
    ):
        name = batch.tags[code]
        shown = states[name][int(value)] if name in states else repr(value)
        yield name, timestamps.render(time), shown, quality_name(quality)
