"""Profiles: named sets of detectors with delays, a severity and a condition, and which tags have which.

A profile has at least one detector, each at most once. A tag has the profile assigned to its name, else
that of the first pattern that fits its name, else that of its group, else the default profile.
Profiles are plain data: `as_document` and `read_profiles` turn them into what JSON can hold and back.

What it is not: the judge of whether a detector and its parameters exist; that is
`sensormon.detectors.profile_state.check`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.tags import UNFIT, Tag

DEFAULT_PROFILE = "default"
"""The profile of every tag that has no other; it always exists."""
MOST_PROFILES = 100
MOST_DETECTORS = 8
"""The most detectors of a profile."""
MOST_ASSIGNMENTS = 10_000
LONGEST_NAME = 60
"""The most characters in a profile's name."""
LONGEST_DELAY = 86_400.0
"""The longest delay and the longest settling time, in seconds."""
COMPARISONS = (">", ">=", "<", "<=", "=", "!=")
SEVERITIES = ("", "low", "medium", "high")
"""What a profile says of its events' severity; empty: it follows from how far the peak is out."""
KINDS = ("tag", "pattern", "group")
"""What a profile can be assigned to."""


@dataclass(frozen=True)
class Choice:
    """A detector with its parameters; those not named have the detector's defaults."""

    detector: str
    params: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Condition:
    """Readings are judged only while another tag compares so, and has done so for `settle` seconds.

    Until that tag has had a reading the condition is not met. "Only while agitator_rpm > 50" is
    Condition("agitator_rpm", ">", 50.0).
    """

    tag: str
    comparison: str
    value: float
    settle: float = 0.0

    def __str__(self) -> str:
        settling = f", {self.settle:g} s after it became so" if self.settle else ""
        return f"only while {self.tag} {self.comparison} {self.value:g}{settling}"


@dataclass(frozen=True)
class Profile:
    """How tags are judged.

    A reading is flagged once at least one of `detectors` has fired for `on_delay` seconds without a
    break. Flags up to `off_delay` seconds apart are one event. `severity` is that of its events; empty: by
    their peak. `target` is how many events a tag may have a day, 0 if nobody said.
    """

    name: str
    detectors: tuple[Choice, ...]
    on_delay: float = 0.0
    off_delay: float = 10.0
    severity: str = ""
    condition: Condition | None = None
    target: float = 0.0

    def choice(self, detector: str) -> Choice | None:
        """Its detector of this name, with its parameters."""
        return next((choice for choice in self.detectors if choice.detector == detector), None)


@dataclass(frozen=True)
class Assignment:
    """Tags have this profile: the tag `name`, the tags that fit the pattern (`*`, `?`), or the group."""

    profile: str
    kind: str
    name: str

    def fits(self, tag: Tag) -> bool:
        """Whether it assigns this tag."""
        match self.kind:
            case "tag":
                return tag.name == self.name
            case "pattern":
                return fnmatchcase(tag.name, self.name)
        return tag.group == self.name


@dataclass(frozen=True)
class Profiles:
    """All profiles and assignments, as of one version. The default profile comes first."""

    profiles: tuple[Profile, ...]
    assignments: tuple[Assignment, ...] = ()

    @property
    def default(self) -> Profile:
        """The profile of every tag that has no other."""
        return self.profiles[0]

    @cached_property
    def by_name(self) -> Mapping[str, Profile]:
        """The profiles by their names."""
        return {profile.name: profile for profile in self.profiles}

    def of(self, tag: Tag) -> Profile:
        """The profile that this tag has."""
        for kind in KINDS:
            for assignment in self._by_kind[kind]:
                if assignment.fits(tag):
                    return self.by_name[assignment.profile]
        return self.default

    def with_profile(self, profile: Profile) -> Profiles:
        """The same with this profile in place of the one of its name, or beside the others."""
        if profile.name not in self.by_name:
            return checked(replace(self, profiles=(*self.profiles, profile)))
        return checked(
            replace(
                self, profiles=tuple(profile if old.name == profile.name else old for old in self.profiles)
            )
        )

    def without_profile(self, name: str) -> Profiles:
        """The same without this profile and what was assigned to it. Raises UsageError for the default."""
        if name == DEFAULT_PROFILE:
            raise UsageError("the default profile cannot be removed", where="profiles")
        return Profiles(
            tuple(profile for profile in self.profiles if profile.name != name),
            tuple(entry for entry in self.assignments if entry.profile != name),
        )

    def assigned(self, assignment: Assignment) -> Profiles:
        """The same with this assignment in place of one to the same tag, pattern or group.

        A pattern that is new comes after the others.
        """
        target = (assignment.kind, assignment.name)
        kept = [(entry.kind, entry.name) for entry in self.assignments]
        if target in kept:
            place = kept.index(target)
            entries = (*self.assignments[:place], assignment, *self.assignments[place + 1 :])
        else:
            entries = (*self.assignments, assignment)
        return checked(replace(self, assignments=entries))

    def unassigned(self, kind: str, name: str) -> Profiles:
        """The same without the assignment to this tag, pattern or group."""
        kept = tuple(entry for entry in self.assignments if (entry.kind, entry.name) != (kind, name))
        return replace(self, assignments=kept)

    def as_document(self) -> dict[str, Any]:
        """Plain lists, mappings, numbers and texts; `read_profiles` reads them back."""
        return {
            "profiles": [_profile_document(profile) for profile in self.profiles],
            "assignments": [{"profile": entry.profile, entry.kind: entry.name} for entry in self.assignments],
        }

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Assignment, ...]]:
        return {kind: tuple(entry for entry in self.assignments if entry.kind == kind) for kind in KINDS}


