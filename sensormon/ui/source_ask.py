"""Asks a server something for a person: a job with a deadline, and its answer while it is not stale.

The server is asked with what stands in the fields, whether or not that is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.intake.named_sources import sources_of
from sensormon.model.errors import SourceError, UsageError
from sensormon.model.jobs import Progress
from sensormon.model.text import without_password
from sensormon.monitor.monitor import Monitor
from sensormon.sources.connected import Explorer
from sensormon.sources.named import NamedSource
from sensormon.ui.acts import carried_out
from sensormon.ui.drawing import not_done
from sensormon.ui.job_status import follow_job
from sensormon.ui.source_open import Opened
from sensormon.view.sources import kind_words

JOB = "source"
SECONDS = 10.0
"""After this long a server that does not answer is given up."""
AT_ONCE = 1.5
"""Seconds for which the page waits for the answer before it shows that it waits."""
MOST = 6
"""Questions to servers under way at a time, whoever asks."""

Answer = TypeVar("Answer")


def ask(
    m: Monitor,
    shown: Opened,
    what: str,
    source: NamedSource,
    question: Callable[[Explorer], object],
    *,
    words: str,
    stamp: str,
) -> None:
    """Ask the server of this source; `answer` has what it says. `words` is what is done, for the log."""
    title = f"{words} {shown.begun.name if shown.begun else kind_words(shown.kind)}"

    def work(progress: Progress) -> object:
        progress.step(f"waiting for the server, at most {SECONDS:.0f} s")
        return question(sources_of(m).explore(source))

    def start(_by: str) -> None:
        if sum(job.running for job in m.jobs.of(JOB)) >= MOST:
            raise UsageError(
                f"{MOST} questions to servers are under way", where=title, hint="Wait for their answers"
            )
        job = m.jobs.start(JOB, title, work, alone=False)
        shown.questions[what] = (stamp, job)
        m.jobs.wait(job, AT_ONCE)

    change = Change(Act.MANAGE_SOURCES, title, "", without_password(source.place))
    carried_out(m, change, start, "The server was not asked")


def waits(shown: Opened, what: str) -> bool:
    """Whether an answer is on its way."""
    return what in shown.questions and shown.questions[what][1].running


def failed(shown: Opened, what: str) -> bool:
    """Whether the server was asked in vain."""
    return what in shown.questions and shown.questions[what][1].problem is not None


def answer(m: Monitor, shown: Opened, what: str, kind: type[Answer], stamp: str) -> Answer | None:
    """What the server said, or None; draws that it is waited for, or why there is none."""
    asked, job = shown.questions.get(what, ("", None))
    if job is None:
        return None
    if job.running:
        follow_job(m, job)
    elif asked != stamp:
        st.caption("Something has changed since; ask again.")
    elif job.problem is not None:
        not_done(SourceError(without_password(str(job.problem)), where=""), "The server was asked in vain")
    elif isinstance(job.result, kind):
        return job.result
    return None
