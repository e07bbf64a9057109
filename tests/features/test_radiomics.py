from __future__ import annotations

import logging
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnet.core.errors import CaseFailedError, GeometryError
from rnnet.core.types import LesionCase
from rnnet.core.volume import Volume
from rnnet.core.worker import one_thread
from rnnet.features.radiomics import RadiomicsExtractor, RadiomicsInput
from rnnet.features.radiomics_backend import fast_extractor, mcc_matrices, plain_extractor
from rnnet.features.radiomics_rows import extract_radiomics
from rnnet.planning.plan import FeaturesPlan
from tests.factories import make_cases
from tests.logs import own_messages

SMALL_PLAN = FeaturesPlan(bin_width=50.0, wavelet=False, log_sigma_mm=())
PLAIN = plain_extractor(SMALL_PLAN)


def make_crop(edge_vox: int = 40, radius_vox: float = 4.0, seed: int = 0) -> np.ndarray:
    """(2, z, y, x): z-scored smooth noise with a bright sphere in the middle, and its mask. Larger crops contain the
    voxels of smaller ones."""
    full = np.random.default_rng(seed).standard_normal((48, 48, 48))
    full = sum(np.roll(full, shift, axis) for axis in range(3) for shift in (-1, 0, 1)) / 3
    start = (48 - edge_vox) // 2
    noise = full[start:start + edge_vox, start:start + edge_vox, start:start + edge_vox]
    center = edge_vox // 2
    distance = np.sqrt(sum((g - center) ** 2 for g in np.indices(noise.shape)))
    mask = distance <= radius_vox
    return np.stack([0.5 * noise + 2.0 * mask, mask]).astype(np.float32)


def features_of(crop: np.ndarray, plan: FeaturesPlan) -> dict[str, float]:
    return features_in(RadiomicsInput.of_crop(crop), plan)


def features_in(given: RadiomicsInput, plan: FeaturesPlan = SMALL_PLAN) -> dict[str, float]:
    extractor = RadiomicsExtractor(plan)
    return dict(zip(extractor.names, extractor.extract(given).values.tolist(), strict=True))


def read_crop(case: LesionCase) -> RadiomicsInput:
    """Case 3 has no crop, case 2 one of a single voxel, case 1 one slice; the others a sphere each."""
    if case.lesion_value == 3:
        raise CaseFailedError("The lesion is absent.", where=case.case_id)
    crop = make_crop(16, 3.0, seed=case.lesion_value)
    if case.lesion_value == 1:
        crop[1, :8] = crop[1, 9:] = 0
    if case.lesion_value == 2:
        crop[1] = 0
        crop[1, 8, 8, 8] = 1
    return RadiomicsInput.of_crop(crop)


def numbered_cases(n: int) -> list[LesionCase]:
    return [replace(case, lesion_value=i + 1) for i, case in enumerate(make_cases(n, 1))]


