"""The cards of the Live page: for each tag its chart, its newest reading, its last flag.

Frames of readings in, cards out. What it is not: a reader of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import tzinfo

import numpy as np
import pandas as pd

from sensormon.detectors.judged import Judged
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.format import clock_time
from sensormon.model.readings import Ints, Origin, Withheld
from sensormon.model.state_words import Words
from sensormon.model.status import AHEAD
from sensormon.model.tags import Tag, TagTable
from sensormon.model.timestamps import micros
from sensormon.view.drawn import Drawn
from sensormon.view.explanation import Scales, explain, held_back, verdict
from sensormon.view.palette import Palette
from sensormon.view.phrases import Phrase
from sensormon.view.profiles import seconds_words
from sensormon.view.state_bands import word_of
from sensormon.view.time_charts import band_chart, live_chart
from sensormon.view.traces import Span

HELD = 5 * SECOND
"""A flag stays on the card for this long, so that a glance does not miss it (µs)."""

Judges = Mapping[int, DetectorSettings]
"""Detector settings by the id that readings name them with."""

Further = Callable[[str, int], pd.DataFrame]
"""Reads the readings of a tag since a time (µs UTC), in order of arrival."""

_JUDGED = frozenset(field.name for field in fields(Judged))


@dataclass(frozen=True)
class Newest:
    """The newest reading of a tag (µs UTC, in its unit) and a phrase on it.

    `arrived` is when the last live one arrived, by our clock; without one it is `time`.
    """

    time: int
    arrived: int
    value: float
    phrase: Phrase
    good: bool = True


@dataclass(frozen=True, eq=False)
class Cards:
    """The charts by tag name, in display order, and the facts for a line below."""

    figures: Mapping[str, Drawn]
    newest: Mapping[str, Newest]
    last_flag: str
    simulated_until: int | None  # µs UTC of the newest reading that was back-filled


def make_cards(
    frame: pd.DataFrame,
    tags: TagTable,
    names: Sequence[str],
    span: Span,
    palette: Palette,
    zone: tzinfo,
    height: int,
    judges: Judges,
    words: Words,
) -> Cards:
    """The cards of these tags over this span; `judges` has the settings of the readings, by id."""
    scales = Scales(judges)
    by_tag = dict(iter(frame.groupby("tag", sort=False)))
    nothing = frame.iloc[:0]
    figures = {
        name: band_chart(rows, tags[name], words.get(name, {}), span, palette)
        if tags[name].has_states
        else live_chart(rows, tags[name], span, palette, height, scales=scales)
        for name, rows in ((name, by_tag.get(name, nothing)) for name in names)
    }
    simulated = frame.loc[frame["origin"] == str(Origin.BACKFILL), "time"]
    return Cards(
        figures=figures,
        newest=newest(frame, places_by_tag(frame), span[1], judges),
        last_flag=last_flag(frame, tags, zone, judges),
        simulated_until=int(micros(simulated).max()) if len(simulated) else None,
    )


def newest(
    frame: pd.DataFrame,
    places: Mapping[str, Ints],
    now: int,
    judges: Judges,
    further: Further | None = None,
) -> dict[str, Newest]:
    """The newest reading of each tag in the frame, with its `places`; a very recent flag still shows.

    It is the one with the newest own time, or the last to arrive if that time has not come yet, so that
    a reading from a clock that is ahead does not hide later ones. Within the on-delay it says how much of
    it is over. `further` is asked if the frame does not reach back to where that began.
    """
    scales = Scales(judges)
    time, received = micros(frame["time"]), micros(frame["received"])
    live = (frame["origin"] == str(Origin.LIVE)).to_numpy(dtype=bool)
    anomaly, quality = frame["is_anomaly"].to_numpy(dtype=bool), frame["quality"].to_numpy(dtype=np.int64)
    value = frame["value"].to_numpy(dtype=np.float64)
    withheld = frame["withheld"].to_numpy() if "withheld" in frame else np.zeros(len(frame), dtype=np.uint8)
    result: dict[str, Newest] = {}
    for name, rows in places.items():
        times = time[rows]
        at = rows[len(times) - 1 - int(times[::-1].argmax())]
        if time[at] > now + AHEAD * SECOND:
            at = rows[-1]
        lasted = ""
        if int(withheld[at]) == Withheld.ON_DELAY:
            lasted = _lasted(frame, rows[: int(np.searchsorted(rows, at)) + 1], judges, further)
        phrase = _phrase(frame, at, scales, lasted)
        flagged = rows[anomaly[rows] & (times > now - HELD)]
        if not phrase.abnormal and len(flagged):
            last = flagged[-1]
            ago = max(0, round((now - time[last]) / 1e6))
            phrase = Phrase(f"{_phrase(frame, last, scales).text}, {ago} s ago", True)
        arrived = received[rows[live[rows]]]
        result[name] = Newest(
            time=int(time[at]),
            arrived=int(arrived.max()) if len(arrived) else int(time[at]),
            value=float(value[at]),
            phrase=phrase,
            good=int(quality[at]) >> 30 == 0,
        )
    return result


def places_by_tag(frame: pd.DataFrame) -> dict[str, Ints]:
    """The places of each tag's readings in the frame, in order: a frame of each would copy all columns."""
    codes, names = pd.factorize(frame["tag"])
    order = np.argsort(codes.astype(np.int32), kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(codes))[:-1]) if len(names) else []
    return dict(zip(map(str, names), rows, strict=True))


