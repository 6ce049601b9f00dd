"""A saved view as a report: what its page becomes, over which span, and which are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensormon.boards.board import TileKind
from sensormon.boards.views import views_of
from sensormon.model.clock import DAY, HOUR, MINUTE, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.reports.making import making_of
from sensormon.reports.spans import zone_named
from sensormon.reports.subjects import VIEW, subject_named, titles_of
from sensormon.view.live_now import now_of, worst_first
from tests.support.reported import PH, TEMP, UNTIL, fill, words_of

ANA = "Ana"


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("printed")
    running = Monitor(Settings(data_dir=folder / "data", source="none"), ManualClock(UNTIL))
    fill(running, TEMP, PH)
    yield running
    running.stop()


def saved(m: Monitor, page: str, *query: tuple[str, str], shared: bool = True) -> str:
    """The name, for reports, of a view of this page with these parameters."""
    title = f"View {len(views_of(m).of(ANA))}"
    return VIEW + views_of(m).save(title, page, query, ANA, shared=shared, who=ANA).name


def printed(m: Monitor, name: str) -> str:
    """The words of the report of this view over its own span."""
    subject = subject_named(m, name, ANA)
    assert subject.span is not None
    return words_of(making_of(m).make(subject.order(*subject.span, zone_named("UTC"), ANA)).pdf)


def test_explore_becomes_charts_and_statistics_over_its_range(monitor: Monitor) -> None:
    name = saved(monitor, "explore", ("explore", f"{PH},{TEMP}"), ("past", "6 h"), ("layout", "Overlay"))
    assert subject_named(monitor, name).span == (UNTIL - 6 * HOUR, UNTIL)
    words = printed(monitor, name)
    assert "Tags 2 Readings 720" in words
    assert words.index("Fermenter pH") < words.index("Fermenter temperature"), "in the order of the link"
    assert "Statistics Statistic Fermenter pH Fermenter temperature Readings 360 360" in words
    assert "Time-weighted mean" in words
    pinned = ("from", render(UNTIL - DAY)), ("to", render(UNTIL - HOUR))
    assert subject_named(monitor, saved(monitor, "explore", *pinned)).span == (UNTIL - DAY, UNTIL - HOUR)


def test_live_becomes_values_charts_and_active_events(monitor: Monitor) -> None:
    words = printed(monitor, saved(monitor, "live", ("range", "6 h"), ("only", TEMP)))
    assert "Values" in words
    assert "Active events" in words
    assert "Tags 1 Readings 360" in words
    event = int(monitor.events.between([TEMP], UNTIL - 6 * HOUR, UNTIL)["id"].iloc[0])
    monitor.actions.record((event,), "acknowledge", ANA)
    assert "Events 0" in printed(monitor, saved(monitor, "live", ("range", "6 h"), ("only", TEMP)))


def test_live_without_chosen_charts_has_those_of_the_worst_tags(settings: Settings) -> None:
    clock = ManualClock(UNTIL)
    tags = "".join(
        f'[tags.t{number:02}]\nlabel = "Tag {number}"\nnormal = [10, 20]\n' for number in range(20)
    )
    settings.tags.write_text(tags)
    running = Monitor(settings, clock)
    try:
        fill(running, "t17", hours=3)
        subject = subject_named(running, saved(running, "live", ("range", "3 h")), ANA)
        charts = next(tile for tile in subject.board.tiles if tile.kind is TileKind.CHART)
        states = now_of(running).states()
        assert states["t17"] is min(states.values())
        assert charts.tags == tuple(worst_first(states, running.tags.names)[:12])
        assert charts.tags[0] == "t17"
        assert "Charts are of 12 tags of 20, the worst now." in subject.extra.notes
        few = subject_named(running, saved(running, "live", ("show", "t03,t01")), ANA)
        assert next(tile for tile in few.board.tiles if tile.kind is TileKind.CHART).tags == ("t03", "t01")
    finally:
        running.stop()


def test_anomalies_become_the_filtered_list_with_counts(monitor: Monitor) -> None:
    span = ("within", "between"), ("from", render(UNTIL - DAY)), ("to", render(UNTIL))
    every = monitor.events.between(None, UNTIL - DAY, UNTIL)
    words = printed(monitor, saved(monitor, "anomalies", *span))
    assert f"Events {len(every)}" in words
    assert "Tags 0" not in words
    of_ph = printed(monitor, saved(monitor, "anomalies", *span, ("tags", PH)))
    assert f"Events {int((every['tag'] == PH).sum())}" in of_ph
    confirmed = printed(monitor, saved(monitor, "anomalies", *span, ("label", "True fault")))
    assert "Only events with label True fault." in confirmed
    coded = printed(monitor, saved(monitor, "anomalies", *span, ("label", "true"), ("state", "asleep")))
    assert "Only events with label True fault." in coded
    assert "The view filters by what is not here: asleep." in coded
    assert "No events in this span." in confirmed


def test_tags_that_are_gone_are_named(monitor: Monitor) -> None:
    words = printed(monitor, saved(monitor, "explore", ("explore", f"boiler,{TEMP}"), ("past", "1 h")))
    assert "Tags of the view that are not here: boiler." in words
    assert "Readings 60" in words
    with pytest.raises(UsageError, match=r"no tag of this view is here: .*boiler"):
        subject_named(monitor, saved(monitor, "explore", ("explore", "boiler")))


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("data", "a view of Data cannot be printed: it has no readings"),
        ("tuning", "a view of Tuning cannot be printed: it compares settings"),
        ("boards", "a view of Boards cannot be printed: a board is printed by itself"),
    ],
)
def test_pages_without_readings_are_refused_in_plain_words(monitor: Monitor, page: str, why: str) -> None:
    name = saved(monitor, page, ("section", "Tags"))
    assert name not in titles_of(monitor, ANA)
    with pytest.raises(UsageError, match=why):
        subject_named(monitor, name, ANA)


def test_private_views_are_their_owners_and_titles_lead_to_one(monitor: Monitor) -> None:
    name = saved(monitor, "live", ("range", "1 h"), shared=False)
    assert name in titles_of(monitor, ANA)
    assert name not in titles_of(monitor)
    with pytest.raises(UsageError, match="there is no view"):
        subject_named(monitor, name, "Bo")
    views_of(monitor).save("Night shift", "live", (), ANA, shared=True, who=ANA)
    assert subject_named(monitor, f"{VIEW}night shift").board.title == "Night shift"
    assert subject_named(monitor, f"{VIEW}night shift").span == (UNTIL - 15 * MINUTE, UNTIL)
    views_of(monitor).save("Night shift", "live", (), "Bo", shared=True, who="Bo")
    with pytest.raises(UsageError, match="2 views are called"):
        subject_named(monitor, f"{VIEW}night shift")
