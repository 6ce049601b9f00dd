"""`bench pages`: how long each page takes to open on a long history, at the spans that a person can choose.

A real server, and a viewer without a browser (`visitor.py`) whose every opening is a session of its own,
as a new tab is: nothing is kept from the opening before but what the server shares among viewers. With
`full` a browser opens the pages too (`browser_visits.py`), where Playwright and Chromium are installed.
The reference is a bare Streamlit app with one chart, opened in the same rounds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from sensormon.bench.browser_visits import browser_visits
from sensormon.bench.long_history import make_history
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, percentile
from sensormon.bench.server import Server, running
from sensormon.bench.visitor import opened
from sensormon.model.clock import SECOND
from sensormon.model.settings import read_settings
from sensormon.model.timestamps import render

READINGS = 3_000_000
TAGS = 3
ROUNDS = 3
BARE = "bare app with one chart"
FIRST = "first visit of all, Live"


def pages(size: Size, history: Path | None = None, rounds: int = ROUNDS, only: str = "") -> Measured:
    """Every page at every span: ms until it is whole, the median and the longest of the warm openings.

    `history` is a folder with `data` and `tags.toml` to be opened as it is, in place of one made for this.
    `only` measures the pages whose name begins with it.
    """
    before = machine_load()
    rounds = 2 * rounds + 1 if size.full else rounds
    with (
        tempfile.TemporaryDirectory() as name,
        _folder(size, history, Path(name)) as folder,
        running(folder, SOURCE="none") as server,
        _bare(Path(name)) as bare,
    ):
        server.wait(lambda stats: bool(stats["pending"] == 0))
        figures = {f"{FIRST}, ms": opened(server.port, "").seconds * 1e3}
        reference = {f"{FIRST}, ms": opened(bare.port, "").seconds * 1e3}
        every = openings(_now())
        addresses = {opening: every[opening] for opening in every if opening.startswith(only)}
        taken: dict[str, list[float]] = {opening: [] for opening in [*addresses, BARE]}
        for round_number in range(rounds + 1):
            for opening, (page, query) in addresses.items():
                seconds = opened(server.port, page, query).seconds
                if round_number:  # the first one is not warm
                    taken[opening].append(seconds)
                taken[BARE].append(opened(bare.port, "").seconds)
        if size.full:
            figures |= browser_visits(server.port, addresses)
            reference |= browser_visits(bare.port, {BARE: ("", "")})
    for opening, times in taken.items():
        (reference if opening == BARE else figures).update(_median_and_longest(opening, times))
    one_chart = reference[f"{BARE}, ms p50"]
    ratio = {opening: figures[f"{opening}, ms p50"] / one_chart for opening in addresses}
    return Measured(figures, reference, ratio, load_since(before))


def openings(now: int) -> Mapping[str, tuple[str, str]]:
    """What is opened, by its name: the page and its query string. `now` (µs UTC) is the end of `all`."""
    ends = {"from": render(0), "to": render(now)}
    within: dict[str, dict[str, str]] = {"1 h": {}, "24 h": {"within": "24 h"}, "30 d": {"within": "30 d"}}
    parts: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
        "Live": ("", {"15 min": {}, "24 h": {"range": "24 h"}}),
        "Boards": ("boards", {"list": {}, "reports": {"section": "Reports"}}),
        "Anomalies": ("anomalies", within | {"all": {"within": "between", **ends}}),
        "Explore": (
            "explore",
            {
                "1 h": {},
                "24 h": {"past": "24 h"},
                "30 d": {"past": "30 d"},
                "all": {"past": "All"},
                "all, distribution": {"past": "All", "look": "Distribution"},
                "all, two tags": {"past": "All", "look": "Two tags"},
                "all, control chart": {"past": "All", "look": "Control chart"},
                "all, export": {"past": "All", "look": "Export"},
            },
        ),
        "Tuning": (
            "tuning",
            {
                "Try 15 min": {},
                "Try 24 h": {"history": "24 h"},
                "Try 30 d": {"history": "30 d"},
                "Tags 24 h": {"part": "Tags"},
                "Tags 30 d": {"part": "Tags", "load_span": "30 d"},
                "Profiles": {"part": "Profiles"},
                "Models": {"part": "Models"},
                "Versions": {"part": "Versions"},
            },
        ),
        "Pipeline": ("pipeline", {"": {}}),
        "Data": (
            "data",
            {
                "Import": {},
                "Export 24 h": {"section": "Export"},
                "Export 30 d": {"section": "Export", "out_span": "30 d"},
                "Export all": {"section": "Export", "out_span": "Everything"},
                "Export all, flagged": {
                    "section": "Export",
                    "out_span": "Everything",
                    "out": "Flagged readings",
                },
                "Cases 24 h": {"section": "Cases"},
                "Cases all": {"section": "Cases", "case_span": "Everything"},
                "Tags": {"section": "Tags"},
                "Storage": {"section": "Storage"},
            },
        ),
        "Notifications": ("notifications", {name: {"notify": name} for name in ("Rules", "Messages")}),
        "Access": ("access", {name: {"access": name} for name in ("Users", "Sessions", "Audit trail")}),
    }
    return {
        f"{title} {part}".strip(): (page, urlencode(parameters))
        for title, (page, views) in parts.items()
        for part, parameters in views.items()
    }


@contextmanager
def _folder(size: Size, history: Path | None, made: Path) -> Iterator[Path]:
    """The folder with the history."""
    if history is None:
        names = {"SENSORMON_DATA_DIR": str(made / "data"), "SENSORMON_TAGS": str(made / "tags.toml")}
        make_history(read_settings(names), size.readings or READINGS, TAGS, _now())
    yield history or made


@contextmanager
def _bare(folder: Path) -> Iterator[Server]:
    """The reference, ready to be opened."""
    with running(folder, app=str(Path(__file__).with_name("bare_app.py"))) as server:
        server.wait_until_it_listens()
        yield server


def _now() -> int:
    return int(time.time()) * SECOND


def _median_and_longest(name: str, times: list[float]) -> Figures:
    return {f"{name}, ms p50": percentile(times, 50), f"{name}, ms max": percentile(times, 100)}
