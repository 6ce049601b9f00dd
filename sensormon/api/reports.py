"""The route that makes a report: a board or a shared view over a span, as PDF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request

from sensormon.api import openapi
from sensormon.api.answers import Answer
from sensormon.api.context import WHOLE_READER, address_of, context_of
from sensormon.api.problems import Problem
from sensormon.api.readers import readers_of
from sensormon.api.reads import Since, Until
from sensormon.api.times import time_in
from sensormon.ingest.validation import shown
from sensormon.model.errors import UsageError
from sensormon.reports.boards import names_of
from sensormon.reports.making import MEDIA_TYPE, file_name, making_of
from sensormon.reports.order import Subject
from sensormon.reports.spans import SPANS, span_of, zone_named
from sensormon.reports.subjects import VIEW, subject_named
from sensormon.reports.typesetting import missing

router = APIRouter()

_BY = "GET /api/report"
_USUAL = "the last day"


@router.get("/report", dependencies=WHOLE_READER, tags=["read"], **openapi.REPORT)
def report(
    request: Request,
    board: Annotated[
        str,
        Query(
            max_length=200,
            description="The name of a board; `all-tags` is there always. Or `view:` with the name or the "
            "title of a shared view of Live, Explore or Anomalies.",
            examples=["all-tags"],
        ),
    ],
    since: Since = None,
    until: Until = None,
    span: Annotated[
        str | None,
        Query(
            max_length=60,
            description=f"Instead of times, one of: {', '.join(SPANS)}. "
            f"Default: {_USUAL}, or the span of the view.",
        ),
    ] = None,
    zone: Annotated[
        str, Query(max_length=60, description="The time zone of its times.", examples=["Europe/Berlin"])
    ] = "UTC",
) -> Answer:
    """This board or view over a span, as a PDF of A4 pages; one report is made at a time.

    400 says why there can be no such report: an unknown tag, a span without readings, too many charts.
    """
    if missing():
        raise Problem(503, "not_installed", missing(), "Install it on the server")
    monitor = context_of(request).monitor
    subject = _subject(request, board)
    begin_end = _times(request, subject, since, until, span, zone)
    order = subject.order(*begin_end, zone_named(zone), _BY)

    def begin() -> Iterator[bytes]:
        try:
            yield making_of(monitor).make(order).pdf
        except UsageError as error:
            raise _refused(error) from None

    name = file_name(order.board, order.since, order.until, order.zone)
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Answer(begin, readers_of(request).reports.turn(address_of(request)), MEDIA_TYPE, headers)


def _subject(request: Request, name: str) -> Subject:
    """What the report is about. Raises Problem (400 or 404)."""
    monitor = context_of(request).monitor
    if not name.startswith(VIEW) and name not in names_of(monitor):
        raise Problem(404, "unknown_board", f"there is no board {shown(name)!r}", "See the Boards page")
    try:
        return subject_named(monitor, name)
    except UsageError as error:
        raise _refused(error) from None


def _times(
    request: Request, subject: Subject, since: str | None, until: str | None, span: str | None, zone: str
) -> tuple[int, int]:
    """The span asked for. Raises Problem (400)."""
    now = context_of(request).monitor.clock.now()
    try:
        begin, end = span_of(span or _USUAL, now, zone_named(zone))
    except UsageError as error:
        raise _refused(error) from None
    if since is None and until is None:
        return subject.span if subject.span and span is None else (begin, end)
    if since is None:
        raise Problem(
            400, "bad_parameter", "since: a report needs its begin", "Give since and until, or span"
        )
    return time_in("since", since, begin), time_in("until", until, now)


def _refused(error: UsageError) -> Problem:
    return Problem(400, "no_report", f"{error.where}: {error.what}".removeprefix(": "), error.hint)
