"""The models over several tags on the Tuning page: the list, training one, training it again, removing it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.detectors import MULTIVARIATE
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.format import counted, day_and_time
from sensormon.model.tag_models import MOST_TAGS, TagModel
from sensormon.monitor.model_runner import ModelStatus
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tag_models import Trained
from sensormon.ui.acts import NOTHING, allowed, carried_out, name_field, why_not
from sensormon.ui.drawing import chart, not_done, not_readable, panel
from sensormon.ui.glossary import meaning
from sensormon.ui.memo import forget, remembered
from sensormon.ui.parts import dialog
from sensormon.ui.profile_fields import condition_fields
from sensormon.ui.time_range import stored_range
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import fresh_key, replace_widget
from sensormon.view.access import times_column
from sensormon.view.phrases import literal
from sensormon.view.tag_models import fit_frame, kind_title, model_words, state_words
from sensormon.view.time_charts import live_chart

_TRAINED, _NAME = "model-trained", "model-name"


def models_section(m: Monitor, viewer: Viewer) -> None:
    """The list of models, the choice of one, and the form that trains a new one."""
    st.caption(
        "A model judges several tags at once: it learns from a normal stretch how they go together, and its "
        "score is a tag of its own, with events that name the tags responsible.",
        help=meaning("model of several tags", "contribution"),
    )
    locked = why_not(m, Act.TRAIN_MODEL)
    try:
        m.tag_models.standing()
    except StoreError as error:
        not_readable(error)
        return
    statuses = m.model_runner.status()
    with panel("models"):
        _list(m, statuses, viewer)
        if statuses and not locked:
            _choice(m, viewer, {status.model.name: status for status in statuses})
    with panel("model-new"):
        _new(m, viewer)


def _list(m: Monitor, statuses: list[ModelStatus], viewer: Viewer) -> None:
    if not statuses:
        st.caption("No models yet. Choose tags and a normal stretch below.")
        return
    time = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name)
    models = [status.model for status in statuses]
    st.dataframe(
        pd.DataFrame(
            {
                "Name": [model.name for model in models],
                "Kind": [kind_title(model.kind) for model in models],
                "Tags": [", ".join(model.tags) for model in models],
                "State": [_state(m, status) for status in statuses],
                "Score, × limit": [status.score for status in statuses],
                "Last row": times_column([status.time for status in statuses]),
                "Version": [model.version for model in models],
                "Trained from": times_column([model.since for model in models]),
                "Trained to": times_column([model.until for model in models]),
                "Judges": ["always" if model.condition is None else str(model.condition) for model in models],
                "Reason": [model.reason for model in models],
            }
        ),
        hide_index=True,
        key="models",
        alt=counted(len(statuses), "model"),
        height=min(38 + 35 * len(statuses), 388),
        column_config={
            "Last row": time,
            "Trained from": time,
            "Trained to": time,
            "Score, × limit": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def _state(m: Monitor, status: ModelStatus) -> str:
    elsewhere, absent = (list(map(m.tags.title, names)) for names in (status.elsewhere, status.absent))
    return state_words(status.time, elsewhere, absent, status.failure)


def _choice(m: Monitor, viewer: Viewer, statuses: dict[str, ModelStatus]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Model", list(statuses), None, key="model-chosen", placeholder="Choose a model")
        field = allowed(m, Act.TRAIN_MODEL, disabled=name is None)
        again = st.button("Train again …", key="model-again", icon=":material/model_training:", **field)
        gone = st.button("Remove …", key="model-remove", icon=":material/delete:", **field)
    if name is None:
        return
    if again:
        train_again(m, viewer, statuses[name].model)
    if gone:
        remove(m, statuses[name].model)


@dialog("Train the model again", icon=":material/model_training:")
def train_again(m: Monitor, viewer: Viewer, model: TagModel) -> None:
    """Choose another stretch for a model, see whether it fits, and put it in force."""
    st.markdown(f"**{literal(model.name)}**: {literal(model_words(model))}")
    since, until = stored_range(viewer, m.clock.now(), "model_again")
    _train_and_keep(m, viewer, replace(model, since=since, until=until), "model-again")


@dialog("Remove the model", icon=":material/delete:")
def remove(m: Monitor, model: TagModel) -> None:
    """Ask, and take the model out of force."""
    st.markdown(
        f"**{literal(model.name)}** stops judging its {counted(len(model.tags), 'tag')}. Its readings and "
        "events stay."
    )
    with st.form("model-remove-form", border=False):
        who = name_field(m, "model-remove-who")
        sent = st.form_submit_button("Remove", type="primary", key="model-remove-confirm")
    change = Change(Act.TRAIN_MODEL, f"model {model.name}", model_words(model), NOTHING)
    if sent and carried_out(
        m, change, lambda name: m.tag_models.remove(model.name, name), "Nothing was changed", who
    ):
        st.rerun()


def _new(m: Monitor, viewer: Viewer) -> None:
    """The form for a new model."""
    st.markdown("**New model**")
    field = allowed(m, Act.TRAIN_MODEL)
    names = m.running_tags.now().numbers
    left, right = st.columns(2, gap="medium")
    with left:
        name = st.text_input(
            "Name", max_chars=128, key=fresh_key(_NAME), placeholder="For example: reactor", **field
        )
        tags = st.multiselect(
            "Tags",
            names,
            format_func=m.tags.title,
            max_selections=MOST_TAGS,
            key="model-tags",
            placeholder="Choose two tags or more",
            **field,
        )
        kind = st.selectbox(
            "Kind", list(MULTIVARIATE)[::-1], format_func=kind_title, key="model-kind", **field
        )
        st.caption(f"Catches: {MULTIVARIATE[kind].catches}", help=f"Misses: {MULTIVARIATE[kind].misses}")
    with right:
        interval = st.number_input(
            "Row interval, s",
            0.1,
            86_400.0,
            max(0.1, float(m.settings.interval)),
            key="model-interval",
            help="A row has the last good reading of each tag in this time.",
            disabled=field["disabled"],
        )
        after = st.number_input(
            "Retrain after this many rows at a new steady state (0 = never)",
            0,
            100_000,
            0,
            100,
            key="model-after",
            disabled=field["disabled"],
        )
        st.markdown("Normal stretch to learn from")
        since, until = stored_range(viewer, m.clock.now() // SECOND * SECOND, "model")
    condition = condition_fields(m, None, lambda field: f"model-{field}")
    if not name.strip() or len(tags) < 2:
        st.caption("Give a name and choose two tags or more.")
        return
    wanted = TagModel(name.strip(), kind, tuple(tags), interval, since, until, {}, int(after), condition)
    if wanted.name in {model.name for model in m.tag_models.known}:
        st.info("Choose another name, or train that model again.", title="A model of this name exists")
        return
    _train_and_keep(m, viewer, wanted, "model-new")


def _train_and_keep(m: Monitor, viewer: Viewer, wanted: TagModel, key: str) -> None:
    """Train on the stretch at the press of a button; then show the fit, and ask before it is in force."""
    choices = (
        key,
        wanted.name,
        wanted.kind,
        wanted.tags,
        wanted.interval,
        wanted.retrain_after,
        wanted.condition,
    )
    stated = st.session_state.get(f"{key}-stretch")
    if st.button("Train", key=f"{key}-train", **allowed(m, Act.TRAIN_MODEL)):
        stated = st.session_state[f"{key}-stretch"] = (choices, wanted.since, wanted.until)
        forget(_TRAINED)
    if stated is None or stated[0] != choices:
        return
    wanted = replace(wanted, since=stated[1], until=stated[2])
    try:
        trained: Trained = remembered(_TRAINED, stated, lambda: m.tag_models.train(wanted))
    except UsageError as error:
        not_done(error, "This stretch cannot be learned from")
        return
    except StoreError as error:
        not_readable(error)
        return
    _fit(m, viewer, trained, key)
    with st.form(f"{key}-form", border=False):
        who = name_field(m, f"{key}-who")
        reason = st.text_input("Reason, for the log", max_chars=200, key=f"{key}-reason")
        sent = st.form_submit_button("Put in force", type="primary", key=f"{key}-keep")
    before = next((model for model in m.tag_models.known if model.name == wanted.name), None)
    change = Change(
        Act.TRAIN_MODEL,
        f"model {wanted.name}",
        NOTHING if before is None else f"version {before.version}, {model_words(before)}",
        model_words(trained.model),
    )
    if sent and carried_out(
        m, change, lambda name: m.tag_models.keep(trained, name, reason), "Nothing was changed", who
    ):
        forget(_TRAINED)
        st.session_state.pop(f"{key}-stretch", None)
        replace_widget(_NAME)  # the name is taken now; the form is ready for the next model
        st.rerun()


def _fit(m: Monitor, viewer: Viewer, trained: Trained, key: str) -> None:
    """How the model judges the rows it was trained on."""
    scores = trained.scores()
    lost = float(np.isnan(trained.rows).mean())
    flagged = int((scores > 1).sum())
    model = trained.model
    first, last = (day_and_time(int(trained.times[row]), viewer.zone) for row in (0, -1))
    st.markdown(
        f"Trained on {counted(len(trained.rows), 'row')}, {first} to {last}, {100 * lost:.1f} % of the cells "
        f"without a reading. {flagged:,} of these rows are above the limit."
    )
    tag = model.as_tag(m.running_tags.now())
    frame = fit_frame(trained.times, scores, tag)
    drawn = int(trained.times[0]), int(trained.times[-1]) + round(model.interval * SECOND)
    figure = live_chart(frame, tag, drawn, viewer.palette)
    chart(figure, f"{key}-fit", f"Score of model {model.name} on the rows it was trained on")
