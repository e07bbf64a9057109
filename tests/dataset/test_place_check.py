from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.volume import Volume, read_volume
from rnnet.dataset.brain_check import check_brain_mask
from rnnet.dataset.head import find_head, share_outside
from rnnet.dataset.mask_check import check_mask
from rnnet.dataset.place_check import check_in_head, lesion_points, place_on_image
from tests.factories import ellipsoid_radius, make_lesion_mask, make_volume

PATH = Path("mask.nii.gz")
SHAPE = (40, 48, 44)
MIDDLE = (20, 24, 22)
CORNER = (4, 5, 5)


def codes(image: Volume, mask: np.ndarray | Volume, values: tuple[int, ...] | None = (1,)) -> list[str]:
    volume = mask if isinstance(mask, Volume) else image.with_array(mask)
    checked = check_mask(PATH, volume, image, find_head(image), values)
    return [p.code for p in (*checked.problems, *checked.if_values)]


def with_dark_core(image: Volume) -> Volume:
    """Necrosis as dark as air in the middle, and a lesion brighter than all tissue beside it."""
    array = image.array.copy()
    array[make_lesion_mask(SHAPE, [MIDDLE], radius_vox=8) > 0] = 0
    array[make_lesion_mask(SHAPE, [(20, 34, 22)], radius_vox=3) > 0] = 5000
    return image.with_array(array)


LOOKS: dict[str, Callable[[Volume], Volume]] = {
    "noisy air": lambda v: v,
    "zeroed air": lambda v: v.with_array(np.where(ellipsoid_radius(SHAPE) > 1, 0, v.array)),
    "negative air": lambda v: v.with_array((v.array - 1000).astype(np.int16)),
    "z-scored brain in zeros": lambda v: v.with_array(np.where(ellipsoid_radius(SHAPE) > 1, 0, (v.array - 100) / 10)),
    "not finite outside": lambda v: v.with_array(np.where(ellipsoid_radius(SHAPE) > 1.1, np.nan, v.array)),
    "dark core": with_dark_core,
    "neck cut by the box": lambda v: v.with_array(np.where(np.indices(SHAPE)[0] < 8, np.roll(v.array, 20, 0), v.array)),
}


@pytest.mark.parametrize("look", LOOKS)
def test_lesions_inside_the_head_pass_and_those_in_the_air_are_found(look: str) -> None:
    image = LOOKS[look](make_volume(SHAPE))
    assert codes(image, make_lesion_mask(SHAPE, [MIDDLE])) == []
    assert codes(image, make_lesion_mask(SHAPE, [MIDDLE, CORNER]), (1, 2)) == ["lesion-outside-head"]


def test_the_share_in_the_air_is_said() -> None:
    image = make_volume(SHAPE)
    labels = make_lesion_mask(SHAPE, [CORNER])
    labels[make_lesion_mask(SHAPE, [MIDDLE]) > 0] = 1
    head = find_head(image)
    assert head is not None
    (problem,) = check_in_head(PATH, head, lesion_points(image, labels))
    assert problem.message == "50% of the lesion 1 lies outside the head."


def test_an_image_of_noise_or_of_one_value_has_no_head() -> None:
    noise = np.random.default_rng(0).standard_normal(SHAPE)
    assert find_head(Volume(np.full(SHAPE, 7), (1.0, 1.0, 1.0))) is None
    assert find_head(Volume(noise, (1.0, 1.0, 1.0))) is None


def test_intensities_are_measured_without_the_air() -> None:
    head = find_head(make_volume(SHAPE))
    assert head is not None
    assert 60 < head.intensity_p1 < 90
    assert 115 < head.intensity_p99 < 135


def test_a_mask_with_its_own_grid_is_checked_in_the_world() -> None:
    image = make_volume(SHAPE)
    fine = Volume(np.zeros((60, 60, 60), np.uint8), (0.5, 0.5, 0.5), (8.0, 10.0, 6.0))
    fine.array[20:30, 20:30, 20:30] = 1
    assert codes(image, fine) == ["mask-other-grid"]
    fine.array[:4, :4, :4] = 2
    assert codes(image, replace(fine, origin_xyz_mm=(-2.5, 8.0, 8.0)), (1, 2)) == [
        "mask-other-grid", "lesion-outside-image"]
    assert codes(image, replace(fine, origin_xyz_mm=(-90.0, 0.0, 0.0)), (1, 2)) == ["mask-elsewhere"]


def test_a_mask_of_the_images_shape_elsewhere_is_told_that_its_header_may_be_wrong() -> None:
    image = make_volume(SHAPE)
    mask = replace(image.with_array(make_lesion_mask(SHAPE, [MIDDLE])), origin_xyz_mm=(3.0, 0.0, 0.0))
    placed, (problem,) = place_on_image(PATH, image, mask)
    assert "its header is wrong" in problem.fix
    assert placed.origin_xyz_mm == (3.0, 0.0, 0.0)
    placed, (problem,) = place_on_image(PATH, image, replace(mask, origin_xyz_mm=(0.2, 0.0, 0.0)))
    assert problem.code == "geometry-slightly-off"
    assert placed.origin_xyz_mm == (0.0, 0.0, 0.0)


def test_a_pool_mask_has_findings_for_both_ways_to_read_it() -> None:
    image = make_volume(SHAPE)
    mask = (make_lesion_mask(SHAPE, [MIDDLE, (20, 24, 8)]) > 0).astype(np.uint8)
    checked = check_mask(PATH, image.with_array(mask), image, find_head(image), None)
    assert ([p.code for p in checked.if_values], checked.if_components) == (["shared-label"], [])
    assert checked.n_values == 1


@pytest.mark.parametrize(("code", "brain"), [
    ("brain-mask-empty", lambda v: v.with_array(np.full(SHAPE, 0.4))),
    ("brain-mask-other-grid", lambda v: replace(v, origin_xyz_mm=(2.0, 0.0, 0.0))),
    ("geometry-slightly-off", lambda v: replace(v, origin_xyz_mm=(0.1, 0.0, 0.0))),
    ("brain-mask-elsewhere", lambda v: replace(v, origin_xyz_mm=(500.0, 0.0, 0.0))),
    ("lesion-outside-brain", lambda v: v.with_array(np.where(np.indices(SHAPE)[1] > 24, v.array, 0))),
])
def test_bad_brain_masks_are_found(code: str, brain: Callable[[Volume], Volume]) -> None:
    image = make_volume(SHAPE)
    good = image.with_array((ellipsoid_radius(SHAPE) <= 1).astype(np.float32))
    points = lesion_points(image, make_lesion_mask(SHAPE, [MIDDLE]))
    assert check_brain_mask(PATH, good, image, points) == []
    assert [p.code for p in check_brain_mask(PATH, brain(good), image, points)] == [code]


def test_the_lesions_of_real_scans_lie_in_the_head(test_data: Path) -> None:
    for name in ("brain1", "brain2"):
        image, mask = (read_volume(test_data / "t1ce" / f"{name}_{kind}.nrrd") for kind in ("image", "label"))
        head = find_head(image)
        assert head is not None
        litres = head.region.array.sum() * np.prod(head.region.spacing_zyx_mm) / 1e6
        assert 2 < litres < 5
        assert share_outside(head.region, mask.world_xyz_mm(np.argwhere(mask.array > 0))) == 0
        in_the_air = np.zeros(mask.array.shape, np.uint8)
        in_the_air[10:12, 5:12, 5:12] = 1
        assert codes(image, mask.with_array(in_the_air), None) == ["lesion-outside-head"]
