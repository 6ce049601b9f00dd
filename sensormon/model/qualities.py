"""The words and numbers that say how good a reading is, as OPC UA status codes.

One grammar for every door: files, JSON, line protocol. What it is not: a judgement of readings.
"""

from __future__ import annotations

import re

from sensormon.model.readings import Quality

_STANDARD = {
    "Good": 0x0000_0000,
    "GoodLocalOverride": 0x0096_0000,
    "GoodClamped": 0x0030_0000,
    "Uncertain": 0x4000_0000,
    "UncertainLastUsableValue": 0x4090_0000,
    "UncertainSubstituteValue": 0x4091_0000,
    "UncertainInitialValue": 0x4092_0000,
    "UncertainSensorNotAccurate": 0x4093_0000,
    "UncertainEngineeringUnitsExceeded": 0x4094_0000,
    "UncertainSubNormal": 0x4095_0000,
    "UncertainNoCommunicationLastUsableValue": 0x408F_0000,
    "Bad": 0x8000_0000,
    "BadCommunicationError": 0x8005_0000,
    "BadTimeout": 0x800A_0000,
    "BadServerHalted": 0x800E_0000,
    "BadNoCommunication": 0x8031_0000,
    "BadWaitingForInitialData": 0x8032_0000,
    "BadNodeIdUnknown": 0x8034_0000,
    "BadOutOfRange": 0x803C_0000,
    "BadConfigurationError": 0x8089_0000,
    "BadNotConnected": 0x808A_0000,
    "BadDeviceFailure": 0x808B_0000,
    "BadSensorFailure": 0x808C_0000,
    "BadOutOfService": 0x808D_0000,
    "BadNoData": 0x809B_0000,
}
"""Status codes of OPC UA Part 4 and Part 8 that monitored values have, by name."""
_NAMES = {name.casefold(): code for name, code in _STANDARD.items()}
_BY_CODE = {code: name for name, code in _STANDARD.items()}
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
_LONGEST = 200
"""No quality has more characters; longer text says none."""
_HEX = re.compile(r"\(?\b0x([0-9a-f]{1,8})\b\)?", re.IGNORECASE)
_STATUS = re.compile(r"status(good|uncertain|bad)\w*", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[^a-z]")
_WORD = re.compile(r"(good|uncertain|bad)(?=$|[^a-z])")
_NAME = re.compile(r"\s*(Good|Uncertain|Bad)(?:[A-Z][A-Za-z]+)+\s*")
"""Names in the standard's style that are none of its own, such as BadNoComm: the first word decides."""


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
        return _of_number(value)
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    code = _of_text(value.strip().casefold())
    name = _NAME.fullmatch(value) if code is None else None
    return _NAMES[name[1].casefold()] if name else code


def quality_name(code: int) -> str:
    """The standard's name of a status code; the code itself in hexadecimal if it is not one of ours.

    >>> quality_name(0x808C_0000), quality_name(0x8001_0000)
    ('BadSensorFailure', '0x80010000')
    """
    return _BY_CODE.get(code, f"0x{code:08X}")


def _of_text(text: str) -> int | None:
    if text.isascii() and text.isdigit():
        return _of_number(int(text)) if len(text) <= 10 else None
    if code := _HEX.search(text):
        return int(code[1], 16)
    plain = _NOT_LETTERS.sub("", _SYNONYMS.get(text, text))
    if plain in _NAMES:
        return _NAMES[plain]
    word = _STATUS.search(text) or _WORD.match(text)
    return _NAMES[word[1]] if word else None


def _of_number(number: float) -> int | None:
    """The status code of this number; of OPC Classic only what cannot be one of OPC UA."""
    if not 0 <= number <= 0xFFFF_FFFF or number != int(number):
        return None
    code = int(number)
    if 64 <= code <= 255:
        return int((Quality.UNCERTAIN, Quality.BAD, Quality.GOOD)[(code >> 6) - 1])
    return code if code == 0 or code >= 0x1_0000 else None
