"""What sources.toml says is what runs: added, changed, switched off and removed without a restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.intake import named_sources
from sensormon.intake.named_sources import accompany
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.sources.report import Report
from tests.support.bus import wait_until
from tests.support.named import InForce, received, simulators, tag_text


@pytest.fixture
def table() -> str:
    return tag_text(5)


@pytest.fixture
def plant(settings: Settings, tmp_path: Path, table: str) -> Iterator[InForce]:
    """A monitor with tags t0, t1 and so on, and no source but those that a test names."""
    path = tmp_path / "plant.toml"
    path.write_text(table)
    monitor = Monitor(replace(settings, tags=path))
    in_force = InForce(monitor)
    yield in_force
    in_force.sources.stop()
    monitor.stop()


def arrives(plant: InForce, *names: str) -> None:
    """Wait until each of these simulators has delivered something more."""
    before = {name: received(plant.monitor, f"simulator:{name}") for name in names}
    wait_until(lambda: all(received(plant.monitor, f"simulator:{n}") > before[n] for n in names), 10)


def test_a_source_that_is_added_runs_and_leaves_the_others_alone(plant: InForce) -> None:
    plant.say(simulators(1))
    arrives(plant, "s0")
    since = plant.sources.health()[0].since
    plant.say(simulators(2))
    arrives(plant, "s0", "s1")
    first, second = plant.sources.health()
    assert (first.since, first.link, second.link) == (since, Link.CONNECTED, Link.CONNECTED)
    assert plant.sources.problems() == ()
    assert plant.monitor.ledger.now().total.difference == 0


def test_a_source_that_is_changed_begins_anew_with_its_new_keys(plant: InForce) -> None:
    plant.say(simulators(2))
    arrives(plant, "s0", "s1")
    kept = plant.sources.health()[1].since
    plant.say(simulators(2).replace('"t0"', '"t3"'))
    arrives(plant, "s0")
    frame = plant.monitor.readings.recent(0, ["t3"])
    assert set(frame["source"].astype(str)) == {"simulator:s0"}
    assert plant.sources.health()[1].since == kept


@pytest.mark.parametrize("text", ["", simulators(1, on="false")])
def test_a_source_that_is_removed_or_switched_off_ends(plant: InForce, text: str) -> None:
    plant.say(simulators(1))
    arrives(plant, "s0")
    plant.say(text)
    count = received(plant.monitor, "simulator:s0")
    plant.sources.look()
    assert received(plant.monitor, "simulator:s0") == count
    assert [health.link for health in plant.sources.health()] == ([Link.STOPPED] if text else [])
    assert plant.sources.problems() == ()


def test_a_file_that_becomes_wrong_changes_nothing_and_is_named(plant: InForce) -> None:
    plant.say(simulators(1))
    arrives(plant, "s0")
    plant.say('[sources.s0]\nkind = "simulator"\nintervall = 3\n')
    (problem,) = plant.sources.problems()
    assert "intervall" in problem
    assert "\n" not in problem
    arrives(plant, "s0")
    plant.say(simulators(1))
    assert plant.sources.problems() == ()


def test_a_source_whose_thread_dies_is_started_again_and_seen(plant: InForce) -> None:
    plant.say(simulators(1))
    arrives(plant, "s0")
    assert plant.sources._running["s0"].kill()
    wait_until(lambda: plant.link("s0") == "failed", 5)
    (problem,) = plant.sources.problems()
    assert "ThreadKilled" in problem
    arrives(plant, "s0")
    (health,) = plant.sources.health()
    assert health.link is Link.CONNECTED
    assert health.trouble is not None, "that it happened is still seen"


def test_a_source_that_cannot_run_is_tried_again(plant: InForce, tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.csv"
    plant.say(f'[sources.old]\nkind = "replay"\npath = "{recorded}"\nspeed = 1000\nnew_tags = true\n')
    wait_until(lambda: plant.link("old") == "failed", 5)
    assert any("recorded.csv" in line for line in plant.sources.problems())
    recorded.write_text("timestamp,tag,value\n2026-01-01T00:00:00Z,p1,1\n2026-01-01T00:00:09Z,p1,2\n")
    wait_until(lambda: plant.link("old") == "finished", 10)
    plant.sources.look()
    assert received(plant.monitor, "old") == 2
    assert not plant.monitor.tags["p1"].simulated
    assert plant.sources.problems() == ()


def test_a_source_that_invents_names_fills_the_table_only_so_far(
    plant: InForce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_sources, "MOST_TAGS", len(plant.monitor.tags) + 3)
    recorded = tmp_path / "recorded.csv"
    rows = "".join(f"2026-01-01T00:00:0{number}Z,p{number},1\n" for number in range(9))
    recorded.write_text(f"timestamp,tag,value\n{rows}")
    plant.say(f'[sources.old]\nkind = "replay"\npath = "{recorded}"\nspeed = 1000\nnew_tags = true\n')
    wait_until(lambda: plant.link("old") == "finished", 10)
    (health,) = plant.sources.health()
    assert (health.stored, health.refused) == (3, 6)
    assert health.trouble is not None
    assert "are not added by themselves" in health.trouble.what
    assert len(plant.monitor.tags) == named_sources.MOST_TAGS


def test_the_simulator_leaves_alone_what_another_source_delivers(settings: Settings) -> None:
    settings.data_dir.mkdir()
    settings.sources_file.write_text(
        '[sources.mine]\nkind = "simulator"\ntags = ["agitator_*"]\ninterval = 0.05\n'
    )
    monitor = Monitor(replace(settings, source="simulator", interval=0.05))
    accompany(monitor)
    assert monitor.source.simulator is not None
    assert [tag.name for tag in monitor.source.simulator.tags] == ["fermenter_temp", "fermenter_ph"]
    monitor.start()
    try:
        wait_until(lambda: min(received(monitor, name) for name in ("simulator", "simulator:mine")) > 3, 10)
        frame = monitor.readings.recent(0)
        by_tag = frame.astype({"tag": str, "source": str}).groupby("tag")["source"].unique()
        assert [*by_tag["agitator_rpm"]] == ["simulator:mine"]
        assert [*by_tag["fermenter_ph"]] == ["simulator"]
        monitor.tag_file.add([Tag("agitator_2", "Second", valid=(0.0, 9.0), normal=(4.0, 5.0))], "ada")
        assert "agitator_2" not in {tag.name for tag in monitor.source.simulator.tags}
        wait_until(lambda: {"agitator_rpm", "agitator_2"} <= monitor.simulated.running, 10)
        settings.sources_file.write_text("")
        wait_until(lambda: len(monitor.source.simulator.tags) == 4 if monitor.source.simulator else False, 5)
    finally:
        monitor.stop()
    assert monitor.simulated.spans().keys() >= {"agitator_rpm"}, "its readings are known as simulated"


@pytest.mark.parametrize("table", [tag_text(100)])
def test_a_hundred_sources_run_side_by_side_and_stop_at_once(plant: InForce) -> None:
    plant.say(simulators(100, interval="3"))
    arrives(plant, *(f"s{number}" for number in range(100)))
    assert {health.link for health in plant.sources.health()} == {Link.CONNECTED}
    plant.say("")
    assert plant.monitor.ledger.now().total.difference == 0
    assert plant.sources.health() == ()


def test_a_tag_that_cannot_be_added_is_named_and_keeps_no_other_out(plant: InForce) -> None:
    report = Report("s0", "simulator", "", plant.monitor.clock)
    stopping = threading.Event()
    plant.say(simulators(1))
    intake = plant.sources.intake(plant.sources.config()["s0"], report, stopping)
    twice = Tag("valve", "Valve", states=("open", "Open"), simulated=False)
    coil = Tag("coil", "Coil", kind="boolean", simulated=False)
    intake.offer_tags([Tag("flow", "Flow", simulated=False), twice, coil])
    assert {"flow", "coil"} <= set(plant.monitor.tags.names)
    assert "valve" not in plant.monitor.tags
    trouble = report.health().trouble
    assert trouble is not None
    assert "'valve' cannot be added" in trouble.what
