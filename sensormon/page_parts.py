"""What the pages share: the head with the status line, the viewer's zone and colours, blocks.

The one module beside `runtime` that knows Streamlit. It draws; the words come from
`status_words`, the figures from `charts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sensormon import __version__
from sensormon.clock import SECOND
from sensormon.errors import SensormonError, StoreError
from sensormon.monitor import Monitor
from sensormon.palette import DARK, LIGHT, Palette
from sensormon.status_words import alarms, status_line
from sensormon.words import Phrase, zone_words

HOUR = 3_600 * SECOND

_ICON = files("sensormon").joinpath("icon.png")
# A picture of our own: the browser would look up a named icon at an address outside.

SPANS = {"5 min": 300, "15 min": 900, "1 h": 3_600, "6 h": 21_600, "24 h": 86_400, "7 d": 604_800}
"""The spans to choose from, in seconds."""

_STYLE = """<style>
:root { --panel: %(panel)s; --edge: %(grid)s; --text: %(text)s; --quiet: %(secondary)s;
  --alarm: %(anomaly)s; }
[class*="st-key-panel"] { background: var(--panel); border-radius: .4rem; }
[class*="st-key-panel"]:has(.abnormal-card) { border-color: var(--alarm); }
.status { display: flex; flex-wrap: wrap; gap: .15rem 1.6rem; font-size: .925rem; line-height: 1.5rem;
  font-variant-numeric: tabular-nums; }
