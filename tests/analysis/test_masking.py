"""What masked a reading in the window of the rolling z-score."""

from __future__ import annotations

import numpy as np

from sensormon.analysis.masking import masked_by_spikes

NOISE = np.random.default_rng(7).normal(7.0, 0.1, 50)


def test_spikes_that_widen_sigma_are_counted() -> None:
    window = NOISE.copy()
    window[[5, 17, 30]] += 2.0
    sigma = float(window.std())
    assert abs(7.6 - window.mean()) / sigma < 3.0, "not flagged"
    masking = masked_by_spikes(window, 7.6, 3.0, sigma)
    assert masking is not None
    assert (masking.spikes, masking.window, masking.sigma) == (3, 50, sigma)
    calm = np.delete(window, [5, 17, 30])
    assert np.isclose(masking.calm, calm.std())
    assert np.isclose(masking.score, (7.6 - calm.mean()) / calm.std())


def test_calm_window_masks_nothing() -> None:
    assert masked_by_spikes(NOISE, 7.2, 3.0, float(NOISE.std())) is None


def test_value_that_would_pass_without_the_spikes_is_not_masked() -> None:
    window = NOISE.copy()
    window[[5, 17, 30]] += 2.0
    assert masked_by_spikes(window, 7.1, 3.0, float(window.std())) is None


def test_another_window_than_the_detectors_says_nothing() -> None:
    window = NOISE.copy()
    window[[5, 17, 30]] += 2.0
    assert masked_by_spikes(window, 7.6, 3.0, 1.1 * float(window.std())) is None
    assert masked_by_spikes(window[:2], 7.6, 3.0, 0.1) is None
    assert masked_by_spikes(window, 7.6, 3.0, float("nan")) is None
