"""Readings of a source as they would be stored, before any is."""

from __future__ import annotations

import math
from datetime import tzinfo

import pandas as pd

from sensormon.ingest.refusals import ACCEPTED, reason_of
from sensormon.ingest.states import States
from sensormon.ingest.validation import ValidRanges
from sensormon.model.format import day_and_time
from sensormon.model.readings import Batch, reason_words
from sensormon.model.state_words import StateWords
from sensormon.model.tags import TagTable
from sensormon.sources.connected import Preview
from sensormon.view.explanation import quality_words

MOST = 50
"""The most rows shown."""
STORED = "stored"
COLUMNS = ("Tag", "Time", "Value", "Quality", "What happens")


def preview_table(preview: Preview, tags: TagTable, zone: tzinfo) -> pd.DataFrame:
    """A row a reading: Tag, Time, Value, Quality, What happens. `tags` has the new ones, too."""
    batch = preview.batch
    ranges, states = ValidRanges(tags), States(tags, StateWords())
    reason = ranges.check(batch)
    codes = ranges.codes(batch)
    states.coded(batch, codes, states.rows(codes), reason)
    rows = [
        {
            "Tag": batch.tags[batch.tag[row]],
            "Time": day_and_time(int(batch.time[row]), zone),
            "Value": _value(batch, row, tags),
            "Quality": quality_words(int(batch.quality[row])),
            "What happens": STORED
            if reason[row] == ACCEPTED
            else _refused(ranges, batch, row, int(reason[row])),
        }
        for row in range(min(MOST, len(batch)))
    ]
    rows += [
        {
            "Tag": refused.tag,
            "Time": refused.time,
            "Value": refused.value,
            "Quality": "",
            "What happens": f"refused: {refused.detail or reason_words(refused.reason)}",
        }
        for refused in preview.malformed[: MOST - len(rows)]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def preview_words(table: pd.DataFrame) -> str:
    """How many of them would be stored, in a sentence."""
    if table.empty:
        return (
            "No reading came in the time allowed. A topic or node that seldom changes may be silent for long."
        )
    stored = int((table["What happens"] == STORED).sum())
    if stored == len(table):
        return f"All {stored:,} would be stored."
    return f"{stored:,} of {len(table):,} would be stored; the others would be refused and counted."


def _value(batch: Batch, row: int, tags: TagTable) -> str:
    if batch.word is not None and batch.word[row] >= 0:
        return str(batch.words[batch.word[row]])
    value = float(batch.value[row])
    tag = tags[batch.tags[batch.tag[row]]]
    if tag.has_states or not tag.resolution:
        shown = f"{value:.10g}" if math.isfinite(value) else "–"
        return f"{shown} {tag.unit}".rstrip()
    return tag.render(value)


def _refused(ranges: ValidRanges, batch: Batch, row: int, code: int) -> str:
    rejection = ranges.rejection(batch, row, row, reason_of(code))
    return f"refused: {rejection.detail}"
