"""The tag table as a person edits it: a frame of cells in; tags, problems and changes in words out.

Pure. What it is not: the file (see `tag_file`), or a place for how tags are simulated: a profile
is not shown and stays as it is, and so do a tag's kind, states and formula.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from sensormon.model.errors import UsageError
from sensormon.model.tags import Tag, TagTable, make_tag

TEXTS = {"Name": 128, "Label": 100, "Unit": 20, "Group": 100, "Description": 500}
"""The text columns with the longest text a person may enter; the file may have longer ones."""
NUMBERS = ("Valid low", "Valid high", "Normal low", "Normal high", "Noise", "Resolution")
"""The columns of numbers, in the tag's unit. An empty end of the valid range is open."""
PRIORITY = "Priority"
"""The column of one of `PRIORITIES`; empty in a new row: medium."""
SIMULATED = "Simulated"
"""The column that says whether the simulator makes the tag's readings; empty in a new row: it does not."""


@dataclass(frozen=True)
class Edited:
    """The result of an edit: the table, or one line for each wrong cell.

    `renamed` maps each renamed tag to its new name.
    """

    tags: TagTable
    problems: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


def cells(tags: TagTable) -> pd.DataFrame:
    """A row a tag, in the table's order: the columns of `TEXTS`, of `NUMBERS`, `PRIORITY`, `SIMULATED`."""
    rows = [
        (
            tag.name,
            tag.label,
            tag.unit,
            tag.group,
            tag.description,
            *(_ends(tag.valid)),
            *(_ends(tag.normal)),
            tag.noise or None,
            tag.resolution or None,
            tag.priority,
            tag.simulated,
        )
        for tag in tags
    ]
    frame = pd.DataFrame(rows, columns=[*TEXTS, *NUMBERS, PRIORITY, SIMULATED])
    for name in TEXTS:
        frame[name] = frame[name].astype("str")
    for name in NUMBERS:
        frame[name] = frame[name].astype("float64")
    frame[SIMULATED] = frame[SIMULATED].astype("boolean")
    return frame


def read_cells(frame: pd.DataFrame, before: TagTable) -> Edited:
    """The tags in these cells. Rows with the index of a row of `cells(before)` are that tag, changed.

    Empty rows are ignored. Never raises for what a person can enter into a cell; `problems`
    has one line for each problem, naming the tag and the column.
    """
    names, old = set[str](), dict(enumerate(before))
    tags: list[Tag] = []
    problems: list[str] = []
    renamed: dict[str, str] = {}
    for index, row in frame.iterrows():
        texts = {name: _text(row[name]) for name in TEXTS}
        numbers = {name: _number(row[name]) for name in NUMBERS}
        if not any(texts.values()) and all(number is None for number in numbers.values()):
            continue
        was = old.get(index) if isinstance(index, int) else None
        name = texts["Name"]
        wrong = list(_wrong(texts, numbers, names, len(tags) + len(problems) + 1))
        wrong += _too_long(texts, was) if name else ()
        names.add(name)
        if not wrong:
            try:
                tags.append(_made(texts, numbers, _text(row[PRIORITY]), was, _checked(row[SIMULATED])))
            except UsageError as error:
                wrong = [f"{error}"]
            else:
                if was is not None and was.name != name:
                    renamed[was.name] = name
        problems += wrong
    if not tags and not problems:
        problems = ["There must be at least one tag. Add a row with a name"]
    return Edited(TagTable(tags), tuple(problems), renamed)


def _wrong(
    texts: Mapping[str, str], numbers: Mapping[str, float | None], names: set[str], row: int
) -> Iterator[str]:
    """Problems that no file could hold, or that the file's own check would word for the file."""
    name = texts["Name"]
    if not name:
        label = f" ({texts['Label']})" if texts["Label"] else ""
        yield f"Row {row}{label}, Name: it is missing. Give one of letters, digits and _ . : / -"
        return
    where = f"Tag {name}"
    if name in names:
        yield f"{where}, Name: another row has it too. Give each tag its own"
    for column in NUMBERS:
        number = numbers[column]
        if number is not None and not math.isfinite(number):
            yield f"{where}, {column}: {number} is not a number. Leave it empty for none"
        elif column in ("Noise", "Resolution") and number is not None and number < 0:
            yield f"{where}, {column}: {number:g} is below 0. Give 0 or more, or leave it empty"
    yield from _wrong_ranges(where, numbers)


def _too_long(texts: Mapping[str, str], was: Tag | None) -> Iterator[str]:
    """Texts that this edit made too long; a long text that the file already has is allowed."""
    for column, longest in TEXTS.items():
        text = texts[column]
        if len(text) > longest and (was is None or text != getattr(was, column.lower()).strip()):
            yield f"Tag {texts['Name']}, {column}: {len(text)} characters are too many. Use {longest} at most"


