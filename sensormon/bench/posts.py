"""Posts of single readings at a steady rate, in a process of their own: PORT TAG RATE SECONDS.

They are sent when they are due, over several connections in turn, so that an answer that is late delays
no later post and each of them counts. Prints the times of the answers as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

from sensormon.bench.connection import Connection

CONNECTIONS = 10
PATH = "/api/ingest"


async def _posts(connection: Connection, place: int, tag: str, rate: float, until: float) -> dict[str, Any]:
    """Every `CONNECTIONS`th post, from the one in this place on; how long (s) each answer took."""
    headers = {
        "Authorization": f"Bearer {os.environ['SENSORMON_TOKEN']}",
        "Content-Type": "application/json",
    }
    taken, failed = [], 0
    started = time.perf_counter()
    while (due := started + place / rate) < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")[:-6]
        body = json.dumps({"timestamp": f"{now}Z", "tag": tag, "value": 37 + place * 7919 % 100 / 1000})
        sent = time.perf_counter()
        answer = await connection.post(PATH, headers, body.encode())
        taken.append(time.perf_counter() - sent)
        failed += answer.status != 201
        place += CONNECTIONS
    return {"taken": taken, "failed": failed}


async def _all(port: int, tag: str, rate: float, seconds: float) -> dict[str, Any]:
    until = time.perf_counter() + seconds

    async def some(place: int) -> dict[str, Any]:
        async with Connection.to(port) as connection:
            return await _posts(connection, place, tag, rate, until)

    parts = await asyncio.gather(*map(some, range(CONNECTIONS)))
    return {
        "taken": [seconds for part in parts for seconds in part["taken"]],
        "failed": sum(part["failed"] for part in parts),
    }


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(asyncio.run(_all(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))))
    )
