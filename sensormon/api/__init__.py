"""The HTTP API on the dashboard's own port, under /api.

`make_api` returns an ASGI app: FastAPI for everything that reads and for the OpenAPI description,
and in front of it the writes, which need no routing beyond their path. The write routes in the
description run the same code, so the description cannot drift from what answers.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from sensormon import __version__
from sensormon.api import audit, downloads, events, openapi, reads, reports, writes
from sensormon.api.auth import Tokens
from sensormon.api.body import Receive, Scope, Send
from sensormon.api.context import Context
from sensormon.api.docs_page import add_docs
from sensormon.api.live import add_live
from sensormon.api.metrics import Meters
from sensormon.api.problems import Problem, problem_of
from sensormon.api.readers import Readers
from sensormon.api.visitor import Visitor, visit_of
from sensormon.api.writes import WriteRoute
from sensormon.model.errors import SensormonError
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor

__all__ = ["Api", "make_api"]

_ABOUT = """
Readings in, readings out. Every write is validated, scored and on disk before it is answered.
Writes need `Authorization: Bearer TOKEN`; the server's log says where the first token is, and
`python -m sensormon tokens add` makes others, of one scope and for some tags. Where people have to
sign in, reads need a token or a signed-in browser too.
Every refusal is JSON with `error`, `detail` and `hint`.
"""


class Api:
    """The ASGI app; `monitor` returns the running monitor, `visit` what a request says about its sender."""

    def __init__(self, monitor: Callable[[], Monitor], visit: Visitor = visit_of) -> None:
        self._monitor = monitor
        self._visit = visit
        self._lock = threading.Lock()
        self._current: Context | None = None
        meters = Meters()
        self._writes: dict[str, WriteRoute] = {
            "/ingest": writes.single(self.context, meters),
            "/ingest/batch": writes.batch(self.context, meters),
            "/v2/write": writes.lines(self.context, meters),
        }
        self.described = self._described(meters)

    def context(self) -> Context:
        """The running monitor and its tokens."""
        monitor = self._monitor()
        current = self._current
        if current is None or current.monitor is not monitor:
            with self._lock:
                current = self._current = Context(monitor, Tokens.of(monitor.settings), self._visit)
        return current

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            route = self._writes.get(path)
            if route is not None:
                await route(scope, receive, send)
                return
        if scope["type"] == "http":
            refusal = await anyio.to_thread.run_sync(self._refusal, scope)
            if refusal is not None:
                await answer_to(refusal)(scope, receive, send)
                return
        await self.described(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        """Why this request gets nothing: where people have to sign in, all routes but health are closed."""
        try:
            context = self.context()
            if context.closed and scope["path"].removeprefix(scope.get("root_path", "")) != "/health":
                context.reader(scope)
        except (Problem, SensormonError) as error:
            return problem_of(error)
        return None

    def _described(self, meters: Meters) -> FastAPI:
        api = _Described(
            title="sensormon",
            version=__version__,
            description=_ABOUT,
            docs_url=None,
            redoc_url=None,
            openapi_url="/openapi.json",
            root_path_in_servers=True,
            redirect_slashes=False,  # its redirect would repeat the Host of the request
        )
        api.state.context, api.state.meters, api.state.readers = self.context, meters, Readers()
        for path, words in (
            ("/ingest", openapi.INGEST),
            ("/ingest/batch", openapi.BATCH),
            ("/v2/write", openapi.LINES),
        ):
            _add_write(api, path, self._writes[path], words)
        api.include_router(reads.router)
        api.include_router(events.router)
        api.include_router(reports.router)
        add_live(api, self.context)
        api.include_router(downloads.router)
        api.include_router(audit.router)
        add_docs(api)
        _add_refusals(api)
        return api


class _Described(FastAPI):
    """FastAPI with a description completed by `openapi.complete`."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = openapi.complete(super().openapi())
        return self.openapi_schema


def make_api(monitor: Callable[[], Monitor] = runtime.monitor, visit: Visitor = visit_of) -> Api:
    """The API of this monitor; by default the one of this process."""
    return Api(monitor, visit)


def answer_to(problem: Problem) -> Response:
    """The response that says this."""
    return Response(problem.body, problem.status, problem.headers, "application/json")


_WORDS = {
    "/ingest": "Take one reading. Answered once it is on disk.",
    "/ingest/batch": "Take readings. Each is accepted or rejected by itself; answered once on disk.",
    "/v2/write": "Take InfluxDB line protocol, as Telegraf writes it. A field is a reading.",
}


def _add_write(api: FastAPI, path: str, route: WriteRoute, words: dict[str, Any]) -> None:
    async def endpoint() -> Response:
        return _AsAsgi(route)

    endpoint.__doc__ = _WORDS[path]
    endpoint.__name__ = path.strip("/").replace("/", "_")
    api.post(path, tags=["write"], response_model=None, **words)(endpoint)


class _AsAsgi(Response):
    """A response that a write route sends itself."""

    def __init__(self, route: WriteRoute) -> None:
        super().__init__()
        self._route = route

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._route(scope, receive, send)


def _add_refusals(api: FastAPI) -> None:
    """Answer every error in one form, that of `Problem`."""

    async def refused(_: Request, error: Exception) -> Response:
        return answer_to(problem_of(error))

    async def invalid(_: Request, error: Exception) -> Response:
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
        parameter = str(first.get("loc", ("", ""))[-1])
        detail = f"{parameter}: {first.get('msg', 'it cannot be used')}"
        return await refused(_, Problem(400, "bad_parameter", detail, "See GET /api/docs"))

    async def unknown(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        words = {404: "there is no such route", 405: "this route has no such method"}
        problem = Problem(
            status,
            "not_found" if status == 404 else "refused",
            words.get(status, "it cannot be answered"),
            "GET /api/docs lists the routes",
            headers=getattr(error, "headers", None) or {},
        )
        return await refused(_, problem)

    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        Problem: refused,
        SensormonError: refused,
        RequestValidationError: invalid,
        HTTPException: unknown,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)
