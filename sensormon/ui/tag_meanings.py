"""What each field of a tag means, in the table of tags and in the form for a new one."""

from __future__ import annotations

from sensormon.model.tag_edit import PRIORITY, SIMULATED

MEANINGS = {
    "Name": "Readings are sent and stored under it: letters, digits and _ . : / -",
    "Label": "What people read",
    "Group": "The machine or area",
    "Description": "What people should know about it: where it is, what it measures",
    "Valid low": "A reading below it is rejected",
    "Valid high": "A reading above it is rejected",
    "Normal low": "Lower edge of the usual band, which is drawn",
    "Normal high": "Upper edge of the usual band",
    "Resolution": "Smallest step the sensor reports; no smaller deviation is an anomaly",
    PRIORITY: "Which of two tags that are wrong in the same way comes first",
    SIMULATED: "The built-in simulator invents its readings",
}
"""By the column of the cells."""
