"""Finished exports, from disk, to whoever knows the name: the pages hand it out, and it expires.

A page's own download keeps the whole file in memory for as long as the page is open, which
does for small files only. The name is 192 random bits and stands for a token.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import FileResponse

from sensormon.api.problems import Problem
from sensormon.api.writes import Context


def add_downloads(api: FastAPI, context: Callable[[], Context]) -> None:
    """Add the route of exports to this API."""

    @api.get("/exports/{key}", include_in_schema=False)
    def exported(key: str) -> FileResponse:
        """The file, streamed from disk."""
        file = context().monitor.exporter.files.find(key)
        if file is None:
            raise Problem(
                404,
                "no_such_export",
                "this export is gone",
                "Make it again where it was made; files are kept a day",
            )
        return FileResponse(
            file.path,
            media_type=file.media_type,
            filename=file.name,
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )
