"""What a source tells of itself may hold a server's own words."""

from __future__ import annotations

from sensormon.model.clock import ManualClock
from sensormon.model.errors import SourceError
from sensormon.sources.report import Report
from tests.support.plant import START


def test_the_words_of_a_server_are_cut_and_hold_no_signs_that_hide() -> None:
    report = Report("line", "sql", "db", ManualClock(START))
    words = "no\x1b[2J\u202esuch\0table" + "x" * 100_000
    report.connected(words)
    report.trouble(SourceError(words, where="db"))
    report.note(words)
    health = report.health()
    assert health.trouble is not None
    for shown in (health.detail, health.trouble.what, *health.notes):
        assert "such table" in shown
        assert shown.isprintable()
        assert len(shown) <= 1_000
