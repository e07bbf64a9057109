from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from rnnet.evaluation.checks import FloatArray, IntArray
from rnnet.evaluation.statistics import auc
from rnnet.training.probe_scores import Part, out_of_fold_scores

N = 60
LABELS = np.arange(N) % 3 == 0
CLASSIFIERS: tuple[Literal["linear", "nearest"], ...] = ("linear", "nearest")


def parts(n_parts: int = 5) -> tuple[Part, ...]:
    number = np.arange(N) // 3 % n_parts
    return tuple((np.flatnonzero(number != k), np.flatnonzero(number == k)) for k in range(n_parts))


def features(shift: float, seed: int = 0) -> FloatArray:
    """(n, 40): noise, and a shift of the positive rows in a few columns."""
    noise = np.random.default_rng(seed).standard_normal((N, 40))
    noise[:, :5] += shift * LABELS[:, None]
    return noise


def auc_of(x: FloatArray, classifier: Literal["linear", "nearest"]) -> float:
    labels: IntArray = LABELS.astype(np.int64)
    return float(auc(labels, out_of_fold_scores(x, labels, parts(), classifier), np.ones((1, N)))[0])


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_signal_is_found_and_noise_is_chance(classifier: Literal["linear", "nearest"]) -> None:
    assert auc_of(features(2.0), classifier) > 0.9
    chance = [auc_of(features(0.0, seed), classifier) for seed in range(8)]
    assert np.mean(chance) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_an_encoder_that_says_the_same_of_every_lesion_is_at_chance(classifier: Literal["linear", "nearest"]) -> None:
    assert auc_of(np.full((N, 40), 3.7), classifier) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_neither_unit_nor_offset_of_a_feature_matters(classifier: Literal["linear", "nearest"]) -> None:
    x = features(1.0)
    assert auc_of(x * 1000 + 50, classifier) == pytest.approx(auc_of(x, classifier), abs=1e-6)
