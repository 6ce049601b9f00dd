"""What /health and /metrics say of silent tags, clocks that are ahead, and a journal that refuses."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sensormon.api import Api, make_api
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import JournalError
from sensormon.model.settings import Settings
from sensormon.model.status import SourceState, WriteState
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.view.status import source_phrase, writing_phrase
from tests.support.api import TOKEN, get
from tests.support.plant import START, batch_of

Served = tuple[Monitor, Api]


@pytest.fixture
def served(settings: Settings, clock: ManualClock) -> Iterator[Served]:
    """A monitor whose threads do not run, on the manual clock, with its API."""
    monitor = Monitor(replace(settings, token=TOKEN), clock)
    yield monitor, make_api(lambda: monitor)
    monitor.stop()


def health(api: Api, status: int = 200) -> Any:
    answer = get(api, "/health")
    assert answer.status_code == status
    return answer.json()


def gauges(api: Api, name: str) -> dict[str, float]:
    """The values of a metric by its only label."""
    lines = re.findall(rf'^sensormon_{name}{{\w+="([^"]+)"}} (\S+)$', get(api, "/metrics").text, re.MULTILINE)
    return {label: float(value) for label, value in lines}


def test_health_is_degraded_and_names_a_tag_that_is_silent(served: Served, clock: ManualClock) -> None:
    monitor, api = served
    monitor.submit(batch_of(("fermenter_ph", 7.0), source="http"))
    clock.advance(299)
    assert health(api)["status"] == "ok"
    assert health(api)["silent"] == {"count": 0, "tags": []}
    clock.advance(26)
    answer = health(api)
    assert answer["status"] == "degraded"
    assert answer["silent"] == {
        "count": 1,
        "tags": [{"tag": "fermenter_ph", "seconds": 325.0, "source": "http"}],
    }
    assert answer["problems"] == []
    assert get(api, "/health", Authorization="").status_code == 200
    monitor.submit(batch_of(("fermenter_ph", 7.0), source="http", at=clock.now()))
    assert health(api)["status"] == "ok"


def test_a_visitor_who_may_not_read_gets_the_word_alone(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, token=TOKEN, read_token="reader"), clock)
    monitor.submit(batch_of(("fermenter_ph", 7.0), source="http"))
    clock.advance(325)
    assert get(make_api(lambda: monitor), "/health", Authorization="").json() == {"status": "degraded"}
    monitor.stop()


def test_imports_and_tags_without_data_leave_health_ok(served: Served, clock: ManualClock) -> None:
    _, api = served
    clock.advance(86_400)
    assert health(api)["status"] == "ok"
    assert gauges(api, "tag_age_seconds") == {}


def test_a_clock_ahead_is_named_and_no_age_is_negative(served: Served, clock: ManualClock) -> None:
    monitor, api = served
    batch = batch_of(("fermenter_ph", 7.0), at=START + 400 * SECOND, source="http")
    monitor.submit(replace(batch, received=START))
    clock.advance(60)
    answer = health(api)
    assert answer["clocks_ahead"] == {"count": 1, "tags": [{"tag": "fermenter_ph", "seconds": 340.0}]}
    assert answer["data_age_seconds"] == 60.0
    assert answer["status"] == "ok"
    assert gauges(api, "tag_age_seconds") == {"fermenter_ph": 60.0}
    assert gauges(api, "source_age_seconds") == {"http": 60.0}
    assert gauges(api, "tag_clock_ahead_seconds") == {"fermenter_ph": 340.0}
    clock.advance(265)
    assert health(api)["silent"]["count"] == 1, "its clock hides no silence"
    clock.advance(300)
    assert gauges(api, "tag_clock_ahead_seconds") == {}
    clock.advance(-3_600)
    assert min(gauges(api, "tag_age_seconds").values()) >= 0
    assert health(api)["data_age_seconds"] >= 0


def test_health_names_at_most_a_hundred_tags_and_counts_all(served: Served, clock: ManualClock) -> None:
    monitor, api = served
    tags = TagTable([Tag(f"tag{i}", f"Tag {i}") for i in range(300)])
    monitor.running_tags.retag(tags)
    monitor.submit(batch_of(*((name, 1.0) for name in tags.names), seconds=0, source="http"))
    clock.advance(325)
    answer = health(api)["silent"]
    assert answer["count"] == 300
    assert len(answer["tags"]) == 100
    assert len(gauges(api, "tag_age_seconds")) == 300
    assert "sensormon_silent_tags 300.0" in get(api, "/metrics").text


@pytest.mark.parametrize(
    ("error", "state", "refusal", "words"),
    [
        (errno.ENOSPC, WriteState.FULL, "disk", "the journal's disk is full"),
        (errno.EROFS, WriteState.UNWRITABLE, "unwritable", "the journal is not writable"),
        (errno.EACCES, WriteState.UNWRITABLE, "unwritable", "the journal is not writable"),
        (errno.EIO, WriteState.BROKEN, "broken", "the journal cannot be written"),
    ],
)
def test_each_reason_to_refuse_has_its_own_word(
    served: Served, monkeypatch: pytest.MonkeyPatch, error: int, state: WriteState, refusal: str, words: str
) -> None:
    monitor, api = served

    def fail(_: int) -> None:
        raise OSError(error, "it failed")

    with monkeypatch.context() as patch:
        patch.setattr(monitor.parts.journal, "_fdatasync", fail)
        with pytest.raises(JournalError):
            monitor.submit(batch_of(("fermenter_ph", 7.0)))
    answer = health(api, 503)
    assert (answer["status"], answer["state"], answer["refusal"]) == ("failing", str(state), refusal)
    status = monitor.status()
    refusing = replace(status.source, state=SourceState.REFUSING)
    assert words in source_phrase(refusing).text
    assert words in writing_phrase(status).text
    assert ("full" in writing_phrase(status).text) == (error == errno.ENOSPC)
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    assert health(api)["refusal"] is None


def test_a_used_up_quota_is_told_from_a_full_disk(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, token=TOKEN, journal_quota=1), clock)
    api = make_api(lambda: monitor)
    filler = settings.data_dir / "journal" / "others"
    filler.write_bytes(b"x" * 1_000_000)
    with pytest.raises(JournalError):
        monitor.submit(batch_of(("fermenter_ph", 7.0)))
    answer = health(api, 503)
    assert (answer["state"], answer["refusal"]) == ("full", "quota")
    assert "quota is used up" in writing_phrase(monitor.status()).text
    monitor.stop()
