from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from rnnet.core.errors import CaseFailedError
from rnnet.core.stopwatch import Stopwatch
from rnnet.core.volume import Volume
from rnnet.planning.plan import BiasFieldPlan, PreprocessingPlan, RegistrationPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.export import to_native_grid
from rnnet.preprocessing.fit import fit_problem
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
from rnnet.preprocessing.state import NativeGrid, PreprocessedScan
from tests.factories import make_head_scan, make_lesion_mask, rigid_matrix
from tests.preprocessing.scans import SMALL_HEAD

PLAN = PreprocessingPlan(bias_field=BiasFieldPlan(enabled=False), registration=SMALL_HEAD)
STRIPPED = ScanSettings(declared_stripped=True)
ON_ATLAS = ScanSettings(declared_stripped=True, declared_registered=True)
LESION_XYZ_MM = (-12.0, 50.0, 48.0)
LESION_ZYX_VOX = (36, 45, 18)


def stored_as(volume: Volume, code: str) -> Volume:
    return Volume.from_sitk(sitk.DICOMOrient(volume.to_sitk(), code))


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.fixture(scope="module")
def raw(atlas: Atlas) -> tuple[Volume, Volume]:
    """A stripped scan elsewhere in the world, with one small lesion, its axes not those of LPS."""
    middle = atlas.head.world_xyz_mm((np.array(atlas.head.array.shape) - 1) / 2)
    true = rigid_matrix((9, -6, 8), (120, -14, 11), middle)
    image, labels = make_head_scan(atlas, true, lesions=[(LESION_XYZ_MM, 4.0)])
    return stored_as(image, "PIR"), stored_as(labels, "PIR")


@pytest.fixture(scope="module")
def done(atlas: Atlas, raw: tuple[Volume, Volume]) -> PreprocessedScan:
    return preprocess_scan(*raw, scan_id="P001_s1", plan=PLAN, atlas=atlas, settings=STRIPPED)


@pytest.fixture(scope="module")
def on_atlas(atlas: Atlas) -> Callable[..., PreprocessedScan]:
    """preprocess_scan of the atlas's own brain with a lesion in it."""

    def run(
        lesions: Volume | None = None, *, image: Volume | None = None, settings: ScanSettings = ON_ATLAS,
        plan: PreprocessingPlan = PLAN,
    ) -> PreprocessedScan:
        return preprocess_scan(
            image or atlas.brain, lesions, scan_id="P001_s1", plan=plan, atlas=atlas, settings=settings
        )

    return run


@pytest.fixture
def mask(atlas: Atlas) -> Volume:
    return atlas.brain.with_array(make_lesion_mask(atlas.brain.array.shape, [LESION_ZYX_VOX], radius_vox=4))


def test_the_lesion_ends_where_the_true_transform_puts_it(done: PreprocessedScan) -> None:
    center = done.on_atlas_grid(done.lesions).world_xyz_mm(np.argwhere(done.lesions == 1).mean(axis=0))
    assert np.linalg.norm(center - LESION_XYZ_MM) <= 0.5 + 0.5
    assert (done.lesions == 1).sum() == pytest.approx(4 / 3 * np.pi * 4**3, rel=0.15)


def test_the_brain_lies_on_the_atlas_and_is_z_scored(done: PreprocessedScan, atlas: Atlas) -> None:
    assert done.image.shape == done.brain.shape == done.lesions.shape == atlas.head.array.shape
    assert [str(a.dtype) for a in (done.image, done.brain, done.lesions)] == ["float32", "bool", "uint16"]
    assert dice(done.brain, atlas.brain.array > 0) > 0.95
    assert done.image[done.brain].mean() == pytest.approx(0, abs=1e-4)
    assert done.image[done.brain].std() == pytest.approx(1, abs=1e-4)
    assert not done.image[~done.brain].any()
    assert done.atlas_origin_xyz_mm == atlas.head.origin_xyz_mm


def test_the_history_names_every_step_and_what_was_measured(done: PreprocessedScan, atlas: Atlas) -> None:
    steps = ["reorient", "skull_strip", "registration", "resampling", "quality", "orientation", "normalize"]
    assert [r.step for r in done.history] == steps
    values = {name: value for record in done.history for name, value in record.values.items()}
    assert values["stripper"] == "none"
    assert values["method"] == "rigid, Mattes MI"
    assert values["brain_dice"] == pytest.approx(dice(done.brain, atlas.brain.array > 0), abs=0.01)
    assert values["correlation_with_atlas"] > 0.8
    assert values["mutual_information_before"] == 0  # it lay elsewhere
    assert values["mutual_information_after"] > 1
    assert values["atlas_brain_covered"] == pytest.approx(1, abs=0.01)
    assert values["suspected"] == ""
    assert values["lesions_lost"] == []
    assert fit_problem(done, PLAN, STRIPPED) is None


