"""Definitions of event frames: kept over restarts, with their envelope, refused in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sensormon.access.documents import FRESH, Documents
from sensormon.analysis.envelope import STEPS, Spread, envelope
from sensormon.analysis.frame_rules import FrameRule, Trigger
from sensormon.events.frame_definitions import COLLECTION, FrameDefinition, FrameDefinitions, Golden
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START

TEMP = "fermenter_temp"
RULE = FrameRule(Trigger(TEMP, ">", 80.0, hysteresis=2.0), longest=7_200.0)
BATCH = FrameDefinition("Sterilisation", RULE)


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    yield running
    running.stop()


def golden(tags: tuple[str, ...] = (TEMP,), frames: int = 3) -> Golden:
    rows = [np.full(STEPS, 80.0 + number) for number in range(3)]
    spans = tuple((START + number * SECOND, START + (number + 1) * SECOND) for number in range(frames))
    spread = Spread(k=2.0)
    return Golden(spans, False, 2_520.0, spread, {tag: envelope(rows, spread) for tag in tags})


def test_a_definition_outlives_a_restart_with_its_envelope(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    first.frame_definitions.save(replace(BATCH, golden=golden()), "Ana")
    first.stop()
    again = Monitor(settings, clock)
    kept = again.frame_definitions.all()["Sterilisation"]
    assert (kept.rule, kept.golden, kept.who, kept.time) == (RULE, golden(), "Ana", START)
    assert kept.golden is not None
    assert kept.golden.envelopes[TEMP].centre[0] == 81.0
    again.stop()


def test_another_process_sees_it(monitor: Monitor, clock: ManualClock) -> None:
    parts = monitor.parts
    other = FrameDefinitions(Documents(parts.collector, parts.store.entries, clock), lambda: monitor.tags)
    assert other.all() == {}
    monitor.frame_definitions.save(BATCH, "Ana")
    monitor.drain()
    clock.advance(FRESH / SECOND + 1)
    assert list(other.all()) == ["Sterilisation"]
    other.remove("Sterilisation", "Bo")
    monitor.drain()
    clock.advance(FRESH / SECOND + 1)
    assert monitor.frame_definitions.all() == {}


@pytest.mark.parametrize(
    ("definition", "replaces", "why"),
    [
        (replace(BATCH, name=" "), False, "a name of 1 to 60 characters"),
        (replace(BATCH, name="x" * 61), False, "a name of 1 to 60 characters"),
        (BATCH, False, "there is a definition 'Sterilisation' already"),
        (replace(BATCH, name="CIP"), True, "someone else changed this meanwhile"),
        (
            replace(BATCH, name="a", rule=FrameRule(Trigger("away", ">", 1.0))),
            False,
            "there is no tag 'away'",
        ),
        (replace(BATCH, golden=golden(frames=51)), True, "51 frames are chosen, 50 are the most"),
        (replace(BATCH, golden=golden(tags=tuple("abcdefghijklm"))), True, "13 tags have an envelope"),
        (replace(BATCH, golden=golden(tags=())), True, "no tag has an envelope"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    monitor: Monitor, definition: FrameDefinition, replaces: bool, why: str
) -> None:
    kept = monitor.frame_definitions.save(BATCH, "Ana")
    with pytest.raises(UsageError, match=why):
        monitor.frame_definitions.save(definition, "Bo", kept.time if replaces else 0)
    assert monitor.frame_definitions.all()["Sterilisation"].who == "Ana"


def test_no_more_than_the_most_are_kept(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.events.frame_definitions.MOST_DEFINITIONS", 2)
    for name in ("a", "b"):
        monitor.frame_definitions.save(replace(BATCH, name=name), "Ana")
    with pytest.raises(UsageError, match="2 definitions are the most"):
        monitor.frame_definitions.save(BATCH, "Ana")
    monitor.frame_definitions.remove("a", "Ana")
    monitor.frame_definitions.save(BATCH, "Ana")
    with pytest.raises(UsageError, match="there is no definition 'a'"):
        monitor.frame_definitions.remove("a", "Ana")


def test_what_a_later_version_wrote_is_left_out(monitor: Monitor, clock: ManualClock) -> None:
    parts = monitor.parts
    documents = Documents(parts.collector, parts.store.entries, clock)
    documents.keep(COLLECTION, "later", {"rule": {"start": {"tag": TEMP, "shape": "like this"}}}, "Ana")
    definitions = FrameDefinitions(documents, lambda: monitor.tags)
    definitions.save(BATCH, "Ana")
    assert list(definitions.all()) == ["Sterilisation"]
