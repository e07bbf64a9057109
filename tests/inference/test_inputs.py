from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError, DatasetError
from rnnet.core.volume import Volume, read_volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import RawDataset
from rnnet.dataset.manifest import read_manifest
from rnnet.inference.inputs import read_new_scans
from tests.core.test_dicom import write_series
from tests.factories import make_volume, write_raw_dataset


@pytest.fixture
def layout(tmp_path: Path) -> RawLayout:
    return write_raw_dataset(tmp_path, n_patients=2, n_test=0)


def test_scans_with_a_brain_mask_get_it_and_those_without_are_named(
    layout: RawLayout, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    brains = tmp_path / "brains"
    write_volume(brains / "P001_s1.nii.gz", make_volume(dtype=np.uint8))
    images, masks, manifest = layout.images("train"), layout.labels("train"), read_manifest(layout)
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        dataset, failures = read_new_scans(images, masks, None, manifest, brain_masks=brains)
    assert failures == []
    assert {s.scan_id: s.brain_path for s in dataset.scans} == {
        "P000_s1": None, "P001_s1": brains / "P001_s1.nii.gz",
    }
    assert "1 scan(s) have no brain mask" in caplog.text
    assert "P000_s1" in caplog.text
    caplog.clear()
    dataset, _ = read_new_scans(images, masks, None, manifest)
    assert [s.brain_path for s in dataset.scans] == [None, None]
    assert "brain mask" not in caplog.text


def test_a_folder_of_brain_masks_that_is_not_there_is_an_error(layout: RawLayout, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="brain masks") as caught:
        read_new_scans(layout.images("train"), layout.labels("train"), None, read_manifest(layout),
                       brain_masks=tmp_path / "mistyped")
    assert "--brain_masks" in caught.value.fix


def to_dicom(layout: RawLayout, scan_id: str, name: str) -> Path:
    """Write the image of a scan as a folder of slices beside it."""
    volume = read_volume(layout.image_path(scan_id, "train", ".nii.gz"))
    write_series(layout.images("train") / name, volume.with_array(volume.array.astype(np.int16)))
    return layout.images("train") / name


def read(layout: RawLayout, masks: Path | None = None) -> tuple[RawDataset, list[CaseFailedError]]:
    return read_new_scans(layout.images("train"), masks or layout.labels("train"), None, read_manifest(layout))


def scan_ids(dataset: RawDataset) -> list[str]:
    return [s.scan_id for s in dataset.scans]


@pytest.mark.parametrize("name", ["P000_s1_0000", "P000_s1"])
def test_a_folder_of_slices_is_an_image_with_or_without_the_channel(layout: RawLayout, name: str) -> None:
    folder = to_dicom(layout, "P000_s1", name)
    layout.image_path("P000_s1", "train", ".nii.gz").unlink()
    dataset, failures = read(layout)
    assert failures == []
    assert dataset.scan("P000_s1").image_path == folder
    assert scan_ids(dataset) == ["P000_s1", "P001_s1"]


@pytest.mark.parametrize("name", ["P000_s1_0000", "P000_s1"])
def test_a_scan_with_a_file_and_a_folder_fails_and_neither_is_taken(layout: RawLayout, name: str) -> None:
    folder = to_dicom(layout, "P000_s1", name)
    dataset, (failure,) = read(layout)
    assert scan_ids(dataset) == ["P001_s1"]
    assert failure.problem.startswith("P000_s1: ")
    assert failure.where == f"{folder}, {layout.image_path('P000_s1', 'train', '.nii.gz')}"


def test_a_mask_among_the_images_is_not_a_second_image(layout: RawLayout) -> None:
    copied = layout.images("train") / "P001_s1.nii.gz"
    copied.write_bytes(layout.label_path("P001_s1", "train", ".nii.gz").read_bytes())
    dataset, (failure,) = read(layout)
    assert scan_ids(dataset) == ["P000_s1"]
    assert str(copied) in failure.where
    assert "P001_s1_0000.nii.gz" in failure.where


def test_in_one_folder_for_images_and_masks_the_channel_tells_them_apart(layout: RawLayout) -> None:
    for mask in layout.labels("train").iterdir():
        mask.rename(layout.images("train") / mask.name)
    dataset, failures = read(layout, layout.images("train"))
    assert failures == []
    assert [(s.scan_id, s.image_path.name) for s in dataset.scans] == [
        ("P000_s1", "P000_s1_0000.nii.gz"), ("P001_s1", "P001_s1_0000.nii.gz"),
    ]
    for scan_id in ("P000_s1", "P001_s1"):
        layout.image_path(scan_id, "train", ".nii.gz").unlink()
    with pytest.raises(DatasetError, match="one folder") as caught:
        read(layout, layout.images("train") / ".." / "imagesTr")
    assert "_0000" in caught.value.fix


def test_brain_masks_and_lesion_masks_in_one_folder_are_an_error(layout: RawLayout) -> None:
    masks = layout.labels("train")
    with pytest.raises(DatasetError, match="one folder"):
        read_new_scans(layout.images("train"), masks, None, read_manifest(layout), brain_masks=masks)


def test_subfolders_that_hold_no_slices_are_passed_over_by_name(
    layout: RawLayout, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    (layout.images("train") / "P009").mkdir()
    (layout.images("train") / "P009" / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        dataset, failures = read(layout)
    assert (scan_ids(dataset), failures) == (["P000_s1", "P001_s1"], [])
    assert "passed over: P009" in caplog.text


@pytest.mark.parametrize(("spoil", "problem"), [
    (lambda path, v: write_volume(path, v.with_array(v.array * np.float32(0.5))), "not whole numbers"),
    (lambda path, v: write_volume(path, v.with_array(v.array * 0)), "empty"),
    (lambda path, _: path.write_text("notes"), "plain text"),
    (lambda path, _: path.unlink(), "does not exist"),
])
def test_one_bad_mask_is_a_failure_and_the_other_scans_stay(
    layout: RawLayout, spoil: Callable[[Path, Volume], object], problem: str
) -> None:
    path = layout.label_path("P000_s1", "train", ".nii.gz")
    spoil(path, read_volume(path))
    dataset, (failure,) = read(layout)
    assert scan_ids(dataset) == ["P001_s1"]
    assert {c.scan_id for c in dataset.cases} == {"P001_s1"}
    assert failure.where == str(path)
    assert problem in failure.problem


def test_a_mask_of_specks_alone_is_a_failure(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, binary_masks=True)
    path = layout.label_path("P000_s1", "train", ".nii.gz")
    array = np.zeros((24, 28, 26), np.uint8)
    array[12, 14, 10:13] = 1
    write_volume(path, read_volume(path).with_array(array))
    dataset, (failure,) = read(layout)
    assert scan_ids(dataset) == ["P001_s1"]
    assert "10 voxels" in failure.problem


@pytest.mark.parametrize(("missing", "option"), [("images", "-i"), ("masks", "-m")])
def test_a_folder_that_is_not_there_is_named_with_its_option(
    layout: RawLayout, tmp_path: Path, missing: str, option: str
) -> None:
    folders = {"images": layout.images("train"), "masks": layout.labels("train"), missing: tmp_path / "none"}
    with pytest.raises(DatasetError, match=f"folder of {missing} is not there") as caught:
        read_new_scans(folders["images"], folders["masks"], None, read_manifest(layout))
    assert caught.value.fix == f"Check the path of {option}."
