"""What samples of long spans say, at the ends of what a number can be."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from sensormon.stores.samples import histogram

MOST = sys.float_info.max


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 10.0), (-MOST, MOST), (0.0, MOST), (0.0, 5e-324), (1e-310, 2e-310)]
)
def test_every_value_is_in_a_bin_whatever_the_range(low: float, high: float) -> None:
    edges, counts = histogram(np.array([low, low, high]), np.array([1, 2, 1]), low, high, 10)
    assert counts.sum() == 4
    assert (edges[0], edges[-1]) == (low, high)
    assert np.isfinite(edges).all()


def test_values_of_a_range_too_wide_to_subtract_are_in_the_bins_where_they_lie() -> None:
    _, counts = histogram(np.array([-MOST, 0.1, MOST]), np.array([1, 2, 3]), -MOST, MOST, 10)
    assert counts.tolist() == [1, 0, 0, 0, 0, 2, 0, 0, 0, 3]
