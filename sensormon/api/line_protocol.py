"""InfluxDB line protocol, as Telegraf's `outputs.influxdb_v2` writes it.

    measurement,tagset fieldset [timestamp]

Each field is a reading, named by a rule (`model/line_tags.py`). Without one its tag is the value
of the line's tag `tag` or `sensor`, otherwise the measurement; a field that is not called `value`
is added with a dot:

    fermenter_ph value=7.1                      fermenter_ph
    plant,sensor=fermenter_ph value=7.1         fermenter_ph
    cpu,host=a usage_idle=97.5                  cpu.usage_idle

Numbers are floats, or integers with `i` or `u`; text and booleans are the words of states. The
field `quality`, in any case, is the quality of the other fields of its line. The timestamp is an
integer in the requested precision; without one it is the time of arrival. Lines of several series
that give one tag two readings at one time are rejected. What it does not do: keep the other tags
of a line, or read a text field with a line break in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from sensormon.api.parsing import SOURCE
from sensormon.api.problems import Problem
from sensormon.ingest.groups import Outcome, Parsed
from sensormon.ingest.refusals import LISTED, Refused, code_of
from sensormon.ingest.request_queue import Answer
from sensormon.ingest.validation import SHOWN, Refusing, rendered, shown, unknown_quality, wrong_word
from sensormon.model.format import counted
from sensormon.model.line_tags import DEFAULT_LINE_TAG, LineTag, MissingPart
from sensormon.model.qualities import quality_of
from sensormon.model.readings import Batch, Quality, Reading, Reason, Rejection
from sensormon.model.tags import BOOLEAN

PRECISION: dict[str, Callable[[int], int]] = {
    "ns": lambda time: time // 1_000,
    "us": lambda time: time,
    "ms": lambda time: time * 1_000,
    "s": lambda time: time * 1_000_000,
}
"""How to convert a timestamp to microseconds, by the name of its precision."""

_NAME = r"(?:\\.|[^\\,= ])+"
_TEXT = r'"(?:\\.|[^"\\])*"'
_FIELD = re.compile(rf"({_NAME})=({_TEXT}|[^\", ]+)(,|$)")
_LINE = re.compile(
    rf"((?:\\.|[^\\, ])+)((?:,{_NAME}={_NAME})*) +({_NAME}=(?:{_TEXT}|[^\", ]+)"
    rf"(?:,{_NAME}=(?:{_TEXT}|[^\", ]+))*)(?: +(-?\d{{1,19}}))? *"
)
_HEAD = re.compile(rf"((?:\\.|[^\\, ])+)((?:,{_NAME}={_NAME})*)")
_TAG = re.compile(rf",({_NAME})=({_NAME})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+[iu]")
_BOOLEANS = {"t": True, "T": True, "true": True, "True": True, "TRUE": True} | {
    "f": False,
    "F": False,
    "false": False,
    "False": False,
    "FALSE": False,
}
_ESCAPED = re.compile(r"\\([,= \\])")
_ESCAPED_TEXT = re.compile(r'\\(["\\])')
_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    408: "request timeout",
    413: "request too large",
    415: "invalid",
    422: "unprocessable entity",
    429: "too many requests",
    503: "unavailable",
}


QUALITY = "quality"
"""The field with the quality of its line's readings, in any case."""
_Field = tuple[str, str, str]
"""The name of a field, its value, and what separates it from the next, as written."""
_TWICE = "a tag is there twice"
RANGES = 20
"""An answer names this many ranges of rejected readings."""


def line_tag(rule: str) -> LineTag:
    """The rule of a request. Raises Problem if it cannot be used."""
    try:
        return LineTag(rule)
    except ValueError as error:
        hint = "Use a rule such as {host}.{measurement}.{field}"
        raise Problem(400, "bad_rule", f"tag={shown(rule)!r}: {error}", hint) from None


def parse_lines(
    body: bytes, arrived: int, precision: str, most: int, rule: LineTag = DEFAULT_LINE_TAG
) -> Parsed:
    """The readings of these lines. Raises Problem if the body or the precision cannot be used."""
    if (precision or "ns") not in PRECISION:
        raise Problem(400, "bad_precision", f"unknown precision {shown(precision)!r}", "Use ns, us, ms or s")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "malformed", "the body is not UTF-8", "Send line protocol in UTF-8") from None
    lines = _Lines(arrived, precision or "ns", rule)
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip("\r ")
        if line and not line.startswith("#"):
            lines.add(number, line)
        if lines.count > most:
            raise Problem(
                413, "too_many", f"more than {most:,} readings in one request", "Send smaller batches"
            )
    return lines.parsed()


