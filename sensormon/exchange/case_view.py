"""The address of the page that a case was made from, with the names of tags and the ids as they are here.

Tags stand in a parameter as `model.tag_links` has them, in `y` and `colors` before a `~` each, in `only`
before a `=`, and in `rule` as part of a rule of event frames. Words that people search for, and names of
profiles, stay as they are even if a tag has the same name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from sensormon.analysis.frame_rules import FrameRule, Trigger, read_rule
from sensormon.model.errors import UsageError
from sensormon.model.tag_links import link_text, read_link

PAGES = ("/", "/live", "/anomalies", "/explore", "/tuning")
"""The pages that a view may be on."""
_LIVE = ("/", "/live")

_NUMBERS = ("event", "reading")
"""Parameters whose values are ids of readings, separated by commas."""
_NUMBERED = re.compile(r"[0-9]{1,18}(?:,[0-9]{1,18}){0,999}")
_EACH = ("y", "colors")
"""Parameters with something for each of several tags: `tag~…,tag~…`."""
_WORDS = frozenset({"find", "profile", "under", "against", "group", "frames"})
_SEARCH = "tag"
"""On Live, the words of a search."""


def view_ids(view: str) -> list[int]:
    """The ids of readings in this address."""
    pairs = parse_qsl(urlsplit(view).query)
    lists = [value for key, value in pairs if key in _NUMBERS and _NUMBERED.fullmatch(value)]
    return [int(number) for value in lists for number in value.split(",")]


def view_here(view: str, called: Mapping[str, str], ids: Mapping[int, int]) -> str:
    """This address with the names and ids here; empty if it leads anywhere but to a page.

    `called` has the name of a tag here by each of its spellings there, `ids` the id of a reading here by that
    there.
    """
    where = urlsplit(view)
    if where.scheme or where.netloc or where.path not in PAGES:
        return ""
    pairs = []
    for key, value in parse_qsl(where.query, keep_blank_values=True):
        if key in _NUMBERS and _NUMBERED.fullmatch(value):
            pairs.append((key, ",".join(str(ids.get(int(number), number)) for number in value.split(","))))
        elif key in _WORDS or (key == _SEARCH and where.path in _LIVE):
            pairs.append((key, value))
        else:
            pairs.append((key, _value(key, value, called)))
    return f"{where.path}?{urlencode(pairs)}" if pairs else where.path


def _value(key: str, value: str, called: Mapping[str, str]) -> str:
    if key in _EACH:
        return ",".join(_before("~", part, called) for part in value.split(","))
    if key == "rule":
        return _rule(value, called)
    link = read_link(value, called)
    if link.names and not link.unknown:
        return link_text(link.names)
    return _before("=", value, called) if key == "only" else value


def _before(sign: str, text: str, called: Mapping[str, str]) -> str:
    """The text with the tag before the sign by its name here."""
    name, between, rest = text.partition(sign)
    return f"{called.get(name, name)}{between}{rest}"


def _rule(text: str, called: Mapping[str, str]) -> str:
    """The rule with the tags of its conditions by their names here; unchanged if it cannot be read."""
    try:
        rule = read_rule(json.loads(text))
    except (UsageError, ValueError, RecursionError):
        return text

    def here(trigger: Trigger) -> Trigger:
        return replace(trigger, tag=called.get(trigger.tag, trigger.tag))

    end = here(rule.end) if rule.end else None
    renamed: FrameRule = replace(rule, start=here(rule.start), end=end)
    return json.dumps(renamed.as_document())
