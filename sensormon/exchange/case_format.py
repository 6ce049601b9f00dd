"""A case: one file with a stretch of history that another installation opens to the same view.

A zip file with these members and no others, each named in the manifest with its size and SHA-256:

    manifest.json      {"format", "version", "name", "created", "application", "since", "until", "tags",
                       "readings", "flagged", "view", "titles", "members": {NAME: {"bytes", "sha256"}}}
    readings.parquet   the readings in order of arrival, `READINGS`
    rejected.parquet   the readings refused meanwhile, `REJECTED`
    faults.parquet     the simulator's faults, `FAULTS`
    tags.toml          the tags, as in the tag table, without how they are simulated
    settings.json      the versions of the settings that scored the readings, with their profiles
    actions.json       people's actions on events, by the ids of flagged readings
    annotations.json   notes on times and spans
    states.json        the words of the states' codes: [{"tag", "code", "word"}]; without states there is none

Times are ISO 8601 with Z in JSON, timestamps[us, UTC] in Parquet. Members may be deflated; the
Parquet inside is not compressed, so that a file never takes more than the zip's directory says.
`titles` has each tag's name in addresses, for `view`, the page the case was made from.

What it is not: a backup. It has neither the journal nor the ledger, and does not say from which
source a reading came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sensormon.model import timestamps
from sensormon.model.errors import UsageError
from sensormon.model.json_text import read_json

FORMAT, VERSION, SUFFIX = "sensormon-case", 2, "sensormon"
READABLE = (1, VERSION)
"""The versions that this program reads. Before 2 the readings had no profiles: `READINGS_BEFORE`."""
MEDIA_TYPE = "application/zip"

MANIFEST = "manifest.json"
READINGS_FILE, REJECTED_FILE, FAULTS_FILE = "readings.parquet", "rejected.parquet", "faults.parquet"
TAGS_FILE, SETTINGS_FILE, ACTIONS_FILE = "tags.toml", "settings.json", "actions.json"
ANNOTATIONS_FILE, STATES_FILE = "annotations.json", "states.json"

MEMBERS: Mapping[str, int] = {
    READINGS_FILE: 4 << 30,
    REJECTED_FILE: 256 << 20,
    FAULTS_FILE: 256 << 20,
    TAGS_FILE: 4 << 20,
    SETTINGS_FILE: 4 << 20,
    ACTIONS_FILE: 64 << 20,
    ANNOTATIONS_FILE: 16 << 20,
    STATES_FILE: 16 << 20,
}
"""The members that a case may have beside the manifest, and the most bytes of each."""

REQUIRED = frozenset(MEMBERS) - {ANNOTATIONS_FILE, STATES_FILE}
MANIFEST_BYTES = 4 << 20
GROUP = 50_000
"""The most rows in a Parquet row group."""
MOST_READINGS = 50_000_000
MOST_OTHERS = 1_000_000
MOST_TAGS = 5_000
MOST_NOTES = 10_000
MOST_WORDS = 100_000
HIGHEST_CODE = 1 << 53
LONGEST_TEXT = 1_000
LONGEST_VIEW = 20_000
_MOST_VALUES = 4_000_000
"""The most values in a JSON member: each takes up to a hundred bytes of memory once it is read."""

_TIME = pa.timestamp("us", "UTC")

READINGS_BEFORE = pa.schema(
    [
        pa.field("id", pa.int64()),
        pa.field("tag", pa.string()),
        pa.field("time", _TIME),
        pa.field("value", pa.float64()),
        pa.field("quality", pa.uint32()),
        pa.field("n", pa.int64()),
        pa.field("score", pa.float64()),
        pa.field("expected", pa.float64()),
        pa.field("lower", pa.float64()),
        pa.field("upper", pa.float64()),
        pa.field("is_anomaly", pa.bool_()),
        pa.field("settings", pa.int32()),
        pa.field("origin", pa.string()),
    ]
)
"""Only score, expected, lower and upper may be null."""

OWN = pa.list_(
    pa.field(
        "element",
        pa.struct(
            [
                pa.field("detector", pa.string()),
                *(pa.field(name, pa.float64()) for name in ("score", "expected", "lower", "upper")),
            ]
        ),
    )
)
"""What each detector of a reading's profile said of it."""

READINGS = pa.schema(
    [
        *READINGS_BEFORE,
        pa.field("threshold", pa.float64()),
        pa.field("profile", pa.string()),
        pa.field("detector", pa.string()),
        pa.field("withheld", pa.uint8()),
        pa.field("own", OWN),
    ]
)
"""What a profile said may be null too."""

REJECTED = pa.schema(
    [
        pa.field("received", _TIME),
        pa.field("position", pa.int32()),
        *(pa.field(name, pa.string()) for name in ("tag", "time", "value", "reason", "detail")),
    ]
)

