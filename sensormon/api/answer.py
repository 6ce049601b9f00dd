"""Answering a message by the link in it: /answer/SECRET, without Streamlit and without signing in.

A GET shows the events and changes nothing, so that a mail scanner that follows links does no harm; a form
on that page acts, once. `origins.SameOrigin` stands in front, so no other site's page can send the form. The
secret is in the path alone: it goes into no log, no metric and no referrer of ours. A reverse proxy that logs
paths has it, and until it is used that log is worth protecting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from starlette.responses import Response

from sensormon.access.guessing import Guessing
from sensormon.api import answer_page
from sensormon.api.body import Receive, Scope, Send, read_body
from sensormon.api.few_threads import FewThreads
from sensormon.api.form_pages import answer_or_page, read_form
from sensormon.api.mount import App
from sensormon.api.problems import Problem
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.notify.answering import Answering, Opened, answering_of
from sensormon.notify.links import PATH
from sensormon.notify.standing import standings_of

LONGEST_BODY = 20_000
"""Bytes of a form: a note of 1,000 characters, each of four bytes and those percent-encoded, and more."""
_THREADS = 4
"""A page reads events and takes computing time, which the readings coming in need more."""
_AROUND = ".,;:!?)]>'\"/"
"""What mail programs take for the end of a link."""


class Answer:
    """ASGI middleware: answers what is below `PATH`; all else goes on."""

    def __init__(
        self,
        app: App,
        monitor: Callable[[], Monitor],
        answering: Callable[[Monitor], Answering] = answering_of,
    ) -> None:
        self._app = app
        self._monitor = monitor
        self._make = answering
        self._lock = threading.Lock()
        self._current: tuple[Monitor, Answering] | None = None
        self._guessing = Guessing()
        self._threads = FewThreads(_THREADS, "too many answers are being given")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PATH):
            await self._app(scope, receive, send)
            return
        response = await answer_or_page(self._answer(scope, receive), answer_page.failed)
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        secret = scope["path"].removeprefix(PATH).rstrip(_AROUND)
        address = scope["client"][0] if scope.get("client") else ""  # a trusted proxy's word, if it has one
        if scope["method"] == "POST":
            body = await read_body(scope, receive, LONGEST_BODY)
            return await self._threads.run(lambda: self._give(secret, address, _fields(body)))
        if scope["method"] in ("GET", "HEAD"):
            return await self._threads.run(lambda: self._show(secret, address))
        raise Problem(
            405,
            "refused",
            "a link is opened, or its form sent",
            "Open it",
            headers={"Allow": "GET, HEAD, POST"},
        )

    def _show(self, secret: str, address: str) -> Response:
        monitor, answering = self._parts()
        opened = self._opened(monitor, answering, secret, address)
        return opened if isinstance(opened, Response) else _page(monitor, opened)

    def _give(self, secret: str, address: str, fields: dict[str, str]) -> Response:
        monitor, answering = self._parts()
        opened = self._opened(monitor, answering, secret, address)
        if isinstance(opened, Response):
            return opened
        note = fields.get("note", "")
        try:
            result = answering.give(secret, fields.get("act", ""), note, address)
        except UsageError as error:
            words = f"{error.what[:1].upper()}{error.what[1:]}."
            return _page(monitor, opened, wrong=words, note=note)
        if result is None:  # it has expired in this moment
            return answer_page.no_such_link()
        after, now = result
        return _page(monitor, after, now=now)

    def _opened(self, monitor: Monitor, answering: Answering, secret: str, address: str) -> Opened | Response:
        """What the link opens, or the page that says that it opens nothing.

        A right one works however often others at this address were wrong: behind a proxy, or a plant's
        router, that may be everybody. Wrong ones are slowed down, and then do not reach the store.
        """
        opened = answering.open(secret)
        if opened is not None:
            return opened
        now = monitor.clock.now()
        wait = self._guessing.begin(address, address, now)
        if wait:
            return answer_page.no_such_link(seconds=-(-wait // SECOND))
        opened = answering.open(secret, anew=True)
        if opened is None:
            return answer_page.no_such_link()
        self._guessing.undecided(address, address)
        return opened

    def _parts(self) -> tuple[Monitor, Answering]:
        monitor = self._monitor()
        with self._lock:
            if self._current is None or self._current[0] is not monitor:
                self._current = monitor, self._make(monitor)
            return self._current


def _page(
    monitor: Monitor, opened: Opened, *, now: bool = False, wrong: str = "", note: str = ""
) -> Response:
    standings = standings_of(monitor, opened.message.events)
    return answer_page.answer(opened, standings, monitor.clock.now(), given_now=now, wrong=wrong, note=note)


def _fields(text: bytes) -> dict[str, str]:
    """The first value of each field."""
    return {name: values[0] for name, values in read_form(text, "Open the link again").items()}
