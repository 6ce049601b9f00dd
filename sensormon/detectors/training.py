"""A model of several tags, trained on a chosen stretch of rows to run live.

`train` refuses a stretch that `training_stretch` finds fault with. A `TrainedModel` is plain numbers: it
can be kept as JSON (`to_dict`), and `sensormon.detectors.trained_state.TrainedState` runs rows by it.

What it is not: reading rows from anywhere, or deciding when to train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sensormon.detectors.hotelling import Hotelling
from sensormon.detectors.mewma import Mewma
from sensormon.detectors.mewma_fit import Fitted, fit
from sensormon.detectors.multivariate import Model
from sensormon.detectors.spe import Spe
from sensormon.detectors.training_stretch import least_rows, problems
from sensormon.model.errors import UsageError
from sensormon.model.readings import Floats

Method = Hotelling | Spe | Mewma

KINDS: dict[str, type[Any]] = {
    "hotelling": Hotelling,
    "spe": Spe,
    "recommended": Mewma,
}
"""The methods that can be trained, by the names that `detect` knows them by."""

WHERE = "training"


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What was learned of these tags on the rows from `first` to `last` (times, µs UTC; both included).

    `params` are the method's parameters that were given, without `baseline`; `rows` is the number of rows
    that were learned from; `learned` is the method's own.
    """

    kind: str
    names: tuple[str, ...]
    params: Mapping[str, float]
    first: int
    last: int
    rows: int
    learned: Model | Fitted

    @property
    def detector(self) -> Method:
        """The method with its parameters."""
        return _detector(self.kind, self.params)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it: `from_dict` of it gives the same model, to the last bit."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "params": dict(self.params),
            "first": self.first,
            "last": self.last,
            "rows": self.rows,
            "learned": {
                field.name: np.asarray(getattr(self.learned, field.name)).tolist()
                for field in fields(self.learned)
            },
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> TrainedModel:
        """The model that `to_dict` gave. Raises UsageError if it is no such table."""
        try:
            names = tuple(str(name) for name in table["names"])
            params = {str(name): float(number) for name, number in table["params"].items()}
            detector = _detector(str(table["kind"]), params)
            learned = _learned(detector, table["learned"], len(names))
            first, last, rows = (int(table[name]) for name in ("first", "last", "rows"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                f"this is not a trained model ({type(error).__name__}: {error})",
                where=WHERE,
                hint="Train it again",
            ) from error
        return cls(str(table["kind"]), names, params, first, last, rows, learned)


def train(
    names: Sequence[str],
    rows: Floats,
    kind: str,
    params: Mapping[str, float],
    *,
    first: int,
    last: int,
) -> TrainedModel:
    """The model of this kind that these normal rows make, one column a tag; a missing cell is NaN.

    `first` and `last` are the times of the first and the last row (µs UTC). Raises UsageError for a kind or a
    parameter that does not exist, for fewer than two tags and for the same tag twice, and, naming the tags,
    for rows that have too few values, never change, are not settled or drift.

    >>> rows = np.random.default_rng(0).normal(size=(400, 2))
    >>> train(["inlet", "outlet"], rows, "hotelling", {}, first=0, last=399_000_000).rows
    400
    """
    detector = _detector(kind, params)
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise ValueError(f"rows of shape {rows.shape} for {len(names)} tags")
    _check_names(names)
    rows = np.where(np.isfinite(rows), rows, np.nan)
    rows = np.ascontiguousarray(rows[np.isfinite(rows).any(axis=1)])
    reasons = problems(names, rows)
    if reasons:
        raise UsageError(
            f"these rows cannot train a model: {'; '.join(reasons)}",
            where=WHERE,
            hint=f"Choose a steady stretch of {least_rows(len(names)):,} rows or more in which every tag has "
            "values, or leave these tags out",
        )
    learned = fit(rows, detector.weight) if isinstance(detector, Mewma) else detector.fit(rows)
    return TrainedModel(kind, tuple(names), dict(params), first, last, len(rows), learned)


def _check_names(names: Sequence[str]) -> None:
    if len(names) < 2:
        raise UsageError(
            "a model of several tags was given fewer than two", where=WHERE, hint="Choose two tags or more"
        )
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise UsageError(f"{', '.join(twice)} comes twice", where=WHERE, hint="Choose each tag once")


def _detector(kind: str, params: Mapping[str, float]) -> Method:
    """The method with these parameters."""
    if kind not in KINDS:
        raise UsageError(
            f"there is no model of kind {kind!r}", where=WHERE, hint=f"Choose one of: {', '.join(KINDS)}"
        )
    known = [parameter.name for parameter in KINDS[kind].PARAMETERS if parameter.name != "baseline"]
    for name in params:
        if name not in known:
            raise UsageError(
                f"{kind} has no parameter {name!r}", where=WHERE, hint=f"Its parameters: {', '.join(known)}"
            )
    method: Method = KINDS[kind](**params)
    return method


def _learned(detector: Method, table: Mapping[str, Any], tags: int) -> Model | Fitted:
    """What was learned, from a table of it. Raises KeyError, TypeError or ValueError if it is none."""
    if not isinstance(detector, Mewma):
        arrays = {name: _numbers(table[name], (tags,)) for name in ("mean", "scale")}
        forms = {name: _numbers(table[name], (tags, tags)) for name in ("form", "covariance")}
        rows, expected, limit = int(table["rows"]), float(table["expected"]), float(table["limit"])
        return Model(**arrays, **forms, rows=rows, expected=expected, limit=limit)
    squares = ("form", "covariance")
    return Fitted(
        **{
            field.name: _numbers(table[field.name], (tags, tags) if field.name in squares else (tags,))
            for field in fields(Fitted)
        }
    )


def _numbers(values: object, shape: tuple[int, ...]) -> Floats:
    """An array of finite numbers of this shape. Raises ValueError if it is none."""
    array = np.array(values, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"numbers of shape {shape} are needed")
    return array
