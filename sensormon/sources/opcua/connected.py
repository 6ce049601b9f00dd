"""What a source does with a session: looks at its nodes, subscribes or polls, fills gaps, tries again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncua import ua

from sensormon.model.clock import SECOND
from sensormon.model.format import counted
from sensormon.sources.opcua import items
from sensormon.sources.opcua.delivery import GONE, Delivery
from sensormon.sources.opcua.history import Missed, fill
from sensormon.sources.opcua.items import Created, Subscription
from sensormon.sources.opcua.kind import OpcUaSource
from sensormon.sources.opcua.nodes import Facts, describe, node_ids, tag_of
from sensormon.sources.opcua.polling import poll_for_ever, read_all
from sensormon.sources.opcua.publishing import LOST_MESSAGE, Watching, publish_for_ever, republish
from sensormon.sources.opcua.session import Connection
from sensormon.sources.opcua.timing import queue_seconds
from sensormon.sources.opcua.values import Target, status_of
from sensormon.sources.opcua.words import status_name
from sensormon.sources.report import Report

RETRY = 10.0
"""Seconds between two looks for nodes that the server does not have."""
LOOKS = 6
"""After this many looks for those all others are looked at, too."""
NO_HISTORY = "the subscription had ended, and the server has no history of nodes: values may be missing"
_NO_SUBSCRIPTIONS = (
    ua.uaerrors.BadServiceUnsupported,
    ua.uaerrors.BadTooManySubscriptions,
    ua.uaerrors.BadNotSupported,
    ua.uaerrors.BadNotImplemented,
    ua.uaerrors.BadUserAccessDenied,
)


@dataclass
class Run:
    """What outlives a connection. `facts` by handle, of the nodes that were there when last looked at."""

    config: OpcUaSource
    delivery: Delivery
    report: Report
    folder: Path
    connections: int = 0
    facts: dict[int, Facts] = field(default_factory=dict)

    @property
    def kept(self) -> Path:
        """The file with the subscription."""
        return self.folder / f"{self.config.name}.subscription"

    def forget_subscription(self) -> None:
        """Make a new one next time."""
        self.kept.unlink(missing_ok=True)


class Connected:
    """Of one connection."""

    def __init__(self, connection: Connection, run: Run) -> None:
        self._session = connection.session
        self._run = run
        self._config = run.config
        self._report = run.report
        self._nodes: dict[int, ua.NodeId] = {}
        self._polled: dict[int, ua.NodeId] = {}
        self._missing: set[int] = set()

    async def deliver(self) -> None:
        """Deliver until something raises. Errors are those of the library, SourceError or Stopping."""
        ids = await node_ids(self._session, (item.node for item in self._config.nodes), self._config.url)
        self._nodes = dict(enumerate(ids, start=1))
        await self._look_at([handle for handle in self._nodes if handle not in self._run.facts])
        if self._config.poll:
            self._run.connections += 1
            self._polled = dict(self._nodes)
            self._tell()
            await self._together(self._poll(), self._keep_looking(None))
            return
        subscription, unacknowledged = await self._subscription()
        self._run.connections += 1
        works = [self._poll(), self._keep_looking(subscription)]
        if subscription is not None:
            works.append(self._publish(self._watching(subscription), unacknowledged))
        await self._together(*works)

    async def _publish(self, watching: Watching, unacknowledged: Sequence[int]) -> None:
        """What was not acknowledged comes first, then what is new."""
        republished = []
        for number in unacknowledged:
            if await republish(watching, number):
                republished.append(number)
            else:
                self._report.gap(LOST_MESSAGE)
        await publish_for_ever(watching, republished)

    # -- nodes --------------------------------------------------------------------

    async def _look_at(self, handles: Sequence[int]) -> None:
        """Ask what these nodes are, and offer the tags of those that there are."""
        run, config = self._run, self._config
        facts = await describe(self._session, [self._nodes[handle] for handle in handles], config.per_call)
        tags = []
        for handle, fact in zip(handles, facts, strict=True):
            item = config.nodes[handle - 1]
            run.delivery.targets[handle] = Target(item.node, item.tag, fact.words)
            if fact.problem:
                self._miss(handle, fact.problem)
                continue
            run.facts[handle] = fact
            tags.append(tag_of(fact, item.tag))
        if tags:
            await asyncio.to_thread(run.delivery.intake.offer_tags, tags)

    def _miss(self, handle: int, why: str) -> None:
        if handle not in self._missing:
            self._missing.add(handle)
            self._report.note(f"{self._config.nodes[handle - 1].node}: {why}")

    def _tell(self) -> None:
        """What a person reads beside "connected"."""
        bad = len(self._run.delivery.bad)
        parts = [counted(len(self._nodes) - len(self._missing), "node")]
        if self._missing:
            parts.append(f"{len(self._missing):,} not there")
        if bad:
            parts.append(f"{bad:,} answer with bad quality")
        if self._polled:
            parts.append(f"{len(self._polled):,} read every {self._config.interval:g} s")
        self._report.connected(", ".join(parts))

    async def _keep_looking(self, subscription: Subscription | None) -> None:
        """Look again for nodes that were not there, and now and then whether all others still are."""
        for look in itertools.count(1):
            await asyncio.sleep(RETRY)
            await self._try_missing(subscription)
            if subscription is not None and look % LOOKS == 0:
                await self._find_gone(subscription)
            self._tell()

    async def _try_missing(self, subscription: Subscription | None) -> None:
        handles = sorted(self._missing)
        if not handles:
            return
        values = await read_all(self._session, self._config, {key: self._nodes[key] for key in handles})
        back = [handle for handle, value in values if status_of(value) not in GONE]
        if not back:
            return
        self._missing.difference_update(back)
        await self._look_at(back)
        back = [handle for handle in back if handle not in self._missing]
        if subscription is None:
            return
        newest = await self._newest(back)  # before a value that comes now hides what was missed
        created = await items.watch(
            self._session, self._config, subscription, {handle: self._nodes[handle] for handle in back}
        )
        self._after(created)
        await self._fill(back, newest)
        self._keep(subscription)

    # -- subscribing --------------------------------------------------------------

    async def _subscription(self) -> tuple[Subscription | None, list[int]]:
        """The subscription and the messages that are to be sent again; None if all nodes are polled.

        The source is told to be connected once the server watches its nodes, not before: a value that came
        in between would be lost behind a newer one.
        """
        old, number = items.kept(self._run.kept, self._config)
        if old is not None:
            available = await items.take_over(self._session, old)
            if available is not None:
                self._missing.update(handle for handle in self._nodes if handle not in old.items)
                self._tell()
                if not old.filled:  # the connection before ended in the middle of it
                    await self._fill_all(old)
                return old, available
        elif number:
            await items.drop(self._session, number)
        try:
            subscription = await items.create(self._session, self._config)
        except _NO_SUBSCRIPTIONS as error:
            self._report.note(
                f"the server refuses subscriptions ({status_name(error.code)}): nodes are polled"
            )
            self._polled.update(self._nodes)
            self._tell()
            return None, []
        there = {key: node for key, node in self._nodes.items() if key not in self._missing}
        self._after(await items.watch(self._session, self._config, subscription, there))
        self._keep(subscription)
        await self._fill_all(subscription)
        return subscription, []

    async def _fill_all(self, subscription: Subscription) -> None:
        """Fill the gap before a new subscription, whose values wait on the server meanwhile."""
        handles = list(subscription.items)
        await self._fill(handles, await self._newest(handles))
        subscription.filled = True
        self._keep(subscription)

    def _keep(self, subscription: Subscription) -> None:
        """Write it down for the next connection."""
        if self._config.timing.bridge:
            items.keep(self._run.kept, self._config, subscription)

    def _after(self, created: Created) -> None:
        """What the server has refused or revised."""
        for handle, code in created.refused.items():
            if code in GONE:
                self._miss(handle, status_name(code))
            else:
                self._report.note(f"nodes cannot be subscribed to ({status_name(code)}): they are polled")
                self._polled[handle] = self._nodes[handle]
        queue = self._config.timing.queue
        if created.queue is not None and created.queue < queue:
            seconds = queue_seconds(created.queue, created.sampling or self._config.timing.sampling)
            self._report.note(
                f"the server queues {created.queue:,} values of a node, not {queue:,}: an outage of more "
                f"than about {seconds:,.0f} s loses values"
            )
        if created.unfiltered:
            self._report.note("nodes take no filter: values that repeat are not reported", created.unfiltered)
        self._tell()

    def _watching(self, subscription: Subscription) -> Watching:
        return Watching(
            self._session,
            subscription,
            self._run.delivery,
            self._report,
            self._config.url,
            lambda: self._find_gone(subscription),
        )

    async def _find_gone(self, subscription: Subscription) -> None:
        """Name the nodes that the server has no more; not every server tells of them by itself."""
        watched = {handle: self._nodes[handle] for handle in subscription.items}
        values = await read_all(self._session, self._config, watched)
        gone = [handle for handle, value in values if status_of(value) in GONE]
        for handle in gone:
            self._miss(handle, status_name(ua.StatusCodes.BadNodeIdUnknown))
            self._run.facts.pop(handle, None)
        if gone:
            await items.forget(self._session, subscription, gone)
            self._tell()

    # -- gaps ---------------------------------------------------------------------

    async def _newest(self, handles: Sequence[int]) -> Mapping[str, int]:
        """By tag, the own time of the newest reading of each of these nodes."""
        return await self._run.delivery.learn_newest([self._config.nodes[each - 1].tag for each in handles])

    async def _fill(self, handles: Sequence[int], newest: Mapping[str, int]) -> None:
        """Deliver what the history has since the newest reading of each of these nodes."""
        run, config = self._run, self._config
        tags = {handle: config.nodes[handle - 1].tag for handle in handles}
        now = run.delivery.intake.clock.now()
        known = [handle for handle in handles if tags[handle] in newest]
        if not known:
            return
        earliest = now - round(config.history * SECOND)
        missed = [
            Missed(
                handle,
                self._nodes[handle],
                max(newest[tags[handle]], earliest),
                handle in run.facts and run.facts[handle].history,
            )
            for handle in known
        ]
        asked = missed if config.history else []
        without = await fill(self._session, run.delivery, self._report, asked, now)
        if without or not asked:
            self._report.gap(NO_HISTORY)
        if max(newest.values()) < earliest and len(without) < len(known):
            self._report.gap(f"the history was read for the last {config.history:,.0f} s only")

    # -- tasks --------------------------------------------------------------------

    async def _poll(self) -> None:
        await poll_for_ever(self._session, self._config, self._run.delivery, self._report, self._polled)

    @staticmethod
    async def _together(*works: Coroutine[Any, Any, Any]) -> None:
        """Run these until one of them ends, which is an error, and end the others."""
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
