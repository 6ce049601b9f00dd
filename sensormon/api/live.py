"""The feed of the Live board; undocumented, as it changes with the board."""

from __future__ import annotations

import gzip
import hmac
from collections.abc import Callable
from typing import Annotated
from weakref import WeakKeyDictionary

import msgspec
from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from sensormon.api.context import Context, address_of, check_whole_reader
from sensormon.api.readers import WAITING, Turns
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.view.live_feed import LiveFeed

MOST_TAGS = 40
LONGEST = 86_400
BOARDS = 2
"""Whole boards that are made at once: a day of many readings takes some 90 MB meanwhile."""
COMPRESSED = 2_000
"""Answers of more bytes are compressed: a whole span of readings, the strip of many tags."""

Tags = Annotated[list[str], Query(max_length=MOST_TAGS)]
Span = Annotated[int, Query(ge=10, le=LONGEST)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]


def add_live(api: FastAPI, context: Callable[[], Context]) -> None:
    """Add the board's routes to this API."""
    feeds: WeakKeyDictionary[Monitor, LiveFeed] = WeakKeyDictionary()

    def feed(request: Request, page: str | None) -> LiveFeed:
        """Where nobody has to sign in, the key of the pages opens it as well."""
        now = context()
        of_a_page = hmac.compare_digest((page or "").encode(), runtime.page_key().encode())
        if now.closed or not of_a_page:
            check_whole_reader(request)
        return feeds.setdefault(now.monitor, LiveFeed(now.monitor))

    def answered(content: object, accepted: str | None) -> Response:
        body, headers = msgspec.json.encode(content), {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        if len(body) > COMPRESSED and "gzip" in (accepted or ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
        return Response(body, media_type="application/json", headers=headers)

    whole = Turns(BOARDS, BOARDS, WAITING)

    @api.get("/live/board", include_in_schema=False)
    async def board(
        request: Request,
        tag: Tags,
        span: Span,
        after: Moment = None,
        events: Annotated[str, Query(max_length=200)] = "",
        until: Moment = None,
        x_sensormon_page: Annotated[str | None, Header()] = None,
        accept_encoding: Annotated[str | None, Header()] = None,
    ) -> Response:
        def make() -> Response:
            live = feed(request, x_sensormon_page)
            content = live.board(tag, span, after=after, known_events=events, until=until)
            return answered(content, accept_encoding)

        if after is not None:
            return await run_in_threadpool(make)
        async with whole.turn(address_of(request)):
            return await run_in_threadpool(make)

    @api.get("/live/strip", include_in_schema=False)
    def strip(
        request: Request,
        span: Span,
        until: Moment = None,
        x_sensormon_page: Annotated[str | None, Header()] = None,
        accept_encoding: Annotated[str | None, Header()] = None,
    ) -> Response:
        return answered(feed(request, x_sensormon_page).strip(span, until), accept_encoding)
