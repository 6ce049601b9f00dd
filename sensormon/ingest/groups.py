"""Several requests as one batch, and the result of each.

Is: putting the readings of a group of requests together, so that one record of the journal holds
them, and taking the verdict apart again. Is not: which requests make a group; see `request_queue`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormon.ingest.pipeline import Judged
from sensormon.ingest.refusals import NOTHING, Codes, Refused
from sensormon.model.ledger import add_up
from sensormon.model.readings import Batch, Bools, Floats, Processed, Verdicts


@dataclass(frozen=True, eq=False)
class Parsed:
    """A request's readings, and its rows that are not valid readings.

    `positions` has the row in the request of each reading. `key` is the one in the body.
    `timed` says that each reading names its own time, so that the same request says the same again.
    """

    batch: Batch
    positions: Sequence[int]
    malformed: Refused = NOTHING
    key: str = ""
    timed: bool = False

    @property
    def rows(self) -> int:
        """How many rows the request had."""
        return len(self.batch) + len(self.malformed)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of one request: accepted row i has the id `first_id + i`.

    In `verdicts`, which is of all requests judged together, it is row `first + i`.
    """

    first_id: int
    score: Floats
    is_anomaly: Bools
    refused: Refused
    verdicts: Verdicts | None = None
    first: int = 0


Refuse = Callable[[Batch, Codes, Sequence[int], Refused], Refused]
"""Makes the refused rows of a request; see `Pipeline.refused`."""


def merge(requests: Sequence[Parsed]) -> Batch:
    """The readings of these requests as one batch."""
    if len(requests) == 1:
        return requests[0].batch
    codes: dict[str, int] = {}
    places: dict[str, int] = {}
    columns = []
    batches = [request.batch for request in requests]
    for batch in batches:
        mapped = [codes.setdefault(name, len(codes)) for name in batch.tags]
        columns.append(np.array(mapped, dtype=np.int32)[batch.tag] if mapped else batch.tag)
    return Batch(
        source=batches[0].source,
        received=max(batch.received for batch in batches),
        tags=tuple(codes),
        tag=np.concatenate(columns),
        time=np.concatenate([batch.time for batch in batches]),
        value=np.concatenate([batch.value for batch in batches]),
        quality=np.concatenate([batch.quality for batch in batches]),
        word=_words(batches, places) if any(batch.words for batch in batches) else None,
        words=tuple(places),
    )


def _words(batches: Sequence[Batch], places: dict[str, int]) -> NDArray[np.int32]:
    """The column of words of these batches together; fills `places` with the place of each word."""
    columns = []
    for batch in batches:
        if batch.word is None:
            columns.append(np.full(len(batch), -1, dtype=np.int32))
        else:
            mapped = [places.setdefault(word, len(places)) for word in batch.words]
            columns.append(np.array([*mapped, -1], dtype=np.int32)[batch.word])
    return np.concatenate(columns)


def split(requests: Sequence[Parsed], first_id: int, judged: Judged, refuse: Refuse) -> list[Outcome]:
    """The result of each of the requests that `merge` put together, with its own row numbers."""
    outcomes = []
    scores = judged.scores
    start = row = 0
    for request in requests:
        stop = start + len(request.batch)
        reason = judged.reason[start:stop]
        end = row + int(np.count_nonzero(reason == 0))
        refused = (
            request.malformed
            if end - row == stop - start
            else refuse(request.batch, reason, request.positions, request.malformed)
        )
        outcomes.append(
            Outcome(
                first_id + row,
                scores.score[row:end],
                scores.is_anomaly[row:end],
                refused,
                scores.verdicts,
                row,
            )
        )
        start, row = stop, end
    return outcomes


def together(judged: Judged, outcomes: Sequence[Outcome]) -> Processed:
    """What the journal keeps of these requests: of each the first refused rows, the others counted."""
    refused = [outcome.refused for outcome in outcomes if len(outcome.refused)]
    return Processed(
        accepted=judged.accepted,
        scores=judged.scores,
        settings=judged.settings,
        rejected=tuple(rejection for request in refused for rejection in request.listed),
        unlisted=add_up(*(request.unlisted() for request in refused)),
        words=judged.words,
    )
