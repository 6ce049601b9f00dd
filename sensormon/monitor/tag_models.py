"""The models over several tags of a monitor: trained, checked, kept in versions, trained again, removed.

What it is not: the judge; see `model_runner`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sensormon.access.documents import Documents
from sensormon.analysis.aligned_rows import rows_of_readings
from sensormon.detectors.trained_state import TrainedState
from sensormon.detectors.training import TrainedModel, train
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import Floats, Ints
from sensormon.model.tag_models import COLLECTION, TagModel, check_new, read_model
from sensormon.model.tags import TagTable
from sensormon.stores.readings import StoredReadings

AUTOMATIC = "sensormon"
"""Who trains a model again when rows were steady at a new state."""
MOST_ROWS = 200_000
"""The most readings that a model is trained on."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A model ready to be kept, and the rows that it was trained on."""

    model: TagModel
    trained: TrainedModel
    times: Ints
    rows: Floats

    def scores(self) -> Floats:
        """The score of each of these rows, NaN where a row lacks too much to be judged."""
        return TrainedState(self.trained).run(self.rows).score


class TagModels:
    """Of one monitor; `tags` returns its current tag table, without the models' own tags.

    `known` are the models in force as they were read last; nobody waits for the store to have them.
    """

    def __init__(self, documents: Documents, stored: StoredReadings, tags: Callable[[], TagTable]) -> None:
        self.known: tuple[TagModel, ...] = ()
        self._documents = documents
        self._stored = stored
        self._tags = tags
        self._changing = threading.Lock()
        self._begun: dict[str, int] = {}
        self._versions: dict[str, int] = {}  # when each model was kept, as of `known`
        self._shown: tuple[TagTable, tuple[TagModel, ...], TagTable] | None = None

    def standing(self) -> tuple[TagModel, ...]:
        """The models in force, by name. Raises StoreError if they cannot be read."""
        documents = self._documents.standing(COLLECTION)
        versions = {name: document.time for name, document in documents.items()}
        if versions != self._versions:
            known = tuple(read_model(name, document.content) for name, document in sorted(documents.items()))
            self._begun = {model.name: versions[model.name] for model in known if model.version == 1}
            self.known, self._versions = known, versions
        return self.known

    def begun(self, model: TagModel) -> int:
        """When its first version was put in force (µs UTC); 0 if it has later ones.

        Rows of its name from before were judged by a model that was removed.
        """
        return self._begun.get(model.name, 0)

    def check(self, tags: TagTable) -> None:
        """Raise UsageError if one of these tags has the name of a known model, whose scores it would get."""
        taken = next((model.name for model in self.known if model.name in tags), None)
        if taken is not None:
            raise UsageError(
                f"{taken!r} is the name of a model of several tags",
                where="tags",
                hint="Choose another name, or remove the model on Tuning first",
            )

    def is_hidden(self, model: TagModel) -> bool:
        """Whether a tag of the table has the model's name: scores would be readings of that tag."""
        return model.name in self._tags()

    def with_their_tags(self) -> TagTable:
        """The current tag table with the tags of the known models, which no reading can be sent to."""
        table, models, shown = self._tags(), self.known, self._shown
        if shown is None or shown[0] is not table or shown[1] is not models:
            own = [model.as_tag(table) for model in models if model.name not in table]
            self._shown = shown = table, models, table.with_tags(own)
        return shown[2]

    def train(self, model: TagModel, params: Mapping[str, float] | None = None) -> Trained:
        """Train this model on the stored readings of its span.

        Raises UsageError, with the reason and the tags, if the rows are not fit to learn from; StoreError
        if they cannot be read.
        """
        others = [other.name for other in self.standing() if other.name != model.name]
        check_new(model, self._tags(), len(others))
        readings = self._stored.frame(list(model.tags), model.since, model.until, limit=MOST_ROWS + 1)
        if len(readings) > MOST_ROWS:
            raise UsageError(
                f"there are more than {MOST_ROWS:,} readings of these tags in the span",
                where="models",
                hint="Choose a shorter stretch",
            )
        times, rows = rows_of_readings(readings, model.tags, round(model.interval * SECOND))
        return self._trained(model, times, rows, params)

    def keep(self, trained: Trained, who: str, reason: str) -> TagModel:
        """Put this model in force, in place of one of its name. Raises JournalError and StoreError."""
        with self._changing:
            return self._keep(trained, self._in_force(trained.model.name), who, reason)

    def train_again(self, model: TagModel, times: Ints, rows: Floats) -> None:
        """Train a model on rows at which the plant has been steady, and put it in force.

        Raises UsageError if the rows are not fit to learn from, and if somebody has removed or replaced
        the model meanwhile; JournalError and StoreError.
        """
        interval = round(model.interval * SECOND)
        span = replace(model, since=int(times[0]), until=int(times[-1]) + interval)
        trained = self._trained(span, times, rows, None)
        reason = f"{len(rows):,} rows were steady at a new state"
        with self._changing:
            before = self._in_force(model.name)
            if before != model:
                raise UsageError(
                    f"{model.name!r} was removed or replaced meanwhile", where="models", hint="See the list"
                )
            self._keep(trained, before, AUTOMATIC, reason)

    def remove(self, name: str, who: str) -> None:
        """Take this model out of force; its readings stay. Raises JournalError and StoreError."""
        with self._changing:
            document = self._documents.standing(COLLECTION).get(name)
            if document is None:
                raise UsageError(f"there is no model {name!r}", where="models", hint="See the list")
            self._documents.keep(COLLECTION, name, document.content, who, removed=True)
            self.standing()

    def _in_force(self, name: str) -> TagModel | None:
        return next((model for model in self.standing() if model.name == name), None)

    def _keep(self, trained: Trained, before: TagModel | None, who: str, reason: str) -> TagModel:
        model = replace(trained.model, version=before.version + 1 if before else 1, reason=reason)
        self._documents.keep(COLLECTION, model.name, model.as_document(), who)
        self.standing()
        return model

    def _trained(
        self, model: TagModel, times: Ints, rows: Floats, params: Mapping[str, float] | None
    ) -> Trained:
        chosen = dict(model.fitted.get("params", {})) if params is None else dict(params)
        if not len(times):
            raise UsageError(
                "there are no readings of these tags in the span",
                where="models",
                hint="Choose another stretch",
            )
        trained = train(model.tags, rows, model.kind, chosen, first=int(times[0]), last=int(times[-1]))
        return Trained(replace(model, fitted=trained.to_dict()), trained, times, rows)