class _Lines:
    """The readings of the lines of one request, which are added one by one."""

    def __init__(self, arrived: int, precision: str, rule: LineTag) -> None:
        self.count = 0
        """The readings so far, refused ones too."""
        self._arrived = arrived
        self._precision = precision
        self._to_microseconds = PRECISION[precision]
        self._rule = rule
        self._readings: list[Reading] = []
        self._positions: list[int] = []
        self._refusing = Refusing(SOURCE, arrived)
        self._timed = True
        self._origin: list[tuple[int, str]] = []
        """Of each reading its line's number and series, as written."""
        self._series: dict[str, str] = {}
        """The first series of each tag."""
        self._shared = False
        """Whether a tag has readings of several series."""

    def add(self, number: int, line: str) -> None:
        """Add the line with this number."""
        match = _LINE.fullmatch(line)
        tags = _tags(match[2]) if match else None
        if match is None or tags is None:
            detail = f"line {number} is not line protocol" if match is None else f"line {number}: {_TWICE}"
            self._refuse(Reason.MALFORMED, detail, value=line)
            return
        measurement, _, fieldset, stamp = match.groups()
        fields = _FIELD.findall(fieldset)
        quality, said = int(Quality.GOOD), []
        if QUALITY in fieldset.casefold():
            said = [field for field in fields if _plain(field[0]).casefold() == QUALITY]
            fields = [field for field in fields if field not in said]
        try:
            if not fields:
                raise ValueError("there is a quality and no value")
            if said:
                quality = _quality(said)
            names = self._names(_plain(measurement), tags, fields)
        except ValueError as error:
            for name, value, _ in fields or said[:1]:
                detail = f"line {number}: {error}"
                self._refuse(Reason.MALFORMED, detail, time=stamp, value=f"{name}={value}")
            return
        time = self._to_microseconds(int(stamp)) if stamp else self._arrived
        if not stamp:
            self._timed = False
        series = line[: match.end(2)]
        origin = number, series
        for name, (_, value, _) in zip(names, fields, strict=True):
            amount, detail = _amount(value)
            if detail:
                reason, detail = Reason.NOT_A_NUMBER, f"line {number}: {detail}"
                self._refuse(reason, detail, tag=name, time=stamp, value=value)
            elif abs(time) >= 2**62:
                reason, detail = Reason.BAD_TIMESTAMP, f"line {number}: no time in {self._precision}"
                self._refuse(reason, detail, tag=name, time=stamp, value=value)
            else:
                if self._series.setdefault(name, series) != series:
                    self._shared = True
                self._origin.append(origin)
                self._readings.append(Reading(name, time, amount, quality))
                self._positions.append(self.count)
                self.count += 1

    def _names(self, measurement: str, tags: Mapping[str, str], fields: Sequence[_Field]) -> list[str]:
        """The tags of these fields. Raises ValueError if the rule does not give each its own."""
        rule = self._rule
        try:
            names = [rule.name(measurement, tags, _plain(field)) for field, _, _ in fields]
        except MissingPart as missing:
            raise ValueError(
                f"it has no tag {shown(missing.part)!r}, which the rule {rule.rule} needs"
            ) from None
        if len(names) > 1 and len(set(names)) < len({field for field, _, _ in fields}):
            raise ValueError(f"the rule {rule.rule} gives several of its fields one tag")
        return names

    def _refuse(
        self, reason: Reason, detail: str, *, tag: str = "", time: str | None = None, value: str = ""
    ) -> None:
        self._refusing.add(self.count, reason, detail, tag=tag, time=time, value=value)
        self.count += 1

    def parsed(self) -> Parsed:
        """The readings, and those that were refused."""
        batch = Batch.of(self._readings, source=SOURCE, received=self._arrived)
        refused = self._refusing.refused()
        clashes = self._clashes() if self._shared else {}
        if not clashes:
            return Parsed(batch, self._positions, refused, timed=self._timed)
        rows = np.array(sorted(clashes), dtype=np.int64)
        taken = np.ones(len(batch), dtype=np.bool_)
        taken[rows] = False
        positions = np.array(self._positions, dtype=np.int64)
        reasons = np.full(len(rows), code_of(Reason.MALFORMED), dtype=np.uint8)
        refused = refused.joined(
            rows,
            positions[rows],
            reasons,
            LISTED,
            lambda row, position: self._clash(row, position, clashes[row]),
        )
        return Parsed(batch.take(taken), positions[taken].tolist(), refused, timed=self._timed)

    def _clashes(self) -> dict[int, tuple[int, int]]:
        """The rows of readings of one tag and time from several series, each with two of these lines."""
        first: dict[tuple[str, int], int] = {}
        clashes: dict[int, tuple[int, int]] = {}
        for row, (reading, (number, series)) in enumerate(zip(self._readings, self._origin, strict=True)):
            before = first.setdefault((reading.tag, reading.time), row)
            earlier, other = self._origin[before]
            if other != series and _series(other) != _series(series):
                clashes.setdefault(before, (earlier, number))
                clashes[row] = earlier, number
        return clashes

    def _clash(self, row: int, position: int, lines: tuple[int, int]) -> Rejection:
        reading = self._readings[row]
        return Rejection(
            source=SOURCE,
            received=self._arrived,
            index=position,
            tag=shown(reading.tag),
            time=rendered(reading.time),
            value=shown(reading.value),
            reason=Reason.MALFORMED,
            detail=f"lines {lines[0]} and {lines[1]} give this tag at the same time, from different series; "
            "set SENSORMON_LINE_TAG so that each has a tag of its own, such as {host}.{measurement}.{field}",
        )


