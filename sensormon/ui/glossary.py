"""Terms explained in place: underlined, with the meaning on focus, touch or hover.

A word in a text is a button with a tip (`sensormon/ui/browser/terms.js`); for the `help=` of a
widget there is Markdown. Both raise KeyError for a word that `terms` does not explain.
"""

from __future__ import annotations

import re
from html import escape

import streamlit as st

from sensormon.view.glossary import explained

_MARK = re.compile(r"\{([^{}|]+)(?:\|([^{}]+))?\}")


def term(name: str, words: str | None = None) -> str:
    """The word as HTML, written as `words` if the sentence needs another form.

    Not for text that is drawn again every second: each drawing would lose the focus.
    """
    meaning = escape(explained(name), quote=True)
    return (
        f'<button type="button" class="term" data-term="{escape(name, quote=True)}"'
        f' aria-description="{meaning}">{escape(words or name)}</button>'
    )


def meaning(*names: str) -> str:
    """These words and their meanings, as Markdown for the `help=` of a widget or a heading."""
    return "\n\n".join(f"**{_capital(name)}**: {explained(name)}" for name in names)


def with_terms(text: str) -> str:
    """The text as HTML; `{z-score}` in it becomes the word with its meaning, `{event|events}` in
    another form.
    """
    parts, end = [], 0
    for match in _MARK.finditer(text):
        parts += [escape(text[end : match.start()]), term(match[1], match[2])]
        end = match.end()
    return "".join([*parts, escape(text[end:])])


def prose(text: str) -> None:
    """A quiet line under a chart or beside a control, with its words explained: see `with_terms`."""
    st.html(f'<p class="prose">{with_terms(text)}</p>')


def word_list(names: tuple[str, ...]) -> str:
    """Words and meanings as an HTML list."""
    rows = "".join(f"<dt>{escape(_capital(name))}</dt><dd>{escape(explained(name))}</dd>" for name in names)
    return f'<dl class="words">{rows}</dl>'


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
