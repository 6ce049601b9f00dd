"""Profiles: named sets of detectors with delays, a severity and a condition, and which tags have which.

A profile has at least one detector, each at most once. A tag has the profile assigned to its name, else
that of the first pattern that fits its name, else that of its group, else the default profile.
Profiles are plain data: `as_document` and `read_profiles` turn them into what JSON can hold and back.

What it is not: the judge of whether a detector and its parameters exist; that is
`sensormon.detectors.profile_state.check`.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.tags import LONGEST_STATE, UNFIT, Tag

DEFAULT_PROFILE = "default"
"""The profile of every tag that has no other; it always exists."""
MOST_PROFILES = 100
MOST_DETECTORS = 8
"""The most detectors of a profile."""
MOST_ASSIGNMENTS = 10_000
MOST_PATTERNS = 200
"""The most assignments by pattern; each is tried on every tag."""
LONGEST_NAME = 60
"""The most characters in a profile's name."""
LONGEST_DELAY = 86_400.0
"""The longest delay and the longest settling time, in seconds."""
STEADY = "steady"
"""The comparison that holds while a tag stays within some distance of where it settled."""
COMPARISONS = (">", ">=", "<", "<=", "=", "!=", STEADY)
OF_STATES = ("=", "!=")
"""The comparisons of a tag of states."""
SEVERITIES = ("", "low", "medium", "high")
"""What a profile says of its events' severity; empty: it follows from how far the peak is out."""
LONGEST_TARGET = 200
"""The most characters of a tag, pattern or group that is assigned a profile."""
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

    `steady` is for a set-point: it is met while the tag stays within `value` of where it was when it last
    changed by more. What its change brings with it is learned, but not flagged, for `settle` seconds.

    A tag of states is compared with a `word` by = or !=; `value` is its code: "only while step = CIP".
    """

    tag: str
    comparison: str
    value: float
    settle: float = 0.0
    word: str = ""

    def as_document(self) -> dict[str, Any]:
        """What JSON can hold; `read_condition` reads it back."""
        return {
            "tag": self.tag,
            "comparison": self.comparison,
            "value": self.value,
            "settle": self.settle,
            **({"word": self.word} if self.word else {}),
        }

    def __str__(self) -> str:
        if self.comparison == STEADY:
            return f"only while {self.tag} stays within {self.value:g}, {self.settle:g} s after a change"
        settling = f", {self.settle:g} s after it became so" if self.settle else ""
        return f"only while {self.tag} {self.comparison} {self.word or f'{self.value:g}'}{settling}"


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
        """Whether it names this tag, by its name or its group or by a pattern that its name fits."""
        match self.kind:
            case "tag":
                return tag.name == self.name
            case "pattern":
                return fnmatchcase(tag.name, self.name)
        return tag.group == self.name

    @property
    def target(self) -> tuple[str, str]:
        """What is assigned: the kind and the name."""
        return self.kind, self.name


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
        assignment = self.assignment(tag)
        return self.default if assignment is None else self.by_name[assignment.profile]

    def assignment(self, tag: Tag) -> Assignment | None:
        """The assignment that gives this tag its profile; None if it has the default one."""
        own = self._by_target.get(("tag", tag.name))
        if own is not None:
            return own
        for pattern in self._patterns:
            if pattern.fits(tag):
                return pattern
        return self._by_target.get(("group", tag.group))

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
            raise UsageError(
                "the default profile cannot be removed", where="profiles", hint="Change it instead"
            )
        return Profiles(
            tuple(profile for profile in self.profiles if profile.name != name),
            tuple(entry for entry in self.assignments if entry.profile != name),
        )

    def assigned(self, *assignments: Assignment) -> Profiles:
        """The same with these assignments in place of those to the same tags, patterns and groups.

        A pattern that is new comes after the others.
        """
        new = {entry.target: entry for entry in assignments}
        kept = [new.pop(entry.target, entry) for entry in self.assignments]
        return checked(replace(self, assignments=(*kept, *new.values())))

    def unassigned(self, *targets: tuple[str, str]) -> Profiles:
        """The same without the assignments to these: each a kind and a name."""
        gone = frozenset(targets)
        return replace(
            self, assignments=tuple(entry for entry in self.assignments if entry.target not in gone)
        )

    def renamed(self, old: str, new: str) -> Profiles:
        """The same with another name for the profile `old`, in its assignments too.

        Raises UsageError for the default profile and for a name that cannot be used.
        """
        if old == DEFAULT_PROFILE:
            raise UsageError(
                "the default profile cannot be renamed", where="profiles", hint="Copy it instead"
            )
        return checked(
            Profiles(
                tuple(
                    replace(profile, name=new) if profile.name == old else profile
                    for profile in self.profiles
                ),
                tuple(
                    replace(entry, profile=new) if entry.profile == old else entry
                    for entry in self.assignments
                ),
            )
        )

    def as_document(self) -> dict[str, Any]:
        """Plain lists, mappings, numbers and texts; `read_profiles` reads them back."""
        return {
            "profiles": [_profile_document(profile) for profile in self.profiles],
            "assignments": [{"profile": entry.profile, entry.kind: entry.name} for entry in self.assignments],
        }

    @cached_property
    def _by_target(self) -> Mapping[tuple[str, str], Assignment]:
        return {entry.target: entry for entry in self.assignments}

    @cached_property
    def _patterns(self) -> tuple[Assignment, ...]:
        return tuple(entry for entry in self.assignments if entry.kind == "pattern")


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
    _check_assignments(profiles.assignments, frozenset(names))
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
        raise _wrong(f"they cannot be read ({error})", "See docs/operations.md for their form") from error
    return checked(Profiles(profiles, assignments))


def _check_assignments(assignments: tuple[Assignment, ...], names: frozenset[str]) -> None:
    for entry in assignments:
        if entry.profile not in names:
            raise _wrong(f"there is no profile {_repr(entry.profile)}", "Choose one that exists")
        if entry.kind not in KINDS:
            raise _wrong(
                f"{_repr(entry.kind)} cannot be assigned a profile", f"Use one of: {', '.join(KINDS)}"
            )
        if not _is_name(entry.name):
            raise _wrong(
                f"{_repr(entry.name)} cannot be the name of a {entry.kind}",
                f"Use 1 to {LONGEST_TARGET} printable characters",
            )
    if len({entry.target for entry in assignments}) < len(assignments):
        raise _wrong("two profiles are assigned to the same tag, pattern or group", "Remove one of them")
    if sum(entry.kind == "pattern" for entry in assignments) > MOST_PATTERNS:
        raise _wrong("there are too many patterns", f"Use at most {MOST_PATTERNS}, or assign groups")


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= LONGEST_TARGET and UNFIT.search(text) is None


def _check_profile(profile: Profile) -> None:
    name = profile.name
    if not name.strip() or len(name) > LONGEST_NAME or UNFIT.search(name):
        raise _wrong(
            f"{_repr(name)} cannot be a profile's name", f"Use 1 to {LONGEST_NAME} printable characters"
        )
    detectors = [choice.detector for choice in profile.detectors]
    if not 1 <= len(detectors) <= MOST_DETECTORS or len(set(detectors)) < len(detectors):
        raise _wrong(
            f"profile {name!r} has no detector, too many, or one of them twice",
            f"Give it 1 to {MOST_DETECTORS} different detectors",
        )
    times = [profile.on_delay, profile.off_delay]
    if (condition := profile.condition) is not None:
        times.append(condition.settle)
        if (
            condition.comparison not in COMPARISONS
            or not math.isfinite(condition.value)
            or not _is_name(condition.tag)
            or (condition.comparison == STEADY and condition.value < 0)
            or (condition.word and condition.comparison not in OF_STATES)
            or len(condition.word) > LONGEST_STATE
            or UNFIT.search(condition.word)
        ):
            raise _wrong(
                f"the condition of profile {name!r} cannot be used",
                f"Compare a tag with a number by one of: {' '.join(COMPARISONS)}",
            )
    if not all(0.0 <= seconds <= LONGEST_DELAY for seconds in times):
        raise _wrong(
            f"a delay of profile {name!r} cannot be used", f"Give seconds from 0 to {LONGEST_DELAY:,.0f}"
        )
    if profile.severity not in SEVERITIES:
        raise _wrong(f"{_repr(profile.severity)} is not a severity", "Use low, medium, high, or none")
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
        document["condition"] = condition.as_document()
    return document


def _read_profile(row: Mapping[str, Any]) -> Profile:
    condition = row.get("condition")
    return Profile(
        name=_text(row["name"]),
        detectors=tuple(_read_choice(_mapping(choice)) for choice in _list(row["detectors"])),
        on_delay=_number(row.get("on_delay", 0.0)),
        off_delay=_number(row.get("off_delay", 10.0)),
        severity=_text(row.get("severity", "")),
        condition=None if condition is None else read_condition(_mapping(condition)),
        target=_number(row.get("target", 0.0)),
    )


def _read_choice(row: Mapping[str, Any]) -> Choice:
    params = _mapping(row.get("params", {}))
    return Choice(_text(row["detector"]), {_text(name): _number(value) for name, value in params.items()})


def read_condition(row: Mapping[str, Any]) -> Condition:
    """The condition in this document. Raises KeyError and TypeError if there is none."""
    return Condition(
        tag=_text(row["tag"]),
        comparison=_text(row["comparison"]),
        value=_number(row["value"]),
        settle=_number(row.get("settle", 0.0)),
        word=_text(row.get("word", "")),
    )


def _read_assignment(row: Mapping[str, Any]) -> Assignment:
    (kind,) = set(row) - {"profile"}
    return Assignment(_text(row["profile"]), kind, _text(row[kind]))


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{_repr(value)} is not a mapping")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{_repr(value)} is not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{_repr(value)} is not text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{_repr(value)} is not a number")
    float(value)  # a whole number that is too large for one raises OverflowError
    return value


def _repr(value: object) -> str:
    """The value for an error message, cut short whatever was sent."""
    return reprlib.repr(value)


def _wrong(what: str, hint: str) -> UsageError:
    return UsageError(what, where="profiles", hint=hint)
