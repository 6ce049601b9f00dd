"""Texts on the readings in view and on measurements, for the Explore page.

Pure functions. What it is not: markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd

from sensormon.analysis.control_chart import MINIMUM as PAIRS
from sensormon.analysis.control_chart import ControlLimits
from sensormon.analysis.correlation import Relation
from sensormon.analysis.downsample import Overview
from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.format import counted, duration
from sensormon.model.tags import Tag
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.explorer import Controlled
from sensormon.stores.long_spans import SHARES, Distribution, Outside

DAY = 86_400
NAMED = {
    "an hour earlier": 3_600,
    "a day earlier": DAY,
    "a week earlier": 7 * DAY,
}
"""Spans to compare with, by how much earlier they are, in seconds."""


def times(start: int, end: int, zone: tzinfo) -> str:
    """Start and end, the end with its date only if that differs."""
    a, b = (to_datetime(time).astimezone(zone) for time in (start, end))
    short = "%H:%M:%S" if end - start < 7_200 * SECOND else "%H:%M"
    if a.date() == b.date():
        return f"{a:%Y-%m-%d} {a.strftime(short)} to {b.strftime(short)}"
    return f"{a:%Y-%m-%d} {a.strftime(short)} to {b:%Y-%m-%d} {b.strftime(short)}"


def drawn_line(overviews: Sequence[Overview], since: int, until: int) -> str:
    """How many readings are in view, and which of them are drawn."""
    width = max((overview.width for overview in overviews), default=0)
    readings = sum(overview.within(since, until) for overview in overviews)
    if not width and not any(overview.minutes for overview in overviews):
        return f"{counted(readings, 'reading')}, all drawn"
    if not width:
        return (
            f"About {counted(readings, 'reading')}; roll-ups are drawn as the lowest and highest of every "
            "minute, all others individually"
        )
    left = any(overview.marked > len(overview.marks) for overview in overviews)
    flags = "the worst flagged readings" if left else "all flagged readings"
    return (
        f"About {counted(readings, 'reading')}; drawn: first, lowest, highest and last of every "
        f"{duration(width / SECOND)}, and {flags}"
    )


def relation_words(relation: Relation, x: Tag, y: Tag) -> list[str]:
    """The correlation of two tags in words, and how well it is supported."""
    apart = duration(relation.pairs.tolerance / SECOND)
    pairs = f"{counted(relation.n, 'pair')}, at most {apart} apart"
    if relation.share > 1:
        pairs += f", from about one in {relation.share:,} readings, in stretches"
    if relation.why:
        return [f"Not measurable: {relation.why}. {pairs}."]
    lines = [
        f"Pearson r = {_signed(relation.pearson)}, Spearman ρ = {_signed(relation.spearman)}, n = {pairs}."
    ]
    if relation.worth < 0.5 * relation.n:
        lines.append(
            f"Consecutive readings are autocorrelated: these pairs are worth about {relation.worth:,.0f} "
            "independent ones."
        )
    if relation.lag is not None:
        cell = duration(relation.cell / SECOND)
        when = (
            "at zero lag"
            if relation.lag == 0
            else f"with {(y if relation.lag > 0 else x).label} lagging "
            f"{(x if relation.lag > 0 else y).label} by {duration(abs(relation.lag) / SECOND)}"
        )
        r = f"r = {_signed(relation.at_lag)} for means over {cell}"
        usual = f"unrelated tags like these reach ±{relation.chance:.2f} by chance"
        if abs(relation.at_lag) > relation.chance:
            lines.append(f"Strongest {when} ({r}; {usual}).")
        else:
            lines.append(f"No time lag stands out: the strongest has {r}; {usual}.")
    lines.append("Correlation does not imply causation.")
    return lines


def control_words(control: Controlled) -> list[str]:
    """A control chart in words, with its cautions."""
    limits = control.limits
    if limits is None:
        return [
            f"Not measurable: limits need {PAIRS} consecutive readings; the baseline has "
            f"{counted(control.available, 'good reading')}. Choose a longer baseline."
        ]
    outside = control.outside
    count = outside.above + outside.below
    share = f" ({_share(count, outside.readings)})" if outside.readings else ""
    lines = [
        f"{_about(outside)}{count:,} of {counted(outside.readings, 'good reading')} in view are outside the "
        f"control limits{share}: {outside.above:,} above, {outside.below:,} below."
    ]
    if outside.used < outside.readings:
        lines.append(f"The count is an estimate from {_sample(outside.used)}.")
    if limits.sigma == 0:
        lines.append("The baseline is constant; any other value is outside.")
    if limits.correlated:
        lines.append(
            "Caution: consecutive baseline readings are correlated (lag-1 autocorrelation "
            f"{limits.autocorrelation:.2f}). The moving range then underestimates the spread, and the chart "
            "flags too much. Sample more slowly, or chart the residuals of an autoregressive model."
        )
    if control.used < control.available:
        lines.append(
            f"The limits use {control.used:,} of the baseline's {control.available:,} readings, in blocks."
        )
    return lines


def limit_facts(limits: ControlLimits, tag: Tag) -> list[tuple[str, str]]:
    """The numbers of a control chart."""
    return [
        ("Upper control limit", finer(tag, limits.upper)),
        ("Centre line", finer(tag, limits.centre)),
        ("Lower control limit", finer(tag, limits.lower)),
        ("σ from the moving range", finer(tag, limits.sigma)),
        ("Baseline readings", f"{limits.readings:,}"),
        (
            "Lag-1 autocorrelation",
            "–" if math.isnan(limits.autocorrelation) else f"{limits.autocorrelation:.2f}",
        ),
    ]


def distribution_facts(
    distribution: Distribution, tag: Tag, outside: Outside | None
) -> list[tuple[str, str]]:
    """The numbers of a distribution; `outside` is about the normal band, if there is one."""
    facts = [
        ("Readings", f"{distribution.readings:,}"),
        ("Mean", finer(tag, distribution.mean)),
        ("Standard deviation", finer(tag, distribution.sd)),
        ("Median", tag.render(distribution.quantiles[SHARES.index(0.5)])),
    ]
    if outside is not None:
        count = outside.below + outside.above
        share = _share(count, outside.readings)
        facts.append(("Outside the normal band", f"{_about(outside).lower()}{count:,} ({share})"))
    return facts


def quantile_table(distribution: Distribution, tag: Tag) -> pd.DataFrame:
    """The quantiles as a person reads them."""
    names = [{0.0: "lowest", 0.5: "median", 1.0: "highest"}.get(share, f"{share:.0%}") for share in SHARES]
    return pd.DataFrame({"Quantile": names, "Value": [tag.render(value) for value in distribution.quantiles]})


def _signed(correlation: float) -> str:
    return f"{correlation:+.2f}".replace("-", "−")


def sampled(distribution: Distribution) -> str:
    """Which readings the histogram and the quantiles show; empty if all."""
    if distribution.used >= distribution.readings:
        return ""
    return (
        f"Histogram and quantiles are estimated from {_sample(distribution.used)}. Number, mean, standard "
        "deviation, lowest and highest value are those of all readings."
    )


def _about(outside: Outside) -> str:
    return "About " if outside.used < outside.readings else ""


def _sample(readings: int) -> str:
    return f"an even sample of {readings:,} readings"


def _share(some: int, whole: int) -> str:
    """A share in per cent; a small one is never shown as 0."""
    return "less than 0.01 %" if 0 < some < 1e-4 * whole else f"{some / whole:.2%}".replace("%", " %")


def step_words(step: int) -> str:
    """The width of a cell (µs); below a minute with all its digits."""
    return f"{step / SECOND:g} s" if step < MINUTE else duration(step / SECOND)


def finer(tag: Tag, value: float) -> str:
    """A number computed from many readings, with one digit more than the sensor has."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{tag.decimals + 1}f}"
    return f"{text} {tag.unit}" if tag.unit else text
