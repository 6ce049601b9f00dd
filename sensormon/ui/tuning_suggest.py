"""Suggest, on Tuning: searches detectors and parameters that keep the known events and meet a target."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from sensormon.access.roles import Act
from sensormon.analysis.suggestion import Candidate, Suggestion, Verdict
from sensormon.model.format import counted
from sensormon.model.jobs import Job
from sensormon.model.profiles import Profile
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tuner import SUGGEST, TOGETHER, Limits
from sensormon.ui.acts import allowed
from sensormon.ui.job_status import follow_job, job_line
from sensormon.ui.memo import forget, last_remembered, remembered
from sensormon.ui.tuning_choice import Chosen
from sensormon.ui.tuning_history import Looked, facts_of
from sensormon.ui.tuning_profile import fill
from sensormon.ui.tuning_scope import AT_ONCE, shelf_of
from sensormon.ui.viewer import Viewer
from sensormon.view.suggestion import candidate_table, detectors_words, searched_words, verdict_words

LIMITS = Limits(tags=20, readings=TOGETHER)
_JOB = "tuning-suggest"


def suggestions(m: Monitor, viewer: Viewer, chosen: Chosen, profile: Profile, looked: Looked) -> None:
    """A target, a button, and what the search found."""
    st.subheader("Suggest settings", anchor=False)
    st.markdown(
        "Searches detectors and parameters that keep the known events and stay under a target rate. They are "
        "chosen on the first 60 % of the history and shown on the rest, too."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        target = st.number_input(
            "Target, events a day and tag",
            0.1,
            100_000.0,
            profile.target or 5.0,
            1.0,
            format="%g",
            key="suggest-target",
            width=220,
        )
        whose = counted(len(chosen.names), "tag")
        pressed = st.button(f"Suggest for {whose}", key="suggest", **allowed(m, Act.TRY_SETTINGS))
    wanted = (m.started, chosen.names, looked.since, looked.until, chosen.start, target)
    if pressed:
        _begin(m, chosen, replace(chosen.start, target=target), looked, wanted)
    job: Job | None = _job_for(wanted)
    if job is None:
        return
    if job.running:
        follow_job(m, job)
    elif job.result is None:
        job_line(m, job, "Nothing was changed.")
        st.button("Search again", key="suggest-again", on_click=forget, args=(_JOB,))
    else:
        _result(viewer, chosen, job.result, len(chosen.names))


def _begin(m: Monitor, chosen: Chosen, profile: Profile, looked: Looked, wanted: object) -> None:
    outdated: Job | None = last_remembered(_JOB)
    if outdated is not None:
        outdated.progress.cancel()
    forget(_JOB)
    work = m.tuner.suggestion(
        shelf_of(m, chosen, looked, chosen.names),
        looked.history,
        (looked.since, looked.until),
        chosen.names,
        profile,
        facts_of(m, looked.since, looked.until),
        LIMITS,
    )
    title = f"Settings for {counted(len(chosen.names), 'tag')}"
    job = remembered(_JOB, wanted, lambda: m.jobs.start(SUGGEST, title, work, alone=False))
    m.jobs.wait(job, AT_ONCE)


def _job_for(wanted: object) -> Job | None:
    """The search for these tags, history and target; None if another was asked for last."""
    kept: tuple[object, Job] | None = st.session_state.get(_JOB)
    return kept[1] if kept is not None and kept[0] == wanted else None


def _result(viewer: Viewer, chosen: Chosen, result: Suggestion, asked: int) -> None:
    title, words = verdict_words(result, viewer.zone)
    st.info(words, title=title)
    if result.verdict is Verdict.TOO_FEW:
        return
    st.caption(searched_words(result, asked))
    st.dataframe(
        candidate_table(result),
        hide_index=True,
        alt="What the present settings and the suggested ones do on both parts of the history",
    )
    with st.container(horizontal=True):
        for number, candidate in enumerate(result.candidates, 1):
            st.button(
                f"Try {number}: {detectors_words(candidate.profile)}",
                key=f"suggest-try-{number}",
                on_click=_try,
                args=(chosen.start, candidate),
            )


def _try(start: Profile, candidate: Candidate) -> None:
    fill(replace(start, detectors=candidate.profile.detectors, target=candidate.profile.target))
