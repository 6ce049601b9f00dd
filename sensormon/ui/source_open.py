"""Which source is open on the page, and what its editor keeps between runs.

The name of what is open is in the address. What is typed is in the session alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from sensormon.model.jobs import Job
from sensormon.model.tags import Tag
from sensormon.sources.connected import Offer
from sensormon.sources.named import NamedSource
from sensormon.sources.named_keys import Keys, keys_of
from sensormon.sources.named_text import Sources
from sensormon.ui.source_file import SAID
from sensormon.ui.url_state import held, hold
from sensormon.view.phrases import literal
from sensormon.view.source_forms import Rows

PLACE = "source"
NEW = "+"
"""In the address: a new one, of the kind that follows."""
_OPENED = "source-opened"
_ROUND = "source-round"


@dataclass
class Opened:
    """What is open: as it was then in the file (None if it is new), and what was done with it since."""

    name: str
    begun: NamedSource | None
    kind: str
    keys: Keys
    round: int
    rows: list[Keys] | None = None
    """What is read, once somebody has changed it."""
    version: int = 0
    """How often the page has replaced the rows, so that their table is a new one."""
    offered: dict[str, Tag] = field(default_factory=dict)
    """By address, the tag that the server offers."""
    path: list[Offer] = field(default_factory=list)
    """Where the picker is, from the top."""
    questions: dict[str, tuple[str, Job]] = field(default_factory=dict)
    """What was asked of the server last, by what; with the fields as they were."""

    def key(self, name: str) -> str:
        """The key of a widget."""
        return f"{PLACE}-{self.round}-{name}"

    def read(self, rows: Rows) -> list[Keys]:
        """What is read, as rows."""
        return self.rows if self.rows is not None else rows.read(self.keys.get(rows.key))

    def set_rows(self, rows: list[Keys]) -> None:
        """Have other rows than those in the table; the table is drawn anew."""
        self.rows = rows
        self.version += 1


def opened(sources: Sources) -> Opened | None:
    """The source that is open; None if the list is shown."""
    name = held(PLACE)
    kept: Opened | None = st.session_state.get(_OPENED)
    if not name:
        st.session_state.pop(_OPENED, None)
        return None
    if kept is not None and kept.name == name:
        return kept
    if name.startswith(NEW):
        return _open(name, None, name[len(NEW) :], {})
    if (begun := sources.get(name)) is None:
        close()
        st.info(f"There is no source {literal(name[:80])} any more.")
        return None
    return _open(name, begun, begun.kind, keys_of(begun))


def open_source(source: NamedSource) -> None:
    """Show the fields of this one."""
    _open(source.name, source, source.kind, keys_of(source))
    hold(PLACE, source.name)


def open_new(kind: str) -> None:
    """Show the fields of a new one; without a kind, the choice of it."""
    _open(NEW + kind, None, kind, {})
    hold(PLACE, NEW + kind)


def close(said: str = "") -> None:
    """Show the list again, with these words of what was done."""
    st.session_state.pop(_OPENED, None)
    hold(PLACE, "")
    if said:
        st.session_state[SAID] = said


def _open(name: str, begun: NamedSource | None, kind: str, keys: dict[str, Any]) -> Opened:
    round_ = int(st.session_state.get(_ROUND, 0)) + 1
    st.session_state[_ROUND] = round_
    st.session_state[_OPENED] = value = Opened(name, begun, kind, keys, round_)
    return value
