"""`bench memory`: what all processes of a monitor take together."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sensormon.bench.long_history import make_history, tag_name
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load
from sensormon.bench.only_libraries import only_libraries, wait_for_answer
from sensormon.bench.restart import compile_all
from sensormon.bench.server import Server, running
from sensormon.model.readings import SIMULATOR
from sensormon.model.settings import read_settings

_QUERIES = (
    "/api/data?limit=10000",
    "/api/data?tag=tag_0001&limit=100000",
    "/api/anomalies?limit=10000",
    "/api/tags",
    "/api/stats",
    "/api/metrics",
)
"""What reads a lot over HTTP."""


def memory(
    size: Size, folder: Path | None = None, readings: int = 1_000_000, seconds: float = 20.0
) -> Measured:
    """MB of all processes together, pages that two share counted once.

    Of a new monitor of 3 simulated tags, of one of 1,000, of one with a long stored history, and of that one
    after queries over all of it. Each has run for `seconds` when it is measured. The reference is an app of
    Streamlit's that only imports the same libraries.
    """
    before = machine_load()
    readings = size.readings or readings
    seconds = 120.0 if size.full else seconds
    figures: Figures = {}
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        compile_all(root)  # which takes memory once in the life of an installation
        (root / "bare").mkdir()
        with only_libraries(root / "bare") as server:
            wait_for_answer(server)
            reference = {"an app that only imports the libraries, MB": server.memory()}
        for tags in (3, 1_000):
            place = _folder(root, f"fresh-{tags}", tags)
            with running(place, SOURCE=SIMULATOR) as server:
                figures[f"fresh, {tags:,} tags, MB"] = _after(server, tags, seconds)
        place = _folder(root, "long", 3)
        environment = {
            "SENSORMON_DATA_DIR": str(place / "data"),
            "SENSORMON_TAGS": str(place / "tags.toml"),
        }
        make_history(read_settings(environment), readings, 3, time.time_ns() // 1000)
        with running(place, SOURCE=SIMULATOR) as server:
            figures[f"{readings:,} readings stored, MB"] = _after(server, 3, seconds)
            for path in _QUERIES:
                server.get(path)
            figures["after queries, MB"] = server.memory()
    bare = next(iter(reference.values()))
    return Measured(
        figures, reference, {key: value / bare for key, value in figures.items()}, load_since(before)
    )


def _after(server: Server, tags: int, seconds: float) -> float:
    """MB after its source has delivered some ticks and this many seconds have passed."""
    server.wait(lambda stats: stats["sources"].get(SIMULATOR, {}).get("received", 0) >= 3 * tags)
    time.sleep(seconds)
    return server.memory()


def _folder(root: Path, name: str, tags: int) -> Path:
    folder = root / name
    folder.mkdir()
    names: Sequence[str] = [tag_name(place) for place in range(tags)]
    (folder / "tags.toml").write_text("".join(f"[tags.{tag}]\nresolution = 0.01\n" for tag in names))
    return folder
