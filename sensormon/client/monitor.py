"""A monitor that runs elsewhere, asked over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa

from sensormon.client.connection import Connection, Parameters, Sleep
from sensormon.client.readings import Row, Written, bodies, checked_key, written
from sensormon.model.errors import MonitorAway, UsageError

Moment = str | datetime | None
Tags = str | Sequence[str] | None

_TIMES = ("start", "end", "peak_time", "acted", "shelved_until")


class Monitor:
    """The monitor whose pages are at `url`, with an API token or without.

    `timeout` (s) is for each step of a request: to connect, to send, to wait for the next bytes. What did not
    arrive, or is to come later, is sent up to five times, which `sleep` (s) waits for. Times are with their
    zone, in UTC; those given may be texts (ISO 8601, UTC without a zone) or datetimes with a zone.

    Every method raises MonitorAway (no answer), Forbidden (the token), UsageError (a wrong request),
    Overloaded and AboveShare (come again later). Use it in one thread, and close it or use it in a `with`
    statement.
    """

    def __init__(
        self, url: str, token: str | None = None, *, timeout: float = 30.0, sleep: Sleep = time.sleep
    ) -> None:
        self._connection = Connection(url, token, timeout, sleep)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def tags(self) -> pd.DataFrame:
        """The tags that may be read, by name: label, unit, group, valid and normal (pairs), resolution, kind,
        states, simulated, profile."""
        columns = ["name", "label", "unit", "group", "valid", "normal", "resolution", "kind", "states"]
        rows = self._connection.json("/tags")
        return pd.DataFrame(rows, columns=[*columns, "simulated", "profile"]).set_index("name")

    def data(
        self, tags: Tags = None, since: Moment = None, until: Moment = None, limit: int = 1_000
    ) -> pd.DataFrame:
        """The newest `limit` readings with since <= time < until, in order of arrival, by their own time.

        The columns are those of `GET /api/data`; a number that is not known is NaN. If there are tags of
        states, the column `state` has their words. More than 100,000 rows need a token.
        """
        return self._readings("/data", tags, since, until, limit)

    def anomalies(
        self, tags: Tags = None, since: Moment = None, until: Moment = None, limit: int = 1_000
    ) -> pd.DataFrame:
        """Like `data`, of the flagged readings."""
        return self._readings("/anomalies", tags, since, until, limit)

    def events(
        self, tags: Tags = None, since: Moment = None, until: Moment = None, limit: int = 1_000
    ) -> pd.DataFrame:
        """The newest `limit` events with a flagged reading in the span, the newest first, by their id.

        `attrs["complete"]` is False if older ones are left out.
        """
        answer = self._connection.json("/events", _asked(tags, since, until, limit))
        names = list(answer["events"][0]) if answer["events"] else ["id", "tag", *_TIMES]
        frame = pd.DataFrame(answer["events"], columns=names)
        for name in _TIMES:
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601").astype(
                "datetime64[us, UTC]"
            )
        frame = frame.set_index("id")
        frame.attrs["complete"] = bool(answer["complete"])
        return frame

    def stats(self) -> dict[str, Any]:
        """The ledger: received = stored + rejected + dead_lettered + pending."""
        ledger: dict[str, Any] = self._connection.json("/stats")
        return ledger

    def health(self) -> dict[str, Any]:
        """The state, also of a monitor that cannot take or store readings: `status` and `problems`."""
        health: dict[str, Any] = self._connection.json("/health", accepted=(200, 503))
        return health

    def write(self, readings: pd.DataFrame | Iterable[Row], *, key: str | None = None) -> Written:
        """Write readings: a frame, or mappings, with tag and value, and with timestamp and quality if known.

        What is accepted is on disk when this returns. It is sent in parts of 10,000 under a key, so however
        often a part has to be sent, the monitor stores it once. If this raises, call it again with the same
        key and the same readings within 24 hours: what was stored before is not stored again. Without a key
        each call makes one, so that only its own tries are safe. Readings without a timestamp get the time at
        which they arrive. Needs a token that writes.
        """
        key = checked_key(str(uuid4()) if key is None else key)
        return written(
            key,
            [
                self._connection.post("/ingest/batch", body, {"Idempotency-Key": f"{key}.{part}"})
                for part, body in enumerate(bodies(readings))
            ],
        )

    def _readings(self, path: str, tags: Tags, since: Moment, until: Moment, limit: int) -> pd.DataFrame:
        asked = [*_asked(tags, since, until, limit), ("format", "arrow")]

        def read(body: Any) -> pa.Table:
            try:
                with pa.ipc.open_stream(body) as stream:
                    return stream.read_all()
            except (pa.ArrowInvalid, OSError):  # the latter if it ends within a record batch
                raise MonitorAway(
                    "the answer ended early, or did not come from a monitor",
                    where=self._connection.url,
                    hint="Try again; look at the monitor's log",
                ) from None

        frame: pd.DataFrame = self._connection.stream(path, asked, read).to_pandas()
        return frame.set_index("timestamp")


def _asked(tags: Tags, since: Moment, until: Moment, limit: int) -> Parameters:
    names = [tags] if isinstance(tags, str) else tags or []
    parameters = [("tag", name) for name in names]
    for name, moment in (("since", since), ("until", until)):
        if moment is not None:
            parameters.append((name, _text(name, moment)))
    return [*parameters, ("limit", str(limit))]


def _text(name: str, moment: str | datetime) -> str:
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise UsageError(
            f"{moment} has no time zone", where=name, hint="Give it one, or an ISO 8601 text, which is UTC"
        )
    return moment.isoformat()
