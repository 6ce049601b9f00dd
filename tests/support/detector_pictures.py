"""The pictures of docs/which_detector.md: what each detector flags on the same readings.

`make detector-pictures` draws them into docs/images/ with a real browser. The series are from the
Numenta benchmark (docs/series) and from the simulator with a fixed seed, so that a picture
changes only if a detector does. Each detector has seen all the readings before those that
are shown; the shaded part is what the benchmark's authors labelled, or the fault that was put in.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from playwright.sync_api import Browser, sync_playwright
from plotly.subplots import make_subplots

from sensormon.detectors import detect
from sensormon.model.clock import SECOND
from sensormon.model.tags import read_tags
from sensormon.sources.simulator import Simulator
from sensormon.view.palette import LIGHT
from tests.support.browser import CHROMIUM
from tests.support.pictures import FLAGS, INTO, reduced
from tests.support.server import ROOT

DETECTORS = ("recommended", "zscore", "hampel", "cusum", "ewma", "variance", "stuck")
"""The detectors in the pictures, the first with its band."""
SERIES = ROOT / "docs" / "series"
WIDTH, HEIGHT = 1200, 520
TAG = "fermenter_temp"
SEED = 7
END = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC, in µs


@dataclass(frozen=True, eq=False)
class Case:
    """A series, indexed by time, the part of it that is shown, and what was wrong in it from when to when."""

    title: str
    values: pd.Series
    shown: tuple[pd.Timestamp, pd.Timestamp]
    wrong: tuple[pd.Timestamp, pd.Timestamp]
    unit: str


def cases() -> dict[str, Case]:
    """All pictures by name; what they show is in docs/which_detector.md."""
    return {
        "detect-spike": _recorded(
            "A spike: CPU of a server (NAB ec2_cpu_utilization_24ae8d)",
            "ec2_cpu_utilization_24ae8d",
            shown=("2014-02-25", "2014-02-28 12:00"),
            wrong=("2014-02-26 13:45", "2014-02-27 06:25"),
        ),
        "detect-shift": _recorded(
            "A level shift: CPU of a server (NAB ec2_cpu_utilization_ac20cd)",
            "ec2_cpu_utilization_ac20cd",
            shown=("2014-04-13", "2014-04-16 15:00"),
            wrong=("2014-04-14 07:49", "2014-04-15 17:34"),
        ),
        "detect-cycle": _recorded(
            "A day without its peak (NAB art_daily_flatmiddle)",
            "art_daily_flatmiddle",
            shown=("2014-04-08", "2014-04-13"),
            wrong=("2014-04-11 00:00", "2014-04-12 00:00"),
        ),
        "detect-first-visit": _simulated("A shift of 6σ for 150 s (simulator)", "level_shift", 150, 6.0),
        "detect-drift": _simulated("A drift to 8σ in 10 minutes (simulator)", "drift", 600, 8.0),
        "detect-stuck": _simulated("A stuck sensor (simulator)", "stuck", 300, None),
        "detect-noise": _simulated("Noise four times as large (simulator)", "noise_burst", 120, 4.0),
    }


def _recorded(title: str, name: str, shown: tuple[str, str], wrong: tuple[str, str]) -> Case:
    table = pd.read_csv(SERIES / f"{name}.csv.gz", parse_dates=["timestamp"])
    values = pd.Series(table["value"].to_numpy(), pd.DatetimeIndex(table["timestamp"]))
    part, label = ((pd.Timestamp(left), pd.Timestamp(right)) for left, right in (shown, wrong))
    return Case(title, values, part, label, "")


def _simulated(title: str, fault: str, seconds: float, size: float | None) -> Case:
    """An hour and a half of one tag without spikes, a reading a second, and the fault in its last part."""
    tag = next(tag for tag in read_tags(ROOT / "data" / "tags.toml") if tag.name == TAG)
    simulator = Simulator([tag], SEED, 1.0, spike_rate=0.0)
    start = END - 900 * SECOND
    simulator.inject(fault, TAG, start, seconds, size)
    batch = simulator.backfill(END, minutes=90)
    values = pd.Series(batch.value, pd.to_datetime(batch.time, unit="us"))
    first, last = (pd.Timestamp(time, unit="us") for time in (start, start + round(seconds * SECOND)))
    shown = (first - pd.Timedelta(minutes=5), pd.Timestamp(END, unit="us"))
    return Case(title, values, shown, (first, last), tag.unit)


def figure(case: Case) -> go.Figure:
    """The readings with the band of the first detector, and below a line of marks for each detector."""
    drawn = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.04)
    shown = np.asarray((case.values.index >= case.shown[0]) & (case.values.index <= case.shown[1]))
    for height, name in enumerate(reversed(DETECTORS)):
        result = detect(case.values, detector=name).loc[shown]
        flagged = result[result["is_anomaly"]]
        if name == DETECTORS[0]:
            _draw_readings(drawn, result, flagged)
        drawn.add_scatter(
            x=flagged.index,
            y=[height] * len(flagged),
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 11, "color": LIGHT.anomaly},
            row=2,
            col=1,
        )
    for row in (1, 2):
        drawn.add_vrect(*case.wrong, fillcolor=LIGHT.uncertain, opacity=0.12, line_width=0, row=row, col=1)
    drawn.update_yaxes(title=case.unit, gridcolor=LIGHT.grid, zeroline=False, row=1, col=1)
    drawn.update_yaxes(
        tickvals=list(range(len(DETECTORS))),
        ticktext=list(reversed(DETECTORS)),
        range=[-0.6, len(DETECTORS) - 0.4],
        gridcolor=LIGHT.grid,
        zeroline=False,
        row=2,
        col=1,
    )
    drawn.update_xaxes(range=list(case.shown), gridcolor=LIGHT.grid)
    return drawn.update_layout(
        title={"text": case.title, "font": {"size": 17}},
        showlegend=False,
        width=WIDTH,
        height=HEIGHT,
        margin={"l": 110, "r": 20, "t": 50, "b": 50},
        paper_bgcolor=LIGHT.panel,
        plot_bgcolor=LIGHT.panel,
        font={"color": LIGHT.text, "size": 13},
    )


def _draw_readings(drawn: go.Figure, result: pd.DataFrame, flagged: pd.DataFrame) -> None:
    place = {"row": 1, "col": 1}
    x = result.index
    drawn.add_scatter(x=x, y=result["lower"], mode="lines", line={"width": 0}, **place)
    band = {"fill": "tonexty", "fillcolor": LIGHT.band}
    drawn.add_scatter(x=x, y=result["upper"], mode="lines", line={"width": 0}, **band, **place)
    line = {"color": LIGHT.line, "width": 1.2}
    drawn.add_scatter(x=x, y=result["value"], mode="lines", line=line, **place)
    mark = {"color": LIGHT.anomaly, "size": 8}
    drawn.add_scatter(x=flagged.index, y=flagged["value"], mode="markers", marker=mark, **place)
    # The band of a young or a lively tag is wider than the chart needs to be.
    low, high = float(result["value"].min()), float(result["value"].max())
    drawn.update_yaxes(range=[low - 0.3 * (high - low), high + 0.3 * (high - low)], row=1, col=1)


def take(browser: Browser, case: Case) -> bytes:
    """The picture as PNG."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    with tempfile.TemporaryDirectory(prefix="sensormon-pictures-") as folder:
        html = Path(folder) / "picture.html"
        figure(case).write_html(html, include_plotlyjs=True, config={"staticPlot": True}, full_html=True)
        page.goto(html.as_uri())
        page.add_style_tag(content="body { margin: 0 }")
        page.wait_for_selector(".js-plotly-plot .main-svg .ytick", state="attached")
        content = page.screenshot()
    page.close()
    return content


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the pictures that are named, all without a name."""
    parser = argparse.ArgumentParser(prog="make detector-pictures", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="default: all")
    parser.add_argument("--into", type=Path, default=INTO, help="the folder, default docs/images")
    chosen = parser.parse_args(arguments)
    known = cases()
    unknown = set(chosen.names) - set(known)
    if unknown:
        parser.error(f"there is no picture {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if CHROMIUM is None:
        parser.error("no Chromium found: apt-get install chromium, or set CHROMIUM to its path")
    chosen.into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in chosen.names or known:
            content = reduced(take(browser, known[name]))
            (chosen.into / f"{name}.png").write_bytes(content)
            sys.stdout.write(f"{chosen.into / name}.png  {len(content) / 1e3:,.0f} kB\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
