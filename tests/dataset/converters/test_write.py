import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.codec import read_artefact
from rnnet.core.errors import DatasetError
from rnnet.core.volume import read_volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.converters.source import Release, SourceInfo, SourceLesion, SourceMask, SourceScan, StoredFile
from rnnet.dataset.converters.write import ConversionReport, write_release
from rnnet.dataset.integrity import check_dataset
from tests.factories import lesion_centers, make_lesion_mask, make_volume

INFO = SourceInfo("made_up", "Made up", ("files",), "lesions", "2 patients", "CC0", "nowhere", "none")
SHAPE = (24, 28, 26)


def put_scan(folder: Path, name: str, *, lesions=(1,), seed=0, ending=".nii.gz", **geometry) -> SourceScan:
    """Files of one scan, whose mask has the given values."""
    image = make_volume(SHAPE, seed=seed, **geometry)
    numbered = make_lesion_mask(SHAPE, lesion_centers(SHAPE, max(1, len(lesions))), radius_vox=2.6)
    values = np.array([0, *lesions] if lesions else [0, 0], np.uint16)
    write_volume(folder / f"{name}_img{ending}", image)
    write_volume(folder / f"{name}_msk.nii.gz", image.with_array(values[numbered]))
    mask = SourceMask((StoredFile(folder / f"{name}_msk.nii.gz"),))
    return SourceScan(name, f"MADE-{name[0]}", "made up", StoredFile(folder / f"{name}_img{ending}"), mask, days=3.0)


