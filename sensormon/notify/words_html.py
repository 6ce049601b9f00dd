"""The page of a mail: tables and inline styles, which is what mail programs draw alike.

Light by its inline styles, dark where the program follows `prefers-color-scheme`; one that turns colours over
by itself starts from the light ones. Every text is escaped. Nothing is loaded but the picture that the mail
brings along, so that opening it tells nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sensormon.view.palette import DARK, LIGHT, Palette


@dataclass(frozen=True)
class Fact:
    """A line of an event's table."""

    name: str
    words: str


@dataclass(frozen=True)
class Part:
    """An event on the page; `severe` ones have a red edge."""

    title: str
    facts: tuple[Fact, ...]
    why: str
    over: bool
    severe: bool


_FEW = 3
"""Events that have a line for each fact."""
_FONT = "font-family:'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def _dark(palette: Palette) -> str:
    """Inline styles give way to these alone."""
    rules = {
        ".g": f"background:{palette.ground}",
        ".p": f"background:{palette.panel};border-color:{palette.border}",
        ".t": f"color:{palette.text}",
        ".s": f"color:{palette.secondary}",
        ".l": f"border-color:{palette.border}",
        ".e": f"border-color:{palette.anomaly}",
        ".b": f"background:{palette.interaction}",
        ".a": f"color:{palette.ground}",
    }
    marked = (f"{name}{{{rule.replace(';', '!important;')}!important}}" for name, rule in rules.items())
    return "@media (prefers-color-scheme:dark){" + "".join(marked) + "}"


_STYLE = ":root{color-scheme:light dark;supported-color-schemes:light dark}" + _dark(DARK)


def mail_page(
    subject: str,
    intro: Sequence[str],
    parts: Sequence[Part],
    more: str,
    link: tuple[str, str, str],
    sender: str,
    *,
    picture: bool,
) -> str:
    """The page. `link` is what a button says, its address and what to know of it; no button without one."""
    rows = [_row(_paragraph(line)) for line in intro]
    if picture:
        rows.append(_row(_PICTURE.format(alt=escape(f"Chart of {parts[0].title}" if parts else "Chart"))))
    button = [_row(_button(*link))] if link[1] else []
    many = len(parts) > _FEW
    rows += button if many else []  # nobody scrolls past them all to find it
    rows += [_row(_part(part, short=many)) for part in parts]
    if more:
        rows.append(_row(_paragraph(more, quiet=True)))
    rows += [] if many else button
    rows.append(_row(_paragraph(sender, quiet=True)))
    preview = " ".join([*intro, *(part.why for part in parts[:1])])[:200]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{escape(subject)}</title>
<style>{_STYLE}</style>
</head>
<body class="g" style="margin:0;padding:0;background:{LIGHT.ground}">
<div style="display:none;max-height:0;overflow:hidden">{escape(preview)}</div>
<table role="presentation" class="g" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="background:{LIGHT.ground}"><tr><td align="center" style="padding:20px 10px">
<table role="presentation" class="p" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="max-width:600px;background:{LIGHT.panel};border:1px solid {LIGHT.border};border-radius:6px">
<tr><td style="padding:20px 20px 4px">
<h1 class="t" style="margin:0;{_FONT};font-size:20px;line-height:26px;font-weight:600;color:{LIGHT.text};\
word-break:break-word">{escape(subject)}</h1></td></tr>
{"".join(rows)}
<tr><td style="padding:0 0 16px;font-size:0;line-height:0">&nbsp;</td></tr>
</table>
</td></tr></table>
</body>
</html>
"""


def _row(content: str) -> str:
    return f'<tr><td style="padding:8px 20px">{content}</td></tr>\n'


def _paragraph(text: str, *, quiet: bool = False) -> str:
    name, colour, size = ("s", LIGHT.secondary, 13) if quiet else ("t", LIGHT.text, 15)
    return (
        f'<p class="{name}" style="margin:0;{_FONT};font-size:{size}px;line-height:22px;color:{colour};'
        f'word-break:break-word">{escape(text)}</p>'
    )


_PICTURE = (
    '<img src="cid:chart" alt="{alt}" width="558" '
    'style="display:block;width:100%;max-width:558px;height:auto;border:0">'
)


def _part(part: Part, *, short: bool) -> str:
    edge, name = (LIGHT.anomaly, "e") if part.severe and not part.over else (LIGHT.border, "l")
    over = " (over)" if part.over else ""
    if short:
        facts = _paragraph(" · ".join(f"{fact.name} {fact.words}" for fact in part.facts), quiet=True)
    else:
        rows = "".join(_fact(fact) for fact in part.facts)
        facts = f'<table role="presentation" cellpadding="0" cellspacing="0" border="0">{rows}</table>'
    return (
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td class="{name}" style="padding:2px 0 2px 12px;border-left:3px solid {edge}">'
        f'<p class="t" style="margin:0 0 4px;{_FONT};font-size:16px;line-height:22px;font-weight:600;'
        f'color:{LIGHT.text};word-break:break-word">{escape(part.title)}{over}</p>'
        f"{facts}"
        f'<p class="t" style="margin:4px 0 0;{_FONT};font-size:15px;line-height:22px;color:{LIGHT.text};'
        f'word-break:break-word">{escape(part.why)}</p>'
        "</td></tr></table>"
    )


def _fact(fact: Fact) -> str:
    cell = f"{_FONT};font-size:14px;line-height:20px;vertical-align:top"
    return (
        f'<tr><td class="s" style="padding:0 14px 0 0;{cell};color:{LIGHT.secondary}">'
        f"{escape(fact.name)}</td>"
        f'<td class="t" style="padding:0;{cell};color:{LIGHT.text};word-break:break-word">'
        f"{escape(fact.words)}</td></tr>"
    )


def _button(words: str, address: str, note: str) -> str:
    quiet = f'<div style="padding-top:8px">{_paragraph(note, quiet=True)}</div>' if note else ""
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td class="b" align="center" style="background:{LIGHT.interaction};border-radius:6px">'
        f'<a class="a" href="{escape(address)}" target="_blank" rel="noreferrer" '
        f'style="display:inline-block;padding:12px 20px;{_FONT};font-size:16px;line-height:20px;'
        f'font-weight:600;color:{LIGHT.panel};text-decoration:none">{escape(words)}</a></td>'
        f"</tr></table>{quiet}"
    )
