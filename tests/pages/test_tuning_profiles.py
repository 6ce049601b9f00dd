"""The section Profiles of Tuning: a draft of changes, what it says, and putting it in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.roles import Role
from sensormon.model.clock import ManualClock
from sensormon.model.entries import AuditRecord
from sensormon.model.profiles import Assignment, Choice, Condition, Profile
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.entries import AuditQuery
from tests.support.pages import show, text
from tests.support.people import visit_of, with_accounts
from tests.support.plant import START, Adopt
from tests.support.states import with_states

PROFILES = {"part": "Profiles"}


@pytest.fixture
def monitor(settings: Settings, adopt: Adopt) -> Monitor:
    return adopt(Monitor(settings, ManualClock(START)))


def said(app: AppTest) -> str:
    """The text on the page without Markdown's escapes."""
    return text(app).replace("\\", "")


def ending(widgets: object, end: str) -> object:
    """The widget whose key ends so; the beginning counts the rounds of fields."""
    (match,) = [widget for widget in widgets if widget.key and widget.key.endswith(f"-{end}")]
    return match


def number(app: AppTest, end: str) -> object:
    return ending(app.number_input, end)


def choose(app: AppTest, end: str) -> object:
    return ending(app.selectbox, end)


def names(app: AppTest) -> list[str]:
    """The profiles in the overview."""
    rows: list[str] = app.dataframe[0].value["Profile"].tolist()
    return rows


def copy(app: AppTest, name: str) -> None:
    app.text_input(key="profile-copy-name").set_value(name)
    app.button(key="profile-copy-do").click().run()
    assert not app.exception


def apply(app: AppTest, who: str = "Ann", reason: str = "Less noise") -> None:
    app.text_input(key="profiles-who").set_value(who)
    app.text_input(key="profiles-reason").set_value(reason)
    app.button(key="profiles-apply").click().run()
    assert not app.exception


def last_audit(monitor: Monitor) -> AuditRecord:
    monitor.drain()
    record: AuditRecord = monitor.access.audit.read(AuditQuery(0, START + 10**13))[0]
    return record


def test_profile_is_copied_changed_assigned_and_applied(monitor: Monitor) -> None:
    app = show("tuning", **PROFILES)
    assert names(app) == ["default"]
    assert "What will change" not in said(app)
    copy(app, "calm")
    assert names(app) == ["default", "calm"]
    assert app.selectbox(key="edit").value == "calm"
    number(app, "calm-on-delay").set_value(5.0).run()
    number(app, "calm-zscore-threshold").set_value(4.0).run()
    choose(app, "group").set_value("Fermenter").run()
    ending(app.button, "assign-add").click().run()
    words = said(app)
    assert "calm is new" in words
    assert "threshold 4" in words
    assert "group Fermenter: not assigned → calm" in words
    assert "3 tags, default → calm" in words
    assert app.dataframe[0].value["Tags"].tolist() == [0, 3]
    assert monitor.detection.in_force.id == 1, "nothing is in force before it is applied"
    apply(app)
    version = monitor.detection.in_force
    calm = version.in_use.by_name["calm"]
    assert (version.id, version.who, version.reason) == (2, "Ann (unverified)", "Less noise")
    assert (calm.on_delay, calm.detectors[0].params["threshold"]) == (5.0, 4.0)
    assert version.in_use.assignments == (Assignment("calm", "group", "Fermenter"),)
    assert "What will change" not in said(app)
    record = last_audit(monitor)
    assert (record.who, record.act) == ("Ann (unverified)", "apply settings")
    assert "calm" in record.after
    assert "calm" not in record.before


def test_a_condition_on_a_tag_of_states_names_a_state(
    settings: Settings, tmp_path: Path, adopt: Adopt
) -> None:
    monitor = adopt(Monitor(with_states(settings, tmp_path), ManualClock(START)))
    app = show("tuning", **PROFILES)
    copy(app, "open")
    choose(app, "open-watched").set_value("valve").run()
    assert choose(app, "open-is").options == ["=", "!="]
    choose(app, "open-word").set_value("open").run()
    apply(app)
    condition = monitor.detection.in_force.in_use.by_name["open"].condition
    assert condition == Condition("valve", "=", 1.0, word="open")
    again = show("tuning", **PROFILES, edit="open")
    assert "only while valve = open" in again.dataframe[0].value["Judges"].tolist()
    assert choose(again, "open-word").value == "open"