def _wrong_ranges(where: str, numbers: Mapping[str, float | None]) -> Iterator[str]:
    for kind in ("Valid", "Normal"):
        low, high = numbers[f"{kind} low"], numbers[f"{kind} high"]
        if low is not None and high is not None and not low < high:
            yield f"{where}, {kind} low: {low:.10g} is not below {kind} high, {high:.10g}. Correct one"
        if kind == "Normal" and (low is None) != (high is None):
            yield f"{where}, Normal {'low' if low is None else 'high'}: it is missing. Give both or neither"
    low, high = (-math.inf if numbers["Valid low"] is None else numbers["Valid low"], numbers["Valid high"])
    if high is not None and not low < high:
        return
    for side, sign in (("low", 1), ("high", -1)):
        valid, normal = numbers[f"Valid {side}"], numbers[f"Normal {side}"]
        if valid is not None and normal is not None and sign * normal < sign * valid:
            yield (
                f"{where}, Normal {side}: {normal:.10g} is outside the valid range, {side} {valid:.10g}. "
                "Widen valid or narrow normal"
            )


def _made(
    texts: Mapping[str, str],
    numbers: Mapping[str, float | None],
    priority: str,
    was: Tag | None,
    simulated: bool,
) -> Tag:
    """The tag, checked by the file's own rules; what no cell holds stays as it was."""
    table: dict[str, Any] = {
        column.lower(): texts[column] for column in ("Unit", "Group", "Description") if texts[column]
    }
    if priority:
        table["priority"] = priority.lower()
    if texts["Label"]:
        table["label"] = texts["Label"]
    low, high = numbers["Valid low"], numbers["Valid high"]
    if low is not None or high is not None:
        table["valid"] = [-math.inf if low is None else low, math.inf if high is None else high]
    low, high = numbers["Normal low"], numbers["Normal high"]
    if low is not None and high is not None:
        table["normal"] = [low, high]
    for key, column in (("noise", "Noise"), ("resolution", "Resolution")):
        if numbers[column]:
            table[key] = numbers[column]
    calculated = was is not None and bool(was.formula)
    table["simulated"] = simulated and not calculated
    if was is not None and calculated:
        table |= {"formula": was.formula, "tolerance": was.tolerance}
    if was is not None and was.kind != "number":
        table["kind"] = was.kind
    elif was is not None and was.states:
        table["states"] = list(was.states)
    tag = make_tag(texts["Name"], table)
    return replace(tag, profile=was.profile) if was is not None else tag


def changes(before: TagTable, after: TagTable) -> list[str]:
    """The differences, one line per tag, removals first: "Fermenter pH: normal 6.5–7.5 → 6.6–7.4 pH"."""
    lines = [
        f"{before.title(tag.name)}: removed; its readings stay, new ones are rejected"
        for tag in before
        if tag.name not in after
    ]
    for tag in after:
        if tag.name not in before:
            facts = [text for key in _KEYS if key != "label" and (text := _fact(tag, key)) != "none"]
            named = f"{tag.label} ({tag.name})"
            lines.append(f"{named}: added" + (f", {', '.join(facts)}" if facts else ""))
        elif parts := list(_differences(before[tag.name], tag)):
            lines.append(f"{before.title(tag.name)}: {'; '.join(parts)}")
    return lines


def narrowed(before: TagTable, after: TagTable) -> list[Tag]:
    """The tags whose valid range excludes values that were valid before."""
    return [
        tag
        for tag in after
        if tag.name in before
        and (tag.valid[0] > before[tag.name].valid[0] or tag.valid[1] < before[tag.name].valid[1])
    ]


_WORDS = ("label", "group", "unit", "description", "priority", "kind", "formula")
_KEYS = (*_WORDS, "valid", "normal", "noise", "resolution", "states", "tolerance")


def _differences(old: Tag, new: Tag) -> Iterator[str]:
    for key in _KEYS:
        if getattr(old, key) == getattr(new, key):
            continue
        if key in _WORDS:
            yield f"{key} {getattr(old, key) or 'none'} → {getattr(new, key) or 'none'}"
        else:
            was, now = (_value(tag, key) for tag in (old, new))
            own = " s" if key == "tolerance" else f" {new.unit}" if new.unit and key != "states" else ""
            unit = own if now != "none" else ""
            yield f"{key} {was} → {now}{unit}"
    if old.simulated != new.simulated:
        yield "simulated from now on" if new.simulated else "no longer simulated"


def _fact(tag: Tag, key: str) -> str:
    text = _value(tag, key)
    if text == "none" or (key == "tolerance" and not tag.formula):
        return "none"
    plain = key in (*_WORDS, "states")
    unit = " s" if key == "tolerance" else f" {tag.unit}" if tag.unit and not plain else ""
    return f"{key} {text}{unit}"


def _value(tag: Tag, key: str) -> str:
    value = getattr(tag, key)
    if key in ("valid", "normal"):
        if value is None or not any(map(math.isfinite, value)):
            return "none"
        low, high = value
        if math.isinf(low):
            return f"up to {high:,.10g}"
        return f"from {low:,.10g}" if math.isinf(high) else f"{low:,.10g}–{high:,.10g}"
    if isinstance(value, float):
        return f"{value:,.10g}" if value else "none"
    if key == "states":
        return ", ".join(value) or "none"
    usual = {"kind": "number", "priority": "medium"}
    return str(value) if value and value != usual.get(key) else "none"


def _ends(span: tuple[float, float] | None) -> tuple[float | None, float | None]:
    low, high = span or (math.inf, math.inf)
    return (low if math.isfinite(low) else None, high if math.isfinite(high) else None)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value).strip()


def _checked(value: Any) -> bool:
    return not pd.isna(value) and bool(value)


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
