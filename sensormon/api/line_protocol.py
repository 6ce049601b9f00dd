"""InfluxDB line protocol, as Telegraf's `outputs.influxdb_v2` writes it.

    measurement,tagset fieldset [timestamp]

Each field is a reading. Its tag is the value of the line's tag `tag` or `sensor`, otherwise
the measurement; a field that is not called `value` is added with a dot:

    fermenter_ph value=7.1                      fermenter_ph
    plant,sensor=fermenter_ph value=7.1         fermenter_ph
    cpu,host=a usage_idle=97.5                  cpu.usage_idle

Numbers are floats, or integers with `i` or `u`. Text and booleans are not readings and are
rejected. The timestamp is an integer in the requested precision; without one it is the time of
arrival. What it does not do: keep the other tags of a line, or read a text field with a line
break in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from sensormon.api.parsing import SOURCE
from sensormon.api.problems import Problem
from sensormon.ingest.groups import Outcome, Parsed
from sensormon.ingest.refusals import Refused
from sensormon.ingest.request_queue import Answer
from sensormon.ingest.validation import SHOWN, Refusing, shown
from sensormon.model.format import counted
from sensormon.model.readings import Batch, Reading, Reason

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
_TAG = re.compile(rf",({_NAME})=({_NAME})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+[iu]")
_ESCAPED = re.compile(r"\\([,= \\])")
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


_TWICE = "a tag is there twice"
RANGES = 20
"""An answer names this many ranges of rejected readings."""


def parse_lines(body: bytes, arrived: int, precision: str, most: int) -> Parsed:
    """The readings of these lines. Raises Problem if the body or the precision cannot be used."""
    to_microseconds = PRECISION.get(precision or "ns")
    if to_microseconds is None:
        raise Problem(400, "bad_precision", f"unknown precision {shown(precision)!r}", "Use ns, us, ms or s")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "malformed", "the body is not UTF-8", "Send line protocol in UTF-8") from None
    readings: list[Reading] = []
    positions: list[int] = []
    refusing = Refusing(SOURCE, arrived)
    index = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip("\r ")
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        tags = _tags(match[2]) if match else None
        if match is None or tags is None:
            problem = f"line {number} is not line protocol" if match is None else f"line {number}: {_TWICE}"
            refusing.add(index, Reason.MALFORMED, problem, value=line)
            index += 1
            continue
        measurement, _, fieldset, stamp = match.groups()
        base = _plain(tags.get("tag") or tags.get("sensor") or measurement)
        time = to_microseconds(int(stamp)) if stamp else arrived
        for field, value, _ in _FIELD.findall(fieldset):
            name = base if field == "value" else f"{base}.{_plain(field)}"
            amount = _number(value)
            if amount is None:
                reason, detail = Reason.NOT_A_NUMBER, f"line {number}: not a number"
                refusing.add(index, reason, detail, tag=name, time=stamp, value=value)
            elif abs(time) >= 2**62:
                reason, detail = Reason.BAD_TIMESTAMP, f"line {number}: no time in {precision or 'ns'}"
                refusing.add(index, reason, detail, tag=name, time=stamp, value=value)
            else:
                readings.append(Reading(name, time, amount))
                positions.append(index)
            index += 1
        if index > most:
            raise Problem(
                413, "too_many", f"more than {most:,} readings in one request", "Send smaller batches"
            )
    return Parsed(Batch.of(readings, source=SOURCE, received=arrived), positions, refusing.refused())


def _tags(tagset: str) -> dict[str, str] | None:
    """The tags of a line; None if it has one twice, which leaves open what it means."""
    pairs = _TAG.findall(tagset)
    tags = dict(pairs)
    return tags if len(tags) == len(pairs) else None


def _number(value: str) -> float | None:
    """The number, if it is one."""
    if _NUMBER.fullmatch(value):
        return float(value)
    if _WHOLE.fullmatch(value) and len(value) < SHOWN:
        return float(int(value[:-1]))
    return None


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
