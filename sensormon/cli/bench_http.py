"""`bench http`: the load that the HTTP API of a real server takes, while pages are open.

It starts `streamlit run app.py` on a free port with a folder of its own, and the load in another
process: `python -m sensormon.cli.bench_http PORT KIND RUN SECONDS`. Each of 16 connections is a
gateway with its own tags that sends a request as soon as the last one is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sensormon.model.settings import ROOT

Figures = dict[str, float]

CONNECTIONS = 16
TAGS = 10
"""Tags per connection."""
BATCH = 1_000
SECONDS = 10.0
_STAMP = "@@@@@@@@@@@@@@@@@@@"


def http(seconds: float = SECONDS) -> Figures:
    """Single posts and batches of 1,000 per second, with their latency and that of pages meanwhile."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tags.toml").write_text(
            "".join(
                f'[tags."{_tag(c, t)}"]\nresolution = 0.01\n' for c in range(CONNECTIONS) for t in range(TAGS)
            )
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SENSORMON_")},
            "SENSORMON_DATA_DIR": str(folder / "data"),
            "SENSORMON_TAGS": str(folder / "tags.toml"),
            "SENSORMON_SOURCE": "none",
            "SENSORMON_TOKEN": secrets.token_hex(),
        }
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        server = subprocess.Popen(  # noqa: S603  the command is our own
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(port, lambda _: True)
            sent = 0
            for run, kind in enumerate(("single", "batch")):
                _load(port, environment, kind, 2 * run, 1.0)
                before = _cpu_seconds(server.pid)
                answers, pages = _load(port, environment, kind, 2 * run + 1, seconds)
                answers["cpu"] = _cpu_seconds(server.pid) - before
                waiting, since = _wait(port, lambda _: True)["pending"], time.perf_counter()
                sent = _wait(port, lambda stats: stats["pending"] == 0)["received"]
                answers["behind"] = (waiting, time.perf_counter() - since)
                figures |= _figures(kind, answers, pages)
            stats = _wait(port, lambda stats: stats["pending"] == 0)
            figures["readings rejected"] = stats["rejected"]
            figures["received and not accounted for"] = sent - stats["stored"] - stats["rejected"]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    return figures


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


def _load(
    port: int, environment: dict[str, str], kind: str, run: int, seconds: float
) -> tuple[dict[str, Any], list[float]]:
    """Run the load in another process and meanwhile request pages; how long (s) each page took."""
    command = [sys.executable, "-m", "sensormon.cli.bench_http", str(port), kind, str(run), str(seconds)]
    pages = []
    with tempfile.TemporaryFile() as output:
        load = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output)  # noqa: S603  our own too
        while load.poll() is None:
            for path in ("/", "/_stcore/health", "/api/health"):
                started = time.perf_counter()
                _get(port, path)
                pages.append(time.perf_counter() - started)
            time.sleep(0.2)
        output.seek(0)
        return json.loads(output.read()), pages


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process: it tells a slow server from a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _get(port: int, path: str) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    return body


def _wait(port: int, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            stats: dict[str, Any] = json.loads(_get(port, "/api/stats"))
            if condition(stats):
                return stats
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server did not get this far within two minutes")


# -- the load -----------------------------------------------------------------


def _tag(connection: int, tag: int) -> str:
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
                f'"tag":"{_tag(number, count % TAGS)}","value":{value:.3f}}}'
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
        f'{{"timestamp":"{_STAMP}.{row:03d}Z","tag":"{_tag(number, row % TAGS)}",'
        f'"value":{37 + row * 7919 % 100 / 1000:.3f}}}'
        for row in range(BATCH)
    ]
    return f"[{','.join(rows)}]".encode()


async def _all(port: int, kind: str, run: int, seconds: float) -> dict[str, Any]:
    times: list[float] = []
    started = time.perf_counter()
    failed = await asyncio.gather(
        *(_gateway(number, port, kind, run, started + seconds, times) for number in range(CONNECTIONS))
    )
    return {"seconds": time.perf_counter() - started, "milliseconds": times, "failed": sum(failed)}


if __name__ == "__main__":
    result = asyncio.run(_all(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    sys.stdout.write(json.dumps(result))