def divided(parts, *, by):
    return parts[0].with_array((parts[0].array // by).astype(np.uint16))


def convert(tmp_path, release, *, link=False):
    layout = RawLayout(tmp_path / "raw" / "Dataset004_Made")
    report = write_release(release, INFO, layout, name="Made", folder=str(tmp_path), link=link, n_processes=1)
    return layout, report


def problems(layout):
    return [(p.code, p.where) for p in check_dataset(layout).problems]


def test_a_labelled_release_becomes_a_data_set_that_verifies(tmp_path):
    scans = (put_scan(tmp_path, "A1", lesions=(1, 2)), put_scan(tmp_path, "B1", lesions=(1,), seed=1))
    lesions = (SourceLesion("A1", 1, "progression", "follow-up"), SourceLesion("B1", 1, None))
    layout, report = convert(tmp_path, Release(scans, lesions))
    assert [c for c, _ in problems(layout) if c not in ("one-outcome-missing", "too-few-patients")] == []
    assert (report.n_patients, report.n_scans, report.n_lesions, report.labelled) == (2, 2, 3, {"progression": 1})
    assert [c.outcome for c in read_dataset(layout).cases] == ["progression", None, None]


def test_a_pool_is_written_with_its_patients(tmp_path):
    layout, report = convert(tmp_path, Release((put_scan(tmp_path, "A1"), put_scan(tmp_path, "A2", seed=3))))
    assert problems(layout) == []
    assert {s.patient_id for s in read_dataset(layout).scans} == {"MADE-A"}
    assert report.n_lesions == len(read_dataset(layout).cases) == 2


@pytest.mark.parametrize("values", [(1,), (1, 2)])
def test_lesions_of_a_pool_are_counted_as_its_reader_counts_them(tmp_path, values):
    scan = put_scan(tmp_path, "A1", lesions=(1, 2))
    write_volume(tmp_path / "A1_msk.nii.gz", (v := read_volume(tmp_path / "A1_msk.nii.gz")).with_array(
        np.where(v.array > max(values), 1, v.array).astype(np.uint8)))
    layout, report = convert(tmp_path, Release((scan,)))
    assert report.n_lesions == len(read_dataset(layout).cases) == 2


def test_the_mask_rule_is_applied(tmp_path):
    scan = put_scan(tmp_path, "A1", lesions=(11, 101))
    ruled = SourceScan(**{**{f: getattr(scan, f) for f in scan.__dataclass_fields__},
                          "mask": SourceMask(scan.mask.parts, partial(divided, by=10))})
    layout, _ = convert(tmp_path, Release((ruled,), ()))
    assert set(np.unique(read_volume(layout.label_path("A1", "train", ".nii.gz")).array)) == {0, 1, 10}


def test_a_mask_whose_header_is_a_little_off_takes_the_images_grid(tmp_path):
    scan = put_scan(tmp_path, "A1")
    mask = read_volume(tmp_path / "A1_msk.nii.gz")
    write_volume(tmp_path / "A1_msk.nii.gz", make_volume(SHAPE, origin_xyz_mm=(0.2, 0, 0)).with_array(mask.array))
    layout, report = convert(tmp_path, Release((scan,)))
    image = read_volume(layout.image_path("A1", "train", ".nii.gz"))
    assert read_volume(layout.label_path("A1", "train", ".nii.gz")).same_grid(image)
    assert any("half a voxel" in note for note in report.notes)


def test_links_point_to_the_release(tmp_path):
    layout, _ = convert(tmp_path, Release((put_scan(tmp_path, "A1"),)), link=True)
    path = layout.image_path("A1", "train", ".nii.gz")
    assert path.is_symlink()
    assert path.resolve() == (tmp_path / "A1_img.nii.gz").resolve()
    assert problems(layout) == []


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
def test_images_keep_their_format(tmp_path, ending):
    layout, _ = convert(tmp_path, Release((put_scan(tmp_path, "A1", ending=ending),)))
    assert layout.image_path("A1", "train", ending).is_file()
    assert problems(layout) == []


def test_a_scan_that_cannot_be_read_is_dropped_with_its_file_and_the_rest_goes_on(tmp_path):
    good, bad = put_scan(tmp_path, "A1"), put_scan(tmp_path, "B1")
    (tmp_path / "B1_img.nii.gz").write_bytes(b"not an image")
    layout, report = convert(tmp_path, Release((good, bad)))
    assert report.n_scans == 1
    (dropped,) = report.dropped
    assert dropped.name == "B1"
    assert "B1_img.nii.gz" in dropped.reason
    assert problems(layout) == []


def test_a_labelled_scan_without_a_lesion_is_dropped_before_anything_is_written(tmp_path):
    scans = (put_scan(tmp_path, "A1"), put_scan(tmp_path, "B1", lesions=()))
    layout, report = convert(tmp_path, Release(scans, ()))
    assert [(d.kind, d.name) for d in report.dropped] == [("scan", "B1")]
    assert not layout.image_path("B1", "train", ".nii.gz").exists()


def test_a_row_whose_lesion_the_mask_does_not_have_is_dropped(tmp_path):
    layout, report = convert(tmp_path, Release((put_scan(tmp_path, "A1"),), (SourceLesion("A1", 7, "progression"),)))
    assert [(d.kind, d.name) for d in report.dropped] == [("lesion", "A1, lesion 7")]
    assert [c.outcome for c in read_dataset(layout).cases] == [None]


def test_nothing_usable_is_an_error_with_the_first_reason(tmp_path):
    scan = put_scan(tmp_path, "A1")
    (tmp_path / "A1_img.nii.gz").unlink()
    with pytest.raises(DatasetError, match="None of the 1 scans"):
        convert(tmp_path, Release((scan,)))
    assert not RawLayout(tmp_path / "raw" / "Dataset004_Made").dataset_json.exists()


def test_an_interrupted_conversion_goes_on_and_keeps_what_is_there(tmp_path):
    scans = (put_scan(tmp_path, "A1"), put_scan(tmp_path, "B1"))
    layout, _ = convert(tmp_path, Release(scans[:1]))
    layout.dataset_json.unlink()  # as a killed run leaves it
    first = layout.image_path("A1", "train", ".nii.gz").stat().st_mtime_ns
    layout, report = convert(tmp_path, Release(scans))
    assert report.n_scans == 2
    assert layout.image_path("A1", "train", ".nii.gz").stat().st_mtime_ns == first


def test_an_interrupted_conversion_goes_on_as_it_was_begun_linked_or_not(tmp_path):
    release = Release((put_scan(tmp_path, "A1"),))
    layout, _ = convert(tmp_path, release, link=True)
    layout.dataset_json.unlink()
    with pytest.raises(DatasetError, match="begun with --link"):
        convert(tmp_path, release)


def test_a_release_may_have_a_name_and_licence_of_its_own(tmp_path):
    layout, _ = convert(tmp_path, Release((put_scan(tmp_path, "A1"),), licence="ours", reference="us"))
    manifest = read_dataset(layout).manifest
    assert (manifest.name, manifest.licence, manifest.reference) == ("Made", "ours", "us")


def test_a_finished_data_set_is_not_overwritten(tmp_path):
    release = Release((put_scan(tmp_path, "A1"),))
    convert(tmp_path, release)
    with pytest.raises(DatasetError, match="already"):
        convert(tmp_path, release)


def test_a_folder_with_other_files_is_not_touched(tmp_path):
    folder = tmp_path / "raw" / "Dataset004_Made"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not empty"):
        convert(tmp_path, Release((put_scan(tmp_path, "A1"),)))
    assert [p.name for p in folder.iterdir()] == ["notes.txt"]


def test_the_account_is_stored_beside_the_data(tmp_path):
    layout, report = convert(tmp_path, Release((put_scan(tmp_path, "A1"),), unknown_files=(tmp_path / "odd.txt",)))
    assert read_artefact(layout.conversion_json, ConversionReport, made_by="x") == report
    assert json.loads(layout.conversion_json.read_text())["unknown_files"] == [str(tmp_path / "odd.txt")]


def test_other_ids_are_written_for_patients_that_are_there(tmp_path):
    release = Release((put_scan(tmp_path, "A1"),), other_ids={"MADE-A": ("X-1",), "MADE-Z": ("X-2",)})
    layout, _ = convert(tmp_path, release)
    assert layout.other_ids_csv.read_text().splitlines() == ["patient_id,other_id", "MADE-A,X-1"]
