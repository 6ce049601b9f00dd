"""The words of the field that the pages use, each in one to three plain sentences.

The one place where a word is explained; pages show it where the word stands. Pure data: no
markup. What it is not: a description of the methods, which is docs/detection.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TERMS: Mapping[str, str] = MappingProxyType(
    {
        # what a reading is
        "tag": "A measuring point: one sensor's value, with a name, a unit and limits.",
        "reading": "One value of one tag at one time, with a quality.",
        "quality": (
            "What the device says of its own reading: good, uncertain or bad, as in OPC UA. Only good "
            "readings are judged and learned from."
        ),
        "good quality": "The device vouches for the reading. It is judged and learned from.",
        "uncertain quality": (
            "The device gives a value and doubts it, as outside its calibrated range. It is drawn as an "
            "open circle, stored, and neither judged nor learned from."
        ),
        "bad quality": (
            "The device says that the value cannot be used, as when its sensor has failed. It is drawn as"
            " a cross on the axis, stored, and neither judged nor learned from."
        ),
        "valid range": (
            "What the sensor can measure at all. A reading outside is rejected: it is kept with the "
            "reason, and goes into no chart or statistics."
        ),
        "normal band": (
            "Where the process usually is, as the plant states it. A reading outside it is accepted; the "
            "band is drawn as a dashed line for the eye and judges nothing."
        ),
        "gap": (
            "A stretch without readings where some were due. The line is broken there, never drawn through."
        ),
        "stale": "Nothing has come for longer than five of the source's usual intervals.",
        "data age": "How long ago the newest reading was measured, by the reading's own time.",
        "backfill": (
            "Readings of the last 15 minutes that the simulator makes at the very first start, so that "
            "there is something to see. They are marked as simulated."
        ),
        # judging
        "anomaly": (
            "A reading whose score is above the threshold: it lies further off what was expected than it "
            "should. It says that something is unusual, not that something is wrong."
        ),
        "score": (
            "How far a reading is off what the detector expected, in the detector's own measure. Above "
            "the threshold the reading is flagged."
        ),
        "z-score": (
            "How many standard deviations a reading lies off the mean of the readings before it. The "
            "reading itself is not among them. About 3 is rare by chance alone."
        ),
        "σ": "Sigma, the standard deviation: how far readings usually scatter around their mean.",
        "standard deviation": "How far readings usually scatter around their mean; written σ.",
        "threshold": (
            "The score above which a reading is flagged. Higher: fewer flags, and more that is missed. "
            "Lower: more is found, and more flags are for nothing."
        ),
        "window": "How many of the newest readings the detector compares the next one with.",
        "control band": (
            "The shaded band: where the detector expects the next reading, from what it has learned so "
            "far. For the z-score that is the mean ± threshold · σ."
        ),
        "warm-up": (
            "The first readings of a tag, which are learned and not judged: from a handful of readings "
            "nobody can say what is usual."
        ),
        "MAD": (
            "Median absolute deviation: the median of how far readings are off their median. Unlike σ it "
            "is hardly moved by a few wild readings. Times 1.4826 it can be read like σ."
        ),
        "CUSUM's k": (
            "The slack: how far off a reading must be, in σ, before it is added up. Half of the shift you"
            " want to find is a good value."
        ),
        "CUSUM's h": (
            "The threshold of the sum, in σ: when the deviations beyond the slack k have added up to it, "
            "the reading is flagged. 4 to 5 is usual."
        ),
        "detector": (
            "The method that judges readings. Each catches some faults well and others not at all; the "
            "Tuning page says which."
        ),
        "severity": (
            "How far the highest score of an event was above the threshold: low, medium from 1.5 times, "
            "high from 3 times. It says nothing about what the fault does to the plant."
        ),
        # control charts
        "UCL": (
            "Upper control limit: the mean of a baseline plus, as a rule, 3 σ. A process that is left "
            "alone stays below it almost always. It is not a specification limit."
        ),
        "LCL": (
            "Lower control limit: the mean of a baseline minus, as a rule, 3 σ. A process that is left "
            "alone stays above it almost always. It is not a specification limit."
        ),
        "centre line": "The mean of the baseline in a control chart.",
        "baseline": "A stretch of readings that stands for the usual; limits are computed from it.",
        "correlation": (
            "How well a straight line describes two tags together, from -1 to 1; 0 is no such relation. "
            "It does not say that one moves the other."
        ),
        "rank correlation": (
            "Spearman's ρ: the correlation of the places in the order instead of the values. It sees any "
            "steady rise or fall, and a few wild readings hardly move it."
        ),
        "moving range": (
            "The step between two neighbouring readings, without its sign. Its mean divided by 1.128 is σ "
            "where neighbours have nothing to do with each other."
        ),
        "autocorrelation": (
            "How much a reading resembles the one before it, from -1 to 1. Near 1 the steps are small "
            "beside the spread, and control limits made from them are too narrow."
        ),
        "quantile": "The value that such a share of the readings lies below; the median is that of a half.",
        # events
        "event": (
            "Flagged readings of a tag that lie close together, taken as one thing to look at. It starts "
            "with the first of them and has ended when none has come for the off-delay."
        ),
        "on-delay": (
            "How long flagged readings must go on before they count as an event. A single spike does at 0."
        ),
        "off-delay": (
            "How long a tag must stay without a flag before its event has ended. Flags that come sooner "
            "belong to the same event, so that a noisy signal is one event and not forty."
        ),
        "unacknowledged": "An event that nobody has looked at yet, and that is still going on.",
        "acknowledged": "Somebody has seen the event and says so; their name and the time are kept.",
        "returned": (
            "The readings are back where they were expected, and nobody has acknowledged the event yet."
        ),
        "shelved": (
            "Put aside by a person until a stated time. It comes back by itself then; nothing is deleted."
        ),
        "label": (
            "What a person says the event was: true (a fault), benign (real and no fault, as a cleaning),"
            " false (nothing was there) or undetermined. Tuning measures settings against labels."
        ),
        "alarm load": (
            "How many events come in 10 minutes. About 1 is what one operator can take, 2 is the most "
            "(ISA-18.2, EEMUA 191)."
        ),
        # how good flags are
        "false positive": "A flag where nothing was wrong.",
        "precision": (
            "The share of the flagged events that were really faults. The rest are false positives."
        ),
        "recall": "The share of the known faults that were flagged. The rest were missed.",
        "delay": "The time from a fault's beginning to its first flag; the median of all that were found.",
        "95 % interval": (
            "From so few events the share is known only roughly: the true one lies in this interval in 95"
            " of 100 such cases."
        ),
        "n": "The number of events that a share rests on. With few of them the share says little.",
        "kept, gained, lost": (
            "Kept: flagged now and with these settings. Gained: flagged with these settings alone. Lost: "
            "flagged now, and no more with these settings."
        ),
        # where readings are
        "ledger": (
            "The account of all readings: received = stored + rejected + dead-lettered + pending. Both "
            "sides are counted where the readings are, so a difference that is not 0 is a loss or a "
            "double."
        ),
        "journal": (
            "The file on disk that every reading is written to before anybody is told that it was taken. "
            "From there it goes into the database."
        ),
        "pending": "In the journal and not in the database yet. They go there about once a second.",
        "rejected": "Refused by a check; kept with the reason, and in no chart or statistics.",
        "duplicate": (
            "A reading with the tag, time and value of one that was accepted before. It is stored once."
        ),
        "dead letter": (
            "A reading that the database refuses by itself. It is put into failed_measurements.jsonl and "
            "tried again at every start and on demand."
        ),
        "watermark": (
            "The number of the last journal record that the database has, kept in the same transaction as"
            " the readings. It is why a restart stores nothing twice."
        ),
        "difference": (
            "Received minus all that is accounted for. 0 is right; above, readings are lost; below, some "
            "are counted twice."
        ),
        "99 % in": "Of 100 operations 99 took no longer than this; before it stands the median.",
        "roll-up": (
            "Old readings kept as one line a minute: the lowest, mean and highest value and their count, so "
            "that spikes stay visible. Flagged readings are kept one by one."
        ),
        "retention": "How long single readings are kept before they are rolled up.",
        "case": (
            "One file with readings, tags, settings and labels of a span, which another installation "
            "opens to the same view."
        ),
        "level shift": "A fault: the readings lie higher or lower from one moment on.",
        "drift": "A fault: the readings move away slowly and steadily.",
        "stuck sensor": "A fault: the sensor repeats one value.",
    }
)


def explained(name: str) -> str:
    """What the word means. Raises KeyError for one that is not explained here.

    >>> explained("pending")
    'In the journal and not in the database yet. They go there about once a second.'
    """
    return TERMS[name]
