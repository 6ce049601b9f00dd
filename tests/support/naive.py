"""Slow, obvious reference implementations that the fast code is compared with."""

from __future__ import annotations

import math
import statistics
import sys
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise


@dataclass(frozen=True)
class Judged:
    """The z-score of one reading and its inputs; `largest` is the largest |value| in the window."""

    n: int
    mean: float = math.nan
    sd: float = math.nan
    off: float = math.nan
    margin: float = math.nan
    largest: float = math.nan

    @property
    def scored(self) -> bool:
        return not math.isnan(self.mean)

    @property
    def is_anomaly(self) -> bool:
        return self.off > self.margin


def zscore(
    tag: Sequence[int],
    value: Sequence[float],
    ok: Sequence[bool],
    window: int,
    threshold: float,
    resolution: Sequence[float],
) -> list[Judged]:
    """The rolling z-score by one deque per tag and two passes over it at every reading."""
    last: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=window))
    learned: dict[int, int] = defaultdict(int)
    rows = []
    for code, x, usable in zip(tag, value, ok, strict=True):
        seen, n = last[code], learned[code]
        if not usable or not math.isfinite(x):
            rows.append(Judged(n))
            continue
        if n >= min(window, 50):
            # The sum of k times v divided by k need not be v again; the mean of equal values must be.
            flat = min(seen) == max(seen)
            mean = seen[0] if flat else math.fsum(seen) / len(seen)
            sd = math.sqrt(math.fsum((v - mean) ** 2 for v in seen) / len(seen))
            step = resolution[code]
            margin = max(threshold * sd, step + 4 * sys.float_info.epsilon * abs(mean) if step else 0.0)
            rows.append(Judged(n, mean, sd, abs(x - mean), margin, max(abs(v) for v in seen)))
        else:
            rows.append(Judged(n))
        seen.append(x)
        learned[code] += 1
    return rows


@dataclass(frozen=True)
class Score:
    """The score and expected value that a chart gives one reading; NaN before it has any."""

    score: float = math.nan
    expected: float = math.nan


def hampel(value: Sequence[float], window: int, threshold: float, resolution: float) -> list[Score]:
    """The Hampel identifier, recomputed from the whole window at every reading."""
    scores = []
    for i, x in enumerate(value):
        seen = list(value[max(0, i - window) : i])
        if i < min(window, 50):
            scores.append(Score())
            continue
        middle = statistics.median(seen)
        off = [abs(v - middle) for v in seen]
        spread = 1.4826 * statistics.median(off) or 1.2533 * statistics.fmean(off)
        steps = [abs(b - a) for a, b in pairwise(seen)]
        jump = 1.4826 * statistics.median(steps) or 1.2533 * statistics.fmean(steps)
        least = resolution + 4 * sys.float_info.epsilon * abs(middle)
        lag = max(0.0, 1 - (jump / spread) ** 2 / 2) if spread > least else 0.0
        phi = min(1.0, max(0.0, (lag - 0.4) / 0.4))
        older, before = seen[-2:]
        if abs(before - older) > threshold * max(jump, least) and abs(older - middle) < abs(before - middle):
            before = older
        expected = middle + phi * (before - middle)
        scale = max(spread * math.sqrt(max(0.0, 1 - 2 * phi * lag + phi**2)), least)
        distance = abs(x - expected)
        scores.append(Score(0.0 if distance <= least else min(distance / scale, 1e9), expected))
    return scores


