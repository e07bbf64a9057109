from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import GeometryError
from rnnet.core.types import Scan
from rnnet.core.volume import Volume, write_volume
from rnnet.planning.scan_measures import LesionMeasures, ScanMeasureJob, measure_scan
from tests.factories import make_lesion_mask, make_volume

SHAPE = (20, 24, 22)


@pytest.fixture
def image() -> Volume:
    volume = make_volume(SHAPE, (2.0, 1.0, 1.0))
    return volume.with_array(np.where(make_lesion_mask(SHAPE, [(10, 12, 11)]) > 0, 200, volume.array))


def measures(folder: Path, image: Volume, mask: Volume) -> tuple[LesionMeasures, ...]:
    write_volume(folder / "image.nii.gz", image)
    write_volume(folder / "mask.nii.gz", mask)
    scan = Scan("s", "p", "A", None, folder / "image.nii.gz", folder / "mask.nii.gz")
    return measure_scan(ScanMeasureJob(scan, (1,), components=False)).lesions


def test_a_lesion_with_its_own_grid_is_sized_on_it_and_its_intensities_are_the_images(
    image: Volume, tmp_path: Path
) -> None:
    fine = Volume(np.zeros((12, 12, 12), np.uint8), (0.5, 0.5, 0.5), (9.0, 10.0, 18.0))
    fine.array[3:9, 2:10, 2:10] = 1  # a block inside the bright ball
    (own,) = measures(tmp_path, image, fine)
    assert own.size.extent_zyx_mm == (3.0, 4.0, 4.0)
    assert own.size.volume_mm3 == 48.0
    drawn = image.with_array(make_lesion_mask(SHAPE, [(10, 12, 11)]))
    (expected,) = measures(tmp_path, image, drawn)
    assert own.contrast_sd == pytest.approx(expected.contrast_sd, rel=0.02)
    assert own.contrast_sd > 1


def test_a_header_off_by_less_than_half_a_voxel_changes_nothing(image: Volume, tmp_path: Path) -> None:
    mask = image.with_array(make_lesion_mask(SHAPE, [(10, 12, 11)]))
    off = replace(mask, origin_xyz_mm=(0.3, 0.0, 0.0))
    assert measures(tmp_path, image, off) == measures(tmp_path, image, mask)


def test_a_lesion_between_the_images_voxels_has_a_size_and_no_intensity(image: Volume, tmp_path: Path) -> None:
    speck = Volume(np.zeros((4, 4, 4), np.uint8), (0.2, 0.2, 0.2), (10.3, 10.3, 20.7))
    speck.array[1:3, 1:3, 1:3] = 1
    (found,) = measures(tmp_path, image, speck)
    assert found.size.volume_mm3 == pytest.approx(0.064)
    assert math.isnan(found.contrast_sd)
    assert math.isnan(found.range_sd)


def test_a_mask_of_another_scan_is_an_error_that_names_it(image: Volume, tmp_path: Path) -> None:
    mask = image.with_array(make_lesion_mask(SHAPE, [(10, 12, 11)]))
    with pytest.raises(GeometryError, match="outside the image") as caught:
        measures(tmp_path, image, replace(mask, origin_xyz_mm=(100.0, 0.0, 0.0)))
    assert caught.value.where == str(tmp_path / "mask.nii.gz")
