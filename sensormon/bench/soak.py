"""`bench soak`: whether memory, descriptors and the journal stay as they are while readings come in.

1,000 tags at 1 Hz for two minutes, or an hour with `full`; for the middle half another process posts 5,000
readings a second besides. The reference is the state once everything is warm: the end of the first part.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sensormon.bench.connection import Connection
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, ratios
from sensormon.bench.server import Server, running
from sensormon.model.settings import ROOT

TAGS = 1_000
POSTED = 10
"""Tags that are posted, beside those of the simulator."""
BATCH = 1_000
BATCHES = 5
"""Batches a second."""
SECONDS = 120.0
HOUR = 3_600.0
EVERY = 2.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class Look:
    """The server at one moment: seconds since the start of the measurement, and sizes in MB."""

    at: float
    memory: float
    journal: float
    descriptors: int


def soak(size: Size, seconds: float = SECONDS, tags: int = TAGS) -> Measured:
    """Sizes of a server over time: alone, with posts beside its own readings, and alone again.

    A missed tick is a second without a reading of a tag. Memory that grew is the highest of the last
    part against the highest of the warm one: it goes up and down between two checkpoints.
    """
    load = machine_load()
    seconds = HOUR if size.full else seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_tags(folder, tags)
        with running(folder, SOURCE="simulator") as server:
            server.wait(lambda stats: stats["stored"] > 0)
            started = datetime.now(UTC)
            warm = _looks(server, folder, seconds / 4)
            posting = _post(server, seconds / 2)
            loaded = _looks(server, folder, seconds / 2)
            posts = json.loads(posting.communicate(timeout=60)[0])
            last = _looks(server, folder, seconds / 4)
            stats = server.wait(lambda stats: stats["pending"] < tags)
            missed = _missed(server, started)
    figures = {
        **_sizes("alone again", last),
        **_sizes("with posts", loaded),
        "memory, MB a minute, with posts": _slope(loaded[len(loaded) // 2 :]),
        "memory, MB a minute, alone again": _slope(last),
        "missed ticks": missed,
        "posts that were not taken": float(posts["failed"]),
        "posted readings/s": posts["batches"] * BATCH / (seconds / 2),
        "readings not accounted for": float(stats["difference"]),
    }
    reference = {**_sizes("alone again", warm), **_sizes("with posts", warm)}
    return Measured(figures, reference, ratios(figures, reference), load_since(load))


def _looks(server: Server, folder: Path, seconds: float) -> list[Look]:
    """The server every `EVERY` seconds for this long."""
    started, looks = time.monotonic(), []
    while (now := time.monotonic() - started) < seconds:
        files = (folder / "data" / "journal").rglob("*")
        journal = sum(_size(path) for path in files) / 1e6
        looks.append(Look(now, server.memory(), journal, server.descriptors()))
        time.sleep(EVERY)
    return looks


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # a segment that was just removed


def _sizes(name: str, looks: Sequence[Look]) -> Figures:
    return {
        f"{name}, memory, MB at most": max(look.memory for look in looks),
        f"{name}, journal, MB at most": max(look.journal for look in looks),
        f"{name}, descriptors at most": float(max(look.descriptors for look in looks)),
    }


def _slope(looks: Sequence[Look]) -> float:
    """How fast the memory grows, MB a minute: the line of least squares."""
    if len(looks) < 2:
        return 0.0
    at, memory = np.array([look.at for look in looks]), np.array([look.memory for look in looks])
    return float(np.polyfit(at / 60, memory, 1)[0])


def _missed(server: Server, since: datetime) -> float:
    """How many ticks of the simulator are missing between the first reading since then and the last."""
    moment = since.isoformat(timespec="seconds")[:19]
    rows = json.loads(server.get(f"/api/data?tag={_tag(0)}&since={moment}Z&limit=10000"))
    times = sorted(datetime.fromisoformat(row["timestamp"]).timestamp() for row in rows)
    return round(times[-1] - times[0]) + 1.0 - len(set(times))


def _post(server: Server, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sensormon.bench.soak", str(server.port), str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, env=dict(server.environment), stdout=subprocess.PIPE)


def _tag(place: int) -> str:
    return f"tag_{place:04}"


def _write_tags(folder: Path, count: int) -> None:
    simulated = (
        f"[tags.{_tag(place)}]\nnormal = [{10 + place % 50}, {30 + place % 50}]\nresolution = 0.01\n"
        for place in range(count)
    )
    posted = (f"[tags.posted_{place}]\nresolution = 0.001\nsimulated = false\n" for place in range(POSTED))
    (folder / "tags.toml").write_text("".join([*simulated, *posted]))


# -- the load -----------------------------------------------------------------


async def _posts(port: int, seconds: float) -> dict[str, Any]:
    """Batches at a steady rate over one connection; one that is late delays the next."""
    headers = {
        "Authorization": f"Bearer {os.environ['SENSORMON_TOKEN']}",
        "Content-Type": "application/json",
    }
    started, failed, sent = time.perf_counter(), 0, 0
    first = datetime.now(UTC) - timedelta(hours=5)
    async with Connection.to(port) as connection:
        while time.perf_counter() - started < seconds:
            body = json.dumps(_batch(first + timedelta(seconds=sent / BATCHES), sent)).encode()
            await asyncio.sleep(max(0.0, started + sent / BATCHES - time.perf_counter()))
            answer = await connection.post("/api/ingest/batch", headers, body)
            failed += answer.status not in (200, 201)
            sent += 1
    return {"batches": sent, "failed": failed}


def _batch(first: datetime, number: int) -> list[dict[str, Any]]:
    step = timedelta(milliseconds=1000 / BATCHES / (BATCH / POSTED))
    return [
        {
            "timestamp": (first + row // POSTED * step).isoformat(timespec="milliseconds")[:-6] + "Z",
            "tag": f"posted_{row % POSTED}",
            "value": 37 + (number * BATCH + row) * 7919 % 100 / 1000,
        }
        for row in range(BATCH)
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_posts(int(sys.argv[1]), float(sys.argv[2])))))
