"""A foreign case is hostile until proven otherwise: one clear line, nothing stored, no files left."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sensormon.exchange import case_format, case_reader, case_tables
from sensormon.exchange.cases import held, plain_view
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled, Progress
from sensormon.monitor.monitor import Monitor
from tests.support.case_parts import Parts, column, packed, refused, table, with_table
from tests.support.cases import NOW, act, fill, installation, members, save, some_values
from tests.support.plant import START

Change = Callable[[Parts], object]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """The members of a good case."""
    with installation(tmp_path_factory.mktemp("good")) as monitor:
        fill(monitor, some_values())
        act(monitor)
        return members(save(monitor))


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """An empty installation; every test leaves it empty."""
    with installation(tmp_path_factory.mktemp("receiver")) as monitor:
        monitor.drain()
        yield monitor


T, S, A = case_format.TAGS_FILE, case_format.SETTINGS_FILE, case_format.ACTIONS_FILE
N = case_format.ANNOTATIONS_FILE


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old, new)


def first(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda old: [value, *old[1:]]


def test_good_case_passes(receiver: Monitor, parts: Parts) -> None:
    seen = receiver.cases.glance(io.BytesIO(packed(parts)))
    assert seen.manifest.readings == 322
    with receiver.cases.opener.unpacked(io.BytesIO(packed(parts))) as case:
        case.check(NOW, Progress())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a complete zip"),
        (b"PK\x03\x04 and then nothing", "not a complete zip"),
        (b"time,value\n1,2\n" * 100, "not a complete zip"),
    ],
)
def test_not_a_zip(receiver: Monitor, data: bytes, said: str) -> None:
    refused(receiver, data, said)


def test_truncated_file_or_flipped_byte(receiver: Monitor, parts: Parts) -> None:
    whole = packed(parts)
    for share in (0.1, 0.5, 0.9, 0.999):
        refused(receiver, whole[: int(len(whole) * share)], "it cannot be opened")
    for place in np.linspace(100, len(whole) - 2_000, 12).astype(int).tolist():
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        try:
            with receiver.cases.opener.unpacked(io.BytesIO(bytes(damaged))) as case:
                case.check(NOW, Progress())
                unpacked = {name: (case.folder / name).read_bytes() for name in case.manifest.members}
        except UsageError:
            continue
        # Zip files have a few bytes without meaning.
        assert unpacked == {name: data for name, data in parts.items() if name != case_format.MANIFEST}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/readings.parquet", "x.py", "READINGS.PARQUET"]
)
def test_foreign_member_names(receiver: Monitor, parts: Parts, name: str) -> None:
    refused(receiver, packed({**parts, name: b"x"}), "does not belong in a case")


def test_duplicate_or_missing_member(receiver: Monitor, parts: Parts) -> None:
    stream = io.BytesIO(packed(parts))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(case_format.TAGS_FILE, b"other")
    refused(receiver, stream.getvalue(), "is in it twice")
    less = {name: data for name, data in parts.items() if name != case_format.ACTIONS_FILE}
    refused(receiver, packed(less), "has no actions.json")
    refused(receiver, packed(less, honest=False), "not those of its manifest")
    refused(receiver, packed({"tags.toml": b""} | {case_format.MANIFEST: b"{}"}), "it is not a case")


def test_zip_bomb_is_refused_before_unpacking(
    receiver: Monitor, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        case_reader.case_format, "MEMBERS", {**case_format.MEMBERS, case_format.ACTIONS_FILE: 1 << 20}
    )
    refused(receiver, packed({**parts, case_format.ACTIONS_FILE: b" " * (2 << 20)}), "larger than the 1 MiB")
    bomb = bytearray(packed({**parts, case_format.ACTIONS_FILE: b" " * (1 << 20)}))
    # The central directory claims a small size, in front of the name.
    place = bomb.rindex(case_format.ACTIONS_FILE.encode())
    bomb[place - 22 : place - 18] = (100).to_bytes(4, "little")
    refused(receiver, bytes(bomb), "another size")


def test_wrong_hash_and_wrong_size(receiver: Monitor, parts: Parts) -> None:
    changed = {**parts, case_format.TAGS_FILE: parts[case_format.TAGS_FILE].replace(b"pH", b"PH")}
    refused(receiver, packed(changed, honest=False), "is not what its manifest says")
    changed = {**parts, case_format.TAGS_FILE: parts[case_format.TAGS_FILE] + b"\n"}
    refused(receiver, packed(changed, honest=False), "another size")


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"format": "zip"}, "it is not a case"),
        ({"version": 3}, "of version 3, and this program reads up to 2"),
        ({"version": "x" * 10_000}, "of version xxx"),
        ({"name": "x" * 2_000}, "name is missing, too long"),
        ({"name": "a\nb"}, "name is missing, too long"),
        ({"tags": []}, "1 to 5,000 tags"),
        ({"tags": ["fermenter_ph", "fermenter_ph"]}, "twice"),
        ({"tags": ["fermenter_ph"]}, "not those of its manifest"),
        ({"readings": 1}, "other readings than its manifest"),
        ({"readings": True}, "readings is missing"),
        ({"flagged": 0}, "other readings than its manifest"),
        ({"since": "yesterday"}, "since is not a time"),
        ({"since": "2026-09-21T14:13:21Z"}, "outside of its span"),
        ({"until": "2026-01-01"}, "ends before it begins"),
        ({"created": 5}, "created is missing"),
        ({"members": {"readings.parquet": 5}}, "sha256 is missing"),
        ({"members": []}, "members is missing"),
    ],
)
def test_invalid_manifest(receiver: Monitor, parts: Parts, manifest: dict[str, Any], said: str) -> None:
    refused(
        receiver,
        packed(parts, **manifest),
        "bytes is missing" if "readings.parquet" in str(manifest) else said,
    )


def test_manifest_is_not_json(receiver: Monitor) -> None:
    for text in (b"[" * 100_000, b"NaN", b'{"a": 1e999, "b": NaN}', b"\xff\xfe", b"5", b""):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(case_format.MANIFEST, text)
        refused(receiver, stream.getvalue(), "it cannot be opened")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: column(p, "value", first(float("nan"))), "a value that is not a number"),
        (lambda p: column(p, "value", first(float("inf"))), "a value that is not a number"),
        (lambda p: column(p, "value", first(None)), "a row without value"),
        (lambda p: column(p, "score", lambda old: [*old[:-1], float("nan")]), "a score that is not a number"),
        (lambda p: column(p, "id", lambda old: old[::-1]), "order of their ids"),
        (lambda p: column(p, "id", first(-5)), "order of their ids"),
        (lambda p: column(p, "id", lambda old: [*old[:-1], 1 << 62]), "order of their ids"),
        (lambda p: column(p, "id", lambda old: [old[1], *old[1:]]), "order of their ids"),
        (
            lambda p: column(p, "id", lambda old: [reading_id + 1_000 for reading_id in old]),
            "readings that are not in it",
        ),
        (lambda p: column(p, "n", first(-1)), "an n below 0"),
        (lambda p: column(p, "tag", first("other")), "tag 'other' is unknown"),
        (lambda p: column(p, "tag", first("x" * 5_000)), "text that is too long"),
        (lambda p: column(p, "origin", first("space")), "origin 'space'"),
        (lambda p: column(p, "settings", first(77)), "settings that are not in it"),
        (lambda p: column(p, "time", first(START - 1)), "outside of its span"),
        (
            lambda p: column(p, "value", lambda old: [str(value) for value in old], pa.string()),
            "other columns",
        ),
        (lambda p: with_table(p, table(p).drop_columns(["n"])), "other columns"),
        (lambda p: with_table(p, table(p).append_column("x", table(p).column("n"))), "other columns"),
        (lambda p: with_table(p, table(p).slice(1)), "other readings than its manifest says"),
        (lambda p: with_table(p, table(p), compression="zstd"), "packed in a way"),
        (lambda p: {**p, case_format.READINGS_FILE: b"PAR1" + b"\xff" * 64 + b"PAR1"}, "cannot be read"),
        (lambda p: {**p, case_format.READINGS_FILE: b""}, "cannot be read"),
        (lambda p: {**p, case_format.FAULTS_FILE: p[case_format.REJECTED_FILE]}, "other columns"),
    ],
)
def test_invalid_readings(receiver: Monitor, parts: Parts, change: Change, said: str) -> None:
    refused(receiver, packed(change(parts)), said)


def test_too_many_rows_in_a_row_group_or_case(
    receiver: Monitor, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_tables, "GROUP", 100)
    refused(receiver, packed(parts), "packed in a way")
    monkeypatch.undo()
    monkeypatch.setattr(case_reader.case_format, "MOST_READINGS", 300)
    refused(receiver, packed(parts), "a whole number of 0 to 300")
    monkeypatch.undo()
    monkeypatch.setattr(case_reader, "MOST_CHANGES", 1)
    refused(receiver, packed(parts), "settings change more than 1")


def test_invalid_utf8(receiver: Monitor, parts: Parts) -> None:
    """Two bytes that are not UTF-8 inside a tag name in the Parquet file."""
    data = parts[case_format.READINGS_FILE]
    refused(
        receiver,
        packed({**parts, case_format.READINGS_FILE: data.replace(b"fermenter_ph", b"ferm\xff\xfeter_ph")}),
        "it cannot be opened",
    )


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (T, lambda _: b"not toml [", "tags.toml: not valid"),
        (T, lambda _: b"\xff", "tags.toml"),
        (T, lambda _: b"a=" + b"[" * 50_000, "tags.toml"),
        (T, lambda _: b"b." * 700_000 + b"c = 1", "tags.toml: not valid TOML: it has a key of more than"),
        (A, lambda _: b"[" + b"[]," * 3_000_000 + b"[]]", "actions.json has more than 4,000,000 values"),
        (A, lambda _: b"[" * 100_000, "actions.json cannot be read"),
        (T, swap(b'"pH"', b'"' + b"x" * 999 + b'"'), "too long"),
        (T, swap(b"resolution = 0.01", b"resolution = -1"), "resolution must be"),
        (S, lambda _: b"{}", "not a list"),
        (S, lambda _: b"[]", "settings that are not in it"),
        (S, swap(b"zscore", b"oracle"), "'oracle', which this version"),
        (S, swap(b'"window": 30', b'"window": -30'), "which this version"),
        (S, swap(b'"window": 30', b'"window": NaN'), "cannot be read"),
        (S, swap(b'"window": 30', b'"window": "30"'), "not what they must be"),
        (A, lambda _: b"[5]", "not what it must be"),
        (A, swap(b"acknowledge", b"explode"), "there is no action"),
        (A, swap(b"Ann", b"A" * 2_000), "who is missing, too long"),
        (A, swap(b'"readings": [', b'"readings": ["1",'), "whole number above 0"),
        (A, swap(b'"readings": [', b'"readings": [999999,'), "not in it"),
        (A, lambda _: b"[" * 100_000, "cannot be read"),
        (N, lambda _: b"{}", "not a list"),
        (N, swap(b'"fermenter_ph"', b'"other"'), "a note on tags that are not in it"),
        (N, swap(b"cleaning", b"x" * 1_500), "text is missing, too long"),
        (N, swap(b"cleaning", b""), "the note is empty"),
    ],
)
def test_invalid_tags_settings_actions_and_notes(
    receiver: Monitor, parts: Parts, name: str, change: Callable[[bytes], bytes], said: str
) -> None:
    changed = change(parts[name])
    assert changed != parts[name]
    refused(receiver, packed({**parts, name: changed}), said)


def test_readings_in_the_future(receiver: Monitor, parts: Parts) -> None:
    receiver.clock.advance(-86_400 * 2)
    try:
        refused(receiver, packed(parts), "has not come yet")
    finally:
        receiver.clock.advance(86_400 * 2)


def test_span_is_clamped_to_existing_readings() -> None:
    assert held(0, 1 << 60, (START, START + SECOND)) == (START, START + 2 * SECOND)
    assert held(0, 5, (START, START + SECOND)) == (0, 5)
    assert held(0, 5, None) == (0, 5)


@pytest.mark.parametrize(
    ("address", "view"),
    [
        ("http://10.0.0.1:8501/anomalies?tags=a", "/anomalies?tags=a"),
        ("/explore?x=1#part", "/explore?x=1"),
        ("https://plant.example/monitor/two/explore?x=/a/b", "/explore?x=/a/b"),
        ("https://plant.example/monitor/?range=1+h", "/?range=1+h"),
        ("https://plant.example", ""),
        ("javascript:alert(1)", ""),
        ("//evil.example/x y", ""),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_view_keeps_only_path_and_query(address: str, view: str) -> None:
    assert plain_view(address) == view


@pytest.mark.parametrize(
    "view", ["//evil.example/?a=1", "/elsewhere?a=1", "http://evil.example/", "javascript:alert(1)"]
)
def test_view_leading_elsewhere_is_not_followed(receiver: Monitor, parts: Parts, view: str) -> None:
    from sensormon.exchange.case_opener import _Work
    from sensormon.exchange.case_rows import Plan

    with receiver.cases.opener.unpacked(io.BytesIO(packed(parts, view=view))) as case:
        work = _Work(
            "", Plan({name: name for name in case.manifest.tags}, {}), {}, np.empty(0, dtype=np.int64)
        )
        assert receiver.cases.opener._view(case, work) == ""


def test_unpacking_stops_with_the_viewer_who_waits_for_it(receiver: Monitor, parts: Parts) -> None:
    steps = 0

    def leave() -> None:
        nonlocal steps
        steps += 1
        raise Cancelled

    with pytest.raises(Cancelled):
        receiver.cases.glance(io.BytesIO(packed(parts)), leave)
    assert steps == 1
    assert list(receiver.settings.data_dir.glob("exports/*")) == []
    assert receiver.cases.glance(io.BytesIO(packed(parts))).manifest.readings > 0, "the next one is served"


def test_a_row_group_larger_than_a_case_has_is_not_read(receiver: Monitor, parts: Parts) -> None:
    rows = table(parts, case_format.REJECTED_FILE)
    long = pa.array(["x" * (129 << 20)] * rows.num_rows, pa.string())
    wide = rows.set_column(rows.schema.get_field_index("detail"), "detail", long)
    refused(
        receiver,
        packed(with_table(parts, wide, case_format.REJECTED_FILE)),
        "rejected.parquet has a row group of more than 128 MiB",
    )


def test_a_description_longer_than_a_case_has_is_not_read(receiver: Monitor, parts: Parts) -> None:
    rows = table(parts, case_format.FAULTS_FILE)
    described = rows.replace_schema_metadata({"note": "x" * (17 << 20)})
    refused(
        receiver,
        packed(with_table(parts, described, case_format.FAULTS_FILE, store_schema=True)),
        "faults.parquet has too long a description",
    )
