"""The routes that read: readings, anomalies, tags, the ledger, health, metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from sensormon.access.tokens import Scope as TokenScope
from sensormon.analysis.versions import Versions
from sensormon.api import openapi
from sensormon.api.answers import Answer
from sensormon.api.context import (
    READER,
    WHOLE_READER,
    address_of,
    context_of,
    is_known,
    may_read_all,
    reader_of,
)
from sensormon.api.formats import FORMS, form_accepted
from sensormon.api.metrics import Meters
from sensormon.api.problems import Problem
from sensormon.api.readers import SHORT, UNKNOWN_ROWS, charged, check_limit, readers_of
from sensormon.api.times import time_in
from sensormon.exchange.state_values import worded
from sensormon.exchange.verdict_columns import with_detectors
from sensormon.ingest.validation import EARLIEST, shown
from sensormon.intake.named_sources import sources_of
from sensormon.model import timestamps
from sensormon.model.source_health import SourceHealth, SourceTrouble
from sensormon.monitor.monitor import Monitor
from sensormon.outputs.outputs import outputs_of
from sensormon.outputs.report import OutputHealth

MOST = 1_000_000
NAMED = 100
"""The most tags that `/health` names in a list."""

Form = Literal["json", "csv", "parquet", "arrow"]
Tags = Annotated[
    list[str] | None,
    Query(description="Only this tag; may be given more than once.", examples=[["fermenter_temp"]]),
]
Since = Annotated[
    str | None,
    Query(
        description="Not before this time, ISO 8601, UTC if no zone is given.",
        examples=["2026-01-31T12:00:00Z"],
    ),
]
Until = Annotated[str | None, Query(description="Before this time.", examples=["2026-02-01T00:00:00Z"])]
Limit = Annotated[
    int,
    Query(
        ge=1,
        le=MOST,
        description=f"At most this many, the newest. More than {UNKNOWN_ROWS:,} need a token.",
    ),
]
Format = Annotated[
    Form | None,
    Query(
        description="`csv` and `parquet` are files, `arrow` is Arrow's IPC stream. Without it the header "
        "Accept chooses by the media type, and otherwise it is JSON."
    ),
]


router = APIRouter()


@router.get("/data", dependencies=READER, tags=["read"], **openapi.READINGS)
def data(
    request: Request,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 1_000,
    format: Format = None,
) -> Answer:
    """Readings in order of arrival, the newest `limit`, streamed; the first answer a second after a write
    or sooner."""
    return _answer(request, "readings", tag, since, until, limit, format, anomalies=False)


@router.get("/anomalies", dependencies=READER, tags=["read"], **openapi.READINGS)
def anomalies(
    request: Request,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 1_000,
    format: Format = None,
) -> Answer:
    """Flagged readings in order of arrival, the newest `limit`, streamed."""
    return _answer(request, "anomalies", tag, since, until, limit, format, anomalies=True)


@router.get("/tags", dependencies=READER, tags=["read"], responses=openapi.FAILURES)
def tags(request: Request) -> list[openapi.TagFacts]:
    """The tags, with their units and ranges; numbers are in the tag's unit."""
    grant, monitor = reader_of(request), context_of(request).monitor
    simulated, words = monitor.source.simulated_tags, monitor.state_words()
    profiles, judged = monitor.detection.in_force.in_use, monitor.running_tags.now()
    return [
        openapi.TagFacts(
            name=tag.name,
            label=tag.label,
            unit=tag.unit,
            group=tag.group,
            description=tag.description,
            priority=tag.priority,
            valid=_ends(tag.valid),
            normal=_ends(tag.normal) if tag.normal else None,
            resolution=tag.resolution,
            kind="states" if tag.states and tag.kind == "number" else tag.kind,
            states=list(tag.states or words.get(tag.name, {}).values()) if tag.has_states else None,
            simulated=tag.name in simulated,
            formula=tag.formula,
            profile=profiles.of(tag).name if tag.name in judged else "",
        )
        for tag in monitor.tags
        if grant.covers(tag.name)
    ]


@router.get("/stats", dependencies=WHOLE_READER, tags=["monitor"], responses=openapi.FAILURES)
def stats(request: Request) -> dict[str, Any]:
    """The ledger: received = stored + rejected + dead_lettered + pending; of the stored `undone` are gone."""
    return context_of(request).monitor.ledger.now().to_dict()


@router.get("/imports", dependencies=WHOLE_READER, tags=["monitor"], responses=openapi.FAILURES)
def imports(request: Request) -> list[dict[str, Any]]:
    """The imports of files, newest first, with what each stored. Times are µs UTC, 0 or null for none."""
    return [entry.to_dict() for entry in context_of(request).monitor.import_log.entries()]


