"""A plain subset of Markdown as HTML: what people write on a board.

Headings (#, ##, ###), paragraphs, lists (- and 1.), **bold**, *italic*, `code`, and links to https, http and
mailto addresses. Everything else is shown as it was written; all of it is escaped.
"""

from __future__ import annotations

import re
from html import escape

_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\(((?:https?://|mailto:)[^\s()<>\"']{1,500})\)")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_ITALIC = re.compile(r"\*([^*\n]+)\*")
_HEADING = re.compile(r"(#{1,3})\s+(.+)")
_ITEM = re.compile(r"(-|\d{1,3}\.)\s+(.+)")


def plain_html(text: str) -> str:
    """The text as HTML.

    >>> plain_html("# Call\\n**Ana** <b>\\n- one\\n- `*two*`")
    '<h4>Call</h4><p><strong>Ana</strong> &lt;b&gt;</p><ul><li>one</li><li><code>*two*</code></li></ul>'
    """
    parts: list[str] = []
    lines: list[str] = []
    items: list[str] = []
    kind = ""

    def close() -> None:
        nonlocal kind
        if lines:
            parts.append(f"<p>{'<br>'.join(lines)}</p>")
            lines.clear()
        if items:
            parts.append(f"<{kind}>{''.join(items)}</{kind}>")
            items.clear()
        kind = ""

    for line in text.splitlines():
        words = line.strip()
        if not words:
            close()
        elif heading := _HEADING.fullmatch(words):
            close()
            level = 3 + len(heading[1])  # a tile's own title is an h3
            parts.append(f"<h{level}>{_inline(heading[2])}</h{level}>")
        elif item := _ITEM.fullmatch(words):
            wanted = "ul" if item[1] == "-" else "ol"
            if kind != wanted or lines:
                close()
            kind = wanted
            items.append(f"<li>{_inline(item[2])}</li>")
        else:
            if items:
                close()
            lines.append(_inline(words))
    close()
    return "".join(parts)


def _inline(text: str) -> str:
    """Between two stretches of code, which are taken as they are, the other signs count."""
    parts = _CODE.split(text)
    return "".join(
        f"<code>{escape(part)}</code>" if place % 2 else _linked(part) for place, part in enumerate(parts)
    )


def _linked(text: str) -> str:
    html, end = "", 0
    for link in _LINK.finditer(text):
        html += _emphasised(text[end : link.start()])
        html += f'<a href="{escape(link[2])}" target="_blank" rel="noopener noreferrer">{escape(link[1])}</a>'
        end = link.end()
    return html + _emphasised(text[end:])


def _emphasised(text: str) -> str:
    bold = _BOLD.sub(r"<strong>\1</strong>", escape(text))
    return _ITALIC.sub(r"<em>\1</em>", bold)
