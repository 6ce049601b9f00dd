"""Polls the devices behind one address, one request after the other: each time a reading of every register.

What a device does not say becomes a reading of bad quality with the last good value. A register that never
had one gives a refused reading that says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sensormon.model import timestamps
from sensormon.model.clock import Clock
from sensormon.model.errors import SourceError
from sensormon.model.format import counted
from sensormon.model.readings import Batch, Reading, Reason, Rejection
from sensormon.sources.modbus.answers import (
    GATEWAY,
    NO_ANSWER,
    NO_VALUE,
    TOO_MUCH,
    hint_of_exception,
    quality_of_exception,
    words_of_exception,
)
from sensormon.sources.modbus.line import Answer, Line, LineLost, NoAnswer
from sensormon.sources.modbus.register import EXACT, FLOATS, Register, raw_value, scaled
from sensormon.sources.modbus.requests import Request
from sensormon.sources.modbus.schedule import Poll
from sensormon.sources.modbus.silence import Silence
from sensormon.sources.report import Report

FRUITLESS = 3
"""Polls without any answer after which the connection is opened again."""
SILENT = "the device does not answer"
LOST = "the connection was lost"


class Polling:
    """Of one source and one run."""

    def __init__(self, name: str, line: Line, clock: Clock, report: Report) -> None:
        self._name = name
        self._line = line
        self._clock = clock
        self._report = report
        self._last: dict[str, float | str] = {}
        self._silence = Silence()
        self._exceptions: dict[Request, int] = {}
        self._known: set[int] = set()
        self._heard = False
        self._fruitless = 0
        self._readings: list[Reading] = []
        self._refused: list[Rejection] = []

    @property
    def detail(self) -> str:
        """What is seen of the devices, in words."""
        silent = self._silence.devices
        parts = [f"{counted(len(self._known - set(silent)), 'device')} answering"]
        if silent:
            parts.append(f"silent: {', '.join(map(str, sorted(silent)[:10]))}")
        if self._exceptions:
            parts.append(f"{counted(len(self._exceptions), 'request')} refused")
        return ", ".join(parts)

    @property
    def heard(self) -> bool:
        """Whether the last poll was answered at all."""
        return self._heard

    def reconnected(self) -> None:
        """The connection is a new one."""
        self._silence.forget()
        self._fruitless = 0

    async def poll(self, poll: Poll) -> tuple[Batch, Sequence[Rejection]]:
        """Ask everything once."""
        self._readings, self._refused, self._heard = [], [], False
        silent = [request for request in poll.requests if self._silence.leaves_out(request)]
        await self._ask_each(poll, [request for request in poll.requests if request not in silent])
        await self._ask_silent(poll, silent)
        self._fruitless = 0 if self._heard or not self._line.connected else self._fruitless + 1
        if self._fruitless >= FRUITLESS:
            self._hang_up("nothing answers there")
        batch = Batch.of(self._readings, source=self._name, received=self._clock.now())
        return batch, tuple(self._refused)

    async def _ask_each(
        self, poll: Poll, requests: Sequence[Request], although: Request | None = None
    ) -> None:
        """All of these, and the parts that they are divided into; `although` it is silent."""
        waiting = deque(requests)
        while waiting:
            request = waiting.popleft()
            if not self._line.connected:
                self._without(request, NO_ANSWER, "there is no connection")
            elif self._silence.leaves_out(request) and request != although:
                self._without(request, NO_ANSWER, SILENT)
            else:
                waiting.extendleft(reversed(await self._ask(poll, request)))

    async def _ask_silent(self, poll: Poll, silent: Sequence[Request]) -> None:
        """What was silent before this poll, as long as there are answers."""
        if not self._known - set(self._silence.devices):
            self._silence.end_rest()
        left, tried = list(silent), set[int | Request]()
        while self._line.connected and (request := self._silence.next(left, tried, self._clock.now())):
            tried |= {request.device, request}
            left.remove(request)
            await self._ask_each(poll, [request], request)
            if self._silence.leaves_out(request):
                break
            ready = [each for each in left if not self._silence.leaves_out(each)]
            left = [each for each in left if each not in ready]
            await self._ask_each(poll, ready)
        for request in left:
            self._without(request, NO_ANSWER, SILENT)

    async def _ask(self, poll: Poll, request: Request) -> tuple[Request, ...]:
        """Ask this; the result is what to ask in its place."""
        asked = self._clock.now()
        try:
            answer = await self._line.read(request.device, request.table, request.address, request.count)
        except LineLost as lost:
            self._hang_up(str(lost))
            self._without(request, NO_ANSWER, LOST)
            return ()
        except NoAnswer:
            self._unanswered(
                request,
                asked,
                SILENT,
                "Check its number, its power and its line; a slow device needs a longer timeout",
            )
            return ()
        self._heard = True
        if answer.exception in GATEWAY:
            what, hint = words_of_exception(answer.exception), hint_of_exception(answer.exception)
            self._unanswered(request, asked, what, hint)
            return ()
        self._known.add(request.device)
        if self._silence.answered(request):
            self._report.note("a silent device answers again")
        if answer.exception in TOO_MUCH and len(parts := poll.divide(request, asked)) > 1:
            return parts
        if answer.exception:
            self._excepted(request, answer.exception)
        else:
            self._take(request, answer, asked)
        return ()

    def _take(self, request: Request, answer: Answer, asked: int) -> None:
        self._exceptions.pop(request, None)
        for register in request.registers:
            first = register.address - request.address
            raw = raw_value(register, answer.values[first : first + register.width])
            if abs(raw) > EXACT and register.type not in FLOATS:
                self._report.note("whole numbers above 2**53 were rounded")
            value = scaled(register, raw)
            if value is None:
                self._bad(register, asked, NO_VALUE, f"{register.place} has {raw}, which stands for no value")
            else:
                self._last[register.tag] = value
                self._readings.append(Reading(register.tag, asked, value))

    def _excepted(self, request: Request, code: int) -> None:
        what = words_of_exception(code)
        if self._exceptions.get(request) != code:
            self._exceptions[request] = code
            self._report.trouble(SourceError(what, where=_named(request), hint=hint_of_exception(code)))
        self._report.note(what)
        self._without(request, quality_of_exception(code), what)

    def _unanswered(self, request: Request, asked: int, what: str, hint: str) -> None:
        if self._silence.timed_out(request, asked, self._clock.now()):
            self._report.gap("a device became silent")
            self._report.trouble(SourceError(what, where=_named(request), hint=hint))
        self._without(request, NO_ANSWER, what)

    def _hang_up(self, why: str) -> None:
        self._line.close()
        self._report.gap(LOST)
        hint = (
            "sensormon opens it again by itself. If that happens often, look at the network and at how many "
            "connect there"
        )
        self._report.waiting(SourceError(why, where="connection", hint=hint))

    def _without(self, request: Request, quality: int, why: str) -> None:
        """No values came for this request."""
        now = self._clock.now()
        for register in request.registers:
            self._bad(register, now, quality, f"{register.place}: {why}")

    def _bad(self, register: Register, time: int, quality: int, why: str) -> None:
        last = self._last.get(register.tag)
        if last is not None:
            self._readings.append(Reading(register.tag, time, last, quality))
            return
        index = len(self._readings) + len(self._refused)
        text = timestamps.render(time)
        self._refused.append(
            Rejection(self._name, time, index, register.tag, text, "", Reason.NOT_A_NUMBER, why)
        )


def _named(request: Request) -> str:
    """What it reads and for which tags, for a person."""
    tags = [register.tag for register in request.registers]
    more = f" and {len(tags) - 1} more" if len(tags) > 1 else ""
    return f"{request.place} ({tags[0]}{more})"
