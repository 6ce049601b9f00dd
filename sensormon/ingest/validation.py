"""Which readings of a batch can be accepted, and why the others cannot.

Pure: a batch and the tag table in, a column of reasons out. Rows that a batch cannot even
hold (an invalid timestamp, a value that is neither a number nor a word) are rejected in
`parse_rows`, which turns text into columns. Duplicates need memory and are detected in `tag_memory`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sensormon.ingest.refusals import ACCEPTED, LISTED, NOTHING, Codes, Refused, code_of
from sensormon.ingest.states import why_unknown
from sensormon.ingest.tag_codes import TagCodes
from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.qualities import quality_of
from sensormon.model.readings import CALCULATED, Batch, Origin, Quality, Reading, Reason, Rejection
from sensormon.model.settings import DEFAULT_EARLIEST
from sensormon.model.tags import BOOLEAN, LONGEST_STATE, UNFIT, TagTable

FUTURE = 600 * SECOND
"""How far ahead of the clock a reading's own time may be (µs): ten minutes."""
_AHEAD = f"{FUTURE // (60 * SECOND)} minutes"

EARLIEST = timestamps.parse("1900-01-01")
"""No reading can be older, whatever is allowed (µs UTC)."""

SHOWN = 200
"""The most characters of invalid text to keep, so that a rejection stays small."""


def parse_rows(
    rows: Sequence[object],
    *,
    source: str,
    received: int,
    origin: Origin = Origin.LIVE,
    no_reading: Callable[[object], str] = lambda _: "",
) -> tuple[Batch, Sequence[int], Refused]:
    """Rows of `timestamp`, `tag`, `value`, `quality` as a batch, with the rows that cannot be in one.

    The second result gives, for each row of the batch, its index in `rows`. A missing
    timestamp means now, a missing quality Good. Numbers are taken as they are, never from text:
    text, true and false are the words of states. `no_reading` says what else makes a row
    unusable; empty if nothing does.
    """
    readings: list[Reading] = []
    positions: list[int] = []
    refusing = Refusing(source, received)
    for index, row in enumerate(rows):
        fields: Mapping[str, object] = row if isinstance(row, dict) else {}
        try:
            if detail := no_reading(row):
                raise _NoReading(Reason.MALFORMED, detail)
            readings.append(_reading(fields, received))
            positions.append(index)
        except _NoReading as problem:
            tag, time, value = fields.get("tag"), fields.get("timestamp"), fields.get("value")
            refusing.add(index, problem.reason, problem.detail, tag=tag, time=time, value=value)
    batch = Batch.of(readings, source=source, received=received, origin=origin)
    return batch, positions, refusing.refused()


class _NoReading(Exception):
    """A row cannot be a reading."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _reading(fields: Mapping[str, object], received: int) -> Reading:
    """The reading in the fields of a row. Raises _NoReading."""
    tag = fields.get("tag")
    if not isinstance(tag, str):
        raise _NoReading(Reason.UNKNOWN_TAG, f"the tag must be text, not {shown(tag)!r}")
    value = _value(fields.get("value"))
    quality = fields.get("quality")
    status = int(Quality.GOOD) if quality is None else quality_of(quality)
    if status is None:
        raise _NoReading(Reason.MALFORMED, unknown_quality(quality))
    return Reading(tag, _time(fields.get("timestamp"), received), value, status)


def _value(value: object) -> float | str:
    if isinstance(value, bool):
        return BOOLEAN[value]
    if isinstance(value, str):
        word = value.strip()
        if problem := wrong_word(word):
            raise _NoReading(Reason.NOT_A_NUMBER, problem)
        return word
    if value is None:
        raise _NoReading(Reason.NOT_A_NUMBER, "there is no value")
    if not isinstance(value, int | float):
        raise _NoReading(Reason.NOT_A_NUMBER, f"the value must be a number or a word, not {shown(value)!r}")
    try:
        return float(value)
    except OverflowError:
        raise _NoReading(Reason.NOT_FINITE, "the value is too large for a number") from None


def _time(time: object, received: int) -> int:
    if time is None:
        return received
    try:
        return timestamps.parse(time if isinstance(time, str) else "")
    except (ValueError, OverflowError):
        detail = f"{shown(time)!r} is not an ISO 8601 time such as 2026-01-31T12:00:00Z"
        raise _NoReading(Reason.BAD_TIMESTAMP, detail) from None


def wrong_word(word: str) -> str:
    """Why this value can be no state's word, whatever its tag; empty if it can be one."""
    if not word:
        return "there is no value"
    if len(word) > LONGEST_STATE:
        return f"the value is text of {len(word):,} characters; a state has at most {LONGEST_STATE}"
    if unfit := UNFIT.search(word):
        return f"the value holds the invisible character U+{ord(unfit[0]):04X}"
    return ""


def unknown_quality(quality: object) -> str:
    """The reason for refusing a reading with this quality."""
    return (
        f"the quality {shown(quality)!r} is not known; send Good, Uncertain, Bad, or the name or number "
        "of a status code of OPC UA"
    )


def shown(value: object) -> str:
    """The received value as short text that can be stored."""
    text = "" if value is None else str(value)[: SHOWN + 1]
    text = text.replace("\x00", "␀").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