.status > span { white-space: nowrap; min-width: max-content; }
.quiet { color: var(--quiet); }
.abnormal { color: var(--alarm); font-weight: 600; }
.alarm { border-left: 3px solid var(--alarm); background: var(--panel); color: var(--alarm); font-weight: 600;
  padding: .5rem .8rem; margin-top: .5rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.card, .way, .sum, .first-line { font-variant-numeric: tabular-nums; }
.card { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1.2rem; }
.card .label { font-weight: 600; min-width: min(12rem, 100%%); max-width: 100%%; overflow-wrap: anywhere; }
.card .value { font-size: 1.5rem; line-height: 2rem; font-weight: 600; min-width: 7.5rem; }
.card .value, .card .verdict { white-space: nowrap; }
.card .verdict { margin-left: auto; text-align: right; min-width: 17rem; }
.first-line { font-size: 1.125rem; line-height: 1.7rem; }
.figures { width: 100%%; border-collapse: collapse; font-size: .925rem; font-variant-numeric: tabular-nums; }
.figures th { text-align: left; font-weight: 400; color: var(--quiet); padding: .3rem .8rem .3rem 0; }
.figures td { padding: .3rem .8rem .3rem 0; border-top: 1px solid var(--edge); vertical-align: top; }
.figures small { color: var(--quiet); font-size: .8rem; display: block; }
.way { display: flex; flex-wrap: wrap; align-items: stretch; gap: .5rem; }
.way .box { flex: 1 1 9.5rem; background: var(--panel); border: 1px solid var(--edge); border-radius: .4rem;
  padding: .7rem .9rem; font-size: .875rem; line-height: 1.35rem; }
.way .box.wrong { border-color: var(--alarm); }
.way .box .count { font-size: 1.5rem; line-height: 2rem; font-weight: 600; }
.way .arrow { align-self: center; color: var(--quiet); }
.sum { display: flex; flex-wrap: wrap; align-items: flex-end; gap: .3rem 1rem; }
.sum .term b { display: block; font-size: 1.375rem; line-height: 1.8rem; font-weight: 600; }
.sum .term { font-size: .875rem; color: var(--quiet); }
.sum .term:not(.abnormal) b { color: var(--text); }
.sum .sign { font-size: 1.375rem; line-height: 1.8rem; padding-bottom: 1.3rem; color: var(--quiet); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .3rem 1rem;
  font-size: .875rem; font-variant-numeric: tabular-nums; }
.facts span { color: var(--quiet); display: block; font-size: .8rem; }
.hoverlayer .axistext { display: none; } /* the hover line itself begins with the time */
@media (min-width: 641px) {
  [data-testid="stColumn"]:has(> * .st-key-panel-controls) { position: sticky; top: 4rem;
    align-self: flex-start; max-height: calc(100vh - 5rem); overflow-y: auto; }
}
@media (max-width: 640px) {
  .status { gap: .1rem 1rem; font-size: .875rem; }
  .card .label { min-width: 100%%; }
  .card .verdict { min-width: 9rem; white-space: normal; }
  .way { flex-direction: column; }
  .way .box { flex: 1 1 auto; }
  .way .arrow { transform: rotate(90deg); }
}
</style>"""


@dataclass(frozen=True)
class Viewer:
    """How one viewer sees times and colours."""

    zone: ZoneInfo
    zone_name: str
    dark: bool

    @property
    def palette(self) -> Palette:
        return DARK if self.dark else LIGHT


def viewer() -> Viewer:
    """The browser's zone, UTC where it names none that is known, and its theme."""
    name = st.context.timezone or "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        name, zone = "UTC", ZoneInfo("UTC")
    return Viewer(zone, name, st.context.theme.type == "dark")


def begin(title: str, m: Monitor) -> Viewer:
    """The head of a page: the status line, what is wrong, the title, the zone."""
    now = viewer()
    # A menu is what the choice between the light and the dark theme is in.
    st.set_page_config(layout="wide", page_icon=str(_ICON), menu_items={"About": f"sensormon {__version__}"})
    st.html(_STYLE % vars(now.palette))
    _status(m, now.dark)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.header(title, anchor=False, width="content")
        st.caption(zone_words(now.zone_name, now.zone, m.clock.now()), width="content")
    return now


@st.fragment(run_every=1)
def _status(m: Monitor, drawn_dark: bool) -> None:
    if (st.context.theme.type == "dark") != drawn_dark:
        st.rerun()  # the viewer changed the theme, or it was not known at the first run
    status = m.status()
    phrases = status_line(status, m.ledger(), anomalies_last_hour(m))
    line = "".join(f"<span>{marked(phrase)}</span>" for phrase in phrases)
    wrong = "".join(f'<div class="alarm">{escape(text)}</div>' for text in alarms(status))
    st.html(f'<div class="status">{line}</div>{wrong}')


def anomalies_last_hour(m: Monitor) -> int | None:
    """How many readings were flagged in the last hour; None while the store cannot say."""
    try:
        return m.anomaly_count(m.clock.now() - HOUR)
    except StoreError:
        return None


def marked(phrase: Phrase) -> str:
    """The phrase as HTML; an abnormal one is red and has a diamond."""
    text = escape(phrase.text)
    return f'<span class="abnormal">◆ {text}</span>' if phrase.abnormal else text


def panel(key: str) -> DeltaGenerator:
    """A bordered container on the panel's colour."""
    return st.container(border=True, key=f"panel-{key}", gap="small")


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """The figure over the whole width, without a tool bar."""
    st.plotly_chart(figure, width="stretch", theme=None, key=key, config={"displayModeBar": False}, alt=alt)


def picking_chart(figure: go.Figure, key: str, alt: str, on_pick: Callable[[int], None]) -> None:
    """A chart made with `pick`; `on_pick` gets the id of the reading that is clicked."""

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        data = points[0].get("customdata") if points else None
        if data:  # a row of an array comes back as a list, or as a mapping of its places
            on_pick(int(list(data.values() if isinstance(data, Mapping) else data)[-1]))

    st.plotly_chart(
        figure,
        width="stretch",
        theme=None,
        key=key,
        on_select=clicked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt=alt,
    )


def not_readable(error: SensormonError) -> None:
    """One block that says that the store cannot be read, why, and what to do."""
    hint = f" {error.hint}." if error.hint else ""
    st.error(
        f"{error.what[:1].upper()}{error.what[1:]}.{hint} Readings go on being collected and are safe in the "
        "journal; the Live page shows the newest ones.",
        title="The database cannot be read at the moment",
        icon=":material/database_off:",
    )
