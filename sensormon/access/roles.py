"""The roles, and the one table that says which role each act needs.

A role may do everything that the roles below it may. What it is not: how a role is given to
somebody; see `identity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType

from sensormon.model.errors import UsageError


class Role(IntEnum):
    """The roles in rising order. NOBODY is somebody who has to sign in first."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ENGINEER = 3
    ADMINISTRATOR = 4

    def __str__(self) -> str:
        return self.name.lower()


GIVEN = (Role.VIEWER, Role.OPERATOR, Role.ENGINEER, Role.ADMINISTRATOR)
"""The roles that an account can have."""


class Act(StrEnum):
    """Everything that a person can do here. The values are the audit trail's words."""

    SIGN_IN = "sign in"
    SIGN_OUT = "sign out"
    LOOK = "look"
    EXPLORE = "explore"
    TRY_SETTINGS = "try settings"
    EXPORT = "export"
    SAVE_VIEWS = "save views"
    CHANGE_OWN_ACCOUNT = "change own password"
    ACKNOWLEDGE = "acknowledge"
    LABEL = "label"
    SHELVE = "shelve"
    NOTE = "note"
    EDIT_BOARDS = "edit boards"
    APPLY_SETTINGS = "apply settings"
    TRAIN_MODEL = "train model"
    EDIT_TAGS = "edit tags"
    EDIT_FRAMES = "edit event frames"
    SCHEDULE_REPORTS = "schedule reports"
    IMPORT = "import"
    OPEN_CASE = "open case"
    CAUSE_FAULT = "cause fault"
    RETRY_DEAD_LETTERS = "retry dead letters"
    SET_RETENTION = "set retention"
    ROLL_UP = "roll up"
    DELETE = "delete"
    MANAGE_USERS = "manage users"
    MANAGE_SESSIONS = "manage sessions"
    MANAGE_TOKENS = "manage tokens"
    READ_AUDIT = "read audit trail"
    MANAGE_SOURCES = "manage sources"
    MANAGE_NOTIFICATIONS = "manage notifications"
    ACCEPT_LOSS = "accept loss"


NEEDS: Mapping[Act, Role] = MappingProxyType(
    {
        Act.SIGN_IN: Role.NOBODY,
        Act.SIGN_OUT: Role.NOBODY,
        Act.LOOK: Role.VIEWER,
        Act.EXPLORE: Role.VIEWER,
        Act.TRY_SETTINGS: Role.VIEWER,
        Act.EXPORT: Role.VIEWER,
        Act.SAVE_VIEWS: Role.VIEWER,
        Act.CHANGE_OWN_ACCOUNT: Role.VIEWER,
        Act.ACKNOWLEDGE: Role.OPERATOR,
        Act.LABEL: Role.OPERATOR,
        Act.SHELVE: Role.OPERATOR,
        Act.NOTE: Role.OPERATOR,
        Act.EDIT_BOARDS: Role.OPERATOR,
        Act.APPLY_SETTINGS: Role.ENGINEER,
        Act.TRAIN_MODEL: Role.ENGINEER,
        Act.EDIT_TAGS: Role.ENGINEER,
        Act.EDIT_FRAMES: Role.ENGINEER,
        Act.SCHEDULE_REPORTS: Role.ENGINEER,
        Act.IMPORT: Role.ENGINEER,
        Act.OPEN_CASE: Role.ENGINEER,
        Act.CAUSE_FAULT: Role.ENGINEER,
        Act.RETRY_DEAD_LETTERS: Role.ENGINEER,
        Act.ACCEPT_LOSS: Role.ENGINEER,
        Act.SET_RETENTION: Role.ADMINISTRATOR,
        Act.ROLL_UP: Role.ADMINISTRATOR,
        Act.DELETE: Role.ADMINISTRATOR,
        Act.MANAGE_USERS: Role.ADMINISTRATOR,
        Act.MANAGE_SESSIONS: Role.ADMINISTRATOR,
        Act.MANAGE_TOKENS: Role.ADMINISTRATOR,
        Act.READ_AUDIT: Role.ADMINISTRATOR,
        Act.MANAGE_SOURCES: Role.ADMINISTRATOR,
        Act.MANAGE_NOTIFICATIONS: Role.ADMINISTRATOR,
    }
)
"""The role that each act needs."""


def role_named(text: str) -> Role:
    """The role of this name. Raises UsageError."""
    for role in GIVEN:
        if str(role) == text.strip().lower():
            return role
    raise UsageError(
        f"there is no role {text[:100]!r}", where="role", hint=f"Use {', '.join(map(str, GIVEN))}"
    )