def test_the_default_plan_gives_exactly_1130_finite_features() -> None:
    plan = FeaturesPlan(bin_width=10.0)
    features = features_of(make_crop(), plan)
    assert len(features) == 1130
    assert tuple(features) == RadiomicsExtractor(plan).names
    assert all(math.isfinite(value) for value in features.values())
    images = {name.split("_")[0] for name in features}
    assert len(images) == 12
    assert {"original", "wavelet-LLL", "wavelet-HHH", "log-sigma-1-0-mm-3D", "log-sigma-5-0-mm-3D"} <= images
    per_class = [sum(n.split("_")[:2] == ["original", c] for n in features)
                 for c in ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm", "shape")]
    assert per_class == [18, 24, 16, 16, 14, 5, 14]
    assert not any("diagnostics" in name for name in features)


def test_filter_responses_hardly_depend_on_the_size_of_the_crop() -> None:
    plan = FeaturesPlan(bin_width=50.0, wavelet=True, log_sigma_mm=(1.0, 3.0))
    small, large = features_of(make_crop(36), plan), features_of(make_crop(48), plan)
    means = [name for name in small if name.endswith("firstorder_Mean")]
    assert len(means) == 11
    for name in means:
        spread = math.sqrt(large[name.replace("Mean", "Variance")])
        assert abs(small[name] - large[name]) < 0.02 * spread, name


@pytest.mark.parametrize("sigma_mm", [1.0, 3.0])
def test_the_cut_around_the_lesion_leaves_the_filters_room(sigma_mm: float) -> None:
    import SimpleITK as sitk

    crop = make_crop(48)
    whole = sitk.LaplacianRecursiveGaussian(sitk.GetImageFromArray(100.0 * crop[0]), sigma_mm, True)
    inside = sitk.GetArrayFromImage(whole)[crop[1] > 0]
    features = features_of(crop, FeaturesPlan(bin_width=50.0, wavelet=False, log_sigma_mm=(sigma_mm,)))
    mean = features[f"log-sigma-{sigma_mm:.0f}-0-mm-3D_firstorder_Mean"]
    assert abs(mean - inside.mean()) < 0.01 * inside.std()


def test_the_grey_levels_do_not_depend_on_background_in_the_crop() -> None:
    crop = make_crop(24)
    emptied = crop.copy()
    emptied[0, :4] = 0  # outside the brain
    first_order = "original_firstorder_Mean"
    assert features_of(emptied, SMALL_PLAN)[first_order] == features_of(crop, SMALL_PLAN)[first_order]
    expected = 100.0 * crop[0][crop[1] > 0].astype(float).mean()
    assert features_of(crop, SMALL_PLAN)[first_order] == pytest.approx(expected)


def test_shape_is_measured_in_millimetres() -> None:
    made = RadiomicsInput.of_crop(make_crop(24))
    plain = features_in(made)
    doubled = features_in(replace(
        made, image=replace(made.image, spacing_zyx_mm=(2.0, 2.0, 2.0)),
        mask=replace(made.mask, spacing_zyx_mm=(2.0, 2.0, 2.0)),
    ))
    assert plain["original_shape_VoxelVolume"] == made.mask.array.sum()
    assert doubled["original_shape_VoxelVolume"] == 8 * plain["original_shape_VoxelVolume"]


def test_a_lesion_of_the_minimum_size_is_accepted_and_one_voxel_less_is_not() -> None:
    crop = make_crop(16)
    crop[1] = 0
    crop[1, 7:9, 7:9, 7:9] = 1
    assert math.isfinite(features_of(crop, replace(SMALL_PLAN, minimum_roi_voxels=8))["original_glcm_Contrast"])
    with pytest.raises(CaseFailedError, match=r"has 8 voxel\(s\), radiomics needs 9"):
        features_of(crop, replace(SMALL_PLAN, minimum_roi_voxels=9))


def test_unusable_lesions_are_refused_with_the_reason() -> None:
    flat = make_crop(16)
    flat[1, :8] = flat[1, 9:] = 0
    with pytest.raises(CaseFailedError, match=r"flat: its box is \[1, 9, 9\]"):
        features_of(flat, SMALL_PLAN)
    with_nan = make_crop(16)
    with_nan[0, 8, 8, 8] = math.nan
    with pytest.raises(CaseFailedError, match="not finite"):
        features_of(with_nan, SMALL_PLAN)
    metal = make_crop(16)
    metal[0, 8, 8, 8] = 1000
    with pytest.raises(CaseFailedError, match="grey levels"):
        features_of(metal, SMALL_PLAN)


def test_image_and_mask_must_share_a_grid() -> None:
    made = RadiomicsInput.of_crop(make_crop(16))
    moved = Volume(made.mask.array, (1.0, 1.0, 1.0), (5.0, 0.0, 0.0))
    with pytest.raises(GeometryError):
        features_in(replace(made, mask=moved))


def test_no_case_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    cases = numbered_cases(4)
    with caplog.at_level(logging.WARNING):
        table = extract_radiomics(cases, read_crop, SMALL_PLAN, n_processes=1)
    assert table.case_ids == tuple(case.case_id for case in cases)
    assert np.isnan(table.values).all(axis=1).tolist() == [True, True, True, False]
    messages = own_messages(caplog)
    assert len(messages) == 3
    for message, case, reason in zip(messages, cases[:3], ("flat", "1 voxel(s)", "absent"), strict=True):
        assert message.startswith(f"{case.case_id} has no radiomics")
        assert reason in message


def test_pyradiomics_does_not_write_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        features_of(make_crop(16), SMALL_PLAN)
    assert [r.name for r in caplog.records if r.name.startswith(("radiomics", "pykwalify"))] == []


def test_processes_do_not_change_the_numbers() -> None:
    cases = numbered_cases(6)[3:]
    one = extract_radiomics(cases, read_crop, SMALL_PLAN, n_processes=1)
    two = extract_radiomics(cases, read_crop, SMALL_PLAN, n_processes=2)
    np.testing.assert_array_equal(one.values, two.values)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_the_matrices_of_mcc_are_those_of_the_plain_sum_bit_for_bit(share: float) -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((30, 30, 5)) * (rng.random((30, 30, 5)) < share)
    cells = cells + cells.transpose(1, 0, 2)
    cells[:, 4] = cells[4] = 0  # a level without a neighbour
    cells /= cells.sum((0, 1))
    px, py = cells.sum(1), cells.sum(0)
    expected = np.zeros((5, 30, 30))
    for k in range(30):
        terms = cells[:, None, k] * cells[None, :, k] / (px[:, None] * py[k] + 2e-16)
        expected += terms.transpose(2, 0, 1)
    np.testing.assert_array_equal(mcc_matrices(cells, px, py, 2e-16), expected)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(5, 60))
def test_features_of_any_lesion_have_the_bits_of_pyradiomics(seed: int, bin_width: float) -> None:
    rng = np.random.default_rng(seed)
    crop = np.stack([rng.standard_normal((6, 7, 8)), rng.random((6, 7, 8)) < 0.3]).astype(np.float32)
    made = RadiomicsInput.of_crop(crop)
    grey, mask = made.grey_values(100.0).to_sitk(), made.mask.to_sitk()
    with one_thread():
        ours, theirs = (
            extractor.computeFeatures(grey, mask, "original", **{**extractor.settings, "binWidth": bin_width})
            for extractor in (fast_extractor(SMALL_PLAN), PLAIN)
        )
    assert set(ours) == set(theirs)
    assert all(np.array_equal(ours[name], theirs[name], equal_nan=True) for name in theirs)