class Refusing:
    """Takes note of refused rows while a request is parsed, in order; only the first are kept in full."""

    def __init__(self, source: str, received: int) -> None:
        self._source = source
        self._received = received
        self._index = array("q")
        self._reason = bytearray()
        self._listed: list[Rejection] = []

    def add(
        self,
        index: int,
        reason: Reason,
        detail: str,
        *,
        tag: object = None,
        time: object = None,
        value: object = None,
    ) -> None:
        """Refuse the row at this place; `tag`, `time` and `value` are shown as they came."""
        self._index.append(index)
        self._reason.append(code_of(reason))
        if len(self._listed) < LISTED:
            self._listed.append(
                Rejection(
                    source=self._source,
                    received=self._received,
                    index=index,
                    tag=shown(tag),
                    time=shown(time),
                    value=shown(value),
                    reason=reason,
                    detail=detail,
                )
            )

    def refused(self) -> Refused:
        """What was refused so far."""
        if not self._listed:
            return NOTHING
        return Refused(
            np.array(self._index, dtype=np.int64),
            np.frombuffer(bytes(self._reason), dtype=np.uint8),
            tuple(self._listed),
        )


class ValidRanges:
    """The valid ranges of a tag table as arrays, so that a batch is checked at once.

    Readings before `earliest` (µs UTC) are not taken.
    """

    def __init__(self, tags: TagTable, earliest: int = DEFAULT_EARLIEST) -> None:
        self._tags = tags
        self._codes = TagCodes(tags)
        self._earliest = earliest
        self._low = np.array([tag.valid[0] for tag in tags], dtype=np.float64)
        self._high = np.array([tag.valid[1] for tag in tags], dtype=np.float64)
        self._calculated = np.array([bool(tag.formula) for tag in tags], dtype=np.bool_)
        self._any_calculated = bool(self._calculated.any())

    def codes(self, batch: Batch) -> NDArray[np.int32]:
        """The code in the tag table of each reading, -1 for an unknown tag."""
        return self._codes.of(batch)

    def check(self, batch: Batch) -> Codes:
        """For each reading `ACCEPTED`, or the code of the reason why it cannot be accepted.

        The first of these that applies is the reason: unknown tag, a calculated one, not finite, outside
        the valid range, too far in the future, before `earliest`. Words are for `States` to judge.
        """
        codes = self.codes(batch)
        known = codes >= 0
        finite = np.isfinite(batch.value)
        safe = np.where(known, codes, 0)
        in_range = (batch.value >= self._low[safe]) & (batch.value <= self._high[safe])
        if batch.word is not None:
            finite |= batch.word >= 0
            in_range |= batch.word >= 0
        on_time = batch.time <= batch.received + FUTURE
        sensible = batch.time >= self._earliest
        reason = np.full(len(batch), ACCEPTED, dtype=np.uint8)
        ours = np.ones(len(batch), dtype=np.bool_)
        if self._any_calculated and batch.source != CALCULATED:
            ours = ~(known & self._calculated[safe])
        if (known & finite & in_range & on_time & sensible & ours).all():
            return reason
        for good, problem in (
            (sensible, Reason.BAD_TIMESTAMP),
            (on_time, Reason.FUTURE_TIMESTAMP),
            (in_range, Reason.OUT_OF_RANGE),
            (finite, Reason.NOT_FINITE),
            (ours, Reason.CALCULATED),
            (known, Reason.UNKNOWN_TAG),
        ):
            reason[~good] = code_of(problem)
        return reason

    def rejection(self, batch: Batch, row: int, index: int, reason: Reason) -> Rejection:
        """The rejection of this row of the batch, at this place in its request, for this reason."""
        value = float(batch.value[row])
        word = batch.words[batch.word[row]] if batch.word is not None and batch.word[row] >= 0 else None
        text = repr(value) if math.isfinite(value) else str(value)
        return Rejection(
            source=batch.source,
            received=batch.received,
            index=index,
            tag=shown(batch.tags[batch.tag[row]]),
            time=rendered(int(batch.time[row])),
            value=text if word is None else shown(word),
            reason=reason,
            detail=self._detail(batch, row, reason, text if word is None else word),
        )

    def _detail(self, batch: Batch, row: int, reason: Reason, value: str) -> str:
        tag = self._tags[batch.tags[batch.tag[row]]]
        match reason:
            case Reason.NOT_A_NUMBER:
                detail = f"the value must be a number, not {shown(value)!r}"
            case Reason.UNKNOWN_STATE:
                detail = why_unknown(tag, value)
            case Reason.OUT_OF_RANGE:
                low, high = tag.valid
                detail = f"outside the valid range {low:g} to {high:g} {tag.unit}".rstrip()
            case Reason.FUTURE_TIMESTAMP:
                ahead = (int(batch.time[row]) - batch.received) / SECOND
                detail = f"{_length(ahead)} ahead of the clock; at most {_AHEAD} are accepted"
            case Reason.BAD_TIMESTAMP:
                detail = (
                    f"{rendered(int(batch.time[row]))} is before {_day(self._earliest)}: check the precision "
                    "and the sender's clock, or allow it with SENSORMON_EARLIEST"
                )
            case _:
                detail = _DETAILS[reason]
        return detail


_DETAILS = {
    Reason.UNKNOWN_TAG: "there is no such tag in tags.toml",
    Reason.NOT_FINITE: "the value is not a finite number",
    Reason.CALCULATED: "the tag is calculated: its formula alone makes its readings",
    Reason.DUPLICATE: "this tag, time and value were received before",
}


def _day(time: int) -> str:
    """The year if it begins at this time, otherwise the day."""
    day = rendered(time)[:10]
    return day.removesuffix("-01-01")


def _length(seconds: float) -> str:
    """A length of time, rounded, in the largest unit that fits at least twice."""
    for size, unit in ((31_557_600, "years"), (86_400, "days"), (3_600, "hours")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def rendered(time: int) -> str:
    """The time as ISO 8601, or its number if no calendar has it."""
    try:
        return timestamps.render(time)
    except OverflowError:
        return f"{time} µs"
