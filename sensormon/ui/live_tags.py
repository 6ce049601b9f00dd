"""Which tags the Live page shows: the search, the node of the tree, the cards that are open."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sensormon.monitor.monitor import Monitor
from sensormon.ui.memo import remembered
from sensormon.ui.tag_choice import several_tags
from sensormon.ui.url_state import held, hold
from sensormon.view.live_choice import MOST, is_below, shown
from sensormon.view.live_now import now_of, worst_first
from sensormon.view.phrases import literal

WORST = 3
"""Cards that are open before the viewer has chosen any of many tags."""
_SEEN_WORST = "seen-worst"


@dataclass(frozen=True)
class Node:
    """What is chosen in the tree: groups with all below them, or a single tag; neither means all."""

    groups: tuple[str, ...] = ()
    only: str = ""


@dataclass(frozen=True)
class Shown:
    """The tags of the `plant`, those `matching` the search, and those of them `below` the chosen node.

    `cards` are the tags with a card; `follows` is whether they are the worst ones, not the viewer's choice.
    """

    plant: list[str]
    matching: list[str]
    below: list[str]
    node: Node
    cards: list[str]
    follows: bool


def choose_tags(m: Monitor, delivered: Collection[str], around: DeltaGenerator) -> Shown:
    """Draw the search and the choice of cards into this container, if there are many tags."""
    plant = shown(m.tags, delivered, ())
    if len(m.tags) <= MOST:
        return Shown(plant, plant, plant, Node(), plant, False)
    with around.container(horizontal=True, vertical_alignment="center", gap="small"):
        wanted = _search()
        chosen = _opened(m)
    node = _node(m)
    matching = shown(m.tags, delivered, (), wanted)
    below = [name for name in shown(m.tags, matching, (), "", node.groups) if node.only in ("", name)]
    inside = [name for name in chosen if name in below] if node.groups or node.only else chosen
    cards = [node.only] if node.only in below else inside
    return Shown(plant, matching, below, node, cards or _worst(m, below), not cards)


def _search() -> str:
    """The search words."""
    wanted = st.text_input(
        "Search tags",
        key="tag",
        bind="query-params",
        placeholder="Search tags",
        label_visibility="collapsed",
        width=220,
    )
    return wanted or ""


def _node(m: Monitor) -> Node:
    """What is chosen in the tree; in the address as `group` or `only`. What does not exist is reported."""
    several = st.query_params.get_all("group")
    groups = tuple(several) if len(several) > 1 else tuple(filter(None, [held("group")]))
    known = tuple(path for path in groups if any(is_below(tag, path) for tag in m.tags))
    only = held("only")
    lost = [f"the group {literal(path[:100])}" for path in groups if path not in known]
    lost += [f"the tag {literal(only[:100])}"] if only and only not in m.tags else []
    if lost:
        st.caption(f":material/error: The link names what does not exist here: {', '.join(lost[:5])}.")
    return Node(known, only if only in m.tags else "")


def chosen_node() -> None:
    """A node of the tree was chosen: keep it in the address."""
    node = st.session_state["live-board"].node
    if isinstance(node, Mapping):
        groups = [str(path) for path in node.get("groups", ())]
        hold("group", groups[0] if groups else "")
        hold("only", str(node.get("only", "")))
        given = node.get("worst")
        st.session_state[_SEEN_WORST] = given if isinstance(given, list) else []


def _opened(m: Monitor) -> list[str]:
    """The tags whose cards the viewer chose to open."""

    def draw() -> list[str]:
        return st.multiselect(
            "Open charts",
            m.tags.names,
            format_func=m.tags.title,
            key="show",
            max_selections=MOST,
            placeholder="The worst tags have charts. Choose others, or click a row below",
            label_visibility="collapsed",
            width="stretch",
        )

    return list(several_tags(m, "show", draw, most=MOST))


def picked() -> None:
    """A row of the strip was clicked: open its chart, or close it if it was open."""
    name = st.session_state["live-board"].picked
    if name:
        state = st.session_state
        before = [tag for tag in state.get("show", []) if tag != name]
        state["show"] = before if name in state.get("show", []) else [*before, name][-MOST:]


def _worst(m: Monitor, below: list[str]) -> list[str]:
    """The tags that are worst now; kept until others are worse while nobody looks, see `worsened`.

    After a choice in the tree they are those that the viewer sees as worst: the browser has asked for their
    readings already.
    """
    given = st.session_state.pop(_SEEN_WORST, [])

    def choose() -> list[str]:
        seen = [name for name in below if name in given[:WORST]]
        if len(seen) == min(WORST, len(below)):
            return sorted(seen, key=given.index)
        return worst_first(now_of(m).states(), below)[:WORST]

    return list(remembered("worst", tuple(below), choose))


def worsened() -> None:
    """Other tags are worse by now: show their cards, if they are among those in view."""
    kept, given = st.session_state.get("worst"), st.session_state["live-board"].worst
    if kept is not None and isinstance(given, Sequence):
        st.session_state["worst"] = (kept[0], [name for name in given if name in kept[0]][:WORST])
