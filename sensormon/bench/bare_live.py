"""The least app that does what `bench sessions` measures, as its reference: nothing is judged, kept or read.

`streamlit run` serves it. A page with the same two fragments that write a line, a part that runs in the
browser with the same data, the two polls answered with constants of the usual size, and a route that
appends what was posted to a file and syncs it. The folder for that is SENSORMON_DATA_DIR.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit.runtime.scriptrunner import get_script_run_ctx

TAGS = 3
_COLUMN = [round(20 + place / 100, 2) for place in range(8)]
_BOARD = {
    "after": 1,
    "tags": {f"tag_{place}": dict.fromkeys("xyeluzks", _COLUMN) for place in range(TAGS)},
}


def _board(_: Request) -> Response:
    return Response(json.dumps({"now": time.time() * 1e3, **_BOARD}), media_type="application/json")


def _strip(_: Request) -> Response:
    return Response(json.dumps({"rows": []}), media_type="application/json")


@cache
def _file() -> int:
    path = Path(os.environ["SENSORMON_DATA_DIR"]) / "posts"
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _synced(body: bytes) -> None:
    os.write(_file(), body)
    os.fdatasync(_file())


async def _post(request: Request) -> Response:
    body = await request.body()
    await asyncio.get_running_loop().run_in_executor(None, _synced, body)
    return Response('{"id":1}', status_code=201, media_type="application/json")


def _page() -> None:
    st.title("Bare")
    st.fragment(_line, run_every=1)()
    st.fragment(_line, run_every=2)()
    tags = [{"name": f"tag_{place}"} for place in range(TAGS)]
    data = {"module": "board.js", "key": "", "tags": tags, "strip": [], "span": 900}
    st.components.v2.component("bare", js="export default function () {}")(data=data, key="board")


def _line() -> None:
    st.html(f"<div>{time.time():.0f} collecting, 3 readings a second, stored, nothing is wrong</div>")


if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(
        __file__,
        routes=[
            Route("/api/live/board", _board),
            Route("/api/live/strip", _strip),
            Route("/api/ingest", _post, methods=["POST"]),
        ],
    )
else:
    _page()
