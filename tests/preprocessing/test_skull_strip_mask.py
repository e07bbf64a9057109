from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from rnnet.core.errors import CaseFailedError, FileFormatError
from rnnet.core.types import Scan, Split
from rnnet.core.volume import Volume, write_volume
from rnnet.planning.plan import SkullStripPlan
from rnnet.preprocessing.skull_strip.mask import GivenMaskStripper, read_brain_mask
from tests.factories import make_volume


def scan_of(folder: Path, *, brain: Path | None, split: Split = "train") -> Scan:
    return Scan("P001", "P001", "A", None, folder / "P001_0000.nii.gz", None, split, brain)


def test_a_given_mask_is_taken_in_world_space() -> None:
    image = make_volume((12, 16, 14), (3.0, 1.0, 1.5), origin_xyz_mm=(5.0, -7.0, 2.0))
    # The same world, the axes stored in another order and one of them backwards.
    turned = Volume.from_sitk(sitk.DICOMOrient(image.to_sitk(), "PIR"))
    mask = GivenMaskStripper(turned.with_array((turned.array > 50) * 7.0)).brain_mask(image)
    np.testing.assert_array_equal(mask, image.array > 50)


def test_of_a_map_of_probabilities_the_likelier_half_is_brain() -> None:
    image = make_volume()
    likely = np.where(image.array > 50, 0.9, 0.2).astype(np.float32)
    np.testing.assert_array_equal(GivenMaskStripper(image.with_array(likely)).brain_mask(image), image.array > 50)


@pytest.mark.parametrize("shift_mm", [500.0, 20.0])
def test_a_given_mask_of_another_place_fails(shift_mm: float) -> None:
    image = make_volume()
    elsewhere = replace(image, origin_xyz_mm=(shift_mm, 0.0, 0.0))
    with pytest.raises(CaseFailedError, match="does not lie on the scan"):
        GivenMaskStripper(elsewhere.with_array(elsewhere.array > 50)).brain_mask(image)


def test_a_mask_that_reaches_a_little_beyond_the_scan_is_taken() -> None:
    image = make_volume()
    wide = replace(image, origin_xyz_mm=(4.0, 0.0, 0.0))
    mask = GivenMaskStripper(wide.with_array(wide.array > 50)).brain_mask(image)
    np.testing.assert_array_equal(mask[:, :, 4:], (image.array > 50)[:, :, :-4])


def test_an_empty_mask_fails() -> None:
    image = make_volume()
    with pytest.raises(CaseFailedError, match="empty"):
        GivenMaskStripper(image.with_array(np.zeros_like(image.array))).brain_mask(image)


@pytest.mark.parametrize("stripper", ["auto", "mask"])
def test_the_mask_of_a_scan_is_read_where_the_plan_takes_one(tmp_path: Path, stripper: str) -> None:
    write_volume(tmp_path / "P001.nii.gz", make_volume(dtype=np.uint8))
    scan = scan_of(tmp_path, brain=tmp_path / "P001.nii.gz")
    found = read_brain_mask(scan, SkullStripPlan(stripper))
    assert found is not None
    assert found.array.shape == (24, 28, 26)
    assert read_brain_mask(scan, SkullStripPlan("deepbet")) is None


@pytest.mark.parametrize(("split", "name"), [("train", "brainsTr/P001"), ("test", "brainsTs/P001")])
def test_a_missing_mask_is_a_failed_case_that_names_the_file(tmp_path: Path, split: Split, name: str) -> None:
    scan = scan_of(tmp_path, brain=None, split=split)
    with pytest.raises(CaseFailedError, match=name) as caught:
        read_brain_mask(scan, SkullStripPlan("mask"))
    assert "--brain_masks" in caught.value.fix
    assert read_brain_mask(scan, SkullStripPlan("auto")) is None


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "P001.nii.gz"
    broken.write_bytes(b"no image")
    with pytest.raises(FileFormatError) as caught:
        read_brain_mask(scan_of(tmp_path, brain=broken), SkullStripPlan("auto"))
    assert "P001.nii.gz" in caught.value.where
