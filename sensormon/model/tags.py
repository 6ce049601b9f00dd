"""The tag table: what each tag is called, its unit, its limits, how it is simulated.

Read from `tags.toml`, one table a tag:

    [tags.fermenter_ph]
    label = "Fermenter pH"          # default: made from the name
    unit = "pH"                     # default: none
    group = "Fermenter"             # default: none
    description = "Behind the pump" # what people should know about it. Default: none
    priority = "high"               # which of two alarms comes first: low, medium, high, critical
    valid = [5.0, 9.0]              # outside: rejected. Default: any finite value
    normal = [6.5, 7.5]             # the usual band, drawn and simulated. Default: none
    noise = 0.02                    # standard deviation of the sensor, in its unit. Default 0
    resolution = 0.01               # smallest step the sensor reports, in its unit. Default 0
    simulated = true                # false: the simulator leaves it alone. Default: true
    [tags.fermenter_ph.profile]     # how the simulator moves it; see sources/simulator.py

A tag of states has words instead of numbers, and neither ranges nor noise:

    [tags.feed_valve]
    states = ["closed", "open"]     # readings are these words, or 0 and 1
    [tags.pump_running]
    kind = "boolean"                # readings are false and true
    [tags.product]
    kind = "text"                   # readings are any words

A calculated tag has a formula over other tags; `sensormon.formulas` reads it. Nothing else may send its
readings, and it is never simulated:

    [tags.jacket_difference]
    formula = "fermenter_temp - jacket_temp"
    tolerance = 5.0                 # how old a value may be to be combined, in seconds. Default 5

What it is not: a place for alarm limits or detector settings.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.toml_text import OWN, TomlBounds, read_toml

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/\-]{0,127}")
"""What a tag may be called: letters, digits and `_ . : / -`, at most 128."""

UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What no name, label or unit may hold: control characters, ends of lines, and the marks of Unicode's
bidirectional algorithm (UAX #9), which would reverse the numbers beside it."""

KEYS = (
    "label",
    "unit",
    "group",
    "description",
    "priority",
    "valid",
    "normal",
    "noise",
    "resolution",
    "simulated",
    "states",
    "kind",
    "formula",
    "tolerance",
)
"""The keys of a tag in the order in which they are written; `profile` follows them."""
PRIORITIES = ("low", "medium", "high", "critical")
"""How urgently a tag needs people, from the least to the most; which of two alarms of a kind comes first."""
KINDS = ("number", "boolean", "text")
"""What the readings of a tag can be, besides one of `states`."""
BOOLEAN = ("false", "true")
"""The states of a boolean tag."""
MOST_STATES = 1_000
"""The most states of a tag, named or met."""
LONGEST_STATE = 200
"""The most characters of a state."""
LONGEST_FORMULA = 1_000
"""The most characters of a formula."""
LONGEST_TOLERANCE = 86_400.0
"""The largest tolerance of a calculated tag, in seconds."""
_NUMBERS_ONLY = ("valid", "normal", "noise", "resolution")


@dataclass(frozen=True)
class Tag:
    """One measuring point. All numbers are in `unit`.

    `states` are the words that its readings may be, in the order of their numbers; `BOOLEAN` for one with
    `kind` "boolean", none for a tag of numbers, and for one with `kind` "text", whose words are met as they
    come. With a `formula` it is calculated, from values at most `tolerance` seconds old.
    """

    name: str
    label: str
    unit: str = ""
    group: str = ""
    valid: tuple[float, float] = (-math.inf, math.inf)
    normal: tuple[float, float] | None = None
    noise: float = 0.0
    resolution: float = 0.0
    profile: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = True
    states: tuple[str, ...] = ()
    kind: str = "number"
    description: str = ""
    priority: str = "medium"
    formula: str = ""
    tolerance: float = 5.0

    def __post_init__(self) -> None:
        if self.formula:  # nothing simulates what is calculated
            object.__setattr__(self, "simulated", False)
        if self.kind == "boolean" and not self.states:  # as a file means it that names the kind alone
            object.__setattr__(self, "states", BOOLEAN)

    @property
    def has_states(self) -> bool:
        """Whether its readings are words, stored as codes, and never averaged or scored."""
        return bool(self.states) or self.kind != "number"

    @property
    def decimals(self) -> int:
        """The number of decimals in the resolution; 3 if it has none."""
        if self.resolution <= 0:
            return 3
        exponent = Decimal(str(self.resolution)).normalize().as_tuple().exponent
        return max(0, -int(exponent))

    def render(self, value: float) -> str:
        """The value as a person reads it: as many digits as the sensor has, with the unit."""
        if not math.isfinite(value):
            return "–"
        text = f"{value:,.{self.decimals}f}"
        return f"{text} {self.unit}" if self.unit else text

    def render_band(self, expected: float, upper: float) -> str:
        """The expected value: "7.02 ± 0.36 pH"; a dash if there was none yet."""
        if not math.isfinite(expected):
            return "–"
        return f"{expected:,.{self.decimals}f} ± {upper - expected:,.{self.decimals}f} {self.unit}".rstrip()


