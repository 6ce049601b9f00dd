"""Saved views and home pages, kept as documents: the same in all processes on a store.

A view belongs to whoever saved it; shared ones are seen, and may be changed, by others too. What it is not:
a gate: callers check the role and have the audit trail record what is done.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sensormon.access.documents import Documents, Version, meaning_of
from sensormon.access.person import UNVERIFIED, Person, Way
from sensormon.boards.board import SavedView
from sensormon.boards.checks import wrong_title
from sensormon.model.entries import Document
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor

COLLECTION = "views"
"""The collection of the documents; the key is the view's name."""
HOMES = "homes"
"""The collection of home pages; the key is whose it is."""
MOST_VIEWS = 100
"""The most views of a person."""
MOST_IN_ALL = 5_000
MOST_PARAMETERS = 100
LONGEST_QUERY = 8_000
"""Characters of all names and values of the parameters."""
_PAGE = re.compile(r"[a-z][a-z_]{0,39}")
_PARAMETER = re.compile(r"[\w.-]{1,60}")


def owner_of(person: Person) -> str:
    """Whose views this person has: their own, or those of this machine or of an open monitor.

    Raises UsageError for a visitor who has not signed in: nobody could tell one from another.
    """
    if person.name:
        return person.name
    if person.way is Way.VISITOR:
        raise UsageError("views of your own are kept under your name", where="views", hint="Sign in first")
    return f"{person.way}{UNVERIFIED}"


class Views:
    """Of one monitor. Thread-safe."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._changing = threading.Lock()
        self._known = meaning_of(documents, COLLECTION, _views)

    def of(self, owner: str) -> list[SavedView]:
        """The views of this owner, and those that others share, in order of their titles.

        Raises StoreError if they were never readable.
        """
        seen = (view for view in self._known().values() if view.shared or view.owner == owner)
        return sorted(seen, key=lambda view: (view.title.casefold(), view.name))

    def find(self, name: str, owner: str) -> SavedView | None:
        """The view of this name, if this owner may see it."""
        view = self._known().get(name)
        return view if view is not None and (view.shared or view.owner == owner) else None

    def save(
        self,
        title: str,
        page: str,
        query: Sequence[tuple[str, str]],
        owner: str,
        *,
        shared: bool,
        who: str,
        replaces: bool = False,
    ) -> SavedView:
        """Keep this state of a page; durable when it returns.

        The owner's view of this title is replaced only if `replaces`. Raises UsageError, one line, if it is
        not possible; StoreError, JournalError.
        """
        view = SavedView("", title.strip(), page, tuple(query), owner, shared)
        check_view(view)
        with self._changing:
            known = self._known()
            mine = [other for other in known.values() if other.owner == owner]
            same = next((other for other in mine if other.title == view.title), None)
            if same is not None and not replaces:
                raise _taken(view.title)
            if same is None and len(mine) >= MOST_VIEWS:
                raise UsageError(f"{MOST_VIEWS} views are the most", where="views", hint="Remove some first")
            if same is None and len(known) >= MOST_IN_ALL:
                raise UsageError(
                    f"{MOST_IN_ALL:,} views of all people are the most",
                    where="views",
                    hint="Remove some first",
                )
            view = replace(view, name=same.name if same else uuid.uuid4().hex[:16])
            return self._keep(view, who, same.time if same else 0)

    def change(
        self,
        name: str,
        owner: str,
        *,
        who: str,
        title: str | None = None,
        shared: bool | None = None,
        base: int | None = None,
    ) -> SavedView:
        """Give the view another title, share it or stop that.

        `base` is the `time` of the view as the person saw it, None for the newest one known here. Raises like
        `save`, and UsageError if somebody has changed the view meanwhile, in any process on the store.
        """
        with self._changing:
            view = self._standing(name, owner)
            seen = view.time if base is None else base
            view = replace(
                view,
                title=view.title if title is None else title.strip(),
                shared=view.shared if shared is None else shared,
            )
            check_view(view)
            others = (other for other in self._known().values() if other.owner == view.owner)
            if any(other.title == view.title and other.name != name for other in others):
                raise _taken(view.title)
            return self._keep(view, who, seen)

    def remove(self, name: str, owner: str, who: str, base: int | None = None) -> None:
        """Remove the view; whoever has it as home gets the Live page. Raises like `change`."""
        with self._changing:
            view = self._standing(name, owner)
            self._keep(view, who, view.time if base is None else base, removed=True)

    def home(self, owner: str) -> SavedView | None:
        """The view that is this owner's home page, if it still is there. Raises StoreError like `of`."""
        home = self._documents.of(HOMES).get(owner)
        if home is None or home.removed:
            return None
        return self.find(str(home.content["view"]), owner)

    def lost_home(self, owner: str) -> str:
        """Why this owner's home page is Live though they chose a view; empty if it is as chosen."""
        home = self._documents.of(HOMES).get(owner)
        if home is None or home.removed or self.find(str(home.content["view"]), owner) is not None:
            return ""
        last = self._documents.of(COLLECTION).get(str(home.content["view"]))
        if last is None:
            return "the view that was your home page is gone"
        what = "removed it" if last.removed else "no longer shares it"
        return f"your home page was the view {str(last.content['title'])!r}, and {last.who} {what}"

    def set_home(self, name: str, owner: str, who: str) -> None:
        """Make the view this owner's home page; an empty name makes it the Live page. Raises like `save`."""
        with self._changing:
            if name:
                self._standing(name, owner)
            self._documents.keep(HOMES, owner, {"view": name}, who, removed=not name)

    def _keep(self, view: SavedView, who: str, base: int, *, removed: bool = False) -> SavedView:
        version = Version(COLLECTION, view.name, _content(view), removed)
        where = f"view {view.title}"
        (document,) = self._documents.keep_over([version], {view.name: base}, who, where=where)
        return replace(view, time=document.time)

    def _standing(self, name: str, owner: str) -> SavedView:
        view = self.find(name, owner)
        if view is None:
            raise UsageError(
                "there is no such view, or it has been removed", where="views", hint="See the list"
            )
        return view


