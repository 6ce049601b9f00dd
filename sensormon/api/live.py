"""The feed of the Live board; undocumented, as it changes with the board."""

from __future__ import annotations

import asyncio
import gzip
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from weakref import WeakKeyDictionary

import msgspec
from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from sensormon.api.context import Context, address_of, check_whole_reader
from sensormon.api.few_threads import FewThreads
from sensormon.api.readers import WAITING, Turns
from sensormon.model.clock import SECOND
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.view.active_feed import ActiveFeed, active_of, acts_of
from sensormon.view.board_feed import BoardFeed
from sensormon.view.live_feed import LiveFeed
from sensormon.view.live_now import LiveNow, now_of
from sensormon.view.live_strip import LiveStrip
from sensormon.view.shared import Shared

MOST_TAGS = 40
LONGEST = 86_400
BOARDS = 2
"""Whole boards that are made at once: a day of many readings takes some 90 MB meanwhile. Lists of a year's
events for people nobody knows as well, who could ask for each of its seconds."""
COMPRESSED = 2_000
"""Answers of more bytes are compressed: a whole span of readings, the strip of many tags."""

Tags = Annotated[list[str], Query(max_length=MOST_TAGS)]
Span = Annotated[int, Query(ge=10, le=LONGEST)]
LONGEST_HISTORY = 366 * 86_400
LongSpan = Annotated[int, Query(ge=60, le=LONGEST_HISTORY)]
SomeTags = Annotated[list[str], Query(default_factory=list, max_length=MOST_TAGS)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]

PAGE = "X-Sensormon-Page"
"""The key of the page that asks."""
SENT = 64
"""The most encoded answers that viewers share; those of boards have some kilobytes each."""
TOGETHER = SECOND // 4
"""Viewers who know the same readings and ask within this time get the same answer (µs)."""
NOW = "X-Sensormon-Now"
"""The monitor's time (ms UTC) when an answer was sent: its content may be a little older."""

Sent = tuple[bytes, dict[str, str]]


class UnderWay:
    """Answers that are being made, each in a thread: whoever asks the same meanwhile waits for it in none.

    Twenty threads that wait for one answer wake together, and hold readings up by the interpreter's lock.
    """

    def __init__(self) -> None:
        self._tasks: dict[object, asyncio.Task[Sent]] = {}

    async def of(self, asked: object, make: Callable[[], Sent], threads: FewThreads | None = None) -> Sent:
        """The answer to this question, made in one of these threads if they are given.

        Whatever `make` raises is raised for all who wait for it.
        """
        place = asyncio.get_running_loop(), asked
        task = self._tasks.get(place)
        if task is None:
            made = threads.run(make) if threads else run_in_threadpool(make)
            task = self._tasks[place] = asyncio.create_task(made)
            task.add_done_callback(lambda _: self._tasks.pop(place, None))
        return await asyncio.shield(task)  # one viewer who leaves takes it from no other


@dataclass(frozen=True)
class _Live:
    """What one monitor has for viewers: the feed, and its encoded answers, which they share."""

    feed: LiveFeed
    strip: LiveStrip
    active: ActiveFeed
    now: LiveNow
    boards: BoardFeed
    sent: Shared
    under_way: UnderWay
    newest_place: Callable[[], int]

    def horizon(self) -> int:
        """The newest reading that viewers are sent now.

        It moves on every `TOGETHER`, so that viewers who ask at different moments soon know the same
        readings, and then share their answers, however fast readings arrive.
        """
        return self.sent.of("horizon", None, self.newest_place, TOGETHER)


