"""The routes that write: single readings, batches, line protocol. Plain ASGI, for speed.

The event loop only reads the body and waits; parsing, scoring and the journal run in the
thread of the request queue. Each route is one `WriteRoute`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

import msgspec

from sensormon.access.tokens import Scope as TokenScope
from sensormon.api.body import Receive, Scope, Send, Vanished, header, read_body, unpacked
from sensormon.api.context import Context
from sensormon.api.grants import of_writer
from sensormon.api.line_protocol import line_problem, line_tag, parse_lines, tell_lines
from sensormon.api.metrics import Meters
from sensormon.api.parsing import check_key, parse_batch, parse_single
from sensormon.api.problems import Problem, problem_of
from sensormon.ingest.groups import Outcome, Parsed
from sensormon.ingest.request_queue import Answer, Request
from sensormon.model.settings import MEGABYTE
from sensormon.monitor.monitor import Monitor

_log = logging.getLogger(__name__)
_JSON = [(b"content-type", b"application/json")]


@dataclass(frozen=True)
class Reply:
    """A complete HTTP answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def send(self, send: Send) -> None:
        """Send it as ASGI messages."""
        headers = [*self.headers, (b"content-length", str(len(self.body)).encode())]
        if self.status == 204:
            headers = self.headers
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


Parse = Callable[[bytes, int, Monitor, str], Parsed]
"""Parses a plain body, the time of arrival, the monitor and the query into readings."""


class WriteRoute:
    """A route that writes. `words` renders a problem in the format of this route's clients."""

    def __init__(
        self,
        name: str,
        context: Callable[[], Context],
        meters: Meters,
        parse: Parse,
        tell: Callable[[Outcome], Answer],
        words: Callable[[Problem], bytes],
    ) -> None:
        self._name = name.encode()
        self._context = context
        self._observe = meters.of_route(name)
        self._parse = parse
        self._tell = tell
        self._words = words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            reply = await self._taken(scope, receive)
        except Vanished:
            return
        except Exception as error:  # noqa: BLE001  a client gets an answer, whatever went wrong
            # In this frame no variable may keep the error, which has the frames with the body.
            reply = self._refusal(error)
        self._observe(reply.status, time.perf_counter() - started)
        await reply.send(send)

    def _refusal(self, error: Exception) -> Reply:
        problem = problem_of(error)
        if problem.status == 500:
            _log.error("a request failed", exc_info=error)
        headers = [(k.lower().encode(), v.encode()) for k, v in problem.headers.items()]
        return Reply(problem.status, _JSON + headers, self._words(problem))

    async def _taken(self, scope: Scope, receive: Receive) -> Reply:
        context = self._context()
        monitor = context.monitor
        kept = monitor.access.tokens
        grant = await of_writer(context.tokens, kept, header(scope, b"authorization"))
        limit = monitor.settings.max_body * MEGABYTE
        encoding = header(scope, b"content-encoding")
        key = header(scope, b"idempotency-key").decode("latin-1").strip()
        check_key(key)
        query = scope["query_string"].decode("latin-1")
        sender = sender_of(scope)
        with monitor.requests.share.hold(sender) as hold:
            body = await read_body(scope, receive, limit, hold.grow)
            arrived = monitor.clock.now()

            def unpack() -> bytes:
                return unpacked(body, encoding, limit) if encoding else body

            def parse(plain: bytes) -> Parsed:
                parsed = self._parse(plain, arrived, monitor, query)
                grant.check_tags(parsed.batch.tags, TokenScope.WRITE)
                grant.check_tags((row.tag for row in parsed.malformed.listed if row.tag), TokenScope.WRITE)
                return parsed

            def digest(plain: bytes) -> str:
                return digest_of(self._name, query, plain)

            def fingerprint() -> str:
                return _fingerprint(self._name, query, body)

            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            monitor.requests.offer(
                Request(
                    sender,
                    arrived,
                    unpack,
                    limit,
                    parse,
                    self._tell,
                    _reused,
                    future,
                    key,
                    fingerprint,
                    digest,
                )
            )
            answer = await future
        headers = _JSON if answer.body else []
        if answer.again:
            headers = [*headers, (b"idempotent-replayed", b"true")]
        return Reply(answer.status, headers, answer.body)


