"""What the columns of files are called: names of times, tags, values and qualities, and of new tags.

Names are compared without case, spaces, punctuation and a unit in brackets. Pure.
What it is not: a look into the cells; see `columns`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sensormon.model.tags import NAME, TagTable

TIMES = (
    *("timestamp", "datetime", "time", "zeitstempel", "datetimestamp", "dateandtime", "datetimeutc"),
    *("timestamputc", "utctimestamp", "timeutc", "utctime", "utcdatetime", "dateutc", "utc", "ts", "ds"),
    *("recordedat", "recordtime", "recordingtime", "measuredat", "measurementtime", "sampledat"),
    *("sampletime", "observedat", "observationtime", "eventtime", "eventtimestamp", "sourcetimestamp"),
    *("sourcetime", "lastchanged", "lastupdated", "lastreported", "servertimestamp", "servertime"),
    *("acquisitiontime", "logtime", "loggedat", "scantime", "localtime", "timelocal", "epoch", "unixtime"),
    *("unixtimestamp", "unix", "epochs", "epochms", "timems", "timens", "times", "timestampms", "createdat"),
    *(
        "timestring",
        "datumuhrzeit",
        "datumzeit",
        "datumundzeit",
        "zeit",
        "zeitpunkt",
        "uhrzeit",
        "messzeit",
        "horodatage",
    ),
    *("fechahora", "fechayhora", "dataora", "tijd", "tijdstip", "tidpunkt", "tid", "czas"),
    *("date", "datum", "fecha", "dato", "day"),
)
"""Names of a column of times, the likeliest first."""
DATES = frozenset(
    {"date", "datum", "fecha", "dato", "day", "data", "dateutc", "localdate", "datelocal"} | {"pvm"}
)
CLOCKS = frozenset(
    {
        "time",
        "zeit",
        "uhrzeit",
        "clock",
        "stunde",
        "hora",
        "heure",
        "timeofday",
        "ora",
        "tijd",
        "timeutc",
        "localtime",
    }
    | {"tid", "klockslag", "klokkeslett", "klokkeslæt", "czas", "godzina", "utctime", "clocktime", "hour"}
    | {"klo", "kellonaika"}
)
"""Names of the two columns of a time that is split."""
TAGS = (
    *("tag", "tagname", "tagid", "tagpath", "entityid", "sensor", "sensorname", "sensorid", "point"),
    *(
        "varname",
        "pointname",
        "pointid",
        "name",
        "variable",
        "variablename",
        "metric",
        "metricname",
        "channel",
    ),
    *("channelname", "signal", "signalname", "series", "parameter", "parametername", "item", "itemid"),
    *(
        "itemname",
        "nodeid",
        "node",
        "displayname",
        "measurand",
        "measurement",
        "field",
        "kanal",
        "messstelle",
    ),
    *("messpunkt", "bezeichnung", "entity", "key", "device", "deviceid", "uniqueid", "topic", "attribute"),
)
VALUES = (
    *(
        "value",
        "val",
        "values",
        "varvalue",
        "reading",
        "messwert",
        "wert",
        "numericvalue",
        "numvalue",
        "rawvalue",
    ),
    *("measuredvalue", "pv", "processvalue", "valeur", "valor", "waarde", "state", "result", "data"),
    *("measurement", "amount", "mean", "average", "avg", "y"),
)
_QUALITIES = (
    *(
        "quality",
        "dataquality",
        "qualitycode",
        "qualityflag",
        "qual",
        "iotquality",
        "opcquality",
        "qualitaet",
    ),
    *("qualität", "statuscode", "status", "pointstatus", "validity", "good", "isgood", "isvalid", "bad"),
    *("isbad", "questionable", "isquestionable", "valuestatus", "valuequality", "tagquality", "qc"),
)
QUALITIES = frozenset(_QUALITIES)
SURE = frozenset(name for name in QUALITIES if "qual" in name) | {"statuscode", "isgood", "isbad"}
"""Names of a quality whatever the cells say."""
SAYS_GOOD, SAYS_BAD = frozenset({"good", "isgood", "isvalid", "validity"}), frozenset({"bad", "isbad"})
SAYS_UNCERTAIN = frozenset({"questionable", "isquestionable"})
"""Names of qualities whose cells are true and false."""

_UNIT = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]{1,16})[)\]]")
_OFFSET = re.compile(r"\b(?:UTC|GMT) ?[+\-\u2212]\d{1,2}(?::?[0-5]\d)?(?!\d)", re.IGNORECASE)
_APART = re.compile(r"[\W_]+")
_NUMBERED = re.compile(r"\d+$")
_UNFIT = re.compile(r"[^A-Za-z0-9_.:/-]+")


def folded(name: str) -> str:
    """The name without case, spaces, punctuation and a unit in brackets.

    >>> folded("Time_Stamp [UTC]")
    'timestamp'
    """
    return _APART.sub("", with_unit(name)[0].casefold()) or name.strip().casefold()


def numbered(name: str) -> str:
    """The same without the number at its end: `time` for `Time 2` and `time.2`."""
    plain = folded(name)
    return _NUMBERED.sub("", plain) or plain


def with_unit(title: str) -> tuple[str, str]:
    """The title without its unit in brackets, and the unit, empty if there is none.

    >>> with_unit("Flow in [m³/h]")
    ('Flow in', 'm³/h')
    """
    match = _UNIT.fullmatch(title.strip())
    return (match[1], match[2].strip()) if match else (title.strip(), "")


def offset_in(title: str) -> str:
    """The offset from UTC that the name of a column of times says; empty if it says none.

    >>> offset_in("Date Time, GMT+01:00"), offset_in("Time [UTC]")
    ('UTC+01:00', '')
    """
    match = _OFFSET.search(title)
    if not match:
        return ""
    return match[0].upper().replace("GMT", "UTC").replace(" ", "").replace("\u2212", "-")


def quality_for(name: str, values: Iterable[str]) -> str:
    """The one of these value columns whose quality a column of this name has; empty if it has none's.

    >>> quality_for("TI-101 Status", ["TI-101", "TI-1"])
    'TI-101'
    """
    plain = folded(name)
    for value in values:
        own = {folded(value), _without_value(folded(value))}
        if any(plain in (base + word, word + base) for base in own for word in (*_QUALITIES, "q")):
            return value
        if value.endswith(".CV") and name == value.removesuffix("CV") + "ST":  # DeltaV
            return value
    return ""


def tag_title(value: str, time: str = "") -> str:
    """What the readings of a value column are called: `TI-101` for a column `TI-101 value`.

    If the column is called `value 2` only, its column of times may say more.
    """
    stem = re.sub(r"[\s_.:/-]*\b(?:value ?y?|val|wert)$", "", value.strip(), flags=re.IGNORECASE)
    if stem:
        return stem
    other = re.sub(r"[\s_.:/-]*(?:timestamp|datetime|time|date|zeit)$", "", time.strip(), flags=re.IGNORECASE)
    return other if numbered(value) in VALUES and other and other != time.strip() else value


def tag_name(title: str, taken: Iterable[str] = ()) -> str:
    """A tag's name for this title, different from those `taken`: the title if it can be a name.

    >>> tag_name("TI-101"), tag_name("Flow in"), tag_name("Flow in", ["flow_in"])
    ('TI-101', 'flow_in', 'flow_in_2')
    """
    plain = title if NAME.fullmatch(title) else _UNFIT.sub("_", title).strip("_.:/-").lower()[:100] or "tag"
    others = {name.casefold() for name in taken}
    name, number = plain, 2
    while name.casefold() in others:
        name, number = f"{plain}_{number}", number + 1
    return name


def known_names(tags: TagTable) -> Mapping[str, str]:
    """The tags by what a file may call them, without case: name, label, label and unit in brackets."""
    known: dict[str, str] = {}
    for form in ("{0.label} [{0.unit}]", "{0.label} ({0.unit})", "{0.label}", "{0.name}"):
        known |= {form.format(tag).casefold(): tag.name for tag in tags}
    return known


def _without_value(plain: str) -> str:
    return plain.removesuffix("value") or plain
