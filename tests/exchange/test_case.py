"""One-file cases: another installation opens exactly what was saved, to the last bit."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensormon.__main__ import main
from sensormon.api import make_api
from sensormon.exchange.case_opener import Opened
from sensormon.exchange.case_writer import CaseOrder
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import FROM_CASES
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled, Progress
from sensormon.model.readings import Batch, Origin
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.api import get
from tests.support.cases import END, NOW, TAGS, act, fill, readings, save, some_values
from tests.support.plant import START
from tests.support.states import TAGS as STATE_TAGS
from tests.support.states import states_of

SAME = ["tag", "time", "value", "quality", "n", "score", "expected", "lower", "upper", "is_anomaly"]
Make = Callable[..., Monitor]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes monitors, each with its own folder and tag table; they are stopped after the test."""
    monitors: list[Monitor] = []

    def monitor(name: str, source: str = "none") -> Monitor:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if not (folder / "tags.toml").exists():
            shutil.copy(TAGS, folder / "tags.toml")
        settings = Settings(data_dir=folder / "data", source=source, tags=folder / "tags.toml")
        monitors.append(Monitor(settings, ManualClock(NOW)))
        return monitors[-1]

    yield monitor
    for started in monitors:
        started.stop()


def opened(monitor: Monitor, path: Path) -> Opened:
    with path.open("rb") as source:
        job = monitor.cases.open(source, "x")
    assert monitor.jobs.wait(job, 60)
    if job.problem is not None:
        raise job.problem
    monitor.drain()
    done: Opened = job.result
    return done


def frames(monitor: Monitor) -> dict[str, pd.DataFrame]:
    """All that a case must transfer, in order, with ids counted from the first."""
    rows = monitor.stored.frame(None, 0, NOW)
    first = int(rows["id"].iloc[0]) if len(rows) else 0
    judges = {
        number: (settings.detector, dict(settings.params))
        for number, settings in monitor.detection.by_id().items()
    }
    events = monitor.events.between(None, START, END)
    place = {reading_id: at for at, reading_id in enumerate(rows["id"].tolist())}
    actions = monitor.events.actions(0, 1 << 62)
    return {
        "readings": rows[SAME],
        "judges": pd.DataFrame({"judge": [str(judges[judge]) for judge in rows["settings"]]}),
        "events": events.drop(columns=["id", "ids", "peak_id", "settings"]),
        "members": pd.DataFrame(
            {"ids": [[place[reading_id] for reading_id in ids] for ids in events["ids"]]}
        ),
        "actions": actions.drop(columns=["number", "reading"]),
        "notes": pd.DataFrame(
            [
                (note.since, note.until, note.text, note.who, note.time)
                for note in monitor.annotations.between(0, NOW)
            ]
        ),
        "acted on": pd.DataFrame({"reading": [place[reading_id] for reading_id in actions["reading"]]}),
        "faults": monitor.stored.injected_faults(0, NOW),
        "rejected": monitor.stored.rejected(100)[["tag", "time", "value", "reason", "detail", "received"]],
        "first": pd.DataFrame({"first": [bool(first)]}),
    }


def same(monitor: Monitor, other: Monitor) -> None:
    ours, theirs = frames(monitor), frames(other)
    for name, frame in ours.items():
        pd.testing.assert_frame_equal(frame, theirs[name], check_exact=True, obj=name)
    for column in ("value", "score", "lower"):  # bits, not only equality
        assert (
            ours["readings"][column].to_numpy().tobytes() == theirs["readings"][column].to_numpy().tobytes()
        )


