from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.volume import read_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.integrity import check_dataset
from rnnet.dataset.pool import image_files, other_folders
from tests.core.test_dicom import write_series
from tests.factories import write_raw_dataset


def as_dicom(layout: RawLayout, scan_id: str) -> None:
    """Replace the image of a scan by a folder of slices."""
    path = layout.image_path(scan_id, "train", ".nii.gz")
    volume = read_volume(path)
    path.unlink()
    write_series(layout.images("train") / f"{scan_id}_0000", volume.with_array(volume.array.astype(np.int16)))


@pytest.mark.parametrize("labelled", [True, False])
def test_a_dicom_folder_is_the_image_of_a_scan(tmp_path: Path, labelled: bool) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=4, n_test=1, labelled=labelled)
    before = check_dataset(layout).problems
    as_dicom(layout, "P001_s1")
    dataset = read_dataset(layout)
    scan = dataset.scan("P001_s1")
    assert scan.image_path == layout.images("train") / "P001_s1_0000"
    assert scan.mask_path == layout.label_path("P001_s1", "train", ".nii.gz")
    assert read_volume(scan.image_path).same_grid(read_volume(scan.mask_path))
    assert len(dataset.scans) == 5
    assert [p.code for p in check_dataset(layout).problems] == [p.code for p in before]


def test_a_scan_with_a_file_and_a_folder_is_a_duplicate(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, labelled=False)
    (layout.images("train") / "P001_s1_0000").mkdir()
    with pytest.raises(DatasetError, match="two image files"):
        read_dataset(layout)


def test_other_folders_are_no_images(tmp_path: Path) -> None:
    for name in ("P001_0000", "P001", ".hidden_0000"):
        (tmp_path / name).mkdir()
    (tmp_path / "P002_0000.nii.gz").write_bytes(b"x")
    assert [p.name for p in image_files(tmp_path)] == ["P001_0000", "P002_0000.nii.gz"]
    assert [p.name for p in other_folders(tmp_path)] == ["P001"]
    assert other_folders(tmp_path / "nowhere") == []
