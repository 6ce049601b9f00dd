"""The feed of the Live board; undocumented, as it changes with the board."""

from __future__ import annotations

import gzip
import hmac
from collections.abc import Callable
from typing import Annotated
from weakref import WeakKeyDictionary

import msgspec
from fastapi import FastAPI, Header, Query, Response

from sensormon.api.context import Context
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.view.live_feed import LiveFeed

MOST_TAGS = 40
LONGEST = 86_400
COMPRESSED = 2_000
"""Answers of more bytes are compressed: a whole span of readings, the strip of many tags."""

Tags = Annotated[list[str], Query(max_length=MOST_TAGS)]
Span = Annotated[int, Query(ge=10, le=LONGEST)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]


def add_live(api: FastAPI, context: Callable[[], Context]) -> None:
    """Add the board's routes to this API."""
    feeds: WeakKeyDictionary[Monitor, LiveFeed] = WeakKeyDictionary()

    def feed(authorization: str | None, page: str | None) -> LiveFeed:
        now = context()
        if not hmac.compare_digest((page or "").encode(), runtime.page_key().encode()):
            now.tokens.check_read((authorization or "").encode("latin-1", "replace"))
        return feeds.setdefault(now.monitor, LiveFeed(now.monitor))

    def answered(content: object, accepted: str | None) -> Response:
        body, headers = msgspec.json.encode(content), {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        if len(body) > COMPRESSED and "gzip" in (accepted or ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
        return Response(body, media_type="application/json", headers=headers)

    @api.get("/live/board", include_in_schema=False)
    def board(
        tag: Tags,
        span: Span,
        after: Moment = None,
        events: Annotated[str, Query(max_length=200)] = "",
        until: Moment = None,
        authorization: Annotated[str | None, Header()] = None,
        x_sensormon_page: Annotated[str | None, Header()] = None,
        accept_encoding: Annotated[str | None, Header()] = None,
    ) -> Response:
        live = feed(authorization, x_sensormon_page)
        content = live.board(tag, span, after=after, known_events=events, until=until)
        return answered(content, accept_encoding)

    @api.get("/live/strip", include_in_schema=False)
    def strip(
        span: Span,
        until: Moment = None,
        authorization: Annotated[str | None, Header()] = None,
        x_sensormon_page: Annotated[str | None, Header()] = None,
        accept_encoding: Annotated[str | None, Header()] = None,
    ) -> Response:
        return answered(feed(authorization, x_sensormon_page).strip(span, until), accept_encoding)
