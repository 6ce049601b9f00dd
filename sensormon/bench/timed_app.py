"""`app.py` without its pages and with a watch on each part of a write, for `bench scale`.

It notes what they took in the file `NOTES` of its data folder.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from sensormon.api import server, writes
from sensormon.bench.parts import NOTES, Watches
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.request_queue import RequestQueue
from sensormon.ingest.tag_memory import TagMemory
from sensormon.ingest.validation import ValidRanges
from sensormon.journal.journal import Journal
from sensormon.model import garbage
from sensormon.monitor import runtime

HTTP = "HTTP: reading, token, sending"
BODY = "body to columns"
VALIDATION = "validation and duplicates"
SCORING = "scoring"
JOURNAL = "journal"
ANSWER = "wording the answer"
QUEUE = "grouping, known answers, totals"
REST = "loader, checkpoints, all else"
_WATCHED = (
    (BODY, writes, "parse_single"),
    (BODY, writes, "digest_of"),
    (ANSWER, writes, "tell_single"),
    (VALIDATION, ValidRanges, "check"),
    (VALIDATION, ValidRanges, "codes"),
    (VALIDATION, TagMemory, "duplicates"),
    (SCORING, Pipeline, "judge"),
    (JOURNAL, Journal, "append"),
)


def _watch(watches: Watches) -> None:
    run = RequestQueue.run

    def running(queue: RequestQueue, stopping: threading.Event) -> None:
        watches.here(QUEUE)
        run(queue, stopping)

    for part, place, name in _WATCHED:
        _put(place, name, watches.timed(part, getattr(place, name)))
    _put(RequestQueue, "run", running)


def _put(place: object, name: str, function: Callable[..., Any]) -> None:
    setattr(place, name, function)


watches = Watches(ANSWER, REST)
_watch(watches)
server.build_or_exit()
_started = server.lifespan(port=lambda: st.get_option("server.port"))


@asynccontextmanager
async def lifespan(of: object) -> AsyncIterator[None]:
    """The server's own, whose thread is the one that talks HTTP."""
    watches.here(HTTP)
    async with _started(of):
        path = Path(runtime.monitor().settings.data_dir, NOTES)
        threading.Thread(target=watches.keep_noting, args=(path,), daemon=True).start()
        yield


app = st.App(
    __file__,
    lifespan=lifespan,
    middleware=server.middleware(),
    exception_handlers=server.exception_handlers(),
)
garbage.look_seldom()
