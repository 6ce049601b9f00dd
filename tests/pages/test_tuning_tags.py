"""The section Tags of Tuning: every tag by its load, filters, and where its actions lead."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from sensormon.events.reader import EventReader
from sensormon.model.clock import MINUTE, SECOND, ManualClock
from sensormon.model.errors import StoreUnavailable
from sensormon.model.profiles import Assignment, Choice, Profile
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.pages import show, text
from tests.support.plant import START, Adopt, batch_of

TAGS = {"part": "Tags"}


def table(app: AppTest) -> list[str]:
    """The names of the tags shown, from the top."""
    names: list[str] = app.dataframe[0].value["Tag"].tolist()
    return names


def test_every_tag_is_shown_with_its_events(full: Monitor) -> None:
    app = show("tuning", **TAGS)
    rows = app.dataframe[0].value
    events = full.events.between(None, START - 86_400 * SECOND, START + 1)
    assert sorted(rows["Tag"]) == sorted(full.tags.title(name) for name in full.tags.names)
    counts = {full.tags.title(name): int((events["tag"] == name).sum()) for name in full.tags.names}
    assert dict(zip(rows["Tag"], rows["Events"], strict=True)) == counts
    assert rows["Per day"].is_monotonic_decreasing
    assert f"{len(events)} events" in text(app)


@pytest.mark.usefixtures("full")
def test_search_and_filters_narrow_the_table_and_stand_in_the_address() -> None:
    assert table(show("tuning", **TAGS, find="TEMP")) == ["Fermenter temperature"]
    assert table(show("tuning", **TAGS, find="agitator_")) == ["Agitator speed"], "by its name too"
    assert len(table(show("tuning", **TAGS, in_group="Fermenter"))) == 3
    app = show("tuning", **TAGS, find="no such tag")
    assert not app.dataframe
    assert "No tag matches" in text(app)
    for nonsense in ("[", "\\", "(?", "\x00", "9" * 400):
        assert not show("tuning", **TAGS, find=nonsense, in_group=nonsense, under=nonsense).exception


def test_profile_filter_shows_the_tags_that_have_it(full: Monitor) -> None:
    strict = Profile("strict", (Choice("zscore"),), target=1.0)
    profiles = full.detection.in_force.in_use.with_profile(strict)
    full.tuner.apply(profiles.assigned(Assignment("strict", "tag", "fermenter_ph")), "day shift")
    app = show("tuning", **TAGS, under="strict")
    assert table(app) == ["Fermenter pH"]
    rows = app.dataframe[0].value
    assert rows["Target"].tolist() == [1.0]
    assert rows["Of target"].iloc[0] == pytest.approx(rows["Per day"].iloc[0], abs=0.1)
    assert "1 above target" in text(app)


def test_figures_stay_until_they_are_asked_for_again(full: Monitor) -> None:
    app = show("tuning", **TAGS)
    before = app.dataframe[0].value
    values = [("fermenter_ph", 7.0 + 1.5 * (i % 60 == 59)) for i in range(400)]
    full.clock.advance(400)
    full.submit(batch_of(*values, at=START + SECOND))
    full.drain()
    app.run()
    assert app.dataframe[0].value.equals(before), "nothing jumps"
    app.button(key="tags-again").click().run()
    assert app.dataframe[0].value["Events"].sum() > before["Events"].sum()


def test_too_many_flags_shorten_the_span_and_say_so(full: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    real = EventReader.between

    def cut(reader: EventReader, *span: object) -> object:
        events = real(reader, *span).head(5)
        events.attrs["complete"] = False
        return events

    monkeypatch.setattr(EventReader, "between", cut)
    app = show("tuning", **TAGS)
    assert "Too many flagged readings to group them all" in text(app)
    assert app.dataframe[0].value["Events"].sum() == 5
    assert full.stored.count(None, 0, START) > 0


def test_unreadable_store_is_reported_and_nothing_else_breaks(
    full: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise StoreUnavailable("the database is locked")

    monkeypatch.setattr(type(full.stored), "summary", down)
    app = show("tuning", **TAGS)
    assert "The database is locked" in text(app)


def test_tags_without_readings_are_listed_as_such(settings: Settings, adopt: Adopt) -> None:
    adopt(Monitor(settings, ManualClock(START)))
    app = show("tuning", **TAGS)
    assert set(app.dataframe[0].value["State"]) == {"no readings"}
    assert "3 tags · 0 events" in text(app)


def test_tags_of_states_alone_leave_nothing_to_tune(settings: Settings, adopt: Adopt) -> None:
    settings.tags.write_text('[tags.valve]\nstates = ["closed", "open"]\n')
    adopt(Monitor(settings, ManualClock(START)))
    assert "Nothing to tune" in text(show("tuning", **TAGS))


def test_five_thousand_tags_are_one_question_to_the_store(
    settings: Settings, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.tags.write_text("".join(f'[tags.t{i}]\nlabel = "Sensor {i}"\n' for i in range(5_000)))
    monitor = adopt(Monitor(settings, ManualClock(START)))
    random = np.random.default_rng(1)
    monitor.submit(
        batch_of(
            *[(f"t{i}", float(value)) for i, value in enumerate(random.normal(size=5_000))],
            at=START - MINUTE,
            seconds=0.001,
        )
    )
    monitor.drain()
    asked: list[str] = []
    kind = type(monitor.stored)
    for name in ("summary", "frame", "flags", "anomalies", "activity", "lead"):
        real = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda *a, _r=real, _n=name, **k: asked.append(_n) or _r(*a, **k))
    app = show("tuning", **TAGS)
    assert len(app.dataframe[0].value) == 5_000
    assert sorted(asked) == ["flags", "summary"]
