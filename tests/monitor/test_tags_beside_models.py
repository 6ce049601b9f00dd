"""Tags of models beside the others: cases, the tag file, imports, and a removal while a model is trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensormon.api import make_api
from sensormon.exchange.case_writer import CaseOrder
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch, Origin, Reading
from sensormon.model.settings import Settings
from sensormon.model.tag_models import TagModel
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from tests.support.api import get
from tests.support.plant import START, batch_of
from tests.support.server import ROOT

Adopt = Callable[[Monitor], Monitor]

TAGS = ("fermenter_temp", "fermenter_ph", "agitator_rpm")
ROWS = 300


def send(monitor: Monitor, clock: ManualClock, first: int, count: int) -> None:
    """One tick a second of three tags that go together."""
    shared = np.random.default_rng(3).normal(size=(first + count, 1))
    own = np.random.default_rng(4).normal(size=(first + count, 3))
    rows = np.array([37.0, 7.0, 450.0]) + np.array([0.2, 0.05, 10.0]) * (0.8 * shared + 0.6 * own)
    for number, row in enumerate(rows[first:].tolist(), first):
        now = START + number * SECOND
        clock.advance((now - clock.now()) / SECOND)
        monitor.submit(batch_of(*zip(TAGS, row, strict=True), at=now, seconds=0.0))


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With a tag file of its own, which tests may change."""
    tags = tmp_path / "tags.toml"
    shutil.copy(ROOT / "data" / "tags.toml", tags)
    return replace(settings, tags=tags)


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock, adopt: Adopt) -> Monitor:
    """With a model that has judged some rows."""
    monitor = adopt(Monitor(settings, clock))
    send(monitor, clock, 0, ROWS)
    monitor.drain()
    wanted = TagModel("rig", "spe", TAGS, 1.0, START, START + ROWS * SECOND, {})
    monitor.tag_models.keep(monitor.tag_models.train(wanted), "Ada", "first model")
    monitor.model_runner.step()
    send(monitor, clock, ROWS, 20)
    monitor.model_runner.step()
    monitor.drain()
    return monitor


def judged(monitor: Monitor) -> list[int]:
    """The seconds after START of the rows that the model has judged."""
    times = monitor.readings.recent(0, ["rig"])["time"].astype("int64")
    seconds: list[int] = ((times - START) // SECOND).tolist()
    return seconds


def test_case_with_the_tag_of_a_model_opens_elsewhere(
    monitor: Monitor, settings: Settings, clock: ManualClock, adopt: Adopt, tmp_path: Path
) -> None:
    end = START + (ROWS + 20) * SECOND
    job = monitor.cases.save(CaseOrder("all", monitor.tags.names, START, end))
    assert monitor.jobs.wait(job, 60)
    assert job.problem is None
    shutil.copy(ROOT / "data" / "tags.toml", tmp_path / "other.toml")
    other = replace(settings, data_dir=tmp_path / "other", tags=tmp_path / "other.toml")
    receiver = adopt(Monitor(other, clock))
    with job.result.file.path.open("rb") as source:
        opening = receiver.cases.open(source, "x")
    assert receiver.jobs.wait(opening, 60)
    assert opening.problem is None
    receiver.drain()
    columns = ["time", "value", "score", "is_anomaly"]
    here, elsewhere = (which.stored.frame(["rig"], START, end)[columns] for which in (monitor, receiver))
    assert len(here) == 19
    assert here.equals(elsewhere)
    assert receiver.tags["rig"].unit == "× limit"


def test_tag_with_the_name_of_a_model_is_refused(monitor: Monitor) -> None:
    with pytest.raises(UsageError, match="rig"):
        monitor.tag_file.add([Tag("rig", "Rig")], "Ada")
    assert "rig" not in monitor.running_tags.now()


def test_model_stops_with_the_reason_when_its_name_becomes_that_of_a_tag(
    monitor: Monitor, settings: Settings, clock: ManualClock, adopt: Adopt
) -> None:
    monitor.stop()
    with settings.tags.open("a") as file:
        file.write('\n[tags.rig]\nunit = "bar"\n')
    again = adopt(Monitor(settings, clock))
    again.model_runner.step()
    send(again, clock, ROWS + 20, 20)
    again.model_runner.step()
    assert judged(again) == list(range(ROWS, ROWS + 19))
    (status,) = again.model_runner.status()
    assert "tag" in status.failure


def test_imported_history_makes_no_rows(monitor: Monitor, clock: ManualClock) -> None:
    ahead = START + (ROWS + 500) * SECOND
    imported = [Reading(name, ahead, 7.0) for name in TAGS]
    monitor.submit(Batch.of(imported, source="file", received=clock.now(), origin=Origin.IMPORT))
    monitor.model_runner.step()
    send(monitor, clock, ROWS + 20, 20)
    monitor.model_runner.step()
    assert judged(monitor) == list(range(ROWS, ROWS + 39))


def test_tag_whose_clock_differs_from_the_others_is_named(monitor: Monitor, clock: ManualClock) -> None:
    for number in range(ROWS + 20, ROWS + 90):
        now = START + number * SECOND
        clock.advance((now - clock.now()) / SECOND)
        monitor.submit(batch_of((TAGS[0], 37.0), (TAGS[1], 7.0), at=now, seconds=0.0))
        monitor.submit(batch_of((TAGS[2], 450.0), at=now - 30 * SECOND, seconds=0.0))
    monitor.model_runner.step()
    (status,) = monitor.model_runner.status()
    assert status.absent == (TAGS[2],)


def test_model_removed_while_it_is_trained_again_stays_removed(monitor: Monitor) -> None:
    (model,) = monitor.tag_models.standing()
    frame = monitor.stored.frame(list(TAGS), model.since, model.until)
    rows = np.column_stack([frame.loc[frame["tag"] == name, "value"] for name in TAGS])
    times = START + np.arange(len(rows)) * SECOND
    monitor.tag_models.remove("rig", "Ada")
    with pytest.raises(UsageError):
        monitor.tag_models.train_again(model, times, rows)
    assert monitor.tag_models.standing() == ()


def test_api_names_no_profile_for_the_scores_of_a_model(monitor: Monitor) -> None:
    api = make_api(lambda: monitor)
    profiles = {row["name"]: row["profile"] for row in get(api, "/tags").json()}
    assert (profiles["rig"], profiles["fermenter_ph"]) == ("", "default")


def test_new_model_of_an_old_name_judges_no_row_from_before_it(monitor: Monitor, clock: ManualClock) -> None:
    monitor.tag_models.remove("rig", "Ada")
    monitor.model_runner.step()
    send(monitor, clock, ROWS + 20, 100)
    monitor.drain()
    wanted = TagModel("rig", "spe", TAGS, 1.0, START, START + ROWS * SECOND, {})
    monitor.tag_models.keep(monitor.tag_models.train(wanted), "Ada", "again")
    monitor.model_runner.step()
    send(monitor, clock, ROWS + 120, 20)
    monitor.model_runner.step()
    assert judged(monitor) == [*range(ROWS, ROWS + 19), *range(ROWS + 120, ROWS + 139)]
