from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from rnnet.core.errors import SettingError
from rnnet.evaluation.metrics import classification_metrics
from rnnet.evaluation.threshold import sensitivity_threshold, youden_threshold


def test_separated_classes_are_cut_half_way():
    assert youden_threshold([0, 0, 1, 1], [0.1, 0.3, 0.5, 0.9]) == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_of_the_roc_curve_has_a_larger_youden_index(seed):
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(0, 2, 40)]
    p = np.round(rng.random(42) * 0.6 + 0.4 * y * rng.random(42), 2)
    m = classification_metrics(y, p, threshold=youden_threshold(y, p))
    fpr, tpr, _ = roc_curve(y, p)
    assert m.sensitivity + m.specificity - 1 == pytest.approx((tpr - fpr).max())


def test_of_equally_good_thresholds_the_nearest_to_one_half_is_taken():
    # Cutting at 0.2 and at 0.55 both give 1/2.
    assert youden_threshold([0, 1, 0, 1], [0.1, 0.3, 0.5, 0.6]) == pytest.approx(0.55)


def test_neighbouring_floats_are_still_separated():
    low, high = 0.5, float(np.nextafter(0.5, 1))
    assert youden_threshold([0, 1], [low, high]) == high


def test_equal_probabilities_give_one_half():
    assert youden_threshold([0, 1, 1], [0.7, 0.7, 0.7]) == 0.5


@pytest.mark.parametrize(("y", "scores"), [
    ([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]), ([1, 0, 1, 0, 1, 0], [-9.0, -4.0, -4.0, 3.0, 3.0, 7.0]),
])
def test_scores_that_rank_backwards_call_all_lesions_positive_which_is_no_worse_than_chance(y, scores):
    assert youden_threshold(y, scores) == min(scores)


def test_one_class_is_refused():
    with pytest.raises(SettingError, match="same outcome"):
        youden_threshold([1, 1], [0.2, 0.3])


def test_scores_that_are_no_probabilities_are_cut_as_well():
    assert youden_threshold([0, 0, 1, 1], [-7.0, -3.0, 5.0, 90.0]) == pytest.approx(1.0)
    # Cutting at 15 and at 45 both give 1/2; the median is 30, and of two equally near the lower one is taken.
    assert youden_threshold([0, 1, 0, 1], [10.0, 20.0, 40.0, 50.0]) == pytest.approx(15.0)


def test_equal_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(SettingError, match="no threshold separates"):
        youden_threshold([0, 1], [3.0, 3.0])


@pytest.mark.parametrize(("wanted", "expected"), [(0.5, 0.7), (0.51, 0.2), (1.0, 0.2)])
def test_a_wanted_sensitivity_takes_the_largest_threshold_that_reaches_it(wanted, expected):
    # Positive lesions at 0.3 and 0.8.
    assert sensitivity_threshold([0, 1, 0, 1], [0.1, 0.3, 0.6, 0.8], wanted) == pytest.approx(expected)


def test_calling_all_lesions_positive_is_the_last_resort():
    assert sensitivity_threshold([1, 0, 0], [0.1, 0.5, 0.9], 0.9) == 0.1


def test_a_sensitivity_of_zero_is_refused():
    with pytest.raises(SettingError, match="sensitivity"):
        sensitivity_threshold([0, 1], [0.1, 0.9], 0.0)
