"""The editor of a named source: its fields, a test, what it reads, a dry run, Save."""

from __future__ import annotations

import json

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.errors import UsageError
from sensormon.model.format import counted
from sensormon.model.tag_edit import changes
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Preview, Seen
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource
from sensormon.sources.named_keys import Keys, source_of
from sensormon.ui.acts import allowed, carried_out, name_field
from sensormon.ui.drawing import not_done, panel
from sensormon.ui.notify_fields import Fields
from sensormon.ui.notify_file import key_of_refusal
from sensormon.ui.source_ask import SECONDS, answer, ask, failed, waits
from sensormon.ui.source_fields import Typed, source_fields
from sensormon.ui.source_file import Known, refusal_of, remove, save
from sensormon.ui.source_open import PLACE, Opened, close, open_new
from sensormon.ui.source_picker import picker
from sensormon.ui.source_rows import bullets, naming_rule, new_tags_table, rename_all, rows_table
from sensormon.ui.source_trust import unknown_certificate
from sensormon.ui.viewer import Viewer
from sensormon.view.access import tag_values
from sensormon.view.phrases import literal
from sensormon.view.source_forms import form_of
from sensormon.view.source_preview import preview_table, preview_words
from sensormon.view.source_rows import problems_of
from sensormon.view.sources import kind_words

UNNAMED = "new"
"""What a source is called while it is asked something and has no name yet."""
READINGS = 10
"""Of a dry run."""


def choose_kind() -> None:
    """All kinds with what each is for."""
    _heading("Add a source")
    with panel("source-kinds"):
        for kind in KINDS.values():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    kind.label,
                    key=f"source-kind-{kind.kind}",
                    on_click=open_new,
                    args=(kind.kind,),
                    disabled=bool(kind.missing),
                    width=200,
                )
                st.markdown(literal(kind.missing or form_of(kind.kind).says))
        if not KINDS:
            st.caption("This installation has no kinds of sources.")


def editor(m: Monitor, viewer: Viewer, now: Known, shown: Opened) -> None:
    """The source that is open."""
    kind = KINDS.get(shown.kind)
    if kind is None:
        close()
        st.info(f"There is no kind of source called {literal(shown.kind[:80])}.")
        return
    form = form_of(shown.kind)
    fields = Fields(PLACE, shown.round)
    new = shown.begun is None
    _heading(f"New source: {kind.label}" if new else f"{shown.name}: {kind.label}")
    if kind.missing:
        st.warning(literal(kind.missing))
    with panel("source-fields"):
        st.caption(form.says)
        typed = source_fields(m, shown, fields)
        test_box = st.container()
    values: list[Keys] = []
    tags: list[Tag] | None = []
    wrong: list[str] = []
    if form.rows:
        with panel("source-rows"):
            st.markdown(f"**What it reads** · a {form.rows.noun} for each row")
            picker_box = st.container()
            naming = naming_rule(shown)
            values = rows_table(shown, form.rows)
            wrong = problems_of(form.rows, values)
            rename_all(shown, form.rows, values, naming)
            tags = new_tags_table(m, shown, form.rows, values)
    keys = {**typed.keys, **({form.rows.key: form.rows.write(values)} if form.rows and values else {})}
    refusal, source = _read(typed.name, keys, fields, wrong)
    plain = _read(typed.name, typed.keys, fields, [])[1]
    stamp = _stamp(typed.keys)
    with test_box:
        _test(m, shown, source or plain, stamp)
    if form.rows:
        with picker_box:
            picker(m, shown, form.rows, values, naming, plain, stamp)
    with panel("source-dry-run"):
        _dry_run(m, viewer, shown, source, tags or [], _stamp(keys))
    _save(m, now, shown, fields, typed, refusal, source, None if wrong else tags)
    if shown.begun is not None:
        _remove(m, shown.begun)


def _heading(title: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "All sources", icon=":material/arrow_back:", type="tertiary", key=f"{PLACE}-back", on_click=close
        )
        st.subheader(literal(title), anchor=False)


def _read(
    name: str, keys: Keys, fields: Fields, wrong: list[str]
) -> tuple[UsageError | None, NamedSource | None]:
    """The source that the fields say, or why they say none."""
    if fields.problems or wrong:
        return None, None
    try:
        return None, source_of(name or UNNAMED, keys)
    except UsageError as error:
        return error, None


def _stamp(keys: Keys) -> str:
    """What tells whether a question was asked with these keys."""
    asked = {key: value for key, value in keys.items() if key not in ("on", "collector")}
    return json.dumps(asked, sort_keys=True, default=str)


# -- a test, a dry run ------------------------------------------------------------------------


def _test(m: Monitor, shown: Opened, source: NamedSource | None, stamp: str) -> None:
    field = allowed(
        m,
        Act.MANAGE_SOURCES,
        disabled=source is None or waits(shown, "test"),
        help=None if source else "Fill in the fields first",
    )
    if st.button("Test", key=f"{PLACE}-test", icon=":material/cable:", **field) and source is not None:
        ask(m, shown, "test", source, lambda explorer: explorer.test(SECONDS), words="Test of", stamp=stamp)
    seen = answer(m, shown, "test", Seen, stamp)
    if seen is None and source is not None and failed(shown, "test"):
        unknown_certificate(m, shown, source)
    if seen is not None:
        st.markdown(f"**{literal(seen.summary[:1].upper() + seen.summary[1:])}**")
        if seen.problems:
            st.warning(bullets(list(seen.problems)))


