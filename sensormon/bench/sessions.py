"""`bench sessions`: how long an ingested reading waits for its answer while people watch the Live page.

Viewers and posts run in processes of their own, of lower priority than the server's: in practice they are
on other machines. The reference is the bare app (`bare_live`) with as many viewers in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sensormon.bench.measured import (
    Figures,
    Measured,
    Size,
    load_since,
    machine_load,
    percentile,
    ratios,
)
from sensormon.bench.server import Server, running
from sensormon.model.settings import ROOT

RATE = 20.0
"""Posts a second, beside the readings of the simulator: one a second of each tag."""
SECONDS = 10.0
POSTED = "posted"
"""The tag that is posted; the simulator leaves it alone."""
READY = "every viewer has the board"
"""The line that the viewers print once each has its first answer; the count runs from then."""
BARE = Path(__file__).with_name("bare_live.py")
GENTLE = ("nice", "-n", "5")


def sessions(
    size: Size,
    seconds: float = SECONDS,
    viewers: tuple[int, ...] = (0, 5, 20),
    tags: tuple[int, ...] = (3, 1_000),
) -> Measured:
    """Times of single posts with these numbers of viewers, for these numbers of tags, and the bare app's."""
    load = machine_load()
    seconds = 6 * seconds if size.full else seconds
    figures: Figures = {}
    reference: Figures = {}
    for count in tags:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_tags(folder, count)
            with running(folder, SOURCE="simulator") as server:
                _until_settled(server, count)
                for watching in viewers:
                    figures |= _measured(server, f"{count:,} tags, {watching} viewers", watching, seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        with running(folder, str(BARE)) as server:
            _until_up(server)
            for watching in viewers:
                bare = _measured(server, "bare", watching, seconds)
                for count in tags:
                    again = f"{count:,} tags, {watching} viewers"
                    reference |= {key.replace("bare", again, 1): figure for key, figure in bare.items()}
    ratio = {key: value for key, value in ratios(figures, reference).items() if key.endswith(("p50", "p99"))}
    return Measured(figures, reference, ratio, load_since(load))


def _measured(server: Server, name: str, viewers: int, seconds: float) -> Figures:
    """Post at a steady rate while that many watch."""
    with _watching(server, viewers, seconds) as seen:
        before = server.processor_seconds()
        posts = _run(server, "posts", POSTED, str(RATE), str(seconds))
        cpu = server.processor_seconds() - before
    figures = {
        f"{name}, post ms p50": percentile(posts["taken"], 50),
        f"{name}, post ms p99": percentile(posts["taken"], 99),
        f"{name}, server's CPU, %": 100 * cpu / seconds,
        f"{name}, posts that were not taken": float(posts["failed"]),
    }
    if viewers:
        figures[f"{name}, board ms p99"] = percentile(seen["waited"], 99)
        figures[f"{name}, runs of fragments/s"] = seen["runs"] / seen["seconds"]
        figures[f"{name}, polls/s"] = (seen["boards"] + seen["strips"]) / seen["seconds"]
        figures[f"{name}, polls that failed"] = float(seen["failed"])
    return figures


@contextmanager
def _watching(server: Server, count: int, seconds: float) -> Iterator[dict[str, Any]]:
    """That many viewers, who have the page open when the block begins and until `seconds` are over.

    What they saw is in the dictionary once the block has ended.
    """
    seen: dict[str, Any] = {}
    if not count:
        yield seen
        return
    longer = seconds + 2
    with subprocess.Popen(
        [*GENTLE, *_command(server, "viewers", str(count), str(longer))], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        try:
            if process.stdout is None or process.stdout.readline().decode().strip() != READY:
                raise TimeoutError("the viewers did not get the page")
            yield seen
            seen |= json.loads(process.stdout.read())
            seen["seconds"] = longer
        finally:
            process.kill()


def _run(server: Server, module: str, *arguments: str) -> dict[str, Any]:
    process = subprocess.run(
        _command(server, module, *arguments),
        cwd=ROOT,
        env=dict(server.environment),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(process.stdout)
    return answer


def _command(server: Server, module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"sensormon.bench.{module}", str(server.port), *arguments]


def _until_settled(server: Server, tags: int) -> None:
    """Return once the past that the simulator fills in at its first start is stored."""
    server.wait(lambda stats: stats["stored"] > 0)
    server.wait(lambda _: json.loads(server.get("/api/health"))["source"] == "collecting")
    server.wait(lambda stats: stats["pending"] <= tags)  # at most one tick


def _until_up(server: Server) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            server.get("/_stcore/health")
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the bare app did not start")


def _write_tags(folder: Path, count: int) -> None:
    tags = "".join(
        f"[tags.tag_{place:04}]\nnormal = [{10 + place % 50}, {30 + place % 50}]\nresolution = 0.01\n"
        for place in range(count)
    )
    (folder / "tags.toml").write_text(f"{tags}[tags.{POSTED}]\nresolution = 0.01\nsimulated = false\n")
