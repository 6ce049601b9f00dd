"""What an uploaded file leaves open, as a choice between the ways to read it, and the preview of one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from sensormon.exchange.import_plan import Plan, answered, first_readings, planned, sentences
from sensormon.exchange.import_table import Table
from sensormon.model.format import counted
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from sensormon.tables.questions import Question, in_ways
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal

SHOWN = 200
"""This many rejected cells are listed before an import."""


def decided(m: Monitor, table: Table, columns: Columns) -> Columns | None:
    """The columns with the person's answers to what the file leaves open; None until all are given."""
    asked: set[str] = set()
    while questions := plan_of(m.running_tags.now(), table, columns).readings.questions:
        question = questions[0]
        answer = None if question.option in asked else _ask(question, table)
        if answer is None:
            return None
        asked.add(question.option)
        columns = answered(columns, question, answer)
    return columns


def _ask(question: Question, table: Table) -> str | None:
    """The value that was chosen; None before."""
    st.warning(
        "Nothing is imported until you choose.",
        title=literal(in_ways(question)),
    )
    titles = {
        choice.value: literal(f"{choice.title}: {'; '.join(choice.first)}") for choice in question.choices
    }
    return st.radio(
        "Which one is right?",
        list(titles),
        index=None,
        format_func=lambda value: titles[value],
        key=f"import-answer-{table.key}-{question.option}",
    )


def plan_of(tags: TagTable, table: Table, columns: Columns) -> Plan:
    """How the table is read with these columns. Raises UsageError for wrong ones."""
    return _cached(tags, table, columns, table.key, tags.digest, repr(columns))


@st.cache_resource(max_entries=4, ttl=600, show_spinner="Reading the cells")
def _cached(_tags: TagTable, _table: Table, _columns: Columns, key: str, digest: str, said: str) -> Plan:
    del key, digest, said  # stand for the arguments before them in the cache
    return planned(_table, _columns, [], _tags)


def preview(viewer: Viewer, plan: Plan) -> None:
    """How the table is read, its first readings as they would be stored, and what is none."""
    st.caption("  \n".join(literal(line) for line in sentences(plan, viewer.zone)))
    st.caption(f"{counted(len(plan.readings), 'reading')}; the first ones, as they would be stored:")
    st.dataframe(
        pd.DataFrame(first_readings(plan.readings), columns=["Tag", "Time (UTC)", "Value", "Quality"]),
        hide_index=True,
        key="import-preview",
    )
    wrong = plan.readings.wrong
    if not len(wrong):
        return
    rows = [
        (each.index, each.tag, each.time, each.value, each.detail)
        for each in wrong.rejections(0, slice(0, SHOWN))
    ]
    with st.expander(f"{counted(len(wrong), 'cell')} will be rejected"):
        st.dataframe(
            pd.DataFrame(rows, columns=[plan.table.sheet.word.capitalize(), "Tag", "Time", "Value", "Why"]),
            hide_index=True,
            key="import-wrong",
        )
        if len(wrong) > SHOWN:
            st.caption(f"The first {SHOWN}. After the import all of them are in a file.")
