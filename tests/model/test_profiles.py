"""Profiles: documents come back as they were, assignments have an order, nonsense is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from sensormon.model import profiles as model
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.profiles import (
    COMPARISONS,
    DEFAULT_PROFILE,
    KINDS,
    LONGEST_DELAY,
    LONGEST_NAME,
    LONGEST_TARGET,
    MOST_ASSIGNMENTS,
    MOST_DETECTORS,
    MOST_PATTERNS,
    MOST_PROFILES,
    SEVERITIES,
    STEADY,
    Assignment,
    Choice,
    Condition,
    Profile,
    Profiles,
    checked,
    default_profiles,
    read_profiles,
    single,
)
from sensormon.model.tags import Tag

printable = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"))
fit = st.text(printable, min_size=1, max_size=40)
short = st.text("ab*?", min_size=1, max_size=3)
numbers = st.one_of(st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False))
delays = st.floats(0.0, LONGEST_DELAY)
conditions = st.builds(
    Condition, tag=fit, comparison=st.sampled_from(COMPARISONS), value=numbers, settle=delays
).filter(lambda condition: condition.comparison != STEADY or condition.value >= 0)
choices = st.lists(
    st.builds(Choice, detector=fit, params=st.dictionaries(fit, numbers, max_size=4)),
    min_size=1,
    max_size=MOST_DETECTORS,
    unique_by=lambda choice: choice.detector,
).map(tuple)


def named(name: str) -> st.SearchStrategy[Profile]:
    return st.builds(
        Profile,
        name=st.just(name),
        detectors=choices,
        on_delay=delays,
        off_delay=delays,
        severity=st.sampled_from(SEVERITIES),
        condition=st.none() | conditions,
        target=st.floats(0.0, 1e6),
    )


@st.composite
def all_profiles(draw: st.DrawFn) -> Profiles:
    names = [
        DEFAULT_PROFILE,
        *draw(st.lists(fit.filter(lambda n: n != DEFAULT_PROFILE), max_size=4, unique=True)),
    ]
    entries = st.builds(Assignment, profile=st.sampled_from(names), kind=st.sampled_from(KINDS), name=fit)
    return Profiles(
        tuple(draw(named(name)) for name in names),
        tuple(draw(st.lists(entries, max_size=8, unique_by=lambda entry: entry.target))),
    )


PH = Tag("fermenter_ph", "Fermenter pH", group="Fermenter")
CALM, LOUD, DEAF = (Profile(name, (Choice("zscore"),)) for name in ("calm", "loud", "deaf"))
PLAIN = single("zscore", {"window": 50, "threshold": 3.0})
THREE = replace(PLAIN, profiles=(*PLAIN.profiles, CALM, LOUD, DEAF))


@options(max_examples=100, deadline=None)
@given(all_profiles())
def test_profiles_come_back_from_their_document(profiles: Profiles) -> None:
    assert checked(profiles) == profiles
    assert read_profiles(json.loads(json.dumps(profiles.as_document()))) == profiles


@options(max_examples=100, deadline=None)
@given(
    all_profiles(), st.lists(st.tuples(st.sampled_from(KINDS), short), max_size=20, unique=True), short, short
)
def test_every_tag_has_the_profile_that_a_search_in_order_finds(
    profiles: Profiles, targets: list[tuple[str, str]], name: str, group: str
) -> None:
    names = list(profiles.by_name)
    entries = [Assignment(names[place % len(names)], *target) for place, target in enumerate(targets)]
    profiles, tag = replace(profiles, assignments=tuple(entries)), Tag(name, name, group=group)
    fitting = [
        profiles.by_name[entry.profile]
        for kind in KINDS
        for entry in profiles.assignments
        if entry.kind == kind and entry.fits(tag)
    ]
    assert profiles.of(tag) == (fitting or [profiles.default])[0]


def test_tag_comes_before_pattern_before_group_before_default() -> None:
    assert THREE.of(PH) is THREE.default
    assert THREE.assignment(PH) is None
    by_group = THREE.assigned(Assignment("calm", "group", "Fermenter"))
    assert by_group.of(PH) is CALM
    by_pattern = by_group.assigned(Assignment("loud", "pattern", "*_ph"))
    assert by_pattern.of(PH) is LOUD
    by_tag = by_pattern.assigned(Assignment("deaf", "tag", "fermenter_ph"))
    assert by_tag.of(PH) is DEAF
    assert by_tag.unassigned(("tag", "fermenter_ph")).of(PH) is LOUD
    assert by_tag.unassigned(("tag", "fermenter_ph"), ("pattern", "*_ph")).of(PH) is CALM
    assert by_tag.of(replace(PH, name="broth", group="")) is THREE.default


def test_first_pattern_that_fits_decides_and_keeps_its_place() -> None:
    both = THREE.assigned(Assignment("calm", "pattern", "fermenter*"), Assignment("loud", "pattern", "*ph"))
    assert both.of(PH) is CALM
    again = both.assigned(Assignment("deaf", "pattern", "fermenter*"))
    assert again.of(PH) is DEAF
    assert len(again.assignments) == 2
    assert both.of(replace(PH, name="Fermenter_x")) is both.default, "letters count as they are written"


def test_removed_profile_takes_its_assignments_along() -> None:
    both = THREE.assigned(Assignment("calm", "group", "Fermenter"), Assignment("loud", "tag", "fermenter_ph"))
    left = both.without_profile("loud")
    assert left.of(PH) is CALM
    assert [entry.profile for entry in left.assignments] == ["calm"]
    with pytest.raises(UsageError, match="default profile cannot be removed"):
        both.without_profile(DEFAULT_PROFILE)


def test_renamed_profile_keeps_its_tags() -> None:
    both = THREE.assigned(Assignment("calm", "group", "Fermenter"))
    other = both.renamed("calm", "quiet")
    assert other.of(PH) == replace(CALM, name="quiet")
    assert "calm" not in other.by_name
    for name in ("loud", "", "a\nb", DEFAULT_PROFILE):
        with pytest.raises(UsageError):
            both.renamed("calm", name)
    with pytest.raises(UsageError, match="cannot be renamed"):
        both.renamed(DEFAULT_PROFILE, "quiet")


def test_changed_profile_replaces_the_one_of_its_name() -> None:
    slow = replace(CALM, on_delay=30.0)
    assert THREE.with_profile(slow).by_name["calm"] is slow
    assert len(THREE.with_profile(slow).profiles) == len(THREE.profiles)
    assert THREE.with_profile(replace(CALM, name="new")).profiles[-1].name == "new"


def test_default_profile_judges_by_the_rolling_zscore_first() -> None:
    default = default_profiles(50, 3.0).default
    assert [choice.detector for choice in default.detectors] == ["zscore", "recommended"]
    assert default.detectors[0].params == {"window": 50, "threshold": 3.0}
    assert default.on_delay == 0.0


def test_settings_from_before_profiles_are_one_detector_for_all() -> None:
    settings = DetectorSettings(1, 0, "environment", "cusum", {"h": 6.0}, {})
    assert settings.in_use.of(PH).detectors == (Choice("cusum", {"h": 6.0}),)


def document(**changed: Any) -> dict[str, Any]:
    profile = {"name": "default", "detectors": [{"detector": "zscore"}]} | changed
    return {"profiles": [profile], "assignments": []}


CONDITION = {"tag": "rpm", "comparison": ">", "value": 50.0}
HOSTILE = [
    None,
    [],
    "profiles",
    {},
    {"profiles": None},
    {"profiles": {}},
    {"profiles": []},
    {"profiles": [7]},
    {"profiles": [[]]},
    {"profiles": [{"name": "default"}]},
    document(name="other"),
    document(name=7),
    document(detectors=[]),
    document(detectors={}),
    document(detectors=["zscore"]),
    document(detectors=[{"detector": "zscore"}, {"detector": "zscore"}]),
    document(detectors=[{"detector": str(i)} for i in range(MOST_DETECTORS + 1)]),
    document(detectors=[{"detector": "zscore", "params": [1]}]),
    document(detectors=[{"detector": "zscore", "params": {"window": "50"}}]),
    document(detectors=[{"detector": "zscore", "params": {"window": True}}]),
    document(detectors=[{"detector": "zscore", "params": {"window": 10**400}}]),
    document(on_delay=-1),
    document(on_delay=math.nan),
    document(off_delay=LONGEST_DELAY + 1),
    document(off_delay=10**400),
    document(off_delay="10"),
    document(severity="urgent"),
    document(severity="x" * 1_000_000),
    document(target=-1),
    document(target=math.inf),
    document(target=10**400),
    document(condition="agitator > 5"),
    document(condition={}),
    document(condition=CONDITION | {"comparison": "~"}),
    document(condition=CONDITION | {"value": math.inf}),
    document(condition=CONDITION | {"value": 10**400}),
    document(condition=CONDITION | {"settle": -1}),
    document(condition=CONDITION | {"tag": "a\u202eb"}),
    document(condition=CONDITION | {"tag": "a" * (LONGEST_TARGET + 1)}),
    document() | {"assignments": {}},
    document() | {"assignments": [{"profile": "default"}]},
    document() | {"assignments": [{"profile": "default", "tag": "a", "group": "b"}]},
    document() | {"assignments": [{"profile": "default", "machine": "a"}]},
    document() | {"assignments": [{"profile": "none", "tag": "a"}]},
    document() | {"assignments": [{"profile": "default", "tag": ""}]},
    document() | {"assignments": [{"profile": "default", "tag": "a\x00"}]},
    document() | {"assignments": [{"profile": "default", "tag": 7}]},
    document() | {"assignments": [{"profile": "default", "pattern": "a" * (LONGEST_TARGET + 1)}]},
    document() | {"assignments": [{"profile": "default", "tag": "a"}] * 2},
    document() | {"assignments": [{"profile": ["default"] * 100_000, "tag": "a"}]},
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_document_is_refused_in_a_short_line(hostile: object) -> None:
    with pytest.raises(UsageError) as refusal:
        read_profiles(hostile)
    assert len(str(refusal.value)) < 300
    assert refusal.value.hint


def test_small_document_is_enough() -> None:
    assert read_profiles(document()) == Profiles((Profile(DEFAULT_PROFILE, (Choice("zscore"),)),))


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\u202eb", "x" * (LONGEST_NAME + 1)])
def test_profile_needs_a_printable_name(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a profile's name"):
        THREE.with_profile(replace(CALM, name=name))
    assert THREE.with_profile(replace(CALM, name="ä" * LONGEST_NAME))


def test_numbers_of_everything_are_bounded() -> None:
    many = tuple(replace(CALM, name=f"p{i}") for i in range(MOST_PROFILES - 1))
    full = checked(Profiles((*PLAIN.profiles, *many)))
    with pytest.raises(UsageError, match="too many profiles"):
        full.with_profile(replace(CALM, name="the last straw"))
    tags = [Assignment(DEFAULT_PROFILE, "tag", f"t{i}") for i in range(MOST_ASSIGNMENTS)]
    assert len(PLAIN.assigned(*tags).assignments) == MOST_ASSIGNMENTS
    with pytest.raises(UsageError, match="too many profiles or assignments"):
        PLAIN.assigned(*tags, Assignment(DEFAULT_PROFILE, "tag", "more"))
    patterns = [Assignment(DEFAULT_PROFILE, "pattern", f"t{i}*") for i in range(MOST_PATTERNS)]
    with pytest.raises(UsageError, match="too many patterns"):
        PLAIN.assigned(*patterns, Assignment(DEFAULT_PROFILE, "pattern", "*"))


def test_ten_thousand_assigned_tags_are_looked_up_and_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = [Tag(f"t{i}", f"T{i}") for i in range(MOST_ASSIGNMENTS)]
    profiles = THREE.assigned(*(Assignment("calm", "tag", tag.name) for tag in tags))
    tried: list[str] = []
    monkeypatch.setattr(model.Assignment, "fits", lambda _, tag: bool(tried.append(tag.name)))
    assert all(profiles.of(tag) is CALM for tag in tags)
    assert tried == []


def test_condition_reads_as_a_sentence() -> None:
    assert str(Condition("agitator_rpm", ">", 50.0)) == "only while agitator_rpm > 50"
    assert str(Condition("rpm", "<=", 0.5, 30.0)) == "only while rpm <= 0.5, 30 s after it became so"
