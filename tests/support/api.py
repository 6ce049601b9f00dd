"""Requests to the API in this process, with the token for writes, without a server or a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from sensormon.api import Api
from sensormon.monitor.monitor import Monitor

TOKEN = "secret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

Call = Callable[[httpx.AsyncClient], Awaitable[Any]]
Start = Callable[..., tuple[Monitor, Api]]
"""What the fixture `start` gives; its arguments are changed settings."""


def ask(api: Api, call: Call) -> Any:
    """What `call` returns for a client of this API."""

    async def inside() -> Any:
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=BEARER) as client:
            return await call(client)

    return asyncio.run(inside())


def post(api: Api, path: str, content: Any, **headers: str) -> httpx.Response:
    """The response to this content: bytes and text as they are, anything else as JSON."""
    body = content if isinstance(content, bytes | str) else json.dumps(content)
    response: httpx.Response = ask(api, lambda client: client.post(path, content=body, headers=headers))
    return response


def get(api: Api, path: str, **headers: str) -> httpx.Response:
    """The response to a GET request."""
    response: httpx.Response = ask(api, lambda client: client.get(path, headers=headers))
    return response


def fill(api: Api, count: int = 120) -> None:
    """Send `count` readings of two tags in turn, one per second, and a spike an hour after the first."""
    rows = [
        {
            "tag": ("fermenter_temp", "fermenter_ph")[i % 2],
            "timestamp": f"2026-01-31T12:{i // 60:02d}:{i % 60:02d}Z",
            "value": (37.0, 7.0)[i % 2] + i // 2 % 2 / 10,
        }
        for i in range(count)
    ]
    rows.append({"tag": "fermenter_temp", "timestamp": "2026-01-31T13:00:00Z", "value": 45})
    answer = post(api, "/ingest/batch", rows).json()
    assert (answer["accepted"], answer["anomalies"]) == (count + 1, 1)