class Baseline:
    """The guarded baseline, with plain variances and covariances and lists."""

    mean: float
    phi: float
    previous: float
    noise: float
    variance: float
    covariance: float
    held: float
    slow: float
    waves: float
    follows: bool
    odd: bool

    def __init__(self, resolution: float, memory: float, accept: float) -> None:
        self.resolution, self.memory, self.accept = resolution, memory, accept
        self.last: deque[float] = deque(maxlen=100)
        self.count = 0

    @property
    def expected(self) -> float:
        return self.mean + self.phi * (self.previous - self.mean)

    @property
    def least(self) -> float:
        return self.resolution + 4 * sys.float_info.epsilon * abs(self.mean)

    def residual(self, x: float) -> float:
        off = x - self.expected
        if abs(off) <= self.least:
            return 0.0
        scale = max(math.sqrt(self.noise), self.least)
        return math.copysign(1e9, off) if scale == 0 else max(-1e9, min(off / scale, 1e9))

    def learn(self, x: float, flagged: bool) -> bool:
        self.last.append(x)
        if self.count == 0:
            if len(self.last) == 100:
                self.begin()
            return False
        outlier = abs(self.residual(x)) > 4
        if flagged or outlier:
            self.held += 1
            if self.held >= self.accept:
                self.begin()
                return True
            self.previous = self.expected if outlier and not self.odd else x
            self.follows, self.odd = False, outlier
            return False
        self.held = max(0.0, self.held - 0.25)
        self.update(x)
        self.previous, self.follows, self.odd = x, True, False
        return False

    def update(self, x: float) -> None:
        weight = 1 / min(self.count + 1, self.memory)
        self.count += 1
        least = self.least**2
        if max(self.noise, least) > 0:
            self.follow((x - self.expected) / math.sqrt(max(self.noise, least)), 1 / self.memory)
        self.noise = (1 - weight) * max(self.noise, least) + weight * (x - self.expected) ** 2
        if self.follows:
            now, before = x - self.mean, self.previous - self.mean
            scale = max(self.variance, least)
            correlation = self.covariance / self.variance if self.variance else 0.0
            self.covariance = (1 - weight) * correlation * scale + weight * now * before
            self.variance = (1 - weight) * scale + weight * now**2
            self.correct(min(self.count, 2 * self.memory))
        self.mean += weight * (x - self.mean)

    @property
    def inflation(self) -> float:
        return math.sqrt(max(1.0, self.waves))

    def follow(self, z: float, weight: float) -> None:
        self.slow = 0.9 * self.slow + 0.1 * z
        self.waves = (1 - weight) * self.waves + weight * self.slow**2 * 19

    def correct(self, count: float) -> None:
        lag = self.covariance / self.variance if self.variance else 0.0
        phi = lag + (1 + 3 * lag) / count + 2 * lag**2 * math.sqrt(max(1 - lag**2, 0) / count)
        self.phi = min(phi, 1.0) if phi > 2 / math.sqrt(count) else 0.0

    def begin(self) -> None:
        values = list(self.last)
        ordered = sorted(values)
        median = ordered[50]
        spread = 1.2 * math.sqrt(statistics.fmean((v - median) ** 2 for v in ordered[3:-3]))
        robust = 1.4826 * sorted(abs(v - median) for v in values)[50]
        scale = max(min(spread, 2 * robust) if robust else spread, self.resolution)
        near = [abs(v - median) <= 6 * scale for v in values]
        kept = [v for v, good in zip(values, near, strict=True) if good]
        self.count, self.mean = len(kept), statistics.fmean(kept)
        self.variance = statistics.fmean((v - self.mean) ** 2 for v in kept)
        pairs = [
            (a - self.mean) * (b - self.mean)
            for (a, a_near), (b, b_near) in pairwise(zip(values, near, strict=True))
            if a_near and b_near
        ]
        self.covariance = statistics.fmean(pairs) if pairs else 0.0
        self.correct(self.count)
        lag = self.covariance / self.variance if self.variance else 0.0
        self.noise = self.variance * (max(1 - lag**2, 0.0) if self.phi else 1.0)
        self.slow, self.waves = 0.0, 1.0
        scale = max(math.sqrt(self.noise), self.least)
        for (a, a_near), (b, b_near) in pairwise(zip(values, near, strict=True)):
            if a_near and b_near and scale:
                off = (b - self.mean - self.phi * (a - self.mean)) / scale
                self.follow(max(-4.0, min(off, 4.0)), 1 / 100)
        self.previous = values[-1] if near[-1] else self.mean
        self.follows, self.odd, self.held = near[-1], False, 0.0


def cusum(
    value: Sequence[float], k: float, h: float, accept: float, resolution: float, memory: float = 500
) -> list[Score]:
    """The tabular CUSUM (and, with a longer memory, the Page-Hinkley test) of the residuals."""
    baseline = Baseline(resolution, memory, accept)
    above = below = 0.0
    scores = []
    for x in value:
        flagged = False
        if baseline.count:
            z = baseline.residual(x) / baseline.inflation
            score = min(max(0.0, above + z - k, below - z - k), 1e9)
            scores.append(Score(score, baseline.expected))
            flagged = score > h
            z = max(-4.0, min(z, 4.0))
            above = min(max(0.0, above + z - k), h + 5)
            below = min(max(0.0, below - z - k), h + 5)
        else:
            scores.append(Score())
        if baseline.learn(x, flagged):
            above = below = 0.0
    return scores


