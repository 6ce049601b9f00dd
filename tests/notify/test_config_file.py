"""notify.toml: read when it changes, saved by a page, the same in all processes of a store."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sensormon.access.documents import FRESH, Documents
from sensormon.model.clock import ManualClock
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config_file import NotifyFile, notify_file

CONTACT = "[contacts.a]\nways = ['https://a.example']\n"
RULE = CONTACT + "[rules.r]\nto = ['a']\n"


def alone(folder: Path) -> NotifyFile:
    return notify_file(folder / "notify.toml", folder, None)


class Processes:
    """Two processes on one store: each has a file and a folder of its own."""

    def __init__(self, monitor: Monitor, clock: ManualClock, folder: Path) -> None:
        self.clock = clock
        self.files = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            documents = Documents(monitor.parts.collector, monitor.parts.store.entries, clock)
            self.files.append(notify_file(folder / name / "notify.toml", folder / name, documents))
        self.first, self.second = self.files

    def later(self) -> None:
        self.clock.advance(FRESH)


@pytest.fixture
def processes(monitor: Monitor, clock: ManualClock, tmp_path: Path) -> Processes:
    return Processes(monitor, clock, tmp_path)


def test_without_a_file_nobody_is_told(tmp_path: Path) -> None:
    file = alone(tmp_path)
    assert not file.current().rules
    assert not file.problem
    assert not (tmp_path / "notify.toml").exists()


def test_an_edit_by_hand_is_in_force_at_the_next_look(tmp_path: Path) -> None:
    file = alone(tmp_path)
    file.current()
    (tmp_path / "notify.toml").write_text(RULE)
    assert [*file.current().rules] == ["r"]


def test_a_file_that_is_wrong_changes_nothing_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "notify.toml").write_text(RULE)
    file = alone(tmp_path)
    file.current()
    (tmp_path / "notify.toml").write_text("[rules.r]\nto = ['nobody']\n")
    assert file.current().rules["r"].to == ("a",)
    assert "there is no contact 'nobody'" in file.problem
    for _ in range(2):
        with pytest.raises(UsageError, match="there is no contact 'nobody'"):
            file.read()
    (tmp_path / "notify.toml").write_text(CONTACT)
    assert not file.current().rules
    assert not file.problem


def test_a_page_does_not_save_over_a_file_that_is_wrong(tmp_path: Path) -> None:
    file = alone(tmp_path)
    draft = file.read()
    (tmp_path / "notify.toml").write_text("[rules.r]\nto = ['nobody']\n")
    file.current()
    with pytest.raises(UsageError, match="there is no contact 'nobody'"):
        file.save(draft, RULE, "Ana")
    assert (tmp_path / "notify.toml").read_text() == "[rules.r]\nto = ['nobody']\n"


def test_what_a_page_saves_is_in_the_file_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = alone(tmp_path)
    file.save(file.read(), RULE, "Ana")
    assert (tmp_path / "notify.toml").read_text() == RULE
    assert stat.S_IMODE((tmp_path / "notify.toml").stat().st_mode) == 0o600
    assert [*alone(tmp_path).current().rules] == ["r"]


def test_a_file_that_is_gone_stays_in_force_and_is_said_to_be_gone_until_it_is_back(tmp_path: Path) -> None:
    file = alone(tmp_path)
    (tmp_path / "notify.toml").write_text(RULE)
    assert [*file.current().rules] == ["r"]
    (tmp_path / "notify.toml").unlink()
    assert [*file.current().rules] == ["r"]
    assert "is gone" in file.problem
    (tmp_path / "notify.toml").write_text(RULE)
    assert ([*file.current().rules], file.problem) == (["r"], "")
    (tmp_path / "notify.toml").write_text("")
    assert ([*file.current().rules], file.problem) == ([], "")


def test_an_edit_over_somebody_elses_is_refused(tmp_path: Path) -> None:
    file = alone(tmp_path)
    draft = file.read()
    (tmp_path / "notify.toml").write_text(CONTACT)
    with pytest.raises(UsageError, match="somebody has changed"):
        file.save(draft, RULE, "Ana")
    assert (tmp_path / "notify.toml").read_text() == CONTACT


def test_what_is_wrong_is_not_saved(tmp_path: Path) -> None:
    file = alone(tmp_path)
    with pytest.raises(UsageError, match="there is no contact"):
        file.save(file.read(), "[rules.r]\nto = ['x']\n", "Ana")
    assert not (tmp_path / "notify.toml").exists()


def test_a_file_beyond_the_bounds_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    (tmp_path / "notify.toml").write_bytes(b"#" * (2 << 20))
    file = alone(tmp_path)
    file.current()
    assert "more than" in file.problem


def test_what_one_process_saves_reaches_the_others(processes: Processes) -> None:
    processes.first.save(processes.first.read(), RULE, "Ana")
    processes.later()
    assert [*processes.second.current().rules] == ["r"]
    assert processes.second.path.read_text() == RULE
    processes.second.save(processes.second.read(), CONTACT, "Bo")
    processes.later()
    assert not processes.first.current().rules
    assert processes.first.path.read_text() == CONTACT


def test_an_edit_by_hand_reaches_the_others(processes: Processes) -> None:
    processes.first.save(processes.first.read(), CONTACT, "Ana")
    processes.later()
    processes.second.current()
    processes.second.path.write_text(RULE)
    processes.second.current()
    processes.later()
    assert [*processes.first.current().rules] == ["r"]


def test_a_process_that_was_away_takes_the_later_text(
    processes: Processes, monitor: Monitor, tmp_path: Path
) -> None:
    processes.first.save(processes.first.read(), CONTACT, "Ana")
    processes.later()
    processes.second.current()
    processes.first.save(processes.first.read(), RULE, "Ana")
    processes.later()
    documents = Documents(monitor.parts.collector, monitor.parts.store.entries, processes.clock)
    again = notify_file(processes.second.path, tmp_path / "second", documents)
    assert [*again.current().rules] == ["r"]
    assert again.path.read_text() == RULE


def test_a_file_that_cannot_be_written_does_not_keep_the_others_text_out(processes: Processes) -> None:
    processes.second.path = processes.second.path.parent / "nowhere" / "notify.toml"
    processes.first.save(processes.first.read(), RULE, "Ana")
    processes.later()
    assert [*processes.second.current().rules] == ["r"]
    assert "cannot be written" in processes.second.problem
