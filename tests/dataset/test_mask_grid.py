from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.errors import GeometryError
from rnnet.core.volume import Volume
from rnnet.dataset.mask_grid import on_image_grid, place_mask
from tests.factories import make_lesion_mask, make_volume


def _pair() -> tuple[Volume, Volume]:
    image = make_volume((24, 28, 26), (2.0, 1.0, 1.0))
    return image, image.with_array(make_lesion_mask((24, 28, 26)))


def test_equal_grids_need_no_note() -> None:
    image, mask = _pair()
    assert place_mask(image, mask).note == ""


def test_a_header_off_by_less_than_half_a_voxel_takes_the_images_grid_and_says_so() -> None:
    image, mask = _pair()
    placed = place_mask(image, replace(mask, origin_xyz_mm=(0.3, 0.0, 0.0)))
    assert placed.mask.same_grid(image)
    assert "half a voxel" in placed.note


def test_a_mask_on_a_finer_grid_is_kept_where_its_header_says_and_said() -> None:
    image, _ = _pair()
    fine = Volume(make_lesion_mask((48, 28, 26), [(24, 14, 13)]), (1.0, 1.0, 1.0))
    placed = place_mask(image, fine)
    assert placed.mask.same_grid(fine)
    assert "grid of its own" in placed.note


def test_a_mask_partly_outside_says_how_much_is_lost() -> None:
    image, _ = _pair()
    shifted = Volume(make_lesion_mask((24, 28, 26), [(12, 14, 3)], radius_vox=3), (2.0, 1.0, 1.0), (-2.0, 0.0, 0.0))
    assert "lies outside the image and is lost" in place_mask(image, shifted).note


def test_a_mask_elsewhere_is_refused() -> None:
    image, mask = _pair()
    with pytest.raises(GeometryError, match="100% of it lies outside"):
        place_mask(image, replace(mask, origin_xyz_mm=(300.0, 0.0, 0.0)))


def test_an_empty_mask_on_another_grid_is_no_error() -> None:
    image, _ = _pair()
    empty = Volume(np.zeros((4, 4, 4), np.uint8), (1.0, 1.0, 1.0), (300.0, 0.0, 0.0))
    assert not place_mask(image, empty).mask.array.any()


def test_labels_resampled_to_the_image_stay_at_their_place_in_the_world() -> None:
    image, _ = _pair()
    fine = Volume(make_lesion_mask((48, 28, 26), [(24, 14, 13)], radius_vox=4), (1.0, 1.0, 1.0))
    coarse = on_image_grid(image, fine)
    world = [v.world_xyz_mm(np.argwhere(v.array > 0)).mean(axis=0) for v in (fine, coarse)]
    np.testing.assert_allclose(world[0], world[1], atol=0.6)
    assert coarse.same_grid(image)
