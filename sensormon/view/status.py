"""The monitor's status in plain words, and what to do if something is wrong.

Pure functions on the snapshots of `status` and `ledger`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import pandas as pd

from sensormon.access.person import Person
from sensormon.access.roles import NEEDS, Act
from sensormon.events.alarm_load import WINDOW, AlarmLoad
from sensormon.intake.named_sources import NAME as SOURCES
from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.event_rate import rate_words
from sensormon.model.format import counted, day_and_time, duration, every, latency, size
from sensormon.model.ledger import Ledger, beyond
from sensormon.model.readings import reason_words
from sensormon.model.status import (
    DeadLetterStatus,
    Refusal,
    Silence,
    SourceState,
    SourceStatus,
    Status,
    StoreState,
    TagAge,
    WriteState,
)
from sensormon.monitor.drills import Proof
from sensormon.view.phrases import Phrase

REFUSALS = {
    Refusal.QUOTA: "the journal's quota is used up",
    Refusal.DISK: "the journal's disk is full",
    Refusal.UNWRITABLE: "the journal is not writable",
    Refusal.BROKEN: "the journal cannot be written",
}
"""Why the journal takes no readings, in a few words."""
STALE = 5
"""Data older than this many intervals is late."""
BEHIND = 10 * SECOND
"""A store is behind if a reading has waited this long (µs) for it."""


@dataclass(frozen=True)
class Box:
    """One station on the path of a reading: its name, its count and further lines."""

    name: str
    count: str
    lines: tuple[str, ...]
    abnormal: bool = False


_IMPAIRED = {
    "notifications": "people may not be told",
    SOURCES: "a source does not deliver",
    "outputs": "an output publishes nothing",
}
"""By companion, what does not work, in a few words."""


def source_phrase(source: SourceStatus) -> Phrase:
    """The state of the source in words."""
    tags = counted(len(source.tags), "tag")
    often = f" {every(source.interval)}" if source.interval > 0 else ""
    words = {
        SourceState.STARTING: "Starting",
        SourceState.COLLECTING: f"Collecting · {tags}{often}",
        SourceState.WAITING: "No source",
        SourceState.FINISHED: "Replay finished",
        SourceState.REFUSING: f"Refusing readings, {_why(source)}, nothing is acknowledged",
        SourceState.FAILED: "Not collecting, the collector has failed",
        SourceState.STOPPED: "Stopped",
    }
    wrong = (SourceState.REFUSING, SourceState.FAILED, SourceState.STOPPED)
    return Phrase(words[source.state], source.state in wrong)


def _why(source: SourceStatus) -> str:
    """Why the journal takes no readings, in a few words."""
    return REFUSALS[source.refusal or Refusal.BROKEN]


def late(status: Status) -> bool:
    """Whether the source should be delivering but its newest reading is too old."""
    source, age = status.source, status.data_age
    delivering = source.state in (SourceState.COLLECTING, SourceState.REFUSING, SourceState.FAILED)
    return delivering and source.interval > 0 and age is not None and age > STALE * source.interval


def age_phrase(status: Status) -> Phrase:
    """The age of the newest reading."""
    age = status.data_age
    if age is None:
        return Phrase("no data yet")
    if late(status):
        return Phrase(f"{duration(age)} without data", True)
    return Phrase(f"data {duration(age)} old")


def ledger_phrase(status: Status, ledger: Ledger) -> Phrase:
    """Whether every reading is accounted for; a difference that somebody has acknowledged is not abnormal."""
    if ledger.balanced:
        return Phrase("ledger balanced")
    if is_off(status, ledger):
        return Phrase(
            f"ledger off by {counted(sum(beyond(ledger.differences, status.acknowledged)), 'reading')}", True
        )
    off = sum(abs(line.difference) for line in ledger.lines)
    return Phrase(f"ledger off by {counted(off, 'reading')}, acknowledged")


def is_off(status: Status, ledger: Ledger) -> bool:
    """Whether the ledger has a difference that nobody has acknowledged."""
    return any(beyond(ledger.differences, status.acknowledged))


def store_phrase(status: Status) -> Phrase:
    """The state of the store, and where the readings are meanwhile."""
    store, now = status.store, status.now
    safe = f"{counted(status.journal.depth_readings, 'reading')} safe in the journal"
    since = duration((now - store.since) / 1e6)
    if store.state is StoreState.HEALTHY and not status.loading:
        return Phrase(f"{store.name} receives nothing until the loader is back, {safe}", True)
    match store.state:
        case StoreState.STARTING:
            return Phrase(f"{store.name} is opening")
        case StoreState.HEALTHY:
            return Phrase(f"{store.name} is taking readings")
        case StoreState.RETRYING:
            wait = max(0.0, ((store.next_try or now) - now) / 1e6)
            soon = f"next try in {duration(wait)}" if wait >= 0.05 else "trying again now"
            return Phrase(f"nothing reaches the database for {since}, {safe}, {soon}", True)
        case StoreState.FAILED:
            return Phrase(f"database not loaded for {since}, {safe}; restart the monitor", True)
        case StoreState.STOPPED:
            return Phrase(f"{store.name} is closed", True)


def writing_phrase(status: Status) -> Phrase:
    """The state of writing in a word, with what that means for the readings."""
    refused = f"{_why(status.source)}, readings are refused"
    meaning = {
        WriteState.HEALTHY: "readings go from the journal into the database",
        WriteState.RETRYING: "nothing reaches the database, nothing waits for it",
        WriteState.SPOOLING: "nothing reaches the database, readings wait in the journal",
        WriteState.FULL: refused,
        WriteState.UNWRITABLE: refused,
        WriteState.BROKEN: refused,
    }
    state = status.writing
    return Phrase(f"{state.capitalize()}: {meaning[state]}", state is not WriteState.HEALTHY)


def refused_words(source: SourceStatus) -> str:
    """How many readings were refused since the start; empty if none."""
    if not source.refused:
        return ""
    return f"{counted(source.refused, 'reading')} refused since start; none was acknowledged"


def dead_letter_words(letters: DeadLetterStatus) -> str:
    """The content of the dead-letter files; empty if there is none."""
    parts = []
    if letters.readings:
        parts.append(
            f"{counted(letters.readings, 'reading')} in failed_measurements.jsonl that the database refused"
        )
    if letters.kept:
        parts.append(f"{counted(letters.kept, 'reading')} of the bus that the database refused, kept in it")
    if letters.damaged:
        parts.append(
            f"{counted(letters.damaged, 'line')} there cannot be read, "
            "kept aside in failed_measurements.damaged.jsonl"
        )
    return "; ".join(parts)


def proof_words(proof: Proof) -> str:
    """The proof after a demonstration, in a sentence."""
    parts = [
        f"Recovered {duration(proof.seconds)} after the fault ended",
        f"{counted(proof.acknowledged, 'reading')} acknowledged meanwhile, {proof.stored:,} of them stored"
        + (", each once" if not proof.doubled else f", {proof.doubled:,} twice"),
    ]
    if proof.duplicates:
        parts.append(f"{counted(proof.duplicates, 'duplicate')} rejected")
    if proof.refused:
        parts.append(f"{counted(proof.refused, 'reading')} refused, none acknowledged")
    return "; ".join([*parts, f"ledger difference {proof.difference:,}"])


def status_line(status: Status, ledger: Ledger, last_hour: AlarmLoad | None) -> tuple[Phrase, ...]:
    """The line on top of every page. `last_hour` is the load of events in it, if known.

    Under ten minutes of readings no rate is given.
    """
    many = "events in the last hour unknown"
    if last_hour is not None:
        many = f"{counted(last_hour.events, 'event')} in the last hour"
        if last_hour.seconds >= WINDOW / SECOND:
            many += f" ({rate_words(last_hour.events, last_hour.seconds)})"
    waiting = still_loading(status)
    without = f"Loading {counted(waiting, 'reading')}; figures exclude them for now"
    return (
        *_source_phrases(status),
        Phrase(f"stored {ledger.total.stored:,}"),
        *([Phrase(without)] if waiting else []),
        Phrase(many),
        age_phrase(status),
        ledger_phrase(status, ledger),
    )


def _source_phrases(status: Status) -> list[Phrase]:
    """The state of the source and of the named sources beside it."""
    named = [
        Phrase(companion.words, bool(companion.impaired))
        for companion in status.companions
        if companion.name == SOURCES and companion.words
    ]
    own = source_phrase(status.source)
    return named if named and status.source.state is SourceState.WAITING else [own, *named]


def still_loading(status: Status) -> int:
    """How many readings a healthy store that is behind has yet to load, for example after a rebuild."""
    oldest = status.journal.oldest
    behind = oldest is not None and status.now - oldest > BEHIND
    well = status.store.state is StoreState.HEALTHY and status.loading
    return status.journal.depth_readings if behind and well else 0


def alarms(status: Status) -> tuple[str, ...]:
    """The problems and what to do, one line each, with details on a second line; empty if all is well."""
    lines = [f"{text.rstrip('.')}. No acknowledged reading is lost." for text in status.failures]
    if status.source.problem:
        lines.append(status.source.problem)
    elif missing := missing_words(status):
        lines.append(missing)
    if status.store.state in (StoreState.RETRYING, StoreState.FAILED):
        words = store_phrase(status).text
        detail = f"\n{status.store.problem.rstrip('.')}." if status.store.problem else ""
        lines.append(f"{words[0].upper()}{words[1:]}.{detail}")
    lines += [f"{text.rstrip('.')}." for text in status.impaired]
    return tuple(lines)


def attention_words(status: Status, person: Person) -> str:
    """The losses that nobody has acknowledged, and what this person can do; empty if there are none.

    Not for the Pipeline page, which lists them with the form for it.
    """
    if not status.attention:
        return ""
    losses = ". ".join(text.rstrip(".") for text in status.attention)
    if person.may(Act.ACCEPT_LOSS):
        return f"{losses}. Look at it and acknowledge it on the Pipeline page."
    role = str(NEEDS[Act.ACCEPT_LOSS])
    return f"{losses}. {'An' if role[0] in 'aeiou' else 'A'} {role} can acknowledge it on the Pipeline page."


def dated(text: str, zone: tzinfo) -> str:
    """A message that begins with a UTC time, with that time converted to this zone."""
    first, _, rest = text.partition(" ")
    return f"{day_and_time(timestamps.parse(first), zone)} {rest}"


def missing_words(status: Status) -> str:
    """That no readings arrive, or none of some tags; empty if they do, or if a part of the monitor failed."""
    if status.failures:
        return ""
    if late(status) and status.data_age is not None:
        return (
            f"No reading for {duration(status.data_age)}; one is due {every(status.source.interval)}. "
            "Check the sensor's connection and clock; collection resumes by itself."
        )
    return _silence_words(status.silent) if status.silent else ""


def _silence_words(silent: tuple[Silence, ...]) -> str:
    """Which tags have stopped reporting, the three longest by name."""
    if len(silent) == 1:
        (silence,) = silent
        words = f"{silence.label} has been silent for {duration(silence.seconds)}"
        return f"{words}. Check the sensor and its connection."
    named = ", ".join(f"{silence.label} for {duration(silence.seconds)}" for silence in silent[:3])
    more = f" and {counted(len(silent) - 3, 'other')}" if len(silent) > 3 else ""
    return f"{counted(len(silent), 'tag')} have been silent: {named}{more}. Check their connection."


def boxes(status: Status, ledger: Ledger, last_hour: int | None) -> tuple[Box, ...]:
    """The path of a reading: source, validated, scored, journaled, stored.

    `last_hour` is how many anomalies it had, if known.
    """
    total, journal, store = ledger.total, status.journal, status.store
    accepted = total.received - total.rejected
    flagged = "anomalies unknown" if last_hour is None else counted(last_hour, "anomaly")
    waiting = [f"{journal.depth_readings:,} waiting for the store"]
    if journal.oldest is not None:
        waiting.append(f"the oldest for {duration((status.now - journal.oldest) / 1e6)}")
    return (
        Box(
            "Source",
            f"{total.received:,}",
            (f"{status.source.rate:,.1f} per s", age_phrase(status).text),
            source_phrase(status.source).abnormal or late(status),
        ),
        Box(
            "Validated",
            f"{accepted:,}",
            (f"{total.rejected:,} rejected", f"{total.duplicates_dropped:,} of them duplicates"),
        ),
        Box("Scored", f"{accepted:,}", (flagged, "in the last hour")),
        Box(
            "Journaled",
            f"{total.received:,}",
            (
                *waiting,
                *_latencies(total.received, journal.latency_p50, journal.latency_p99),
                f"{size(journal.size)} on disk",
            ),
            bool(journal.damaged) or status.source.state is SourceState.REFUSING,
        ),
        Box(
            "Stored",
            f"{total.stored:,}",
            (
                f"{total.dead_lettered:,} dead-lettered",
                *([f"{total.undone:,} removed with imports"] if total.undone else ()),
                *_latencies(total.stored, store.latency_p50, store.latency_p99),
            ),
            store.state in (StoreState.RETRYING, StoreState.FAILED),
        ),
    )


def _latencies(readings: int, p50: float, p99: float) -> tuple[str, ...]:
    """How long a write took; nothing before the first reading, when only other records were written."""
    if not readings or p99 <= 0:
        return ()
    return (f"median {latency(p50)}, p99 {latency(p99)}",)


def waiting_table(depth: pd.DataFrame) -> pd.DataFrame:
    """Waiting readings in the journal (Time, Readings, Age of the oldest in seconds), newest first."""
    return pd.DataFrame(
        {
            "Time": depth["time"],
            "Readings": depth["readings"],
            "Age of the oldest, s": depth["age"].round(1),
        }
    ).iloc[::-1]


def age_table(ages: Sequence[TagAge]) -> pd.DataFrame:
    """The tags with the age of their last live reading and what is wrong; the worst first.

    Columns: Tag, State, Age (s since its arrival), Clock ahead (s), Source.
    """
    worst_first = sorted(
        ages, key=lambda age: (not age.silent, not age.ahead, age.seconds is None, -(age.seconds or 0.0))
    )
    return pd.DataFrame(
        {
            "Tag": [age.label for age in worst_first],
            "State": [_reporting(age) for age in worst_first],
            "Age, s": pd.Series([age.seconds for age in worst_first], dtype="float64").round(1),
            "Clock ahead, s": pd.Series([age.ahead or None for age in worst_first], dtype="float64").round(1),
            "Source": [age.source for age in worst_first],
        }
    )


def _reporting(age: TagAge) -> str:
    if age.seconds is None and not age.ahead:
        return "no live data yet"
    states = [words for holds, words in ((age.silent, "silent"), (age.ahead > 0, "clock ahead")) if holds]
    return ", ".join(states) or "reporting"


def age_words(ages: Sequence[TagAge]) -> Phrase:
    """How many tags report, are silent, or have a clock that is ahead."""
    silent = sum(age.silent for age in ages)
    ahead = sum(age.ahead > 0 for age in ages)
    never = sum(age.seconds is None for age in ages)
    parts = [
        f"{counted(len(ages), 'tag')}",
        f"{silent:,} silent" if silent else "none silent",
        *([f"{ahead:,} with a clock ahead of the monitor's"] if ahead else []),
        *([f"{never:,} without live data yet"] if never else []),
    ]
    return Phrase(" · ".join(parts), silent > 0)


def source_tables(ledger: Ledger, ages: Mapping[str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ledger by source with the age of its last reading (s), and the rejected by reason, as tables."""
    lines = [
        {
            "Source": line.source,
            "Received": line.received,
            "Stored": line.stored,
            "Rejected": line.rejected,
            "Dead-lettered": line.dead_lettered,
            "Pending": line.pending,
            "Difference": line.difference,
            "Undone": line.undone,
            "Age, s": round(ages[line.source], 1) if line.source in ages else None,
        }
        for line in ledger.lines
    ]
    reasons = [
        {"Rejected because": reason_words(name), "Readings": count} for name, count in ledger.reasons.items()
    ]
    return pd.DataFrame(lines), pd.DataFrame(reasons)