FAULTS = pa.schema([pa.field("tag", pa.string()), pa.field("time", _TIME), pa.field("fault", pa.string())])


@dataclass(frozen=True)
class Manifest:
    """A case's own description. Times in µs UTC; `members` has size and SHA-256 by name."""

    name: str
    created: int
    application: str
    since: int
    until: int
    tags: tuple[str, ...]
    readings: int
    flagged: int
    view: str
    titles: Mapping[str, str]
    members: Mapping[str, tuple[int, str]]

    def render(self) -> bytes:
        """As JSON; UTF-8."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "created": timestamps.render(self.created),
            "application": self.application,
            "since": timestamps.render(self.since),
            "until": timestamps.render(self.until),
            "tags": self.tags,
            "readings": self.readings,
            "flagged": self.flagged,
            "view": self.view,
            "titles": dict(self.titles),
            "members": {
                name: {"bytes": size, "sha256": digest} for name, (size, digest) in self.members.items()
            },
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


def of_file(error: UsageError, name: str) -> UsageError:
    """The error with the name by which a person knows the file."""
    return UsageError(error.what, where=name, hint=error.hint) if error.where == "case" else error


def bad(what: str, hint: str = "Ask for the case to be saved again") -> UsageError:
    """The error for a case that cannot be opened."""
    return UsageError(f"it cannot be opened: {what}", where="case", hint=hint)


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in these bytes. Raises UsageError unless it is one of this version."""
    document = parse_json(data, MANIFEST)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise bad("it is not a case", "Choose a file made with Save a case or python -m sensormon case")
    if document.get("version") not in READABLE:
        raise bad(
            f"it is of version {str(document.get('version'))[:20]}, and this program reads up to {VERSION}",
            "Update the program, or ask for a case saved by this version",
        )
    members: dict[str, tuple[int, str]] = {}
    for name, about in mapping(document, "members").items():
        if name not in MEMBERS:
            raise bad(f"it has a part {name[:50]!r} that is unknown")
        digest = text(about, "sha256") if isinstance(about, dict) else ""
        members[name] = whole(about, "bytes", MEMBERS[name]), digest
    if missing := REQUIRED - set(members):
        raise bad(f"its manifest has no {min(missing)}")
    names = document.get("tags")
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_TAGS:
        raise bad(f"it must have 1 to {MOST_TAGS:,} tags")
    tags = tuple(str(name) for name in names)
    if len(set(tags)) < len(tags):
        raise bad("a tag occurs twice")
    titles = mapping(document, "titles")
    manifest = Manifest(
        name=text(document, "name"),
        created=time(document, "created"),
        application=text(document, "application"),
        since=time(document, "since"),
        until=time(document, "until"),
        tags=tags,
        readings=whole(document, "readings", MOST_READINGS),
        flagged=whole(document, "flagged", MOST_READINGS),
        view=text(document, "view", LONGEST_VIEW),
        titles={name: text(titles, name) for name in tags if name in titles},
        members=members,
    )
    if not manifest.since < manifest.until:
        raise bad("its span ends before it begins")
    return manifest


def parse_json(data: bytes, name: str) -> Any:
    """The JSON in these bytes. Raises UsageError, also if it has NaN, or too much or too deep."""
    if sum(map(data.count, (b",", b":", b"[", b"{"))) > _MOST_VALUES:
        raise bad(f"{name} has more than {_MOST_VALUES:,} values")
    try:
        return read_json(data.decode("utf-8"))
    except ValueError as error:
        raise bad(f"{name} cannot be read") from error


def mapping(about: object, key: str) -> dict[str, Any]:
    """The object under this key. Raises UsageError, like the next three, if there is none."""
    value = about.get(key) if isinstance(about, dict) else None
    if not isinstance(value, dict):
        raise bad(f"{key} is missing or not what it must be")
    return value


def text(about: object, key: str, longest: int = LONGEST_TEXT) -> str:
    """Printable text under this key, no longer than `longest`."""
    value = about.get(key) if isinstance(about, dict) else None
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise bad(f"{key} is missing, too long or not text")
    return value


def whole(about: object, key: str, most: int) -> int:
    """A whole number of 0 to `most` under this key."""
    value = about.get(key) if isinstance(about, dict) else None
    if type(value) is not int or not 0 <= value <= most:
        raise bad(f"{key} is missing or not a whole number of 0 to {most:,}")
    return value


def time(about: object, key: str) -> int:
    """A time under this key, in µs UTC."""
    try:
        return timestamps.parse(text(about, key, 40))
    except (ValueError, OverflowError) as error:
        raise bad(f"{key} is not a time") from error
