"""Starts the job that makes a report, wherever it is asked for."""

from __future__ import annotations

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.boards.views import owner_of
from sensormon.exchange.exporter import Exported
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.monitor.monitor import Monitor
from sensormon.reports.making import MEDIA_TYPE, making_of
from sensormon.reports.order import Order
from sensormon.reports.spans import span_words
from sensormon.reports.subjects import subject_named
from sensormon.ui.acts import NOTHING, carried_out
from sensormon.ui.viewer import Viewer
from sensormon.ui.who import person

KIND = "report"


def own_views(m: Monitor) -> str:
    """Whose own views may be printed at this page; empty for a visitor, who has none."""
    try:
        return owner_of(person(m))
    except UsageError:
        return ""


def start_report(
    m: Monitor, viewer: Viewer, name: str, title: str, owner: str, times: tuple[int, int] | None
) -> bool:
    """Start the report of this board or view over these times, None for a view's own; whether it started.

    What cannot be printed is refused on the page before anything is started. Raises StoreError.
    """
    words = span_words(*times, viewer.zone) if times else "its own span"
    by = person(m).signature

    def start(_: str) -> None:
        subject = subject_named(m, name, owner)
        span = times or subject.span
        if span is None:
            raise UsageError("a board has no span of its own", where="report", hint="Choose a span")
        order = subject.order(*span, viewer.zone, by)
        called = f"Report {subject.board.title}, {span_words(*span, viewer.zone)}"
        m.jobs.start(KIND, called, lambda progress: _made(m, order, progress))

    change = Change(Act.EXPORT, f"Report {title}, {words}", NOTHING, f"PDF, times in {viewer.zone_name}")
    return carried_out(m, change, start, "No report")


def _made(m: Monitor, order: Order, progress: Progress) -> Exported:
    """Make the report and keep its file with the exports."""
    report = making_of(m).make(order, progress)
    with m.exporter.files.draft() as draft:
        draft.path.write_bytes(report.pdf)
        return Exported(m.exporter.files.keep(draft, report.name, MEDIA_TYPE), report.readings)
