"""What the editors of rules, contacts and calendars share: which one is open, keys, refusals beside fields.

The name of what is open is in the address. What is typed is in the session alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Generic, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Calendar, Contact, NotifyConfig, Rule
from sensormon.ui.acts import name_field
from sensormon.ui.notify_file import SAID, key_of_refusal, standing
from sensormon.ui.notify_words import length, seconds_of
from sensormon.ui.url_state import held, hold
from sensormon.view.phrases import literal

Value = TypeVar("Value", Rule, Contact, Calendar)

NEW = "+"
"""In the address: a new one."""


@dataclass(frozen=True)
class Opened(Generic[Value]):
    """What is open: as it was then in the file (None if it is new), and what the fields begin with."""

    name: str
    begun: Value | None
    start: Value
    round: int


def opened(place: str, config: NotifyConfig, empty: Value) -> Opened[Value] | None:
    """The rule, contact or calendar that is open; None if the list is shown."""
    name = held(place)
    kept: Opened[Value] | None = st.session_state.get(_opened(place))
    if not name:
        st.session_state.pop(_opened(place), None)
        return None
    if kept is not None and kept.name == name:
        return kept
    begun = None if name == NEW else standing(config, type(empty), name)
    if name != NEW and not isinstance(begun, type(empty)):
        close(place)
        st.info(f"There is no {place} {literal(name[:80])} any more.")
        return None
    begun = begun if isinstance(begun, type(empty)) else None
    return _open(place, Opened(name, begun, begun or empty, _round(place)))


def open_(place: str, begun: Value | None, start: Value) -> None:
    """Show the fields of this one; `begun` is None for a new one, which begins as `start`."""
    name = NEW if begun is None else begun.name
    _open(place, Opened(name, begun, start, _round(place)))
    hold(place, name)


def close(place: str, said: str = "") -> None:
    """Show the list again, with these words of what was done."""
    st.session_state.pop(_opened(place), None)
    hold(place, "")
    if said:
        st.session_state[SAID] = said


def _open(place: str, value: Opened[Value]) -> Opened[Value]:
    st.session_state[_opened(place)] = value
    st.session_state[_opened(f"{place}-round")] = value.round
    return value


def _opened(place: str) -> str:
    return f"notify-open-{place}"


def _round(place: str) -> int:
    return int(st.session_state.get(_opened(f"{place}-round"), 0)) + 1


def heading(place: str, back: str, title: str) -> None:
    """The way back to the list, and what is open."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            back,
            icon=":material/arrow_back:",
            type="tertiary",
            key=f"{place}-back",
            on_click=close,
            args=(place,),
        )
        st.subheader(title, anchor=False)


def row(name: str, words: str, *, mark: str = "", off: bool = False) -> None:
    """A rule, contact or calendar in a list: its name, a mark beside it, and what it says."""
    marked = f'<span class="mark">{escape(mark)}</span>' if mark else ""
    st.html(
        f'<div class="told{" off" if off else ""}"><b>{escape(name)}</b>{marked}'
        f"<span>{escape(words)}</span></div>",
        width="stretch",
    )


@dataclass
class Fields:
    """The fields of one editor: their keys, and the line under each that says why its value was refused."""

    place: str
    round: int
    problems: dict[str, str] = field(default_factory=dict)
    """What was typed that is no value of its field, by the field's name."""
    _slots: dict[str, DeltaGenerator] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """The key of a widget."""
        return f"{self.place}-{self.round}-{name}"

    @contextmanager
    def field(self, name: str, width: int | None = None) -> Iterator[None]:
        """Draw a field in here; a refusal of its value will stand below it."""
        with st.container(gap=None, width=width or "stretch"):
            yield
            self._slots[name] = st.empty()

    def time(self, name: str, label: str, start: float, *, unset: str, help: str | None = None) -> float:
        """A field for a length of time, in seconds; what cannot be read is a problem of this field."""
        typed = st.text_input(
            label, length(start), max_chars=40, placeholder=unset, key=self.key(name), help=help
        )
        try:
            return seconds_of(typed or "")
        except UsageError as error:
            self.problems.setdefault(name.partition("-")[0], error.what)
            return start

    def refuse(self, refusal: UsageError | None) -> bool:
        """Show why a value is refused, beside its field if that is known; whether anything is."""
        for name, words in self.problems.items():
            self._say(name, words)
        if refusal is not None and not self.problems:
            key = key_of_refusal(refusal)
            words = refusal.what.partition(": ")[2] if key and ": " in refusal.what else refusal.what
            self._say(key, words)
        return bool(self.problems) or refusal is not None

    def _say(self, name: str, words: str) -> None:
        words = literal(f"{words[:1].upper()}{words[1:]}")
        slot = self._slots.get(name)
        if slot is None:
            st.error(words)
        else:
            slot.markdown(f":red[{words}.]")


def save_form(
    m: Monitor,
    fields: Fields,
    label: str,
    check: Callable[[], UsageError | None],
    save: Callable[[str], bool],
) -> bool:
    """The name for the log, Save and Cancel; what is wrong is shown once somebody has tried to save.

    `save` gets the name typed. Returns whether it was saved.
    """
    tried = fields.key("tried")
    with st.form(fields.key("save-form"), border=False):
        who = name_field(m, fields.key("who"), required=False, width=320)  # Cancel needs no name
        with st.container(horizontal=True):
            pressed = st.form_submit_button(label, type="primary", key=f"{fields.place}-save")
            cancelled = st.form_submit_button("Cancel", key=f"{fields.place}-cancel")
    if cancelled:
        close(fields.place)
        st.rerun()
    if pressed:
        st.session_state[tried] = True
    if st.session_state.get(tried) and fields.refuse(check()):
        return False
    return pressed and save(who)


def names_input(
    label: str,
    options: Sequence[str],
    start: Sequence[str],
    *,
    key: str,
    placeholder: str,
    free: bool = False,
    help: str | None = None,
    words: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Names to choose, among these and, if `free`, any pattern that is typed, shown as `words` says."""
    shown = words or {}
    offered = [*dict.fromkeys([*start, *options])]
    return tuple(
        st.multiselect(
            label,
            offered,
            [*start],
            key=key,
            accept_new_options=free,
            placeholder=placeholder,
            help=help,
            format_func=lambda name: shown.get(name, name),
        )
    )
