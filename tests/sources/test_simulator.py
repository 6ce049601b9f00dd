"""The simulated plant: a slow course, noise, spikes and faults, each recorded."""

from __future__ import annotations

import math
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch, Floats, Origin
from sensormon.model.settings import ROOT, Settings
from sensormon.model.tags import Tag, TagTable, read_tags
from sensormon.sources import open_source
from sensormon.sources.draws import philox
from sensormon.sources.faults import FAULTS, Fault
from sensormon.sources.simulator import Simulator, read_spike_rate
from tests.support.plant import START

SHIPPED = read_tags(ROOT / "data" / "tags.toml")
HOUR = 60.0
FAULT_START = START + 100 * SECOND


def column(batch: Batch, name: str) -> Floats:
    """The values of one tag, in order of arrival."""
    values: Floats = batch.value[batch.tag == batch.tags.index(name)]
    return values


def false_alarms(values: Floats, window: int = 50) -> float:
    """The share of readings that a plain rolling z-score of threshold 3 flags."""
    past = np.lib.stride_tricks.sliding_window_view(values, window)[:-1]
    return float((np.abs(values[window:] - past.mean(axis=1)) > 3 * past.std(axis=1)).mean())


def quiet(*tags: Tag, seed: int = 0) -> Simulator:
    return Simulator(tags or SHIPPED, seed, 1.0, spike_rate=0.0)


def simulated(simulator: Simulator, seconds: int = 300) -> Batch:
    """The readings of this many seconds from START on."""
    return simulator.backfill(START + seconds * SECOND, minutes=seconds / 60)


def truth(batch: Batch, tag: str = "temp") -> Counter[str]:
    return Counter(injected.fault for injected in batch.injected if injected.tag == tag)