def test_the_lesion_label_goes_back_to_the_scan_as_it_was_given(
    done: PreprocessedScan, raw: tuple[Volume, Volume]
) -> None:
    image, labels = raw
    back = to_native_grid(done.lesions, done, nearest=True)
    assert done.native == NativeGrid.of(image)
    assert back.same_grid(labels)
    assert dice(back.array == 1, labels.array == 1) > 0.8


def test_n4_runs_if_the_plan_says_so(on_atlas: Callable[..., PreprocessedScan]) -> None:
    plan = replace(PLAN, bias_field=BiasFieldPlan(shrink_factor=4, iterations=(2,)))
    scan = on_atlas(plan=plan)
    record = scan.step("bias_field")
    assert record is not None
    assert record.values["method"] == "N4"
    assert not np.array_equal(scan.image, on_atlas().image)


def test_a_mask_whose_header_is_off_by_less_than_half_a_voxel_takes_the_images_grid(
    on_atlas: Callable[..., PreprocessedScan], mask: Volume
) -> None:
    x, y, z = mask.origin_xyz_mm
    exact = on_atlas(mask)
    off = on_atlas(replace(mask, origin_xyz_mm=(x + 0.4, y - 0.4, z + 0.4)))
    assert exact.warnings == ()
    assert len(off.warnings) == 1
    assert "off by under half a voxel" in off.warnings[0]
    np.testing.assert_array_equal(off.lesions, exact.lesions)


def test_a_mask_with_a_grid_of_its_own_is_taken_where_its_header_says(
    on_atlas: Callable[..., PreprocessedScan], mask: Volume
) -> None:
    z, y, x = (c - 10 for c in LESION_ZYX_VOX)
    corner = mask.world_xyz_mm((z, y, x))
    cut = Volume(mask.array[z:z + 20, y:y + 20, x:x + 20], mask.spacing_zyx_mm, tuple(corner))
    scan = on_atlas(cut)
    np.testing.assert_array_equal(scan.lesions, mask.array)
    assert len(scan.warnings) == 1
    assert "grid of its own" in scan.warnings[0]


def test_a_mask_of_finer_voxels_is_interpolated_once(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas, mask: Volume
) -> None:
    # Three times as fine: every voxel of the atlas has one whose centre is its own. Over the image's voxels, which
    # lie between, it would come back coarser.
    fine = Volume(mask.array.repeat(3, 0).repeat(3, 1).repeat(3, 2), (1 / 3, 1 / 3, 1 / 3),
                  tuple(mask.world_xyz_mm((-1 / 3, -1 / 3, -1 / 3)).tolist()))
    z, y, x = (slice(None, None, 2),) * 3
    image = Volume(atlas.brain.array[z, y, x], (2.0, 2.0, 2.0), mask.origin_xyz_mm)
    scan = on_atlas(fine, image=image)
    np.testing.assert_array_equal(scan.lesions, mask.array)


@pytest.mark.parametrize(("shift_mm", "share"), [(200.0, "100%"), (-21.0, r"\d+%")])
def test_a_mask_outside_the_image_fails(
    shift_mm: float, share: str, on_atlas: Callable[..., PreprocessedScan], mask: Volume
) -> None:
    x, y, z = mask.origin_xyz_mm
    with pytest.raises(CaseFailedError, match=rf"{share} of it lies outside the image"):
        on_atlas(replace(mask, origin_xyz_mm=(x + shift_mm, y, z)))


def test_the_part_of_a_mask_that_lies_outside_the_image_is_lost(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas, mask: Volume
) -> None:
    lower = Volume(atlas.brain.array[: LESION_ZYX_VOX[0] + 2], atlas.brain.spacing_zyx_mm, atlas.brain.origin_xyz_mm)
    scan = on_atlas(mask, image=lower)
    n_slices = len(lower.array)
    np.testing.assert_array_equal(scan.lesions[:n_slices], mask.array[:n_slices])
    assert not scan.lesions[n_slices:].any()
    assert "of it lies outside the image and is lost" in scan.warnings[0]


@pytest.mark.parametrize("lesions", [None, Volume(np.zeros((4, 5, 6), np.uint8), (2.0, 1.0, 1.0), (500.0, 0.0, 0.0))])
def test_a_scan_without_lesions_passes(lesions: Volume | None, on_atlas: Callable[..., PreprocessedScan]) -> None:
    scan = on_atlas(lesions)
    assert not scan.lesions.any()
    assert scan.brain.any()


