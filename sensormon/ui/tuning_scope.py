"""The effect of a profile on many tags: the alarm load of all together, and each tag, the worst first."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from sensormon.analysis.what_if import Outcome, together, total
from sensormon.model.event_rate import rate_words
from sensormon.model.format import counted
from sensormon.model.jobs import Job, Progress
from sensormon.model.profiles import Profile
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tuner import KIND, TOGETHER, Limits, Shelf
from sensormon.ui.drawing import panel
from sensormon.ui.glossary import meaning
from sensormon.ui.job_status import follow_job, job_line
from sensormon.ui.memo import forget, last_remembered, remembered
from sensormon.ui.tuning_choice import ALL, GROUP, TAG, Chosen, sides, watched
from sensormon.ui.tuning_history import Looked, facts_of
from sensormon.ui.viewer import Viewer
from sensormon.view.tuning import lost_words, measured_share, norm_words, outcome_table, target_words

AT_ONCE = 0.3
"""Seconds that a page waits for a job before it shows its progress."""
LIMITS = Limits(tags=50, readings=2 * TOGETHER)


def shelf_of(m: Monitor, chosen: Chosen, looked: Looked, names: tuple[str, ...]) -> Shelf:
    """The histories of these tags over the chosen span, as far as they have been read."""
    wanted = (m.started, chosen.tag, names, chosen.length, looked.until)
    return remembered("tuning-all", wanted, Shelf)


def names_of(m: Monitor, chosen: Chosen) -> tuple[str, ...]:
    """The tags whose events are counted: those of the group, otherwise all."""
    return chosen.names if chosen.scope == GROUP else tuple(m.running_tags.now().numbers)


def many_tags(m: Monitor, viewer: Viewer, chosen: Chosen, profile: Profile, looked: Looked) -> None:
    """The alarm load of all tags of the scope together, and of each, the worst with these settings first."""
    names = names_of(m, chosen)
    with panel("worst"):
        size = len(names) * len(looked.history.rows)
        asked = chosen.scope != TAG or size <= TOGETHER
        if not asked and not st.toggle(f"Count the events of all {len(names):,} tags", key="all_tags"):
            st.caption("This reads and rescores the history of each tag, which takes a moment.")
            return
        outcomes = every_outcome(m, chosen, profile, looked, names)
        if not outcomes:
            if outcomes is not None:
                st.caption("None of these tags has readings in this history.")
            return
        whose = f"Group {chosen.group}" if chosen.scope == GROUP else "All tags"
        if len(outcomes) < len(names):
            whose = f"The {counted(len(outcomes), 'tag')} with the most flags"
        load = total({name: outcome.load for name, outcome in outcomes.items()})
        st.markdown(
            f"**{whose} together:** currently {rate_words(load.before, load.seconds)}, with new settings "
            f"{rate_words(load.after, load.seconds)}. {norm_words(load)}",
            help=meaning("alarm load", "event"),
        )
        if words := target_words(outcomes, profile.target):
            st.caption(words)
        if chosen.scope in (GROUP, ALL):
            _quality(m, viewer, outcomes)
        st.dataframe(
            outcome_table({m.tags[name].label: outcome for name, outcome in outcomes.items()}),
            hide_index=True,
            alt="Events of each tag with current and new settings, the worst first",
            height=min(38 + 35 * len(outcomes), 388),
            column_config={
                name: st.column_config.NumberColumn(format="%.1f")
                for name in ("Events per 10 min, current", "Events per 10 min, new settings")
            },
        )


def _quality(m: Monitor, viewer: Viewer, outcomes: Mapping[str, Outcome]) -> None:
    """Precision and recall of all these tags together, and the confirmed events that would be lost."""
    old = together(outcome.scores_before for outcome in outcomes.values())
    new = together(outcome.scores_after for outcome in outcomes.values())
    parts = []
    for name, was, now in (
        ("Precision", (old.right, old.judged), (new.right, new.judged)),
        ("Recall", (old.detected, old.known), (new.detected, new.known)),
    ):
        (before, _), (after, basis) = measured_share(*was), measured_share(*now)
        parts.append(f"{name} {before} → {after} ({basis})")
    st.markdown(". ".join(parts) + ".", help=meaning("precision", "recall", "95 % interval"))
    lost = [
        (m.tags[name].label, int(start.value // 1_000 if start.unit == "ns" else start.value))
        for name, outcome in outcomes.items()
        for start in outcome.lost["start"]
    ]
    if lost:
        st.warning(lost_words(lost, viewer.zone), title="These settings lose confirmed events")


def every_outcome(
    m: Monitor, chosen: Chosen, profile: Profile, looked: Looked, names: tuple[str, ...]
) -> Mapping[str, Outcome] | None:
    """The outcome of every tag; None while a job computes it, which is shown. Histories stay cached."""
    history = looked.history
    facts = facts_of(m, looked.since, looked.until)
    work = m.tuner.outcomes(
        shelf_of(m, chosen, looked, names),
        history,
        (looked.since, looked.until),
        names,
        sides(m, chosen, profile),
        watched(m, chosen),
        facts,
        LIMITS,
    )
    if len(names) * len(history.rows) <= TOGETHER:
        return work(Progress())

    def begin() -> Job:
        outdated: Job | None = last_remembered("tuning-job")
        if outdated is not None:
            outdated.progress.cancel()
        job = m.jobs.start(KIND, f"Events of {counted(len(names), 'tag')}", work, alone=False)
        m.jobs.wait(job, AT_ONCE)
        return job

    wanted = (m.started, chosen.tag, names, chosen.length, looked.until, chosen.against, profile, facts)
    job = remembered("tuning-job", wanted, begin)
    if job.running:
        follow_job(m, job)
    elif job.result is None:
        job_line(m, job, "Completed work is kept.")
        st.button("Count again", key="tuning-again", on_click=forget, args=("tuning-job",))
    outcomes: Mapping[str, Outcome] | None = job.result
    return outcomes
