"""Messages to readings, by topic, path and time. What cannot be read becomes a rejection with its reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sensormon.model import timestamps
from sensormon.model.qualities import quality_of
from sensormon.model.readings import Quality, Reading, Reason, Rejection
from sensormon.model.tags import BOOLEAN, LONGEST_STATE, NAME, UNFIT, Tag
from sensormon.sources.connected import MOST_READINGS
from sensormon.sources.mqtt.json_path import JsonPath, NothingThere, each, follow
from sensormon.sources.mqtt.kind import TopicRow
from sensormon.sources.mqtt.times import read_time
from sensormon.sources.mqtt.topics import LONGEST, filling_of
from sensormon.sources.mqtt.waiting import LARGEST, Arrived

LAST_USABLE = 0x4090_0000
"""UncertainLastUsableValue: the quality of a good value that the broker had kept."""
SHOWN = 200
"""Characters of topic and payload that a rejection shows."""
MOST_TOPICS = 50_000
"""Topics whose rows are remembered, if they have at most `LONGEST` characters."""
_DIGITS = 400
"""More than a number that can be stored has."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NO_NUMBERS = ("nan", "inf", "infinity")
_TRUTHS = {True: int(Quality.GOOD), False: int(Quality.BAD)}
"""A quality that is true or false, as gateways send it."""


@dataclass(frozen=True)
class Kept:
    """A reading that the broker had kept as the topic's last value. `timed`: with a time of its own."""

    reading: Reading
    timed: bool
    resumed: bool


@dataclass
class Gathered:
    """What some messages hold: readings, kept ones apart, refusals, and a tag for each new name."""

    readings: list[Reading] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    refused: list[Rejection] = field(default_factory=list)
    tags: dict[str, Tag] = field(default_factory=dict)
    left_out: int = 0
    """Optional values that were not there."""


