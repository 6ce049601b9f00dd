"""The list of events: selection, actions, and which event is shown beside the list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from sensormon.events.filters import in_order
from sensormon.model.errors import StoreError
from sensormon.model.format import counted, moment_words
from sensormon.monitor.monitor import Monitor
from sensormon.ui.event_acts import TICKED, action_row, asking
from sensormon.ui.event_controls import order, pin, renew
from sensormon.ui.parts import every
from sensormon.ui.url_state import held, hold
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import choose_rows, chosen_rows, fresh_key, replace_widget
from sensormon.view.events import event_table

MOST_SHOWN = 1_000
"""The most rows in the list; the export has all."""
_IN_ADDRESS = 100  # no more selected events fit into the address
_ROWS = "event-rows"


def chosen_ids() -> list[int]:
    """The selected events; the first is the one shown."""
    return [int(part) for part in held("event").split(",") if part.isascii() and part.isdigit()][:MOST_SHOWN]


def choose(ids: list[int]) -> None:
    """Select these events instead and show the first; from then on the list stays as of its moment."""
    hold("event", ",".join(map(str, ids)), ",".join(map(str, ids[:_IN_ADDRESS])))
    for name in ("reading", TICKED):
        st.session_state.pop(name, None)
    if ids and "moment" in st.session_state:
        pin(st.session_state["moment"])


@dataclass(frozen=True)
class Shown:
    """The event to show beside the list; it is the one at `place` of `among`."""

    event: pd.Series[Any]
    place: int
    among: int


def event_list(m: Monitor, viewer: Viewer, events: pd.DataFrame, export: Callable[[], None]) -> Shown:
    """The events (at least one) in the chosen order, with the actions on them.

    Beside the list is the first selected event, or the one in its place once it has left the list,
    or the first of all. `export` draws into the row above the list.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="list-head"):
        count = st.empty()
        events = in_order(events, order())
        shown = events.head(MOST_SHOWN)
        ids = [int(event_id) for event_id in shown["id"]]
        places = {event_id: place for place, event_id in enumerate(ids)}
        chosen = [event_id for event_id in chosen_ids() if event_id in places]
        _choose_all(ids, chosen)
        export()
    said = f"**{counted(len(events), 'event')}**"
    if len(events) > len(shown):
        said += f", {len(shown):,} shown"
    count.markdown(said, width="content")
    if chosen:
        place = places[chosen[0]]
    else:
        place = min(st.session_state.get("event-place", 0) if chosen_ids() else 0, len(ids) - 1)
    action_row(m, chosen, ids[place], shown)
    if _is_another(ids, st.session_state.get("event-ids", [])):
        replace_widget(_ROWS)
    st.session_state["event-ids"] = ids
    st.session_state["event-place"] = place
    with st.container(key=_ROWS):
        _table(m, viewer, shown, ids, sorted(places[event_id] for event_id in chosen))
    return Shown(shown.iloc[place], place, len(ids))


def missing(events: pd.DataFrame, listed: pd.DataFrame) -> None:
    """If none of the selected events (from a link or earlier) is in the list, say so and why."""
    wanted = set(chosen_ids())
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

    If the selected event has left the list, the one shown is already the next.
    """
    ids: list[int] = st.session_state["event-ids"]
    chosen = [event_id for event_id in chosen_ids() if event_id in set(ids)]
    now = ids[st.session_state["event-place"]]
    if len(chosen) > 1:
        walk = sorted(chosen, key=ids.index)
        target = walk[(walk.index(now) + by) % len(walk)]
        choose([target, *(event_id for event_id in chosen if event_id != target)])
    elif not chosen and chosen_ids():
        choose([now])
    else:
        choose([ids[min(max(ids.index(now) + by, 0), len(ids) - 1)]])


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
    rest = set(ids) - set(chosen)
    st.button(
        f"Select all {len(ids):,}",
        key="select-all",
        type="tertiary",
        disabled=not rest,
        on_click=choose,
        args=([*chosen, *(event_id for event_id in ids if event_id in rest)],),
    )
    st.button(
        "Select none", key="select-none", type="tertiary", disabled=not chosen, on_click=choose, args=([],)
    )


def _table(m: Monitor, viewer: Viewer, shown: pd.DataFrame, ids: list[int], rows: list[int]) -> None:
    key = fresh_key(_ROWS)

    def picked() -> None:
        before = chosen_ids()
        now = [ids[row] for row in st.session_state[key]["selection"]["rows"] if row < len(ids)]
        new = [event_id for event_id in now if event_id not in set(before)]
        ticked = [*new, *(event_id for event_id in before if event_id in set(now))]
        choose(ticked)
        st.session_state[TICKED] = tuple(ticked)

    if chosen_rows(key) != rows:
        choose_rows(key, rows)
    table = event_table(shown, m.tags)
    empty = [name for name in ("Label", "Note", "Detector") if table[name].eq("").all()]
    columns = ["Time", "Tag", "State", "Peak", "Score", "Detector", "Label", "Severity", "Lasted", "Flags"]
    columns.append("Note")
    st.dataframe(
        table,
        hide_index=True,
        height=min(705, 38 + 35 * max(1, len(shown))),
        column_order=[name for name in columns if name not in empty],
        on_select=picked,
        selection_mode="multi-row",
        key=key,
        lazy=False,
        alt="Events; the first column selects them",
        column_config={
            "Time": st.column_config.DatetimeColumn(
                format="MM-DD HH:mm:ss", timezone=viewer.zone_name, width=103
            ),
            "Tag": st.column_config.TextColumn(width=124),
            "State": st.column_config.TextColumn(width=114),
            "Peak": st.column_config.TextColumn(
                width=max(88, 20 + 8 * int(table["Peak"].str.len().max())), alignment="right"
            ),
            "Score": st.column_config.NumberColumn(format="%.1f", width=52),
            "Detector": st.column_config.TextColumn(width=106, help="The detector that spoke at the peak"),
            "Severity": st.column_config.TextColumn(width=65),
            "Lasted": st.column_config.TextColumn(width=102),
            "Flags": st.column_config.NumberColumn(width=48, help="Flagged readings of the event"),
            "Label": st.column_config.TextColumn(width=65),
            "Note": st.column_config.TextColumn(width=140),
        },
    )
