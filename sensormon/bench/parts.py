"""Which part of the way of a request takes how much of the processor.

`timed` puts a watch on a function; a thread's watches are exclusive: what a function's own watched calls take
counts for those alone. A watch costs half a microsecond of a call. What it is not: a profile of everything;
what no watch covers is the rest of its thread.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensormon.bench.server import seconds_in
from sensormon.model.durable_files import replace_file

NOTES = "parts.json"
"""The file in a data folder that has them."""
EVERY = 0.1
"""Seconds between two notes."""


@dataclass(frozen=True)
class Spent:
    """Until a moment: how many requests there were, and seconds of the processor by part."""

    requests: int
    seconds: Mapping[str, float]

    def since(self, before: Spent) -> Spent:
        """What was spent after that moment."""
        return Spent(
            self.requests - before.requests,
            {part: seconds - before.seconds.get(part, 0.0) for part, seconds in self.seconds.items()},
        )


def microseconds_a_request(processes: Sequence[Spent]) -> dict[str, float]:
    """What each part took of each request, over these processes together."""
    requests = max(1, sum(spent.requests for spent in processes))
    parts = dict.fromkeys(part for spent in processes for part in spent.seconds)
    return {part: sum(spent.seconds.get(part, 0.0) for spent in processes) / requests * 1e6 for part in parts}


class Watches:
    """Those of one process. `counted` is the part whose calls are the requests.

    `threads` names what is left of the threads that call `here`, `rest` all other threads.
    """

    def __init__(self, counted: str, rest: str) -> None:
        self._counted = counted
        self._rest = rest
        self._lock = threading.Lock()
        self._calls = 0
        self._seconds: dict[str, float] = {}
        self._threads: dict[str, int] = {}
        self._within: dict[str, float] = {}
        self._local = threading.local()

    def here(self, part: str) -> None:
        """What this thread takes beyond its watched functions is this part."""
        self._local.part = part
        self._threads[part] = threading.get_native_id()

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a watch."""

        @functools.wraps(function)
        def watched(*arguments: Any, **named: Any) -> Any:
            local = self._local
            outer, local.inner = getattr(local, "inner", 0.0), 0.0
            began = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                took = time.thread_time() - began
                own, local.inner = took - local.inner, outer + took
                with self._lock:
                    self._calls += part == self._counted
                    self._seconds[part] = self._seconds.get(part, 0.0) + own
                    if thread := getattr(local, "part", ""):
                        self._within[thread] = self._within.get(thread, 0.0) + own

        return watched

    def spent(self) -> Spent:
        """Until now. Raises OSError once one of the threads has ended."""
        with self._lock:
            seconds = dict(self._seconds)
            for part, thread in self._threads.items():
                whole = seconds_in(Path(f"/proc/self/task/{thread}/stat"))
                seconds[part] = whole - self._within.get(part, 0.0)
            seconds[self._rest] = time.process_time() - sum(seconds.values())
            return Spent(self._calls, seconds)

    def keep_noting(self, path: Path) -> None:
        """Write into this file what was spent until now, until the threads end."""
        with suppress(OSError):
            while True:
                spent = self.spent()
                replace_file(path, json.dumps([spent.requests, spent.seconds]).encode())
                time.sleep(EVERY)


def noted(path: Path) -> Spent:
    """The last note in this file. Raises OSError if there is none."""
    requests, seconds = json.loads(path.read_bytes())
    return Spent(requests, seconds)
