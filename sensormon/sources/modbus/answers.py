"""What a device may answer instead of values, as quality and in words."""

from __future__ import annotations

from sensormon.model.readings import Quality

BAD_CONFIGURATION = 0x8089_0000
BAD_DEVICE_FAILURE = 0x808B_0000
NO_ANSWER = int(Quality.BAD_NO_COMMUNICATION)
"""Neither a value nor an exception came in time, or there was no connection."""
NO_VALUE = int(Quality.BAD_SENSOR_FAILURE)
"""The answer says that there is no value: a float that is no number, or no known state."""

ILLEGAL = (1, 2, 3)
"""Exceptions that mean the request itself."""
TOO_MUCH = (2, 3)
"""Those of them that may mean a part of it: smaller requests may be answered."""
GATEWAY = (10, 11)
"""Exceptions of a gateway whose device does not answer it."""

_EXCEPTIONS = {
    1: ("illegal function: the device does not have this table", BAD_CONFIGURATION),
    2: ("illegal data address: the device does not have this address", BAD_CONFIGURATION),
    3: ("illegal data value: the device does not answer a request of this length", BAD_CONFIGURATION),
    4: ("server device failure", BAD_DEVICE_FAILURE),
    5: ("acknowledge: the device is still at it", NO_ANSWER),
    6: ("server device busy", BAD_DEVICE_FAILURE),
    7: ("negative acknowledge", BAD_DEVICE_FAILURE),
    8: ("memory parity error", BAD_DEVICE_FAILURE),
    10: ("gateway path unavailable: the gateway has no way to the device", NO_ANSWER),
    11: ("gateway target device failed to respond", NO_ANSWER),
}


def quality_of_exception(code: int) -> int:
    """The status code of readings whose request was answered by this exception."""
    return _EXCEPTIONS[code][1] if code in _EXCEPTIONS else int(Quality.BAD)


def words_of_exception(code: int) -> str:
    """What this exception means."""
    return f"exception {code}, {_EXCEPTIONS[code][0]}" if code in _EXCEPTIONS else f"exception {code}"


def hint_of_exception(code: int) -> str:
    """What a person can do."""
    if code in ILLEGAL:
        return "Compare with the device's manual, whose numbers may begin at 1, 40001 or 30001 instead of 0"
    if code in GATEWAY:
        return "Check the device's number, its power and its line to the gateway"
    return "Look at the device's own diagnosis"
