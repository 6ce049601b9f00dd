"""A session that runs in a thread of its own and keeps what arrives, for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from sensormon.model.clock import SystemClock
from sensormon.model.source_health import SourceHealth
from sensormon.sources.mqtt.session import Arrived, Broker, Publisher, Session
from sensormon.sources.report import Report

PATIENCE = 20.0


def until(reached: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until this is so."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it has not come to this in time"
        time.sleep(0.01)


class Listener:
    """Of a session with this broker; `gate` holds back the handling of messages while it is cleared."""

    def __init__(
        self,
        broker: Broker,
        subscriptions: Sequence[tuple[str, int]],
        *,
        password: str = "",
        clean: bool = False,
        fail_on: str = "",
    ) -> None:
        self.arrived: list[Arrived] = []
        self.publishers: list[Publisher] = []
        self.raised: BaseException | None = None
        self.gate = threading.Event()
        self.gate.set()
        self._fail_on = fail_on
        clock = SystemClock()
        self._report = Report("line", "mqtt", broker.place, clock)
        self._stopping = threading.Event()
        self.session = Session(broker, lambda: password, subscriptions, clean=clean)
        self._thread = threading.Thread(target=self._run, args=(clock,), daemon=True)
        self._thread.start()

    @property
    def health(self) -> SourceHealth:
        """What it reports of itself."""
        return self._report.health()

    @property
    def payloads(self) -> list[str]:
        """The payloads so far."""
        return [message.payload.decode() for message in self.arrived]

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return not self._thread.is_alive()

    def until_connected(self) -> Listener:
        """Itself, once the broker has answered the subscriptions."""
        until(lambda: bool(self.publishers))
        return self

    def stop(self) -> float:
        """End it; how many seconds that took."""
        began = time.monotonic()
        self._stopping.set()
        self.gate.set()
        self._thread.join(PATIENCE)
        return time.monotonic() - began

    def _run(self, clock: SystemClock) -> None:
        try:
            self.session.run(self._handle, self._report, self._stopping, clock, self.publishers.append)
        except RuntimeError as error:
            self.raised = error

    def _handle(self, messages: Sequence[Arrived]) -> None:
        self.gate.wait()
        if self._fail_on and any(self._fail_on in message.topic for message in messages):
            raise RuntimeError("the test wants it")
        self.arrived += messages
