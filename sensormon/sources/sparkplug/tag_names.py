"""Names of tags for metrics, by a pattern. Imports no library, since the configuration is read with it."""

from __future__ import annotations

import re

from sensormon.model.tags import NAME

TAG = "{node}/{device}/{metric}"
"""The usual pattern. Without a device its place and its slash are left out."""
_FIELD = re.compile(r"\{([^{}]*)\}")
_FIELDS = ("group", "node", "device", "metric")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.:/\-]+")
_LONGEST = 128


def check_pattern(pattern: str) -> str:
    """The pattern itself. Raises ValueError if it cannot name the tags of different metrics."""
    fields = _FIELD.findall(pattern)
    if unknown := [field for field in fields if field not in _FIELDS]:
        known = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise ValueError(f"{{{unknown[0][:50]}}} is not one of {known}")
    if "metric" not in fields:
        raise ValueError("{metric} is needed, or all metrics would be the same tag")
    if _NOT_IN_A_NAME.search(_FIELD.sub("", pattern)):
        raise ValueError("a tag's name has letters, digits and _ . : / - only")
    return pattern


def tag_name(pattern: str, group: str, node: str, device: str, metric: str) -> str:
    """The tag's name by this pattern; what no name may have becomes `_`. Raises ValueError if there is none.

    >>> tag_name(TAG, "plant", "edge1", "pump 7", "Motor/Speed"), tag_name(TAG, "plant", "edge1", "", "Load")
    ('edge1/pump_7/Motor/Speed', 'edge1/Load')
    """
    values = {"group": group, "node": node, "device": device, "metric": metric}
    raw = _FIELD.sub(lambda field: values[field[1]], pattern)
    name = re.sub("/{2,}", "/", _NOT_IN_A_NAME.sub("_", raw)).strip("/").lstrip(".:-")
    if len(name) > _LONGEST:
        raise ValueError(f"its tag's name would have {len(name):,} characters, more than {_LONGEST}")
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a tag's name")
    return name
