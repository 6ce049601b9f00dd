"""The list of events: selection, actions, and which event is shown beside the list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any

import pandas as pd
import streamlit as st

from sensormon.events.actions import MOST_EVENTS
from sensormon.events.filters import in_order
from sensormon.model.errors import StoreError
from sensormon.model.format import counted, moment_words
from sensormon.model.timestamps import render, to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.ui.event_acts import TICKED, action_row, asking
from sensormon.ui.event_controls import order, renew
from sensormon.ui.event_reading import EventLists
from sensormon.ui.memo import remembered
from sensormon.ui.parts import every
from sensormon.ui.url_state import held, hold_together
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import choose_rows, chosen_cells, chosen_rows, fresh_key, replace_widget
from sensormon.view.events import event_table
from sensormon.view.severity_marks import coloured

MOST_SHOWN = 1_000
"""The most rows in the list; the export has all."""
MOST_CHOSEN = MOST_EVENTS
"""The most events selected at a time: as many as fit into one action."""
_IN_ADDRESS = 100  # no more selected events fit into the address
_ROOM = 720  # px for the columns beside an event, on a page 1,440 px wide
_NAME = 90  # px that the name of a tag or a detector keeps
_ROWS = "event-rows"
_OPEN = "open"


def chosen_ids() -> list[int]:
    """The selected events; the first is shown unless another is open."""
    parts = held("event").split(",", MOST_CHOSEN)[:MOST_CHOSEN]
    return [int(part) for part in parts if part.isascii() and part.isdigit()]


def opened_id() -> int | None:
    """The event that is open beside the list without being selected, if any."""
    text = held(_OPEN)
    return int(text) if text.isascii() and text.isdigit() else None


def choose(ids: list[int]) -> None:
    """Select these events instead and show the first; from then on the list stays as of its moment."""
    event, written = ",".join(map(str, ids)), ",".join(map(str, ids[:_IN_ADDRESS]))
    _show({"event": event, _OPEN: ""}, bool(ids), {"event": written})


def open_event(event_id: int) -> None:
    """Show this event and leave the selection as it is; the list stays as of its moment."""
    _show({_OPEN: str(event_id)}, True)


def _show(values: dict[str, str], keep: bool, written: Mapping[str, str] = MappingProxyType({})) -> None:
    for name in ("reading", TICKED):
        st.session_state.pop(name, None)
    if keep and "moment" in st.session_state:
        values = {**values, "asof": render(st.session_state["moment"])}
    hold_together(values, written)


@dataclass(frozen=True)
class Shown:
    """The event to show beside the list; it is the one at `place` of `among`. `rows` draws the list."""

    event: pd.Series[Any]
    place: int
    among: int
    rows: Callable[[], None]


def event_list(m: Monitor, viewer: Viewer, lists: EventLists, export: Callable[[], None]) -> Shown:
    """The events (at least one) in the chosen order, with the actions on them, up to the rows.

    Beside the list is the event that was opened, else the first selected one, or the one in its place once it
    has left the list, or the first of all. `export` draws into the row above the list. The rows are drawn
    last: a thousand of them take a browser longer than the one event that somebody waits for.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="list-head"):
        count = st.empty()
        first = order()
        events = in_order(lists.listed, first)
        shown = events.head(MOST_SHOWN)
        every_id = events["id"].tolist()
        ids = every_id[:MOST_SHOWN]
        places = {event_id: place for place, event_id in enumerate(ids)}
        listed = set(every_id)
        chosen = [event_id for event_id in chosen_ids() if event_id in listed]
        _choose_all(every_id, chosen)
        export()
    said = f"**{counted(len(events), 'event')}**"
    if len(events) > len(shown):
        said += f", {len(shown):,} shown"
    count.markdown(said, width="content")
    place = _place(places, chosen)
    action_row(m, chosen, ids[place], events)
    if _is_another(ids, st.session_state.get("event-ids", [])):
        replace_widget(_ROWS)
    st.session_state["event-ids"] = ids
    st.session_state["event-place"] = place
    below = st.container(key=_ROWS)
    ticked = sorted(places[event_id] for event_id in chosen if event_id in places)

    def rows() -> None:
        table = remembered("event-table", (lists.key, first), lambda: event_table(shown, m.tags))
        with below:
            _table(m, viewer, table, ids, ticked)

    return Shown(shown.iloc[place], place, len(ids), rows)


