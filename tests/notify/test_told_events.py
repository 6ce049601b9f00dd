"""An event in a message says the same as the pages; imported readings are known from the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sensormon.detectors.judged import Judged
from sensormon.model.clock import ManualClock
from sensormon.model.profiles import single
from sensormon.model.settings import Settings
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Contact, NotifyConfig, Rule
from sensormon.notify.facts import facts_of, never_quiet
from sensormon.notify.imported import ImportedIds
from sensormon.notify.messages import Message
from sensormon.notify.planning import plan
from sensormon.notify.told import Told
from sensormon.notify.told_events import describer, told_event
from sensormon.view.explanation import explain
from tests.support.imported_files import file_of, take
from tests.support.plant import START, batch_of


@pytest.fixture
def monitor(settings: Settings) -> Iterator[Monitor]:
    opened = Monitor(settings, ManualClock(START))
    yield opened
    opened.stop()


def live_events(monitor: Monitor) -> pd.DataFrame:
    values = np.round(np.random.default_rng(3).normal(7.0, 0.03, 900), 2)
    values[400], values[700:760] = 8.4, 7.0  # a spike, and a frozen sensor
    batch = batch_of(*(("fermenter_ph", float(value)) for value in values), at=START - 1_000_000_000)
    monitor.submit(batch)
    monitor.drain()
    return monitor.events.between(None, 0, FOREVER)


def test_a_told_event_has_the_sentence_of_the_pages_and_the_value_with_its_unit(monitor: Monitor) -> None:
    events = live_events(monitor)
    stored = monitor.stored.frame(None, 0, FOREVER).set_index("id")
    versions = monitor.detection.by_id()
    describe = describer(monitor.tags, versions, monitor.stored, monitor.readings.verdicts)
    tag = monitor.tags["fermenter_ph"]
    assert len(events) >= 2
    for row in events.drop(columns="ids").to_dict("records"):
        event = describe(row)
        peak = stored.loc[row["peak_id"]].to_dict()
        own = monitor.readings.verdicts(int(row["peak_id"]))
        assert event.why == explain(tag, Judged.of(peak), versions[int(row["settings"])], own).sentence
        assert event.value == tag.render(row["value"])
        assert event.title == monitor.tags.title("fermenter_ph")
        assert (event.id, event.over) == (row["id"], row["over"])
        assert event.began == int(stored.loc[row["id"]]["time"].value // 1_000)


def test_without_its_reading_or_its_settings_an_event_is_told_by_its_numbers(monitor: Monitor) -> None:
    events = live_events(monitor)
    row = events[events["value"] == 8.4].iloc[0].to_dict()
    why = told_event(row, monitor.tags, {}).why
    assert why.startswith("8.40 pH, expected ")
    assert why.endswith(f", z {row['score']:,.1f} > {row['threshold']:.1f}.")


def test_what_a_detector_of_a_newer_version_judged_is_told_by_its_numbers(monitor: Monitor) -> None:
    events = live_events(monitor)
    newer = {
        number: replace(version, profiles=single("later", {}))
        for number, version in monitor.detection.by_id().items()
    }
    describe = describer(monitor.tags, newer, monitor.stored, monitor.readings.verdicts)
    row = events[events["value"] == 8.4].iloc[0].to_dict()
    assert describe(row).why == told_event(row, monitor.tags, {}).why


def test_the_frames_of_a_reader_are_planned_with_and_without_events(monitor: Monitor) -> None:
    contact = Contact("shift", (), group=0)
    config = NotifyConfig(
        None, {"shift": contact}, {}, {"hot": Rule("hot", ("shift",), tags=("fermenter_*",))}
    )

    def plan_now() -> list[Message]:
        describe = describer(
            monitor.tags, monitor.detection.by_id(), monitor.stored, monitor.readings.verdicts
        )
        events = monitor.events.between(None, 0, FOREVER)
        tags, since = monitor.tags, {"hot": START - 2_000_000_000}
        return plan(config, since, events, Told(), [], tags=tags, describe=describe, now=START)

    assert plan_now() == []
    events = live_events(monitor)
    assert sorted(message.covers for message in plan_now()) == [(id_,) for id_ in sorted(events["id"])]


def test_events_of_imports_alone_are_known_also_after_an_import_grows(
    monitor: Monitor, settings: Settings
) -> None:
    live = set(live_events(monitor)["id"])
    imported = ImportedIds(monitor.parts.store.imports)
    assert imported.ranges() == []
    for rows in (1_000, 2_000):
        take(monitor, file_of(settings.data_dir.parent / f"{rows}.csv", rows))
        events = monitor.events.between(None, 0, FOREVER)
        facts, _, _ = facts_of(events, monitor.tags, never_quiet, imported.ranges(), START)
        of_file = {
            id_ for id_, known in zip(facts.id.tolist(), facts.imported.tolist(), strict=True) if known
        }
        assert of_file == set(events["id"]) - live
        assert len(of_file) > 0
