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
from sensormon.ingest.request_queue import Answer, Outcome, Parsed
from sensormon.ingest.validation import SHOWN, shown
from sensormon.model.format import counted
from sensormon.model.readings import Batch, Reading, Reason, Rejection

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
    413: "request too large",
    415: "invalid",
    422: "unprocessable entity",
    503: "unavailable",
}


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
    malformed: list[Rejection] = []
    index = 0

    def reject(tag: str, time: str, value: str, reason: Reason, detail: str) -> None:
        malformed.append(
            Rejection(SOURCE, arrived, index, shown(tag), shown(time), shown(value), reason, detail)
        )

    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip("\r ")
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            reject("", "", line, Reason.MALFORMED, f"line {number} is not line protocol")
            index += 1
            continue
        measurement, tagset, fieldset, stamp = match.groups()
        tags = dict(_TAG.findall(tagset)) if tagset else {}
        base = _plain(tags.get("tag") or tags.get("sensor") or measurement)
        time = to_microseconds(int(stamp)) if stamp else arrived
        for field, value, _ in _FIELD.findall(fieldset):
            name = base if field == "value" else f"{base}.{_plain(field)}"
            if _NUMBER.fullmatch(value):
                amount = float(value)
            elif _WHOLE.fullmatch(value) and len(value) < SHOWN:
                amount = float(int(value[:-1]))
            else:
                reject(name, stamp or "", value, Reason.NOT_A_NUMBER, f"line {number}: not a number")
                index += 1
                continue
            if abs(time) >= 2**62:
                reject(
                    name, stamp, value, Reason.BAD_TIMESTAMP, f"line {number}: no time in {precision or 'ns'}"
                )
            else:
                readings.append(Reading(name, time, amount))
                positions.append(index)
            index += 1
        if index > most:
            raise Problem(
                413, "too_many", f"more than {most:,} readings in one request", "Send smaller batches"
            )
    return Parsed(Batch.of(readings, source=SOURCE, received=arrived), positions, malformed)


def tell_lines(outcome: Outcome) -> Answer:
    """204, or 400 with the rejected lines. A duplicate is not an error, because senders retry."""
    bad = [rejection for rejection in outcome.rejected if rejection.reason is not Reason.DUPLICATE]
    if not bad:
        return Answer(204, b"")
    first = bad[0]
    where = first.tag or first.value
    detail = f"{where}: {first.reason}: {first.detail}"
    taken = len(outcome.score)
    return Answer(
        400,
        msgspec.json.encode(
            {
                "code": "invalid",
                "message": f"partial write: {counted(taken, 'reading')} stored, "
                f"{len(bad)} rejected, first: {detail}",
            }
        ),
    )


def line_problem(problem: Problem) -> bytes:
    """A problem in the form that InfluxDB's clients read."""
    content = {
        "code": _CODES.get(problem.status, "internal error"),
        "message": f"{problem.content['detail']}. {problem.content['hint']}",
    }
    return msgspec.json.encode(content)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