@hypothesis_settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    values=st.lists(
        st.one_of(st.floats(6.9, 7.1), st.sampled_from([5.0, 8.9, 7.0, -0.0 + 7.0, 6.999999999999999])),
        min_size=60,
        max_size=150,
    )
)
def test_opened_case_equals_the_saved_history(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("case")
    shutil.copy(TAGS, folder / "tags.toml")
    plants = [
        Monitor(Settings(data_dir=folder / name, source="none", tags=folder / "tags.toml"), ManualClock(NOW))
        for name in ("from", "to")
    ]
    try:
        fill(plants[0], values)
        ids = [int(event_id) for event_id in plants[0].events.between(None, START, END)["id"]]
        if ids:
            plants[0].actions.record(ids[:1], "label", "Ann", label="true")
            plants[0].drain()
        done = opened(plants[1], save(plants[0]).file.path)
        assert done.readings == len(values) + 22
        same(*plants)
    finally:
        for plant in plants:
            plant.stop()


def test_states_labels_rejections_and_faults_are_transferred(make: Make) -> None:
    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    act(sender)
    saved = save(sender)
    counts = saved.counts
    assert (counts.readings, counts.rejected, counts.faults, counts.actions) == (322, 2, 1, 3)
    done = opened(receiver, saved.file.path)
    assert (done.readings, done.before, done.rejected, done.faults, done.actions) == (322, 0, 2, 1, 3)
    same(sender, receiver)
    assert (counts.notes, done.notes) == (2, 2)
    notes = receiver.annotations.between(0, NOW)
    assert [note.tags for note in notes] == [("fermenter_ph",), ("fermenter_ph", "agitator_rpm")]
    assert set(receiver.events.between(None, START, END)["state"]) >= {"acknowledged", "shelved"}
    rows = receiver.stored.frame(None, 0, NOW)
    assert (set(rows["source"]), set(rows["origin"])) == ({"case"}, {"import"})
    assert rows["settings"].min() >= FROM_CASES
    line = next(row for row in receiver.ledger.now().lines if row.source == "case")
    assert (line.received, line.stored, line.rejected, line.difference) == (324, 322, 2, 0)
    receiver.stop()
    assert verify(StoppedMonitor(receiver.settings.data_dir, receiver.settings.store_url)).findings == ()


@pytest.mark.parametrize("body", ["[" * 100_000, "[]", "", '{"tags": {"a": 5}, "settings": {}, "first": -1}'])
@pytest.mark.parametrize("name", ["head", "0"])
def test_a_damaged_note_of_an_earlier_opening_is_one_line(make: Make, body: str, name: str) -> None:
    import duckdb

    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    path = save(sender).file.path
    opened(receiver, path)
    receiver.stop()
    with duckdb.connect(receiver.settings.store_url) as connection:
        connection.execute("UPDATE kept_answers SET body = ? WHERE ends_with(key, ?)", [body, name])
    with pytest.raises(UsageError, match="what was kept of opening this case before is damaged"):
        opened(make("receiver"), path)


def test_opening_twice_stores_once_even_after_restart(make: Make) -> None:
    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    act(sender)
    path = save(sender, view="/anomalies?tags=Fermenter+pH").file.path
    first = opened(receiver, path)
    before = frames(receiver)
    again = opened(receiver, path)
    assert (again.readings, again.before, again.actions) == (0, 322, 0)
    assert again.view == first.view
    receiver.stop()
    receiver = make("receiver")
    once_more = opened(receiver, path)
    assert (once_more.readings, once_more.before, once_more.tags) == (0, 322, first.tags)
    for name, frame in frames(receiver).items():
        pd.testing.assert_frame_equal(frame, before[name], obj=name)
    assert receiver.ledger.now().balanced


def test_interrupted_opening_resumes(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.exchange.case_rows.ROWS", 20)
    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    act(sender)
    path = save(sender).file.path

    class Short(Progress):
        def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
            if receiver.parts.collector.unstored.received.get("case", 0) > 100:
                raise Cancelled
            super().step(words, done, whole)

    with receiver.cases.opener.unpacked(path) as case, pytest.raises(Cancelled):
        receiver.cases.opener.open(case, Short())
    receiver.stop()
    receiver = make("receiver")
    done = opened(receiver, path)
    assert done.before >= 100
    assert done.before + done.readings == 322
    same(sender, receiver)


def test_conflicting_tags_are_renamed_in_tags_and_view(make: Make) -> None:
    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    ours = [7.0 + 0.01 * (i % 3) for i in range(80)]
    receiver.submit(Batch.of(readings("fermenter_ph", ours), source="c", received=NOW))
    receiver.drain()
    before = receiver.stored.frame(["fermenter_ph"], 0, NOW)
    event = int(sender.events.between(["fermenter_ph"], START, END)["id"].iloc[0])
    view = f"/anomalies?tags=fermenter_ph,agitator_rpm&within=6+h&event={event}"
    done = opened(receiver, save(sender, view=view).file.path)
    assert done.tags == {"fermenter_ph": "case-plant-A:fermenter_ph", "agitator_rpm": "agitator_rpm"}
    pd.testing.assert_frame_equal(receiver.stored.frame(["fermenter_ph"], 0, NOW), before)
    assert "case-plant-A:fermenter_ph" in receiver.tags
    assert "case-plant-A:fermenter_ph" in (receiver.settings.tags.read_text())
    mapped = int(receiver.events.between(["case-plant-A:fermenter_ph"], START, END)["id"].iloc[0])
    assert done.view.startswith("/anomalies?tags=case-plant-A%3Afermenter_ph%2Cagitator_rpm&within=6+h")
    assert done.view.endswith(f"event={mapped}")
    other = opened(receiver, save(sender, name="plant A").file.path)
    assert other.tags == dict.fromkeys(["fermenter_ph"], "case-plant-A-2:fermenter_ph") | {
        "agitator_rpm": "case-plant-A-2:agitator_rpm"
    }


def test_live_detectors_ignore_a_case(make: Make) -> None:
    sender, receiver, alone = make("sender"), make("receiver"), make("alone")
    fill(sender, some_values())
    ours = [7.0 + 0.01 * (i % 7) for i in range(120)]
    late = readings("fermenter_ph", ours[60:], START + 60 * SECOND)
    for plant in (receiver, alone):
        plant.submit(Batch.of(readings("fermenter_ph", ours[:60]), source="c", received=NOW))
        plant.drain()
    opened(receiver, save(sender).file.path)
    settings = receiver.detection.in_force
    receiver.stop()
    receiver = make("receiver")
    assert receiver.detection.in_force == settings
    for plant in (receiver, alone):
        plant.submit(Batch.of(late, source="c", received=NOW))
        plant.drain()
    ours_kept = receiver.stored.frame(["fermenter_ph"], 0, NOW)[SAME]
    pd.testing.assert_frame_equal(ours_kept, alone.stored.frame(["fermenter_ph"], 0, NOW)[SAME])
    changed = receiver.tuner.set_zscore({"window": 20}, "Ann")
    receiver.drain()
    assert changed.id < FROM_CASES
    assert receiver.tuner.versions()[0].id == changed.id


def test_simulator_ignores_tags_of_a_case(make: Make) -> None:
    sender, receiver = make("sender"), make("receiver", source="simulator")
    fill(sender, some_values())
    receiver.source.backfill()
    done = opened(receiver, save(sender).file.path)
    assert done.tags["fermenter_ph"] == "case-plant-A:fermenter_ph"
    assert receiver.source.simulator is not None
    assert {tag.name for tag in receiver.source.simulator.tags} == {
        "fermenter_temp",
        "fermenter_ph",
        "agitator_rpm",
    }
    receiver.stop()
    again = make("receiver", source="simulator")
    assert "case-plant-A:fermenter_ph" in again.tags
    assert again.source.simulator is not None
    assert len(again.source.simulator.tags) == 3


def test_command_line_saves_and_opens_cases(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    act(sender)
    for plant in (sender, receiver):
        plant.stop()

    def run(monitor: Monitor, *arguments: str) -> int:
        monkeypatch.setenv("SENSORMON_DATA_DIR", str(monitor.settings.data_dir))
        monkeypatch.setenv("SENSORMON_TAGS", str(monitor.settings.tags))
        return main(list(arguments))

    path = str(tmp_path / "plant A.sensormon")
    since = pd.Timestamp(START, unit="us").isoformat()
    view = "http://10.0.0.1:8501/anomalies?tags=Fermenter+pH"  # as earlier releases wrote it
    assert run(sender, "case", path, "--tag", "fermenter_ph", "--since", since, "--view", view) == 0
    assert "302 readings" in capsys.readouterr().err
    assert run(receiver, "open", path, "--preview") == 0
    said = capsys.readouterr().out
    assert said.startswith("plant A: 302 readings from 2026-09-21T14:13:20.000Z")
    assert "fermenter_ph -> fermenter_ph" in said
    assert run(receiver, "open", path) == 0
    said = capsys.readouterr().out
    assert "302 readings stored" in said
    assert "It is the view http://localhost:8501/anomalies?tags=fermenter_ph" in said
    assert run(receiver, "open", path) == 0
    assert "302 were there before" in capsys.readouterr().out
    assert run(receiver, "verify") == 0
    assert run(receiver, "open", str(tmp_path / "nothing")) == 2
    wrong = tmp_path / "wrong.sensormon"
    wrong.write_bytes(b"no zip")
    capsys.readouterr()
    assert run(receiver, "open", str(wrong)) == 2
    assert f"{wrong}: it cannot be opened" in capsys.readouterr().err
    assert run(sender, "case", path, "--tag", "nope") == 2
    assert run(sender, "case", path, "--since", "2031-01-01") == 2
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "x" * 61}, "needs a name"),
        ({"tags": ()}, "at least one tag"),
        ({"until": START}, "ends before it begins"),
    ],
)
def test_invalid_order_is_refused(make: Make, order: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make("sender").cases.save(replace(CaseOrder("a", ("fermenter_ph",), START, END), **order))


def test_span_without_readings_leaves_no_file(make: Make) -> None:
    sender = make("sender")
    sender.drain()
    job = sender.cases.save(CaseOrder("a", ("fermenter_ph",), START, END))
    assert sender.jobs.wait(job, 30)
    assert "no readings of these tags" in str(job.problem)
    assert list(sender.settings.data_dir.glob("exports/*")) == []


def test_retention_spares_readings_of_a_case(make: Make) -> None:
    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    opened(receiver, save(sender, "fermenter_ph").file.path)
    came = receiver.stored.frame(["fermenter_ph"], START, END)
    receiver.submit(
        Batch.of(
            readings("fermenter_ph", some_values(1), START + 7_200 * SECOND),
            source="import",
            received=NOW,
            origin=Origin.IMPORT,
        )
    )
    receiver.drain()
    receiver.clock.advance(40 * 86_400)
    receiver.retention.set(30, "Ann")
    assert receiver.retention.plan().readings > 250, "what was imported"
    job = receiver.retention.start()
    assert receiver.jobs.wait(job, 60)
    assert job.result.readings > 250
    pd.testing.assert_frame_equal(receiver.stored.frame(["fermenter_ph"], START, END), came)
    assert receiver.ledger.now().balanced


def test_preview_of_a_case_stores_nothing(make: Make) -> None:
    sender, receiver = make("sender"), make("receiver")
    fill(sender, some_values())
    data = io.BytesIO(save(sender).file.path.read_bytes())
    seen = receiver.cases.glance(data)
    assert (seen.manifest.name, seen.manifest.readings) == ("plant A", 322)
    assert seen.names == {"fermenter_ph": "fermenter_ph", "agitator_rpm": "agitator_rpm"}
    receiver.drain()
    assert len(receiver.stored.frame(None, 0, NOW)) == 0
    assert list(receiver.settings.data_dir.glob("exports/*")) == []
    assert json.loads(json.dumps(seen.manifest.tags)) == ["fermenter_ph", "agitator_rpm"]


def test_states_come_out_of_a_case_as_their_words(make: Make, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "tags.toml").write_text(STATE_TAGS, encoding="utf-8")
    first, second = make("a"), make("b")
    first.submit(states_of(("product", "B"), ("valve", "open"), ("temp", 37.5), ("product", "A")))
    first.drain()
    path = save(first, "product", "valve", "temp").file.path
    done = opened(second, path)
    assert done.readings == 4
    assert (second.tags["product"].kind, second.tags["valve"].states) == ("text", ("closed", "open"))
    again = make("c")
    again.tag_file.add([Tag("product", "Product", kind="text")], "test")
    again.submit(states_of(("product", "A"), ("product", "b")))
    again.drain()
    names = opened(again, path).tags
    assert names["product"] != "product"
    for monitor, tags in ((second, {"product": "product", "valve": "valve"}), (again, names)):
        for _ in range(2):
            rows = get(
                make_api(lambda m=monitor: m), f"/data?tag={tags['product']}&tag={tags['valve']}"
            ).json()
            assert [row["value"] for row in rows] == ["B", "open", "A"]
            monitor.drain()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"tag": "product", "code": 0, "word": "A"}],
        [{"tag": "product", "code": code, "word": word} for code, word in ((0, "A"), (1, ""))],
        [{"tag": "product", "code": code, "word": "x" * 201} for code in (0, 1)],
        [{"tag": "product", "code": code, "word": "a\u202eb"} for code in (0, 1)],
        [{"tag": "product", "code": code, "word": code} for code in (0, 1)],
        [{"tag": "product", "code": 0, "word": "A"}] * 2,
        [{"tag": "temp", "code": code, "word": "A"} for code in (0, 1)],
        [{"tag": "other", "code": code, "word": "A"} for code in (0, 1)],
        [{"tag": "product", "code": -1, "word": "A"}],
        {"product": ["A", "B"]},
        [7],
    ],
)
def test_a_case_with_wrong_words_is_refused_whole(make: Make, tmp_path: Path, rows: object) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "tags.toml").write_text(STATE_TAGS, encoding="utf-8")
    first, second = make("a"), make("b")
    first.submit(states_of(("product", "B"), ("product", "A"), ("temp", 37.5)))
    first.drain()
    path = save(first, "product", "temp").file.path
    members = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            members[name] = archive.read(name)
    members["states.json"] = data = json.dumps(rows).encode()
    manifest = json.loads(members["manifest.json"])
    manifest["members"]["states.json"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(tmp_path / "changed", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with (tmp_path / "changed").open("rb") as source:
        job = second.cases.open(source, "x")
        assert second.jobs.wait(job, 60)
    assert isinstance(job.problem, UsageError)
    assert second.newest.first_id is None
    assert "product" not in second.tags
