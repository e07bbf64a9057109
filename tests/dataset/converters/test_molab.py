import pickle
from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, FileFormatError
from rnnet.core.volume import read_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.converters.molab import Molab, SegmentCodes
from rnnet.dataset.converters.sources import CONVERTERS
from rnnet.dataset.converters.write import write_release
from rnnet.dataset.integrity import check_dataset
from tests.dataset.converters import molab_tree as tree

# What a handful of patients cannot avoid.
SMALL = {"too-few-patients", "one-outcome-missing"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tree.write_molab_tree(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def release(folder):
    return Molab().read(folder)


@pytest.fixture(scope="module")
def converted(folder, release, tmp_path_factory):
    layout = RawLayout(tmp_path_factory.mktemp("raw") / "Dataset001_MOLAB")
    report = write_release(release, Molab().info, layout, name="MOLAB", folder=str(folder), link=False, n_processes=1)
    return layout, report


def row(release, scan_id, lesion):
    return next(r for r in release.lesions if (r.scan_id, r.lesion_value) == (scan_id, lesion))


def test_the_converter_is_in_the_table_of_sources():
    assert CONVERTERS.get("molab")().info.name == "molab"


def test_scans_are_pairs_of_image_and_mask_nested_or_flattened(release, folder):
    assert [s.scan_id for s in release.scans] == [
        "MOLAB-010005_d0100", "MOLAB-010005_d0200", "MOLAB-010005_d0300", "MOLAB-010064_d0000", "MOLAB-010064_d0100",
        "MOLAB-040040_d0200", "MOLAB-040040_d0300",
    ]
    assert {s.patient_id for s in release.scans} == {"MOLAB-010005", "MOLAB-010064", "MOLAB-040040"}
    assert {s.center for s in release.scans} == {"MOLAB"}
    assert [s.days for s in release.scans[:3]] == [100, 200, 300]
    assert release.scans[0].image.path == folder / "010005/010005/NIFTI/010005_19000411_img.nii"
    assert release.scans[3].mask.parts[0].path == folder / "010064/010064_19000101_msk.nii.gz"


def test_whatever_is_left_out_is_listed_with_its_reason(release):
    assert {(d.kind, d.name): d.reason for d in release.dropped} == {
        ("scan", "MOLAB-040040_d0000"): "there is an image, and no mask",
        ("scan", "MOLAB-040040_d0100"): "there is a mask, and no image",
        ("scan", "040040/040040/NIFTI/040040_19000720_b_img.nii"):
            "another series of the same patient and day, 040040_19000720_a_img.nii, is kept",
        ("patient", "MOLAB-040183"): "no scan of the patient in the folder can be used",
        ("lesion", "MOLAB-040040_d0000, lesion 1"): "it is measured, and there are no image and mask of that day",
    }


def test_unknown_files_are_listed_and_folders_stand_for_their_files(release, folder):
    assert set(release.unknown_files) == {folder / "010005" / "010005" / "DICOM", folder / "readme.txt"}


def test_only_scans_with_growth_have_an_outcome(release):
    outcomes = {(r.scan_id, r.lesion_value): r.outcome for r in release.lesions}
    assert outcomes == {
        ("MOLAB-010005_d0100", 1): None, ("MOLAB-010005_d0200", 1): None,
        ("MOLAB-010005_d0300", 1): "radiation_necrosis",
        ("MOLAB-010005_d0100", 10): None, ("MOLAB-010005_d0200", 10): "progression",
        ("MOLAB-010005_d0300", 10): "progression",
        ("MOLAB-010064_d0000", 1): None, ("MOLAB-010064_d0100", 1): "progression",
        ("MOLAB-040040_d0200", 1): None,
    }
    assert row(release, "MOLAB-010005_d0300", 1).label_source == "clinical record: radiation necrosis on day 310"
    assert row(release, "MOLAB-010005_d0300", 10).label_source == (
        "growth by RANO-BM rule, no radiation necrosis recorded")
    assert row(release, "MOLAB-010005_d0100", 1).label_source == ""


def test_clinical_columns_are_those_of_the_scans_day(release):
    assert row(release, "MOLAB-010005_d0200", 10).clinical == {
        "age": 60, "sex": "female", "primary_tumour": "NSCLC", "gpa": 2.5, "days_since_srs": 197,
        "recurrence_time": 197, "wbrt_before_srs": "no", "systemic_treatment": "yes", "number_of_lesions": 2,
    }
    later = row(release, "MOLAB-010005_d0300", 10).clinical
    assert (later["days_since_srs"], later["wbrt_before_srs"], later["systemic_treatment"]) == (80, "yes", "no")
    before = row(release, "MOLAB-010005_d0200", 1).clinical
    assert (before["days_since_srs"], before["recurrence_time"]) == (190, None)
    assert row(release, "MOLAB-010064_d0100", 1).clinical == {
        "age": 60, "sex": "male", "primary_tumour": "melanoma", "gpa": None, "days_since_srs": None,
        "recurrence_time": None, "wbrt_before_srs": "no", "systemic_treatment": None, "number_of_lesions": 1,
    }


def test_the_outcomes_own_days_are_information_and_no_features(release):
    assert row(release, "MOLAB-010005_d0300", 1).information == {
        "lesion_id": "MOLAB-010005_1", "recorded": "yes", "diameter_mm": "20.000", "srs_day": "10",
        "radiation_necrosis_day": "310"}
    assert set(release.clinical) == set(row(release, "MOLAB-010005_d0300", 1).clinical)
    assert not any("necrosis" in name or "death" in name for name in release.clinical)


def test_ambiguous_rows_and_mended_cells_are_noted(release):
    notes = "\n".join(release.notes)
    assert "a magnetic field of 15000 was read as 1.5 T" in notes
    assert "no SRS of the lesion recorded before its last scan with growth: 010064/1 (growth days 100)" in notes
    assert "1 scan(s) have a mask and no row in the table of measurements" in notes
    assert "MOLAB-040040_d0300" in notes


def test_the_converted_data_set_verifies(converted):
    layout, report = converted
    assert [p for p in check_dataset(layout).problems if p.code not in SMALL] == []
    assert (report.n_patients, report.n_scans, report.n_lesions) == (3, 7, 12)
    assert report.labelled == {"progression": 3, "radiation_necrosis": 1}


def test_masks_hold_lesion_numbers_and_keep_their_voxels(converted, folder):
    layout, _ = converted
    written = read_volume(layout.label_path("MOLAB-010005_d0100", "train", ".nii.gz"))
    codes = read_volume(folder / "010005/010005/NIFTI/010005_19000411_msk.nii").array
    assert set(np.unique(codes)) == {0, 11, 12, 101, 102}
    assert np.array_equal(written.array, codes // 10)


def test_a_lesion_without_a_row_becomes_an_unlabelled_case(converted):
    layout, _ = converted
    case = next(c for c in read_dataset(layout).cases if c.case_id == "MOLAB-010064_d0100_2")
    assert case.outcome is None


@pytest.mark.parametrize("codes", [{11: 1, 12: 2}, {12: 3}])
def test_a_mask_without_segment_codes_is_refused_and_named(tmp_path, codes):
    tree.write_series(tmp_path, "010005", 0, (1,), codes=codes)
    path = tmp_path / "010005_19000101_msk.nii"
    with pytest.raises(FileFormatError, match="lesion number followed by a segment digit") as caught:
        SegmentCodes(path)([read_volume(path)])
    assert caught.value.where == str(path)


def test_the_mask_rule_can_be_sent_to_another_process(tmp_path):
    assert pickle.loads(pickle.dumps(SegmentCodes(tmp_path))) == SegmentCodes(tmp_path)


def test_a_mask_of_another_grid_keeps_it(tmp_path):
    tree.write_series(tmp_path, "010005", 0, (3,))
    mask = read_volume(tmp_path / "010005_19000101_msk.nii")
    coarse = replace(mask, array=mask.array[:, ::2, ::2], spacing_zyx_mm=(1.0, 2.0, 2.0))
    ruled = SegmentCodes(tmp_path)([coarse])
    assert ruled.same_grid(coarse)
    assert set(np.unique(ruled.array)) == {0, 3}


def test_a_copy_of_a_file_is_taken_once(folder, tmp_path):
    tree.write_molab_tree(tmp_path)
    tree.write_series(tmp_path / "010005", "010005", 100, (1, 10))
    release = Molab().read(tmp_path)
    assert len(release.scans) == 7
    # Image and mask are one scan.
    assert sum("the file of the same name" in d.reason for d in release.dropped) == 1


def test_a_folder_without_tables_or_images_is_refused(tmp_path):
    tree.write_series(tmp_path, "010005", 0, (1,))
    with pytest.raises(DatasetError, match=r"no table \*clinical\*\.xlsx"):
        Molab().read(tmp_path)
    empty = tmp_path / "empty"
    tree.write_clinical_table(empty / tree.CLINICAL_NAME.lower(), [tree.clinical_row("010005", 1)])
    tree.write_morphology_table(empty / tree.MORPHOLOGY_NAME.upper().replace("XLSX", "xlsx"),
                                [tree.measurement_row(10005, 0, 1, 1.0)])
    with pytest.raises(DatasetError, match="No image is named like those of MOLAB"):
        Molab().read(empty)
