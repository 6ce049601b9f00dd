"""The tags of several monitors on one PostgreSQL store: each shows all, an edit is in force in all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model.profiles import Assignment
from sensormon.model.settings import Settings
from sensormon.model.tag_edit import changes
from sensormon.model.tags import Tag, TagTable, read_tags
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.shared_tags import SharedTagFile
from tests.support.plant import batch_of
from tests.support.postgresql import PostgreSQL
from tests.support.together import Together, following

PH = """
# the pH of line 1
[tags.ph]
label = "pH"
unit = "pH"
valid = [0, 14]
[tags.ph.profile]
period_hours = 2
"""
PRESSURE = """
[tags.pressure]
unit = "bar"
valid = [0, 10]
normal = [2, 3]
noise = 0.01
"""
PUMP = """
[tags.pump]
states = ["off", "on"]
"""


def shared(monitor: Monitor) -> SharedTagFile:
    assert isinstance(monitor.tag_file, SharedTagFile)
    return monitor.tag_file


def edit(monitor: Monitor, name: str, who: str = "ada", **changed: object) -> None:
    """Change these keys of a tag as the Data page does."""
    draft = monitor.tag_file.read()
    after = TagTable(replace(tag, **changed) if tag.name == name else tag for tag in draft.tags)
    monitor.tag_file.save(draft, after, who, changes(draft.tags, after))


def remove(monitor: Monitor, name: str, who: str = "ada") -> None:
    draft = monitor.tag_file.read()
    after = TagTable(tag for tag in draft.tags if tag.name != name)
    monitor.tag_file.save(draft, after, who, changes(draft.tags, after))


def within_five_seconds(condition: Callable[[], bool]) -> None:
    """Ask until it holds."""
    deadline, pause = time.monotonic() + 5, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.05)


def in_file(monitor: Monitor) -> TagTable:
    return read_tags(monitor.settings.tags)


def by_hand(monitor: Monitor, old: str, new: str) -> None:
    text = monitor.settings.tags.read_text()
    assert old in text
    monitor.settings.tags.write_text(text.replace(old, new))


def test_each_process_shows_and_takes_in_the_tags_of_all(plant: Together) -> None:
    line, dashboard = plant.start("line", PH), plant.start("dashboard", PRESSURE + PUMP)
    plant.follow(line, dashboard)
    assert line.tags.names == ("ph", "pressure", "pump")
    assert dashboard.tags.names == ("pressure", "pump", "ph")
    assert {tag.name: replace(tag, profile={}) for tag in line.tags} == {
        tag.name: replace(tag, profile={}) for tag in dashboard.tags
    }
    assert dashboard.tags["ph"].unit == "pH"
    receipt = line.submit(batch_of(("pressure", 2.5), ("pressure", 11.0), at=plant.clock.now()))
    assert receipt.processed.accepted.value.tolist() == [2.5]
    assert [str(row.reason) for row in receipt.processed.rejected] == ["out_of_range"]
    assert in_file(line).names == ("ph",)
    assert in_file(dashboard).names == ("pressure", "pump")


def test_an_edit_in_one_is_in_force_in_all_and_in_the_file_of_the_collector(plant: Together) -> None:
    line, dashboard = plant.start("line", PH), plant.start("dashboard", PRESSURE)
    plant.follow(line, dashboard)
    edit(dashboard, "ph", label="pH of line 1", valid=(4.0, 10.0), group="Line 1")
    assert dashboard.tags["ph"].valid == (4.0, 10.0)
    plant.follow(dashboard, line)
    assert line.tags["ph"].valid == (4.0, 10.0)
    assert line.tags["ph"].label == "pH of line 1"
    assert dict(line.tags["ph"].profile) == {"period_hours": 2}
    receipt = line.submit(batch_of(("ph", 3.0), at=plant.clock.now()))
    assert [str(row.reason) for row in receipt.processed.rejected] == ["out_of_range"]
    assert in_file(line)["ph"] == line.tags["ph"]
    assert "# the pH of line 1" in line.settings.tags.read_text()
    assert in_file(dashboard).names == ("pressure",)
    assert line.tag_file.changes()[0].who == "ada"
    assert "valid 0–14 → 4–10 pH" in line.tag_file.changes()[0].changes[0]
    edit(line, "ph", who="grace", unit="", valid=(1.0, 13.0))
    plant.follow(line, dashboard)
    assert (dashboard.tags["ph"].unit, dashboard.tags["ph"].valid) == ("", (1.0, 13.0))
    assert dashboard.tag_file.changes()[0].who == "grace"
    assert following(line).problems == following(dashboard).problems == ()


def test_an_edit_is_in_force_within_five_seconds_between_running_processes(
    settings: Settings, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url, monitors = postgresql.new_database(), []
    for name, text in (("line", PH), ("dashboard", PRESSURE)):
        (tmp_path / f"{name}.toml").write_text(text)
        own = replace(settings, store=url, collector=name, data_dir=tmp_path / name)
        monitors.append(Monitor(replace(own, tags=tmp_path / f"{name}.toml")))
        monitors[-1].start()
    line, dashboard = monitors
    try:
        within_five_seconds(lambda: "ph" in dashboard.tags)
        edit(dashboard, "ph", valid=(4.0, 10.0))
        within_five_seconds(lambda: line.tags["ph"].valid == (4.0, 10.0))
    finally:
        for monitor in monitors:
            monitor.stop()


def test_a_simulator_makes_readings_of_the_tags_of_its_own_file_only(plant: Together) -> None:
    band = PH.replace("valid = [0, 14]", "normal = [6.5, 7.5]")
    line, dashboard = plant.start("line", band, source="simulator"), plant.start("dashboard", PRESSURE)
    plant.follow(line, dashboard)
    assert "pressure" in line.tags
    assert line.source.simulated_tags == {"ph"}
    edit(dashboard, "pressure", label="Pressure of line 2", simulated=True)
    edit(dashboard, "ph", normal=(6.0, 7.0))
    plant.follow(dashboard, line)
    assert line.tags["pressure"].label == "Pressure of line 2"
    simulator = line.source.simulator
    assert simulator is not None
    assert [(tag.name, tag.normal) for tag in simulator.tags] == [("ph", (6.0, 7.0))]


def test_the_union_is_there_again_after_a_restart_without_the_store(plant: Together) -> None:
    line, dashboard = plant.start("line", PH), plant.start("dashboard", PRESSURE)
    plant.follow(line, dashboard)
    edit(line, "ph", valid=(4.0, 10.0))
    plant.follow(line, dashboard)
    dashboard.stop()
    away = plant.start("dashboard", store="postgresql://sensormon@127.0.0.1:9/nothing")
    assert away.tags.names == ("pressure", "ph")
    assert away.tags["ph"].valid == (4.0, 10.0)
    assert away.submit(batch_of(("ph", 3.0), at=plant.clock.now())).processed.rejected


def test_what_was_edited_by_hand_while_stopped_wins_and_is_published(plant: Together) -> None:
    line, dashboard = plant.start("line", PH + PUMP), plant.start("dashboard", PRESSURE)
    plant.follow(line, dashboard)
    line.stop()
    edit(dashboard, "ph", label="from the dashboard")
    edit(dashboard, "pump", label="Feed pump")
    plant.follow(dashboard)
    by_hand(line, "valid = [0, 14]", "valid = [2, 12]")
    line = plant.start("line")
    plant.follow(line, dashboard)
    for monitor in (line, dashboard):
        assert (monitor.tags["ph"].label, monitor.tags["ph"].valid) == ("pH", (2.0, 12.0))
        assert monitor.tags["pump"].label == "Feed pump"  # not edited by hand
    assert in_file(line)["pump"].label == "Feed pump"
    assert dashboard.tag_file.changes()[0].who == "line.toml of line"


def test_an_edit_by_hand_waits_until_it_is_applied_and_is_not_written_over(plant: Together) -> None:
    line, dashboard = plant.start("line", PH + PUMP), plant.start("dashboard", PRESSURE)
    plant.follow(line, dashboard)
    by_hand(line, "valid = [0, 14]", "valid = [2, 12]")
    edit(dashboard, "ph", label="from the dashboard")
    edit(dashboard, "pump", label="Feed pump")
    plant.follow(dashboard, line)
    assert line.tags["ph"].label == "from the dashboard"
    assert in_file(line)["ph"].valid == (2.0, 12.0)
    assert in_file(line)["pump"].label == "Feed pump"
    draft = line.tag_file.read()
    assert draft.tags["ph"].valid == (2.0, 12.0)  # as the page offers it
    line.tag_file.apply(draft, "grace")
    plant.follow(line, dashboard)
    assert dashboard.tags["ph"] == replace(line.tags["ph"], profile={})
    assert dashboard.tags["ph"].valid == (2.0, 12.0)
    assert dashboard.tag_file.changes()[0].who == "grace"


def test_the_unit_published_first_wins_and_the_other_process_says_so(
    plant: Together, caplog: pytest.LogCaptureFixture
) -> None:
    line = plant.start("line", PRESSURE)
    plant.follow(line)
    other = plant.start("other", PRESSURE.replace('"bar"', '"psi"').replace("[0, 10]", "[0, 145]") + PUMP)
    plant.follow(other, line)
    for monitor in (line, other):
        assert (monitor.tags["pressure"].unit, monitor.tags["pressure"].valid) == ("bar", (0.0, 10.0))
    (problem,) = following(other).problems
    assert problem.startswith(
        "pressure is in psi in other.toml here, but another process published it in bar"
    )
    assert [record.getMessage() for record in caplog.records].count(problem) == 1
    assert following(line).problems == ()
    assert in_file(other)["pressure"].unit == "psi"  # never written over by another meaning
    plant.follow(line)
    assert line.parts.store.collectors is not None
    plant.clock.advance(3)
    plant.follow(other)
    reports = {account.name: account.report.wrong for account in line.parts.store.collectors.accounts()}
    assert reports == {"line": "", "other": problem}
    other = plant.start("other")
    plant.follow(other, line)
    assert following(other).problems == (problem,)
    assert other.tags["pressure"].unit == "bar"
    by_hand(other, "[tags.pressure]", "[tags.pressure_psi]")
    other = plant.start("other")
    plant.follow(other, line)
    assert following(other).problems == ()
    assert (line.tags["pressure_psi"].unit, line.tags["pressure"].unit) == ("psi", "bar")


def test_two_that_publish_a_tag_at_once_agree_and_the_one_that_lost_says_so(plant: Together) -> None:
    line, other = plant.start("line", PRESSURE), plant.start("other", PRESSURE.replace('"bar"', '"psi"'))
    following(line).step()  # neither has stored what it published
    plant.clock.advance(1)
    following(other).step()
    plant.follow(line, other)
    assert line.tags["pressure"].unit == other.tags["pressure"].unit == "psi"
    assert in_file(line)["pressure"].unit == "bar"
    assert following(line).problems[0].startswith("pressure is in bar in line.toml here")
    assert following(other).problems == ()


def test_a_unit_changed_on_purpose_reaches_the_file(plant: Together) -> None:
    line, dashboard = plant.start("line", PRESSURE), plant.start("dashboard", PUMP)
    plant.follow(line, dashboard)
    edit(dashboard, "pressure", unit="kPa", valid=(0.0, 1000.0), normal=(200.0, 300.0))
    plant.follow(dashboard, line)
    assert in_file(line)["pressure"].unit == "kPa"
    assert following(line).problems == ()


def test_edits_of_two_tags_at_once_are_both_kept_and_of_one_tag_the_later(plant: Together) -> None:
    line, other = plant.start("line", PH + PRESSURE), plant.start("other", PUMP)
    plant.follow(line, other)
    edit(line, "pressure", label="first")
    edit(line, "ph", label="Acidity")
    plant.clock.advance(1)
    edit(other, "pressure", label="second")
    plant.follow(line, other)
    for monitor in (line, other):
        assert [monitor.tags[name].label for name in ("ph", "pressure")] == ["Acidity", "second"]
    assert in_file(line)["pressure"].label == "second"


def test_a_tag_removed_on_a_page_is_gone_everywhere(plant: Together) -> None:
    line, dashboard = plant.start("line", PH + PRESSURE), plant.start("dashboard", PRESSURE + PUMP)
    plant.follow(line, dashboard)
    line.submit(batch_of(("pressure", 2.5), at=plant.clock.now()))
    remove(dashboard, "pressure")
    plant.follow(dashboard, line)
    assert (line.tags.names, dashboard.tags.names) == (("ph", "pump"), ("pump", "ph"))
    assert (in_file(line).names, in_file(dashboard).names) == (("ph",), ("pump",))
    assert "pressure" in line.running_tags.former
    receipt = line.submit(batch_of(("pressure", 2.6), at=plant.clock.now()))
    assert [str(row.reason) for row in receipt.processed.rejected] == ["unknown_tag"]
    line, dashboard = plant.start("line"), plant.start("dashboard")
    plant.follow(line, dashboard)
    assert "pressure" not in line.tags
    line.tag_file.add([Tag("pressure", "Pressure", "bar")], "ada")
    plant.follow(line, dashboard)
    assert dashboard.tags["pressure"].unit == "bar"


def test_a_tag_taken_out_of_one_file_stays_while_another_has_it(plant: Together) -> None:
    line, other = plant.start("line", PH + PRESSURE), plant.start("other", PRESSURE + PUMP)
    plant.follow(line, other)
    line.stop()
    line.settings.tags.write_text(PH)
    line = plant.start("line")
    plant.follow(line, other)
    assert line.tags.names == ("ph", "pressure", "pump")
    assert in_file(other).names == ("pressure", "pump")
    other.stop()
    other.settings.tags.write_text(PUMP)
    other = plant.start("other")
    plant.follow(other, line)
    assert (line.tags.names, other.tags.names) == (("ph", "pump"), ("pump", "ph"))


def test_a_tag_taken_out_of_the_file_stays_if_somebody_changed_it(plant: Together) -> None:
    line, dashboard = plant.start("line", PH + PRESSURE), plant.start("dashboard", PUMP)
    plant.follow(line, dashboard)
    line.stop()
    edit(dashboard, "pressure", label="still wanted")
    plant.follow(dashboard)
    line.settings.tags.write_text(PH)
    line = plant.start("line")
    plant.follow(line, dashboard)
    assert line.tags["pressure"].label == dashboard.tags["pressure"].label == "still wanted"


def test_another_tag_file_removes_nothing(plant: Together, tmp_path: Path) -> None:
    line, dashboard = plant.start("line", PH + PRESSURE), plant.start("dashboard", PUMP)
    plant.follow(line, dashboard)
    line.stop()
    other = tmp_path / "other.toml"
    other.write_text(PH)
    line = Monitor(replace(line.settings, tags=other), plant.clock)
    plant.follow(line, dashboard)
    assert "pressure" in line.tags
    assert "pressure" in dashboard.tags
    line.stop()


def test_a_file_that_cannot_be_written_does_not_keep_an_edit_from_being_in_force(plant: Together) -> None:
    line, dashboard = plant.start("line", PH), plant.start("dashboard", PRESSURE)
    line.settings.tags.chmod(0o444)
    plant.follow(line, dashboard)
    edit(dashboard, "ph", label="Acidity")
    plant.follow(dashboard, line)
    assert line.tags["ph"].label == "Acidity"
    assert "line.toml: it cannot be written" in following(line).problems[0]
    edit(line, "ph", label="Acidity of line 1")
    plant.follow(line, dashboard)
    assert dashboard.tags["ph"].label == line.tags["ph"].label == "Acidity of line 1"
    line = plant.start("line")
    assert line.tags["ph"].label == "Acidity of line 1"
    plant.follow(line, dashboard)
    assert dashboard.tags["ph"].label == line.tags["ph"].label == "Acidity of line 1"
    line.settings.tags.chmod(0o644)
    edit(dashboard, "pressure", label="Pressure 1")
    plant.follow(dashboard, line)
    assert following(line).problems == ()
    assert in_file(line)["ph"].label == "Acidity of line 1"


def test_a_draft_is_refused_once_another_process_has_changed_a_tag(plant: Together) -> None:
    line, dashboard = plant.start("line", PH), plant.start("dashboard", PRESSURE)
    plant.follow(line, dashboard)
    draft = line.tag_file.read()
    edit(dashboard, "pressure", label="Pressure 1")
    plant.follow(dashboard, line)
    with pytest.raises(Exception, match="changed since this page read it"):
        line.tag_file.save(draft, draft.tags, "grace", ["nothing"])


def test_who_changed_a_tag_is_kept_in_the_store(plant: Together) -> None:
    line, dashboard = plant.start("line", PH), plant.start("dashboard", PRESSURE)
    plant.follow(line, dashboard)
    edit(dashboard, "ph", label="Acidity")
    plant.follow(dashboard, line)
    documents = {document.key: document.who for document in line.parts.store.entries.documents("tags")}
    assert documents == {"ph": "ada", "pressure": "dashboard.toml of dashboard"}


def test_profiles_of_tags_that_only_another_process_knows_can_be_applied_anywhere(plant: Together) -> None:
    line, dashboard = plant.start("line", PH), plant.start("dashboard", PRESSURE)
    for monitor in (line, dashboard):
        monitor.drain()  # settings, but no tags: the other one's are unknown here
    now = line.detection.in_force.in_use
    profiles = now.assigned(Assignment(now.default.name, "tag", "ph"))
    applied = line.tuner.apply(profiles, "ada")
    line.drain()
    dashboard.tuner.adopt(applied)
    assert dashboard.detection.in_force == applied
    plant.follow(line, dashboard)
    assert shared(dashboard).problem == ""
    assert dashboard.detection.in_force.in_use.of(dashboard.tags["ph"]).name == profiles.default.name
