"""A Sparkplug group as it runs, with a real broker and an edge node: births, gaps, deaths, restarts, cuts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.readings import Quality
from sensormon.model.source_health import Link
from sensormon.sources.named import NamedSource
from sensormon.sources.named_text import parse_sources
from sensormon.sources.sparkplug import nodes, source
from sensormon.sources.sparkplug.payload import DataType
from sensormon.sources.sparkplug.topics import Kind
from tests.support.edge_node import EdgeNode, Initial
from tests.support.kept_intake import KeptIntake, Running, running, until
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_listener import Listener

LOST = int(Quality.BAD_NO_COMMUNICATION)
PUMP: Mapping[str, Initial] = {
    "": {"Load": (DataType.FLOAT, 0.5)},
    "pump": {
        "Speed": (DataType.INT32, -5),
        "Running": (DataType.BOOLEAN, True),
        "Step": (DataType.STRING, "CIP"),
    },
}


def config(broker: Mosquitto, more: str = "") -> NamedSource:
    text = f'[sources.line]\nkind = "sparkplug"\nurl = "{broker.url}"\ngroup = "plant"\n{more}\n'
    return parse_sources(text)["line"]


@contextmanager
def edge(broker: Mosquitto, **more: object) -> Iterator[EdgeNode]:
    node = EdgeNode(broker.port, PUMP, **more)
    try:
        yield node
    finally:
        node.close()


@contextmanager
def connected(broker: Mosquitto, more: str = "", intake: KeptIntake | None = None) -> Iterator[Running]:
    with running(config(broker, more), intake) as line:
        until(lambda: line.health.link is Link.CONNECTED)
        yield line


def throw_out(broker: Mosquitto, more: str) -> None:
    """Cut the connection of the source, as one of the same name does; its session stays what it is."""
    intruder = Listener(config(broker, more).broker, [])
    intruder.until_connected()
    intruder.stop()


def speeds(line: Running) -> list[tuple[float | str, int]]:
    return line.intake.values("edge/pump/Speed")


def test_births_name_tags_and_data_are_told_by_alias(mosquitto: Mosquitto) -> None:
    facts = {("", "Load"): {"engUnit": "kW", "engLow": 0.0, "engHigh": 2.0}}
    with connected(mosquitto) as line, edge(mosquitto, properties=facts) as node:
        now = SystemClock().now() // 1_000 * 1_000
        node.data("pump", {"Speed": -7, "Running": False, "Step": "fill"}, time=now)
        node.data("pump", {"Speed": 3}, properties={"Quality": 0})
        node.data("pump", {"Speed": None})
        until(lambda: len(speeds(line)) == 4)
        assert speeds(line) == [(-5.0, 0), (-7.0, 0), (3.0, int(Quality.BAD)), (3.0, nodes.NO_DATA)]
        assert line.intake.values("edge/pump/Running") == [("true", 0), ("false", 0)]
        assert line.intake.values("edge/pump/Step") == [("CIP", 0), ("fill", 0)]
        assert line.intake.newest(["edge/pump/Step"]) == {"edge/pump/Step": now}
        tags = {tag.name: tag for tag in line.intake.offered}
        assert tags.keys() == {"edge/Load", "edge/pump/Speed", "edge/pump/Running", "edge/pump/Step"}
        load = tags["edge/Load"]
        assert (load.unit, load.normal, load.simulated, load.label) == ("kW", (0.0, 2.0), False, "Load")
        kinds = [tags[f"edge/pump/{name}"].kind for name in ("Speed", "Running", "Step")]
        assert kinds == ["number", "boolean", "text"]
        assert (line.health.gaps, node.requests, line.intake.refused) == (0, 0, [])


def test_a_gap_is_counted_and_ended_by_a_rebirth(mosquitto: Mosquitto) -> None:
    with connected(mosquitto) as line, edge(mosquitto) as node:
        node.data("pump", {"Speed": 1}, lost=True)
        node.data("pump", {"Speed": 2})
        until(lambda: node.requests == 1)
        until(lambda: (2.0, 0) in speeds(line))
        node.data("pump", {"Speed": 3})
        until(lambda: (3.0, 0) in speeds(line))
        assert [value for value, _ in speeds(line)] == [-5.0, 2.0, 3.0]
        assert line.health.gaps == 1
        assert line.health.notes[nodes.MISSING] == 1
        assert [row.tag for row in line.intake.refused] == ["edge/pump/Speed"]
        assert "may mean something else" in line.intake.refused[0].detail


def test_a_node_that_was_born_before_is_asked_for_its_birth(mosquitto: Mosquitto) -> None:
    with edge(mosquitto) as node, connected(mosquitto) as line:
        node.flush()
        assert node.requests == 0
        node.data("pump", {"Speed": 1})
        until(lambda: node.requests == 1)
        until(lambda: speeds(line) == [(1.0, 0)])
        node.data("pump", {"Speed": 2})
        until(lambda: speeds(line) == [(1.0, 0), (2.0, 0)])
        assert line.health.notes[nodes.UNBORN] == line.health.gaps == 1


def test_a_node_that_does_not_answer_is_asked_seldom(mosquitto: Mosquitto) -> None:
    with edge(mosquitto, answers=False) as node, connected(mosquitto) as line:
        for number in range(50):
            node.data("pump", {"Speed": number})
        node.data("pump", {"Speed": 77}, named=True)
        until(lambda: speeds(line) == [(77.0, 0)])
        node.flush()
        assert node.requests == 1
        assert len(line.intake.refused) == 50
        assert line.health.gaps == 1


def test_without_rebirth_nobody_is_asked(mosquitto: Mosquitto) -> None:
    with edge(mosquitto) as node, connected(mosquitto, "rebirth = false") as line:
        node.data("pump", {"Speed": 1})
        until(lambda: line.health.gaps == 1)
        node.flush()
        assert node.requests == 0
        assert source.REQUESTED not in line.health.notes


def test_deaths_make_the_last_values_bad_until_the_next_birth(mosquitto: Mosquitto) -> None:
    with connected(mosquitto) as line, edge(mosquitto) as node:
        node.data("pump", {"Speed": 1})
        node.device_death("pump")
        until(lambda: speeds(line)[-1:] == [(1.0, LOST)])
        assert line.intake.values("edge/pump/Step")[-1] == ("CIP", LOST)
        assert line.intake.values("edge/Load") == [(0.5, 0)]
        node.device_birth("pump")
        until(lambda: speeds(line)[-1] == (1.0, 0))
        began = SystemClock().now()
        node.crash()
        until(lambda: line.intake.values("edge/Load")[-1] == (0.5, LOST))
        assert speeds(line)[-1] == (1.0, LOST)
        assert line.intake.newest(["edge/Load"])["edge/Load"] >= began
        node.start()
        node.data("pump", {"Speed": 9})
        until(lambda: speeds(line)[-1] == (9.0, 0))
        assert (line.health.gaps, node.requests, line.intake.refused) == (0, 0, [])


def test_history_has_its_own_time_and_is_not_the_last_value(mosquitto: Mosquitto) -> None:
    with connected(mosquitto) as line, edge(mosquitto) as node:
        old = SystemClock().now() // 1_000 * 1_000 - 3_600 * SECOND
        node.data("pump", {"Speed": 40}, time=old, historical=True)
        node.device_death("pump")
        until(lambda: len(speeds(line)) == 3)
        assert speeds(line) == [(-5.0, 0), (40.0, 0), (-5.0, LOST)]
        times = [int(moment) for batch in line.intake.batches for moment in batch.time]
        assert old in times


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_nothing_is_lost_in_a_cut_if_the_broker_keeps_it(mosquitto: Mosquitto, version: str) -> None:
    more, intake = f'version = "{version}"', KeptIntake()
    with connected(mosquitto, more, intake) as line, edge(mosquitto) as node:
        until(lambda: line.intake.values("edge/Load"))
        throw_out(mosquitto, more)
        for number in range(20):
            node.data("pump", {"Speed": number})
        until(lambda: line.health.reconnects >= 1)
        until(lambda: (19.0, 0) in speeds(line))
        assert [value for value, _ in speeds(line)][:21] == [-5.0, *map(float, range(20))]
        until(lambda: node.requests >= 1)
        assert line.health.gaps == 0


def test_a_broker_that_forgets_is_a_gap_and_all_are_asked(mosquitto: Mosquitto) -> None:
    with connected(mosquitto, "expiry = 0") as line, edge(mosquitto) as node:
        until(lambda: line.intake.values("edge/Load"))
        throw_out(mosquitto, "expiry = 0")
        until(lambda: node.requests == 1)
        until(lambda: source.FORGOTTEN in line.health.notes)
        node.data("pump", {"Speed": 8})
        until(lambda: (8.0, 0) in speeds(line))


def test_after_a_restart_known_nodes_are_asked_at_once(mosquitto: Mosquitto) -> None:
    intake = KeptIntake()
    with connected(mosquitto, intake=intake) as line, edge(mosquitto) as node:
        until(lambda: speeds(line) == [(-5.0, 0)])
        assert line.stop() < 1
        assert intake.position() == {"nodes": ["edge"]}
        with connected(mosquitto, intake=intake) as again:
            until(lambda: node.requests == 1)
            until(lambda: len(speeds(again)) == 2)
            assert again.health.notes[source.AWAY] == again.health.gaps == 1


def test_what_cannot_be_read_is_refused_with_the_reason(mosquitto: Mosquitto) -> None:
    devices: Mapping[str, Initial] = {"": {"Ä": (DataType.INT32, 1), "Ö": (DataType.INT32, 2)}}
    with connected(mosquitto) as line:
        node = EdgeNode(mosquitto.port, devices)
        node.raw(Kind.NDATA, "", b"\x0a\xff")
        node.flush()
        until(lambda: len(line.intake.refused) == 2)
        node.close()
        assert "has the tag edge/_ already: name it under metrics" in line.intake.refused[0].detail
        assert "not one of Sparkplug B" in line.intake.refused[1].detail
        assert line.intake.values("edge/_")[0] == (1.0, 0)
        assert [tag.name for tag in line.intake.offered] == ["edge/_"]


def test_a_named_metric_of_a_node_that_is_not_born_has_its_tag(mosquitto: Mosquitto) -> None:
    places = {"Speed": "speed", "Running": "running", "Step": "step"}
    rows = "".join(
        f'[[sources.line.metrics]]\nmetric = "edge/pump/{name}"\ntag = "{tag}"\n'
        for name, tag in places.items()
    )
    with edge(mosquitto, answers=False) as node, connected(mosquitto, rows) as line:
        node.data("pump", {"Speed": 4, "Running": False, "Step": "fill"}, named=True)
        until(lambda: line.intake.values("step") == [("fill", 0)])
        assert line.intake.values("speed") == [(4.0, 0)]
        kinds = {tag.name: tag.kind for tag in line.intake.offered}
        assert kinds == {"speed": "number", "running": "boolean", "step": "text"}


def test_birth_certificates_cannot_add_tags_without_end(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MOST_NEW_TAGS", 2)
    with connected(mosquitto) as line, edge(mosquitto):
        until(lambda: speeds(line))
        assert len({tag.name for tag in line.intake.offered}) == 2
        assert line.health.trouble is not None
        assert "more than 2 tags" in line.health.trouble.what


def test_metrics_that_the_file_names_are_beyond_that_limit(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MOST_NEW_TAGS", 1)
    rows = "".join(
        f'[[sources.line.metrics]]\nmetric = "edge/pump/{name}"\ntag = "{name}"\n'
        for name in ("Speed", "Running", "Step")
    )
    with connected(mosquitto, rows) as line, edge(mosquitto):
        until(lambda: line.intake.values("Step"))
        assert {tag.name for tag in line.intake.offered} == {"Speed", "Running", "Step"}
        assert line.health.trouble is None


def test_only_what_the_file_names_is_read(mosquitto: Mosquitto) -> None:
    rows = '[[sources.line.metrics]]\nmetric = "edge/pump/Speed"\ntag = "speed"\n'
    with connected(mosquitto, f"new_tags = false\n{rows}") as line, edge(mosquitto) as node:
        node.data("", {"Load": 0.75})
        node.data("pump", {"Speed": 4})
        until(lambda: line.intake.values("speed") == [(-5.0, 0), (4.0, 0)])
        assert {tag.name for tag in line.intake.offered} == {"speed"}
        assert {name for batch in line.intake.batches for name in batch.tags} == {"speed"}


@pytest.mark.parametrize(
    ("more", "names"),
    [
        (
            'nodes = ["oth*"]',
            {f"other/{name}" for name in ("Load", "pump/Speed", "pump/Running", "pump/Step")},
        ),
        ('nodes = ["edge"]\ndevices = ["pu*"]', {f"edge/pump/{name}" for name in PUMP["pump"]}),
        (
            'tag = "p.{metric}:{node}"\ndevices = ["p*"]\nnodes = ["edge"]',
            {f"p.{n}:edge" for n in PUMP["pump"]},
        ),
    ],
)
def test_nodes_and_devices_are_chosen_by_pattern(mosquitto: Mosquitto, more: str, names: set[str]) -> None:
    intake = KeptIntake()
    with connected(mosquitto, more, intake), edge(mosquitto), edge(mosquitto, node="other"):
        until(lambda: names == {name for batch in list(intake.batches) for name in batch.tags})
    assert names == {tag.name for tag in intake.offered} == {n for b in intake.batches for n in b.tags}


def test_a_primary_host_says_whether_it_is_online(mosquitto: Mosquitto) -> None:
    listener = Listener(config(mosquitto, 'client_id = "watcher"').broker, [("spBv1.0/STATE/#", 1)])
    listener.until_connected()
    with connected(mosquitto, 'host = "monitor"') as line:
        until(lambda: len(listener.payloads) == 1)
        assert line.stop() < 1
    until(lambda: len(listener.payloads) == 2)
    listener.stop()
    assert ['"online": true' in text for text in listener.payloads] == [True, False]
