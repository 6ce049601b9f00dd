"""The named sources as a sentence and a table. Pure functions on their health."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd

from sensormon.intake.named_sources import sources_words
from sensormon.model.clock import SECOND
from sensormon.model.format import counted, day_and_time, duration
from sensormon.model.source_health import Link, SourceHealth, SourceTrouble
from sensormon.view.phrases import Phrase

_IF_ANY = ("Repeated", "Refused", "Gaps", "Filled", "Collector", "Last error", "Noted")
"""Columns that are left out while no source has anything to say there."""


def sources_phrase(healths: Sequence[SourceHealth]) -> Phrase:
    """How many deliver, and which do not."""
    troubled = [health.name for health in healths if not health.works]
    gaps = sum(health.gaps for health in healths)
    parts = [
        sources_words(healths) or "no source is to deliver",
        *([f"not {', '.join(troubled[:5])}"] if troubled else []),
        *([f"{counted(gaps, 'gap')} since the start"] if gaps else []),
    ]
    return Phrase(" · ".join(parts), bool(troubled))


def source_table(healths: Sequence[SourceHealth], now: int, zone: tzinfo) -> pd.DataFrame:
    """The sources, those that do not deliver first. Rates are readings a second, lags seconds."""
    ordered = sorted(healths, key=lambda health: health.works)
    lags = [health.lag for health in ordered]
    table = pd.DataFrame(
        {
            "Source": [health.name for health in ordered],
            "Kind": [health.kind for health in ordered],
            "State": [link_words(health.link, health.since, health.detail, now) for health in ordered],
            "Per second": pd.Series([health.rate for health in ordered], dtype="float64").round(1),
            "Lag, s": pd.Series(lags, dtype="float64").round(2),
            "Stored": [health.stored for health in ordered],
            "Repeated": [health.repeated for health in ordered],
            "Refused": [health.refused for health in ordered],
            "Gaps": [health.gaps for health in ordered],
            "Filled": [health.filled for health in ordered],
            "Collector": [health.collector for health in ordered],
            "Last error": [trouble_words(health.trouble, zone) for health in ordered],
            "Noted": [notes_words(health) for health in ordered],
        }
    )
    empty = [name for name in _IF_ANY if not table[name].astype(bool).any()]
    return table.drop(columns=empty)


def link_words(link: Link, since: int, detail: str, now: int) -> str:
    """What a source or an output is doing, since when (µs UTC): "connected for 3 min, 214 nodes"."""
    if link in (Link.STOPPED, Link.ELSEWHERE):
        return str(link)
    words = f"{link} for {duration(max(0, now - since) / SECOND)}"
    return f"{words}, {detail}" if detail else words


def trouble_words(trouble: SourceTrouble | None, zone: tzinfo) -> str:
    """The last error, when, and what to do; empty if there was none."""
    if trouble is None:
        return ""
    what = trouble.what.rstrip(".")
    hint = f". {trouble.hint}" if trouble.hint else ""
    return f"{day_and_time(trouble.time, zone)}: {what}{hint}"


def notes_words(health: SourceHealth) -> str:
    """What else happened, and how often."""
    return "; ".join(f"{what}: {count:,}" for what, count in health.notes.items())