def test_every_part_of_a_profile_can_be_set(monitor: Monitor) -> None:
    app = show("tuning", **PROFILES)
    copy(app, "full")
    ending(app.multiselect, "full-detectors").set_value(["limits", "cusum"]).run()
    number(app, "full-limits-high").set_value(8.0).run()
    number(app, "full-limits-high_high").set_value(9.0).run()
    number(app, "full-off-delay").set_value(60.0).run()
    choose(app, "full-severity").set_value("high").run()
    number(app, "full-target").set_value(2.0).run()
    choose(app, "full-watched").set_value("agitator_rpm").run()
    choose(app, "full-comparison").set_value(">=").run()
    number(app, "full-value").set_value(50.0).run()
    number(app, "full-settle").set_value(30.0).run()
    apply(app)
    profile = monitor.detection.in_force.in_use.by_name["full"]
    assert [choice.detector for choice in profile.detectors] == ["limits", "cusum"]
    limits = profile.detectors[0].params
    assert (limits["high"], limits["high_high"], limits["low"]) == (8.0, 9.0, -1e9)
    assert (profile.off_delay, profile.severity, profile.target) == (60.0, "high", 2.0)
    assert profile.condition == Condition("agitator_rpm", ">=", 50.0, 30.0)
    again = show("tuning", **PROFILES, edit="full")
    assert number(again, "full-limits-high").value == 8.0
    assert number(again, "full-limits-low").value is None, "each tag's own"
    assert choose(again, "full-watched").value == "agitator_rpm"
    assert "What will change" not in said(again)


def test_fields_of_one_profile_never_write_into_another(monitor: Monitor) -> None:
    app = show("tuning", **PROFILES)
    copy(app, "calm")
    number(app, "calm-on-delay").set_value(5.0).run()
    app.selectbox(key="edit").set_value("default").run()
    assert number(app, "default-on-delay").value == 0.0
    number(app, "default-off-delay").set_value(20.0).run()
    app.selectbox(key="edit").set_value("calm").run()
    assert number(app, "calm-on-delay").value == 5.0
    assert number(app, "calm-off-delay").value == 10.0
    apply(app)
    profiles = monitor.detection.in_force.in_use
    assert (profiles.default.on_delay, profiles.default.off_delay) == (0.0, 20.0)
    assert (profiles.by_name["calm"].on_delay, profiles.by_name["calm"].off_delay) == (5.0, 10.0)


def test_renamed_and_removed_profiles_take_their_assignments_along(monitor: Monitor) -> None:
    calm = Profile("calm", (Choice("zscore"),), on_delay=5.0)
    profiles = monitor.detection.in_force.in_use.with_profile(calm)
    monitor.tuner.apply(profiles.assigned(Assignment("calm", "tag", "fermenter_ph")), "Ann")
    app = show("tuning", **PROFILES, edit="calm")
    app.text_input(key="profile-rename-name").set_value("quiet")
    app.button(key="profile-rename-do").click().run()
    assert names(app) == ["default", "quiet"]
    assert "calm is renamed quiet" in said(app)
    apply(app)
    ph = monitor.tags["fermenter_ph"]
    assert monitor.detection.in_force.in_use.of(ph).name == "quiet"
    app.selectbox(key="edit").set_value("quiet").run()
    app.button(key="profile-remove").click().run()
    assert names(app) == ["default"]
    assert "quiet is removed" in said(app)
    apply(app)
    assert monitor.detection.in_force.in_use.of(ph).name == "default"
    assert "profile-remove" not in {button.key for button in app.button}, "the default one stays"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda app: ending(app.multiselect, "default-detectors").set_value([]).run(),
            "has no detector",
        ),
        (lambda app: copy(app, "default"), "two profiles have the same name"),
        (lambda app: copy(app, ""), "cannot be a profile's name"),
        (lambda app: copy(app, "a\u202eb"), "cannot be a profile's name"),
    ],
)
def test_change_that_cannot_be_is_refused_and_the_draft_kept(
    change: Callable[[AppTest], object], words: str, monitor: Monitor
) -> None:
    app = show("tuning", **PROFILES)
    change(app)
    assert words in said(app)
    assert "What will change" not in said(app)
    assert monitor.detection.in_force.id == 1