def reads(tag: Tag, last: Newest, words: Words) -> tuple[str, Phrase]:
    """The newest reading and the phrase on it as a card has them: of a tag of states its word, not judged."""
    if not tag.has_states:
        return tag.render(last.value), last.phrase
    return word_of(words.get(tag.name, {}), last.value), Phrase("" if last.good else last.phrase.text)


def _lasted(frame: pd.DataFrame, rows: Ints, judges: Judges, further: Further | None) -> str:
    """How much of the on-delay is over at the last of these rows of a tag; empty if it is not known."""
    last = frame.iloc[int(rows[-1])]
    settings = judges.get(int(last["settings"]))
    if settings is None:
        return ""
    profile = settings.in_use.by_name.get(str(last["profile"]), settings.in_use.default)
    since, is_begin = _firing_since(frame, rows)
    now = int(micros(frame["time"].iloc[rows[-1:]])[0])
    if not is_begin and further is not None:
        longer = further(str(last["tag"]), now - round(profile.on_delay * SECOND) - SECOND)
        own = longer[(longer["tag"] == last["tag"]) & (micros(longer["time"]) <= now)].reset_index(drop=True)
        if len(own) > len(rows):
            since, is_begin = _firing_since(own, np.arange(len(own)))
    over = seconds_words((now - since) // SECOND)
    return f"{'' if is_begin else 'at least '}{over} of {seconds_words(profile.on_delay)}"


def _firing_since(frame: pd.DataFrame, rows: Ints) -> tuple[int, bool]:
    """Since when (µs UTC) the on-delay holds the last of these rows back, and whether they reach back to it.

    Readings that were not judged neither begin nor end it.
    """
    withheld = frame["withheld"].to_numpy()[rows]
    held = withheld == Withheld.ON_DELAY
    unjudged = (withheld == Withheld.NOTHING) & ~np.isfinite(frame["score"].to_numpy(dtype=np.float64)[rows])
    ends = np.flatnonzero(~(held | unjudged))
    first = int(ends[-1]) + 1 if len(ends) else 0
    run = rows[first:][held[first:]]
    time = micros(frame["time"].iloc[run[:1]]) if len(run) else micros(frame["time"].iloc[rows[-1:]])
    return int(time[0]), bool(len(ends))


def _phrase(frame: pd.DataFrame, at: int, scales: Scales, lasted: str = "") -> Phrase:
    row = {name: frame[name].iat[at] for name in frame.columns if name in _JUDGED}
    reading = Judged.of(row)
    settings = int(frame["settings"].to_numpy(dtype=np.int64)[at])
    name = scales.of(settings, reading.profile, reading.detector).name
    if lasted:
        return held_back(reading.value, reading.expected, reading.score, name, lasted)
    return verdict(
        reading.value,
        reading.expected,
        reading.score,
        reading.is_anomaly,
        reading.quality,
        name,
        reading.withheld,
    )


def last_flag(frame: pd.DataFrame, tags: TagTable, zone: tzinfo, judges: Judges) -> str:
    """A line about the newest flagged reading in the frame; empty if there is none."""
    flagged = frame[frame["is_anomaly"].astype(bool)]
    flagged = flagged[flagged["tag"].isin(tags.names)]
    if flagged.empty:
        return ""
    row = flagged.iloc[int(micros(flagged["time"]).argmax())]
    tag = tags[str(row["tag"])]
    time = clock_time(int(micros(flagged["time"]).max()), zone)
    settings = judges.get(int(row["settings"]))
    words = (
        explain(tag, Judged.of(dict(row)), settings).sentence if settings else tag.render(float(row["value"]))
    )
    return f"{time}  {tag.label}: {words.rstrip('.')}"
