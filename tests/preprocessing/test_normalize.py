from __future__ import annotations

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError
from rnnet.planning.plan import NormalizePlan
from rnnet.preprocessing.normalize import zscore_in_brain
from tests.factories import ellipsoid_radius, make_volume

BRAIN = ellipsoid_radius((20, 22, 24)) <= 0.8


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (1e4, -3e5), (1e-4, 2.0)])
def test_the_brain_has_mean_0_and_sd_1_and_the_rest_is_0(factor: float, offset: float) -> None:
    image = make_volume((20, 22, 24)).array.astype(np.float64) * factor + offset
    normalized, record = zscore_in_brain(image, BRAIN, NormalizePlan())
    inside = normalized[BRAIN].astype(np.float64)
    assert normalized.dtype == np.float32
    assert inside.mean() == pytest.approx(0, abs=1e-5)
    assert inside.std() == pytest.approx(1, abs=1e-5)
    assert not normalized[~BRAIN].any()
    assert record.values["mean"] == pytest.approx(image[BRAIN].mean(), rel=1e-3)


def test_intensities_beyond_the_quantiles_are_clipped() -> None:
    image = make_volume((20, 22, 24)).array.copy()
    where = tuple(np.argwhere(BRAIN)[100])
    image[where] = 1e6
    spoiled, _ = zscore_in_brain(image, BRAIN, NormalizePlan())
    clipped, _ = zscore_in_brain(image, BRAIN, NormalizePlan(0.01, 0.99))
    assert spoiled[where] > 20
    assert clipped[where] == clipped[BRAIN].max() < 5


@pytest.mark.parametrize(
    ("image", "brain", "message"),
    [
        (np.full(BRAIN.shape, 7.5), BRAIN, "constant"),
        (np.full(BRAIN.shape, 1e6) + 1e-4 * np.indices(BRAIN.shape)[0], BRAIN, "constant"),
        (np.ones(BRAIN.shape), np.zeros_like(BRAIN), "empty"),
        (np.where(ellipsoid_radius(BRAIN.shape) < 0.1, np.nan, 1.0), BRAIN, "not finite"),
        (np.where(ellipsoid_radius(BRAIN.shape) < 0.1, np.inf, 1.0), BRAIN, "not finite"),
    ],
    ids=["constant", "nearly constant", "no brain", "NaN", "infinite"],
)
def test_a_brain_without_usable_values_fails(image: np.ndarray, brain: np.ndarray, message: str) -> None:
    with pytest.raises(CaseFailedError, match=message) as caught:
        zscore_in_brain(image, brain, NormalizePlan())
    assert caught.value.fix
