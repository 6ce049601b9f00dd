"""What the commands that copy a whole history share: names of stores, progress, the end, the report."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensormon.exchange.moving import Moved, move
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.errors import StoreUnavailable, UsageError
from sensormon.model.jobs import Progress
from sensormon.model.settings import DATABASE, POSTGRESQL, store_place
from sensormon.monitor.data_folder import holder_of
from sensormon.stores.opening import opened_to_fill
from sensormon.stores.protocol import Store
from sensormon.stores.tables import Snapshot

PATIENCE = 5.0
"""Seconds to wait for the connections of others to end."""
_PAUSE = 0.2
_SHOWN = 5


class Printed(Progress):
    """Progress as one line on standard error, where that is a terminal."""

    def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
        super().step(words, done, whole)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{words:<70}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{'':<70}\r")


def store_named(text: str) -> str:
    """The path or URL of a store as SENSORMON_STORE takes it; a data folder stands for the file in it.

    Raises UsageError for a URL that does not name a store.
    """
    if "://" in text:
        if not text.startswith(POSTGRESQL):
            raise UsageError(
                "this is not the URL of a store",
                where=store_place(text),
                hint="Give a file, a data folder or a URL that begins with postgresql://",
            )
        return text
    path = Path(text)
    return str(path / DATABASE if path.is_dir() or text.endswith("/") else path)


def same(source: str, target: str) -> bool:
    """Whether these two name the same store."""
    if "://" in source or "://" in target:
        return source == target
    return Path(source).resolve() == Path(target).resolve()


def fill(source: Snapshot, target: str, progress: Progress) -> Moved:
    """Copy this history into the store that `target` names, and put it in place if it is the same.

    Raises UsageError if that is in use or holds another history, and StoreError.
    """
    make_private()
    if "://" not in target:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    with explained(target), opened_to_fill(target) as (store, put_in_place):
        refuse_used(store, target, progress)
        moved = move(source, store.tables, lambda progress: _summarise(store, progress), progress)
        if not moved.differing:
            put_in_place()
    return moved


def make_private() -> None:
    """Have this process make only private files from now on."""
    os.umask(0o077)


def _summarise(store: Store, progress: Progress) -> None:
    while store.summarise(1):
        progress.step("summarising minutes")
    store.checkpoint()


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Say of a database file that is locked who holds it, if that is a monitor."""
    try:
        yield
    except StoreUnavailable as error:
        holder = None if "://" in place else holder_of(Path(place).parent)
        if holder is None:
            raise
        raise UsageError(
            f"its monitor is running (process {holder})", where=place, hint="Stop it first"
        ) from error


def refuse_used(store: Store, place: str, progress: Progress) -> None:
    """Raise UsageError if a collector or a dashboard has this store open, and does not end in `PATIENCE`.

    The connection of a process that was killed ends only once the server notices it.
    """
    clock, pause = SystemClock(), threading.Event()
    until = clock.now() + round(PATIENCE * SECOND)
    while users := store.tables.users():
        if clock.now() > until:
            connections = "1 connection" if users == 1 else f"{users} connections"
            raise UsageError(
                f"it is in use: collectors or dashboards have {connections} to it",
                where=store_place(place),
                hint="Stop them first, so that nothing changes meanwhile",
            )
        progress.step("waiting for the connections of others to end")
        clock.wait(pause, _PAUSE)


@dataclass(frozen=True)
class Ended:
    """What the report of a copy says beside its numbers."""

    source: str
    target: str
    seconds: float


def report(moved: Moved, ended: Ended, as_json: bool) -> int:
    """Print what was done, in words or as one line of JSON; 1 if the copy differs."""
    contents = moved.contents
    answer: dict[str, Any] = {
        "from": ended.source,
        "to": ended.target,
        "readings": contents.whole,
        "tag_days": len(contents.readings),
        "tables": {name: digest.rows for name, digest in contents.tables.items()},
        "rows_copied": moved.copied,
        "rows_before": moved.before,
        "differing": list(moved.differing),
        "seconds": round(ended.seconds, 3),
    }
    if as_json:
        print(json.dumps(answer))
    else:
        others = sum(digest.rows for digest in contents.tables.values())
        print(
            f"{contents.whole:,} readings of {len(contents.readings):,} tags and days and {others:,} other "
            f"rows are in {ended.target}: {moved.copied:,} rows copied, {moved.before:,} were there before"
        )
        if not moved.differing:
            print("counts and digests are equal on both sides")
    for place in moved.differing[:_SHOWN]:
        print(f"differs: {place}", file=sys.stderr)
    if moved.differing:
        print(
            f"the copy differs from {ended.source} in {len(moved.differing)} places and is not to be used: "
            "empty the target and begin again",
            file=sys.stderr,
        )
    return 1 if moved.differing else 0
