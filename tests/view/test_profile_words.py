"""Profiles and changes of them as sentences."""

from __future__ import annotations

from dataclasses import replace

from sensormon.model.profiles import Assignment, Choice, Condition, Profile, single
from sensormon.model.tags import Tag
from sensormon.view.profiles import changes, moves, profile_words, record_words, stated, tag_counts

PLAIN = single("zscore", {"window": 50, "threshold": 3.0})
CALM = Profile("calm", (Choice("cusum", {"h": 6.0}), Choice("stuck")), on_delay=5.0, target=2.0)
TAGS = [Tag(f"t{i}", f"Sensor {i}", group="Mill" if i < 7 else "") for i in range(9)]


def test_profile_says_all_that_is_set() -> None:
    profile = replace(CALM, severity="high", condition=Condition("rpm", ">", 50.0, 30.0), off_delay=7200.0)
    assert profile_words(profile) == (
        "CUSUM, h 6; Stuck sensor; on-delay 5 s, off-delay 2 h; "
        "only while rpm > 50, 30 s after it became so; severity high; target 2 a day"
    )


def test_nothing_changed_is_no_sentence() -> None:
    with_default = replace(PLAIN, profiles=(Profile("default", (Choice("zscore"),)),))
    assert changes(PLAIN, PLAIN) == []
    assert changes(PLAIN, with_default) == [], "a default that is stated is no change"
    assert stated(with_default.default) == stated(PLAIN.default)
    assert moves(PLAIN, with_default, TAGS) == []


def test_new_removed_and_renamed_profiles_are_told_apart() -> None:
    both = PLAIN.with_profile(CALM)
    assert changes(PLAIN, both) == [f"calm is new: {profile_words(CALM)}"]
    assert changes(both, PLAIN) == ["calm is removed"]
    assert changes(both, both.renamed("calm", "quiet")) == ["calm is renamed quiet"]
    other = PLAIN.with_profile(replace(CALM, name="quiet", on_delay=6.0))
    assert len(changes(both, other)) == 2, "another name and another delay: a new one"


def test_each_changed_part_of_a_profile_is_a_sentence() -> None:
    before = PLAIN.with_profile(CALM)
    after = replace(
        CALM,
        detectors=(Choice("cusum", {"h": 7.0}), Choice("limits", {"high": 8.0})),
        on_delay=0.0,
        off_delay=60.0,
        severity="low",
        target=0.0,
        condition=Condition("rpm", ">", 50.0),
    )
    assert changes(before, before.with_profile(after)) == [
        "calm: Stuck sensor is removed",
        "calm: CUSUM, h 6 → 7",
        "calm: Limits, low each tag's own, high 8, low low each tag's own, high high each tag's own, "
        "deadband 1, delay 0 is added",
        "calm: on-delay 5 s → 0 s",
        "calm: off-delay 10 s → 60 s",
        "calm: severity by the peak → low",
        "calm: judges always → only while rpm > 50",
        "calm: target 2 a day → none",
    ]
    swapped = before.with_profile(replace(CALM, detectors=CALM.detectors[::-1]))
    assert changes(before, swapped) == ["calm: order of detectors: CUSUM, Stuck sensor → Stuck sensor, CUSUM"]


def test_settings_of_a_version_with_other_detectors_are_shown_as_they_are() -> None:
    strange = single("forest", {"trees": 10.0})
    assert changes(strange, single("forest", {"trees": 20.0})) == ["default: Forest, trees 10 → 20"]


def test_assignments_are_sentences_and_tags_are_counted() -> None:
    before = PLAIN.with_profile(CALM)
    after = before.assigned(Assignment("calm", "group", "Mill"), Assignment("calm", "pattern", "t8*"))
    assert changes(before, after) == ["group Mill: not assigned → calm", "tags t8*: not assigned → calm"]
    second = after.assigned(Assignment("default", "pattern", "t*"))
    first, *others = second.assignments
    other_way_round = replace(second, assignments=(first, *others[::-1]))
    assert changes(second, other_way_round) == ["order of patterns: t*, t8*"]
    assert moves(before, after, TAGS) == [
        "8 tags, default → calm: Sensor 0, Sensor 1, Sensor 2, Sensor 3, Sensor 4 and 3 more"
    ]
    assert tag_counts(after, TAGS) == {"default": 1, "calm": 8}
    by_name = before.assigned(*(Assignment("calm", "tag", f"t{i}") for i in range(3)))
    assert changes(before, by_name) == ["3 tags assigned by name or no longer so"]
    assert moves(after, after.renamed("calm", "quiet"), TAGS) == []


def test_record_of_a_change_has_what_differs_and_nothing_else() -> None:
    before = PLAIN.with_profile(CALM).assigned(Assignment("calm", "group", "Mill"))
    after = before.with_profile(replace(CALM, on_delay=6.0)).assigned(
        Assignment("calm", "tag", "t1"), Assignment("calm", "tag", "t2")
    )
    assert record_words(before, before) == ""
    assert record_words(before, after) == f"calm: {profile_words(CALM)}"
    assert record_words(after, before) == (
        f"calm: {profile_words(replace(CALM, on_delay=6.0))}\ncalm of tag t1, tag t2"
    )
