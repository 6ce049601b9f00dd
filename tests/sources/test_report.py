"""What a source tells of itself: since when it is away, whatever it tries meanwhile."""

from __future__ import annotations

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import SourceError
from sensormon.model.source_health import Link
from sensormon.outputs.report import OutputReport
from sensormon.sources.report import Report
from tests.support.plant import START

AWAY = SourceError("nobody answers", where="opc.tcp://192.0.2.1:4840/")


def test_a_source_is_away_since_it_went_however_often_it_tries() -> None:
    clock = ManualClock(START)
    report = Report("line1", "opcua", "", clock)
    report.connecting()
    report.connected("3 nodes")
    clock.advance(60)
    for _ in range(5):
        report.waiting(AWAY)
        clock.advance(10)
        report.connecting()
        assert (report.health().link, report.health().since) == (Link.WAITING, START + 60 * SECOND)
    report.failed(AWAY)
    report.connecting()
    assert (report.health().link, report.health().since) == (Link.FAILED, START + 60 * SECOND)
    assert not report.health().works, "a try does not mend it"
    report.connected("3 nodes")
    assert (report.health().link, report.health().since) == (Link.CONNECTED, START + 110 * SECOND)
    report.connecting()
    assert report.health().link is Link.CONNECTING


def test_no_password_in_a_url_is_told_whoever_quotes_it() -> None:
    error = SourceError("http://me:s3cret@db refuses", where="line", hint="Is ?password=s3cret right?")
    source = Report("line", "sql", "db", ManualClock())
    output = OutputReport("out", "mqtt", "db", ManualClock())
    for report in (source, output):
        report.waiting(error)
        trouble = report.health().trouble
        assert trouble is not None
        assert "s3cret" not in trouble.what + trouble.hint
        assert "line: http://…@db refuses" in trouble.what
