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
    parts: tuple[str, ...] = ()
    """What is on it in reading order, each "name: what it says"; `parts_of` puts the head before them."""


_HEAD = (
    "Status line: whether readings arrive, how old the newest is, and whether all are accounted for. A "
    "problem stands below it in red, with what to do.",
    "Bell: the tags that are abnormal now and not acknowledged. Open it to acknowledge or shelve one.",
)


def parts_of(about: About) -> tuple[str, ...]:
    """What a viewer sees on this page, in reading order."""
    return (*_HEAD, *about.parts)


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
        parts=(
            "Time range and Pause: how far back the charts reach. Pause holds the picture still; "
            "collection goes on.",
            "Cards, one per tag: the current value with its unit, the normal band, the age of the "
            "value and the score. The edge is red while the tag is abnormal.",
            "Chart in the card: the readings, the grey band in which the next one is expected, ◆ for "
            "each anomaly, a bracket over each event. Click a ◆ to open its event.",
            "Above the cards: which tags are abnormal now, the worst first. Click one to go to its card; "
            "the cards keep their places.",
            "With many tags: one row per tag, the worst first, coloured only where readings were "
            "flagged. Click a row to open its chart.",
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
        parts=(
            "Filters: which events are listed. A filter in bold is set.",
            "Counts: how many events there were in each interval, and whether people can handle that many.",
            "List: one row per event, newest first. Select a row to see it; select several to act on all.",
            "Detail: the readings around the event, why it was flagged, and what people did about it.",
            "Explain any reading: choose a moment of a tag to see why it was or was not flagged.",
        ),
    ),
    "Explore": About(
        "explore",
        "e",
        "Any tags over any span of the history: overlay them, compare them with an earlier period, read off "
        "differences with two cursors, see their statistics and how they correlate, find where it looked "
        "like this before, find batches and compare the live one with good ones, leave notes, export data.",
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
        parts=(
            "Controls: which tags, which time range, one chart per tag, per unit or for all, and the earlier"
            " time to compare with.",
            "Chart: drag to zoom, arrow keys to move. Click a reading to see its value and why it was"
            " flagged.",
            "Line below the chart: how many readings it shows, and whether they are readings or roll-ups.",
            "Analyse: distribution, correlation, control limits, notes and export of exactly what is "
            "in view.",
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
        parts=(
            "Sections: try settings, see the tags of a profile, edit profiles, train models, go back "
            "to an earlier version.",
            "Settings: the detectors and their thresholds. Nothing changes until you apply them.",
            "Current / With new settings: how many events there would have been.",
            "Chart: what both settings flag (kept), only the new ones (gained) and only the current "
            "ones (lost).",
            "Quality: how many known faults were found, how fast, and with how many false alarms.",
            "Apply to live monitoring: asks for a reason and makes a new version.",
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
        parts=(
            "Boxes: the path of a reading from its source to the database, with rate, count and delay"
            " at each step.",
            "Ledger: what was received equals what was stored, rejected and is pending. A difference "
            "is a loss.",
            "Tags: when each last reported, silent ones first.",
            "Journal: how many readings wait for the database. It fills while the database is away, "
            "and nothing is lost.",
            "Faults and drills: simulated faults on a tag, and real ones of the monitor, to see them "
            "detected and survived.",
            "Latest rejected readings: as received, with the reason.",
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
        parts=(
            "Sections: import files, connect sources, export, cases, tags, calculated tags, storage.",
            "Import: choose files; a preview shows how columns become tags before anything is stored.",
            "Sources: which devices and brokers deliver, how fast, and what last went wrong.",
            "Tags: name, unit and limits of each measuring point; one by a form, many by pasted rows.",
            "Calculated tags: formulas over other tags, which are then monitored like any tag.",
            "Storage: how long readings are kept, and how much space they take.",
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
        parts=(
            "Sections: rules, contacts, calendars, messages sent, shelved tags, maintenance.",
            "Rules: which events notify whom, when and how. Try one on the last week before it is in force.",
            "Messages: what became of each one, and who acknowledged it.",
        ),
    ),
    "Access": About(
        "access",
        "s",
        "Who may do what, who is signed in, which programs have an API token, and who did what when.",
        ("role", "session", "API token", "audit trail", "unverified name"),
        parts=(
            "Sections: users, sessions, API tokens, audit trail.",
            "Users: who has an account and which role. Each role may also do what those before it may.",
            "Audit trail: who did what and when, newest first.",
        ),
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
    part: str = ""  # the key of the part of that page that it is about


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
    """Two or three things to try first. `tag` is the name of a tag with readings."""
    newest = Try(
        "Open the newest event and see why it was flagged", "Anomalies", {"within": "1 h"}, "panel-context"
    )
    tuning = {"history": "15 min", "threshold": "5.0"}
    move = Try(
        "Move the threshold and see what it would have flagged",
        "Tuning",
        {"tune": tag, **tuning} if tag else tuning,
        "panel-controls",
    )
    account = Try("See where every reading is and that none is lost", "Pipeline", {}, "panel-ledger")
    if settings.source == "simulator":
        # Every setting detects a gap; a small shift would be lost among the simulator's spikes.
        return (
            newest,
            move,
            Try(
                "Switch on a fault and watch it being detected", "Pipeline", {"fault": "Gap"}, "panel-faults"
            ),
        )
    if settings.source == "none" and not received:
        return Try("Import history from a file", "Data", {"section": "Import"}, "import-file"), account
    return newest, move, account
