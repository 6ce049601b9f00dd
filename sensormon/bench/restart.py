"""`bench restart`: how long a monitor takes from the start of its process to its first reading."""

from __future__ import annotations

import compileall
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from sensormon.bench.long_history import make_history, tag_name
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load
from sensormon.bench.only_libraries import only_libraries, wait_for_answer
from sensormon.bench.server import Stats, running
from sensormon.ingest.detector_state import EVERY, write_states
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.recovery import settings_in_force
from sensormon.journal.journal import Journal
from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, SettingsEntry
from sensormon.model.readings import SIMULATOR, Batch
from sensormon.model.settings import ROOT, Settings, read_settings
from sensormon.model.tags import read_tags

MEGABYTE = 1_000_000
_BEFORE = "api"
"""Where the readings of the journal came from."""


def restart(
    size: Size,
    folder: Path | None = None,
    readings: int = 1_000_000,
    megabytes: tuple[int, ...] = (16, 40),
) -> Measured:
    """Seconds from the start of the process until the first reading of its source is acknowledged.

    In an empty folder, with a long stored history, and with a journal that the store has nothing of, in
    records of three readings of 3 tags and of a thousand readings of 1,000 tags. The reference is the time in
    which an app of Streamlit's answers that only imports the same libraries. Beside both is the time of the
    processor, in which other programs do not count. Everything that is compiled is on disk before: the
    detectors, and the package's own modules even where the environment keeps Python from writing them.
    """
    before = machine_load()
    readings = size.readings or readings
    megabytes = (16, 200) if size.full else megabytes
    figures: Figures = {}
    reference: Figures = {}
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        compile_all(root)
        (root / "bare").mkdir()
        _bare(root / "bare")  # the first start reads every file from the disk
        reference |= _bare(root / "bare")
        figures |= _started(root, "empty", lambda settings: _tags(settings, 3))
        figures |= _started(
            root,
            f"{readings:,} readings stored",
            lambda settings: make_history(settings, readings, 3, time.time_ns() // 1000),
        )
        for tags in (3, 1_000):
            for size_of_journal in megabytes:
                fill = partial(make_journal, size=size_of_journal * MEGABYTE, tags=tags)
                figures |= _started(root, f"journal of {size_of_journal} MB in records of {tags}", fill)
    ratio = {
        name: figure / next(iter(reference.values()))
        for name, figure in figures.items()
        if name.endswith(", s")
    }
    return Measured(figures, reference, ratio, load_since(before))


def compile_all(folder: Path) -> None:
    """Have detectors and modules on disk as after the first start of an installation ever."""
    for name in ("sensormon", "pages"):
        compileall.compile_dir(ROOT / name, quiet=2)  # a folder that cannot be written stays as it is
    compile_kernels(folder)


def compile_kernels(folder: Path) -> None:
    """Have the compiled detectors on disk, as after the first start of an installation ever."""
    make_journal(_settings(folder / "compiled"), 10_000, 3)


def make_journal(settings: Settings, size: int, tags: int) -> None:
    """A data folder whose journal has `size` bytes, in records with a reading of each tag; no database.

    As a monitor leaves it that could not reach its store and was killed: what its detectors remembered was
    saved every `EVERY` seconds.
    """
    _tags(settings, tags)
    table = read_tags(settings.tags)
    now = time.time_ns() // 1000 - 24 * 3600 * SECOND
    version = settings_in_force(None, settings, now)
    pipeline = Pipeline(table, version)
    rng = np.random.default_rng(0)
    journal = Journal(settings.data_dir / "journal", fdatasync=lambda _: None)
    journal.append(SettingsEntry(version))
    first_id, saved = 1, now
    while journal.size < size:
        now += SECOND // 10
        batch = Batch(
            source=_BEFORE,
            received=now,
            tags=table.names,
            tag=np.arange(tags, dtype=np.int32),
            time=np.full(tags, now),
            value=np.round(20 + rng.normal(size=tags), 2),
            quality=np.zeros(tags, dtype=np.uint32),
        )
        processed = pipeline.process(batch)
        journal.append(BatchEntry(first_id, {_BEFORE: first_id - 1 + tags}, processed))
        first_id += tags
        if now - saved >= EVERY * SECOND:
            write_states(settings.data_dir, version, pipeline.saved_states())
            saved = now
    journal.close()


def _started(root: Path, name: str, fill: Callable[[Settings], None]) -> Figures:
    folder = root / name.replace(" ", "-")
    fill(_settings(folder))
    started = time.perf_counter()
    with running(folder, SOURCE=SIMULATOR) as server:
        server.wait(_collects)
        return {
            f"{name}, s": time.perf_counter() - started,
            f"{name}, processor s": server.processor_seconds(),
        }


def _settings(folder: Path) -> Settings:
    folder.mkdir()
    return read_settings(
        {"SENSORMON_DATA_DIR": str(folder / "data"), "SENSORMON_TAGS": str(folder / "tags.toml")}
    )


def _collects(stats: Stats) -> bool:
    received: int = stats["sources"].get(SIMULATOR, {}).get("received", 0)
    return received > 0


def _bare(folder: Path) -> Figures:
    started = time.perf_counter()
    with only_libraries(folder) as server:
        wait_for_answer(server)
        taken = time.perf_counter() - started
        return {
            "an app that only imports the libraries, s": taken,
            "its processor s": server.processor_seconds(),
        }


def _tags(settings: Settings, tags: int) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.tags.write_text(
        "".join(f"[tags.{tag_name(place)}]\nresolution = 0.01\n" for place in range(tags))
    )
