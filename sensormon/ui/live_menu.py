"""The menu of a card on the Live page, and what a click on a card leads to: each with its tag set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from sensormon.access.person import refusal
from sensormon.access.roles import Act
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import not_done
from sensormon.ui.going import address, go_to
from sensormon.ui.shelved_tags import shelve_dialog
from sensormon.ui.viewer import viewer
from sensormon.ui.who import person
from sensormon.view.live_drawing import CardAct

EXPLORE, TUNING, SHELVE, EDIT = "explore", "tuning", "shelve", "edit"


def card_acts(m: Monitor, name: str) -> list[CardAct]:
    """What the menu of this tag's card offers; acts that the role does not allow say why."""
    me = person(m)
    tuned = (
        "" if name in m.running_tags.now().numbers else "A state is not a number, so there is nothing to tune"
    )
    return [
        CardAct(EXPLORE, "Explore", _address(EXPLORE, name), refusal(me, Act.EXPLORE)),
        CardAct(TUNING, "Tuning", _address(TUNING, name), refusal(me, Act.TRY_SETTINGS) or tuned),
        CardAct(SHELVE, "Shelve …", why=refusal(me, Act.SHELVE)),
        CardAct(EDIT, "Edit tag", _address(EDIT, name), refusal(me, Act.EDIT_TAGS)),
    ]


def _leads(act: str, name: str) -> tuple[str, dict[str, str]]:
    """The page of this act and the parameters of its address."""
    match act:
        case "explore":
            return "explore", {"explore": name}
        case "tuning":
            return "tuning", {"tune": name}
        case _:
            return "data", {"section": "Tags", "tag": name}


def _address(act: str, name: str) -> str:
    return address(*_leads(act, name))


def go(m: Monitor, went: Mapping[str, Any]) -> None:
    """Do what was chosen in a card's menu. Anybody could have sent these words, so they are checked."""
    name, act = went.get("tag"), went.get("act")
    if not isinstance(name, str) or name not in m.tags:
        return
    if act == SHELVE:
        shelve_dialog(m, viewer(), (name,))
    elif act in (EXPLORE, TUNING, EDIT):
        go_to(*_leads(str(act), name))


def open_event(number: object) -> None:
    """Show the event of this id on the Anomalies page."""
    if isinstance(number, int):
        go_to("anomalies", {"event": str(number)})


def open_flag(m: Monitor, flag: Mapping[str, Any]) -> None:
    """Show the event of the flagged reading whose diamond was clicked: its tag and time (µs UTC)."""
    name, time = flag.get("tag"), flag.get("time")
    if not isinstance(name, str) or name not in m.tags or not isinstance(time, int):
        return
    try:
        number = event_at(m, name, time)
    except StoreError as error:
        not_done(error, "The event cannot be read now")
        return
    if number is None:
        st.toast("This reading is in no event yet; look again in a moment", icon=":material/info:")
    else:
        open_event(number)


def event_at(m: Monitor, name: str, time: int) -> int | None:
    """The id of the tag's event at this time (µs UTC), rounded to ms by the browser; None if there is none.

    Raises StoreError.
    """
    events = m.events.between([name], time - SECOND // 1_000, time + SECOND // 1_000 + 1)
    return None if events.empty else int(events["id"].iloc[0])
