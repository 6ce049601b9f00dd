"""Saved views: whose they are, who sees them, and the home page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.boards.views import LONGEST_QUERY, MOST_VIEWS, Views, owner_of, views_of
from sensormon.model.clock import ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor

QUERY = (("tags", "fermenter_ph"), ("tags", "fermenter_temp"), ("range", "1 h"))


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    yield running
    running.stop()


@pytest.fixture
def views(monitor: Monitor) -> Views:
    return views_of(monitor)


def titles(views: Views, owner: str) -> list[str]:
    return [view.title for view in views.of(owner)]


def test_view_and_home_outlive_a_restart(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    view = views_of(first).save("Fermenter", "explore", QUERY, "Ana", shared=False, who="Ana")
    views_of(first).set_home(view.name, "Ana", "Ana")
    first.stop()
    again = Monitor(settings, clock)
    assert views_of(again).home("Ana") == view
    assert view.query == QUERY
    again.stop()


def test_private_view_is_its_owners_and_a_shared_one_everybodys(views: Views) -> None:
    mine = views.save("Mine", "explore", QUERY, "Ana", shared=False, who="Ana")
    ours = views.save("Ours", "live", (), "Ana", shared=True, who="Ana")
    assert titles(views, "Ana") == ["Mine", "Ours"]
    assert titles(views, "Bo") == ["Ours"]
    for change in (
        lambda: views.remove(mine.name, "Bo", "Bo"),
        lambda: views.change(mine.name, "Bo", who="Bo", title="Stolen"),
        lambda: views.set_home(mine.name, "Bo", "Bo"),
    ):
        with pytest.raises(UsageError, match="there is no such view"):
            change()
    views.set_home(ours.name, "Bo", "Bo")
    views.change(ours.name, "Ana", who="Ana", shared=False)
    assert views.home("Bo") is None, "what is no longer shared is nobody else's home"


def test_view_of_the_same_title_is_replaced_only_if_asked(views: Views) -> None:
    first = views.save("Fermenter", "explore", QUERY, "Ana", shared=False, who="Ana")
    with pytest.raises(UsageError, match="there is a view 'Fermenter' already"):
        views.save("Fermenter", "live", (), "Ana", shared=False, who="Ana")
    again = views.save("Fermenter", "live", (), "Ana", shared=False, who="Ana", replaces=True)
    assert again.name == first.name
    assert [view.page for view in views.of("Ana")] == ["live"]


def test_removed_view_is_nobodys_home(views: Views) -> None:
    view = views.save("Fermenter", "explore", QUERY, "Ana", shared=False, who="Ana")
    views.set_home(view.name, "Ana", "Ana")
    views.remove(view.name, "Ana", "Ana")
    assert views.home("Ana") is None
    assert titles(views, "Ana") == []


def test_owner_of_a_lost_home_is_told_why(views: Views) -> None:
    view = views.save("Fermenter", "explore", QUERY, "Ana", shared=True, who="Ana")
    other = views.save("Fermenter", "live", (), "Bo", shared=False, who="Bo")
    views.set_home(view.name, "Bo", "Bo")
    views.set_home(view.name, "Cleo", "Cleo")
    views.change(view.name, "Ana", who="Ana", title="Fermenter 2")
    renamed = views.home("Bo")
    assert renamed is not None
    assert renamed.title == "Fermenter 2", "a home follows its view, not the title"
    assert views.lost_home("Bo") == ""
    views.change(view.name, "Ana", who="Ana", shared=False)
    assert views.lost_home("Bo") == "your home page was the view 'Fermenter 2', and Ana no longer shares it"
    views.remove(view.name, "Ana", "Ana")
    assert views.lost_home("Cleo") == "your home page was the view 'Fermenter 2', and Ana removed it"
    views.set_home(other.name, "Bo", "Bo")
    assert views.lost_home("Bo") == ""
    assert views.lost_home("Ana") == "", "who never had a home has lost none"


def test_home_can_be_the_live_page_again(views: Views) -> None:
    view = views.save("Fermenter", "explore", QUERY, "Ana", shared=False, who="Ana")
    views.set_home(view.name, "Ana", "Ana")
    views.set_home("", "Ana", "Ana")
    assert views.home("Ana") is None


@pytest.mark.parametrize(
    ("title", "page", "query", "words"),
    [
        (" ", "live", (), "a title is needed"),
        ("t" * 81, "live", (), "81 characters"),
        ("v", "../secrets", (), "is not a page"),
        ("v", "live", (("a", "x" * LONGEST_QUERY),), "too long"),
        ("v", "live", (("a", "\n"),), "cannot be kept"),
        ("v", "live", (("a b", "c"),), "cannot be kept"),
        ("v", "live", (("a", "b"),) * 101, "101 parameters"),
    ],
)
def test_view_that_cannot_be_kept_is_refused(
    views: Views, title: str, page: str, query: tuple[tuple[str, str], ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        views.save(title, page, query, "Ana", shared=False, who="Ana")


def test_number_of_views_of_a_person_is_bounded(views: Views) -> None:
    for number in range(MOST_VIEWS):
        views.save(f"View {number}", "live", (), "Ana", shared=False, who="Ana")
    with pytest.raises(UsageError, match="100 views are the most"):
        views.save("One more", "live", (), "Ana", shared=False, who="Ana")
    views.save("Another's", "live", (), "Bo", shared=False, who="Bo")


def test_visitors_without_a_name_have_no_views_of_their_own() -> None:
    assert owner_of(Person("Ana", Role.VIEWER, Way.ACCOUNT)) == "Ana"
    assert owner_of(Person("", Role.ADMINISTRATOR, Way.MACHINE, typed="Bo")) == "this machine (unverified)"
    with pytest.raises(UsageError, match="Sign in first"):
        owner_of(Person("", Role.VIEWER, Way.VISITOR))
