"""Errors as JSON that says what to do: `error` (a word), `detail` (what is wrong), `hint` (what to do)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sensormon.model.errors import (
    AboveShare,
    Forbidden,
    JournalError,
    Overloaded,
    SensormonError,
    SignInRefused,
    StoreError,
    UsageError,
)


class Problem(Exception):
    """A request is refused; `more` are further keys of the JSON."""

    def __init__(
        self,
        status: int,
        error: str,
        detail: str,
        hint: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.hint = hint
        self.headers = dict(headers or {})
        self.content: dict[str, object] = {"error": error, "detail": detail, "hint": hint, **(more or {})}

    @property
    def body(self) -> bytes:
        """The JSON to send."""
        return msgspec.json.encode(self.content)


def problem_of(error: Exception) -> Problem:
    """The response to this error; no internals if it is a bug in sensormon."""
    match error:
        case Problem():
            problem = error
        case Forbidden():
            problem = Problem(403, "forbidden", error.what, error.hint, more={"needs": error.needs})
        case SignInRefused():
            headers = {"Retry-After": str(max(1, error.seconds))}
            problem = Problem(429, "sign_in_refused", error.what, error.hint, headers=headers)
        case Overloaded() | AboveShare():
            status, word = (429, "above_share") if isinstance(error, AboveShare) else (503, "overloaded")
            problem = Problem(status, word, error.what, error.hint, headers={"Retry-After": "1"})
        case JournalError():
            problem = Problem(
                503,
                "cannot_store",
                f"{error.what}; nothing of this request was stored",
                "Send it again later; the Pipeline page says what is wrong",
                headers={"Retry-After": "10"},
            )
        case StoreError():
            problem = Problem(
                503,
                "store_unavailable",
                "the database cannot be read now; readings go on being taken",
                "Ask again later; the Pipeline page says what is wrong",
                headers={"Retry-After": "5"},
            )
        case UsageError() | SensormonError():
            problem = Problem(503, "not_running", error.what, error.hint, headers={"Retry-After": "10"})
        case _:
            problem = Problem(
                500,
                "fault",
                "the server could not answer this",
                "Report it, with the server's log of this moment",
            )
    return problem
