"""What a report can be about: a board by its name, or a saved view as `view:` with its name or its title."""

from __future__ import annotations

from sensormon.boards.board import SavedView
from sensormon.boards.views import views_of
from sensormon.model.errors import UsageError
from sensormon.model.format import listed
from sensormon.monitor.monitor import Monitor
from sensormon.reports.boards import board_named, names_of
from sensormon.reports.order import Subject
from sensormon.reports.views import printed, why_not

VIEW = "view:"
"""Before the name of a view; no name of a board has a colon."""


def subject_named(m: Monitor, name: str, owner: str = "") -> Subject:
    """The board or view of this name; of views those that are shared and those of `owner`.

    Raises UsageError if there is none or it cannot be printed, StoreError.
    """
    if not name.startswith(VIEW):
        return Subject(board_named(m, name))
    return printed(m, _view(m, name.removeprefix(VIEW), owner), m.clock.now())


def titles_of(m: Monitor, owner: str = "") -> dict[str, str]:
    """The titles of what can be printed, by name: boards, then views. Raises StoreError."""
    views = {VIEW + view.name: f"{view.title} (view)" for view in printable(m, owner)}
    return names_of(m) | views


def printable(m: Monitor, owner: str = "") -> list[SavedView]:
    """The shared views, and those of this owner, that can be printed. Raises StoreError."""
    return [view for view in views_of(m).of(owner) if not why_not(view.page)]


def _view(m: Monitor, name: str, owner: str) -> SavedView:
    view = views_of(m).find(name, owner)
    if view is not None:
        return view
    views = views_of(m).of(owner)
    called = [view for view in views if view.title.casefold() == name.strip().casefold()]
    if len(called) == 1:
        return called[0]
    if called:
        raise UsageError(
            f"{len(called)} views are called {name[:80]!r}",
            where="report",
            hint=f"Give the name of one: {listed([VIEW + view.name for view in called], 5)}",
        )
    titles = listed([view.title for view in views], 12)
    raise UsageError(
        f"there is no view {name[:80]!r}, or it is not shared",
        where="report",
        hint=f"The views: {titles}" if titles else "Save one and share it, in Views at the top of a page",
    )
