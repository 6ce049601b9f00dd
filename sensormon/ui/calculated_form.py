"""The form of a calculated tag: the formula, checked as it is entered, what it would give, saving it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.formulas.checking import Formula
from sensormon.model.clock import HOUR, SECOND
from sensormon.model.errors import FormulaError, StoreError, UsageError
from sensormon.model.tag_edit import TEXTS, changes
from sensormon.model.tags import LONGEST_FORMULA, LONGEST_TOLERANCE, Tag, TagTable, make_tag
from sensormon.monitor.calculated import Preview
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import NOTHING, allowed, carried_out, name_field
from sensormon.ui.drawing import chart, not_done, not_readable
from sensormon.ui.memo import forget, remembered
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import fresh_key, replace_widget
from sensormon.view.calculated import does, functions_table, newest_frame, preview_frame, share_words
from sensormon.view.phrases import literal
from sensormon.view.time_charts import live_chart

SAID = "calculated-said"
"""Where the session keeps the sentence to show after a change."""
_PREVIEW = "calculated-preview"
_PER = 10 * SECOND
"""A preview is made again at most this often (µs)."""


def form(m: Monitor, viewer: Viewer, name: str | None) -> None:
    """The fields, what the formula would do, and the button; for a new tag if `name` is None."""
    was = None if name is None else m.tags[name]
    wanted = _fields(m, was)
    _help(m)
    if not wanted.formula:
        st.caption("Enter a formula; it is checked when you leave the field.")
        return
    try:
        formula = m.calculated.check(wanted.name, wanted.formula, wanted.tolerance, wanted.unit)
    except FormulaError as error:
        hint = error.hint if error.hint.endswith("?") else f"{error.hint}."
        st.error(literal(f"{error.what}. {hint}"), title="Not a formula yet")
        st.code(error.pointed(), language=None)
        return
    unit = wanted.unit or formula.unit_text
    tag = replace(wanted, unit=unit)
    st.markdown(literal(does(formula, m.tags, unit)))
    _preview(m, viewer, tag, formula)
    _save(m, was, tag)


def _fields(m: Monitor, was: Tag | None) -> Tag:
    """The tag as entered, not checked yet."""
    base = "new" if was is None else was.name
    key = partial("{}-{}-{}".format, fresh_key("calculated"), base)
    field = allowed(m, Act.EDIT_TAGS)
    locked = field["disabled"]
    text = partial(st.text_input, disabled=locked)
    formula = st.text_input(
        "Formula",
        "" if was is None else was.formula,
        max_chars=LONGEST_FORMULA,
        key=key("formula"),
        placeholder="fermenter_temp - jacket_temp",
        **field,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if was is None:
            name = text("Name", max_chars=TEXTS["Name"], key=key("name"), placeholder="delta_t", width=220)
        else:
            name = was.name
        label = text(
            "Label", "" if was is None else was.label, max_chars=TEXTS["Label"], key=key("label"), width=220
        )
        unit = text(
            "Unit",
            "" if was is None else was.unit,
            max_chars=TEXTS["Unit"],
            key=key("unit"),
            placeholder="from the formula",
            width=150,
        )
        tolerance = st.number_input(
            "Tolerance, s",
            0.0,
            LONGEST_TOLERANCE,
            Tag.tolerance if was is None else was.tolerance,
            key=key("tolerance"),
            disabled=locked,
            width=150,
            help="How old a value of another tag may be to be combined. An older one counts as none.",
        )
    base_tag = was or Tag("", "")
    return replace(
        base_tag,
        name=(name or "").strip(),
        label=(label or "").strip(),
        unit=(unit or "").strip(),
        formula=(formula or "").strip(),
        tolerance=float(tolerance),
    )


def _help(m: Monitor) -> None:
    with st.expander("How to write a formula", key="calculated-help"):
        st.markdown(
            "Write tags by their names, in braces if they have other characters: `{TI-101}`. Calculate with "
            "`+ - * / % ^`, compare with `< <= > >= == !=`, join with `and`, `or`, `not`. A state stands in "
            'quotes: `step == "CIP"`. Durations: `30s`, `10min`, `1h`.'
        )
        st.markdown(functions_table())
        st.caption(f"Tags: {literal(', '.join(m.tags.names[:100]))}")


def _preview(m: Monitor, viewer: Viewer, tag: Tag, formula: Formula) -> None:
    """The last hour as a chart, and the newest values."""
    now = m.clock.now() // _PER * _PER
    try:
        preview: Preview = remembered(
            _PREVIEW, (formula, now), lambda: m.calculated.preview(formula, now - HOUR, now)
        )
    except StoreError as error:
        not_readable(error)
        return
    shown = replace(tag, name=tag.name or "preview", label=tag.label or "Preview")
    left, right = st.columns([3, 1], gap="small")
    with left:
        figure = live_chart(
            preview_frame(preview.times, preview.values, shown), shown, (now - HOUR, now), viewer.palette
        )
        chart(figure, "calculated-chart", "What the formula gives over the last hour")
        note = f" From means of {preview.cell // SECOND:,} s, not from every reading." if preview.cell else ""
        st.caption(f"Last hour. {share_words(preview.values)}{note}")
    with right:
        st.dataframe(
            newest_frame(preview.times, preview.values, shown, viewer.zone),
            hide_index=True,
            key="calculated-newest",
        )


def _save(m: Monitor, was: Tag | None, tag: Tag) -> None:
    with st.form("calculated-save", border=False):
        who = name_field(m, "calculated-who", required=False, width=320)
        pressed = st.form_submit_button(
            "Save", type="primary", key="calculated-save-button", **allowed(m, Act.EDIT_TAGS)
        )
    if not pressed:
        return
    try:
        table = {"formula": tag.formula, "tolerance": tag.tolerance, "unit": tag.unit}
        named = make_tag(tag.name, table | ({"label": tag.label} if tag.label else {}))
        if was is None and tag.name in m.tags:
            raise UsageError(f"there is a tag {tag.name!r} already", where="Name", hint="Choose another name")
    except UsageError as error:
        not_done(error, "The tag was not saved")
        return
    new = named if was is None else replace(tag, label=named.label)

    def save(by: str) -> None:
        draft = m.tag_file.read()
        others = [new if other.name == new.name else other for other in draft.tags]
        after = TagTable(others).with_tags([new])
        m.tag_file.save(draft, after, by, changes(draft.tags, after))

    before = NOTHING if was is None else was.formula
    change = Change(Act.EDIT_TAGS, f"calculated tag {new.name}", before, new.formula)
    if carried_out(m, change, save, "The tag was not saved", who):
        st.session_state[SAID] = f"{new.label} is calculated from the next reading on."
        forget(_PREVIEW)
        replace_widget("calculated")
        st.rerun()
