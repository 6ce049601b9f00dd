"""The small members of a case, checked: its tags, detector settings, actions, state words and notes.

Every function raises UsageError with one line for the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sensormon.detectors import make
from sensormon.events.actions import checked
from sensormon.events.annotations import checked as noted
from sensormon.exchange import case_format
from sensormon.exchange.case_format import Manifest, bad, parse_json, text, whole
from sensormon.exchange.case_format import time as time_of
from sensormon.ingest.states import problem_of
from sensormon.ingest.validation import SHOWN
from sensormon.model.entries import Annotation, DetectorSettings, EventAction
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Choice, Profiles, read_profiles
from sensormon.model.state_words import Words
from sensormon.model.tags import MOST_STATES, Tag, TagTable, read_tags
from sensormon.model.toml_text import FOREIGN

_MOST_ACTIONS = 100_000
_MOST_NAMED = 1_000_000
_MOST_SETTINGS = 1_000
_PLAIN = str.maketrans("[]<>`", "()()'")


def tags_of(path: Path, manifest: Manifest) -> TagTable:
    """The tags of the case, in the order of its manifest; the simulator leaves them alone."""
    try:
        table = read_tags(path, FOREIGN)
    except UsageError as error:
        raise bad(f"tags.toml: {error.what[:SHOWN]}") from error
    if set(table.names) != set(manifest.tags):
        raise bad("its tags are not those of its manifest")
    return TagTable(_portable(table[name]) for name in manifest.tags)


def _portable(tag: Tag) -> Tag:
    """The tag as it is stored here: no long text, and none that a page would render as a link."""
    texts = []
    for words in (tag.label, tag.unit, tag.group):
        if len(words) > SHOWN or not (words.isprintable() or not words):
            raise bad(f"{tag.name}: its label, unit or group is too long or not text")
        texts.append(words.translate(_PLAIN))
    label, unit, group = texts
    return replace(tag, label=label, unit=unit, group=group, profile={}, simulated=False)


def _list(data: bytes, name: str, most: int) -> list[Any]:
    rows = parse_json(data, name)
    if not isinstance(rows, list) or len(rows) > most:
        raise bad(f"{name} is not a list of at most {most:,}")
    return rows


def settings_of(data: bytes) -> dict[int, DetectorSettings]:
    """The versions of the detector settings, by their id in the case."""
    settings: dict[int, DetectorSettings] = {}
    for row in _list(data, case_format.SETTINGS_FILE, _MOST_SETTINGS):
        number = whole(row, "id", (1 << 31) - 1)
        params = case_format.mapping(row, "params")
        if number in settings or not all(type(value) in (int, float) for value in params.values()):
            raise bad("its detector settings are not what they must be")
        name = text(row, "detector", 100)
        profiles = _profiles(row.get("profiles"))
        version = DetectorSettings(
            number,
            time_of(row, "applied"),
            text(row, "who", 200),
            name,
            params,
            {},
            profiles,
            text({"reason": "", **row}, "reason"),
        )
        for choice in (Choice(name, params), *_choices(version)):
            try:
                make(choice.detector, **choice.params)
            except UsageError as error:
                raise bad(
                    f"its readings were scored with {choice.detector[:50]!r}, which this version does not "
                    "know so",
                    "Update the program",
                ) from error
        if version.in_use.default.detectors[0].detector != name:
            raise bad("its detector settings contradict their profiles")
        settings[number] = version
    return settings


def _choices(version: DetectorSettings) -> Iterator[Choice]:
    return (choice for profile in version.in_use.profiles for choice in profile.detectors)


def _profiles(document: object) -> Profiles | None:
    """The profiles of a version; None for one from before there were any."""
    if document is None:
        return None
    try:
        return read_profiles(document)
    except UsageError as error:
        raise bad(f"its profiles cannot be used: {error.what[:SHOWN]}") from error


def actions_of(data: bytes) -> tuple[EventAction, ...]:
    """What people did with the events of the case."""
    actions, named = [], 0
    for row in _list(data, case_format.ACTIONS_FILE, _MOST_ACTIONS):
        readings = row.get("readings") if isinstance(row, dict) else None
        if not isinstance(readings, list):
            raise bad("actions.json is not what it must be")
        named += len(readings)
        if named > _MOST_NAMED:
            raise bad(f"more than {_MOST_NAMED:,} events were acted on")
        until = time_of(row, "until") if text(row, "until") else None
        try:
            actions.append(
                checked(
                    readings,
                    text(row, "action"),
                    text(row, "who"),
                    time_of(row, "time"),
                    label=text(row, "label"),
                    note=text(row, "note"),
                    until=until,
                )
            )
        except UsageError as error:
            raise bad(f"actions.json: {error.what}") from error
    return tuple(actions)


def words_of(path: Path, tags: TagTable) -> Words:
    """The words of every tag of states; older cases have no such member, and no such tags."""
    words: dict[str, dict[float, str]] = {tag.name: {} for tag in tags if tag.has_states}
    rows = _list(path.read_bytes(), path.name, case_format.MOST_WORDS) if path.exists() else []
    for row in rows:
        name, word = text(row, "tag"), row.get("word")
        code = whole(row, "code", case_format.HIGHEST_CODE)
        if name not in words or code in words[name] or len(words[name]) >= MOST_STATES:
            raise bad(f"{path.name} has words that do not belong in it")
        if not isinstance(word, str) or problem_of(word):
            raise bad(f"{path.name}: {problem_of(word) if isinstance(word, str) else 'a word is missing'}")
        words[name][code] = word
    return words


def notes_of(path: Path, manifest: Manifest) -> tuple[Annotation, ...]:
    """The notes; none if the case has no such member, as older ones."""
    if not path.exists():
        return ()
    notes = []
    for row in _list(path.read_bytes(), path.name, case_format.MOST_NOTES):
        tags = row.get("tags") if isinstance(row, dict) else None
        if not isinstance(tags, list) or not tags or not set(map(str, tags)) <= set(manifest.tags):
            raise bad("there is a note on tags that are not in it")
        since, until, written = (time_of(row, name) for name in ("since", "until", "time"))
        try:
            note = noted(text(row, "text"), text(row, "who"), since, until, list(map(str, tags)), written)
        except UsageError as error:
            raise bad(f"{path.name}: {error.what}") from error
        notes.append(replace(note, id=text(row, "id", 64)))
    return tuple(notes)
