"""Named sources in words: how each is, what it is, and what a change of the file does.

Pure, and without secrets: a password inside a URL is never part of what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sensormon.model.format import counted, duration, listed, moment_words
from sensormon.model.source_health import Link, SourceHealth
from sensormon.model.text import without_password
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource
from sensormon.sources.named_keys import keys_of
from sensormon.view.phrases import Phrase

ICONS: Mapping[Link, str] = {
    Link.CONNECTING: "…",
    Link.CONNECTED: "●",
    Link.WAITING: "",
    Link.FAILED: "",
    Link.FINISHED: "✓",
    Link.STOPPED: "○",
    Link.ELSEWHERE: "→",
}
"""A mark for each state; what is abnormal has its own, so that colour is never the only difference."""
_SHOWN = 12
_LONGEST = 60


@dataclass(frozen=True)
class SourceLine:
    """One source in the list. All are words, "–" where there is nothing to say."""

    name: str
    kind: str
    place: str
    state: Phrase
    rate: str
    lag: str
    stored: str
    repeated: str
    refused: str
    collector: str
    trouble: Phrase | None
    more: str


def source_line(health: SourceHealth, now: int, zone: tzinfo) -> SourceLine:
    """How it is at `now` (µs UTC); times are in this zone."""
    runs = health.link not in (Link.STOPPED, Link.ELSEWHERE)
    return SourceLine(
        health.name,
        kind_words(health.kind),
        without_password(health.place),
        Phrase(_state(health, now, zone), not health.works),
        f"{health.rate:,.1f}/s" if runs else "–",
        "–" if health.lag is None else duration(health.lag),
        f"{health.stored:,}" if runs else "–",
        f"{health.repeated:,}" if runs else "–",
        f"{health.refused:,}" if runs else "–",
        health.collector or "–",
        _trouble(health, now, zone),
        _more(health),
    )


def kind_words(kind: str) -> str:
    """What a kind is called."""
    return KINDS[kind].label if kind in KINDS else kind


def _state(health: SourceHealth, now: int, zone: tzinfo) -> str:
    words = f"{ICONS[health.link]} {health.link}".strip()
    if health.link not in (Link.ELSEWHERE, Link.STOPPED):  # of these only the monitor's start is known
        words += f" since {moment_words(health.since, now, zone)}"
    return f"{words}, {health.detail}" if health.detail else words


def _trouble(health: SourceHealth, now: int, zone: tzinfo) -> Phrase | None:
    if health.trouble is None:
        return None
    hint = f". {health.trouble.hint}" if health.trouble.hint else ""
    when = moment_words(health.trouble.time, now, zone)
    return Phrase(without_password(f"{when}  {health.trouble.what}{hint}."), not health.works)


def _more(health: SourceHealth) -> str:
    """What else happened since the start: reconnects, gaps, notes."""
    parts = [counted(health.reconnects, "reconnect")] if health.reconnects else []
    parts += [counted(health.gaps, "possible gap")] if health.gaps else []
    parts += [f"{counted(health.filled, 'reading')} filled from history"] if health.filled else []
    parts += [f"{what}: {count:,}" for what, count in health.notes.items()]
    return " · ".join(parts[:_SHOWN])


def sources_words(healths: tuple[SourceHealth, ...]) -> tuple[Phrase, ...]:
    """How all of them are, in the parts of one line."""
    wrong = sum(not health.works for health in healths)
    stopped = sum(health.link is Link.STOPPED for health in healths)
    rate = sum(health.rate for health in healths)
    parts = [counted(len(healths), "source"), f"{rate:,.1f} readings/s"]
    parts += [f"{stopped:,} stopped"] if stopped else []
    phrases = (Phrase(" · ".join(parts)),)
    return (*phrases, Phrase(f"{wrong:,} not working", abnormal=True)) if wrong else phrases


# -- for the audit trail ----------------------------------------------------------------------


def source_words(source: NamedSource) -> str:
    """What it is, for the audit trail."""
    return "; ".join(_facts(source).values())


def source_changes(before: NamedSource, after: NamedSource) -> tuple[str, str]:
    """What differs between the two, for the audit trail: before, and after."""
    old, new = _facts(before), _facts(after)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return _listed(keys, old), _listed(keys, new)


def _listed(keys: list[str], facts: Mapping[str, str]) -> str:
    return "; ".join(facts.get(key, f"{key} unset") for key in keys)


def file_changes(before: Mapping[str, NamedSource], after: Mapping[str, NamedSource]) -> tuple[str, str]:
    """The same for the whole file."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _all_words(names, before), _all_words(names, after)


def _all_words(names: list[str], sources: Mapping[str, NamedSource]) -> str:
    return " | ".join(
        f"{name}: {source_words(sources[name]) if name in sources else 'nothing'}" for name in names[:_SHOWN]
    ) + (f" | {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _facts(source: NamedSource) -> dict[str, str]:
    """Each key in words."""
    facts = {"kind": f"{kind_words(source.kind)} at {without_password(source.place)}"}
    facts["on"] = "on" if source.common.on else "off"
    for key, value in keys_of(source).items():
        if key not in ("kind", "on", "url") and not (key == "new_tags" and not value):
            facts[key] = f"{key}: {_value_words(value)}"
    return facts


def _value_words(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        rows = [" ".join(str(cell) for cell in row.values()) for row in value]
        return f"{len(rows):,} ({listed([_short(row) for row in rows], _SHOWN)})"
    if isinstance(value, list):
        return listed([_short(str(item)) for item in value], _SHOWN)
    return _short(str(value))


def _short(text: str) -> str:
    text = without_password(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
