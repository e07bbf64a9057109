from __future__ import annotations

import numpy as np

from rnnet.fusion.random_forest import RandomForestHead
from rnnet.fusion.tuning import ForestSettings, tune_forest
from rnnet.planning.plan import FusionPlan


def twins(n: int = 16, copies: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Patients with several all but equal lesions, whose outcome nothing tells."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n) % 2, copies)
    x = np.repeat(rng.standard_normal((n, 3)), copies, axis=0) + 0.01 * rng.standard_normal((n * copies, 3))
    return x, y, [f"P{i // copies}" for i in range(n * copies)]


def test_patients_stay_together_so_that_learning_them_by_heart_is_not_rewarded() -> None:
    x, y, patients = twins()
    by_lesion = tune_forest(x, y, None, trees=4, seed=0)
    by_patient = tune_forest(x, y, patients, trees=4, seed=0)
    assert by_lesion.minimum_leaf == 1
    assert by_patient.minimum_leaf == 8


def test_the_forest_is_grown_with_the_chosen_settings() -> None:
    x, y, patients = twins()
    tuned = RandomForestHead(FusionPlan(trees=4, tune=True)).fit(x, y, seed=0, groups=patients)
    plain = RandomForestHead(FusionPlan(trees=4, tune=False)).fit(x, y, seed=0, groups=patients)
    assert int(tuned.minimum_leaf) == 8
    assert int(plain.minimum_leaf) == 1
    assert len(tuned.feature) < len(plain.feature)
    again = RandomForestHead.load(tuned.to_arrays())
    np.testing.assert_array_equal(again.logit(x), tuned.logit(x))


def test_too_few_patients_leave_the_default() -> None:
    x, y, _ = twins(n=4, copies=2)
    assert tune_forest(x, y, ["a"] * 4 + ["b"] * 4, trees=4, seed=0) == ForestSettings()


def test_the_same_seed_chooses_the_same_settings() -> None:
    x, y, patients = twins(n=4, copies=3)
    one, two = (tune_forest(x, y, patients, trees=2, seed=3) for _ in range(2))
    assert one == two