class TagTable:
    """All tags, in the file's order, found by name or by their code (position)."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self._tags = {tag.name: tag for tag in tags}
        self._codes = {name: code for code, name in enumerate(self._tags)}
        labels = Counter(tag.label for tag in self._tags.values())
        self._titles = {
            tag.name: tag.label if labels[tag.label] == 1 else f"{tag.label} ({tag.name})"
            for tag in self._tags.values()
        }

    def __len__(self) -> int:
        return len(self._tags)

    def __iter__(self) -> Iterator[Tag]:
        return iter(self._tags.values())

    def __contains__(self, name: object) -> bool:
        return name in self._tags

    def __getitem__(self, name: str) -> Tag:
        """The tag; for a name that is not (or no longer) in the table, a tag made from the name.

        Readings outlive the table: those of a removed tag are still shown.
        """
        return self._tags.get(name) or Tag(name, name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tags)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The names of the tags whose readings are numbers."""
        return tuple(tag.name for tag in self if not tag.has_states)

    @cached_property
    def digest(self) -> str:
        """Equal for two tables with the same tags; a cache key for drawings."""
        return hashlib.blake2b(repr(list(self)).encode(), digest_size=8).hexdigest()

    def code(self, name: str) -> int:
        """The tag's position in the table, -1 if there is no such tag."""
        return self._codes.get(name, -1)

    def title(self, name: str) -> str:
        """A title unique in the table: the label, with the name if other tags share the label."""
        return self._titles.get(name, name)

    def named(self, title: str) -> str | None:
        """The name of the tag with this title; None if there is no such tag."""
        return next((name for name, known in self._titles.items() if known == title), None)

    def with_tags(self, more: Iterable[Tag]) -> TagTable:
        """This table plus those of the tags that it does not have yet."""
        return TagTable([*self, *(tag for tag in more if tag.name not in self)])


def read_tags(path: Path, bounds: TomlBounds = OWN) -> TagTable:
    """The tag table in this file.

    Raises UsageError, with the tag and the key, if the file is missing, wrong or beyond these bounds.
    """
    return parse_tags(read_text(path), path, bounds)