def _place(places: dict[int, int], chosen: list[int]) -> int:
    """The place in the list of the event to show."""
    opened = opened_id()
    if opened in places:
        return places[opened]
    if opened is None and chosen and chosen[0] in places:
        return places[chosen[0]]
    left = opened is not None or bool(chosen_ids())
    return min(st.session_state.get("event-place", 0) if left else 0, len(places) - 1)


def missing(events: pd.DataFrame, listed: pd.DataFrame) -> None:
    """If none of the selected events (from a link or earlier) is in the list, say so and why."""
    opened = opened_id()
    wanted = set(chosen_ids()) if opened is None else {opened}
    if wanted & set(listed["id"]) or wanted <= set(st.session_state.get("acted-on", [])):
        return  # the viewer knows why an event they just acted on leaves the list
    inside = bool(wanted & set(events["id"]))
    if len(wanted) == 1:
        said = "The selected event "
        said += "does not match the filters" if inside else "started outside the time range"
    else:
        said = f"None of the {len(wanted):,} selected events "
        said += "matches the filters" if inside else "started in the time range"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"{said}.", width="content")
        st.button("Clear selection", key="let-go", type="tertiary", on_click=choose, args=([],))


def step(by: int) -> None:
    """Show the previous or next event, among the selected ones if there are several.

    A single selected event hands its selection on. If the event shown has left the list, the one in its place
    is already the next.
    """
    ids: list[int] = st.session_state["event-ids"]
    places = {event_id: place for place, event_id in enumerate(ids)}
    chosen, opened = chosen_ids(), opened_id()
    walk = sorted(places[event_id] for event_id in chosen if event_id in places)
    here: int = st.session_state["event-place"]
    show = open_event if opened is not None or not chosen else _choose_alone
    if len(walk) > 1:
        before = bisect_left(walk, here)
        on_it = before < len(walk) and walk[before] == here
        target = ids[walk[(before + by if on_it or by < 0 else before) % len(walk)]]
        choose([target, *(event_id for event_id in chosen if event_id != target)])
    elif (opened is not None and opened not in places) or (opened is None and chosen and not walk):
        show(ids[here])
    else:
        show(ids[min(max(here + by, 0), len(ids) - 1)])


def _choose_none() -> None:
    # Another table: the browser would not report a click on the cell that it chose before the ticks.
    replace_widget(_ROWS)
    choose([])


def _choose_alone(event_id: int) -> None:
    choose([event_id])


@every(5)
def news(
    m: Monitor, viewer: Viewer, acts: int, tags: tuple[str, ...] | None, late: int, changed: int
) -> None:
    """How many flags are newer than the list, plus `late` older ones; others' actions refresh it at once.

    Only flags of these tags count; no tags if the list cannot grow. `changed` events are listed
    though they no longer fit the filters, or the other way round.
    """
    state = st.session_state
    state["seen"] = now = m.clock.now()
    if m.actions.count != acts and not asking():  # otherwise text being typed would be lost
        st.rerun()
    try:
        count = m.stored.live_anomalies(state["moment"], tags) + late
    except StoreError:
        return
    since = moment_words(state["moment"], now, viewer.zone)
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
        said = f"As of {since}, {counted(count, 'reading')} flagged since"
        if changed:
            said += f", {counted(changed, 'event')} changed"
        st.caption(said, width="content")
        if (count or changed) and st.button("Refresh", key="renew", type="tertiary"):
            renew()
            st.rerun()


def _is_another(ids: list[int], before: list[int]) -> bool:
    """Whether a late selection in the previous list could hit the wrong row of this one.

    It could not if the only change is that the event just acted on has left: the one in its place
    is then shown anyway, and somebody who works through the list keeps their place.
    """
    acted = st.session_state.get("acted-on", [])
    if len(acted) == 1 and acted[0] not in ids:
        before = [event_id for event_id in before if event_id != acted[0]]
    return ids != before


def _choose_all(ids: list[int], chosen: list[int]) -> None:
    """Buttons that select every event of the list, also those beyond the rows shown, and none."""
    ticked = set(chosen)
    others = (event_id for event_id in ids if event_id not in ticked)
    fitting = [*chosen, *islice(others, max(0, MOST_CHOSEN - len(chosen)))]
    all_of_them = len(fitting) == len(ids)
    st.button(
        f"Select all {len(ids):,}" if all_of_them else f"Select {MOST_CHOSEN:,}",
        key="select-all",
        type="tertiary",
        disabled=len(chosen) == len(fitting),
        help=None if all_of_them else f"The first {MOST_CHOSEN:,} of {len(ids):,}: the most in one action",
        on_click=choose,
        args=(fitting,),
    )
    st.button("Select none", key="select-none", type="tertiary", disabled=not chosen, on_click=_choose_none)