def single(detector: str, params: Mapping[str, float]) -> Profiles:
    """The profiles of a monitor where this one detector judges every tag."""
    return Profiles((Profile(DEFAULT_PROFILE, (Choice(detector, dict(params)),)),))


def default_profiles(window: float, threshold: float) -> Profiles:
    """The profiles of a new data folder: the rolling z-score, and `recommended` for what it cannot see."""
    zscore = Choice("zscore", {"window": window, "threshold": threshold})
    return Profiles((Profile(DEFAULT_PROFILE, (zscore, Choice("recommended"))),))


def checked(profiles: Profiles) -> Profiles:
    """These profiles. Raises UsageError, with what to do, if they contradict themselves or are too many."""
    names = [profile.name for profile in profiles.profiles]
    if not names or names[0] != DEFAULT_PROFILE:
        raise _wrong("the first profile is not the default one", f"Name it {DEFAULT_PROFILE!r}")
    if len(names) > MOST_PROFILES or len(profiles.assignments) > MOST_ASSIGNMENTS:
        raise _wrong(
            "there are too many profiles or assignments",
            f"Use at most {MOST_PROFILES} profiles and {MOST_ASSIGNMENTS:,} assignments",
        )
    if len(set(names)) < len(names):
        raise _wrong("two profiles have the same name", "Give each profile a name of its own")
    for profile in profiles.profiles:
        _check_profile(profile)
    for entry in profiles.assignments:
        if entry.profile not in names:
            raise _wrong(f"there is no profile {entry.profile!r}", f"Choose one of: {', '.join(names)}")
        if entry.kind not in KINDS or not entry.name:
            raise _wrong(f"{entry.kind!r} cannot be assigned a profile", f"Use one of: {', '.join(KINDS)}")
    return profiles


def read_profiles(document: object) -> Profiles:
    """The profiles of such a document. Raises UsageError for one that cannot be used."""
    try:
        rows, entries = (
            _list(_mapping(document)["profiles"]),
            _list(_mapping(document).get("assignments", [])),
        )
        profiles = tuple(_read_profile(_mapping(row)) for row in rows)
        assignments = tuple(_read_assignment(_mapping(entry)) for entry in entries)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _wrong(f"they cannot be read ({error})", "See docs/detection.md for their form") from error
    return checked(Profiles(profiles, assignments))


def _check_profile(profile: Profile) -> None:
    name = profile.name
    if not name.strip() or len(name) > LONGEST_NAME or UNFIT.search(name):
        raise _wrong(f"{name!r} cannot be a profile's name", f"Use 1 to {LONGEST_NAME} printable characters")
    detectors = [choice.detector for choice in profile.detectors]
    if not 1 <= len(detectors) <= MOST_DETECTORS or len(set(detectors)) < len(detectors):
        raise _wrong(
            f"profile {name!r} has no detector, too many, or one of them twice",
            f"Give it 1 to {MOST_DETECTORS} different detectors",
        )
    times = [profile.on_delay, profile.off_delay]
    if profile.condition is not None:
        times.append(profile.condition.settle)
        if profile.condition.comparison not in COMPARISONS or not math.isfinite(profile.condition.value):
            raise _wrong(
                f"the condition of profile {name!r} cannot be used",
                f"Compare a tag with a number by one of: {' '.join(COMPARISONS)}",
            )
    if not all(0.0 <= seconds <= LONGEST_DELAY for seconds in times):
        raise _wrong(
            f"a delay of profile {name!r} cannot be used", f"Give seconds from 0 to {LONGEST_DELAY:,.0f}"
        )
    if profile.severity not in SEVERITIES:
        raise _wrong(f"{profile.severity!r} is no severity", "Use low, medium, high, or none")
    if not 0.0 <= profile.target < math.inf:
        raise _wrong(f"the target of profile {name!r} cannot be used", "Give events a day, 0 for none")


def _profile_document(profile: Profile) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": profile.name,
        "detectors": [
            {"detector": choice.detector, "params": dict(choice.params)} for choice in profile.detectors
        ],
        "on_delay": profile.on_delay,
        "off_delay": profile.off_delay,
        "severity": profile.severity,
        "target": profile.target,
    }
    if (condition := profile.condition) is not None:
        document["condition"] = {
            "tag": condition.tag,
            "comparison": condition.comparison,
            "value": condition.value,
            "settle": condition.settle,
        }
    return document


def _read_profile(row: Mapping[str, Any]) -> Profile:
    condition = row.get("condition")
    return Profile(
        name=_text(row["name"]),
        detectors=tuple(_read_choice(_mapping(choice)) for choice in _list(row["detectors"])),
        on_delay=_number(row.get("on_delay", 0.0)),
        off_delay=_number(row.get("off_delay", 10.0)),
        severity=_text(row.get("severity", "")),
        condition=None if condition is None else _read_condition(_mapping(condition)),
        target=_number(row.get("target", 0.0)),
    )


def _read_choice(row: Mapping[str, Any]) -> Choice:
    params = _mapping(row.get("params", {}))
    return Choice(_text(row["detector"]), {_text(name): _number(value) for name, value in params.items()})


def _read_condition(row: Mapping[str, Any]) -> Condition:
    return Condition(
        tag=_text(row["tag"]),
        comparison=_text(row["comparison"]),
        value=_number(row["value"]),
        settle=_number(row.get("settle", 0.0)),
    )


def _read_assignment(row: Mapping[str, Any]) -> Assignment:
    (kind,) = set(row) - {"profile"}
    return Assignment(_text(row["profile"]), kind, _text(row[kind]))


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no mapping")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value


def _wrong(what: str, hint: str) -> UsageError:
    return UsageError(what, where="profiles", hint=hint)
