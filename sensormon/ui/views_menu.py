"""Saved views in the head of every page: save its state, open, share, rename, remove; the home page.

A view is a page and the parameters of its address. What is private is seen by its owner alone.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.person import Person, refusal
from sensormon.access.roles import Act
from sensormon.boards.board import SavedView
from sensormon.boards.checks import LONGEST_TITLE
from sensormon.boards.views import owner_of, views_of
from sensormon.model.errors import StoreError, UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.reports.subjects import VIEW
from sensormon.reports.typesetting import missing
from sensormon.ui.acts import NOTHING, allowed, carried_out
from sensormon.ui.parts import fragment
from sensormon.ui.report_job import start_report
from sensormon.ui.viewer import viewer
from sensormon.ui.who import person
from sensormon.view.guide import PAGES
from sensormon.view.phrases import literal

PRIVATE = frozenset({"wall", "theme", "view"})
"""Parameters that are not kept in a view."""
_ARRIVED, _RENAMED, _SEEN = "views-arrived", "views-renamed", "views-seen"
_HOME, _NO_HOME = "Set as home", "No longer home"
_SHARE, _PRIVATE = "Share with everybody", "Stop sharing"
_RENAME, _REMOVE = "Rename …", "Remove"
_PDF = "As a PDF"
_FIRST = next(iter(PAGES.values())).path
"""The page whose path is empty."""
_TITLES = {about.path: title for title, about in PAGES.items()}


def views_button(title: str, m: Monitor) -> None:
    """The button that opens the views; nothing is read before it is open."""
    popover = st.popover("Views", icon=":material/bookmark:", type="tertiary", key="views", on_change="rerun")
    if popover.open:
        with popover:
            fragment(_views)(title, m)


def open_home(m: Monitor, path: str) -> None:
    """Open this person's home page, at the first run of a session that asks for nothing else.

    `path` is that of the page asked for; the first page of the menu has none.
    Without the store nothing is opened: the Live page shows what is wrong.
    """
    arrived = st.session_state.setdefault(_ARRIVED, False)
    st.session_state[_ARRIVED] = True
    if arrived or path or st.query_params.to_dict():
        return
    try:
        owner = owner_of(person(m))
        home, lost = views_of(m).home(owner), views_of(m).lost_home(owner)
    except (StoreError, UsageError):
        return
    if lost:
        st.toast(literal(_lost(lost)), icon=":material/home:")
    if home is not None and home.page in _TITLES:
        query = {name: values if len(values) > 1 else values[0] for name, values in _query(home).items()}
        st.switch_page(f"pages/{home.page}.py", query_params=query)


def _lost(why: str) -> str:
    return f"This is Live: {why}. Choose another home page under Views."


def _link(view: SavedView) -> str:
    """A link that loads the view's page anew: nothing of the present state of that page may stay."""
    address = escape(f"{view.page if view.page != _FIRST else '.'}?{urlencode(_query(view), doseq=True)}")
    return f'<a class="plain-link" href="{address}" target="_self">{escape(view.title)}</a>'


def _query(view: SavedView) -> dict[str, list[str]]:
    query: dict[str, list[str]] = {}
    for name, value in view.query:
        query.setdefault(name, []).append(value)
    # An address without any parameter would be the page as it was left, or the home page.
    return dict(query) or {"view": [view.name]}


def _views(title: str, m: Monitor) -> None:
    me = person(m)
    try:
        owner = owner_of(me)
    except UsageError as error:
        owner = ""
        st.caption(f":material/lock: {literal(error.hint)}: {literal(error.what)}.")
    try:
        views = views_of(m).of(owner)
        home = views_of(m).home(owner) if owner else None
        lost = views_of(m).lost_home(owner) if owner else ""
    except StoreError as error:
        st.caption(f"Views cannot be read: {literal(error.what)}")
        return
    if lost:
        st.caption(f":material/home: Live opens first: {literal(lost)}.")
        if st.button("Live is my home page", key="views-home-live", **allowed(m, Act.SAVE_VIEWS)):
            _no_home(m, owner)
    _list(m, owner, views, home)
    if owner:
        _save(title, m, me, owner)


def _list(m: Monitor, owner: str, views: list[SavedView], home: SavedView | None) -> None:
    views = [view for view in views if view.page in _TITLES]
    if not views:
        st.caption("No saved views yet. Name the state of this page to come back to it.")
        return
    for view in views:
        is_home = home is not None and home.name == view.name
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"view-{view.name}"):
            by = "" if view.owner == owner else f" by {literal(view.owner)}"
            shared = f", shared{by}" if view.shared else ""
            signs = f"{_TITLES[view.page]}{shared}{', home' if is_home else ''}"
            st.html(_link(view), width="content")
            st.caption(signs, width="content")
            st.space("stretch")
            if owner:
                _menu(m, owner, view, is_home)
        if st.session_state.get(_RENAMED) == view.name:
            _rename(m, owner, view)
    st.session_state[_SEEN] = {view.name: view.time for view in views}


def _seen(view: SavedView) -> int:
    """The version of the view that the person had in view when they acted."""
    return int(st.session_state.get(_SEEN, {}).get(view.name, view.time))


