"""What a message that was seen could become: its values, the paths to them, and the tags they would be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sensormon.model.json_text import read_json
from sensormon.model.tags import BOOLEAN, LONGEST_STATE, UNFIT, Tag
from sensormon.sources.connected import Offer
from sensormon.sources.mqtt.json_path import DEEPEST, LONGEST, Step, written
from sensormon.sources.mqtt.kind import MqttSource
from sensormon.sources.mqtt.payloads import Gathered, PayloadReader
from sensormon.sources.mqtt.times import read_time
from sensormon.sources.mqtt.waiting import LARGEST, Arrived

SHOWN = 80
"""Characters of a value that are shown."""
MOST_VALUES = 30
"""Of one message."""
_DEPTH = 6
_TIMES = re.compile(r"t|ts|time|timestamp|datetime|date_time|at|when|sourcetimestamp", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.:/-]+")


def offers_of(message: Arrived, config: MqttSource) -> list[Offer]:
    """An offer for each value of this message; one without a tag for a payload that holds none.

    The address is the topic, and behind a space the path of the value if it is in JSON; `row_of` takes it
    apart again. The tag is what the source's rows make of it, otherwise a proposal.
    """
    document = _document(message.payload)
    kept = "kept by the broker" if message.retain else ""
    if not isinstance(document, dict | list):
        value, kind = _plain(message.payload)
        tag = _own(message, config) or (_tag(_name(message.topic, ()), kind) if kind else None)
        return [Offer(message.topic, message.topic, False, tag, value, kept)]
    leaves = list(_leaves(document, ()))[:MOST_VALUES]
    times = [steps for steps, value in leaves if _is_time(steps, value)]
    values = [(steps, value) for steps, value in leaves if steps not in times]
    offers = []
    for steps, value in values:
        path = written(steps)
        time = next((at for at in times if _shares(at, steps)), None)
        details = [kept, f"time {written(time)}" if time is not None else "no time in it"]
        name = _name(message.topic, steps if len(values) > 1 else ())
        own = _own(message, config, path) or _tag(name, _kind(value))
        shown = json.dumps(value, ensure_ascii=False)
        offers.append(
            Offer(
                f"{message.topic} {path}",
                f"{message.topic} {path}",
                False,
                own,
                shown[:SHOWN],
                ", ".join(detail for detail in details if detail),
            )
        )
    whole = message.payload[:SHOWN].decode("utf-8", "replace")
    return offers or [Offer(message.topic, message.topic, False, None, whole, "no value in it")]


def row_of(address: str, detail: str = "") -> dict[str, str]:
    """The keys `topic`, `value` and `time` of an offer, for the table of sources.toml.

    >>> row_of("site/a $.v", "time $.t")
    {'topic': 'site/a', 'value': '$.v', 'time': '$.t'}
    """
    topic, _, path = address.rpartition(" $")
    if not topic:
        return {"topic": address}
    row = {"topic": topic, "value": f"${path}"}
    time = re.search(r"(?:^|, )time (\$.*)$", detail)
    return {**row, "time": time[1]} if time else row


def _document(payload: bytes) -> Any:
    """The JSON of a payload, None if it is none."""
    if len(payload) > LARGEST:
        return None
    try:
        return read_json(payload)
    except ValueError:
        return None


def _leaves(document: Any, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Values that may be readings or times; of an array of objects those of the first element."""
    if len(steps) > min(_DEPTH, DEEPEST) or len(written(steps)) > LONGEST:
        return
    if isinstance(document, dict):
        for name in list(document)[:MOST_VALUES]:
            if name and name.isprintable():
                yield from _leaves(document[name], (*steps, name))
    elif isinstance(document, list):
        if document and isinstance(document[0], dict) and None not in steps:
            yield from _leaves(document[0], (*steps, None))
        else:
            for place, element in enumerate(document[:3]):
                yield from _leaves(element, (*steps, place))
    elif isinstance(document, bool | int | float) or (
        isinstance(document, str) and 0 < len(document) <= LONGEST_STATE and not UNFIT.search(document)
    ):
        yield steps, document


def _is_time(steps: tuple[Step, ...], value: object) -> bool:
    last = next((step for step in reversed(steps) if isinstance(step, str)), "")
    if not _TIMES.fullmatch(last):
        return False
    try:
        read_time(value)
    except ValueError:
        return False
    return True


def _shares(time: tuple[Step, ...], value: tuple[Step, ...]) -> bool:
    """Whether a time can be that of a value: in the same element, or outside of arrays."""
    if None not in time:
        return True
    before = time[: time.index(None) + 1]
    return value[: len(before)] == before


def _own(message: Arrived, config: MqttSource, path: str = "") -> Tag | None:
    """The tag that the source's rows make of this value."""
    rows = [row for row in config.topics if (str(row.value) if row.value else "") == path]
    gathered = Gathered()
    PayloadReader(config.name, rows, new_tags=True).read(message, gathered)
    return next(iter(gathered.tags.values()), None)


def _plain(payload: bytes) -> tuple[str, str]:
    """The value of a whole payload as it is shown, and what kind of tag it would be; "" for none."""
    try:
        text = payload[: LONGEST_STATE + 1].decode().strip()
    except UnicodeDecodeError:
        return f"{len(payload):,} bytes that are no text", ""
    if _NUMBER.fullmatch(text):
        return text[:SHOWN], "number"
    if not text or len(text) > LONGEST_STATE or UNFIT.search(text):
        return UNFIT.sub(" ", text)[:SHOWN], ""
    return text[:SHOWN], "boolean" if text.lower() in BOOLEAN else "text"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def _tag(name: str, kind: str) -> Tag:
    states = BOOLEAN if kind == "boolean" else ()
    label = name.replace("_", " ").capitalize()
    return Tag(name, label, simulated=False, kind=kind, states=states)


def _name(topic: str, steps: tuple[Step, ...]) -> str:
    """A name for a tag: the topic, and the last step to the value if the topic has several."""
    last = next((step for step in reversed(steps) if isinstance(step, str)), "")
    name = _NOT_IN_NAMES.sub("_", f"{topic}/{last}" if last else topic).strip("_.:/-")
    return name[-100:].strip("_.:/-") or "tag"
