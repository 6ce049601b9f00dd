"""The route that gives the audit trail out, to administrators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
import pandas as pd
from fastapi import APIRouter, Query, Request, Response

from sensormon.api import openapi
from sensormon.api.context import ADMINISTRATOR, context_of
from sensormon.api.times import time_in
from sensormon.exchange.table_writer import plain_csv
from sensormon.ingest.validation import EARLIEST
from sensormon.model import timestamps
from sensormon.model.entries import AuditRecord
from sensormon.stores.entries import AuditQuery

MOST = 100_000

router = APIRouter()


@router.get("/audit", dependencies=ADMINISTRATOR, tags=["monitor"], **openapi.AUDIT)
def audit(
    request: Request,
    since: Annotated[str | None, Query(description="Not before this time, ISO 8601.")] = None,
    until: Annotated[str | None, Query(description="Before this time.")] = None,
    who: Annotated[list[str] | None, Query(description="Only this person; may be repeated.")] = None,
    act: Annotated[list[str] | None, Query(description="Only this act; may be repeated.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="At most this many, the newest.")] = 1_000,
    format: Annotated[Literal["json", "csv"], Query(description="`csv` is a file.")] = "json",
) -> Response:
    """What people did and tried to do, the newest first; times are UTC. For administrators."""
    query = AuditQuery(
        time_in("since", since, EARLIEST),
        time_in("until", until, timestamps.FOREVER),
        tuple(who or ()),
        tuple(act or ()),
        limit,
    )
    rows = list(map(_facts, context_of(request).monitor.access.audit.read(query)))
    if format == "json":
        return Response(msgspec.json.encode(rows), media_type="application/json", headers=_NOT_KEPT)
    headers = {**_NOT_KEPT, "Content-Disposition": 'attachment; filename="audit.csv"'}
    table = pd.DataFrame(rows, columns=list(openapi.AuditFacts.model_fields))
    return Response(plain_csv(table), media_type="text/csv", headers=headers)


_NOT_KEPT = {"Cache-Control": "no-store"}


def _facts(record: AuditRecord) -> dict[str, Any]:
    return {**asdict(record), "time": timestamps.render(record.time)}