def _menu(m: Monitor, owner: str, view: SavedView, is_home: bool) -> None:
    """What this person can do with a view; shared ones are the operators' too."""
    edits = person(m).may(Act.EDIT_BOARDS)
    choices = [_NO_HOME if is_home else _HOME]
    if person(m).may(Act.EXPORT):
        choices.append(_PDF)
    if view.owner == owner and edits:
        choices.append(_PRIVATE if view.shared else _SHARE)
    if edits if view.shared else view.owner == owner:
        choices += [_RENAME, _REMOVE]
    key = f"view-more-{view.name}"
    chosen = st.menu_button("Change", choices, key=key, type="tertiary", **allowed(m, Act.SAVE_VIEWS))
    if chosen in (_HOME, _NO_HOME):
        _set_home(m, owner, view, is_home)
    elif chosen in (_SHARE, _PRIVATE):
        _change(m, owner, view, shared=not view.shared)
    elif chosen == _PDF:
        _print(m, owner, view)
    elif chosen == _REMOVE:
        _remove(m, owner, view)
    elif chosen == _RENAME:
        st.session_state[_RENAMED] = view.name


def _print(m: Monitor, owner: str, view: SavedView) -> None:
    """Start a report of the view over its own span, or say why there can be none."""
    if missing():
        st.info(missing(), title="No reports yet")
    elif start_report(m, viewer(), VIEW + view.name, view.title, owner, None):
        st.info("The PDF is being made.")
        st.page_link(
            "pages/boards.py",
            label="Reports has it",
            icon=":material/arrow_forward:",
            query_params={"section": "Reports"},
        )


def _rename(m: Monitor, owner: str, view: SavedView) -> None:
    """A form for another name, below the view."""
    with st.form(f"view-rename-{view.name}", border=False):
        title = st.text_input("New name", view.title, max_chars=LONGEST_TITLE, key=f"view-title-{view.name}")
        sent = st.form_submit_button("Rename")
    if sent and title:
        st.session_state.pop(_RENAMED, None)
        _change(m, owner, view, title=title)


def _no_home(m: Monitor, owner: str) -> None:
    """Forget the home page that is gone."""
    change = Change(Act.SAVE_VIEWS, "home page", "", "Live")

    def forget(who: str) -> None:
        views_of(m).set_home("", owner, who)

    if carried_out(m, change, forget, "The home page was not changed"):
        st.rerun()


def _set_home(m: Monitor, owner: str, view: SavedView, is_home: bool) -> None:
    """Make the view the home page, or no longer."""
    name = "" if is_home else view.name
    change = Change(Act.SAVE_VIEWS, "home page", "", view.title if name else "Live")

    def make_home(who: str) -> None:
        views_of(m).set_home(name, owner, who)

    if carried_out(m, change, make_home, "The home page was not changed"):
        st.rerun()


def _change(
    m: Monitor, owner: str, view: SavedView, *, title: str | None = None, shared: bool | None = None
) -> None:
    """Rename or share the view."""
    act = Act.EDIT_BOARDS if view.shared or shared is not None else Act.SAVE_VIEWS
    after = title if title is not None else "shared" if shared else "private"
    change = Change(act, f"view {view.title}", view.title if title is not None else _shared(view), after)

    def apply(who: str) -> None:
        views_of(m).change(view.name, owner, who=who, title=title, shared=shared, base=_seen(view))

    if carried_out(m, change, apply, "The view was not changed"):
        st.rerun()


def _remove(m: Monitor, owner: str, view: SavedView) -> None:
    act = Act.EDIT_BOARDS if view.shared else Act.SAVE_VIEWS
    change = Change(act, f"view {view.title}", f"{_TITLES[view.page]}, {_shared(view)}", NOTHING)

    def remove(who: str) -> None:
        views_of(m).remove(view.name, owner, who, _seen(view))

    if carried_out(m, change, remove, "The view was not removed"):
        st.rerun()


def _save(title: str, m: Monitor, me: Person, owner: str) -> None:
    """A form that saves the state of this page under a name."""
    with st.form("view-save-form", border=False, clear_on_submit=True):
        named = st.text_input("Save this page as", max_chars=LONGEST_TITLE, key="view-name", required=True)
        shared = st.checkbox(
            "Share with everybody", key="view-shared", disabled=bool(refusal(me, Act.EDIT_BOARDS))
        )
        sent = st.form_submit_button("Save view", key="view-save", **allowed(m, Act.SAVE_VIEWS))
    if not sent:
        return
    page, wanted = PAGES[title].path, (named or "").strip()
    query = [
        (name, value)
        for name in st.query_params
        if name not in PRIVATE
        for value in st.query_params.get_all(name)
    ]
    act = Act.EDIT_BOARDS if shared else Act.SAVE_VIEWS
    change = Change(act, f"view {wanted}", "", f"{title}, {'shared' if shared else 'private'}")

    def save(who: str) -> None:
        views_of(m).save(wanted, page, query, owner, shared=bool(shared), who=who)

    if carried_out(m, change, save, "The view was not saved"):
        st.rerun()


def _shared(view: SavedView) -> str:
    return "shared" if view.shared else "private"
