from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnet.core.types import Split
from rnnet.core.volume import write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from tests.factories import make_volume, write_raw_dataset


def put_brain(layout: RawLayout, scan_id: str, split: Split, ending: str = ".nii.gz") -> Path:
    path = layout.brains(split) / f"{scan_id}{ending}"
    write_volume(path, make_volume(dtype=np.uint8))
    return path


@pytest.mark.parametrize("labelled", [True, False])
def test_brain_masks_are_found_beside_the_lesion_masks(tmp_path: Path, labelled: bool) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=1, labelled=labelled)
    training, test = put_brain(layout, "P001_s1", "train", ".nrrd"), put_brain(layout, "T000_s1", "test")
    dataset = read_dataset(layout)
    assert dataset.scan("P001_s1").brain_path == training
    assert dataset.scan("T000_s1").brain_path == test
    assert dataset.scan("P000_s1").brain_path is None


def test_without_the_folder_no_scan_has_a_brain_mask(tmp_path: Path) -> None:
    dataset = read_dataset(write_raw_dataset(tmp_path, n_patients=2, n_test=1))
    assert [scan.brain_path for scan in dataset.scans] == [None, None, None]
