"""The ways out: readings, anomalies, tags, the ledger, health, metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.requests import Request

from sensormon.api import openapi
from sensormon.api.formats import FORMS
from sensormon.api.metrics import Meters
from sensormon.api.problems import Problem
from sensormon.api.writes import Context
from sensormon.ingest.validation import EARLIEST, shown
from sensormon.model import timestamps

MOST = 1_000_000
FOREVER = timestamps.parse("9000-01-01")

Form = Literal["json", "csv", "parquet"]
Tags = Annotated[
    list[str] | None,
    Query(description="Only this tag; may be given more than once.", examples=[["fermenter_temp"]]),
]
Since = Annotated[
    str | None,
    Query(
        description="Not before this time, ISO 8601, UTC where no zone is given.",
        examples=["2026-01-31T12:00:00Z"],
    ),
]
Until = Annotated[str | None, Query(description="Before this time.", examples=["2026-02-01T00:00:00Z"])]
Limit = Annotated[int, Query(ge=1, le=MOST, description="The newest so many.")]
Format = Annotated[Form, Query(description="`csv` and `parquet` are files.")]


def add_reads(api: FastAPI, context: Callable[[], Context], meters: Meters) -> None:
    """Add the routes that read to this API."""

    def may_read(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> None:
        context().tokens.check_read((authorization or "").encode("latin-1", "replace"))

    reader = [Depends(may_read)]

    def readings(
        tag: list[str] | None, since: str | None, until: str | None, limit: int, form: Form, anomalies: bool
    ) -> StreamingResponse:
        monitor = context().monitor
        for name in tag or ():
            if name not in monitor.tags and name not in monitor.former_tags:
                raise Problem(
                    404, "unknown_tag", f"there is no tag {shown(name)!r}", "GET /api/tags lists the tags"
                )
        pieces = monitor.streams.by_arrival(
            tag,
            _time("since", since, EARLIEST),
            _time("until", until, FOREVER),
            limit=limit,
            anomalies=anomalies,
        )
        media_type, write = FORMS[form]
        name = "anomalies" if anomalies else "readings"
        headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'} if form != "json" else {}
        return StreamingResponse(_closing(write(pieces), pieces), media_type=media_type, headers=headers)

    @api.get("/data", dependencies=reader, tags=["read"], **openapi.READINGS)
    def data(
        tag: Tags = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 1_000,
        format: Format = "json",
    ) -> StreamingResponse:
        """Readings in order of arrival, the newest `limit`, streamed; the first answer a second after a write
        or sooner."""
        return readings(tag, since, until, limit, format, anomalies=False)

    @api.get("/anomalies", dependencies=reader, tags=["read"], **openapi.READINGS)
    def anomalies(
        tag: Tags = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 1_000,
        format: Format = "json",
    ) -> StreamingResponse:
        """Flagged readings in order of arrival, the newest `limit`, streamed."""
        return readings(tag, since, until, limit, format, anomalies=True)

    @api.get("/tags", dependencies=reader, tags=["read"], responses=openapi.FAILURES)
    def tags() -> list[openapi.TagFacts]:
        """The tags, with their units and ranges; numbers are in the tag's unit."""
        return [
            openapi.TagFacts(
                name=one.name,
                label=one.label,
                unit=one.unit,
                group=one.group,
                valid=_ends(one.valid),
                normal=_ends(one.normal) if one.normal else None,
                resolution=one.resolution,
            )
            for one in context().monitor.tags
        ]

    @api.get("/stats", dependencies=reader, tags=["monitor"], responses=openapi.FAILURES)
    def stats() -> dict[str, Any]:
        """The ledger: received = stored + rejected + dead_lettered + pending."""
        return context().monitor.ledger().to_dict()

    @api.head("/health", include_in_schema=False)
    @api.get("/health", tags=["monitor"], responses=openapi.HEALTH)
    def health(
        request: Request,
        response: Response,
    ) -> dict[str, Any]:
        """How the monitor is doing. 503 when something is wrong; `problems` says what.

        Where reads are closed, one without a token gets `status` alone.
        """
        here = context()
        status = here.monitor.status()
        if status.problems:
            response.status_code = 503
        word = "failing" if status.problems else "ok"
        if not here.tokens.may_read(request.headers.get("authorization", "").encode("latin-1", "replace")):
            return {"status": word}
        return {
            "status": word,
            "problems": status.problems,
            "source": str(status.source.state),
            "store": str(status.store.state),
            "state": str(status.writing),
            "refused": status.source.refused,
            "dead_letters": asdict(status.dead_letters),
            "restarts": status.restarts,
            "data_age_seconds": status.data_age,
            "journal": asdict(status.journal),
        }

    @api.get("/metrics", dependencies=reader, tags=["monitor"], **openapi.METRICS)
    def metrics() -> Response:
        """Prometheus text."""
        return Response(meters.text(context().monitor), media_type="text/plain; version=0.0.4; charset=utf-8")


def _closing(chunks: Iterator[bytes], pieces: Iterator[object]) -> Iterator[bytes]:
    """The chunks; the database's cursor is let go of also where the client leaves in the middle."""
    try:
        yield from chunks
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _time(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        time = timestamps.parse(text.replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError):
        raise Problem(
            400, "bad_time", f"{name}={shown(text)!r} is not an ISO 8601 time", "Try 2026-01-31T12:00:00Z"
        ) from None
    return min(max(time, EARLIEST), FOREVER)


def _ends(span: tuple[float, float]) -> list[float | None]:
    return [one if abs(one) != float("inf") else None for one in span]
