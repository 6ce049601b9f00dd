"""Saving the rule, contact or calendar that an editor shows."""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st

from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.ui.notify_fields import Fields, Opened, Value, close, save_form
from sensormon.ui.notify_file import Known, refusal_of, save


def save_named(
    m: Monitor,
    now: Known,
    shown: Opened[Value],
    value: Value,
    fields: Fields,
    *,
    noun: str,
    names: Collection[str],
    said: str,
    first: Callable[[], UsageError | None] = lambda: None,
    last: Callable[[], UsageError | None] = lambda: None,
) -> None:
    """Draw Save and Cancel; once it is saved, close the editor with these words.

    `names` are taken. Besides the name and what the file would say of it, `first` and `last` look for what is
    wrong, before and after the file.
    """

    def check() -> UsageError | None:
        if shown.begun is None and value.name in names:
            return UsageError(f"{noun}s: there is already a {noun} {value.name}", where=noun)
        if not value.name:
            return UsageError(f"{noun}s: the {noun} needs a name", where=noun)
        return first() or refusal_of(now.text or "", value) or last()

    def write(who: str) -> bool:
        return save(m, shown.begun, value, who, f"The {noun} was not saved")

    if save_form(m, fields, f"Save the {noun}", check, write):
        close(fields.place, said)
        st.rerun()