class _Viewers:
    """Answers for the pages of any viewer, of the monitor that `context` has now."""

    def __init__(self, context: Callable[[], Context]) -> None:
        self.whole = Turns(BOARDS, BOARDS, WAITING)
        self.lists = FewThreads(BOARDS, "too many lists of events are being made")
        self._context = context
        self._lives: WeakKeyDictionary[Monitor, _Live] = WeakKeyDictionary()

    def live(self, request: Request) -> _Live:
        """Where nobody has to sign in, the key of the pages opens it as well."""
        if not self._open_to(request):
            check_whole_reader(request)
        monitor = self._context().monitor
        here = self._lives.get(monitor)
        if here is None:
            newest = monitor.newest  # not the monitor, which nothing here may keep alive
            feeds = LiveFeed(monitor), LiveStrip(monitor), active_of(monitor), now_of(monitor)
            sent = Shared(monitor.clock, SENT)
            here = _Live(*feeds, BoardFeed(monitor), sent, UnderWay(), lambda: newest.newest_place)
            here = self._lives.setdefault(monitor, here)
        return here

    def answered(self, sent: Sent) -> Response:
        """The response with this body, and our time."""
        body, headers = sent
        now = {NOW: str(self._context().monitor.clock.now() / 1e3)}
        return Response(body, media_type="application/json", headers={**headers, **now})

    async def alone(self, request: Request, content: Callable[[_Live], object]) -> Response:
        """The answer with this content for one viewer, once it is this viewer's turn."""

        def make() -> Sent:
            return _encoded(content(self.live(request)), _unpacks(request))

        async with self.whole.turn(address_of(request)):
            return self.answered(await run_in_threadpool(make))

    async def together(
        self,
        request: Request,
        asked: tuple[object, ...],
        content: Callable[[_Live], object],
        *,
        fresh: int = SECOND,
        key: object = None,
        threads: FewThreads | None = None,
    ) -> Response:
        """The answer with this content that all who ask this get for `fresh` µs, while `key` stays the same.

        For people nobody knows it is made in one of these threads, if they are given.
        """
        packs = _unpacks(request)
        asked = *asked, packs

        def shared() -> Sent:
            here = self.live(request)
            return here.sent.of(asked, key, lambda: _encoded(content(here), packs), fresh)

        if not self._open_to(request):
            return self.answered(await run_in_threadpool(shared))
        # Nothing blocks then, and the change of threads would cost the most.
        here = self.live(request)
        kept = here.sent.kept(asked, key, fresh)
        return self.answered(
            kept.value if kept is not None else await here.under_way.of((asked, key), shared, threads)
        )

    def acts(self) -> tuple[int, ...]:
        """Changes once somebody has acted, which viewers see at once."""
        return acts_of(self._context().monitor)

    def _open_to(self, request: Request) -> bool:
        page = request.headers.get(PAGE, "")
        of_a_page = hmac.compare_digest(page.encode(), runtime.page_key().encode())
        return of_a_page and not self._context().closed


def add_live(api: FastAPI, context: Callable[[], Context]) -> None:
    """Add the routes of the Live page and of boards to this API."""
    viewers = _Viewers(context)
    _add_live_page(api, viewers)
    _add_tiles(api, viewers)


def _add_live_page(api: FastAPI, viewers: _Viewers) -> None:
    @api.get("/live/board", include_in_schema=False)
    async def board(
        request: Request,
        tag: Tags,
        span: Span,
        after: Moment = None,
        events: Annotated[str, Query(max_length=200)] = "",
        until: Moment = None,
    ) -> Response:
        def content(here: _Live) -> object:
            upto = None if after is None else here.horizon()
            return here.feed.board(tag, span, after=after, known_events=events, until=until, upto=upto)

        if after is None:
            return await viewers.alone(request, content)
        asked = ("board", tuple(tag), span, after, events, until)
        return await viewers.together(request, asked, content, fresh=TOGETHER)

    @api.get("/live/strip", include_in_schema=False)
    async def strip(request: Request, span: Span, until: Moment = None) -> Response:
        return await viewers.together(
            request, ("strip", span), lambda here: here.strip.answer(span, until), key=until
        )

    @api.get("/live/now", include_in_schema=False)
    async def now(request: Request) -> Response:
        return await viewers.together(request, ("now",), lambda here: here.now.answer(), key=viewers.acts())

    @api.get("/live/active", include_in_schema=False)
    async def active(request: Request, known: Annotated[str, Query(max_length=32)] = "") -> Response:
        return await viewers.together(
            request, ("active", known), lambda here: here.active.answer(known), key=viewers.acts()
        )


def _add_tiles(api: FastAPI, viewers: _Viewers) -> None:
    @api.get("/live/history", include_in_schema=False)
    async def history(request: Request, tag: Tags, span: LongSpan) -> Response:
        return await viewers.alone(request, lambda here: here.boards.history(tag, span))

    @api.get("/live/events", include_in_schema=False)
    async def events(request: Request, tag: SomeTags, span: LongSpan) -> Response:
        return await viewers.together(
            request,
            ("events", tuple(tag), span),
            lambda here: here.boards.events(tag, span),
            threads=viewers.lists,
        )


def _unpacks(request: Request) -> bool:
    """Whether the viewer takes compressed answers."""
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _encoded(content: object, packs: bool) -> Sent:
    """The content as JSON and its headers; compressed if it is long and the viewer unpacks it."""
    body, headers = msgspec.json.encode(content), {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if packs and len(body) > COMPRESSED:
        body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
    return body, headers
