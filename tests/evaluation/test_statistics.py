from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rnnet.core.errors import SettingError
from rnnet.evaluation import statistics
from rnnet.evaluation.statistics import accuracy_at, auc, clustered_bootstrap, sensitivity_at, specificity_at


def scores(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return y, np.round(1 / (1 + np.exp(-(rng.normal(size=n) + 1.2 * y))), 2)


def width(interval: statistics.Interval) -> float:
    return interval.high - interval.low


def test_weighted_statistics_equal_those_of_the_repeated_lesions():
    y, p = scores(40)
    weights = np.random.default_rng(3).integers(0, 4, (6, 40)).astype(float)
    for row, value in zip(weights.astype(int), auc(y, p, weights), strict=True):
        assert value == pytest.approx(roc_auc_score(np.repeat(y, row), np.repeat(p, row)))
    for row, a, s, e in zip(weights.astype(int), accuracy_at(0.5)(y, p, weights), sensitivity_at(0.5)(y, p, weights),
                            specificity_at(0.5)(y, p, weights), strict=True):
        yy, called = np.repeat(y, row), np.repeat(p, row) >= 0.5
        assert a == pytest.approx((yy == called).mean())
        assert s == pytest.approx(called[yy == 1].mean())
        assert e == pytest.approx((~called[yy == 0]).mean())


def test_the_interval_contains_the_value_and_repeats_with_the_seed():
    y, p = scores(60)
    first = clustered_bootstrap(y, p, np.arange(60) // 2, auc, seed=4)
    assert first.low < first.value < first.high
    assert first.value == pytest.approx(roc_auc_score(y, p))
    assert first.n_resamples_used + first.n_resamples_omitted == 2000
    assert clustered_bootstrap(y, p, np.arange(60) // 2, auc, seed=4) == first
    assert clustered_bootstrap(y, p, np.arange(60) // 2, auc, seed=5) != first


def test_the_interval_shrinks_with_more_lesions():
    few, many = (clustered_bootstrap(*scores(n), np.arange(n), auc, seed=0) for n in (30, 480))
    assert width(many) < width(few) / 2


def test_copies_of_a_lesion_do_not_narrow_the_interval_when_grouped_by_patient():
    y, p = scores(40)
    y4, p4, patients = np.repeat(y, 4), np.repeat(p, 4), np.repeat(np.arange(40), 4)
    alone = clustered_bootstrap(y, p, np.arange(40), auc, seed=0)
    clustered = clustered_bootstrap(y4, p4, patients, auc, seed=0)
    unclustered = clustered_bootstrap(y4, p4, np.arange(160), auc, seed=0)
    assert width(clustered) > 1.5 * width(unclustered)
    assert width(clustered) == pytest.approx(width(alone), rel=0.1)


def test_the_order_of_the_lesions_does_not_matter():
    y, p = scores(30)
    groups = np.array([f"P{i // 2}" for i in range(30)])
    order = np.random.default_rng(0).permutation(30)
    assert clustered_bootstrap(y, p, groups, auc, seed=0) == clustered_bootstrap(
        y[order], p[order], groups[order], auc, seed=0)


def test_resamples_of_one_class_are_omitted_and_counted():
    interval = clustered_bootstrap([0, 1, 1], [0.2, 0.8, 0.1], ["a", "b", "c"], auc, n_resamples=500, seed=0)
    assert interval.n_resamples_omitted > 100
    assert interval.n_resamples_used == 500 - interval.n_resamples_omitted


def test_blocks_of_resamples_give_the_same_interval_as_all_at_once(monkeypatch):
    y, p = scores(20)
    whole = clustered_bootstrap(y, p, np.arange(20), auc, n_resamples=50, seed=0)
    monkeypatch.setattr(statistics, "_NUMBERS_AT_A_TIME", 140)
    assert clustered_bootstrap(y, p, np.arange(20), auc, n_resamples=50, seed=0) == whole


def test_two_thousand_resamples_of_sixty_lesions_take_less_than_a_second():
    y, p = scores(60)
    start = time.perf_counter()
    clustered_bootstrap(y, p, np.arange(60) // 2, auc, seed=0)
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize(("groups", "settings", "message"), [
    (["a"] * 4, {}, "at least two patients"),
    (["a", "b"], {}, "one patient per lesion"),
    (["a", "b", "c", "d"], {"level": 1.0}, "level must lie"),
    (["a", "b", "c", "d"], {"n_resamples": 0}, "n_resamples must be at least 1"),
])
def test_what_cannot_be_resampled_is_named(groups, settings, message):
    with pytest.raises(SettingError, match=message):
        clustered_bootstrap([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], groups, auc, seed=0, **settings)


def test_two_patients_that_never_give_both_classes_are_refused():
    with pytest.raises(SettingError, match="None of 1 resamples"):
        # With one resample of two patients, this seed draws the same patient twice.
        clustered_bootstrap([0, 1], [0.1, 0.9], ["a", "b"], auc, n_resamples=1, seed=_seed_that_draws_one_patient())


def _seed_that_draws_one_patient() -> int:
    from rnnet.core.seeding import rng_for

    return next(s for s in range(100) if 2 in rng_for(s, "bootstrap").multinomial(2, [0.5, 0.5], size=1)[0])


def test_the_auc_is_the_default_statistic():
    y, p = scores(40)
    assert clustered_bootstrap(y, p, np.arange(40) // 2) == clustered_bootstrap(y, p, np.arange(40) // 2, auc, seed=0)


def test_a_plain_function_of_outcomes_and_scores_gives_the_same_interval():
    y, p = scores(40)
    plain = clustered_bootstrap(y, p, np.arange(40) // 2, roc_auc_score, n_resamples=50)
    fast = clustered_bootstrap(y, p, np.arange(40) // 2, auc, n_resamples=50)
    assert (plain.value, plain.low, plain.high) == pytest.approx((fast.value, fast.low, fast.high))


def test_a_plain_statistic_that_one_class_leaves_undefined_is_omitted_there_and_counted():
    def strict(y, p):
        if len(set(y.tolist())) < 2:
            raise ValueError("one class")
        return roc_auc_score(y, p)

    settings = {"n_resamples": 200}
    found = clustered_bootstrap([0, 1, 1], [0.2, 0.8, 0.1], ["a", "b", "c"], strict, **settings)
    expected = clustered_bootstrap([0, 1, 1], [0.2, 0.8, 0.1], ["a", "b", "c"], auc, **settings)
    assert found.n_resamples_omitted == expected.n_resamples_omitted > 0


def test_a_plain_statistic_with_further_settings_is_called_with_two_arguments():
    y, p = scores(20)

    def accuracy(y, p, threshold=0.5):
        return float(((p >= threshold) == y).mean())

    assert clustered_bootstrap(y, p, np.arange(20), accuracy, n_resamples=20).value == pytest.approx(
        ((p >= 0.5) == y).mean())


def test_a_statistic_that_is_not_a_number_is_refused():
    with pytest.raises(SettingError, match="not a finite number"):
        clustered_bootstrap([0, 1], [0.1, 0.9], ["a", "b"], lambda *_: float("nan"))


def test_a_lesion_without_a_patient_is_refused():
    with pytest.raises(SettingError, match="no patient"):
        clustered_bootstrap([0, 1], [0.1, 0.9], [1.0, float("nan")])
