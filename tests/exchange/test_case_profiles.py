"""Cases of readings that profiles judged: opened as they were saved, and refused if they lie."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sensormon.exchange import case_format
from sensormon.exchange.case_rows import parts_of
from sensormon.exchange.case_verdicts import completed, verdicts_of
from sensormon.exchange.case_writer import version_document
from sensormon.model.jobs import Progress
from sensormon.model.profiles import Choice, Profile, Profiles
from sensormon.model.readings import Withheld
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from tests.support.case_parts import Parts, column, packed, refused, table, with_table
from tests.support.cases import NOW, fill, installation, members, save, some_values
from tests.support.plant import START
from tests.support.profiled import judged_frame, own_rows, version_of

PROFILES = Profiles(
    (
        Profile("default", (Choice("zscore", {"window": 50.0, "threshold": 3.0}), Choice("recommended"))),
        Profile("plain", (Choice("hampel"),)),
    )
)
VERSION = version_of(PROFILES)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """An empty installation; every refused case leaves it empty."""
    with installation(tmp_path_factory.mktemp("receiver")) as monitor:
        monitor.drain()
        yield monitor


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """The members of a case with readings from before profiles, then with readings of a profile."""
    with installation(tmp_path_factory.mktemp("good")) as monitor:
        fill(monitor, some_values())
        tag = monitor.tags["fermenter_ph"]
        saved = members(save(monitor))
    frame, own = judged_frame(PROFILES, [tag], [0] * 300, some_values(1))
    rows = pa.table({name: pa.array(frame[name], from_pandas=True) for name in frame if name != "source"})
    rows = rows.append_column("own", pa.array(own_rows(own), case_format.OWN))
    before = dict.fromkeys(("threshold", "profile", "detector", "withheld", "own"))
    old = completed(rows.slice(0, 60).drop_columns(list(before)))
    old = old.set_column(old.schema.get_field_index("settings"), "settings", pa.array([2] * 60, pa.int32()))
    parts = [table.cast(case_format.READINGS) for table in (old, completed(rows.slice(60)))]
    saved = with_table(saved, pa.concat_tables(parts))
    plain = {"id": 2, "applied": render(START), "who": "Ann", "detector": "zscore", "params": {"window": 50}}
    saved[case_format.SETTINGS_FILE] = json.dumps([version_document(VERSION), plain]).encode()
    saved[case_format.ACTIONS_FILE] = b"[]"
    return saved


COUNTS: dict[str, Any] = {"readings": 300}


def pack(parts: Parts) -> bytes:
    """The parts as a case, with the number of flags they have."""
    flagged = sum(table(parts).column("is_anomaly").to_pylist())
    return packed(parts, flagged=flagged, **COUNTS)


def test_opened_readings_have_what_each_detector_said(receiver: Monitor, parts: Parts) -> None:
    with receiver.cases.opener.unpacked(io.BytesIO(pack(parts))) as case:
        case.check(NOW, Progress())
        assert case.settings[1].profiles == PROFILES
        assert case.settings[1].reason == "a trial"
        old, new = list(parts_of(case.readings()))
        assert verdicts_of(old, case.settings[2]) is None
        verdicts = verdicts_of(new, case.settings[1])
    assert verdicts is not None
    frame, own = judged_frame(PROFILES, [receiver.tags["fermenter_ph"]], [0] * 300, some_values(1))
    frame, own = frame.iloc[60:], own[60:]
    assert [verdicts.profiles[place] for place in verdicts.profile] == frame["profile"].tolist()
    spoke = [verdicts.detectors[place] if place >= 0 else None for place in verdicts.detector]
    assert spoke == [name if isinstance(name, str) else None for name in frame["detector"]]
    assert np.array_equal(verdicts.threshold, frame["threshold"], equal_nan=True)
    assert verdicts.withheld.tolist() == frame["withheld"].tolist()
    for row, said in enumerate(own):
        for detector, numbers in said.items():
            kept = verdicts.own[row, verdicts.detectors.index(detector)]
            assert np.array_equal(kept, astuple(numbers)[1:], equal_nan=True)


Change = Callable[[Parts], Parts]


def last(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda old: [*old[:-1], value]


def entry(**changed: Any) -> list[dict[str, Any]]:
    return [{"detector": "zscore", "score": 1.0, "expected": 7.0, "lower": 6.0, "upper": 8.0, **changed}]


def settings(change: Callable[[dict[str, Any]], object]) -> Change:
    """The case with the first version of its settings changed."""

    def changed(parts: Parts) -> Parts:
        rows = json.loads(parts[case_format.SETTINGS_FILE])
        change(rows[0])
        return {**parts, case_format.SETTINGS_FILE: json.dumps(rows).encode()}

    return changed


def first_profile(**changed: Any) -> Change:
    return settings(lambda row: row["profiles"]["profiles"][0].update(changed))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: column(p, "profile", last("other")), "the profile 'other' is not in its"),
        (lambda p: column(p, "profile", last(None)), "has no profile"),
        (lambda p: column(p, "profile", last("x" * 5_000)), "text that is too long"),
        (lambda p: column(p, "detector", last("hampel")), "'hampel' is not in its reading's profile"),
        (lambda p: column(p, "threshold", last(float("nan"))), "a threshold that is not a number"),
        (lambda p: column(p, "withheld", last(max(Withheld) + 1)), "for an unknown reason"),
        (lambda p: column(p, "own", last(entry(detector="hampel"))), "'hampel' is not in its reading's"),
        (lambda p: column(p, "own", last(entry(detector=None))), "have no name"),
        (lambda p: column(p, "own", last(entry(score=float("nan")))), "a detector's score is not a number"),
        (lambda p: column(p, "own", last([None])), "is missing"),
        (lambda p: column(p, "own", last(entry() * 2)), "judged a reading twice"),
        (lambda p: column(p, "own", last(entry() * 5_000)), "more than 8 detectors"),
        (lambda p: column(p, "own", lambda old: [entry(), *old[1:]]), "has no profile"),
        (settings(lambda row: row.update(detector="hampel", params={})), "contradict their profiles"),
        (settings(lambda row: row.update(profiles=5)), "profiles cannot be used"),
        (settings(lambda row: row.update(profiles={"profiles": []})), "profiles cannot be used"),
        (settings(lambda row: row.update(reason="x" * 2_000)), "reason is missing, too long"),
        (first_profile(name="a\u202eb"), "profiles cannot be used"),
        (first_profile(off_delay=-1), "profiles cannot be used"),
        (first_profile(off_delay=1e999), "settings.json cannot be read"),
        (first_profile(severity="worst"), "profiles cannot be used"),
        (first_profile(detectors=[{"detector": "zscore"}] * 9), "profiles cannot be used"),
        (first_profile(detectors=[{"detector": "zscore", "params": {"window": -5}}]), "does not know so"),
        (first_profile(detectors=[{"detector": "zscore"}, {"detector": "os"}]), "does not know so"),
        (first_profile(condition={"tag": 5, "comparison": ">", "value": 1}), "profiles cannot be used"),
    ],
)
def test_lies_about_profiles_are_refused(receiver: Monitor, parts: Parts, change: Change, said: str) -> None:
    refused(receiver, pack(change(parts)), said)
