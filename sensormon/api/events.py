"""The route that gives out events: stretches of flagged readings, with what people did with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Query, Request

from sensormon.api import openapi
from sensormon.api.answers import Answer
from sensormon.api.context import READER, address_of, context_of, is_known
from sensormon.api.formats import PART
from sensormon.api.readers import readers_of
from sensormon.api.reads import Since, Tags, Until, tags_to_read
from sensormon.api.times import time_in
from sensormon.events.reader import MOST_FLAGS
from sensormon.ingest.validation import EARLIEST
from sensormon.model import timestamps

router = APIRouter()


@router.get("/events", dependencies=READER, tags=["read"], **openapi.EVENTS)
def events(
    request: Request,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, Query(ge=1, le=MOST_FLAGS, description="At most this many, the newest.")] = 1_000,
) -> Answer:
    """Events with a flagged reading in this span, the newest first; `complete` is false if older ones are
    left out. The numbers from `value` to `upper` are those of the peak."""
    monitor, readers = context_of(request).monitor, readers_of(request)
    tags = tags_to_read(request, monitor, tag)
    span = time_in("since", since, EARLIEST), time_in("until", until, timestamps.FOREVER)
    address, known = address_of(request), is_known(request)
    if not known:
        readers.budget.check(address)

    def begin() -> Iterator[bytes]:
        frame = monitor.events.between(tags, *span)
        whole = frame.attrs["complete"] and len(frame) <= limit
        frame = frame.drop(columns=["ids"]).iloc[:limit]
        if not known:
            readers.budget.charge(address, len(frame))
        return _written(frame, whole)

    turns = readers.known if known else readers.unknown
    return Answer(begin, turns.turn(address), "application/json", {})


def _written(events: pd.DataFrame, whole: bool) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    opening = b'{"complete":' + encode(whole) + b',"events":['
    for start in range(0, len(events), PART):
        table = pa.Table.from_pandas(events.iloc[start : start + PART], preserve_index=False)
        for place, field in enumerate(table.schema):
            if pa.types.is_timestamp(field.type):
                text = pc.strftime(table.column(place), format="%Y-%m-%dT%H:%M:%SZ")
                table = table.set_column(place, field.name, text)
        yield opening + encode(table.to_pylist())[1:-1]
        opening = b","
    yield opening + b"]}" if events.empty else b"]}"