def test_a_scan_that_is_declared_registered_but_lies_elsewhere_is_measured_and_refused_by_the_overlap(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    x, y, z = atlas.brain.origin_xyz_mm
    scan = on_atlas(image=replace(atlas.brain, origin_xyz_mm=(x + 30, y, z + 12)))
    there = on_atlas()
    problem = fit_problem(scan, PLAN, ON_ATLAS)
    assert problem is not None
    assert re.search(r"by a Dice of 0\.\d\d only", problem.problem)
    assert "dataset.json" in problem.fix
    assert fit_problem(there, PLAN, ON_ATLAS) is None
    measured, best = scan.step("quality"), there.step("quality")
    assert measured is not None
    assert best is not None
    assert measured.values["mutual_information_after"] == measured.values["mutual_information_before"]
    assert best.values["mutual_information_after"] > 2 * measured.values["mutual_information_after"]


@pytest.mark.parametrize(("n_slices", "message"), [(22, r"covers 1?\d% of the atlas's brain only")])
def test_a_scan_that_shows_a_corner_of_the_brain_only_is_refused(
    n_slices: int, message: str, on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    corner = Volume(atlas.brain.array[:n_slices], atlas.brain.spacing_zyx_mm, atlas.brain.origin_xyz_mm)
    problem = fit_problem(on_atlas(image=corner), PLAN, ON_ATLAS)
    assert problem is not None
    assert re.search(message, problem.problem)


def test_of_a_scan_beside_the_atlas_nothing_is_left_and_that_is_said(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas, mask: Volume
) -> None:
    x, y, z = atlas.brain.origin_xyz_mm
    beside = replace(atlas.brain, origin_xyz_mm=(x + 500, y, z))
    scan = on_atlas(replace(mask, origin_xyz_mm=beside.origin_xyz_mm), image=beside)
    problem = fit_problem(scan, PLAN, ON_ATLAS)
    assert not scan.brain.any()
    assert not scan.image.any()
    assert problem is not None
    assert problem.problem == "Nothing of the brain lies on the atlas."
    assert fit_problem(scan, replace(PLAN, registration=RegistrationPlan(minimum_brain_dice=0.0)), ON_ATLAS)


def test_a_lesion_outside_the_atlas_is_left_out_and_only_a_scan_without_another_is_refused(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas, mask: Volume
) -> None:
    pad = ((0, 0), (0, 0), (0, 20))
    image = replace(atlas.brain, array=np.pad(atlas.brain.array, pad))
    both = np.pad(mask.array, pad)
    both[30:36, 30:36, -12:-6] = 2
    scan = on_atlas(replace(mask, array=both), image=image)
    assert set(np.unique(scan.lesions)) == {0, 1}
    assert fit_problem(scan, PLAN, ON_ATLAS) is None
    assert any("Lesion 2 lies outside the atlas" in warning for warning in scan.warnings)
    alone = on_atlas(replace(mask, array=np.where(both == 2, both, 0)), image=image)
    problem = fit_problem(alone, PLAN, ON_ATLAS)
    assert problem is not None
    assert problem.problem.startswith("No lesion of the scan lies on the atlas (lesions 2 of the mask")


def test_a_mirrored_scan_is_named_among_the_warnings(on_atlas: Callable[..., PreprocessedScan], atlas: Atlas) -> None:
    mirrored = replace(atlas.brain, array=np.ascontiguousarray(atlas.brain.array[:, :, ::-1]))
    scan = on_atlas(image=mirrored)
    record = scan.step("orientation")
    assert record is not None
    assert record.values["kind"] == "left-right"
    assert record.values["suspected"] in scan.warnings
    assert record.values["suspected"].startswith("The scan may be mirrored left-right")


def test_what_the_reader_mended_is_a_warning(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas, mask: Volume
) -> None:
    scan = on_atlas(replace(mask, notes=("Mask mended.",)), image=replace(atlas.brain, notes=("Image mended.",)))
    assert scan.warnings == ("Image mended.", "Mask mended.")
    empty = replace(mask, array=np.zeros_like(mask.array), notes=("Mask mended.",))
    assert on_atlas(empty).warnings == ("Mask mended.",)


def test_the_time_of_every_step_is_taken(on_atlas: Callable[..., PreprocessedScan]) -> None:
    watch = Stopwatch()
    plan = replace(PLAN, bias_field=BiasFieldPlan(shrink_factor=4, iterations=(2,)))
    on_atlas(plan=plan, settings=replace(ON_ATLAS, timed=watch))
    names = ["reorient", "skull_strip", "bias_field", "registration", "resampling", "quality", "normalize"]
    assert list(watch.seconds) == names
    assert min(watch.seconds.values()) > 0


def test_a_brain_mask_that_comes_with_the_scan_is_used(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    given = atlas.brain.with_array(atlas.brain.array > 0)
    scan = on_atlas(image=atlas.head, settings=ScanSettings(declared_registered=True, brain_mask=given))
    record = scan.step("skull_strip")
    assert record is not None
    assert record.values["stripper"] == "mask"
    np.testing.assert_array_equal(scan.brain, given.array)


def test_a_brain_on_the_atlas_is_not_registered_again_unless_the_plan_says_always(
    on_atlas: Callable[..., PreprocessedScan],
) -> None:
    scan = on_atlas(settings=STRIPPED)
    record = scan.step("registration")
    assert record is not None
    assert record.values["reason"] == "registered already"
    np.testing.assert_array_equal(scan.to_atlas, np.eye(4))
    quick = RegistrationPlan(mode="always", working_spacing_mm=(4.0,), sampling_fraction=(1.0,))
    again = on_atlas(plan=replace(PLAN, registration=quick))
    assert not np.array_equal(again.to_atlas, np.eye(4))
    np.testing.assert_allclose(again.to_atlas[:3, :3], np.eye(3), atol=0.02)


def test_never_registered_is_what_the_plan_says(on_atlas: Callable[..., PreprocessedScan], atlas: Atlas) -> None:
    x, y, z = atlas.brain.origin_xyz_mm
    moved = replace(atlas.brain, origin_xyz_mm=(x + 2, y, z))
    scan = on_atlas(image=moved, settings=STRIPPED, plan=replace(PLAN, registration=RegistrationPlan(mode="never")))
    np.testing.assert_array_equal(scan.to_atlas, np.eye(4))


def test_a_lesion_at_the_rim_belongs_to_the_brain(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    brain = atlas.brain.array > 0
    top = np.argwhere(brain)[-1]
    mask = atlas.brain.with_array(make_lesion_mask(brain.shape, [top], radius_vox=3))
    scan = on_atlas(mask)
    assert scan.brain[scan.lesions == 1].all()
    outside = int(((mask.array > 0) & ~brain).sum())
    assert outside > 0
    assert scan.warnings == (f"{outside} lesion voxels at the rim were added to the brain mask.",)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "finds no brain"), (0, "finds no brain")])
def test_an_image_without_a_brain_fails(
    value: float, message: str, on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    spoiled = np.where(atlas.brain.array > 0, value, 0).astype(np.float32)
    with pytest.raises(CaseFailedError, match=message):
        on_atlas(image=atlas.brain.with_array(spoiled))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_voxels_that_are_not_finite_fail_inside_the_brain_and_are_0_outside(
    value: float, on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    outside = atlas.brain.array.astype(np.float64)
    outside[:2] = value
    scan = on_atlas(image=atlas.brain.with_array(outside))
    np.testing.assert_array_equal(scan.image, on_atlas().image)
    count = outside[:2].size
    assert scan.warnings == (f"{count} voxels outside the brain were not finite numbers (NaN or infinite) and were "
                             "set to 0.",)
    inside = atlas.brain.array.astype(np.float64)
    inside[29:31, 35:37, 31:33] = value
    with pytest.raises(CaseFailedError, match=r"^8 voxels inside the brain are not finite"):
        on_atlas(image=atlas.brain.with_array(inside))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float64])
def test_every_kind_of_voxel_gives_the_same_scan(
    dtype: type, on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    whole = atlas.brain.with_array(atlas.brain.array.round())
    np.testing.assert_allclose(
        on_atlas(image=whole.with_array(whole.array.astype(dtype))).image, on_atlas(image=whole).image, atol=1e-5
    )


def test_values_near_the_limit_of_int32_pass(on_atlas: Callable[..., PreprocessedScan], atlas: Atlas) -> None:
    factor = (np.iinfo(np.int32).max - 1000) / float(atlas.brain.array.max())
    huge = (atlas.brain.array.astype(np.float64) * factor).astype(np.int32)
    scan = on_atlas(image=atlas.brain.with_array(huge))
    np.testing.assert_allclose(scan.image, on_atlas().image, atol=1e-3)


def test_a_scan_that_is_z_scored_already_keeps_its_values_and_that_is_said(
    on_atlas: Callable[..., PreprocessedScan], atlas: Atlas
) -> None:
    brain = atlas.brain.array > 0
    values = atlas.brain.array[brain]
    scored = np.where(brain, (atlas.brain.array - values.mean()) / values.std(), 0).astype(np.float32)
    plan = replace(PLAN, bias_field=BiasFieldPlan(shrink_factor=4, iterations=(2,)))
    scan = on_atlas(image=atlas.brain.with_array(scored), plan=plan)
    np.testing.assert_allclose(scan.image[brain], scored[brain], atol=1e-4)
    assert scan.warnings[0].startswith("The bias field was not corrected")


def test_a_constant_brain_fails(on_atlas: Callable[..., PreprocessedScan], atlas: Atlas) -> None:
    with pytest.raises(CaseFailedError, match="constant"):
        on_atlas(image=atlas.brain.with_array((atlas.brain.array > 0).astype(np.uint8)))
