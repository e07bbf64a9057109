from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.volume import Volume, read_volume, write_volume
from rnnet.dataset.content import ScanContent, voxel_digest
from rnnet.dataset.content_check import check_duplicates
from tests.factories import make_volume

A = ScanContent("a", "p1", "A", "train", "a_0000.nii.gz", "", "d1")


def test_one_scan_twice_is_a_warning_and_in_two_patients_or_splits_an_error() -> None:
    again = replace(A, scan_id="b", image="b_0000.nii.gz")
    other = replace(again, scan_id="c", digest="d2")
    assert check_duplicates([A, other]) == []
    (found,) = check_duplicates([A, other, again])
    assert (found.level, found.code) == ("warning", "duplicate-image")
    assert "'a' (patient p1, train), 'b' (patient p1, train)" in found.message
    assert [p.level for p in check_duplicates([A, replace(again, patient_id="p2")])] == ["error"]
    assert [p.level for p in check_duplicates([A, replace(again, split="test")])] == ["error"]


def test_scans_without_voxels_to_compare_are_no_duplicates() -> None:
    assert check_duplicates([replace(A, digest=""), replace(A, digest="", scan_id="b")]) == []


def test_every_group_is_one_problem() -> None:
    scans = [replace(A, scan_id=f"{d}{i}", digest=d) for i in range(3) for d in ("x", "y")]
    assert len(check_duplicates(scans)) == 2


@pytest.fixture
def image() -> Volume:
    return make_volume((12, 16, 14), (3.0, 1.0, 1.0), dtype=np.int16)


def test_the_digest_does_not_depend_on_format_number_type_header_or_axis_order(image: Volume, tmp_path: Path) -> None:
    expected = voxel_digest(image)
    for name in ("a.nii.gz", "b.nii", "c.nrrd", "d.mha"):
        write_volume(tmp_path / name, image)
        assert voxel_digest(read_volume(tmp_path / name)) == expected
    assert voxel_digest(image.with_array(image.array.astype(np.float64))) == expected
    assert voxel_digest(replace(image, origin_xyz_mm=(5.0, 6.0, 7.0), spacing_zyx_mm=(2.0, 1.0, 1.0))) == expected
    turned = replace(image, array=image.array[:, ::-1, ::-1], direction_xyz=(-1, 0, 0, 0, -1, 0, 0, 0, 1))
    assert voxel_digest(turned) == expected
    sagittal = replace(image, array=image.array.transpose(2, 0, 1), direction_xyz=(0, 0, 1, 1, 0, 0, 0, 1, 0))
    assert voxel_digest(sagittal) == expected


def test_another_voxel_or_another_shape_is_another_digest(image: Volume) -> None:
    changed = image.array.copy()
    changed[3, 4, 5] += 1
    assert voxel_digest(image.with_array(changed)) != voxel_digest(image)
    assert voxel_digest(replace(image, array=image.array.reshape(16, 12, 14))) != voxel_digest(image)
    assert voxel_digest(replace(image, array=image.array[:, ::-1])) != voxel_digest(image)