def abnormal(status: Status, ledger: Ledger) -> tuple[str, ...]:
    """The current abnormal states, in a few words each, without numbers, so that they stay the same."""
    source, store = status.source, status.store
    silent = ", ".join(tag.label for tag in status.silent[:3])
    more = f" and {len(status.silent) - 3} more" if len(status.silent) > 3 else ""
    states = (
        (bool(status.failures) or source.state is SourceState.FAILED, "a part of the monitor has stopped"),
        (source.state is SourceState.REFUSING, "readings are refused"),
        (late(status) and not status.failures, "no data arriving"),
        (bool(silent) and not late(status) and not status.failures, f"no readings of {silent}{more}"),
        (store.state in (StoreState.RETRYING, StoreState.FAILED), "nothing reaches the database"),
        *(
            (bool(companion.impaired), _IMPAIRED.get(companion.name, f"{companion.name} need attention"))
            for companion in status.companions
        ),
        (bool(status.attention), "a loss is not acknowledged yet"),
        (is_off(status, ledger), "the ledger does not balance"),
    )
    return tuple(words for holds, words in states if holds)


def announcement(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """The announcement for screen readers of a change in `abnormal`; empty without a change.

    It speaks once when a state begins and once when it ends, not every second.

    >>> announcement((), ("no data arriving",))
    'Abnormal: no data arriving.'
    >>> announcement(("no data arriving",), ())
    'Ended: no data arriving. Everything is normal again.'
    """
    began = [words for words in now if words not in before]
    ended = [words for words in before if words not in now]
    parts = [f"Abnormal: {', '.join(began)}."] if began else []
    parts += [f"Ended: {', '.join(ended)}."] if ended else []
    parts += ["Everything is normal again."] if ended and not now else []
    return " ".join(parts)