@router.head("/health", include_in_schema=False)
@router.get("/health", tags=["monitor"], responses=openapi.HEALTH)
def health(request: Request, response: Response) -> dict[str, Any]:
    """The state of the monitor. 503 if readings cannot be taken or stored; `problems` says why.

    `status` is `failing` with a 503, and with a 200 `attention` while a loss is not acknowledged,
    `degraded` while a tag is silent or something is `impaired`, as telling people is, or else `ok`.
    `attention` lists losses, with their number, that nobody has acknowledged on the Pipeline page yet.
    `silent` and `clocks_ahead` give the number of tags that are overdue or whose newest own time is ahead of
    our clock, and name the worst. Ages count from when a reading arrived. `refusal` says why the journal
    takes no readings: `quota`, `disk`, `unwritable` or `broken`. `sources` are those of sources.toml.

    A request that may not read about all tags gets only `status`.
    """
    monitor = context_of(request).monitor
    status = monitor.status()
    if status.problems:
        response.status_code = 503
    if not may_read_all(request):
        return {"status": status.word}
    return {
        "status": status.word,
        "problems": status.problems,
        "attention": status.attention,
        "impaired": status.impaired,
        "source": str(status.source.state),
        "sources": [source_report(health, status.now) for health in sources_of(monitor).health()],
        "outputs": [output_report(health, status.now) for health in outputs_of(monitor).health()],
        "store": str(status.store.state),
        "state": str(status.writing),
        "refused": status.source.refused,
        "refusal": status.source.refusal,
        "silent": {
            "count": len(status.silent),
            "tags": [
                {"tag": silence.tag, "seconds": silence.seconds, "source": silence.source}
                for silence in status.silent[:NAMED]
            ],
        },
        "clocks_ahead": {
            "count": len(status.ahead),
            "tags": [{"tag": age.tag, "seconds": age.ahead} for age in status.ahead[:NAMED]],
        },
        "dead_letters": asdict(status.dead_letters),
        "restarts": status.restarts,
        "data_age_seconds": status.data_age,
        "journal": asdict(status.journal),
    }


@router.get("/metrics", dependencies=WHOLE_READER, tags=["monitor"], **openapi.METRICS)
def metrics(request: Request) -> Response:
    """Prometheus text."""
    meters: Meters = request.app.state.meters
    text = meters.text(context_of(request).monitor)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def tags_to_read(request: Request, monitor: Monitor, tags: list[str] | None) -> list[str] | None:
    """The tags asked for, or those that the request's token covers; None for all.

    Raises Problem (404) for an unknown tag, Forbidden for one that is asked for by name and not covered.
    """
    grant = reader_of(request)
    if tags is None and grant.tags:
        return list(filter(grant.covers, {*(tag.name for tag in monitor.tags), *monitor.running_tags.former}))
    grant.check_tags(tags or (), TokenScope.READ)
    for tag in tags or ():
        if tag not in monitor.tags and tag not in monitor.running_tags.former:
            raise Problem(
                404, "unknown_tag", f"there is no tag {shown(tag)!r}", "GET /api/tags lists the tags"
            )
    return tags


def _answer(
    request: Request,
    name: str,
    tags: list[str] | None,
    since: str | None,
    until: str | None,
    limit: int,
    format: Form | None,
    *,
    anomalies: bool,
) -> Answer:
    """The newest readings in order of arrival; browsers save them under this name, unless it is JSON.

    Raises Problem for an unknown tag, a wrong time, or more than this reader may ask for.
    """
    monitor, readers = context_of(request).monitor, readers_of(request)
    tags = tags_to_read(request, monitor, tags)
    span = time_in("since", since, EARLIEST), time_in("until", until, timestamps.FOREVER)
    form = format or form_accepted(request.headers.get("accept", ""))
    address, known = address_of(request), is_known(request)
    if not known:
        check_limit(limit)
        readers.budget.check(address)

    def begin() -> Iterator[bytes]:
        pieces = monitor.streams.by_arrival(tags, *span, limit=limit, anomalies=anomalies)
        pieces = worded(pieces, monitor.state_words(tags))
        if form in ("json", "arrow"):
            versions = Versions(monitor.detection.readable())
            pieces = (with_detectors(piece, versions) for piece in pieces)
        return write(pieces if known else charged(pieces, readers.budget, address))

    media_type, write = FORMS[form]
    turns = readers.known if known else readers.unknown
    headers = {} if format else {"Vary": "Accept"}
    if form != "json":
        suffix = "arrows" if form == "arrow" else form
        headers["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    return Answer(begin, turns.turn(address) if limit > SHORT else None, media_type, headers)


def source_report(health: SourceHealth, now: int) -> dict[str, Any]:
    """How a named source is: seconds instead of times, and nothing of its address."""
    last = health.last_reading
    return {
        **_link(health, now),
        "rate": health.rate,
        "lag_seconds": health.lag,
        "age_seconds": None if last is None else max(0, now - last) / 1e6,
        **_trouble(health.trouble),
        "stored": health.stored,
        "repeated": health.repeated,
        "refused": health.refused,
        "reconnects": health.reconnects,
        "gaps": health.gaps,
        "filled": health.filled,
        "notes": dict(health.notes),
    }


def output_report(health: OutputHealth, now: int) -> dict[str, Any]:
    """How an output is, likewise."""
    return {
        **_link(health, now),
        "published": health.published,
        "dropped": health.dropped,
        **_trouble(health.trouble),
    }


def _link(health: SourceHealth | OutputHealth, now: int) -> dict[str, Any]:
    return {
        "name": health.name,
        "kind": health.kind,
        "state": str(health.link),
        "seconds": max(0, now - health.since) / 1e6,
        "detail": health.detail,
        "collector": health.collector,
    }


def _trouble(trouble: SourceTrouble | None) -> dict[str, Any]:
    return {
        "error": None if trouble is None else trouble.what,
        "hint": None if trouble is None else trouble.hint,
    }


def _ends(span: tuple[float, float]) -> list[float | None]:
    return [end if math.isfinite(end) else None for end in span]
