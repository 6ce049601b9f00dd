"""A process that tells people is killed again and again: nothing is lost, and little is repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.postgresql import PostgreSQL
from tests.support.receiver import Receiver, Request, accepts
from tests.support.told_feeder import PLACES, prepare

KILLS = 12
PATIENCE = 90.0
"""Seconds for what is to come about, on a busy machine."""


class Plant:
    """A process that takes in spikes and tells of them; `spikes` has the events that it acknowledged."""

    def __init__(self, folder: Path, store: str = "") -> None:
        self.folder, self.store = folder, store
        self.spikes: set[int] = set()
        self.next = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self, pace: float, where: str = "", seed: int = 0) -> None:
        """Start it, and wait until it takes readings."""
        arguments = [str(self.folder), self.store, str(self.next), str(pace), where, str(seed)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.told_feeder", *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self._reader = threading.Thread(target=self._read, args=[self._process])
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            if line.endswith("\n"):  # it may have been killed in the middle of a line
                number, event = map(int, line.split())
                self.spikes.add(event)
                self.next = number + 1

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill it, unless it has done so itself."""
        assert self._process is not None
        if self.runs:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self.next += 1  # a spike may have been taken in that was not written any more: its tag has an event
        assert self._process.stdout is not None
        self._process.stdout.close()


def told(receiver: Receiver) -> set[int]:
    """The events that messages told of."""
    return {event["id"] for request in [*receiver.received] for event in request.json["events"]}


def repetitions(receiver: Receiver) -> int:
    """How many messages came again; a message of other content under the same key counts as wrong."""
    messages = [request.json for request in receiver.received]
    by_key: dict[str, set[tuple[int, ...]]] = {}
    for request, message in zip(receiver.received, messages, strict=True):
        assert request.headers["idempotency-key"] == message["key"]
        by_key.setdefault(message["key"], set()).add(tuple(event["id"] for event in message["events"]))
    assert all(len(contents) == 1 for contents in by_key.values())
    events = Counter(event for contents in by_key.values() for ids in contents for event in ids)
    assert all(count == 1 for count in events.values()), "an event was told under two keys"
    return len(messages) - len(by_key)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
    """Wait until it holds; returns how long (s) that took."""
    began = time.monotonic()
    pause = threading.Event()
    while not condition():
        assert time.monotonic() - began < seconds, what
        pause.wait(0.05)
    return time.monotonic() - began


@pytest.mark.long
def test_kills_at_any_point_lose_nothing_and_repeat_at_most_one_message_each(
    tmp_path: Path, receiver: Receiver
) -> None:
    moments = np.random.default_rng(7).uniform(0.0, 2.0, KILLS)
    plant = Plant(tmp_path / "data")
    prepare(plant.folder, [f"http://127.0.0.1:{receiver.port}/hook"])
    places = [*PLACES, "request", "any"]
    for kill in range(KILLS):
        where = places[kill % len(places)]
        arrived = threading.Event()
        receiver.behaviour = _kept_waiting(arrived) if where == "request" else accepts
        plant.start(pace=0.1, where=where, seed=kill)
        if where in PLACES:
            wait_for(lambda: not plant.runs, f"it did not kill itself in {where}")
        elif where == "request":
            assert arrived.wait(PATIENCE)
        else:
            threading.Event().wait(moments[kill])
        plant.kill()
    receiver.behaviour = accepts
    plant.start(pace=0)
    wait_for(lambda: told(receiver) >= plant.spikes, "not every event was told")
    plant.kill()
    assert len(plant.spikes) >= KILLS
    assert repetitions(receiver) <= KILLS + 1


def _kept_waiting(arrived: threading.Event) -> Callable[[Request], None]:
    """Takes a message and does not answer: the process is killed meanwhile."""

    def behaviour(request: Request) -> None:
        arrived.set()
        request.pause(30)

    return behaviour


@pytest.mark.long
def test_another_process_sends_within_30_seconds_what_a_killed_one_did_not(
    tmp_path: Path, receiver: Receiver, postgresql: PostgreSQL
) -> None:
    url = postgresql.new_database()
    ways = [f"http://127.0.0.1:{receiver.port}/hook"]
    first, second = (Plant(tmp_path / name, url) for name in ("first", "second"))
    for plant in (first, second):
        prepare(plant.folder, ways)
    first.start(pace=2.0)
    wait_for(lambda: len(told(receiver)) > 3, "the first does not tell")
    second.next = 100
    second.start(pace=1.0, where="warm")
    wait_for(
        lambda: len(told(receiver) & second.spikes) > 3, "the first does not tell of the second's events"
    )
    arrived = threading.Event()
    receiver.behaviour = _kept_waiting(arrived)
    assert arrived.wait(PATIENCE)
    known = second.spikes.copy()
    wait_for(lambda: len(second.spikes - known) > 3, "nothing comes in")
    missing = second.spikes - told(receiver)
    assert missing
    receiver.behaviour = accepts
    first.kill()
    took = wait_for(lambda: told(receiver) >= missing, "the second does not take over")
    assert took < 30
    second.kill()
    first.start(pace=0)  # what only its journal had
    wait_for(lambda: told(receiver) >= first.spikes, "not every event was told")
    first.kill()
    assert repetitions(receiver) <= 2
