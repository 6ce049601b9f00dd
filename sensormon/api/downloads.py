"""Finished exports, streamed from disk to anyone who knows the name, which pages show and which expires.

Streamlit's own download keeps the whole file in memory while the page is open, which suits only
small files. The name is 192 random bits and serves as the token; where people have to sign in, that
is needed too.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from sensormon.api.context import context_of
from sensormon.api.problems import Problem

router = APIRouter()


@router.get("/exports/{key}", include_in_schema=False)
def exported(request: Request, key: str) -> FileResponse:
    """The file, streamed from disk. Raises Problem (404) once it has expired."""
    file = context_of(request).monitor.exporter.files.find(key)
    if file is None:
        raise Problem(
            404,
            "no_such_export",
            "this export is gone",
            "Export it again; files are kept for a day",
        )
    return FileResponse(
        file.path,
        media_type=file.media_type,
        filename=file.name,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