def _series(head: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """The measurement and the tags of a line from what is before its fields."""
    match = _HEAD.fullmatch(head)
    return (match[1], frozenset(_TAG.findall(match[2]))) if match else (head, frozenset())


def _quality(said: Sequence[_Field]) -> int:
    """The status code in the fields `quality` of a line. Raises ValueError for several, or an unknown one."""
    if len(said) > 1:
        raise ValueError("the quality is there twice")
    _, text, _ = said[0]
    value, detail = _amount(text)
    quality = None if detail or text in _BOOLEANS else quality_of(value)
    if quality is None:
        raise ValueError(unknown_quality(_text(text) if text.startswith('"') else text))
    return quality


def _tags(tagset: str) -> dict[str, str] | None:
    """The tags of a line; None if it has one twice, which leaves open what it means."""
    if not tagset:
        return {}
    pairs = _TAG.findall(tagset)
    if "\\" in tagset:
        pairs = [(_plain(name), _plain(value)) for name, value in pairs]
    tags = dict(pairs)
    return tags if len(tags) == len(pairs) else None


def _amount(value: str) -> tuple[float | str, str]:
    """The number or word of a field, or why it has neither."""
    if _NUMBER.fullmatch(value):
        return float(value), ""
    if _WHOLE.fullmatch(value) and len(value) < SHOWN:
        return float(int(value[:-1])), ""
    if value in _BOOLEANS:
        return BOOLEAN[_BOOLEANS[value]], ""
    if not value.startswith('"'):
        return 0.0, "not a number"
    word = _text(value)
    return word, wrong_word(word)


def _text(value: str) -> str:
    """The text in the quotation marks of a field."""
    text = value[1:-1]
    return (_ESCAPED_TEXT.sub(r"\1", text) if "\\" in text else text).strip()


def tell_lines(outcome: Outcome) -> Answer:
    """204, or 400 with the rejected readings. A duplicate is not an error, because senders retry."""
    counts = outcome.refused.counts()
    counts.pop(Reason.DUPLICATE, None)
    if not counts:
        return Answer(204, b"")
    taken = len(outcome.score)
    words = [f"partial write: {counted(taken, 'reading')} stored, {sum(counts.values()):,} rejected"]
    first = next((row for row in outcome.refused.listed if row.reason is not Reason.DUPLICATE), None)
    if first is not None:
        words.append(f"first: {first.tag or first.value}: {first.reason}: {first.detail}")
    if sum(counts.values()) > 1:
        words += [f"{count:,} {reason}" for reason, count in counts.items()]
        words.append(_places(outcome.refused))
    return Answer(400, msgspec.json.encode({"code": "invalid", "message": ", ".join(words)}))


def _places(refused: Refused) -> str:
    """Which readings of the request were rejected, counted from 1; bounded."""
    ranges = refused.without(Reason.DUPLICATE).ranges()
    texts = [
        f"{first + 1}" if first == last else f"{first + 1}-{last + 1}" for first, last in ranges[:RANGES]
    ]
    more = f" and {len(ranges) - RANGES} more ranges" if len(ranges) > RANGES else ""
    return f"readings {' '.join(texts)}{more} of the request"


def line_problem(problem: Problem) -> bytes:
    """A problem in the form that InfluxDB's clients read."""
    content = {
        "code": _CODES.get(problem.status, "internal error"),
        "message": f"{problem.content['detail']}. {problem.content['hint']}",
    }
    return msgspec.json.encode(content)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