def _taken(title: str) -> UsageError:
    return UsageError(f"there is a view {title!r} already", where="views", hint="Give it another name")


def check_view(view: SavedView) -> None:
    """Raises UsageError, one line, unless this view can be kept."""
    wrong = wrong_title(view.title)
    if not wrong and not _PAGE.fullmatch(view.page):
        wrong = f"{view.page[:80]!r} is not a page"
    elif not wrong and len(view.query) > MOST_PARAMETERS:
        wrong = f"the address has {len(view.query)} parameters, {MOST_PARAMETERS} are the most"
    elif not wrong and sum(len(name) + len(value) for name, value in view.query) > LONGEST_QUERY:
        wrong = f"the address is too long; {LONGEST_QUERY:,} characters are the most"
    elif not wrong and not all(
        _PARAMETER.fullmatch(name) and value.isprintable() for name, value in view.query
    ):
        wrong = "the address has characters that cannot be kept"
    if wrong:
        raise UsageError(wrong, where="views", hint="Change that and save the view again")


def views_of(m: Monitor) -> Views:
    """The saved views of this monitor."""
    return m.kept_beside("views", _make)


def _make(m: Monitor) -> Views:
    return Views(Documents(m.parts.collector, m.parts.store.entries, m.clock))


def _content(view: SavedView) -> dict[str, Any]:
    return {
        "title": view.title,
        "page": view.page,
        "query": [list(parameter) for parameter in view.query],
        "owner": view.owner,
        "shared": view.shared,
    }


def _views(documents: Mapping[str, Document]) -> dict[str, SavedView]:
    """By name."""
    return {doc.key: _view(doc) for doc in documents.values() if not doc.removed}


def _view(document: Document) -> SavedView:
    content = document.content
    return SavedView(
        document.key,
        str(content["title"]),
        str(content["page"]),
        tuple((str(name), str(value)) for name, value in content["query"]),
        str(content["owner"]),
        bool(content["shared"]),
        document.time,
    )