@pytest.mark.usefixtures("monitor")
def test_profiles_that_cannot_judge_are_refused_before_they_can_be_applied() -> None:
    app = show("tuning", **PROFILES)
    ending(app.multiselect, "default-detectors").set_value(["limits"]).run()
    number(app, "default-limits-low").set_value(9.0).run()
    number(app, "default-limits-high").set_value(8.0).run()
    assert "limits of profile 'default' are not in order" in said(app)
    assert not [button for button in app.button if button.key == "profiles-apply"]


def test_changes_never_go_over_those_of_somebody_else(monitor: Monitor) -> None:
    app = show("tuning", **PROFILES)
    copy(app, "calm")
    theirs = monitor.detection.in_force.in_use.with_profile(Profile("loud", (Choice("ewma"),)))
    monitor.tuner.apply(theirs, "Ben", "louder")
    app.run()
    assert "Somebody else has applied other settings" in app.warning[0].value
    apply(app)
    assert "Ben has applied version 2 meanwhile" in said(app)
    assert monitor.detection.in_force.in_use == theirs
    app.button(key="profiles-start-over").click().run()
    assert names(app) == ["default", "loud"]


def test_untouched_section_follows_what_others_apply(monitor: Monitor) -> None:
    app = show("tuning", **PROFILES)
    theirs = monitor.detection.in_force.in_use.with_profile(Profile("loud", (Choice("ewma"),)))
    monitor.tuner.apply(theirs, "Ben")
    app.run()
    assert names(app) == ["default", "loud"]
    assert not app.warning


def test_discarded_changes_are_gone(monitor: Monitor) -> None:
    app = show("tuning", **PROFILES)
    number(app, "default-on-delay").set_value(5.0).run()
    assert "on-delay 0 s → 5 s" in said(app)
    app.button(key="profiles-discard").click().run()
    assert number(app, "default-on-delay").value == 0.0
    assert "What will change" not in said(app)
    assert monitor.detection.in_force.id == 1


def test_draft_survives_a_look_at_another_section(monitor: Monitor) -> None:
    app = show("tuning", **PROFILES)
    copy(app, "calm")
    number(app, "calm-on-delay").set_value(5.0).run()
    app.session_state["part"] = "Tags"
    app.run()
    app.session_state["part"] = "Profiles"
    app.run()
    assert names(app) == ["default", "calm"]
    assert "calm is new" in said(app)
    assert number(app, "calm-on-delay").value == 5.0
    assert monitor.detection.in_force.id == 1


@pytest.mark.usefixtures("monitor")
@pytest.mark.parametrize("nonsense", ["", "none", "\x00", "9" * 400])
def test_link_to_a_profile_that_is_gone_opens_the_default_one(nonsense: str) -> None:
    assert show("tuning", **PROFILES, edit=nonsense).selectbox(key="edit").value == "default"


def test_tag_table_names_the_profile_of_each_tag(monitor: Monitor) -> None:
    calm = Profile("calm", (Choice("zscore"),))
    profiles = monitor.detection.in_force.in_use.with_profile(calm)
    monitor.tuner.apply(profiles.assigned(Assignment("calm", "pattern", "*_ph")), "Ann")
    rows = show("data", section="Tags").dataframe[0].value
    assert dict(zip(rows["Name"], rows["Profile"], strict=True)) == {
        "fermenter_temp": "default",
        "fermenter_ph": "calm",
        "agitator_rpm": "default",
    }


def test_viewers_look_at_profiles_and_cannot_change_them(
    settings: Settings, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = adopt(Monitor(replace(settings, access="users"), ManualClock(START)))
    tokens = with_accounts(monitor)
    profiles = monitor.detection.in_force.in_use
    monitor.tuner.apply(profiles.assigned(Assignment("default", "group", "Fermenter")), "Ann")
    for role in (Role.VIEWER, Role.OPERATOR, Role.ENGINEER):
        monkeypatch.setattr("sensormon.ui.who.visit", lambda _role=role: visit_of(tokens[_role]))
        app = show("tuning", **PROFILES)
        assert names(app) == ["default"]
        may = role is Role.ENGINEER
        assert bool([widget for widget in app.number_input if "on-delay" in widget.key]) == may
        assert (":material/lock:" in text(app)) != may
        assign = show("tuning", **{"part": "Tags"}).button(key="tags-assign")
        assert assign.disabled
        assert ("Select tags" in assign.help) == may
