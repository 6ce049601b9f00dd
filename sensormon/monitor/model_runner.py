"""Judges rows of several tags live, by the models in force, and records each score as a reading.

The scores of a model are readings of a tag that has its name, with each tag's contribution beside
them (`Verdicts.own`). They are durable like any other reading. A restart goes on after the last
recorded row: rows that came in meanwhile are made of the stored readings.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensormon.analysis.aligned_rows import RowMaker
from sensormon.detectors.conditions import Conditions
from sensormon.detectors.kernel import SCORE
from sensormon.detectors.multivariate import RowScores
from sensormon.detectors.trained_state import STEADY, TrainedState
from sensormon.detectors.training import TrainedModel
from sensormon.ingest.collector import Collector
from sensormon.model.clock import SECOND, Clock
from sensormon.model.errors import JournalError, StoreError, StoreUnavailable, UsageError
from sensormon.model.profiles import Choice, Profile
from sensormon.model.readings import (
    UNLEARNED,
    Batch,
    Floats,
    Ints,
    Origin,
    Processed,
    Scores,
    Verdicts,
    Withheld,
)
from sensormon.model.tag_models import SOURCE, TagModel
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.monitor.model_place import ModelPlace
from sensormon.monitor.readings import Readings
from sensormon.monitor.tag_models import TagModels
from sensormon.stores.readings import StoredReadings
from sensormon.stores.recent import RecentReadings

EVERY = 0.5
"""Seconds between two looks at the newest readings."""
LOOK = 50
"""Rows between two looks at whether the plant is steady elsewhere, and in which a tag should have a value."""
WARM = 500
"""Rows before the first one judged, from which a model's memory is made again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelStatus:
    """What a model does now: its last row's time (µs UTC) and score, and why it does not run, if it does not.

    `elsewhere` are the tags that have settled at another level than the one it was trained on, `absent`
    those without a value in the last `LOOK` rows, silent or with a clock that differs from the others'.
    """

    model: TagModel
    time: int = 0
    score: float = math.nan
    elsewhere: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    failure: str = ""


