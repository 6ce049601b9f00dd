"""What follows from an answer: sent, tried again and when, by the next way, or given up.

Pure functions. The ways of a contact are tried in order: one that refuses for good, or has failed
`FEW` times, is followed by the next at once. Once each has had its turn they take turns, at longer and
longer distances, until `LONGEST` has passed. A server that asks to be left alone is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sensormon.model.clock import HOUR, MINUTE, SECOND
from sensormon.notify.messages import TRIES, Message, MessageState, Try

BACKOFF = (1, 2, 5, 15, 60)
"""Minutes before the next try, by failures; the last value for all further ones."""
FEW = 3
"""Failures after which the next way is tried."""
LONGEST = 24 * HOUR
"""µs after the first try at which a message is given up."""
PATIENCE = 5 * MINUTE
"""If a server asks for more than this (µs) the next way is tried meanwhile."""


@dataclass(frozen=True)
class Outcome:
    """What a way answered; see `ways.delivery.Answer`. `wait` is in seconds, None if nothing was asked."""

    delivered: bool
    words: str
    lasting: bool = False
    wait: float | None = None


def after(message: Message, outcome: Outcome, ways: int, now: int) -> Message:
    """The version of this message after a try by `message.way` at `now`, for a contact with so many ways."""
    calm = now + round(outcome.wait * SECOND) if outcome.wait and not outcome.delivered else 0
    attempt = Try(now, message.way, outcome.delivered, outcome.words, outcome.lasting, calm)
    begun = message.begun or now
    message = replace(message, begun=begun)
    if outcome.delivered:
        return message.tried(attempt, MessageState.SENT, way=message.way)
    tries = [*(each for each in message.tries if each.time >= begun), attempt][-TRIES:]
    turn = _next_turn(tries, message.attempts + 1, ways, now)
    if turn is None or turn[1] - begun > LONGEST:
        return message.tried(attempt, MessageState.FAILED, way=message.way)
    way, due = turn
    return message.tried(attempt, MessageState.WAITING, due, way)


def _next_turn(tries: list[Try], attempts: int, ways: int, now: int) -> tuple[int, int] | None:
    """The next way and when it is tried; None if all have refused for good."""
    refused = {each.way for each in tries if each.lasting}
    usable = [way for way in range(ways) if way not in refused]
    if not usable:
        return None
    failures = {way: sum(each.way == way for each in tries) for way in usable}
    calm = {way: max((each.calm for each in tries if each.way == way), default=0) for way in usable}
    if len(tries) < TRIES:
        for way in usable:
            if failures[way] < FEW and calm[way] - now <= PATIENCE:
                pause = BACKOFF[failures[way] - 1] * MINUTE if failures[way] else 0
                return way, max(now + pause, calm[way])
    later = [way for way in usable if way > tries[-1].way]
    if later:  # in the same round
        return later[0], max(now, calm[later[0]])
    rounds = max(*failures.values(), attempts // ways if len(tries) == TRIES else 0, 1)
    pause = BACKOFF[min(rounds, len(BACKOFF)) - 1] * MINUTE
    return usable[0], max(now + pause, calm[usable[0]])