def ewma(
    value: Sequence[float], weight: float, width: float, accept: float, resolution: float
) -> list[Score]:
    """The EWMA chart of the residuals."""
    baseline = Baseline(resolution, 500, accept)
    average = 0.0
    scores = []
    for x in value:
        flagged = False
        if baseline.count:
            z = baseline.residual(x) / baseline.inflation
            deviation = math.sqrt(weight / (2 - weight))
            score = min(abs((1 - weight) * average + weight * z) / deviation, 1e9)
            scores.append(Score(score, baseline.expected))
            flagged = score > width
            average = (1 - weight) * average + weight * max(-4.0, min(z, 4.0))
        else:
            scores.append(Score())
        if baseline.learn(x, flagged):
            average = 0.0
    return scores


def minutes(
    readings: Sequence[tuple[str, int, float, int]],
) -> dict[tuple[str, int, int], tuple[float, float, float, int]]:
    """Lowest, mean and highest value and the count, by tag, minute (µs) and quality, of these readings."""
    values: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    for tag, time, value, quality in readings:
        values[tag, time // 60_000_000 * 60_000_000, quality].append(value)
    return {
        key: (min(them), math.fsum(them) / len(them), max(them), len(them)) for key, them in values.items()
    }


@dataclass(frozen=True)
class Part:
    """The points that a part of a span must be drawn with."""

    first: tuple[int, float]
    last: tuple[int, float]
    low: float
    high: float
    readings: int


def parts(rows: Sequence[tuple[int, float, bool]], width: int) -> dict[int, Part]:
    """What must be drawn of these (time, value, drawable) readings, by part; the others are only counted."""
    members: dict[int, list[tuple[int, float, bool]]] = defaultdict(list)
    for row in rows:
        members[row[0] // width].append(row)
    summaries = {}
    for part, inside in members.items():
        drawn = [(time, value) for time, value, good in inside if good]
        if drawn:
            summaries[part] = Part(
                first=min(drawn, key=lambda point: point[0]),
                last=max(drawn, key=lambda point: point[0]),
                low=min(value for _, value in drawn),
                high=max(value for _, value in drawn),
                readings=len(inside),
            )
    return summaries


def paired(
    a: Sequence[tuple[int, float]], b: Sequence[tuple[int, float]], tolerance: int
) -> list[tuple[float, float]]:
    """Each reading of the shorter list with the nearest of the other; of two equally near, the earlier."""
    few, many, swapped = (a, b, False) if len(a) <= len(b) else (b, a, True)
    pairs = []
    for time, value in few:
        best: tuple[int, float] | None = None
        for other in many:
            if best is None or abs(other[0] - time) < abs(best[0] - time):
                best = other
        if best is not None and abs(best[0] - time) <= tolerance:
            pairs.append((best[1], value) if swapped else (value, best[1]))
    return pairs


def limits(stretches: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Lower limit, centre and upper limit from stretches without a gap."""
    ranges = [abs(b - a) for stretch in stretches for a, b in pairwise(stretch)]
    centre = statistics.fmean(value for stretch in stretches for value in stretch)
    sigma = statistics.fmean(ranges) / 1.128
    return centre - 3 * sigma, centre, centre + 3 * sigma


def local_stretch(time: int, unit: str, zone: tzinfo) -> object:
    """The key shared by times (µs UTC) in the same minute, hour, day … of the zone's clock."""
    local = datetime.fromtimestamp(time // 1_000_000, zone)
    hour = (local.date(), local.utcoffset(), local.hour)
    return {
        "minute": (*hour, local.minute),
        "10 minutes": (*hour, local.minute // 10),
        "hour": hour,
        "day": local.date(),
        "month": (local.year, local.month),
    }[unit]


def most_within(times: Sequence[int], window: int) -> int:
    """The most of these times in any begin <= time < begin + window."""
    return max((sum(begin <= time < begin + window for time in times) for begin in times), default=0)


def windows_with_more(times: Sequence[int], since: int, until: int, window: int, most: float) -> int:
    """How many of the whole windows back from `until` contain more than `most` of the times."""
    count, end = 0, until
    while end - window >= since:
        count += sum(end - window <= time < end for time in times) > most
        end -= window
    return count
