"""The help in the head of every page, and the greeting at the first visit."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon import __version__
from sensormon.api import auth
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.ui.component import browser_component
from sensormon.ui.glossary import word_list
from sensormon.ui.parts import fragment
from sensormon.ui.who import person
from sensormon.view.guide import PAGES, About, parts_of, seen, shortcuts, tries

GREETED = "sensormon-greeted"
"""The cookie of a browser in which the greeting was put away; `sensormon/ui/browser/welcome.js` sets it."""
_OVER = "first-visit-over"


def help_button(title: str, m: Monitor) -> None:
    """The page's purpose, its terms, the keys, first steps, the API; opening it needs no rerun."""
    about = PAGES[title]
    with st.popover("Help", icon=":material/help:", type="tertiary", key="help"):
        st.html(
            f'<h3 class="help-head">{escape(title)}</h3><p class="help-text">{escape(about.purpose)}</p>'
            f'<h3 class="help-head">What do I see here?</h3><ol class="help-parts">{_parts(about)}</ol>'
            '<h3 class="help-head">To begin with</h3>'
        )
        _tries(m, "help")
        rows = "".join(
            f"<tr><th>{''.join(f'<kbd>{escape(key)}</kbd> ' for key in shortcut.keys)}</th>"
            f"<td>{escape(shortcut.does)}</td></tr>"
            for shortcut in shortcuts()
        )
        st.html(
            '<h3 class="help-head">Keyboard shortcuts, while no field has the focus</h3>'
            f'<table class="keys">{rows}</table>'
            '<button type="button" class="plain keys-switch"><span class="when-on">Turn the keys off</span>'
            '<span class="when-off">Turn the keys on</span></button>'
            f'<h3 class="help-head">Words on this page</h3>{word_list(about.terms)}'
            '<h3 class="help-head">For programs</h3><p class="help-text"><a href="api/docs" target="_blank">'
            "Every route with examples</a>, for sending and reading data.</p>"
            f'<p class="help-text quiet">sensormon {__version__}</p>'
        )


def _parts(about: About) -> str:
    """The parts of the page as items of a list, as HTML."""
    named = [part.split(": ", 1) for part in parts_of(about)]
    return "".join(f"<li><b>{escape(name)}</b>: {escape(words)}</li>" for name, words in named)


@fragment
def first_visit(title: str, m: Monitor) -> None:
    """A sentence on the plant and things to try, until dismissed; the browser remembers that.

    It is drawn in the first run or never, so that nothing below it moves. People who follow a link
    to a view are not greeted. The account of somebody who is signed in remembers it in every browser.
    """
    if _OVER not in st.session_state:
        st.session_state[_OVER] = (
            GREETED in st.context.cookies.to_dict()
            or bool(st.query_params)
            or m.access.greetings.is_over(person(m))
        )
    if st.session_state[_OVER]:
        return
    received = m.ledger.now().total.received
    with st.container(key="first-visit", border=True, gap="small"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="top"):
            words = seen(m.settings.source, _tags(m), m.status().source.interval, received)
            st.html(f'<p class="seen">{escape(words)}</p>', width="stretch")
            st.button("Got it", key="put-away", on_click=_put_away, args=(m,))
        if not received and m.settings.source == "none" and title != "Live":  # the Live page shows it itself
            sending_line(m)
        with st.container(horizontal=True, gap="medium"):
            _tries(m, "first")


def _put_away(m: Monitor) -> None:
    st.session_state[_OVER] = True
    m.access.greetings.put_away(person(m))


def sending_line(m: Monitor) -> None:
    """The command that sends one reading, ready to paste; it names the token's file, not the token."""
    st.code(
        auth.sending_line(auth.Tokens.of(m.settings), int(st.get_option("server.port")), m.tags),
        language=None,  # its colours would suggest something abnormal
        wrap_lines=True,
    )
    st.caption("Run it on the machine where sensormon runs.")


def in_the_browser() -> None:
    """The scripts of every page: keys, explanations of terms, the first visit, announcements."""
    pages = [
        {"title": title, "letter": about.letter, "path": "" if place == 0 else about.path}
        for place, (title, about) in enumerate(PAGES.items())
    ]
    browser_component("head", {"pages": pages}, "in-the-browser", height=1)


def _tries(m: Monitor, where: str) -> None:
    names = _tags(m)
    tag = names[0].name if names else None
    for suggestion in tries(m.settings, tag, m.ledger.now().total.received):
        about = f"-about-{suggestion.part}" if suggestion.part else ""
        with st.container(key=f"{where}-try-{PAGES[suggestion.page].path}{about}", width="content"):
            st.page_link(
                f"pages/{PAGES[suggestion.page].path}.py",
                label=suggestion.words,
                icon=":material/arrow_forward:",
                query_params=dict(suggestion.query),
            )


def _tags(m: Monitor) -> list[Tag]:
    known = m.status().source.tags
    return [m.tags[name] for name in known if name in m.tags]
