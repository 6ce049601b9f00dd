"""What the pages say, in plain words: durations, why a reading was flagged, settings.

Pure functions: plain data in, text out. Numbers of a tag are in its unit and have as many
digits as its sensor. What it is not: markup; whoever shows a text escapes it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import tzinfo

from sensormon.detectors.base import HIGHEST
from sensormon.model.tags import Tag
from sensormon.model.timestamps import to_datetime

_REFUSED = {
    "unknown_tag": "unknown tag",
    "out_of_range": "outside the valid range",
    "not_finite": "not a finite number",
    "not_a_number": "not a number",
    "malformed": "not a reading",
    "bad_timestamp": "timestamp unreadable or out of range",
    "future_timestamp": "timestamp in the future",
    "duplicate": "duplicate",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:&-])")
_FAULTS = {
    "level_shift": "The readings lie 6 σ higher from one moment on. CUSUM and Page-Hinkley find it; the "
    "plain z-score soon takes it for normal.",
    "drift": "The readings move away steadily, by 8 σ at the end. CUSUM and the EWMA chart find it.",
    "stuck": "The sensor repeats one value. The stuck-sensor detector finds it, the z-score does not.",
    "noise_burst": "The readings scatter 4 times as much. The noise detector finds it.",
    "gap": "No readings come. After a few seconds every page says that the tag is silent.",
    "out_of_range": "The readings lie outside the valid range: they are rejected and listed below.",
    "duplicates": "The readings come twice: the second of each is rejected as a duplicate.",
}
_ORIGINS = {"backfill": "simulated at the first start", "import": "imported"}


@dataclass(frozen=True)
class Phrase:
    """A piece of a line; the abnormal ones are shown in red."""

    text: str
    abnormal: bool = False


def literal(text: str) -> str:
    """Text from outside for where Markdown is read: nothing in it is a link, a picture or a colour."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    >>> duration(0.84), duration(14.2), duration(200), duration(7500)
    ('0.8 s', '14 s', '3 min 20 s', '2 h 5 min')
    """
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part, smaller in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size:,} {unit} {rest} {smaller}" if rest else f"{whole // size:,} {unit}"
    return f"{whole} s"


def latency(seconds: float) -> str:
    """The time of one operation.

    >>> latency(0.00034), latency(0.0123), latency(2.5)
    ('0.3 ms', '12 ms', '2.5 s')
    """
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.1f} ms" if seconds < 0.00995 else f"{seconds * 1e3:.0f} ms"


def size(count: int) -> str:
    """A number of bytes.

    >>> size(900), size(12_500_000)
    ('900 B', '12.5 MB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def counted(count: int, noun: str) -> str:
    """A number with its noun, which takes an s or, for -y behind a consonant, -ies.

    >>> counted(1, "anomaly"), counted(1200, "anomaly"), counted(0, "reading"), counted(30, "day")
    ('1 anomaly', '1,200 anomalies', '0 readings', '30 days')
    """
    if count == 1:
        return f"1 {noun}"
    ies = noun.endswith("y") and noun[-2:-1] not in "aeou"
    return f"{count:,} {noun[:-1]}ies" if ies else f"{count:,} {noun}s"


def pace(count: int, seconds: float) -> str:
    """How often something came, in the unit alarm norms are written in, and what comes seldom by the day.

    >>> pace(7, 3600), pace(14, 7 * 86_400)
    ('1.2 per 10 min', '2 a day')
    """
    often = count * 600 / seconds if seconds > 0 else 0.0
    return f"{often * 144:.2g} a day" if 0 < often < 0.1 else f"{often:,.1f} per 10 min"


def every(seconds: float) -> str:
    """How often a source delivers.

    >>> every(1), every(60), every(0.5)
    ('every second', 'every minute', 'every 0.5 s')
    """
    round_ones = {1.0: "every second", 60.0: "every minute", 3600.0: "every hour"}
    return round_ones.get(seconds) or f"every {duration(seconds)}"


def clock_time(time: int, zone: tzinfo) -> str:
    """The time of day of µs UTC, in this zone."""
    return to_datetime(time).astimezone(zone).strftime("%H:%M:%S")


def day_and_time(time: int, zone: tzinfo) -> str:
    """The date and time of µs UTC, in this zone."""
    return to_datetime(time).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def stored_words(extent: tuple[int, int], zone: tzinfo) -> str:
    """From when to when (µs UTC) readings are stored, where none is in view."""
    first, last = (day_and_time(one, zone) for one in extent)
    return f"Those that are stored go from {first} to {last}."


def moment_words(time: int, now: int, zone: tzinfo) -> str:
    """The time of day of µs UTC, with its date where that is not today's in this zone."""
    said, today = day_and_time(time, zone), day_and_time(now, zone)
    return clock_time(time, zone) if said[:10] == today[:10] else said


def zone_words(name: str, zone: tzinfo, now: int) -> str:
    """The zone as the page names it, with its offset now: "Times in Europe/Berlin (UTC+01:00)"."""
    offset = to_datetime(now).astimezone(zone).strftime("%z")
    where = "UTC" if offset in ("+0000", "") else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"Times in {name}" if name == where else f"Times in {name} ({where})"


def normal_band(tag: Tag) -> str:
    """The usual band: "normal 35–40 °C", or nothing where none is stated."""
    if tag.normal is None:
        return ""
    width = tag.normal[1] - tag.normal[0]
    low, high = (_edge(edge, tag.decimals, width) for edge in tag.normal)
    return f"normal {low}–{high} {tag.unit}".rstrip()


def _edge(value: float, decimals: int, width: float) -> str:
    """As many digits as the tag has, more where that would move the edge visibly."""
    if abs(round(value, decimals) - value) > 0.02 * width:
        return f"{value:,.10g}"
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def expected_band(tag: Tag, expected: float, upper: float) -> str:
    """What was expected: "7.02 ± 0.36 pH"; a dash before there was anything to expect."""
    if not math.isfinite(expected):
        return "–"
    return f"{expected:,.{tag.decimals}f} ± {upper - expected:,.{tag.decimals}f} {tag.unit}".rstrip()


def limit(value: float, expected: float, upper: float, score: float) -> float:
    """The score above which this reading would have been flagged, whatever the settings were.

    NaN for a step off a flat line, which has no such number.
    """
    off = abs(value - expected)
    return score * (upper - expected) / off if off > 0 and score < HIGHEST else math.nan


def why(tag: Tag, value: float, expected: float, upper: float, score: float) -> str:
    """The sentence that says why a reading was flagged."""
    side = "above" if value > expected else "below"
    head = f"{tag.render(value)} lies {tag.render(abs(value - expected))} {side} "
    threshold = limit(value, expected, upper, score)
    if not math.isfinite(threshold):
        return f"{head}a line that had been flat at {tag.render(expected)}"
    return f"{head}the expected {expected_band(tag, expected, upper)} (z {score:,.1f}, above {threshold:.1f})"


def why_short(
    tag: Tag,
    value: float,
    expected: float,
    upper: float,
    score: float,
    name: str = "z",
    threshold: float = math.nan,
) -> str:
    """The same in short, beside columns with the value, the expected one and the score.

    `name` is what the score is called. Its limit is `threshold`; without it, what the band says.
    """
    if not math.isfinite(threshold):
        threshold = limit(value, expected, upper, score)
    elif score >= HIGHEST:
        threshold = math.nan
    off = f"{tag.render(abs(value - expected))} {'above' if value > expected else 'below'}"
    return f"{off}, limit {name} {threshold:.1f}" if math.isfinite(threshold) else f"{off} a flat line"


def verdict(
    value: float, expected: float, score: float, flagged: bool, quality: int, name: str = "z"
) -> Phrase:
    """What the card says of a reading; `name` is what its score is called."""
    if quality >> 30:
        return Phrase("bad quality, not judged" if quality >> 31 else "uncertain quality, not judged")
    if not math.isfinite(expected):
        return Phrase("not judged yet, still learning")
    if not flagged:
        return Phrase(f"{name} {score:.1f}")
    side = "above" if value > expected else "below"
    return Phrase(f"{side} expected, {name} {score:,.1f}" if score < HIGHEST else f"{side} a flat line", True)


def refused(reason: str) -> str:
    """Why a reading was rejected."""
    return _REFUSED.get(reason, reason.replace("_", " "))


def fault_words(name: str) -> str:
    """A simulated fault's name as a person reads it: "level shift"."""
    return name.replace("_", " ").capitalize()


def fault_sentence(name: str) -> str:
    """What a simulated fault does to the readings, and what notices it; empty for an unknown one."""
    return _FAULTS.get(name, "")


def origin(name: str) -> str:
    """How a reading came to be; nothing for a live one."""
    return _ORIGINS.get(name, "")
