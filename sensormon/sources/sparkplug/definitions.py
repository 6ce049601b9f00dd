"""Tags as birth certificates describe them: kind, unit, range."""

from __future__ import annotations

from sensormon.model.tags import BOOLEAN, UNFIT, Tag
from sensormon.sources.sparkplug.nodes import Defined
from sensormon.sources.sparkplug.payload import DataType
from sensormon.sources.sparkplug.qualities import engineering_range, unit

_LONGEST_LABEL = 100
_WHOLE = range(DataType.INT8, DataType.UINT64 + 1)
_WORDS = (DataType.STRING, DataType.TEXT, DataType.UUID)


def tag_of(name: str, node: str, metric: Defined) -> Tag:
    """The tag of this name for a metric as its birth certificate describes it.

    The engineering range is drawn as the usual band; values outside it are taken all the same.
    """
    group = _plain(metric.device or node)
    label = _plain(metric.name) or name
    if metric.datatype == DataType.BOOLEAN:
        return Tag(name, label, group=group, simulated=False, states=BOOLEAN, kind="boolean")
    if metric.datatype in _WORDS:
        return Tag(name, label, group=group, simulated=False, kind="text")
    return Tag(
        name,
        label,
        unit="s" if metric.datatype == DataType.DATETIME else unit(metric.properties),
        group=group,
        normal=engineering_range(metric.properties),
        resolution=1.0 if metric.datatype in _WHOLE else 0.0,
        simulated=False,
    )


def _plain(text: str) -> str:
    return UNFIT.sub("", text).strip()[:_LONGEST_LABEL]


def plain_tag(name: str, value: float | str) -> Tag:
    """The tag of this name for a value that comes before a birth certificate."""
    if isinstance(value, float):
        return Tag(name, name, simulated=False)
    if value in BOOLEAN:
        return Tag(name, name, simulated=False, states=BOOLEAN, kind="boolean")
    return Tag(name, name, simulated=False, kind="text")