def single(context: Callable[[], Context], meters: Meters) -> WriteRoute:
    """POST /ingest."""
    return WriteRoute(
        "/ingest",
        context,
        meters,
        lambda body, arrived, *_: parse_single(body, arrived),
        tell_single,
        lambda problem: problem.body,
    )


def batch(context: Callable[[], Context], meters: Meters) -> WriteRoute:
    """POST /ingest/batch."""
    return WriteRoute(
        "/ingest/batch",
        context,
        meters,
        lambda body, arrived, monitor, _: parse_batch(body, arrived, monitor.settings.max_batch),
        tell_batch,
        lambda problem: problem.body,
    )


def lines(context: Callable[[], Context], meters: Meters) -> WriteRoute:
    """POST /v2/write."""

    def parse(body: bytes, arrived: int, monitor: Monitor, query: str) -> Parsed:
        said = parse_qs(query)
        precision = said.get("precision", ["ns"])[0]
        rule = line_tag(said["tag"][0]) if "tag" in said else monitor.settings.line_tag
        return parse_lines(body, arrived, precision, monitor.settings.max_batch, rule)

    return WriteRoute("/v2/write", context, meters, parse, tell_lines, line_problem)


def sender_of(scope: Scope) -> str:
    """Who sends this, for a fair share of the work: the address it comes from and the token it has."""
    address = (scope.get("client") or ("",))[0]
    token = hashlib.blake2b(header(scope, b"authorization"), digest_size=8).hexdigest()
    return f"{address} {token}"


def digest_of(route: bytes, query: str, plain: bytes) -> str:
    """A digest of a request by its plain body. Neither route nor query has a line break."""
    digest = hashlib.blake2b(route + b"\n" + query.encode("latin-1") + b"\n", digest_size=16)
    digest.update(plain)
    return digest.hexdigest()


def _fingerprint(route: bytes, query: str, body: bytes) -> str:
    """A digest of what a request says; its query says how to read the body, as with precision=."""
    said = [route, query.encode("latin-1"), body] if query else [route, body]
    return hashlib.blake2b(b"\n".join(said), digest_size=16).hexdigest()


def tell_single(outcome: Outcome) -> Answer:
    """201 with the id, or 400 with the reason."""
    if len(outcome.refused):
        bad = outcome.refused.listed[0]
        problem = Problem(
            400,
            "rejected",
            bad.detail,
            "Correct the reading; GET /api/tags lists the tags and their valid ranges",
            more={"reason": str(bad.reason)},
        )
        return Answer(400, problem.body)
    score, threshold, detector = float(outcome.score[0]), math.nan, None  # NaN is written as null
    if (verdicts := outcome.verdicts) is not None:
        threshold = float(verdicts.threshold[outcome.first])
        place = int(verdicts.detector[outcome.first])
        detector = verdicts.detectors[place] if place >= 0 else None
    return Answer(
        201,
        msgspec.json.encode(
            {
                "status": "success",
                "id": outcome.first_id,
                "is_anomaly": bool(outcome.is_anomaly[0]),
                "score": score,
                "threshold": threshold,
                "detector": detector,
            }
        ),
    )


def tell_batch(outcome: Outcome) -> Answer:
    """201 with the number accepted, the place of each reading that was not, and the first reasons."""
    return Answer(
        201,
        msgspec.json.encode(
            {
                "accepted": len(outcome.score),
                "rejected": [
                    {"index": bad.index, "reason": str(bad.reason), "detail": bad.detail}
                    for bad in outcome.refused.listed
                ],
                "rejected_count": len(outcome.refused),
                "rejected_ranges": outcome.refused.ranges(),
                "anomalies": int(outcome.is_anomaly.sum()),
            }
        ),
    )


def _reused(key: str) -> Problem:
    return Problem(
        422,
        "key_reused",
        f"the idempotency key {key!r} was used before with different content",
        "Use a new key for new content",
    )
