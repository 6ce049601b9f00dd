"""How the filters of the Anomalies page stand in its address: by codes that outlive the words of the product.

Links of earlier releases have the words; they are read as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sensormon.detectors import DETECTORS
from sensormon.events.actions import LABEL_WORDS
from sensormon.events.filters import NO_LABEL, STATE_WORDS, First
from sensormon.model.events import Severity
from sensormon.model.tag_links import Linked, read_link
from sensormon.view.detectors import title

WORDS: Mapping[str, Mapping[str, str]] = {
    "state": STATE_WORDS,
    "severity": {str(severity): str(severity) for severity in Severity},
    "label": {**LABEL_WORDS, NO_LABEL: NO_LABEL},
    "spoke": {name: title(name) for name in DETECTORS},
    "list": {str(first): f"{first} first" for first in First},
}
"""The words of each code, by the name of the parameter."""


def read_codes(parameter: str, text: str, others: Iterable[str] = ()) -> Linked:
    """The codes that this value of the parameter names, and what it names that is none.

    `others` are texts that stand for themselves, like the names of profiles.
    """
    words = WORDS.get(parameter, {})
    known = {word: code for code, word in words.items()}
    return read_link(text, {**known, **{code: code for code in (*words, *others)}})
