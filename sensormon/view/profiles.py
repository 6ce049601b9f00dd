"""Profiles and changes of them in words.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sensormon.detectors import make
from sensormon.model.errors import UsageError
from sensormon.model.format import counted, listed
from sensormon.model.profiles import STEADY, Assignment, Choice, Profile, Profiles
from sensormon.model.tags import Tag
from sensormon.view.detectors import detector_words, title, value_words

NAMED = 5
"""Tags named in a sentence; the others are counted."""


def comparison_words(comparison: str) -> str:
    """A comparison of a condition as a choice: ">", "steady within"."""
    return "steady within" if comparison == STEADY else comparison


def stated(profile: Profile) -> Profile:
    """The profile with every parameter of its detectors stated, those with their defaults too.

    Raises UsageError for a detector that does not exist.
    """
    return replace(profile, detectors=tuple(_stated(choice) for choice in profile.detectors))


def _stated(choice: Choice) -> Choice:
    judge = make(choice.detector, **choice.params)
    return replace(choice, params={each.name: getattr(judge, each.name) for each in judge.PARAMETERS})


def seconds_words(seconds: float) -> str:
    """A delay as it was set: without rounding, unlike a measured duration.

    >>> seconds_words(0.0), seconds_words(2.5), seconds_words(90), seconds_words(7200)
    ('0 s', '2.5 s', '90 s', '2 h')
    """
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def severity_words(severity: str) -> str:
    """A profile's severity; without one it follows from each event's peak."""
    return severity or "by the peak"


def target_words(target: float) -> str:
    """A profile's target.

    >>> target_words(0.0), target_words(2.0)
    ('none', '2 a day')
    """
    return f"{target:g} a day" if target else "none"


def condition_words(profile: Profile) -> str:
    """When a profile judges."""
    return "always" if profile.condition is None else str(profile.condition)


def assignment_words(kind: str, name: str) -> str:
    """What is assigned a profile.

    >>> assignment_words("pattern", "*_ph"), assignment_words("group", "Mill")
    ('tags *_ph', 'group Mill')
    """
    return f"tags {name}" if kind == "pattern" else f"{kind} {name}"


def profile_words(profile: Profile) -> str:
    """A profile in a line.

    >>> profile_words(Profile("default", (Choice("zscore", {"window": 50.0}),)))
    'Rolling z-score, window 50; on-delay 0 s, off-delay 10 s'
    """
    parts = [detector_words(choice.detector, choice.params) for choice in profile.detectors]
    parts.append(f"on-delay {seconds_words(profile.on_delay)}, off-delay {seconds_words(profile.off_delay)}")
    if profile.condition is not None:
        parts.append(str(profile.condition))
    if profile.severity:
        parts.append(f"severity {profile.severity}")
    if profile.target:
        parts.append(f"target {target_words(profile.target)}")
    return "; ".join(parts)


def profiles_words(profiles: Profiles) -> str:
    """All profiles and assignments, for a record of them."""
    entries = [f"{assignment_words(*entry.target)}: {entry.profile}" for entry in profiles.assignments]
    return "\n".join([*(f"{each.name}: {profile_words(each)}" for each in profiles.profiles), *entries])


def record_words(profiles: Profiles, other: Profiles) -> str:
    """What these profiles and assignments have that the others have not, for a record of a change."""
    lines = [
        f"{profile.name}: {profile_words(profile)}"
        for profile in profiles.profiles
        if other.by_name.get(profile.name) != profile
    ]
    known = frozenset(other.assignments)
    names: defaultdict[str, list[str]] = defaultdict(list)
    for entry in profiles.assignments:
        if entry not in known:
            names[entry.profile].append(assignment_words(*entry.target))
    return "\n".join([*lines, *(f"{name} of {', '.join(targets)}" for name, targets in names.items())])


def tag_counts(profiles: Profiles, tags: Iterable[Tag]) -> Counter[str]:
    """How many of these tags each profile has, by its name."""
    return Counter(profiles.of(tag).name for tag in tags)


def changes(before: Profiles, after: Profiles) -> list[str]:
    """What differs between two versions, a sentence each; which tags that moves is `moves`."""
    renamed = _renamed(before, after)
    lines = [f"{old} is renamed {new}" for old, new in renamed.items()]
    known = {renamed.get(old.name, old.name): old for old in before.profiles}
    for profile in after.profiles:
        old = known.pop(profile.name, None)
        if old is None:
            lines.append(f"{profile.name} is new: {profile_words(profile)}")
        else:
            lines += [f"{profile.name}: {line}" for line in _differences(old, profile)]
    lines += [f"{name} is removed" for name in known]
    return lines + _assignment_changes(before, after, renamed)


def moves(before: Profiles, after: Profiles, tags: Iterable[Tag]) -> list[str]:
    """Which tags get another profile, a sentence for each pair of profiles."""
    renamed = _renamed(before, after)
    pairs: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for tag in tags:
        old, new = before.of(tag).name, after.of(tag).name
        if renamed.get(old, old) != new:
            pairs[old, new].append(tag.label)
    return [
        f"{counted(len(labels), 'tag')}, {old} → {new}: {listed(labels, NAMED)}"
        for (old, new), labels in pairs.items()
    ]


def _renamed(before: Profiles, after: Profiles) -> dict[str, str]:
    """Profiles that differ in their name alone, old name to new."""
    gone = [profile for profile in before.profiles if profile.name not in after.by_name]
    renamed: dict[str, str] = {}
    for profile in after.profiles:
        if profile.name in before.by_name:
            continue
        alike = _all_readable(profile)
        same = (
            old
            for old in gone
            if old.name not in renamed and _all_readable(replace(old, name=profile.name)) == alike
        )
        if (old := next(same, None)) is not None:
            renamed[old.name] = profile.name
    return renamed


def _differences(old: Profile, new: Profile) -> list[str]:
    lines = []
    had = {choice.detector: _readable(choice) for choice in old.detectors}
    has = {choice.detector: _readable(choice) for choice in new.detectors}
    lines += [f"{title(name)} is removed" for name in had if name not in has]
    for name, choice in has.items():
        if name not in had:
            lines.append(f"{detector_words(name, choice.params)} is added")
        else:
            lines += _parameter_changes(had[name], choice)
    if list(had) != list(has) and set(had) == set(has):
        lines.append(f"order of detectors: {_titles(old.detectors)} → {_titles(new.detectors)}")
    facts = (
        ("on-delay", seconds_words(old.on_delay), seconds_words(new.on_delay)),
        ("off-delay", seconds_words(old.off_delay), seconds_words(new.off_delay)),
        ("severity", severity_words(old.severity), severity_words(new.severity)),
        ("judges", condition_words(old), condition_words(new)),
        ("target", target_words(old.target), target_words(new.target)),
    )
    return lines + [f"{name} {was} → {now}" for name, was, now in facts if was != now]


def _readable(choice: Choice) -> Choice:
    """The choice with all parameters; as it is if this version does not know its detector."""
    try:
        return _stated(choice)
    except UsageError:
        return choice


def _all_readable(profile: Profile) -> Profile:
    return replace(profile, detectors=tuple(_readable(choice) for choice in profile.detectors))


def _parameter_changes(old: Choice, new: Choice) -> list[str]:
    names = dict.fromkeys([*old.params, *new.params])
    words = {name: tuple(_parameter(choice, name) for choice in (old, new)) for name in names}
    return [
        f"{title(new.detector)}, {name.replace('_', ' ')} {was} → {now}"
        for name, (was, now) in words.items()
        if was != now
    ]


def _parameter(choice: Choice, name: str) -> str:
    return value_words(choice.params[name]) if name in choice.params else "?"


def _titles(choices: Sequence[Choice]) -> str:
    return ", ".join(title(choice.detector) for choice in choices)


def _assignment_changes(before: Profiles, after: Profiles, renamed: dict[str, str]) -> list[str]:
    had = {entry.target: renamed.get(entry.profile, entry.profile) for entry in before.assignments}
    has = {entry.target: entry.profile for entry in after.assignments}
    # Many single tags are told by `moves`; the others are few and have an effect of their own.
    lines = [
        f"{assignment_words(*target)}: {had.get(target, 'not assigned')} → {has.get(target, 'not assigned')}"
        for target in dict.fromkeys([*had, *has])
        if target[0] != "tag" and had.get(target) != has.get(target)
    ]
    own = [target for target in {**had, **has} if target[0] == "tag" and had.get(target) != has.get(target)]
    if own:
        lines.append(f"{counted(len(own), 'tag')} assigned by name or no longer so")
    old, new = (_patterns(profiles.assignments) for profiles in (before, after))
    if [name for name in old if name in new] != [name for name in new if name in old]:
        lines.append(f"order of patterns: {listed(new, NAMED)}")
    return lines


def _patterns(assignments: Sequence[Assignment]) -> list[str]:
    return [entry.name for entry in assignments if entry.kind == "pattern"]
