"""Conditions of the monitor itself that stand now, with words for an operator.

Pure functions on what the monitor knows. What it is not: a watch on the process from outside; if it is
dead, only a heartbeat that does not come says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sensormon.model.clock import SECOND
from sensormon.model.format import counted, duration, size
from sensormon.model.status import Silence, Status, StoreState, TagAge
from sensormon.notify.config import Condition
from sensormon.view.status import REFUSALS

GRACE = 60 * SECOND
"""A store is away after this (µs); a shorter break passes by itself and loses nothing."""
FILLING, EMPTIED = 0.8, 0.7
"""Shares of the journal's quota at which it fills, and at which that is over."""
SOON, LATER = 30, 40
"""Days to a full disk from which it is told, and from which that is over."""
_SOURCE = "source "
SETTLED = 120 * SECOND
"""After the start the conditions are not known for this long (µs): sources connect, the store opens."""


@dataclass(frozen=True)
class Standing:
    """A condition that stands since `since` (µs UTC): what it is about, and in words.

    `part_of` is the name of a condition that says the same of more; while that stands this one is not told.
    """

    condition: Condition
    about: str
    since: int
    words: str
    part_of: str = ""

    @property
    def name(self) -> str:
        """The condition with what it is about, as a message has it: "silent:ph"."""
        return f"{self.condition}:{self.about}"


def standing(
    status: Status,
    *,
    ages: Sequence[TagAge] = (),
    quota: int = 0,
    full_in: int | None = None,
    before: Iterable[Standing] = (),
) -> list[Standing]:
    """The conditions that stand at `status.now`, in order of their names.

    `ages` are all tags, so that a source of which every tag is silent is one condition. `quota` is the
    journal's in bytes, 0 for none; `full_in` in how many days the disk will be full, None if it will not or
    nothing is known. `before` is the last answer: a condition that goes on keeps the time it began.
    """
    known = {each.name: each for each in before}
    names = known.keys()
    stand = [
        *_silent(status, ages),
        *_store(status),
        *_journal(status, quota, names),
        *_disk(status, full_in, names),
        *_losses(status),
        *(_thread(text, status.now) for text in status.failures),
    ]
    each_once = {each.name: each for each in stand}
    kept = (
        replace(each, since=known[name].since) if name in names else each for name, each in each_once.items()
    )
    return sorted(kept, key=lambda each: each.name)


def settled(status: Status) -> bool:
    """Whether the monitor has run for long enough to know its conditions."""
    return status.now - status.started >= SETTLED


def _silent(status: Status, ages: Sequence[TagAge]) -> Iterator[Standing]:
    """Tags that report no longer; each source all of whose tags do not, by itself."""
    by_source: dict[str, list[Silence]] = {}
    for silence in status.silent:
        by_source.setdefault(silence.source, []).append(silence)
    for source, silences in by_source.items():
        reporting = [age for age in ages if age.source == source and age.seconds is not None]
        whole = ""
        if source and len(silences) > 1 and len(silences) >= len(reporting) > 0:
            whole = _SOURCE + source
            since = max(_ago(status, silence) for silence in silences)
            words = (
                f"The source {source} has delivered nothing for {duration((status.now - since) / SECOND)}: "
                f"all its {counted(len(silences), 'tag')} are silent. Check its connection."
            )
            yield Standing(Condition.SILENT, whole, since, words)
        for silence in silences:
            words = f"{silence.label} has been silent for {duration(silence.seconds)}."
            part_of = f"{Condition.SILENT}:{whole}" if whole else ""
            yield Standing(
                Condition.SILENT,
                silence.tag,
                _ago(status, silence),
                f"{words} Check the sensor and its connection.",
                part_of,
            )


def _ago(status: Status, silence: Silence) -> int:
    return status.now - round(silence.seconds * SECOND)


def _store(status: Status) -> Iterator[Standing]:
    store = status.store
    away = store.state in (StoreState.RETRYING, StoreState.FAILED)
    if not away or status.now - store.since < GRACE:
        return
    waiting = counted(status.journal.depth_readings, "reading")
    problem = f" {store.problem.rstrip('.')}." if store.problem else ""
    words = (
        f"Nothing has got into {store.name} for {duration((status.now - store.since) / SECOND)}; {waiting} "
        f"{'waits' if status.journal.depth_readings == 1 else 'wait'} in the journal.{problem}"
    )
    yield Standing(Condition.STORE, store.name, store.since, words)


def _journal(status: Status, quota: int, before: Iterable[str]) -> Iterator[Standing]:
    source, used = status.source, status.journal.size
    if source.problem:
        why = REFUSALS[source.refusal] if source.refusal else "the journal cannot be written"
        words = f"Readings are refused: {why}. {source.problem.rstrip('.')}."
        yield Standing(Condition.JOURNAL, "refusing", status.now, words)
    filling = Standing(Condition.JOURNAL, "filling", status.now, "")
    limit = EMPTIED if filling.name in before else FILLING
    if quota and used >= limit * quota:
        words = (
            f"The journal fills: {size(used)} of {size(quota)} are used. When it is full, readings are "
            "refused. Check why the store does not take them."
        )
        yield replace(filling, words=words)


def _disk(status: Status, full_in: int | None, before: Iterable[str]) -> Iterator[Standing]:
    full = Standing(Condition.DISK, "forecast", status.now, "")
    if full_in is not None and full_in <= (LATER if full.name in before else SOON):
        words = f"At the rate of the last day the disk will be full in about {counted(full_in, 'day')}."
        yield replace(full, words=f"{words} Free some space, or shorten how long readings are kept.")


def _losses(status: Status) -> Iterator[Standing]:
    """What nobody has acknowledged. Of a loss that grows the first number is told; the page has the last."""
    for text in status.attention:
        about = next((name for part, name in _LOSSES.items() if part in text), text)
        words = f"{text.rstrip('.')}. Look at it and acknowledge it on the Pipeline page."
        yield Standing(Condition.LOSS, " ".join(about.split())[:200], status.now, words)


_LOSSES = {"the ledger is off": "the ledger", "of the dead letters": "the dead letters"}


def _thread(text: str, now: int) -> Standing:
    """A part that has stopped: "The loader stopped: why. It is started again in 2 s"."""
    about = " ".join(text.partition(":")[0].removesuffix(" stopped").split())[:200]
    return Standing(Condition.THREAD, about, now, f"{text.rstrip('.')}. No acknowledged reading is lost.")


def ended_words(name: str) -> str:
    """That the condition of this name stands no longer."""
    condition, _, about = name.partition(":")
    about = f"The {about}" if about.startswith(_SOURCE) else about
    return _ENDED.get(condition, "{}: over.").format(about)


_ENDED = {
    str(Condition.SILENT): "{} reports again.",
    str(Condition.STORE): "{} takes readings again.",
    str(Condition.JOURNAL): "The journal is no longer {}.",
    str(Condition.DISK): "The disk is no longer forecast to be full soon.",
    str(Condition.LOSS): "Acknowledged: {}.",
    str(Condition.THREAD): "{} works again.",
}
