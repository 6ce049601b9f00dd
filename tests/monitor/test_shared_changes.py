"""What people keep for each other, changed by two processes on one PostgreSQL store at the same time.

One contract for boards, saved views, shelved tags, maintenance windows, event frames and report schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sensormon.access.documents import Documents
from sensormon.analysis.frame_rules import FrameRule, Trigger
from sensormon.boards.board import Board, Tile, TileKind
from sensormon.boards.boards import boards_of
from sensormon.boards.views import COLLECTION as VIEWS
from sensormon.boards.views import views_of
from sensormon.events import frame_definitions, maintenance, shelved_tags
from sensormon.events.frame_definitions import FrameDefinition
from sensormon.model.clock import HOUR
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.reports import schedules
from sensormon.reports.schedules import Schedule, Schedules
from tests.support.plant import START
from tests.support.together import Together

TAGS = '[tags.temp]\nlabel = "Temperature"\n[tags.ph]\nlabel = "pH"\n'
BOARD = Board("shift", "Shift", (Tile(TileKind.TEXT, 0, 0, 3, 2, text="call 42"),))
RULE = FrameRule(Trigger("temp", ">", 80.0))
DAILY = Schedule("", "shift", "yesterday", "day", "06:00", "UTC", ("lead",))


@dataclass(frozen=True)
class Kind:
    """How one kind is begun, changed and removed; `base` is the version that the person saw.

    `begin` returns the key and the version.
    """

    collection: str
    begin: Callable[[Monitor, str], tuple[str, int]]
    change: Callable[[Monitor, str, str, int], Any]
    remove: Callable[[Monitor, str, str, int], Any]


def schedules_of(m: Monitor) -> Schedules:
    documents = Documents(m.parts.collector, m.parts.store.entries, m.clock)
    return Schedules(documents, lambda: {"shift"}, lambda: {"lead", "ops", "lab"}, m.clock.now)


def begin_view(m: Monitor, who: str) -> tuple[str, int]:
    view = views_of(m).save("Fermenter", "live", (), who, shared=True, who=who)
    return view.name, view.time


def begin_board(m: Monitor, who: str) -> tuple[str, int]:
    return "shift", boards_of(m).save(BOARD, who).time


def change_board(m: Monitor, name: str, who: str, base: int) -> None:
    boards_of(m).save(replace(BOARD, name=name, title=who), who, base)


def begin_frames(m: Monitor, who: str) -> tuple[str, int]:
    return "Heating", m.frame_definitions.save(FrameDefinition("Heating", RULE), who).time


def change_frames(m: Monitor, name: str, who: str, base: int) -> None:
    rule = FrameRule(Trigger("temp", ">", 80.0 + len(who)))
    m.frame_definitions.save(FrameDefinition(name, rule), who, base)


def begin_window(m: Monitor, who: str) -> tuple[str, int]:
    window = m.maintenance.add(["*"], [], START, START + HOUR, "CIP", who, weekly=True)
    return window.id, window.version


def begin_shelving(m: Monitor, who: str) -> tuple[str, int]:
    m.shelved_tags.shelve(["temp", "ph"], START + HOUR, who, who, {})
    return "temp", m.shelved_tags.versions()["temp"]


def change_shelving(m: Monitor, tag: str, who: str, base: int) -> None:
    seen = {**m.shelved_tags.versions(), tag: base}
    m.shelved_tags.shelve([tag, "ph"], START + 2 * HOUR, who, who, seen)


def begin_schedule(m: Monitor, who: str) -> tuple[str, int]:
    kept = schedules_of(m).save(DAILY, who)
    return kept.id, kept.version


def change_schedule(m: Monitor, name: str, who: str, base: int) -> None:
    changed = replace(DAILY, id=name, version=base, contacts=("ops" if who == "Ana" else "lab",))
    schedules_of(m).save(changed, who)


KINDS = {
    "board": Kind(
        "boards",
        begin_board,
        change_board,
        lambda m, name, who, base: boards_of(m).remove(name, who, base),
    ),
    "view": Kind(
        VIEWS,
        begin_view,
        lambda m, name, who, base: views_of(m).change(name, who, who=who, title=who, base=base),
        lambda m, name, who, base: views_of(m).remove(name, who, who, base),
    ),
    "event frames": Kind(
        frame_definitions.COLLECTION,
        begin_frames,
        change_frames,
        lambda m, name, who, base: m.frame_definitions.remove(name, who, base),
    ),
    "maintenance window": Kind(
        maintenance.COLLECTION,
        begin_window,
        lambda m, name, who, base: m.maintenance.end(name, who, base),
        lambda m, name, who, base: m.maintenance.remove(name, who, base),
    ),
    "shelved tag": Kind(
        shelved_tags.COLLECTION,
        begin_shelving,
        change_shelving,
        lambda m, tag, who, base: m.shelved_tags.unshelve([tag], who, {tag: base}),
    ),
    "report schedule": Kind(
        schedules.COLLECTION,
        begin_schedule,
        change_schedule,
        lambda m, name, who, base: schedules_of(m).remove(name, who, base),
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def both(plant: Together) -> tuple[Monitor, Monitor]:
    return plant.start("a", TAGS), plant.start("b", TAGS)


def newest(m: Monitor, kind: Kind, key: str) -> Any:
    documents = Documents(m.parts.collector, m.parts.store.entries, m.clock)
    return documents.of(kind.collection)[key]


def test_second_of_two_processes_is_refused_and_told_who_was_first(
    both: tuple[Monitor, Monitor], plant: Together, kind: Kind
) -> None:
    ana, bo = both
    key, base = kind.begin(ana, "Ana")
    plant.follow(ana, bo)
    kind.change(bo, key, "Bo", base)  # its journal is not loaded yet
    meanwhile = newest(bo, kind, key)
    with pytest.raises(
        UsageError, match=r"someone else changed this meanwhile: Bo saved it at 20"
    ) as refused:
        kind.change(ana, key, "Ana", base)
    assert refused.value.where
    assert refused.value.hint
    with pytest.raises(UsageError, match="someone else changed this meanwhile: Bo saved it"):
        kind.remove(ana, key, "Ana", base)
    plant.follow(ana, bo)
    assert newest(ana, kind, key) == newest(bo, kind, key) == meanwhile, "the journals load the same again"


def test_one_that_was_removed_meanwhile_does_not_come_back(
    both: tuple[Monitor, Monitor], plant: Together, kind: Kind
) -> None:
    ana, bo = both
    key, base = kind.begin(ana, "Ana")
    plant.follow(ana, bo)
    kind.remove(bo, key, "Bo", base)
    with pytest.raises(UsageError) as refused:
        kind.change(ana, key, "Ana", base)
    assert "someone else changed this meanwhile: Bo removed it" in str(refused.value)
    assert newest(ana, kind, key).removed


def test_of_two_at_the_same_moment_one_is_kept(
    both: tuple[Monitor, Monitor], plant: Together, kind: Kind
) -> None:
    key, base = kind.begin(both[0], "Ana")
    plant.follow(*both)

    def change(m: Monitor, who: str) -> str:
        try:
            kind.change(m, key, who, base)
        except UsageError as error:
            return error.what
        return who

    with ThreadPoolExecutor(2) as pool:
        answers: Sequence[str] = list(pool.map(change, both, ("Ana", "Bo")))
    kept = newest(both[0], kind, key)
    assert sorted(answer in ("Ana", "Bo") for answer in answers) == [False, True]
    assert kept.who in answers
    assert any(f"someone else changed this meanwhile: {kept.who} saved it" in answer for answer in answers)


def test_name_that_another_process_has_just_given_is_taken(both: tuple[Monitor, Monitor]) -> None:
    ana, bo = both
    boards_of(ana).save(BOARD, "Ana")
    with pytest.raises(UsageError, match="this name is taken"):
        boards_of(bo).save(replace(BOARD, title="Bo's"), "Bo")
    begin_frames(ana, "Ana")
    with pytest.raises(UsageError, match="there is a definition 'Heating' already"):
        begin_frames(bo, "Bo")


def test_two_tags_of_one_shelving_are_kept_both_or_neither(
    both: tuple[Monitor, Monitor], plant: Together
) -> None:
    ana, bo = both
    bo.shelved_tags.shelve(["ph"], START + HOUR, "probe", "Bo", {})
    with pytest.raises(UsageError, match="meanwhile: Bo saved it"):
        ana.shelved_tags.shelve(["temp", "ph"], START + HOUR, "CIP", "Ana", {})
    plant.follow(ana, bo)
    assert [shelving.tag for shelving in ana.shelved_tags.now()] == ["ph"]