def _table(m: Monitor, viewer: Viewer, table: pd.DataFrame, ids: list[int], rows: list[int]) -> None:
    """The rows. A click on one, or the arrow keys, opens its event; the first column selects."""
    key = fresh_key(_ROWS)
    place = st.session_state["event-place"]

    def picked() -> None:
        selection = st.session_state[key]["selection"]
        now = [ids[row] for row in selection["rows"] if row < len(ids)]
        cells = [cell[0] for cell in selection["cells"] if cell[0] < len(ids)]
        before, rows_now, inside = chosen_ids(), set(now), set(ids)
        held_before = set(before)
        new = [event_id for event_id in now if event_id not in held_before]
        if cells and cells != [place] and not new:  # both come at once if a key ticks the row it went to
            open_event(ids[cells[0]])
            st.session_state[TICKED] = tuple(before) or (ids[cells[0]],)
            return
        if rows_now == inside & held_before:
            return
        ticked = [*new, *(each for each in before if each in rows_now or each not in inside)]
        choose(ticked)
        st.session_state[TICKED] = tuple(ticked)

    if chosen_rows(key) != rows or [row for row, _ in chosen_cells(key)] != [place]:
        choose_rows(key, rows, cells=[(place, "Time")])  # the frame around a cell says which event is shown
    empty = [name for name in ("Label", "Note", "Detector") if table[name].eq("").all()]
    columns = ["Severity", "Time", "Tag", "Peak", "State", "Lasted", "Score", "Detector", "Label", "Flags"]
    columns = [name for name in [*columns, "Note"] if name not in empty]
    days = set(table["Time"].dt.tz_convert(viewer.zone).dt.date)
    today = days == {to_datetime(m.clock.now()).astimezone(viewer.zone).date()}
    widths = _fitted(table, columns, 72 if today else 114)
    st.dataframe(
        coloured(table, viewer.palette),
        hide_index=True,
        height=min(705, 38 + 35 * max(1, len(table))),
        column_order=[*widths],
        on_select=picked,
        selection_mode=("multi-row", "single-cell"),
        key=key,
        lazy=False,
        alt="Events; a row opens its event, the first column selects it",
        column_config={
            "Time": st.column_config.DatetimeColumn(
                format="HH:mm:ss" if today else "MM-DD HH:mm:ss",
                timezone=viewer.zone_name,
                width=widths.get("Time"),
            ),
            "Severity": st.column_config.TextColumn(width=widths.get("Severity")),
            "Tag": st.column_config.TextColumn(width=widths.get("Tag")),
            "State": st.column_config.TextColumn(width=widths.get("State")),
            "Peak": st.column_config.TextColumn(width=widths.get("Peak"), alignment="right"),
            "Score": st.column_config.NumberColumn(format="%.1f", width=widths.get("Score")),
            "Detector": st.column_config.TextColumn(
                width=widths.get("Detector"), help="The detector that spoke at the peak"
            ),
            "Lasted": st.column_config.TextColumn(width=widths.get("Lasted")),
            "Flags": st.column_config.NumberColumn(
                width=widths.get("Flags"), help="Flagged readings of the event"
            ),
            "Label": st.column_config.TextColumn(width=widths.get("Label")),
            "Note": st.column_config.TextColumn(width=widths.get("Note")),
        },
    )


def _fitted(table: pd.DataFrame, columns: Sequence[str], time: int) -> dict[str, int]:
    """The columns to show with their widths (px). The longest text of each fits, unless all together do not:
    then the number of flags, which the event itself says, is left out, and names of detectors and tags are
    cut. Notes, the last column, take no part: they are read on hover.
    """
    letters = {"Tag": 6.6, "Peak": 8.0, "State": 6.3, "Detector": 6.6, "Lasted": 6.3}  # digits are wider
    longest = {name: max(len(name), int(table[name].str.len().max())) for name in letters}
    known = {"Severity": 80, "Time": time, "Score": 52, "Label": 92, "Flags": 58, "Note": 180} | {
        name: min(220, max(58, 20 + round(px * longest[name]))) for name, px in letters.items()
    }
    widths = {name: known[name] for name in columns}
    room = _ROOM + widths.get("Note", 0)
    if sum(widths.values()) > room:
        del widths["Flags"]
    for name in ("Detector", "Tag"):
        over = sum(widths.values()) - room
        if name in widths and over > 0:
            widths[name] = max(min(widths[name], _NAME), widths[name] - over)
    return widths
