"""Browse a server and pick what to read: one picker for nodes, topics, metrics, registers and columns."""

from __future__ import annotations

import hashlib

import streamlit as st

from sensormon.model.format import counted
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Offer
from sensormon.sources.named import NamedSource
from sensormon.sources.named_keys import Keys
from sensormon.ui.source_ask import SECONDS, answer, ask, waits
from sensormon.ui.source_open import Opened
from sensormon.ui.widget_keys import chosen_rows
from sensormon.view.phrases import literal
from sensormon.view.source_forms import Rows
from sensormon.view.source_names import Naming
from sensormon.view.source_rows import matching, offers_frame, picked, plain

MOST = 1_000
"""The most offers shown of a level."""
_BUTTONS = 24
"""With more branches than this there is a field to choose one instead of a button for each."""


def picker(
    m: Monitor,
    shown: Opened,
    rows: Rows,
    values: list[Keys],
    naming: Naming,
    source: NamedSource | None,
    stamp: str,
) -> None:
    """Where the picker is, what is offered there, and the buttons that add it to `values`."""
    below = shown.path[-1].address if shown.path else ""
    what = f"browse {below}"
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Browse again" if what in shown.questions else "Browse the server",
            key=shown.key("browse"),
            icon=":material/account_tree:",
            disabled=source is None or waits(shown, what),
            help=None if source else "Fill in the fields above first",
        )
        _way(shown)
    if source is not None and (pressed or (shown.path and what not in shown.questions)):
        _browse(m, shown, source, below, stamp)
    offers = answer(m, shown, what, tuple, stamp)
    if offers is not None:
        _level(shown, rows, values, naming, offers)


def _browse(m: Monitor, shown: Opened, source: NamedSource, below: str, stamp: str) -> None:
    ask(
        m,
        shown,
        f"browse {below}",
        source,
        lambda explorer: tuple(map(plain, explorer.browse(below, SECONDS)[:MOST])),
        words=f"Browse below {below}" if below else "Browse",
        stamp=stamp,
    )


def _way(shown: Opened) -> None:
    """The path from the top; each part leads back to it."""
    if not shown.path:
        return
    for depth in range(len(shown.path)):
        label = "Top" if depth == 0 else literal(shown.path[depth - 1].label[:40])
        if st.button(f"{label} ›", key=shown.key(f"up-{depth}"), type="tertiary"):
            del shown.path[depth:]
            st.rerun()
    st.markdown(f"**{literal(shown.path[-1].label[:60])}**", width="content")


def _level(shown: Opened, rows: Rows, values: list[Keys], naming: Naming, offers: tuple[Offer, ...]) -> None:
    if not offers:
        st.caption("Nothing is offered here.")
        return
    searched = ""
    if len(offers) > 8:
        searched = st.text_input(
            "Find",
            key=shown.key(f"find-{len(shown.path)}"),
            label_visibility="collapsed",
            placeholder="Find a name or address",
            width=320,
            icon=":material/search:",
        )
    wanted = matching(offers, searched or "")
    _branches(shown, [offer for offer in wanted if offer.has_more])
    _values(shown, rows, values, naming, [offer for offer in wanted if offer.tag is not None])
    if len(offers) >= MOST:
        st.caption(f"The first {MOST:,} are shown; write the others into the table below.")


def _branches(shown: Opened, branches: list[Offer]) -> None:
    chosen: Offer | None = None
    if len(branches) > _BUTTONS:
        chosen = st.selectbox(
            counted(len(branches), "branch").replace("branchs", "branches"),
            branches,
            None,
            format_func=lambda offer: offer.label,
            key=shown.key(f"branch-{len(shown.path)}"),
            placeholder="Open one",
        )
    else:
        with st.container(horizontal=True):
            for place, offer in enumerate(branches):
                if st.button(
                    literal(offer.label[:60]),
                    key=shown.key(f"open-{len(shown.path)}-{place}"),
                    icon=":material/folder:",
                    help=literal(offer.detail) or None,
                ):
                    chosen = offer
    if chosen is not None:
        shown.path.append(chosen)
        st.rerun()


def _values(shown: Opened, rows: Rows, values: list[Keys], naming: Naming, offers: list[Offer]) -> None:
    if not offers:
        return
    known = {rows.address_of(row) for row in values}
    chosen = frozenset(offer.address for offer in offers if rows.address_of(rows.row(offer)) in known)
    text = "\n".join(offer.address for offer in offers)
    key = shown.key(f"pick-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}-{shown.version}")
    st.dataframe(
        offers_frame(offers, chosen),
        hide_index=True,
        height=min(420, 38 + 35 * (len(offers) + 1)),
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
    )
    ticked = [offers[row] for row in chosen_rows(key) if row < len(offers)]
    add: list[Offer] = []
    with st.container(horizontal=True):
        if st.button(
            f"Read the {len(ticked):,} ticked" if ticked else "Read the ticked",
            key=shown.key("pick"),
            type="primary",
            disabled=not ticked,
        ):
            add = ticked
        if st.button(f"Read all {len(offers):,} shown", key=shown.key("pick-all")):
            add = offers
    if add:
        for offer in add:
            if offer.tag is not None:
                shown.offered[rows.address_of(rows.row(offer))] = offer.tag
        shown.set_rows(picked(rows, values, add, naming))
        st.rerun()
