"""The progress of a job, with a button to cancel it."""

from __future__ import annotations

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.jobs import Job
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed, carried_out
from sensormon.ui.parts import every
from sensormon.view.phrases import literal

ACTS = {
    "import": Act.IMPORT,
    "undo import": Act.IMPORT,
    "export": Act.EXPORT,
    "case-save": Act.EXPORT,
    "report": Act.EXPORT,
    "case-open": Act.OPEN_CASE,
    "roll-up": Act.ROLL_UP,
    "compare": Act.TRY_SETTINGS,
    "suggest": Act.TRY_SETTINGS,
    "forecast": Act.TRY_SETTINGS,
    "test": Act.MANAGE_NOTIFICATIONS,
    "calculate": Act.EDIT_TAGS,
    "source": Act.MANAGE_SOURCES,
}
"""What somebody may do who may cancel a job of this kind."""

_STAYS = "Completed work is kept."


def act_to_cancel(kind: str) -> Act:
    """What somebody may do who may cancel a job of this kind; a kind may say more after its first word.

    >>> act_to_cancel("test shift 0")
    <Act.MANAGE_NOTIFICATIONS: 'manage notifications'>
    """
    return ACTS[kind] if kind in ACTS else ACTS[kind.partition(" ")[0]]


def job_line(m: Monitor, job: Job, cancelled: str = _STAYS) -> None:
    """A bar and a Cancel button while it runs; afterwards the error or that it was cancelled."""
    if job.running:
        progress = job.progress
        with st.container(horizontal=True, vertical_alignment="center"):
            words = "; ".join(part for part in (progress.words or "starting", progress.waiting) if part)
            st.progress(progress.share or 0.0, f"{literal(job.title)}: {words}")
            act = act_to_cancel(job.kind)
            pressed = st.button(
                "Cancel", key=f"cancel-{job.id}", **allowed(m, act, disabled=progress.cancelling)
            )
            change = Change(act, job.title, "running", "cancelled")
            if pressed and carried_out(m, change, lambda _: progress.cancel(), "It goes on"):
                st.rerun(scope="fragment")
    elif job.problem is not None:
        st.error(literal(str(job.problem)), title=f"{literal(job.title)}: failed")
    elif job.cancelled:
        st.info(cancelled, title=f"{literal(job.title)}: cancelled")


def newest_job(m: Monitor, kind: str) -> Job | None:
    """The newest job of this kind, started by anyone, with its progress while it runs.

    The page is drawn again when it ends, and when somebody else starts one.
    """
    drawn = newest_state(m, kind)  # before the page looks at the job, so that no change is missed
    follow_newest(m, kind, drawn)
    return next(iter(m.jobs.of(kind)), None)


def newest_state(m: Monitor, kind: str) -> tuple[int, bool] | None:
    """Which job of this kind was started last, and whether it runs."""
    job = next(iter(m.jobs.of(kind)), None)
    return None if job is None else (job.id, job.running)


@every(1)
def follow_newest(m: Monitor, kind: str, drawn: tuple[int, bool] | None) -> None:
    """Its progress; the page is drawn again once its state is no longer the one that was `drawn`."""
    job = next(iter(m.jobs.of(kind)), None)
    if job is not None and job.running:
        job_line(m, job)
    if newest_state(m, kind) != drawn:
        st.rerun()


@every(0.5)
def follow_job(m: Monitor, job: Job) -> None:
    """The progress of this job; the page is drawn again when it ends."""
    job_line(m, job)
    if not job.running:
        st.rerun()
