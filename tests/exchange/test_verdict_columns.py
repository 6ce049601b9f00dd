"""What profiles said of readings, in tables for other programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from sensormon.analysis.versions import Versions
from sensormon.api.formats import as_csv, as_json, as_parquet
from sensormon.exchange.verdict_columns import with_detectors, with_verdicts
from sensormon.model.json_text import read_json
from sensormon.model.profiles import Choice, Condition, Profile, Profiles, default_profiles
from sensormon.model.tags import Tag
from sensormon.stores.columns import OWN, VERDICTS, as_table
from tests.support.profiled import judged_frame, own_rows, version_of

PH = Tag("ph", "Fermenter pH", "pH")
RPM = Tag("rpm", "Agitator", "rpm")


def streamed(profiles: Profiles, values: list[float]) -> tuple[pa.Table, list[list[dict[str, Any]]]]:
    """Readings of `ph` as a store streams them, and what each detector said."""
    frame, said = judged_frame(profiles, [PH], [0] * len(values), values)
    own = own_rows(said)
    several = [entries if len(entries) > 1 else None for entries in own]
    return as_table(frame.assign(received=frame["time"]), pa.array(several, OWN)), own


def test_json_has_what_each_detector_said_with_its_threshold() -> None:
    profiles = default_profiles(50, 2.5)
    values = [*np.random.default_rng(2).normal(7.0, 0.1, 120), 9.0]
    table, own = streamed(profiles, values)
    with_own = with_detectors(table, Versions({1: version_of(profiles)}))
    rows = read_json(b"".join(as_json(iter([with_own.slice(0, 60), with_own.slice(60)]))).decode())
    assert rows[0]["detectors"] == []
    assert (rows[0]["threshold"], rows[0]["detector"], rows[0]["profile"]) == (None, None, "default")
    last = rows[-1]
    assert last["is_anomaly"] is True
    thresholds = {"zscore": 2.5, "recommended": 3.4}
    assert [entry["threshold"] for entry in last["detectors"]] == [2.5, 3.4]
    for entry, said in zip(last["detectors"], own[-1], strict=True):
        assert {name: entry[name] for name in said} == said
    speaker = next(entry for entry in last["detectors"] if entry["detector"] == last["detector"])
    assert (last["score"], last["threshold"]) == (speaker["score"], thresholds[last["detector"]])
    assert max(entry["score"] / entry["threshold"] for entry in last["detectors"]) == (
        last["score"] / last["threshold"]
    )


def test_files_have_the_flat_columns_alone() -> None:
    table, _ = streamed(default_profiles(50, 3.0), [7.0, 7.1])
    header = next(as_csv(iter([table]))).decode().splitlines()[0].split(",")
    assert set(VERDICTS[:-1]) <= set(header)
    assert not {"own", "detectors"} & set(header)
    assert b"".join(as_parquet(iter([table])))


def test_withheld_is_a_word() -> None:
    only = Profile("default", (Choice("zscore"),), condition=Condition("rpm", ">", 50.0, settle=2.0))
    frame, _ = judged_frame(Profiles((only,)), [RPM, PH], [0, 1, 0, 1, 1, 1], [0.0, 7.0, 60.0, 7.0, 7.0, 7.0])
    table = pa.table(
        {name: frame[name].to_numpy() for name in ("threshold", "profile", "detector", "withheld")}
    )
    words = with_verdicts(table).column("withheld").to_pylist()
    assert words == ["condition", "condition", "settling", "settling", None, None]


def test_readings_from_before_profiles_have_nulls() -> None:
    table, _ = streamed(default_profiles(50, 3.0), [7.0] * 2)
    for name in VERDICTS:
        nothing = pa.nulls(2, table.schema.field(name).type)
        table = table.set_column(table.schema.get_field_index(name), name, nothing)
    table = with_verdicts(with_detectors(table, Versions({})))
    assert table.select(VERDICTS[:-1]).to_pylist() == [dict.fromkeys(VERDICTS[:-1])] * 2
    assert table.column("detectors").to_pylist() == [[], []]


def test_a_detector_that_judged_alone_is_listed_too() -> None:
    profiles = Profiles((Profile("default", (Choice("zscore", {"window": 5.0}),)),))
    table, own = streamed(profiles, [7.0, 7.1] * 6)
    lists = with_detectors(table, Versions({1: version_of(profiles)})).column("detectors").to_pylist()
    assert lists == [[{**entry, "threshold": 3.0} for entry in entries] for entries in own]
    assert [len(entries) for entries in lists] == [0] * 5 + [1] * 7
