from __future__ import annotations

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError
from rnnet.planning.plan import NormalizePlan
from rnnet.preprocessing.normalize import zscore_in_brain
from tests.factories import ellipsoid_radius, make_volume

BRAIN = ellipsoid_radius((20, 22, 24)) <= 0.8
CORE = ellipsoid_radius((20, 22, 24)) < 0.15


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


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64, np.int64])
def test_every_kind_of_number_gives_the_same_scores(dtype: type) -> None:
    image = make_volume((20, 22, 24)).array.round()
    expected, _ = zscore_in_brain(image.astype(np.float64), BRAIN, NormalizePlan())
    found, _ = zscore_in_brain(image.astype(dtype), BRAIN, NormalizePlan())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_values_near_the_limits_of_int32_and_negative_ones_are_scored() -> None:
    limit = np.iinfo(np.int32).max
    signs = np.where(np.indices(BRAIN.shape)[0] % 2, 1, -1)
    normalized, _ = zscore_in_brain((signs * limit).astype(np.int32), BRAIN, NormalizePlan())
    np.testing.assert_allclose(np.abs(normalized[BRAIN]), 1, atol=0.1)
    assert (np.sign(normalized[BRAIN]) == signs[BRAIN]).all()


def test_what_is_not_finite_outside_the_brain_does_not_matter() -> None:
    image = np.where(BRAIN, make_volume((20, 22, 24)).array, np.nan)
    normalized, _ = zscore_in_brain(image, BRAIN, NormalizePlan(0.01, 0.99))
    assert np.isfinite(normalized).all()
    assert not normalized[~BRAIN].any()


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
        (np.where(CORE, np.nan, 1.0), BRAIN, f"{CORE.sum()} voxels inside the brain are not finite"),
        (np.where(CORE, np.inf, 1.0), BRAIN, f"{CORE.sum()} voxels inside the brain are not finite"),
    ],
    ids=["constant", "nearly constant", "no brain", "NaN", "infinite"],
)
def test_a_brain_without_usable_values_fails(image: np.ndarray, brain: np.ndarray, message: str) -> None:
    with pytest.raises(CaseFailedError, match=message) as caught:
        zscore_in_brain(image, brain, NormalizePlan())
    assert caught.value.fix
