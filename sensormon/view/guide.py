"""The content of Help and greeting: each page's purpose and terms, the keys, what to try first.

Pure data and functions, no markup. `glossary` explains the terms themselves. Every sentence is
true for the source in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sensormon.model.format import counted
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag


@dataclass(frozen=True)
class About:
    """One page: its path, the letter that opens it after g, its purpose, the terms used on it."""

    path: str  # file name in pages/, and in the address
    letter: str
    purpose: str
    terms: tuple[str, ...]


PAGES: Mapping[str, About] = {
    "Live": About(
        "live",
        "l",
        "Is anything wrong right now? A chart for each tag, updated every second, with the band in which the "
        "next reading is expected. Whatever lies outside is marked, and nothing else has a colour.",
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
    "Boards": About(
        "boards",
        "b",
        "What you want to see together, on boards of your own: charts, values, states, events and notes on a "
        "grid, on the page or over a whole screen. Everybody sees a board; operators change them.",
        ("board", "tile", "wall screen", "tag", "control band", "anomaly", "event", "stale"),
    ),
    "Anomalies": About(
        "anomalies",
        "a",
        "What was flagged, why, and what people did about it. Select events to acknowledge, label or shelve "
        "them; click a reading in the chart to see why it was or was not flagged.",
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
        "Any tags over any span of the history: overlay them, compare them with an earlier period, read off "
        "differences with two cursors, see their statistics and how they correlate, find where it looked "
        "like this before, find batches and compare the live one with good ones, leave notes, export the data.",
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
        "What another profile would have flagged in your history, how many real faults it would have found, "
        "and how many events it would have raised, on a tag, a group or all tags. Nothing changes until you "
        "apply it, as a new version that you can revert.",
        (
            "detector",
            "threshold",
            "window",
            "z-score",
            "σ",
            "MAD",
            "CUSUM's k",
            "CUSUM's h",
            "profile",
            "condition",
            "settling",
            "on-delay",
            "severity",
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
        "Here you see which readings were rejected and why, and can switch simulated faults on.",
        (
            "ledger",
            "pending",
            "rejected",
            "duplicate",
            "dead letter",
            "difference",
            "journal",
            "watermark",
            "p99",
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
        "Edit tags and their limits, import history from files, choose how long readings are kept, and "
        "export data.",
        (
            "tag",
            "calculated tag",
            "valid range",
            "normal band",
            "retention",
            "roll-up",
            "case",
            "duplicate",
            "journal",
        ),
    ),
    "Notifications": About(
        "notifications",
        "n",
        "Who is notified of what, when and how, and what became of each message. Try a rule on the last week "
        "before it is in force, and send a test to see that it arrives.",
        (
            "event",
            "severity",
            "rule",
            "contact",
            "way",
            "escalation",
            "digest",
            "dead message",
            "acknowledged",
            "shelved",
            "alarm load",
        ),
    ),
    "Access": About(
        "access",
        "s",
        "Who may do what, who is signed in, which programs have an API token, and who did what when.",
        ("role", "session", "API token", "audit trail", "unverified name"),
    ),
}
"""By title, in the order of the menu."""


@dataclass(frozen=True)
class Shortcut:
    """Keys and what they do."""

    keys: tuple[str, ...]
    does: str


def shortcuts() -> tuple[Shortcut, ...]:
    """All shortcuts, for the list; `sensormon/ui/browser/keys.js` implements them."""
    return (
        Shortcut(("1", "2", "…"), "open a page, in the order of the menu"),
        Shortcut(("g", "l"), "open a page by g and a letter, here Live; a for Anomalies, s for Access"),
        Shortcut(("/",), "go to the search, or to the first field of the page"),
        Shortcut(("p",), "pause or resume the charts"),
        Shortcut(("y",), "copy the link to this view"),
        Shortcut(("j", "k"), "go to the next or the previous event, on Anomalies"),
        Shortcut(("a",), "acknowledge the selected events, or the event shown, on Anomalies"),
        Shortcut(("?",), "show this list"),
        Shortcut(("Esc",), "close a dialog or list"),
    )


@dataclass(frozen=True)
class Try:
    """Something to try first: a link to a page with the state of its view."""

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
    """The source in a sentence or two, by its value of SENSORMON_SOURCE.

    `tags` are the tags it delivers; `interval` is in seconds, 0 if it is not fixed.

    >>> seen("replay:x/pump.csv@60", [Tag("a", "A")], 0.5, 10).partition(".")[0]
    'The recording pump'
    """
    flags = "Every flagged reading has a ◆ and says why."
    units = {1.0: "per second", 60.0: "per minute", 3600.0: "per hour"}
    rate = f", one reading {units.get(interval) or f'every {interval:g} s'}" if interval > 0 else ""
    each = " each" if rate and len(tags) > 1 else ""
    sensors = f"{_many(len(tags), 'sensor')}{rate}{each}"
    if source == "simulator":
        groups = {tag.group for tag in tags}
        thing = groups.pop().lower() if len(groups) == 1 and "" not in groups else "plant"
        return f"A simulated {thing}: {sensors}. {flags}"
    if source.startswith("replay:"):
        file, _, speed = source.removeprefix("replay:").rpartition("/")[2].partition("@")
        pace = f", played {speed} times as fast" if speed else ""
        return f"The recording {file}{pace}, as if it were live: {sensors}. {flags}"
    if received:
        return f"{counted(received, 'reading')}, from sources, over HTTP or from files. {flags}"
    return (
        "Nothing sends readings yet. Add a source on the Data page, send one with the line below, or import "
        "a file, and it appears here."
    )


def tries(settings: Settings, tag: str | None, received: int) -> tuple[Try, ...]:
    """Two or three things to try first. `tag` is the title of a tag with readings."""
    newest = Try("Open the newest event and see why it was flagged", "Anomalies", {"within": "1 h"})
    tuning = {"history": "15 min", "threshold": "5.0"}
    move = Try(
        "Move the threshold and see what it would have flagged",
        "Tuning",
        {"tune": tag, **tuning} if tag else tuning,
    )
    account = Try("See where every reading is and that none is lost", "Pipeline")
    if settings.source == "simulator":
        # Every setting detects a gap; a small shift would be lost among the simulator's spikes.
        return (
            newest,
            move,
            Try("Switch on a fault and watch it being detected", "Pipeline", {"fault": "Gap"}),
        )
    if settings.source == "none" and not received:
        return Try("Import history from a file", "Data"), account
    return newest, move, account
