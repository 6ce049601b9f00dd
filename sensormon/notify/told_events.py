"""An event as a message tells it: the value with its unit, and the sentence of why that the pages show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sensormon.detectors.judged import Judged
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.readings import OwnScore
from sensormon.model.tag_models import SOURCE
from sensormon.model.tags import Tag, TagTable
from sensormon.notify.messages import ToldEvent
from sensormon.stores.readings import StoredReadings
from sensormon.view.explanation import (
    NOTHING_SAID,
    explain,
    score_word,
    value_beside_expected,
    why_at_peak,
)
from sensormon.view.tag_models import judged_words

Row = Mapping[Any, Any]


def describer(
    tags: TagTable,
    versions: Mapping[int, DetectorSettings],
    stored: StoredReadings,
    verdicts: Callable[[int], Mapping[str, OwnScore]],
) -> Callable[[Row], ToldEvent]:
    """What `plan` asks for each event that it lists; raises StoreError if its peak cannot be read.

    `verdicts` has by the id of a reading what each of its detectors said.
    """

    def describe(row: Row) -> ToldEvent:
        time = row["peak_time"].value // 1_000
        readings = stored.frame([row["tag"]], time, time + 1)
        peak = readings[readings["id"] == row["peak_id"]].to_dict("records")
        own = verdicts(int(row["peak_id"])) if peak else NOTHING_SAID
        return told_event(row, tags, versions, peak[0] if peak else None, own)

    return describe


def told_event(
    row: Row,
    tags: TagTable,
    versions: Mapping[int, DetectorSettings],
    peak: Row | None = None,
    own: Mapping[str, OwnScore] = NOTHING_SAID,
) -> ToldEvent:
    """This row of a frame of events as a message tells it.

    `peak` is the row of the reading at its peak, and `own` what each detector said of that. Without them,
    or if the settings are not known that judged it, `why` has the numbers alone.
    """
    return ToldEvent(
        id=int(row["id"]),
        tag=str(row["tag"]),
        title=tags.title(str(row["tag"])),
        began=row["start"].value // 1_000,
        value=tags[str(row["tag"])].render(float(row["value"])),
        score=float(row["score"]),
        severity=str(row["severity"]),
        why=_why(row, tags, versions, peak, own),
        over=bool(row["over"]),
        number=float(row["value"]),
    )


def peak_sentence(
    tag: Tag, peak: Row | None, settings: DetectorSettings | None, own: Mapping[str, OwnScore]
) -> str:
    """What the pages say of the reading at an event's peak; empty if what that needs is not known, or a
    detector of a newer version judged it."""
    if peak is None or settings is None:
        return ""
    try:
        return explain(tag, Judged.of(peak), settings, own).sentence
    except UsageError:
        return ""


def _why(
    row: Row,
    tags: TagTable,
    versions: Mapping[int, DetectorSettings],
    peak: Row | None,
    own: Mapping[str, OwnScore],
) -> str:
    tag = tags[str(row["tag"])]
    if peak is not None and peak["source"] == SOURCE:
        parts = {tags.title(name): said.score for name, said in own.items()}
        return f"{judged_words(float(row['score']), parts)}."
    if sentence := peak_sentence(tag, peak, versions.get(int(row["settings"])), own):
        return sentence
    value, expected, upper, score = (float(row[name]) for name in ("value", "expected", "upper", "score"))
    numbers = why_at_peak(score_word(str(row["detector"])), score, float(row["threshold"]))
    return f"{value_beside_expected(tag, value, expected, upper)}, {numbers}."
