"""Many tags at once: rows copied from a spreadsheet, checked, and shown as what they would change."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from sensormon.exchange.tag_paste import HEADINGS, Pasted, paste
from sensormon.model.errors import UsageError
from sensormon.model.format import listed
from sensormon.model.tag_edit import read_cells
from sensormon.model.tag_file import Draft
from sensormon.monitor.monitor import Monitor
from sensormon.tables.questions import in_ways
from sensormon.ui.drawing import not_done
from sensormon.ui.tag_saving import ROUND, TagEdit, preview
from sensormon.view.phrases import literal


def pasted_tags(m: Monitor, draft: Draft) -> None:
    """The field, what it leaves open, and what it would change."""
    turn = st.session_state.get(ROUND, 0)
    st.caption(
        f"Copy rows with their headings: {', '.join(HEADINGS)}. Only Name is needed. A tag that exists gets "
        "what the pasted columns say, empty cells too; columns that you leave out stay as they are."
    )
    text = st.text_area(
        "Rows from a spreadsheet",
        key=f"tags-paste-{turn}",
        height=200,
        placeholder="Name\tLabel\tUnit\tValid low\tValid high\nti_101\tReactor temperature\t°C\t0\t200",
    )
    if not text:
        return
    try:
        pasted = _read(text, draft, turn)
    except UsageError as error:
        not_done(error, "These rows cannot be read")
        return
    if pasted is None:
        return
    if pasted.ignored:
        st.caption(literal(f"Ignored: {listed(pasted.ignored, 8)}, which mean nothing here."))
    unknown = sorted({*pasted.profiles.values()} - {*m.detection.in_force.in_use.by_name})
    no_profile = [f"There is no profile {name[:100]}. Make it on Tuning first" for name in unknown]
    edited = read_cells(pasted.frame, draft.tags)
    edited = replace(edited, problems=(*pasted.problems, *no_profile, *edited.problems))
    preview(m, draft, TagEdit(edited, pasted.profiles))


def _read(text: str, draft: Draft, turn: int) -> Pasted | None:
    """The rows; None until somebody has said how their numbers are to be read. Raises UsageError."""
    pasted = paste(text, draft.tags)
    question = pasted.question
    if question is None:
        return pasted
    ways = {choice.title: choice for choice in question.choices}
    chosen = st.radio(
        literal(f"{in_ways(question)}. How?"),
        list(ways),
        None,
        format_func=lambda title: literal(f"{title}: {', '.join(ways[title].first)}"),
        key=f"tags-decimal-{turn}",
    )
    return None if chosen is None else paste(text, draft.tags, ways[chosen].value)
