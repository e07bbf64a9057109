"""Where the real atlas itself is the scan, every point's true place is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.planning.plan import BiasFieldPlan, PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas, load_atlas
from rnnet.preprocessing.export import to_native_grid
from rnnet.preprocessing.fit import fit_problem
from rnnet.preprocessing.qc import write_qc_picture
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
from rnnet.preprocessing.skull_strip.mask import GivenMaskStripper
from rnnet.preprocessing.state import PreprocessedScan
from tests.factories import mapped, rigid_matrix

LESION_XYZ_MM = (95.0, -140.0, 90.0)
RADIUS_MM = 8.0


@pytest.fixture(scope="module")
def sri24(test_data: Path) -> Atlas:
    if not (test_data / "atlas").is_dir():
        pytest.skip(f"no atlas in {test_data}: put the two SRI24 files into its folder atlas")
    return load_atlas(test_data / "atlas")


@pytest.fixture(scope="module")
def true(sri24: Atlas) -> np.ndarray:
    """The scan lies 200 mm away, turned by up to 11 degrees."""
    return rigid_matrix((11, -6, 8), (200, -30, 15), sri24.brain.world_xyz_mm((77, 120, 120)))


@pytest.fixture(scope="module")
def raw(sri24: Atlas, true: np.ndarray) -> tuple[Volume, Volume]:
    """Brain and lesion mask in slices of 3 mm, with noise and a bias field."""
    spacing_zyx_mm, back = (3.0, 0.9, 0.9), np.linalg.inv(true)
    brain = mapped(sri24.brain.world_xyz_mm(np.argwhere(sri24.brain.array > 0)), back)
    corner, size = brain.min(axis=0) - 10, np.ptp(brain, axis=0) + 20
    shape = tuple(int(extent / s) for extent, s in zip(size[::-1], spacing_zyx_mm, strict=True))
    grid = Volume(np.zeros(shape, np.float32), spacing_zyx_mm, tuple(corner.tolist()))
    transform = sitk.AffineTransform(true[:3, :3].ravel().tolist(), true[:3, 3].tolist())
    image = sitk.GetArrayFromImage(sitk.Resample(sri24.brain.to_sitk(), grid.to_sitk(), transform, sitk.sitkLinear))
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij", sparse=True)
    noise = np.random.default_rng(0).normal(0, 15, shape)
    seen = np.maximum(image * np.exp(0.3 * (x - 0.5 * y + 0.4 * z)) + noise, 1)
    points = grid.world_xyz_mm(np.moveaxis(np.indices(shape), 0, -1))
    lesion = np.linalg.norm(points - mapped(LESION_XYZ_MM, back), axis=-1) <= RADIUS_MM
    return grid.with_array(np.where(image > 0, seen, 0).astype(np.float32)), grid.with_array(lesion.astype(np.uint8))


@pytest.fixture(scope="module")
def scan(raw: tuple[Volume, Volume], sri24: Atlas) -> PreprocessedScan:
    return preprocess_scan(*raw, scan_id="moved", plan=PreprocessingPlan(), atlas=sri24)


def test_every_landmark_of_the_brain_is_kept_within_half_a_millimetre(
    scan: PreprocessedScan, true: np.ndarray, sri24: Atlas
) -> None:
    landmarks = sri24.brain.world_xyz_mm(np.argwhere(sri24.brain.array > 0)[::50021])
    found = mapped(mapped(landmarks, np.linalg.inv(true)), scan.to_atlas)
    assert np.linalg.norm(found - landmarks, axis=1).max() < 0.5


def test_the_lesion_comes_to_its_place_and_goes_back(scan: PreprocessedScan, raw: tuple[Volume, Volume]) -> None:
    center = scan.on_atlas_grid(scan.lesions).world_xyz_mm(np.argwhere(scan.lesions == 1).mean(axis=0))
    assert np.linalg.norm(center - LESION_XYZ_MM) < 1
    back, mask = to_native_grid(scan.lesions, scan, nearest=True), raw[1]
    assert back.same_grid(mask)
    assert 2 * ((back.array > 0) & (mask.array > 0)).sum() / ((back.array > 0).sum() + mask.array.sum()) > 0.9


def test_the_picture_with_the_raw_scan_is_small(
    scan: PreprocessedScan, raw: tuple[Volume, Volume], sri24: Atlas, tmp_path: Path
) -> None:
    write_qc_picture(scan, sri24, tmp_path / "with.png", raw=raw[0])
    write_qc_picture(scan, sri24, tmp_path / "without.png")
    assert (tmp_path / "without.png").stat().st_size < (tmp_path / "with.png").stat().st_size < 150_000


def test_a_given_brain_mask_is_taken_in_world_space(raw: tuple[Volume, Volume]) -> None:
    image, _ = raw
    half = replace(image, array=(image.array[:40] > 0).astype(np.uint8))
    found = GivenMaskStripper(half).brain_mask(image)
    np.testing.assert_array_equal(found[:40], half.array > 0)
    assert not found[40:].any()
    elsewhere = replace(half, origin_xyz_mm=(9e3, 0.0, 0.0))
    with pytest.raises(CaseFailedError, match="does not lie on the scan"):
        GivenMaskStripper(elsewhere).brain_mask(image)


def test_a_scan_wrongly_declared_registered_is_refused_with_that_reason(
    raw: tuple[Volume, Volume], sri24: Atlas
) -> None:
    plan = PreprocessingPlan(bias_field=BiasFieldPlan(enabled=False))
    settings = ScanSettings(declared_registered=True)
    scan = preprocess_scan(*raw, scan_id="moved", plan=plan, atlas=sri24, settings=settings)
    problem = fit_problem(scan, plan, settings)
    assert problem is not None
    assert problem.problem == "Nothing of the brain lies on the atlas."
    assert "dataset.json declares the scans registered" in problem.fix
