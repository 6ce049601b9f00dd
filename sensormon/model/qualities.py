"""The words and numbers that say how good a reading is, as OPC UA status codes.

One grammar for every door: files, JSON, line protocol. What it is not: a judgement of readings.
"""

from __future__ import annotations

import re

from sensormon.model.readings import Quality

_NAMES = {
    "good": 0x0000_0000,
    "goodlocaloverride": 0x0096_0000,
    "goodclamped": 0x0030_0000,
    "uncertain": 0x4000_0000,
    "uncertainlastusablevalue": 0x4090_0000,
    "uncertainsubstitutevalue": 0x4091_0000,
    "uncertaininitialvalue": 0x4092_0000,
    "uncertainsensornotaccurate": 0x4093_0000,
    "uncertainengineeringunitsexceeded": 0x4094_0000,
    "uncertainsubnormal": 0x4095_0000,
    "uncertainnocommunicationlastusablevalue": 0x408F_0000,
    "bad": 0x8000_0000,
    "badcommunicationerror": 0x8005_0000,
    "badtimeout": 0x800A_0000,
    "badserverhalted": 0x800E_0000,
    "badnocommunication": 0x8031_0000,
    "badwaitingforinitialdata": 0x8032_0000,
    "badnodeidunknown": 0x8034_0000,
    "badoutofrange": 0x803C_0000,
    "badconfigurationerror": 0x8089_0000,
    "badnotconnected": 0x808A_0000,
    "baddevicefailure": 0x808B_0000,
    "badsensorfailure": 0x808C_0000,
    "badoutofservice": 0x808D_0000,
    "badnodata": 0x809B_0000,
}
"""Status codes of OPC UA Part 4 and Part 8 that monitored values have, by name."""
_SYNONYMS = {
    "ok": "good",
    "valid": "good",
    "normal": "good",
    "questionable": "uncertain",
    "doubtful": "uncertain",
    "suspect": "uncertain",
    "invalid": "bad",
    "error": "bad",
    "fault": "bad",
    "failed": "bad",
    "not good": "bad",
    "no data": "badnodata",
    "i/o timeout": "badtimeout",
    "comm fail": "badcommunicationerror",
    "sensor failure": "badsensorfailure",
    "out of service": "badoutofservice",
    "not connected": "badnotconnected",
}
_HEX = re.compile(r"\(?\b0x([0-9a-f]{1,8})\b\)?", re.IGNORECASE)
_STATUS = re.compile(r"status(good|uncertain|bad)\w*", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[^a-z]")
_WORD = re.compile(r"(good|uncertain|bad)(?=$|[^a-z])")


def quality_of(value: object) -> int | None:
    """The OPC UA status code that this word or number says; None if it says none.

    A word is a name of the standard in any case and spelling (`BadSensorFailure`, `bad sensor
    failure`), or a usual synonym; a code in hexadecimal beside it decides. A number is a status
    code; a number of 64 to 255 is a quality of OPC Classic, in which 192 is good.

    >>> quality_of("The operation succeeded. StatusGood (0x0)")
    0
    >>> quality_of("Bad sensor failure") == Quality.BAD_SENSOR_FAILURE
    True
    >>> quality_of(192), quality_of("maybe")
    (0, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _of_number(float(value))
    return _of_text(value.strip().casefold()) if isinstance(value, str) else None


def _of_text(text: str) -> int | None:
    if text.isdigit():
        return _of_number(float(text)) if len(text) <= 10 else None
    if code := _HEX.search(text):
        return int(code[1], 16)
    plain = _NOT_LETTERS.sub("", _SYNONYMS.get(text, text))
    if plain in _NAMES:
        return _NAMES[plain]
    word = _STATUS.search(text) or _WORD.match(text)
    return _NAMES[word[1]] if word else None


def _of_number(number: float) -> int | None:
    """The status code of this number; of OPC Classic only what cannot be one of OPC UA."""
    if not number.is_integer() or not 0 <= number <= 0xFFFF_FFFF:
        return None
    code = int(number)
    if 64 <= code <= 255:
        return int((Quality.UNCERTAIN, Quality.BAD, Quality.GOOD)[(code >> 6) - 1])
    return code if code == 0 or code >= 0x1_0000 else None
