"""`bench notify`: how soon a person is told, and what a flood of events does to people and to the ingest."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sensormon.bench.long_history import tag_name
from sensormon.bench.measured import (
    Figures,
    Measured,
    Size,
    load_since,
    machine_load,
    percentile,
    ratios,
    spread,
)
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify import notifications

WARM = 60
"""Readings of each tag before the clock runs: its detectors judge from then on."""
PARTS = 10
"""A second's readings come in so many batches."""
EVERY = 15
"""Seconds between two events of a tag: the one before has ended."""
LIMIT = 20
"""Messages an hour to a contact."""
GROUPS = (30, 0)
"""Seconds that each contact of the flood waits for events that belong together; 0: each by itself."""
PATIENCE = 120.0
"""Seconds until what does not come counts as lost."""


class Hook:
    """A webhook on this machine: when each event was told, and by whom what came."""

    def __init__(self) -> None:
        self.told: dict[int, float] = {}
        self.messages: Counter[tuple[str, str]] = Counter()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *_: object) -> None:
                del format

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        """Note a message."""
        message: dict[str, Any] = json.loads(body)
        now = time.perf_counter()
        self.messages[message["contact"], message["kind"]] += 1
        for event in message["events"]:
            self.told.setdefault(event["id"], now)

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()


def notify(
    size: Size,
    folder: Path | None = None,
    singles: int = 60,
    tags: int = 2_500,
    seconds: int = 60,
) -> Measured:
    """Seconds from an acknowledged reading to the message at a webhook; and what a flood of events leads to.

    The flood is `tags` with an event every `EVERY` seconds for a minute, 10,000 events, for two contacts with
    a limit of 20 messages an hour. Beside it is the same minute without anybody to tell. The reference of the
    first figure is a bare POST to the same webhook.
    """
    before = machine_load()
    seconds = 5 * seconds if size.full else seconds
    figures: Figures = {}
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        figures |= _soon(root / "soon", singles)
        reference = _bare(singles)
        quiet = _flood(root / "quiet", tags, seconds, groups=())
        flood = _flood(root / "flood", tags, seconds, groups=GROUPS)
    figures |= flood
    reference |= {name: figure for name, figure in quiet.items() if name.startswith("batch")}
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


def _soon(folder: Path, singles: int) -> Figures:
    """How soon each of these events, one after the other, is at the webhook, each by itself."""
    hook = Hook()
    with _monitor(folder, singles, hook, groups=(0,), limit=100_000) as monitor:
        acknowledged: dict[int, float] = {}
        for number in range(singles):
            receipt = monitor.submit(_batch([(number, 50.0)]))
            acknowledged[receipt.first_id] = time.perf_counter()
            time.sleep(0.37)  # at no fixed place between two steps of the sender
        _wait(lambda: len(hook.told) >= singles)
    hook.close()
    taken = [hook.told[event] - at for event, at in acknowledged.items()]
    return {
        "event to message, s p50": percentile(taken, 50) / 1e3,
        "event to message, s p95": percentile(taken, 95) / 1e3,
    }


def _bare(rounds: int) -> Figures:
    hook = Hook()
    body = json.dumps({"contact": "nobody", "kind": "event", "events": []}).encode()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", hook.port, timeout=30)
        connection.request("POST", "/hook", body)
        connection.getresponse().read()
        connection.close()
        taken.append(time.perf_counter() - began)
    hook.close()
    return {
        "event to message, s p50": percentile(taken, 50) / 1e3,
        "event to message, s p95": percentile(taken, 95) / 1e3,
    }


def _flood(folder: Path, tags: int, seconds: int, groups: tuple[int, ...]) -> Figures:
    """What comes of it, and how long a batch takes to be durable meanwhile."""
    hook = Hook()
    taken: list[float] = []
    with _monitor(folder, tags, hook, groups, limit=LIMIT) as monitor:
        begun, since = time.perf_counter(), monitor.clock.now()
        for step in range(PARTS * seconds):
            pause = begun + step / PARTS - time.perf_counter()
            time.sleep(max(0.0, pause))
            second = step // PARTS
            rows = [
                (tag, 50.0 if second % EVERY == tag % EVERY else _usual(second))
                for tag in range(step % PARTS, tags, PARTS)
            ]
            started = time.perf_counter()
            monitor.submit(_batch(rows))
            taken.append(time.perf_counter() - started)
        if groups:
            _wait_until_quiet(monitor, hook)
        now = monitor.clock.now()
        events = len(monitor.events.between(None, since - SECOND, now + SECOND))
    hook.close()
    figures = spread("batch durable, ms", taken) | {"events": float(events)}
    if groups:
        each = [
            sum(count for (to, _), count in hook.messages.items() if to == name) for name in _names(groups)
        ]
        digests = [hook.messages[name, "digest"] for name in _names(groups)]
        figures |= {
            "messages to a contact, most": float(max(each)),
            "digests to a contact, most": float(max(digests)),
        }
    return figures


@contextmanager
def _monitor(folder: Path, tags: int, hook: Hook, groups: tuple[int, ...], limit: int) -> Iterator[Monitor]:
    """A running one whose detectors know its tags, and whose contacts have this webhook."""
    folder.mkdir()
    table = folder / "tags.toml"
    table.write_text("".join(f"[tags.{tag_name(tag)}]\nresolution = 0.01\n" for tag in range(tags)))
    if groups:
        (folder / "notify.toml").write_text(
            "".join(
                f'[contacts.{name}]\nways = ["{hook.url}"]\ngroup = {group}\nlimit = "{limit}/hour"\n'
                "allow_private = true\n"
                for name, group in zip(_names(groups), groups, strict=True)
            )
            + f"[rules.all]\nto = {json.dumps(_names(groups))}\n"
        )
    monitor = Monitor(Settings(data_dir=folder, tags=table, source="none"), SystemClock())
    notifications.accompany(monitor)
    monitor.start()
    now = monitor.clock.now()
    for row in range(WARM):
        at = now - (WARM + EVERY - row) * SECOND
        monitor.submit(_batch([(tag, _usual(row)) for tag in range(tags)], at))
    _wait(lambda: not monitor.status().journal.depth_readings)
    try:
        yield monitor
    finally:
        monitor.stop()


def _wait_until_quiet(monitor: Monitor, hook: Hook) -> None:
    """Until the events that came last had the time to be told, and nothing waits."""
    until, counts = time.monotonic() + max(GROUPS) + 10, notifications.notifications_of(monitor).outbox.counts
    _wait(lambda: time.monotonic() > until and not counts().waiting and bool(hook.messages))


def _names(groups: tuple[int, ...]) -> list[str]:
    return [f"contact_{number}" for number in range(len(groups))]


def _usual(number: int) -> float:
    return 20.0 + 0.1 * (number % 5)


def _batch(rows: list[tuple[int, float]], at: int | None = None) -> Batch:
    now = time.time_ns() // 1_000 if at is None else at
    readings = [Reading(tag_name(tag), now, value) for tag, value in rows]
    return Batch.of(readings, source="bench", received=time.time_ns() // 1_000)


def _wait(condition: Callable[[], bool]) -> None:
    """Raises TimeoutError after `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"it did not come about within {PATIENCE:.0f} s")
        time.sleep(0.02)