class _Refusal(Exception):
    """Why a value is no reading."""

    def __init__(self, reason: Reason, detail: str, time: object = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.time = time


class PayloadReader:
    """Of one source: `rows` say what the topics hold, `new_tags` whether patterns may name new tags.

    A topic that rows without wildcards name is read by these alone.
    """

    def __init__(self, source: str, rows: Sequence[TopicRow], new_tags: bool) -> None:
        self._source = source
        self._exact: dict[str, list[TopicRow]] = {}
        for row in rows:
            if not row.topic.wildcards:
                self._exact.setdefault(row.topic.plain, []).append(row)
        self._patterns = [row for row in rows if row.topic.wildcards]
        self._new_tags = new_tags
        self._by_topic: dict[str, tuple[tuple[TopicRow, dict[str, str]], ...]] = {}

    def read(self, message: Arrived, into: Gathered) -> None:
        """Add what this message holds; at least a reading, a refusal, or an optional value left out."""
        rows = self._rows_of(message.topic)
        if not rows:
            why = "no row of sources.toml is about this topic"
            self._refuse(message, into, "", _Refusal(Reason.MALFORMED, why))
            return
        document: object = None
        parsed = False
        for row, filling in rows:
            tag = row.tag.text if row.tag.fixed else ""
            try:
                if row.value is not None and not parsed:
                    document, parsed = _document(message.payload), True
                before = len(into.readings) + len(into.kept)
                self._read_row(message, row, filling, document, into)
                if len(into.readings) + len(into.kept) == before and row.optional:
                    into.left_out += 1
            except _Refusal as refusal:
                self._refuse(message, into, tag, refusal)
                if row.value is not None and not parsed:
                    return  # one refusal for a payload that is no JSON, however many rows would read it

    def _rows_of(self, topic: str) -> tuple[tuple[TopicRow, dict[str, str]], ...]:
        known = self._by_topic.get(topic)
        if known is None:
            matched = [(row, row.topic.match(topic)) for row in self._exact.get(topic, self._patterns)]
            known = tuple(
                (row, filling_of(topic, parts, row.tag)) for row, parts in matched if parts is not None
            )
            if len(self._by_topic) >= MOST_TOPICS:
                self._by_topic.clear()
            if len(topic) <= LONGEST:
                self._by_topic[topic] = known
        return known

    def _read_row(
        self, message: Arrived, row: TopicRow, filling: dict[str, str], document: object, into: Gathered
    ) -> None:
        """Add the readings of this row. Raises _Refusal."""
        if row.value is None:
            self._add(message, row, filling, _plain(message.payload), document, None, into)
            return
        if not row.value.repeats:
            value = _at(document, row.value, row)
            if value is not _LEFT_OUT:
                self._add(message, row, filling, _of_json(value, row), document, None, into)
            return
        base = _at(document, row.value, row, row.value.before)
        if base is _LEFT_OUT:
            return
        if isinstance(base, dict | list) and len(base) > MOST_READINGS:
            why = f"{len(base):,} readings in a message; at most {MOST_READINGS:,} are taken"
            raise _Refusal(Reason.MALFORMED, why)
        for key, element in _elements(base, row.value):
            try:
                value = _at(element, row.value, row, row.value.after)
                if value is not _LEFT_OUT:
                    own = {**filling, "key": key}
                    self._add(message, row, own, _of_json(value, row), document, (key, element), into)
            except _Refusal as refusal:
                refusal.detail = f"element {key[:40]}: {refusal.detail}"
                self._refuse(message, into, row.tag.text if row.tag.fixed else "", refusal)

    def _add(
        self,
        message: Arrived,
        row: TopicRow,
        filling: dict[str, str],
        value: float | str,
        document: object,
        element: tuple[str, object] | None,
        into: Gathered,
    ) -> None:
        """Add one reading. Raises _Refusal."""
        name = _name(row, filling, document, element)
        time = message.time
        if row.time is not None:
            raw = _beside(row.time, document, element)
            try:
                time = read_time(raw, row.time_unit, row.time_zone)
            except ValueError as error:
                raise _Refusal(Reason.BAD_TIMESTAMP, str(error), raw) from None
        quality = int(Quality.GOOD)
        if row.quality is not None:
            quality = _quality(_beside(row.quality, document, element))
        if isinstance(value, float) and math.isnan(value) and quality >> 30 != 2:
            raise _Refusal(Reason.NOT_A_NUMBER, "there is no value (null)")
        if message.retain and quality == Quality.GOOD:
            quality = LAST_USABLE
        if name not in into.tags and (self._new_tags or row.tag.fixed):
            into.tags[name] = _tag(name, row, value)
        reading = Reading(name, time, value, quality)
        if message.retain:
            into.kept.append(Kept(reading, row.time is not None, message.resumed))
        else:
            into.readings.append(reading)

    def _refuse(self, message: Arrived, into: Gathered, tag: str, refusal: _Refusal) -> None:
        time = timestamps.render(message.time) if refusal.time is None else refusal.time
        into.refused.append(
            Rejection(
                source=self._source,
                received=message.time,
                index=len(into.refused),
                tag=tag or _shown(message.topic),
                time=_shown(str(time)[: SHOWN + 1]),
                value=_shown(message.payload[: 4 * SHOWN].decode("utf-8", "replace")),
                reason=refusal.reason,
                detail=_storable(f"topic {_shown(message.topic)}: {refusal.detail}"),
            )
        )


_LEFT_OUT = object()


def _at(
    document: Any, path: JsonPath, row: TopicRow, steps: tuple[str | int | None, ...] | None = None
) -> Any:
    """What the path, or these steps of it, lead to; `_LEFT_OUT` if that is optional. Raises _Refusal."""
    try:
        return follow(document, path.steps if steps is None else steps)
    except NothingThere as nothing:
        if row.optional:
            return _LEFT_OUT
        raise _Refusal(Reason.MALFORMED, f"nothing at {path} ({nothing.at} is not there)") from None


def _elements(base: Any, path: JsonPath) -> Iterator[tuple[str, Any]]:
    try:
        yield from each(base)
    except NothingThere:
        raise _Refusal(Reason.MALFORMED, f"{path}: neither an array nor an object at [*]") from None


def _beside(path: JsonPath, document: object, element: tuple[str, object] | None) -> Any:
    """What this path leads to for the same element. Raises _Refusal."""
    try:
        if path.repeats and element is not None:
            return follow(element[1], path.after)
        return follow(document, path.steps)
    except NothingThere as nothing:
        raise _Refusal(Reason.MALFORMED, f"nothing at {path} ({nothing.at} is not there)") from None


def _name(
    row: TopicRow, filling: dict[str, str], document: object, element: tuple[str, object] | None
) -> str:
    """The name of the reading's tag. Raises _Refusal."""
    if row.tag.fixed:
        return row.tag.text
    own = dict(filling)
    for part, path in row.tag.paths.items():
        text = _beside(path, document, element)
        if isinstance(text, bool) or not isinstance(text, str | int):
            raise _Refusal(Reason.UNKNOWN_TAG, f"{part}, which is to name the tag, is no text")
        own[part] = str(text)[: SHOWN + 1] if isinstance(text, str) or abs(text) < 10**15 else ""
    name = row.tag.name(own)
    if not NAME.fullmatch(name):
        raise _Refusal(Reason.UNKNOWN_TAG, f"{_shown(name)!r} is no name of a tag; give the topic a row")
    return name


def _document(payload: bytes) -> object:
    """The JSON of a payload. Raises _Refusal."""
    text = _text(payload)
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise _Refusal(Reason.MALFORMED, "the payload is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _Refusal(Reason.MALFORMED, f"the payload is no JSON ({error.msg})") from None
    except ValueError as error:  # a number of thousands of digits
        raise _Refusal(Reason.MALFORMED, f"the payload cannot be read: {str(error)[:SHOWN]}") from None


def _text(payload: bytes) -> str:
    if len(payload) > LARGEST:
        raise _Refusal(Reason.MALFORMED, f"the payload has more than {LARGEST:,} bytes")
    if not payload.strip():
        raise _Refusal(Reason.NOT_A_NUMBER, "the payload is empty, as when a kept value is deleted")
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise _Refusal(Reason.MALFORMED, "the payload is not text in UTF-8") from None


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Refusal(Reason.MALFORMED, "the payload has a field twice")
    return fields


def _no_number(text: str) -> float:
    raise _Refusal(Reason.NOT_FINITE, f"{text} is not a number that can be stored")


_DECODER = json.JSONDecoder(object_pairs_hook=_fields, parse_constant=_no_number)


def _plain(payload: bytes) -> float | str:
    """The value that a whole payload is. Raises _Refusal."""
    text = _text(payload).strip()
    if _NUMBER.fullmatch(text):
        is_whole = text.lstrip("+-").isdigit() and len(text) <= _DIGITS
        return _whole(int(text)) if is_whole else _finite(float(text))
    if text.lower().lstrip("+-") in _NO_NUMBERS:
        raise _Refusal(Reason.NOT_FINITE, f"{text} is not a number that can be stored")
    if text.startswith(("{", "[")):
        raise _Refusal(Reason.MALFORMED, "the payload is JSON; name in value what to read of it")
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        text = text[1:-1]
    return _word(text)


def _of_json(value: object, row: TopicRow) -> float | str:
    """A value in JSON; NaN for null, which a bad quality may excuse. Raises _Refusal."""
    if isinstance(value, bool):
        return BOOLEAN[value]
    if isinstance(value, int):
        return _whole(value)
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, str):
        return _word(value)
    if value is None:
        return math.nan
    kind = "an object" if isinstance(value, dict) else "an array"
    raise _Refusal(Reason.NOT_A_NUMBER, f"{row.value} is {kind}; name in value what to read of it")


def _whole(value: int) -> float:
    """A whole number as it is stored. Raises _Refusal."""
    try:
        number = float(value)
    except OverflowError:
        raise _Refusal(Reason.NOT_FINITE, "the value is too large for a number") from None
    if int(number) != value:
        raise _Refusal(Reason.NOT_A_NUMBER, "this whole number is too large to be kept exactly")
    return number


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise _Refusal(Reason.NOT_FINITE, "the value is too large for a number")
    return value


def _word(text: str) -> str:
    word = text.strip()
    if not word:
        raise _Refusal(Reason.NOT_A_NUMBER, "the value is empty")
    if len(word) > LONGEST_STATE:
        why = f"the value is text of {len(word):,} characters; a state has at most {LONGEST_STATE}"
        raise _Refusal(Reason.NOT_A_NUMBER, why)
    if unfit := UNFIT.search(word):
        why = f"the value holds the invisible character U+{ord(unfit[0]):04X}"
        raise _Refusal(Reason.NOT_A_NUMBER, why)
    return word


def _quality(value: object) -> int:
    code = _TRUTHS[value] if isinstance(value, bool) else quality_of(value)
    if code is None:
        raise _Refusal(Reason.MALFORMED, f"the quality {_shown(str(value)[:SHOWN])!r} is not known")
    return code


def _tag(name: str, row: TopicRow, value: float | str) -> Tag:
    """The tag that this value would make."""
    kind = row.kind
    if not kind:
        kind = "number" if not isinstance(value, str) else "boolean" if value.lower() in BOOLEAN else "text"
    label = name.replace("_", " ").capitalize()
    return Tag(
        name,
        label,
        unit=row.unit if kind == "number" else "",
        simulated=False,
        kind=kind,
        states=BOOLEAN if kind == "boolean" else (),
    )


def _shown(text: str) -> str:
    """Received text as it can be stored, and not longer than it is read."""
    plain = _storable(text[: SHOWN + 1])
    return plain if len(plain) <= SHOWN else plain[:SHOWN] + "…"


def _storable(text: str) -> str:
    return text.replace("\x00", "␀").encode("utf-8", "replace").decode()
