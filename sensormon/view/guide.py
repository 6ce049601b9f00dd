"""What a newcomer is told: what each page is for, its words, the keys, three things to try first.

Pure data and functions; the words themselves are explained in `terms`. Sentences are true for
the source that is in use. What it is not: markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sensormon.model.format import counted
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag


@dataclass(frozen=True)
class About:
    """One page: its place, the letter that goes there after g, what it is for, the words used on it."""

    path: str  # of its file in pages/, and in the address
    letter: str
    purpose: str
    terms: tuple[str, ...]


PAGES: Mapping[str, About] = {
    "Live": About(
        "live",
        "l",
        "Is anything wrong just now? A chart for each tag, renewed every second, with the band in which the "
        "next reading is expected; whatever lies outside is marked, and only that has a colour.",
        (
            "tag",
            "reading",
            "control band",
            "normal band",
            "anomaly",
            "z-score",
            "score",
            "threshold",
            "event",
            "data age",
            "gap",
            "stale",
            "uncertain quality",
            "bad quality",
            "warm-up",
            "backfill",
            "ledger",
        ),
    ),
    "Anomalies": About(
        "anomalies",
        "a",
        "What was flagged, why, and what people made of it. Choose events to acknowledge, label or shelve "
        "them; click a reading in the chart to see why it was flagged, or why it was not.",
        (
            "event",
            "anomaly",
            "score",
            "z-score",
            "threshold",
            "severity",
            "unacknowledged",
            "returned",
            "acknowledged",
            "shelved",
            "label",
            "on-delay",
            "off-delay",
            "alarm load",
            "false positive",
        ),
    ),
    "Explore": About(
        "explore",
        "e",
        "Any tags over any span of the history: put them on top of each other, compare with an earlier time, "
        "see their distribution and how they go together, keep notes, take the data along.",
        (
            "tag",
            "control band",
            "normal band",
            "valid range",
            "anomaly",
            "centre line",
            "UCL",
            "LCL",
            "baseline",
            "σ",
            "moving range",
            "autocorrelation",
            "correlation",
            "rank correlation",
            "quantile",
            "gap",
            "roll-up",
        ),
    ),
    "Tuning": About(
        "tuning",
        "t",
        "What another detector or other settings would have flagged in the history you have, how many real "
        "faults they would have found, and how many events they would cost. Nothing changes until you "
        "apply it.",
        (
            "detector",
            "threshold",
            "window",
            "z-score",
            "σ",
            "MAD",
            "CUSUM's k",
            "CUSUM's h",
            "kept, gained, lost",
            "event",
            "off-delay",
            "precision",
            "recall",
            "delay",
            "false positive",
            "n",
            "95 % interval",
            "alarm load",
            "label",
        ),
    ),
    "Pipeline": About(
        "pipeline",
        "p",
        "Where every reading is, from the source to the database, and whether all of them are accounted for. "
        "Here you see what was refused and why, and can switch simulated faults on.",
        (
            "ledger",
            "pending",
            "rejected",
            "duplicate",
            "dead letter",
            "difference",
            "journal",
            "watermark",
            "99 % in",
            "valid range",
            "level shift",
            "drift",
            "stuck sensor",
            "gap",
        ),
    ),
    "Data": About(
        "data",
        "d",
        "The tags and their limits, history from files, what is kept and for how long, and taking data "
        "along.",
        ("tag", "valid range", "normal band", "retention", "roll-up", "case", "duplicate", "journal"),
    ),
}
"""By title, in the order of the menu."""


@dataclass(frozen=True)
class Shortcut:
    """Keys, and what they do."""

    keys: tuple[str, ...]
    does: str


def shortcuts() -> tuple[Shortcut, ...]:
    """All of them, for the list; `sensormon/ui/browser/keys.js` does what they say."""
    return (
        Shortcut(("1", "2", "…"), "the pages, in the order of the menu"),
        Shortcut(("g", "l"), "g and then the first letter of a page: this goes to Live"),
        Shortcut(("/",), "the search, or the first field of the page"),
        Shortcut(("p",), "pause the charts, and go on"),
        Shortcut(("y",), "copy the link to this view"),
        Shortcut(("j", "k"), "the next event and the one before, on Anomalies"),
        Shortcut(("a",), "acknowledge what is ticked, or the event shown, on Anomalies"),
        Shortcut(("?",), "this list"),
        Shortcut(("Esc",), "close what is open"),
    )


@dataclass(frozen=True)
class Try:
    """Something to do first: a page with the state of its view."""

    words: str
    page: str  # a title
    query: Mapping[str, str] = field(default_factory=dict)


_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def _many(count: int, noun: str) -> str:
    number = _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"
    return f"{number} {noun}" if count == 1 else f"{number} {noun}s"


def seen(source: str, tags: Sequence[Tag], interval: float, received: int) -> str:
    """What is seen, in a sentence or two, for a source as SENSORMON_SOURCE names it.

    `tags` are those the source delivers, `interval` its seconds, 0 without a fixed one.

    >>> seen("replay:x/pump.csv@60", [Tag("a", "A")], 0.5, 10).partition(".")[0]
    'The recording pump'
    """
    flags = "Every reading that was flagged has a ◆ and says why."
    round_ones = {1.0: "a second", 60.0: "a minute", 3600.0: "an hour"}
    often = f", a reading {round_ones.get(interval) or f'every {interval:g} s'}" if interval > 0 else ""
    each = " each" if often and len(tags) > 1 else ""
    sensors = f"{_many(len(tags), 'sensor')}{often}{each}"
    if source == "simulator":
        groups = {tag.group for tag in tags}
        thing = groups.pop().lower() if len(groups) == 1 and "" not in groups else "plant"
        return f"A simulated {thing}: {sensors}. {flags}"
    if source.startswith("replay:"):
        file, _, speed = source.removeprefix("replay:").rpartition("/")[2].partition("@")
        pace = f", played {speed} times as fast" if speed else ""
        return f"The recording {file}{pace}, as if it came now: {sensors}. {flags}"
    if received:
        return f"{counted(received, 'reading')}, sent over HTTP or imported from files. {flags}"
    return "Nothing sends readings yet. Send one with the line below, or import a file, and it appears here."


def tries(settings: Settings, tag: str | None, received: int) -> tuple[Try, ...]:
    """Three things to try first. `tag` is the title of a tag with readings."""
    newest = Try("Open the newest event and see why it was flagged", "Anomalies", {"within": "1 h"})
    tuning = {"history": "15 min", "detector": "Rolling z-score", "threshold": "5.0"}
    move = Try(
        "Move the threshold and see what it would have flagged",
        "Tuning",
        {"tune": tag, **tuning} if tag else tuning,
    )
    account = Try("See where every reading is, and that none is lost", "Pipeline")
    if settings.source == "simulator":
        # A gap is what every setting notices; a small shift drowns in the simulator's spikes.
        return newest, move, Try("Switch a fault on and watch it being found", "Pipeline", {"fault": "Gap"})
    if settings.source == "none" and not received:
        return Try("Import history from a file", "Data"), account
    return newest, move, account