def _dry_run(
    m: Monitor, viewer: Viewer, shown: Opened, source: NamedSource | None, tags: list[Tag], stamp: str
) -> None:
    st.markdown("**Dry run** · ten readings as they would be stored; nothing is kept")
    field = allowed(
        m,
        Act.MANAGE_SOURCES,
        disabled=source is None or waits(shown, "preview"),
        help=None if source else "Fill in the fields and what it reads first",
    )
    if (
        st.button("Try it", key=f"{PLACE}-preview", icon=":material/visibility:", **field)
        and source is not None
    ):
        ask(
            m,
            shown,
            "preview",
            source,
            lambda explorer: explorer.preview(READINGS, SECONDS),
            words="Dry run of",
            stamp=stamp,
        )
    preview = answer(m, shown, "preview", Preview, stamp)
    if preview is None:
        return
    known = m.tags.with_tags(tags)
    if source is not None and source.common.new_tags:
        met = [Tag(name, name, simulated=False) for name in preview.batch.tags]
        known = known.with_tags(met)
    table = preview_table(preview, known, viewer.zone)
    st.markdown(literal(preview_words(table)))
    if not table.empty:
        st.dataframe(table, hide_index=True, key=f"{PLACE}-preview-table")


# -- Save, Remove -----------------------------------------------------------------------------


def _save(
    m: Monitor,
    now: Known,
    shown: Opened,
    fields: Fields,
    typed: Typed,
    refusal: UsageError | None,
    source: NamedSource | None,
    tags: list[Tag] | None,
) -> None:
    tried = shown.key("tried")
    with st.form(shown.key("save-form"), border=False):
        who = name_field(m, shown.key("who"), required=False, width=320)  # Cancel needs no name
        with st.container(horizontal=True):
            pressed = st.form_submit_button(
                "Save the source", type="primary", key=f"{PLACE}-save", **allowed(m, Act.MANAGE_SOURCES)
            )
            cancelled = st.form_submit_button("Cancel", key=f"{PLACE}-cancel")
    if cancelled:
        close()
        st.rerun()
    if pressed:
        st.session_state[tried] = True
    if not st.session_state.get(tried):
        return
    refusal = (
        _name_refusal(now, shown, typed.name) or refusal or (refusal_of(now, source) if source else None)
    )
    if fields.problems or refusal is not None:
        _refuse(fields, refusal, form_keys=form_of(shown.kind).keys)
        return
    if tags is None or source is None:
        st.error("Correct what is marked above; then it can be saved.")
        return
    if not pressed or (tags and not _add_tags(m, tags, who)):
        return
    if save(m, shown.begun, source, who, "The source was not saved"):
        added = f" {counted(len(tags), 'tag')} added to the tag table." if tags else ""
        starts = "is saved and starts" if source.common.on else "is saved; it does not run"
        close(f"{source.name} {starts}.{added}")
        st.rerun()


def _name_refusal(now: Known, shown: Opened, name: str) -> UsageError | None:
    if shown.begun is not None:
        return None
    if not name:
        return UsageError("name: the source needs a name", where="source")
    if name in now.config:
        return UsageError(f"name: there is already a source {name}", where="source")
    return None


def _refuse(fields: Fields, refusal: UsageError | None, *, form_keys: frozenset[str]) -> None:
    """Beside its field if it has one, else with its place."""
    key = key_of_refusal(refusal) if refusal else ""
    if (
        fields.problems
        or refusal is None
        or key in {"name", "collector", "password_env", "password_file"} | form_keys
    ):
        fields.refuse(refusal)
    else:
        not_done(refusal, "It cannot be saved")


def _add_tags(m: Monitor, new: list[Tag], who: str) -> bool:
    problem = "The tags could not be added, and the source was not saved"
    try:
        draft = m.tag_file.read()
    except UsageError as error:
        not_done(error, problem)
        return False
    tags = draft.tags.with_tags(new)

    def add(name: str) -> None:
        m.tag_file.save(draft, tags, name, changes(draft.tags, tags))

    change = Change(Act.EDIT_TAGS, counted(len(new), "tag"), *tag_values(draft.tags, tags))
    return carried_out(m, change, add, problem, who)


def _remove(m: Monitor, begun: NamedSource) -> None:
    with st.popover("Remove …", key=f"{PLACE}-remove-ask", **allowed(m, Act.MANAGE_SOURCES)):
        st.markdown(
            f"{literal(begun.name)} ({literal(kind_words(begun.kind))}) is read no more. Its readings and "
            "tags stay. To let it rest for a while, stop it instead."
        )
        pressed = st.button("Remove the source", key=f"{PLACE}-remove", type="primary")
    if pressed and remove(m, begun, "The source was not removed"):
        close(f"{begun.name} was removed.")
        st.rerun()
