"""A journal deleted while the monitor ran: said until a person acknowledges it, through restarts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.api import make_api
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import StoreUnavailable, UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.attention import FILE
from sensormon.monitor.monitor import Monitor
from sensormon.view.status import attention_words
from tests.support.api import get
from tests.support.pages import show, text
from tests.support.plant import START, Adopt, batch_of

LOST = 1_103


def readings(monitor: Monitor, count: int, second: int) -> None:
    values = [("fermenter_ph", 7.0 + i % 3 / 100) for i in range(count)]
    monitor.submit(batch_of(*values, at=START + second * SECOND))


def lose(monitor: Monitor, count: int, second: int) -> None:
    """Take readings in, delete the journal with them before they are stored, and take more."""
    readings(monitor, count, second)
    shutil.rmtree(monitor.parts.journal.folder)
    readings(monitor, 10, second + 2_000)
    monitor.drain()


@pytest.fixture
def robbed(settings: Settings) -> Settings:
    """A stopped monitor whose journal was deleted while it had 1,103 readings that the store had not."""
    monitor = Monitor(settings, ManualClock(START))
    readings(monitor, 50, 0)
    monitor.drain()
    lose(monitor, LOST, 100)
    monitor.stop()
    return settings


def health(monitor: Monitor) -> tuple[int, dict[str, object]]:
    answer = get(make_api(lambda: monitor), "/health")
    return answer.status_code, answer.json()


def test_a_loss_is_said_after_a_restart_until_it_is_acknowledged(robbed: Settings) -> None:
    monitor = Monitor(robbed, ManualClock(START + 10_000 * SECOND))
    monitor.drain()
    assert monitor.ledger.now().total.difference == LOST
    code, answer = health(monitor)
    assert (code, answer["status"], answer["problems"]) == (200, "attention", [])
    sentences = answer["attention"]
    assert isinstance(sentences, list)
    assert "1,103 readings cannot be found any more: the ledger is off by 1,103" in sentences
    missing = [text for text in sentences if text.startswith("A journal file is missing: 0")]
    assert missing, "what was seen before the restart"
    line = attention_words(monitor.status(), Person("Ann", Role.ENGINEER, Way.ACCOUNT))
    assert (
        line.count("off by 1,103") == line.count("Look at it and acknowledge it on the Pipeline page.") == 1
    )
    line = attention_words(monitor.status(), Person("Bob", Role.VIEWER, Way.ACCOUNT))
    assert line.count("An engineer can acknowledge it on the Pipeline page.") == 1
    assert "Look at it" not in line
    monitor.attention.acknowledge(monitor.attention.losses, "Ann")
    assert health(monitor)[1]["attention"] == []
    monitor.stop()

    again = Monitor(robbed, ManualClock(START + 20_000 * SECOND))
    again.drain()
    assert (health(again)[1]["status"], health(again)[1]["attention"]) == ("ok", [])
    assert [note.who for note in again.attention.history] == ["Ann"]
    lose(again, 7, 30_000)
    code, answer = health(again)
    assert code == 200
    assert "7 readings cannot be found any more: the ledger is off by 7" in str(answer["attention"])
    assert again.ledger.now().total.difference == LOST + 7
    again.stop()


def test_only_what_was_shown_is_acknowledged(robbed: Settings) -> None:
    monitor = Monitor(robbed, ManualClock(START + 10_000 * SECOND))
    monitor.drain()
    shown = monitor.attention.losses
    lose(monitor, 7, 20_000)
    monitor.attention.acknowledge(shown, "Ann")
    assert "7 readings cannot be found any more: the ledger is off by 7" in monitor.attention.now()
    monitor.stop()


def test_a_difference_is_not_judged_without_the_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = Monitor(settings, ManualClock(START))
    readings(monitor, 50, 0)
    monitor.drain()
    monitor.stop()
    again = Monitor(settings, ManualClock(START + 10_000 * SECOND))

    def unavailable() -> None:
        raise StoreUnavailable("the disk does not answer")

    monkeypatch.setattr(again.parts.store, "open", unavailable)
    monkeypatch.setattr(again.parts.store.ledger, "accounts", unavailable)
    again.drain()
    code, answer = health(again)
    assert code == 503, "readings cannot be stored"
    assert answer["attention"] == []
    again.stop()


def test_unreadable_dead_letters_need_attention_each_once(settings: Settings) -> None:
    settings.data_dir.mkdir()
    file = settings.data_dir / "failed_measurements.jsonl"
    file.write_bytes(b"{half\n")
    monitor = Monitor(settings, ManualClock(START))
    monitor.drain()
    monitor.drain()  # the first one stores what the retry waits for
    assert monitor.attention.now() == ("1 line of the dead letters cannot be read",)
    monitor.attention.acknowledge(monitor.attention.losses, "Ann")
    assert monitor.attention.now() == ()
    (settings.data_dir / "failed_measurements.damaged.jsonl").unlink()  # somebody has looked at it
    monitor.drain()
    file.write_bytes(b"{another\n")
    monitor.drain()
    assert monitor.attention.now() == ("1 line of the dead letters cannot be read",)
    monitor.stop()


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b'{"acknowledged": 5}', b"\xff"])
def test_without_a_readable_file_nothing_counts_as_acknowledged(robbed: Settings, content: bytes) -> None:
    (robbed.data_dir / FILE).write_bytes(content)
    monitor = Monitor(robbed, ManualClock(START + 10_000 * SECOND))
    monitor.drain()
    assert "off by 1,103" in str(monitor.attention.now())
    monitor.stop()


def test_nobody_acknowledges_without_a_name_or_unsaid(robbed: Settings) -> None:
    monitor = Monitor(robbed, ManualClock(START + 10_000 * SECOND))
    monitor.drain()
    with pytest.raises(UsageError, match="a name is needed"):
        monitor.attention.acknowledge(monitor.attention.losses, " ")
    shutil.rmtree(robbed.data_dir / FILE, ignore_errors=True)
    (robbed.data_dir / FILE).unlink()
    (robbed.data_dir / f"{FILE}.tmp").mkdir()
    with pytest.raises(UsageError, match="forgotten at the next start"):
        monitor.attention.acknowledge(monitor.attention.losses, "Ann")
    monitor.stop()


def test_the_pipeline_page_shows_a_loss_and_takes_the_acknowledgement(robbed: Settings, adopt: Adopt) -> None:
    settings = replace(robbed, source="none", access="open")
    monitor = adopt(Monitor(settings, ManualClock(START + 10_000 * SECOND)))
    monitor.drain()
    app = show("pipeline")
    assert 'class="alarm"' not in text(app), "it is said where it is acknowledged, not in the head too"
    assert "the ledger is off by 1,103" in text(app)
    assert "on the Pipeline page" not in text(app)
    assert "Needs attention" in text(app)
    live = text(show("live"))
    assert 'class="alarm"' in live
    assert "Look at it and acknowledge it on the Pipeline page." in live
    app.text_input(key="attention-who").set_value("Ann")
    app.button(key="attention-acknowledge").click().run()
    assert not app.exception
    assert monitor.attention.now() == ()
    assert "Needs attention" not in text(app)
    assert r"acknowledged by Ann \(unverified\): 1,103 readings" in text(app)
    assert "ledger off by 1,103 readings, acknowledged" in text(app), "the head"
    assert "◆ ledger off" not in text(app)
    assert r"Difference of 1,103 readings acknowledged by Ann \(unverified\) at 20" in text(app), "the ledger"
    kept = json.loads(Path(robbed.data_dir / FILE).read_bytes())
    assert kept["acknowledged"]["difference"] == {"test": LOST}
