"""Long jobs: progress, cancelling, failures."""

from __future__ import annotations

import threading

import pytest

from sensormon.model.clock import ManualClock
from sensormon.model.errors import StoreUnavailable, UsageError
from sensormon.model.jobs import KEPT, Jobs, Progress


def test_a_job_reports_its_progress_and_result(clock: ManualClock) -> None:
    jobs, go = Jobs(clock), threading.Event()

    def work(progress: Progress) -> int:
        progress.step("half", 1, 2)
        go.wait(10)
        return 42

    job = jobs.start("export", "Export", work)
    assert job.running
    go.set()
    assert jobs.wait(job, 10)
    assert (job.result, job.progress.share, job.progress.words) == (42, 0.5, "half")
    assert job.problem is None
    assert not job.cancelled


def test_a_cancelled_job_stops_at_its_next_step(clock: ManualClock) -> None:
    jobs, begun, steps = Jobs(clock), threading.Event(), []

    def work(progress: Progress) -> None:
        for number in range(1_000_000):
            steps.append(number)
            progress.step("on", number, 1_000_000)
            begun.set()

    job = jobs.start("roll-up", "Roll-up", work)
    assert begun.wait(10)
    job.progress.cancel()
    assert jobs.wait(job, 10)
    assert job.cancelled
    assert len(steps) < 1_000_000


def test_work_of_one_kind_runs_alone(clock: ManualClock) -> None:
    jobs, go = Jobs(clock), threading.Event()
    job = jobs.start("import", "Import", lambda _: go.wait(10))
    with pytest.raises(UsageError, match="work of this kind"):
        jobs.start("import", "Import", lambda _: None)
    other = jobs.start("export", "Export", lambda _: "other")
    assert jobs.wait(other, 10)
    go.set()
    assert jobs.wait(job, 10)
    assert jobs.of("import") == [job]
    assert jobs.find(other.id) is other


@pytest.mark.parametrize("error", [StoreUnavailable("away", where="db", hint="Wait"), ValueError("boom")])
def test_a_failure_is_kept_with_its_job(clock: ManualClock, error: Exception) -> None:
    def work(_: Progress) -> None:
        raise error

    jobs = Jobs(clock)
    job = jobs.start("export", "Export", work)
    assert jobs.wait(job, 10)
    assert job.problem is not None
    assert str(error.args[0]) in str(job.problem)


def test_closing_cancels_running_jobs_and_takes_no_more(clock: ManualClock) -> None:
    jobs, begun = Jobs(clock), threading.Event()

    def work(progress: Progress) -> None:
        while True:
            progress.step("on")
            begun.set()

    job = jobs.start("export", "Export", work)
    assert begun.wait(10)
    jobs.close(10)
    assert job.cancelled
    with pytest.raises(UsageError, match="stopping"):
        jobs.start("export", "Export", lambda _: None)


def test_only_the_newest_finished_jobs_are_remembered(clock: ManualClock) -> None:
    jobs = Jobs(clock)
    for number in range(KEPT + 5):
        jobs.wait(jobs.start("export", f"Export {number}", lambda _: None), 10)
    assert len(jobs.of("export")) == KEPT
    assert jobs.of("export")[0].title == f"Export {KEPT + 4}"
