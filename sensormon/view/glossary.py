"""The terms of the field that the pages use, each explained in one to three plain sentences.

Every explanation stands here once; pages show it beside the word. Pure data, no markup.
What it is not: a description of the methods; that is docs/detection.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sensormon.model.event_rate import DEFINITION

TERMS: Mapping[str, str] = MappingProxyType(
    {
        # what a reading is
        "tag": "A measuring point: one sensor's value, with a name, a unit and limits.",
        "board": "Tiles that somebody put together on a grid; everybody who may look here sees it.",
        "tile": "A part of a board: a chart, values, states, events or a note, with the tags that it shows.",
        "wall screen": "A page over the whole screen that runs by itself; Esc leaves it.",
        "saved view": "The state of a page under a name: what is chosen there, as its address has it.",
        "reading": "One value of one tag at one time, with a quality.",
        "quality": (
            "The device's own verdict on its reading: good, uncertain or bad, as in OPC UA. Only good "
            "readings are judged and learned from."
        ),
        "good quality": "The device vouches for the reading. It is judged and learned from.",
        "uncertain quality": (
            "The device gives a value but doubts it, for example outside its calibrated range. The reading "
            "is drawn as an open circle, stored, and neither judged nor learned from."
        ),
        "bad quality": (
            "The device says that the value cannot be used, for example because its sensor has failed. The "
            "reading is drawn as a cross on the axis, stored, and neither judged nor learned from."
        ),
        "valid range": (
            "What the sensor can physically measure. A reading outside it is rejected: it is kept with the "
            "reason, but is part of no line and no statistics."
        ),
        "normal band": (
            "Where the process usually runs, as the plant states it. A reading outside it is accepted; the "
            "band is drawn as dashed lines for orientation and judges nothing."
        ),
        "gap": (
            "A stretch without readings although some were due. The line breaks there and is never drawn "
            "through."
        ),
        "stale": "No reading has arrived for longer than five of the source's usual intervals.",
        "data age": "How long ago the newest reading arrived, by the monitor's clock, whatever its own time.",
        "backfill": (
            "Readings of the last 15 minutes that the simulator generates at the very first start, so that "
            "there is something to see. They are marked as simulated."
        ),
        # judging
        "anomaly": (
            "A reading whose score is above the threshold: it is further from the expected value than it "
            "should be. It says that something is unusual, not that something is wrong."
        ),
        "score": (
            "How far a reading is from what the detector expected, in the detector's own measure. Above the "
            "threshold the reading is flagged."
        ),
        "model of several tags": (
            "Learned from a normal stretch: how several tags go together. Its score is a tag of its own; "
            "1 is its limit, and above it the row of these tags is flagged."
        ),
        "contribution": (
            "The part of a model's score that is due to one tag. The contributions of all tags add up to the "
            "score; one may be negative where tags explain each other."
        ),
        "z-score": (
            "How many standard deviations a reading lies from the mean of the readings before it. The "
            "reading itself is not part of that mean. Above about 3 is rare by chance alone."
        ),
        "σ": "Sigma, the standard deviation: how far readings usually scatter around their mean.",
        "standard deviation": "How far readings usually scatter around their mean; written σ.",
        "threshold": (
            "The score above which a reading is flagged. Higher: fewer flags, but more faults are missed. "
            "Lower: more faults are found, but more flags are false."
        ),
        "window": "How many of the newest readings the detector compares the next one with.",
        "control band": (
            "The shaded band: where the detector expects the next reading, from what it has learned so far. "
            "For the z-score that is the mean ± threshold · σ."
        ),
        "warm-up": (
            "The first readings of a tag, which are learned but not judged: a handful of readings does not "
            "show what is usual."
        ),
        "MAD": (
            "Median absolute deviation: the median distance of readings from their median. Unlike σ it is "
            "hardly moved by a few wild readings. Multiplied by 1.4826 it can be read like σ."
        ),
        "CUSUM's k": (
            "The slack: how far a reading must deviate, in σ, before the deviation is added up. Half of the "
            "shift you want to find is a good value."
        ),
        "CUSUM's h": (
            "The decision limit of the sum, in σ: when deviations beyond the slack k have added up to it, "
            "the reading is flagged. 4 to 5 is usual."
        ),
        "detector": (
            "The method that judges readings. Each catches some faults well and others not at all; the "
            "Tuning page says which."
        ),
        "severity": (
            "What the profile says of its events; if it says nothing, how far the highest score was above "
            "the threshold: low, medium from 1.5 times, high from 3 times."
        ),
        # control charts
        "UCL": (
            "Upper control limit: the mean of a baseline plus, as a rule, 3 σ. A process that is left alone "
            "almost always stays below it. It is not a specification limit."
        ),
        "LCL": (
            "Lower control limit: the mean of a baseline minus, as a rule, 3 σ. A process that is left "
            "alone almost always stays above it. It is not a specification limit."
        ),
        "centre line": "The mean of the baseline in a control chart.",
        "baseline": "A stretch of readings that represents normal operation; limits are computed from it.",
        "correlation": (
            "How well a straight line describes two tags together, from -1 to 1; 0 means no such relation. "
            "It does not show that one tag drives the other."
        ),
        "rank correlation": (
            "Spearman's ρ: the correlation of the ranks instead of the values. It detects any steady rise "
            "or fall, and a few wild readings hardly move it."
        ),
        "moving range": (
            "The step between two neighbouring readings, without its sign. Its mean divided by 1.128 is σ "
            "if neighbours are independent of each other."
        ),
        "autocorrelation": (
            "How much a reading resembles the one before it, from -1 to 1. Near 1 the steps are small "
            "compared with the spread, and control limits computed from them are too narrow."
        ),
        "quantile": (
            "The value below which a given share of the readings lies; the median is the one for a half."
        ),
        # events
        "event": (
            "Flagged readings of a tag that lie close together, treated as one thing to look at. It starts "
            "with the first of them and has ended when none has come for the off-delay."
        ),
        "profile": (
            "A named way to judge tags: one or more detectors with their parameters, delays, a condition, a "
            "severity and a target. A tag has the profile assigned to it by name, by pattern or by group, "
            "else the default one."
        ),
        "condition": (
            "What must hold for readings to be judged and learned, such as that the agitator turns faster "
            "than 50 rpm. Until the tag it looks at has had a reading it is not met."
        ),
        "settling": (
            "How long a condition must have been met before readings are judged, so that a machine that "
            "starts up is not judged while it does."
        ),
        "on-delay": (
            "How long a detector must fire without a break before a reading is flagged. At 0 a single spike "
            "is."
        ),
        "off-delay": (
            "How long a tag must stay without a flag before its event has ended. Flags that come sooner "
            "belong to the same event, so that a noisy signal is one event and not forty."
        ),
        "unacknowledged": "An event that is still active and that nobody has looked at yet.",
        "acknowledged": "Somebody has seen the event and confirmed it; their name and the time are recorded.",
        "returned": (
            "The readings are back where they were expected, but nobody has acknowledged the event yet."
        ),
        "shelved": (
            "Put aside by a person until a stated time. It then comes back by itself; nothing is deleted."
        ),
        "label": (
            "What a person says the event was: True fault, Expected (real, such as cleaning or a new "
            "setpoint), False alarm (nothing was there) or Unclear. Tuning measures settings against labels."
        ),
        "alarm load": (
            f"How many events occur per 10 minutes. {DEFINITION} One operator can handle about 1; "
            "the limit is 2 (ISA-18.2, EEMUA 191)."
        ),
        # quality of flags
        "false positive": "A flag although nothing was wrong.",
        "precision": "The share of the flagged events that were real faults. The rest are false positives.",
        "recall": "The share of the known faults that were flagged. The rest were missed.",
        "delay": "The time from a fault's beginning to its first flag; the median over all faults found.",
        "95 % interval": (
            "So few events show the share only roughly: in 95 of 100 such cases the true share lies in this "
            "interval."
        ),
        "n": "The number of events behind a share. If there are few, the share says little.",
        "kept, gained, lost": (
            "Kept: flagged with current and new settings. Gained: flagged with the new settings only. Lost: "
            "flagged with the current settings only."
        ),
        # where readings are
        "ledger": (
            "The account of all readings: received = stored + rejected + dead-lettered + pending. Each side "
            "is counted where the readings are, so a difference other than 0 is a loss or a duplicate."
        ),
        "journal": (
            "The file on disk to which every reading is written before it is acknowledged. From there it "
            "goes into the database."
        ),
        "pending": "In the journal but not in the database yet. Readings move there about once a second.",
        "rejected": "Refused by a check; kept with the reason, but part of no line and no statistics.",
        "duplicate": (
            "A reading with the tag, time and value of one that was accepted before. It is stored once."
        ),
        "dead letter": (
            "A reading that the database itself refuses. It is written to failed_measurements.jsonl, or kept "
            "beside the readings if it came from a bus, and retried at every start and on demand."
        ),
        "watermark": (
            "The number of the last journal record that the database has, kept in the same transaction as "
            "the readings. It is why a restart stores nothing twice."
        ),
        "difference": (
            "Received minus all that is accounted for. 0 is right; above 0, readings are lost; below 0, "
            "some are counted twice."
        ),
        "p99": "99 of 100 operations took no longer than this; the median stands before it.",
        "roll-up": (
            "Old readings condensed to one row per minute: the lowest, mean and highest value and their "
            "count, so that spikes stay visible. Flagged readings are kept at full resolution."
        ),
        "calculated tag": (
            "A tag whose value is a formula over other tags. Its readings come from nowhere else; they are "
            "scored and shown like any other."
        ),
        "retention": "How long readings stay at full resolution before they are rolled up.",
        "case": (
            "One file with the readings, tags, settings and labels of a span, which another installation "
            "opens to the same view."
        ),
        "level shift": "A fault: from one moment on the readings lie higher or lower.",
        "drift": "A fault: the readings move away slowly and steadily.",
        "stuck sensor": "A fault: the sensor repeats one value.",
        # telling people
        "rule": "Which events, or which conditions of the monitor, are told to whom, and when.",
        "contact": "Somebody who is told: a person, a shift, a chat room or a program, with the ways to it.",
        "way": (
            "How a message reaches a contact: a mail address, a webhook, the URL of a service. The ways of "
            "a contact are tried in their order until one takes the message."
        ),
        "escalation": "Telling the next contact if nobody has acknowledged the event in time.",
        "digest": (
            "One message that counts what a contact's limit has held back, so that a storm of events is "
            "not a storm of messages."
        ),
        "dead message": (
            "A message that no way has taken in 24 hours of tries, or that all ways have refused for good. "
            "It is kept, and can be sent again."
        ),
        # who may do what
        "role": (
            "What a person may do: viewers look, try settings and export; operators also deal with events; "
            "engineers also change settings and tags and import; administrators may do everything."
        ),
        "session": (
            "One sign-in in one browser. It ends by signing out, when an administrator ends it, after 24 "
            "hours without use, and after 30 days in any case."
        ),
        "API token": (
            "The secret by which a program reads or writes readings over HTTP. It is shown once; only its "
            "digest is kept."
        ),
        "audit trail": (
            "Who did or tried to do what, when and from where, with the values before and after. Records are "
            "added, never changed or removed."
        ),
        "unverified name": "A name that somebody typed without signing in. Records mark it as unverified.",
    }
)


def explained(name: str) -> str:
    """The meaning of the term. Raises KeyError if it is not explained here.

    >>> explained("pending")
    'In the journal but not in the database yet. Readings move there about once a second.'
    """
    return TERMS[name]
