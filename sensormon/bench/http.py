"""`bench http`: the load that the HTTP API of a real server takes, while pages are open.

It starts `streamlit run app.py` on a free port with a folder of its own, and the load in another
process: `python -m sensormon.bench.http PORT KIND RUN SECONDS CONNECTIONS`. Each of 16 connections is a
gateway with its own tags that sends a request as soon as the last one is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load
from sensormon.bench.server import Server, running
from sensormon.model.settings import ROOT

CONNECTIONS = 16
TAGS = 10
"""Tags per connection."""
BATCH = 1_000
SECONDS = 10.0
_STAMP = "@@@@@@@@@@@@@@@@@@@"


def http(size: Size, seconds: float = SECONDS) -> Measured:
    """Single posts and batches of 1,000 per second, with their latency and that of pages meanwhile."""
    before_all = machine_load()
    seconds = 6 * seconds if size.full else seconds
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tags.toml").write_text(
            "".join(
                f'[tags."{tag_of(c, t)}"]\nresolution = 0.01\n'
                for c in range(CONNECTIONS)
                for t in range(TAGS)
            )
        )
        with running(folder, SOURCE="none") as server:
            server.wait(lambda _: True)
            sent = 0
            for run, kind in enumerate(("single", "batch")):
                _load(server, kind, 2 * run, 1.0)
                before = server.processor_seconds()
                answers, pages = _load(server, kind, 2 * run + 1, seconds)
                answers["cpu"] = server.processor_seconds() - before
                waiting, since = server.wait(lambda _: True)["pending"], time.perf_counter()
                sent = server.wait(lambda stats: stats["pending"] == 0)["received"]
                answers["behind"] = (waiting, time.perf_counter() - since)
                figures |= _figures(kind, answers, pages)
            stats = server.wait(lambda stats: stats["pending"] == 0)
            figures["readings rejected"] = stats["rejected"]
            figures["received and not accounted for"] = sent - stats["stored"] - stats["rejected"]
    return Measured(figures, {}, {}, load_since(before_all))


def _figures(kind: str, answers: dict[str, Any], pages: list[float]) -> Figures:
    times = sorted(answers["milliseconds"])
    rate = len(times) / answers["seconds"]
    name = "single posts" if kind == "single" else "batches of 1,000"
    figures = {f"{name}, requests/s": rate}
    if kind == "batch":
        figures[f"{name}, readings/s"] = rate * BATCH
    return {
        **figures,
        f"{name}, ms p50": statistics.median(times),
        f"{name}, ms p99": times[int(len(times) * 0.99)],
        f"{name}, ms longest": times[-1],
        f"{name}, server's CPU, µs a request": answers["cpu"] / len(times) * 1e6,
        f"{name}, answers that were not 201": answers["failed"],
        f"{name}, readings that the store had yet to take": answers["behind"][0],
        f"{name}, seconds until it had": answers["behind"][1],
        f"{name}, page and health meanwhile, ms longest": max(pages) * 1e3,
    }


def load(
    server: Server, kind: str, run: int, seconds: float, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """What requests of a kind (`single` or `batch`) over these connections, from another process, took.

    `run` tells the readings of one load from those of another.
    """
    return _load(server, kind, run, seconds, connections, ())[0]


def _load(
    server: Server,
    kind: str,
    run: int,
    seconds: float,
    connections: int = CONNECTIONS,
    looked_at: Sequence[str] = ("/", "/_stcore/health", "/api/health"),
) -> tuple[dict[str, Any], list[float]]:
    """Run the load in another process and meanwhile request pages; how long (s) each page took."""
    command = [sys.executable, "-m", "sensormon.bench.http", str(server.port), kind, str(run), str(seconds)]
    command.append(str(connections))
    pages = []
    with tempfile.TemporaryFile() as output:
        sending = subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=output)
        while sending.poll() is None:
            for path in looked_at:
                started = time.perf_counter()
                server.get(path)
                pages.append(time.perf_counter() - started)
            time.sleep(0.2)
        output.seek(0)
        return json.loads(output.read()), pages


# -- the load -----------------------------------------------------------------


def tag_of(connection: int, tag: int) -> str:
    """The name of a gateway's tag."""
    return f"gateway{connection:02d}.t{tag}"


async def _gateway(number: int, port: int, kind: str, run: int, until: float, times: list[float]) -> int:
    """Send requests over one connection; returns the number of answers that were not 201."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    path = "/api/ingest" if kind == "single" else "/api/ingest/batch"
    token = os.environ["SENSORMON_TOKEN"]
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    started = datetime.now(UTC) - timedelta(days=30 - run)  # so that no reading is a duplicate
    template = _template(number)
    failed = count = 0
    while time.perf_counter() < until:
        count += 1
        if kind == "single":
            moment = started + timedelta(milliseconds=count * 10)
            value = 37 + count * 7919 % 100 / 1000
            body = (
                f'{{"timestamp":"{moment.isoformat(timespec="milliseconds")[:-6]}Z",'
                f'"tag":"{tag_of(number, count % TAGS)}","value":{value:.3f}}}'
            ).encode()
        else:
            moment = started + timedelta(seconds=count)
            body = template.replace(_STAMP.encode(), moment.isoformat(timespec="seconds")[:19].encode())
        before = time.perf_counter()
        writer.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        lower = answer.lower()
        start = lower.index(b"content-length:") + 15
        await reader.readexactly(int(lower[start : lower.index(b"\r\n", start)]))
        times.append((time.perf_counter() - before) * 1e3)
        failed += not answer.startswith(b"HTTP/1.1 201")
    writer.close()
    return failed


def _template(number: int) -> bytes:
    rows = [
        f'{{"timestamp":"{_STAMP}.{row:03d}Z","tag":"{tag_of(number, row % TAGS)}",'
        f'"value":{37 + row * 7919 % 100 / 1000:.3f}}}'
        for row in range(BATCH)
    ]
    return f"[{','.join(rows)}]".encode()


async def _all(port: int, kind: str, run: int, seconds: float, connections: int) -> dict[str, Any]:
    times: list[float] = []
    started = time.perf_counter()
    failed = await asyncio.gather(
        *(_gateway(number, port, kind, run, started + seconds, times) for number in range(connections))
    )
    return {"seconds": time.perf_counter() - started, "milliseconds": times, "failed": sum(failed)}


if __name__ == "__main__":
    port, kind, run, length, connections = sys.argv[1:]
    result = asyncio.run(_all(int(port), kind, int(run), float(length), int(connections)))
    sys.stdout.write(json.dumps(result))