def read_text(path: Path) -> str:
    """The content of this file. Raises UsageError if it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the tag table cannot be read ({error})",
            where=str(path),
            hint="Point SENSORMON_TAGS at a tags.toml, or leave it unset",
        ) from error


def parse_tags(text: str, path: Path, bounds: TomlBounds = OWN) -> TagTable:
    """The tag table in this text of that file. Raises UsageError if it is wrong or beyond these bounds."""
    try:
        document = read_toml(text, bounds)
    except ValueError as error:
        raise UsageError(
            f"not valid TOML: {error}",
            where=str(path),
            hint="Correct that line; docs/operations.md shows a complete tag",
        ) from error
    tables = document.get("tags")
    if not isinstance(tables, dict) or not tables:
        raise UsageError(
            "there are no tags in it",
            where=str(path),
            hint="Add at least one [tags.NAME] table; docs/operations.md shows a complete one",
        )
    return TagTable(make_tag(name, table, path) for name, table in tables.items())


def make_tag(name: str, table: Any, path: Path | None = None) -> Tag:
    """The tag of this name and these keys, as in the file. Raises UsageError for the first wrong one.

    The error names the tag and the key, and the file if there is one.
    """

    def wrong(what: str, hint: str) -> UsageError:
        if path is None:
            return UsageError(what, where=f"Tag {name}" if NAME.fullmatch(name) else "Name", hint=hint)
        return UsageError(
            what,
            where=f"{path}, [tags.{name!r}]" if not NAME.fullmatch(name) else f"{path}, [tags.{name}]",
            hint=hint,
        )

    if not NAME.fullmatch(name):
        raise wrong(
            f"{name!r} cannot be a tag's name",
            "Use letters, digits and _ . : / -, at most 128 of them",
        )
    if not isinstance(table, dict):
        raise wrong("a tag must be a table", f"Write [tags.{name}] and its keys below it")
    known = sorted((*KEYS, "profile"))
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise wrong(f"unknown key {unknown[0]!r}", f"Known keys: {', '.join(known)}")

    def text(key: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise wrong(f"{key} must be text, not {value!r}", "Put it in quotes")
        if unfit := UNFIT.search(value):
            raise wrong(
                f"{key} holds the invisible character U+{ord(unfit[0]):04X}, which would disturb the text "
                f"around it: {value[:100]!a}",
                "Delete that character",
            )
        return value

    def number(key: str) -> float:
        value = table.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(f"{key} must be a number, not {value!r}", "Give it in the tag's unit")
        if not 0 <= value < math.inf:
            raise wrong(f"{key} must be 0 or more, not {value!r}", "Give it in the tag's unit")
        return float(value)

    def span(key: str) -> tuple[float, float] | None:
        value = table.get(key)
        if value is None:
            return None
        ends = value if isinstance(value, list) else []
        if len(ends) != 2 or any(isinstance(e, bool) or not isinstance(e, int | float) for e in ends):
            raise wrong(f"{key} must be two numbers, not {value!r}", f"Write {key} = [low, high]")
        try:
            low, high = float(ends[0]), float(ends[1])
        except OverflowError as error:
            raise wrong(f"{key} has a number that is too large", f"Write {key} = [low, high]") from error
        if not low < high:
            raise wrong(f"{key} must go from low to high, not {value!r}", "Swap the two numbers")
        return low, high

    valid, normal = span("valid") or (-math.inf, math.inf), span("normal")
    if normal and not all(map(math.isfinite, normal)):
        raise wrong("normal must have two finite ends", "Give the usual band, or leave it out")
    if not text("label", "x").strip():
        raise wrong("label must not be empty", "Give it a name, or leave it out")
    if normal and not (valid[0] <= normal[0] and normal[1] <= valid[1]):
        raise wrong(
            f"the normal band {list(normal)} is not inside the valid range {list(valid)}",
            "Widen valid or narrow normal",
        )
    profile = table.get("profile", {})
    if not isinstance(profile, dict):
        raise wrong("profile must be a table", f"Write [tags.{name}.profile] and its keys below it")
    formula, tolerance = _calculated(table, text("formula", "").strip(), wrong)
    simulated = table.get("simulated", not formula and profile.get("simulate") is not False)
    if not isinstance(simulated, bool):
        raise wrong(f"simulated must be true or false, not {simulated!r}", "Write simulated = false")
    kind, states = _states(table, wrong)
    return Tag(
        name=name,
        label=text("label", name.replace("_", " ").capitalize()),
        unit=text("unit", ""),
        group=text("group", ""),
        description=text("description", ""),
        priority=_priority(table, wrong),
        valid=valid,
        normal=normal,
        noise=number("noise"),
        resolution=number("resolution"),
        profile=profile,
        simulated=simulated,
        states=states,
        kind=kind,
        formula=formula,
        tolerance=tolerance,
    )


def _priority(table: Mapping[str, Any], wrong: Callable[[str, str], UsageError]) -> str:
    priority = table.get("priority", "medium")
    if priority not in PRIORITIES:
        raise wrong(
            f"priority must be one of {', '.join(PRIORITIES)}, not {priority!r}", 'Write priority = "high"'
        )
    return str(priority)


def _calculated(
    table: Mapping[str, Any], formula: str, wrong: Callable[[str, str], UsageError]
) -> tuple[str, float]:
    """The formula and its tolerance in a tag's table, checked for all but the language itself."""
    tolerance = table.get("tolerance", Tag.tolerance)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float):
        raise wrong(f"tolerance must be a number, not {tolerance!r}", "Give it in seconds")
    if not 0 <= tolerance <= LONGEST_TOLERANCE:
        raise wrong(
            f"a tolerance of {tolerance} s cannot be used", f"Use 0 to {LONGEST_TOLERANCE:,.0f} seconds"
        )
    if len(formula) > LONGEST_FORMULA:
        what = f"a formula of {len(formula):,} characters is too long"
        raise wrong(what, f"Use at most {LONGEST_FORMULA:,}")
    if formula and table.get("simulated"):
        raise wrong("a calculated tag cannot be simulated", "Remove simulated or formula")
    for key in ("states", "kind"):
        if formula and table.get(key, "number") != "number":
            raise wrong(f"a calculated tag has numbers, and no {key}", f"Remove {key}")
    return formula, float(tolerance)


def _states(table: Mapping[str, Any], wrong: Callable[[str, str], UsageError]) -> tuple[str, tuple[str, ...]]:
    """The kind and the states in a tag's table; `wrong` makes the error for a wrong key."""
    kind, states = table.get("kind", "number"), table.get("states", [])
    if kind not in KINDS:
        raise wrong(f"kind must be one of {', '.join(KINDS)}, not {kind!r}", 'Write kind = "text"')
    if not isinstance(states, list) or not all(isinstance(state, str) for state in states):
        raise wrong(f"states must be a list of words, not {states!r}", 'Write states = ["closed", "open"]')
    if states and kind != "number":
        raise wrong(f"a tag of kind {kind} cannot list its states", "Leave out kind or states")
    if "states" in table and not states:
        raise wrong("states must not be empty", 'Write states = ["closed", "open"]')
    if len(states) > MOST_STATES:
        raise wrong(f"{len(states):,} states are too many", f"List at most {MOST_STATES:,}")
    unfit = [
        state for state in states if not state.strip() or len(state) > LONGEST_STATE or UNFIT.search(state)
    ]
    if unfit:
        raise wrong(
            f"{unfit[0][:LONGEST_STATE]!a} cannot be a state",
            f"Use 1 to {LONGEST_STATE} printable characters",
        )
    folded = Counter(state.strip().casefold() for state in states)
    if twice := [state for state, count in folded.items() if count > 1]:
        raise wrong(f"the state {twice[0]!r} occurs twice", "Give each state its own word")
    states = list(BOOLEAN) if kind == "boolean" else [state.strip() for state in states]
    if states or kind == "text":
        for key in _NUMBERS_ONLY:
            if key in table:
                raise wrong(f"{key} means nothing for a tag of states", f"Remove {key}")
    return kind, tuple(states)
