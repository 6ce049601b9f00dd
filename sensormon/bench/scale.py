"""`bench scale`: what one PostgreSQL takes from one, two and four collectors, and from two API processes.

The server is a child process that syncs to disk as in life. Each worker is a process with a journal of its
own, in records of a tick of 1,000 tags, which it drains into the database; beside it, in the same run,
processes that only COPY the same rows, with the watermark in the transaction. The API processes have watches
on the parts of a write (`timed_app`), which cost them a hundredth. What it is not: several machines; workers,
server and load share the processors of this one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sensormon.bench.http import CONNECTIONS, TAGS, load, tag_of
from sensormon.bench.judging import KINDS, rows, tag_table, version_of
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, seconds
from sensormon.bench.parts import EVERY, NOTES, Spent, microseconds_a_request, noted
from sensormon.bench.postgresql_server import PostgreSQLServer
from sensormon.bench.server import Server, processor_seconds_of, running
from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.loader import BEHIND, Loader
from sensormon.ingest.pipeline import Pipeline
from sensormon.journal.journal import Journal
from sensormon.model.clock import SystemClock
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.errors import StoreError
from sensormon.model.reading_ids import Sliced
from sensormon.model.settings import ROOT
from sensormon.stores.columns import reading_columns
from sensormon.stores.opening import open_store
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_load import set_watermark, watermark
from sensormon.stores.postgresql_tables import as_kept, copy_in

WORKERS = (1, 2, 4)
TICK = 1_000
"""Readings of a record: a tick of as many tags."""
READINGS = 200_000
"""Of each worker."""
SECONDS = 5.0
"""Of load on the API."""
LONGEST = 300.0
TIMED = Path(__file__).with_name("timed_app.py")
PLANT = 10_000
"""Requests a second of the plant whose cores are worked out."""


def scale(size: Size) -> Measured:
    """Readings per second of 1, 2 and 4 workers, and requests per second of 1 and 2 API processes.

    `size.readings` are those of each worker. Raises UsageError if no PostgreSQL server is installed.
    """
    before = machine_load()
    figures: Figures = {}
    reference: Figures = {}
    ticks = max(1, (size.readings or READINGS * (5 if size.full else 1)) // TICK)
    server = PostgreSQLServer(durable=True, settings=("shared_buffers=256MB", "max_wal_size=4GB"))
    try:
        with tempfile.TemporaryDirectory() as name:
            for count in WORKERS:
                title = f"{count} worker{'s' * (count > 1)}, readings/s"
                for kind, answers in (("copy", reference), ("drain", figures)):
                    folder = Path(name) / f"{kind} {count}"
                    answers[title] = _together(kind, folder, server.new_database(), count, ticks)
            for count in (1, 2):
                figures |= _api(Path(name), server, count, SECONDS * (6 if size.full else 1))
    finally:
        server.stop()
    costs = figures["2 API processes, their CPU, µs a request"]
    database = figures["2 API processes, PostgreSQL's CPU, µs a request"]
    figures[f"cores for {PLANT:,} requests/s, API and PostgreSQL"] = (costs + database) * PLANT / 1e6
    ratio = {title: figures[title] / alone for title, alone in reference.items()}
    ratio["2 API processes to 1"] = (
        figures["2 API processes, single posts/s"] / figures["1 API process, single posts/s"]
    )
    return Measured(figures, reference, ratio, load_since(before))


def _together(kind: str, folder: Path, url: str, count: int, ticks: int) -> float:
    """Readings per second of this many processes that begin together, each with its own readings."""
    store = open_store(url)
    store.open()  # makes the tables
    store.close()
    folder.mkdir()
    workers = [_Worker(kind, folder / str(number), url, number, ticks) for number in range(count)]
    try:
        for worker in workers:
            worker.wait()
        return count * ticks * TICK / seconds(lambda: _work(workers))
    finally:
        for worker in workers:
            worker.end()


def _work(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.begin()
    for worker in workers:
        worker.wait()


class _Worker:
    """A process that prepares its readings, reports that it is ready, and starts on command."""

    def __init__(self, kind: str, folder: Path, url: str, number: int, ticks: int) -> None:
        command = [sys.executable, "-m", "sensormon.bench.scale", kind, str(folder), url]
        self._process = subprocess.Popen(
            [*command, str(number), str(ticks)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> None:
        """Returns when it is ready or, once it has begun, done."""
        if not (self._process.stdout and self._process.stdout.readline()):
            raise StoreError("a worker has ended", where="bench scale", hint="Its message is above")

    def begin(self) -> None:
        if self._process.stdin:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


# -- one worker ------------------------------------------------------------------


def _worker(kind: str, folder: Path, url: str, number: int, ticks: int) -> None:
    folder.mkdir()
    tags = tag_table(TICK)
    judge, ids = Pipeline(tags, version_of(KINDS["z-score"])), Sliced(number)
    journal = Journal(folder / "journal", fdatasync=lambda _: None)
    records, received = [], 0
    for tick in range(ticks):
        processed = judge.process(rows(tags.names, tick, 1))
        received += len(processed.accepted)
        entry = BatchEntry(ids.first(0, TICK), {f"bench {number}": received}, processed)
        ids.taken(entry.first_id + len(processed.accepted))
        records.append(Record(journal.append(entry), entry))
    work = _copying(url, journal.writer, records) if kind == "copy" else _draining(folder, journal, url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    work()
    sys.stdout.write("done\n")
    sys.stdout.flush()


def _draining(folder: Path, journal: Journal, url: str) -> Any:
    """What takes everything from the journal into the database."""
    loader = Loader(journal, open_store(url), DeadLetters(folder), SystemClock())

    def work() -> None:
        if not loader.drain(LONGEST):
            raise StoreError(loader.status().problem or "the store is too slow", where=url)

    return work


def _copying(url: str, writer: str, records: Sequence[Record]) -> Any:
    """What copies the same rows, ready as tables, in transactions of as many readings as the loader takes."""
    database = Database(url, read_only=False)
    database.open()
    store = open_store(url)
    store.open()
    store.load(writer, records[:1])  # makes the partitions
    store.close()
    step = max(1, BEHIND // TICK)
    pieces = [records[first : first + step] for first in range(1, len(records), step)]
    tables = [as_kept(reading_columns(piece)) for piece in pieces]

    def work() -> None:
        for piece, table in zip(pieces, tables, strict=True):
            with database.transaction("copy") as cursor:
                watermark(cursor, writer)
                copy_in(cursor, "readings", table)
                set_watermark(cursor, writer, piece)

    return work


# -- the API ---------------------------------------------------------------------


def _api(folder: Path, server: PostgreSQLServer, count: int, length: float) -> Figures:
    """Requests per second of this many API processes on one database, each with half or all of the load."""
    url = server.new_database()
    name = f"{count} API process{'es' * (count > 1)}"
    with ThreadPoolExecutor(count) as threads:
        homes = [_home(folder / f"api {count} {at}") for at in range(count)]
        opened = [running(home, app=str(TIMED), **_shared(url, at)) for at, home in enumerate(homes)]
        apis = [each.__enter__() for each in opened]
        try:
            for api in apis:
                api.wait(lambda _: True)
            share = CONNECTIONS // count
            list(threads.map(lambda api: load(api, "single", 0, 1.0, share), apis))
            before = [_parts(home) for home in homes]
            spent = [_spent(apis), processor_seconds_of(server.process.pid)]
            started = time.perf_counter()
            answers = list(threads.map(lambda api: load(api, "single", 1, length, share), apis))
            took = time.perf_counter() - started
            spent = [_spent(apis) - spent[0], processor_seconds_of(server.process.pid) - spent[1]]
            parts = [_parts(home).since(first) for home, first in zip(homes, before, strict=True)]
        finally:
            for each in opened:
                each.__exit__(None, None, None)
    requests = sum(len(answer["milliseconds"]) for answer in answers)
    their = "its" if count == 1 else "their"
    return {
        f"{name}, single posts/s": sum(len(a["milliseconds"]) / a["seconds"] for a in answers),
        f"{name}, answers that were not 201": sum(answer["failed"] for answer in answers),
        f"{name}, {their} CPU, µs a request": spent[0] / requests * 1e6,
        **{
            f"{name}, of it {part}, µs a request": cost
            for part, cost in microseconds_a_request(parts).items()
        },
        f"{name}, PostgreSQL's CPU, µs a request": spent[1] / requests * 1e6,
        f"{name}, processors in use": sum(spent) / took,
    }


def _home(folder: Path) -> Path:
    folder.mkdir()
    names = [tag_of(connection, tag) for connection in range(CONNECTIONS) for tag in range(TAGS)]
    (folder / "tags.toml").write_text("".join(f'[tags."{name}"]\nresolution = 0.01\n' for name in names))
    return folder


def _shared(url: str, number: int) -> dict[str, str]:
    return {"SOURCE": "none", "STORE": url, "COLLECTOR": f"api {number}"}


def _parts(home: Path) -> Spent:
    """What the parts of this API process have taken; waits until what was before is noted."""
    time.sleep(2 * EVERY)
    return noted(home / "data" / NOTES)


def _spent(apis: Sequence[Server]) -> float:
    return sum(api.processor_seconds() for api in apis)


if __name__ == "__main__":
    _worker(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