def test_random_words_match_the_published_philox() -> None:
    def words(*numbers: int) -> list[np.ndarray[tuple[int], np.dtype[np.uint64]]]:
        return [np.array([number], dtype=np.uint64) for number in numbers]

    def drawn(counter: list[int], key: list[int]) -> list[int]:
        return [int(word[0]) for word in philox(words(*counter), words(*key))]

    ones = 0xFFFFFFFF
    assert drawn([ones] * 4, [ones] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    counter = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    output = drawn(counter, [0xA4093822, 0x299F31D0])
    assert output == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def test_live_readings_equal_backfilled_ones() -> None:
    tags = [*SHIPPED, Tag("fine", "Fine", noise=0.1), Tag("still", "Still")]
    live = Simulator(tags, 3, 1.0)
    batches = [live.read(START + tick * SECOND) for tick in range(120)]
    past = simulated(Simulator(tags, 3, 1.0), 120)
    assert past.origin is Origin.BACKFILL
    assert past.value.tolist() == np.concatenate([batch.value for batch in batches]).tolist()
    assert past.time.tolist() == np.concatenate([batch.time for batch in batches]).tolist()
    assert past.injected == tuple(injected for batch in batches for injected in batch.injected)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_reading_depends_only_on_seed_tag_and_time(ticks: list[int], seed: int) -> None:
    other = Simulator([*reversed(list(SHIPPED)), Tag("more", "More", noise=1.0)], seed, 1.0)
    for tick in ticks:
        until = START + (tick + 1) * SECOND
        first = Simulator(SHIPPED, seed, 1.0).backfill(until, minutes=1 / 60)
        again = other.backfill(until, minutes=1 / 60)
        for name in SHIPPED.names:
            assert column(first, name).tolist() == column(again, name).tolist()


def test_another_seed_gives_other_readings() -> None:
    batch, other = (simulated(Simulator(SHIPPED, seed, 1.0)) for seed in (0, 1))
    assert (batch.value != other.value).mean() > 0.8


def test_many_ticks_at_once_equal_single_ticks() -> None:
    tags = [Tag(f"t{k}", f"T{k}", noise=1.0) for k in range(2_000)]
    simulator = Simulator(tags, 0, 1.0)
    whole = simulated(simulator, 150)
    last = simulator.backfill(START + 150 * SECOND, minutes=1 / 60)
    assert whole.value[-2_000:].tolist() == last.value.tolist()
    assert whole.injected[-len(last.injected) :] == last.injected


def test_ticks_are_multiples_of_the_interval() -> None:
    simulator = Simulator(SHIPPED, 0, 2.5)
    now = START + 1_234_567
    past = simulator.backfill(now, minutes=15)
    assert len(past) == 3 * 360
    assert (past.time % 2_500_000 == 0).all()
    assert (np.diff(past.time[::3]) == 2_500_000).all()
    assert now - 15 * 60 * SECOND <= past.time[0]
    assert simulator.due(now) == past.time[-1] + 2_500_000


def test_missed_ticks_are_skipped() -> None:
    simulator = Simulator(SHIPPED, 0, 1.0)
    simulator.read(START)
    woken = START + 3_600 * SECOND + 400_000
    assert simulator.due(woken) == START + 3_600 * SECOND
    assert set(simulator.read(woken).time.tolist()) == {START + 3_600 * SECOND}
    assert simulator.due(woken) == START + 3_601 * SECOND


def test_clock_set_back_starts_over_from_there() -> None:
    simulator = Simulator(SHIPPED, 0, 1.0)
    simulator.read(START)
    assert simulator.due(START - 3_600 * SECOND) == START - 3_600 * SECOND


@pytest.mark.parametrize("name", SHIPPED.names)
@pytest.mark.parametrize("seed", [0, 1])
def test_false_alarm_rate_without_spikes_is_near_nominal(name: str, seed: int) -> None:
    values = column(simulated(quiet(seed=seed), 10 * 3_600), name)
    assert 0.003 <= false_alarms(values) <= 0.01


@pytest.mark.parametrize("tag", list(SHIPPED), ids=lambda tag: tag.name)
def test_course_moves_slowly_within_the_normal_band(tag: Tag) -> None:
    smooth = Tag(tag.name, tag.label, valid=tag.valid, normal=tag.normal, profile=tag.profile)
    values = column(simulated(quiet(smooth), 20 * 3_600), tag.name)
    assert tag.normal is not None
    low, high = tag.normal
    assert low <= values.min()
    assert values.max() <= high
    assert values.max() - values.min() > 0.15 * (high - low)
    assert np.abs(np.diff(values)).max() < 0.02 * tag.noise


def test_readings_have_the_sensors_resolution_and_noise() -> None:
    for tag in SHIPPED:
        values = column(simulated(quiet(), 2_000), tag.name)
        steps = values / tag.resolution
        assert np.allclose(steps, np.rint(steps), atol=1e-6)
        assert np.diff(values).std() / math.sqrt(2) == pytest.approx(tag.noise, rel=0.1)
    assert max(len(repr(value)) for value in column(simulated(quiet()), "fermenter_temp").tolist()) <= 5


def test_tag_without_a_band_keeps_to_half_its_range_or_one_unit() -> None:
    valid = {
        "half": (0.0, 100.0),
        "low": (5.0, math.inf),
        "high": (-math.inf, 5.0),
        "none": (-math.inf, math.inf),
    }
    batch = simulated(quiet(*(Tag(name, name, valid=span) for name, span in valid.items())), 3_600)
    kept = {"half": (25, 75), "low": (5, 6), "high": (4, 5), "none": (0, 1)}
    for name, (low, high) in kept.items():
        values = column(batch, name)
        assert low <= values.min() < values.max() <= high


def test_seeded_course_does_not_outrun_the_noise() -> None:
    values = column(simulated(quiet(Tag("p", "P", valid=(0.0, 1000.0), noise=0.1)), 10 * 3_600), "p")
    assert false_alarms(values) < 0.01


def test_saturated_sensor_stays_valid() -> None:
    tag = Tag("p", "P", valid=(0.0, 1.05), normal=(0.0, 1.0), noise=0.5, resolution=0.1)
    values = column(simulated(Simulator([tag], 0, 1.0), 2_000), "p")
    assert values.min() >= 0.0
    assert values.max() <= 1.05


def test_five_per_cent_are_spikes_and_each_is_recorded() -> None:
    with_spikes, without = simulated(Simulator(SHIPPED, 0, 1.0), 7_200), simulated(quiet(), 7_200)
    off = np.flatnonzero(with_spikes.value != without.value)
    changed = {(with_spikes.tags[with_spikes.tag[k]], int(with_spikes.time[k])) for k in off}
    assert changed == {(injected.tag, injected.time) for injected in with_spikes.injected}
    for tag in SHIPPED:
        assert truth(with_spikes, tag.name)["spike"] / 7_200 == pytest.approx(0.05, abs=0.008)
        height = np.abs(column(with_spikes, tag.name) - column(without, tag.name))
        height = height[height > 0]
        assert 12 * tag.noise - tag.resolution <= height.min()
        assert height.max() <= 20 * tag.noise + tag.resolution
        low, high = tag.valid
        assert ((column(with_spikes, tag.name) >= low) & (column(with_spikes, tag.name) <= high)).all()


@pytest.mark.parametrize(
    "tag",
    [
        Tag("p", "P"),
        Tag("p", "P", valid=(0.0, 1.0), noise=0.2, resolution=0.01),
        Tag("p", "P", valid=(0.0, 100.0), normal=(10.0, 12.0), noise=0.01, resolution=1.0),
    ],
    ids=["no noise", "little room", "coarse"],
)
def test_spike_differs_from_the_usual_value_and_stays_valid(tag: Tag) -> None:
    spiked = simulated(Simulator([tag], 0, 1.0, spike_rate=1.0), 500)
    usual = simulated(quiet(tag), 500)
    recorded = {injected.time for injected in spiked.injected}
    assert len(recorded) > 450
    off = (spiked.value != usual.value).tolist()
    assert [time in recorded for time in spiked.time.tolist()] == off
    assert ((spiked.value >= tag.valid[0]) & (spiked.value <= tag.valid[1])).all()


@pytest.fixture
def simulator(tags: TagTable) -> Simulator:
    return Simulator(tags, 1, 1.0, spike_rate=0.0)


def difference(simulator: Simulator) -> Floats:
    """What the faults added to "temp" from START on, second by second."""
    faulty = column(simulated(simulator), "temp")
    simulator.clear()
    return faulty - column(simulated(simulator), "temp")


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_affects_only_its_tag_and_time(simulator: Simulator, fault: str) -> None:
    usual = simulated(simulator)
    simulator.inject(fault, "temp", FAULT_START, 50)
    batch = simulated(simulator)
    assert truth(batch) == {fault: 50}
    assert {injected.time for injected in batch.injected} == {FAULT_START + k * SECOND for k in range(50)}
    assert not truth(batch, "ph")
    assert column(batch, "ph").tolist() == column(usual, "ph").tolist()
    before, after = column(usual, "temp")[:100], column(usual, "temp")[150:]
    changed = column(batch, "temp")
    assert changed[:100].tolist() == before.tolist()
    assert changed[-150:].tolist() == after.tolist()
    assert len(changed) == {"gap": 250, "duplicates": 350}.get(fault, 300)


def test_level_shift_is_in_standard_deviations(simulator: Simulator) -> None:
    simulator.inject("level_shift", "temp", FAULT_START, 50)
    assert difference(simulator)[100:150] == pytest.approx(np.full(50, 0.6), abs=0.011)
    simulator.inject("level_shift", "temp", FAULT_START, 50, size=-10)
    assert difference(simulator)[100:150] == pytest.approx(np.full(50, -1.0), abs=0.011)


def test_drift_grows_steadily_to_its_size(simulator: Simulator) -> None:
    simulator.inject("drift", "temp", FAULT_START, 50)
    assert difference(simulator)[100:150] == pytest.approx(np.arange(50) / 50 * 0.8, abs=0.011)


def test_stuck_sensor_repeats_its_last_value_without_spikes(tags: TagTable) -> None:
    simulator = Simulator(tags, 1, 1.0, spike_rate=1.0)
    simulator.inject("stuck", "temp", FAULT_START, 50)
    batch = simulated(simulator)
    held = column(simulated(Simulator(tags, 1, 1.0, spike_rate=0.0)), "temp")[100]
    assert set(column(batch, "temp")[100:150].tolist()) == {held}
    assert truth(batch) == {"spike": 250, "stuck": 50}


def test_noise_burst_multiplies_the_noise(simulator: Simulator) -> None:
    simulator.inject("noise_burst", "temp", START, 300, size=5)
    values = column(simulated(simulator), "temp")
    assert np.diff(values).std() / math.sqrt(2) == pytest.approx(0.5, rel=0.15)


def test_out_of_range_values_are_on_the_requested_side(simulator: Simulator) -> None:
    simulator.inject("out_of_range", "temp", START, 10)
    simulator.inject("out_of_range", "temp", START + 10 * SECOND, 10, size=-0.01)
    values = column(simulated(simulator, 20), "temp")
    assert (values[:10] > 100).all()
    assert (values[10:] < 0).all()


def test_duplicates_are_in_the_same_batch(simulator: Simulator) -> None:
    simulator.inject("duplicates", "temp", START, 10)
    batch = simulator.read(START)
    assert batch.value[0] == batch.value[1]
    assert [batch.tags[code] for code in batch.tag] == ["temp", "temp", "ph"]


def test_gap_of_every_tag_leaves_only_its_record(simulator: Simulator) -> None:
    for name in ("temp", "ph"):
        simulator.inject("gap", name, START, 10)
    batch = simulator.read(START)
    assert len(batch) == 0
    assert {(injected.tag, injected.time, injected.fault) for injected in batch.injected} == {
        ("temp", START, "gap"),
        ("ph", START, "gap"),
    }


def test_fault_hidden_by_another_is_not_recorded(simulator: Simulator) -> None:
    for fault in FAULTS:
        simulator.inject(fault, "temp", START, 10)
    assert truth(simulated(simulator, 10)) == {"gap": 10}
    simulator.cancel(next(active for active in simulator.active(START) if active.fault == "gap"))
    assert truth(simulated(simulator, 10)) == {"out_of_range": 10, "duplicates": 10}
    assert (column(simulated(simulator, 10), "temp") > 100).all()


def test_active_faults_are_listed_until_they_end(simulator: Simulator) -> None:
    first = simulator.inject("gap", "temp", START, 10)
    second = simulator.inject("drift", "ph", START + 5 * SECOND, 10, size=3)
    assert second == Fault("drift", "ph", START + 5 * SECOND, START + 15 * SECOND, 3.0)
    assert simulator.active(START - 1) == ()
    assert simulator.active(START + 5 * SECOND) == (first, second)
    assert simulator.active(START + 10 * SECOND) == (second,)
    simulator.cancel(first)
    assert simulator.active(START + 5 * SECOND) == (second,)
    simulator.clear()
    assert simulator.active(START + 5 * SECOND) == ()


def test_faults_injected_by_several_threads_are_all_kept(simulator: Simulator) -> None:
    def switch() -> None:
        for _ in range(50):
            simulator.inject("drift", "temp", START, 10)

    threads = [threading.Thread(target=switch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(simulator.active(START)) == 200


@pytest.mark.parametrize(
    ("fault", "tag", "seconds", "size", "says"),
    [
        ("explosion", "temp", 10, None, "fault explosion of temp: there is no such fault"),
        ("gap", "nowhere", 10, None, "fault gap of nowhere: there is no such tag"),
        ("gap", "temp", 0, None, "cannot last 0 s"),
        ("gap", "temp", math.inf, None, "cannot last inf s"),
        ("drift", "temp", 10, math.nan, "size cannot be nan"),
        ("noise_burst", "temp", 10, -2.0, "size cannot be -2"),
        ("out_of_range", "open", 10, None, "no valid range"),
    ],
)
def test_impossible_fault_is_refused(
    tags: TagTable, fault: str, tag: str, seconds: float, size: float | None, says: str
) -> None:
    simulator = Simulator(tags.with_tags([Tag("open", "Open")]), 0, 1.0)
    with pytest.raises(UsageError, match=says):
        simulator.inject(fault, tag, START, seconds, size)
    assert simulator.active(START) == ()


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ({"perod": 1}, "unknown key 'perod'"),
        ({"period_hours": 0}, "period_hours must be a number above 0"),
        ({"course": [[0.0, 0.5]]}, "course must be a list of two or more points"),
        ({"course": [[0.0, 0.5], [1.0, 0.5]]}, "course has a point"),
        ({"course": [[0.0, 0.5], [0.5, 1.5]]}, "course has a point"),
        ({"course": [[0.5, 0.5], [0.2, 0.5]]}, "not in order"),
        ({"course": [["a", 0.5], [0.2, 0.5]]}, "course must be a list"),
        ({"ripple": 3}, "ripple must be a table"),
        ({"ripple": {"amplitude": -1}}, "amplitude must be a number above 0"),
        ({"ripple": {"height": 1}}, "unknown key 'height'"),
    ],
)
def test_invalid_profile_is_one_line_with_tag_and_key(profile: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Simulator([Tag("p", "P", profile=profile)], 0, 1.0)
    message = str(caught.value)
    assert says in message
    assert "[tags.p.profile]" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("simulator = 3", "must be a table"),
        ("[simulator]\nspike = 0.1", "unknown key 'spike'"),
        ("[simulator]\nspike_rate = 2", "spike_rate must be a share of 0 to 1"),
        ("[simulator]\nspike_rate = true", "spike_rate must be a share of 0 to 1"),
        ("[simulator", "cannot be read"),
    ],
)
def test_invalid_simulator_table_is_one_line(tags: TagTable, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "tags.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=says) as caught:
        open_source(Settings(tags=path), tags, START)
    assert "[simulator]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_spike_rate_comes_from_the_tag_table(tags: TagTable, tmp_path: Path) -> None:
    path = tmp_path / "tags.toml"
    path.write_text("[simulator]\nspike_rate = 1", encoding="utf-8")
    source = open_source(Settings(tags=path), tags, START)
    assert source is not None
    assert len(source.read(START).injected) == 2
    path.write_text("", encoding="utf-8")
    assert read_spike_rate(path) == read_spike_rate(ROOT / "data" / "tags.toml") == 0.05


@pytest.mark.parametrize(("interval", "rate"), [(0.0, 0.05), (math.nan, 0.05), (1.0, 1.5)])
def test_impossible_interval_or_rate_is_refused(interval: float, rate: float) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        Simulator(SHIPPED, 0, interval, rate)


def test_tags_that_are_not_simulated_have_no_readings() -> None:
    tags = [
        Tag("a", "A", noise=0.1),
        Tag("made", "Made", simulated=False),
        Tag("valve", "Valve", states=("closed", "open")),
    ]
    simulator = Simulator(tags, 0, 1.0)
    assert {tag.name for tag in simulator.tags} == {"a"}
    assert set(simulated(simulator).tags) == {"a"}


def test_a_history_in_pieces_is_the_same_history() -> None:
    whole = Simulator(SHIPPED, 7, 1.0).backfill(START, minutes=2)
    pieces = list(Simulator(SHIPPED, 7, 1.0).backfill_pieces(START, minutes=2, most=50))
    assert len(pieces) > 5
    assert max(map(len, pieces)) <= 50
    for name in ("tag", "time", "value", "quality"):
        joined = np.concatenate([getattr(piece, name) for piece in pieces])
        assert np.array_equal(joined, getattr(whole, name))
    assert sum((piece.injected for piece in pieces), ()) == whole.injected
