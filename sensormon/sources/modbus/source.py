"""Runs a source that speaks Modbus TCP: connects, polls, hands over, connects again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from sensormon.model.clock import SECOND
from sensormon.model.errors import SourceError
from sensormon.sources.connected import ConnectedSource, Explorer, Intake, Secret, Stopping
from sensormon.sources.modbus.explorer import ModbusExplorer
from sensormon.sources.modbus.kind import ModbusSource
from sensormon.sources.modbus.line import Line
from sensormon.sources.modbus.polling import Polling
from sensormon.sources.modbus.schedule import Poll, polls_of
from sensormon.sources.report import Report

RECONNECT = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds until the next try to connect; the last value for all further tries."""
LOOK = 0.1
"""Seconds between two looks whether a request in progress is to be given up."""
MISSED = "polls were missed"

Result = TypeVar("Result")


def open_source(config: ModbusSource, secret: Secret) -> ConnectedSource:
    """A source that can run. Modbus has no secrets."""
    del secret
    return ModbusRun(config)


def explore(config: ModbusSource, secret: Secret) -> Explorer:
    """What a page asks of it."""
    del secret
    return ModbusExplorer(config)


class ModbusRun:
    """See `ConnectedSource`. All its work is done in the thread that calls `run`."""

    def __init__(self, config: ModbusSource) -> None:
        self._config = config
        self._tries = 0
        self._next_try = 0

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """See `ConnectedSource.run`."""
        config, clock = self._config, intake.clock
        if not config.registers:
            raise SourceError(
                "it names no registers", hint="Add [[sources.NAME.registers]], or browse and pick"
            )
        intake.offer_tags([register.as_tag for register in config.registers])
        line = Line(config.host, config.port, config.timeout)
        polling = Polling(config.name, line, clock, report)
        polls = polls_of(config.registers, clock.now())
        with asyncio.Runner() as runner:
            try:
                while not stopping.is_set():
                    if not line.connected and clock.now() >= self._next_try:
                        self._connect(runner, line, polling, report, stopping, clock.now())
                    poll = min(polls, key=lambda each: each.due)
                    if clock.now() >= poll.due:
                        self._poll(runner, poll, polling, intake, report, stopping)
                    else:
                        self._rest(polls, line, intake, stopping)
            finally:
                line.close()
                runner.run(asyncio.sleep(0))  # lets the transport end

    def _connect(
        self,
        runner: asyncio.Runner,
        line: Line,
        polling: Polling,
        report: Report,
        stopping: threading.Event,
        now: int,
    ) -> None:
        report.connecting()
        try:
            runner.run(_unless(stopping, line.connect()))
        except SourceError as error:
            report.waiting(error)
            wait = RECONNECT[min(self._tries, len(RECONNECT) - 1)]
            self._tries += 1
            self._next_try = now + round(wait * SECOND)
        else:
            self._tries = 0
            self._next_try = 0
            polling.reconnected()
            report.connected()

    def _poll(
        self,
        runner: asyncio.Runner,
        poll: Poll,
        polling: Polling,
        intake: Intake,
        report: Report,
        stopping: threading.Event,
    ) -> None:
        if missed := poll.begin(intake.clock.now()):
            report.gap(MISSED)
            if missed > 1:
                report.note(MISSED, missed - 1)
        batch, refused = runner.run(_unless(stopping, polling.poll(poll)))
        if polling.heard:
            report.connected(polling.detail)
        intake.take(batch, refused)

    def _rest(self, polls: tuple[Poll, ...], line: Line, intake: Intake, stopping: threading.Event) -> None:
        """Wait until something is to be done."""
        now = intake.clock.now()
        for poll in polls:
            poll.keep_step(now)
        until = min(poll.due for poll in polls)
        if not line.connected:
            until = min(until, max(now, min(self._next_try, now + round(RECONNECT[-1] * SECOND))))
        intake.clock.wait(stopping, (until - now) / SECOND)


async def _unless(stopping: threading.Event, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of this work. Raises Stopping once the event is set, at which the work is given up."""
    task = asyncio.ensure_future(work)
    while not task.done():
        if stopping.is_set():
            task.cancel()
            await asyncio.wait({task})
            raise Stopping
        await asyncio.wait({task}, timeout=LOOK)
    return task.result()
