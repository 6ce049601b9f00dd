"""A request sent again without a key: what it stored before is a duplicate, the rest is judged anew.

The last readings of each tag in memory find the duplicates of a small request. This finds those of a
request of any size, by what is kept beside the digest of its content: which of its rows were not stored.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensormon.ingest.groups import Outcome, Parsed, Refuse
from sensormon.ingest.refusals import ACCEPTED, code_of, places
from sensormon.model.readings import Reason


def unstored(outcome: Outcome) -> str:
    """The places in a request of the rows that were not stored, now or before: "2-2 7-9".

    `without_stored` reads it when the request is sent again.
    """
    return " ".join(f"{first}-{last}" for first, last in outcome.refused.without(Reason.DUPLICATE).ranges())


def without_stored(parsed: Parsed, open_places: str, refuse: Refuse) -> Parsed:
    """The request with every row refused as a duplicate but those in these places; see `unstored`."""
    ranges = [tuple(map(int, part.split("-"))) for part in open_places.split()]
    place = places(np.arange(len(parsed.batch)), parsed.positions)
    is_open = np.zeros(len(place), dtype=np.bool_)
    for first, last in ranges:
        is_open |= (place >= first) & (place <= last)
    reason = np.where(is_open, ACCEPTED, code_of(Reason.DUPLICATE)).astype(np.uint8)
    return replace(
        parsed,
        batch=parsed.batch.take(is_open),
        positions=place[is_open].tolist(),
        malformed=refuse(parsed.batch, reason, parsed.positions, parsed.malformed),
    )
