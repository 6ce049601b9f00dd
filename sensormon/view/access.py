"""Roles and the audit trail in words: what each role may do, the values before and after a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from sensormon.access.person import Person, Way
from sensormon.access.roles import GIVEN, NEEDS, Act, Role
from sensormon.model.entries import AuditRecord
from sensormon.model.format import counted, listed
from sensormon.model.tag_edit import cells
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import to_datetime

LISTED_IDS = 50
"""Ids of events named in a record of the audit trail; the others are counted."""

WORDS: Mapping[Act, str] = MappingProxyType(
    {
        Act.SIGN_IN: "Sign in",
        Act.SIGN_OUT: "Sign out",
        Act.LOOK: "See every page",
        Act.EXPLORE: "Explore the history",
        Act.TRY_SETTINGS: "Try detector settings on the history",
        Act.EXPORT: "Export readings, events and cases",
        Act.SAVE_VIEWS: "Save views and choose a home page",
        Act.CHANGE_OWN_ACCOUNT: "Change one's own password",
        Act.ACKNOWLEDGE: "Acknowledge events",
        Act.LABEL: "Label events",
        Act.SHELVE: "Shelve events",
        Act.NOTE: "Write and remove notes",
        Act.EDIT_BOARDS: "Change boards, and share saved views",
        Act.APPLY_SETTINGS: "Apply detector settings to live monitoring",
        Act.EDIT_TAGS: "Add, change and remove tags",
        Act.EDIT_FRAMES: "Save and remove event frames",
        Act.SCHEDULE_REPORTS: "Schedule reports",
        Act.IMPORT: "Import history",
        Act.OPEN_CASE: "Open cases",
        Act.CAUSE_FAULT: "Start simulated faults and failure drills",
        Act.RETRY_DEAD_LETTERS: "Retry dead letters",
        Act.ACCEPT_LOSS: "Acknowledge reported losses",
        Act.SET_RETENTION: "Set how long readings are kept",
        Act.ROLL_UP: "Roll up old readings",
        Act.MANAGE_USERS: "Manage users",
        Act.MANAGE_SESSIONS: "End other people's sessions",
        Act.MANAGE_TOKENS: "Manage API tokens",
        Act.READ_AUDIT: "Read the audit trail",
        Act.MANAGE_SOURCES: "Add, change and remove sources",
        Act.MANAGE_NOTIFICATIONS: "Decide who is notified of what",
    }
)
"""What each act is, as something that people may do; without those that nothing here does yet."""

_KNOWN_BY: Mapping[Way, str] = MappingProxyType(
    {
        Way.ACCOUNT: "By an account kept here.",
        Way.PROVIDER: "By the identity provider.",
        Way.PROXY: "By the proxy in front of this monitor.",
        Way.MACHINE: (
            "By this machine: the page was opened on the machine where sensormon runs. A name that you give "
            "is recorded as unverified."
        ),
        Way.COMMAND_LINE: "By the command line on this machine.",
        Way.OPEN: (
            "By open access: anyone who reaches this port may do everything here. A name that you give is "
            "recorded as unverified."
        ),
        Way.LINK: "By a link in a message that went to this contact.",
        Way.VISITOR: "Not known: you have not signed in.",
    }
)

_MODES: Mapping[str, str] = MappingProxyType(
    {
        "local": (
            "Whoever sits at the machine where sensormon runs is administrator; everyone else is a viewer "
            "until they sign in with an account."
        ),
        "users": "People sign in with an account. Anyone not signed in sees only the sign-in page.",
        "oidc": (
            "People sign in at the identity provider, and the roles file gives them their role. Accounts "
            "are not used."
        ),
        "proxy": (
            "The proxy in front of this monitor signs people in, and the roles file gives them their role. "
            "Accounts are not used."
        ),
        "open": (
            "Anyone who reaches this port may do everything here. Accounts count once SENSORMON_ACCESS is "
            "local or users."
        ),
    }
)


def who_words(person: Person) -> str:
    """Who is at the page, short enough for a head; the popover says how that is known.

    >>> who_words(Person("", Role.ADMINISTRATOR, Way.MACHINE))
    'Signed in as administrator'
    """
    if person.name:
        return signed_in_words(person)
    return f"Signed in as {person.typed} (unverified)" if person.typed else f"Signed in as {person.role}"


def signed_in_words(person: Person) -> str:
    """Who is at the page, in the words of a sign-in.

    >>> signed_in_words(Person("Jana", Role.OPERATOR, Way.ACCOUNT))
    'Signed in as Jana (operator)'
    """
    if person.name:
        return f"Signed in as {person.name} ({person.role})"
    if person.typed:
        return f"Signed in as {person.typed}, unverified ({person.role})"
    return f"Signed in as {person.role} ({person.way})"


def mode_words(mode: str) -> str:
    """How people get their role under this value of SENSORMON_ACCESS, in a sentence."""
    return _MODES[mode]


def known_by_words(way: Way) -> str:
    """How the monitor knows a person, in a sentence."""
    return _KNOWN_BY[way]


def may_do(role: Role) -> list[tuple[str, str]]:
    """What each role up to this one adds, the lowest first.

    >>> [(given, words.split(",")[0]) for given, words in may_do(Role.OPERATOR)]
    [('viewer', 'See every page'), ('operator', 'Acknowledge events')]
    """
    return [(str(given), _sentence(_of(given))) for given in GIVEN if given <= role]


def roles_table() -> pd.DataFrame:
    """Every act with the role that it needs, the lowest roles first."""
    acts = [act for given in GIVEN for act in WORDS if NEEDS[act] is given]
    return pd.DataFrame(
        {"Act": [WORDS[act] for act in acts], "Role needed": [str(NEEDS[act]) for act in acts]}
    )


def _of(role: Role) -> list[str]:
    return [words for act, words in WORDS.items() if NEEDS[act] is role]


def _sentence(acts: Sequence[str]) -> str:
    return ", ".join([acts[0], *(act[:1].lower() + act[1:] for act in acts[1:])])


def events_words(ids: Sequence[int]) -> str:
    """Events as the subject of a record.

    >>> events_words([7, 9])
    '2 events: 7, 9'
    """
    return f"{counted(len(ids), 'event')}: {listed(ids, LISTED_IDS)}"


def tally(values: Iterable[str], empty: str) -> str:
    """Values with how often each occurs, for the many events of one act; `empty` names the empty one.

    >>> tally(["true"], "no label"), tally(["", "true", ""], "no label")
    ('true', '2 × no label, 1 × true')
    """
    counts = Counter(value or empty for value in values)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count:,} × {value}" for value, count in counts.most_common())


def days_words(days: int) -> str:
    """How long readings are kept at full resolution.

    >>> days_words(0), days_words(30)
    ('unlimited', '30 days')
    """
    return counted(days, "day") if days else "unlimited"


def tag_values(before: TagTable, after: TagTable) -> tuple[str, str]:
    """The fields that differ between two tag tables, with their values before and after."""
    olds, news = _fields(before), _fields(after)
    was, now = [], []
    for name in dict.fromkeys([*olds, *news]):
        old, new = olds.get(name), news.get(name)
        if old == new:
            continue
        differ = [field for field in old or new or {} if (old or {}).get(field) != (new or {}).get(field)]
        was.append(f"{name}: {_listed(old, differ)}" if old else f"{name}: no such tag")
        now.append(f"{name}: {_listed(new, differ)}" if new else f"{name}: removed")
    return "; ".join(was), "; ".join(now)


def _fields(tags: TagTable) -> dict[str, dict[str, str]]:
    frame = cells(tags).astype(object)
    rows = frame.where(frame.notna(), "").to_dict("records")
    return {
        str(row["Name"]): {
            str(field).lower(): f"{value:g}" if isinstance(value, float) else str(value)
            for field, value in row.items()
            if field != "Name"
        }
        for row in rows
    }


def _listed(fields: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {fields[name] or 'none'}" for name in names)


def audit_table(records: Sequence[AuditRecord]) -> pd.DataFrame:
    """The records in their order, times in UTC; one that was refused or failed says so first."""
    return pd.DataFrame(
        {
            "Time": pd.to_datetime([record.time for record in records], unit="us", utc=True),
            "Who": [record.who for record in records],
            "Act": [record.act for record in records],
            "What": [record.subject for record in records],
            "Before": [record.before for record in records],
            "After": [record.after for record in records],
            "Outcome": [f"✕ {record.failure}" if record.failure else "done" for record in records],
            "Role": [record.role for record in records],
            "Address": [record.address for record in records],
        }
    )


def audit_file(records: Sequence[AuditRecord]) -> pd.DataFrame:
    """The records for a file: every field in a column of its own."""
    return pd.DataFrame(
        {
            "time": pd.to_datetime([record.time for record in records], unit="us", utc=True),
            "who": [record.who for record in records],
            "verified": [record.verified for record in records],
            "role": [record.role for record in records],
            "address": [record.address for record in records],
            "act": [record.act for record in records],
            "subject": [record.subject for record in records],
            "before": [record.before for record in records],
            "after": [record.after for record in records],
            "failure": [record.failure for record in records],
        }
    )


def browser_words(agent: str) -> str:
    """A browser by its User-Agent header, in two words if it is a usual one.

    >>> browser_words("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36")
    'Chrome on Linux'
    """
    names = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {
        "Android": "Android",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Windows": "Windows",
        "Mac OS": "macOS",
        "Linux": "Linux",
    }
    name = next((name for mark, name in names.items() if mark in agent), "")
    system = next((system for mark, system in systems.items() if mark in agent), "")
    return f"{name} on {system}" if name and system else agent[:60] or "unknown"


def times_column(times: Sequence[int]) -> list[object]:
    """Times (µs UTC) for a table; 0 is an empty cell."""
    return [to_datetime(time) if time else pd.NaT for time in times]