class ModelRunner:
    """Of one monitor."""

    def __init__(
        self,
        models: TagModels,
        collector: Collector,
        newest: RecentReadings,
        readings: Readings,
        stored: StoredReadings,
        place: ModelPlace,
        clock: Clock,
    ) -> None:
        self._models = models
        self._collector = collector
        self._newest = newest
        self._readings = readings
        self._stored = stored
        self._place = place
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._failures: dict[str, str] = {}

    def run(self, stopping: threading.Event) -> None:
        """Step until `stopping` is set."""
        while not stopping.is_set():
            try:
                self.step()
            except (StoreError, JournalError) as error:
                _log.warning("the models of several tags wait: %s", error)
            self._clock.wait(stopping, EVERY)

    def step(self) -> None:
        """Judge the rows that the newest readings complete. Raises StoreError and JournalError.

        After an error nothing is lost: the next step goes on where this one stopped.
        """
        models = {model.name: model for model in self._models.standing()}
        self._running = {
            name: running for name, running in self._running.items() if models.get(name) == running.model
        }
        for name, model in models.items():
            if self._models.is_hidden(model):
                self._running.pop(name, None)
                self._failures[name] = "stopped: a tag of the tag file has its name"
                continue
            if not self._place.is_here(model):
                self._running.pop(name, None)
                self._failures.pop(name, None)
                continue
            if name not in self._running:
                self._begin(model)
            if (running := self._running.get(name)) is not None:
                self._go_on(running)

    def status(self) -> list[ModelStatus]:
        """Every known model."""
        by_name = {model.name: self._last_seen(model) for model in self._models.known}
        for name, running in list(self._running.items()):
            if name in by_name:
                by_name[name] = running.status()
        for name, failure in list(self._failures.items()):
            if name in by_name and name not in self._running:
                by_name[name] = ModelStatus(by_name[name].model, failure=failure)
        return list(by_name.values())

    def _last_seen(self, model: TagModel) -> ModelStatus:
        """The status by the newest row in memory, which another process may have judged."""
        recorded = self._newest.frame(0, [model.name]).tail(1)
        if recorded.empty:
            return ModelStatus(model)
        return ModelStatus(model, int(micros(recorded["time"])[0]), float(recorded["score"].iloc[0]))

    def _begin(self, model: TagModel) -> None:
        """Make the model's memory again, from the rows up to its last recorded one."""
        try:
            trained = TrainedModel.from_dict(model.fitted)
        except UsageError as error:
            self._failures[model.name] = str(error)
            return
        self._failures.pop(model.name, None)
        interval = round(model.interval * SECOND)
        last, n = self._last_row(model)
        begun = self._models.begun(model) or (0 if last else self._clock.now())
        since = max(last, begun // interval * interval) + interval
        running = _Running(model, TrainedState(trained, model.retrain_after or STEADY), since, n)
        earlier = self._readings.recent(since - WARM * interval, model.columns)
        if not earlier.attrs["complete"]:
            raise StoreUnavailable("the readings before the start cannot be read", where=model.name)
        running.take(earlier, np.array([earlier.attrs["place"]]))
        self._running[model.name] = running

    def _last_row(self, model: TagModel) -> tuple[int, int]:
        """The time of the newest recorded row and how many there were; zeros if there is none."""
        recorded = self._newest.frame(0, [model.name])
        if recorded.empty:
            arrival = self._stored.last_arrivals().get(model.name)
            if arrival is None:
                return 0, 0
            recorded = self._stored.frame([model.name], arrival.time, arrival.time + 1)
        return int(micros(recorded["time"])[-1]), int(recorded["n"].iloc[-1]) + 1

    def _go_on(self, running: _Running) -> None:
        running.take(*self._newest.after(running.place, running.model.columns, 0))
        while running.waiting:  # a row stays there until it is durable
            times, scores = running.waiting[0]
            batch = running.batch(times, scores, self._clock.now())
            self._collector.record(Processed(batch, scores, self._collector.settings.id, ()), lambda _: ())
            running.waiting.popleft()
        if running.look_elsewhere() and running.model.retrain_after:
            self._train_again(running)

    def _train_again(self, running: _Running) -> None:
        try:
            self._models.train_again(running.model, *running.newest_rows())
        except UsageError as error:
            _log.warning("model %s was not trained again: %s", running.model.name, error)


class _Running:
    """A model at work. Rows before `since` (µs) only make its memory again; `n` rows were judged before."""

    def __init__(self, model: TagModel, state: TrainedState, since: int, n: int) -> None:
        interval = round(model.interval * SECOND)
        self.model = model
        self.state = state
        self.place = 0
        """Up to here the readings in memory were taken."""
        self.waiting: deque[tuple[Ints, Scores]] = deque()
        """Times and scores of rows that are not recorded yet."""
        self.time = 0
        self.score = math.nan
        self._since = since
        self._n = n
        self._maker = RowMaker(model.columns, interval, since - WARM * interval)
        self._conditions = _conditions(model)
        self._rows: deque[tuple[int, Floats]] = deque(maxlen=model.retrain_after or 1)
        self._elsewhere: tuple[str, ...] = ()
        self._looked = 0

    def take(self, readings: pd.DataFrame, places: Ints) -> None:
        """Judge the rows that these readings complete; what was imported makes none."""
        if len(places):
            self.place = int(places[-1])
        if readings.empty:
            return
        # An import may hold times of a later moment, after which the rows of live readings would be late.
        times, rows = self._maker.take(readings[readings["origin"] != str(Origin.IMPORT)])
        withheld = self._withheld(times, rows)
        judged = ~np.isin(withheld, UNLEARNED)
        times, rows, withheld = times[judged], rows[judged, : len(self.model.tags)], withheld[judged]
        if not len(times):
            return
        self._rows.extend(zip(times.tolist(), rows, strict=True))
        scores = self.state.run(rows)
        keep = np.flatnonzero((times >= self._since) & np.isfinite(scores.score))
        if len(keep):
            self.waiting.append((times[keep], self._scores(scores, keep, withheld[keep])))
            self._n += len(keep)
            self.time, self.score = int(times[keep[-1]]), float(scores.score[keep[-1]])

    def look_elsewhere(self) -> bool:
        """Whether tags have settled at another level; looks once in `LOOK` rows."""
        if self._n - self._looked >= LOOK:
            self._looked = self._n
            self._elsewhere = tuple(self.state.elsewhere())
            return bool(self._elsewhere)
        return False

    def newest_rows(self) -> tuple[Ints, Floats]:
        """Times and values of the newest rows, as many as the model is trained again on."""
        return np.array([time for time, _ in self._rows]), np.array([row for _, row in self._rows])

    def batch(self, times: Ints, scores: Scores, received: int) -> Batch:
        """The rows as readings of the model's tag."""
        rows = len(times)
        return Batch(
            source=SOURCE,
            received=received,
            tags=(self.model.name,),
            tag=np.zeros(rows, dtype=np.int32),
            time=times,
            value=scores.score,
            quality=np.zeros(rows, dtype=np.uint32),
        )

    def status(self) -> ModelStatus:
        """What it does now."""
        absent = tuple(self.state.without_values(LOOK))
        return ModelStatus(self.model, self.time, self.score, self._elsewhere, absent)

    def _withheld(self, times: Ints, rows: Floats) -> NDArray[np.uint8]:
        """For each row whether the model's condition lets it be judged, by the last value of its tag."""
        if self.model.condition is None:
            return np.zeros(len(times), dtype=np.uint8)
        value = np.ascontiguousarray(rows[:, self.model.columns.index(self.model.condition.tag)])
        codes = np.zeros(len(times), dtype=np.int32)
        return self._conditions.withheld(codes, value, np.isfinite(value), times)

    def _scores(self, scores: RowScores, keep: Ints, withheld: NDArray[np.uint8]) -> Scores:
        rows = len(keep)
        own = np.full((rows, len(self.model.tags), 4), np.nan)
        own[:, :, SCORE] = scores.contributions[keep]
        largest = np.argmax(np.nan_to_num(own[:, :, SCORE], nan=-np.inf), axis=1)
        return Scores(
            n=self._n + np.arange(rows, dtype=np.int64),
            score=scores.score[keep],
            expected=np.full(rows, np.nan),
            lower=np.full(rows, np.nan),
            upper=np.ones(rows),
            is_anomaly=scores.is_anomaly[keep] & (withheld == Withheld.NOTHING),
            verdicts=Verdicts(
                profiles=(f"{self.model.name} v{self.model.version}",),
                profile=np.zeros(rows, dtype=np.uint8),
                detectors=self.model.tags,
                detector=largest.astype(np.int8),
                threshold=np.ones(rows),
                withheld=withheld,
                own=own,
            ),
        )


def _conditions(model: TagModel) -> Conditions:
    """The condition of the model as that of a single tag, which is also the one it looks at."""
    name = model.name if model.condition is None else model.condition.tag
    profile = Profile(model.name, (Choice(model.kind),), condition=model.condition)
    return Conditions.of([profile], [Tag(name, name)])
