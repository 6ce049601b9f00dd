"""An import that goes on while people look at other pages."""

from __future__ import annotations

from sensormon.exchange.import_report import Report
from sensormon.exchange.import_table import Columns, Table, pieces
from sensormon.model.jobs import Job, Progress
from sensormon.monitor.monitor import Monitor
from sensormon.view.phrases import counted

KIND = "import"


def start_import(m: Monitor, table: Table, columns: Columns, name: str) -> Job:
    """Begin to take in this file; the job's result is a `Report`.

    What was taken stays when it is cancelled or fails, and the same file goes on from there.
    Raises UsageError while another import runs.
    """
    whole = len(table.frame) * max(1, len(columns.values))

    def work(progress: Progress) -> Report:
        progress.step("reading the file")
        report = Report(table.first)
        for one in m.importer.take(pieces(table, columns, m.clock.now())):
            report.add(one)
            progress.step(
                f"{report.rows:,} of {counted(max(whole, report.rows), 'reading')}", report.rows, whole
            )
            m.keep_up(progress)
        return report

    return m.jobs.start(KIND, f"Import of {name}", work)
