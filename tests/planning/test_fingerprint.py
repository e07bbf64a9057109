from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import DatasetError, FileFormatError
from rnnet.core.types import Scan
from rnnet.core.volume import read_volume, write_volume
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.planning.fingerprint import DatasetFingerprint, extract_fingerprint, labels_digest
from rnnet.planning.histogram import Histogram
from rnnet.planning.quantiles import quantiles_of
from rnnet.planning.scan_measures import ScanMeasureJob, measure_scan, orientation_of, otsu_threshold
from tests.factories import ellipsoid_radius, make_volume, write_raw_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> RawDataset:
    return read_dataset(write_raw_dataset(tmp_path, n_patients=4, n_test=2, spacing_zyx_mm=(2.0, 1.0, 0.5)))


def test_the_training_split_is_described(dataset: RawDataset) -> None:
    found = extract_fingerprint(dataset, n_processes=1)
    assert found.described == "training"
    assert (found.n_scans, found.n_patients, found.n_cubes, found.n_labelled) == (4, 4, 8, 8)
    assert (found.n_test_scans, found.n_test_lesions) == (2, 4)
    assert [q.median for q in found.geometry.spacing_zyx_mm] == [2.0, 1.0, 0.5]
    assert [q.median for q in found.geometry.shape_zyx_vox] == [24, 28, 26]
    assert [q.median for q in found.geometry.extent_zyx_mm] == [48, 28, 13]
    assert found.geometry.orientations == {"LPS": 4}
    assert found.patient_outcomes == {"progression": 2, "radiation_necrosis": 2}
    assert found.lesion_outcomes == {"progression": 4, "radiation_necrosis": 4}
    assert found.lesions.per_patient is not None
    assert found.lesions.per_patient.median == 2
    assert found.lesions.extent_mm is not None
    assert found.lesions.extent_mm.maximum == 10.0  # 5 slices of 2 mm
    assert found.intensity.lesion_contrast_sd is not None
    assert found.intensity.lesion_contrast_sd.minimum > 1  # lesions are brighter than the head
    assert found.failed == {}


def test_clinical_columns_and_centres_are_counted(dataset: RawDataset) -> None:
    cases = tuple(replace(c, clinical={**c.clinical, "age": None}) if c.lesion_value == 1 else c for c in dataset.cases)
    found = extract_fingerprint(replace(dataset, cases=cases), n_processes=1)
    assert found.clinical["age"].missing_share == 0.5
    assert found.clinical["age"].values is not None
    assert found.clinical["age"].values.maximum == 43.0
    assert found.clinical["sex"].categories == {"female": 4, "male": 4}
    assert found.clinical["sex"].values is None
    assert (found.centers["A"].n_patients, found.centers["A"].n_lesions) == (2, 4)
    assert found.centers["B"].outcomes == {"progression": 2, "radiation_necrosis": 2}
    assert found.centers["B"].patient_outcomes == {"progression": 1, "radiation_necrosis": 1}


def test_the_fingerprint_survives_the_file(dataset: RawDataset, tmp_path: Path) -> None:
    found = extract_fingerprint(dataset, n_processes=1)
    write_artefact(tmp_path / "f.json", found)
    assert read_artefact(tmp_path / "f.json", DatasetFingerprint, made_by="") == found


def test_outcomes_clinical_values_and_images_of_the_test_split_do_not_matter(dataset: RawDataset) -> None:
    expected = extract_fingerprint(dataset, n_processes=1)
    flipped = {"progression": "radiation_necrosis", "radiation_necrosis": "progression"}
    cases = tuple(
        replace(c, outcome=flipped[str(c.outcome)], clinical={"age": 1.0, "sex": "male"}) if c.split == "test" else c
        for c in dataset.cases
    )
    for scan in dataset.scans:
        if scan.split == "test":
            scan.image_path.unlink()
    assert extract_fingerprint(replace(dataset, cases=cases), n_processes=1) == expected


def test_histograms_count_every_scan_and_lesion_once(dataset: RawDataset) -> None:
    found = extract_fingerprint(dataset, n_processes=1).histograms
    assert [sum(h.counts) for h in (*found.spacing_zyx_mm, *found.shape_zyx_vox)] == [4] * 6
    for lesions in (found.lesion_axial_diameter_mm, found.lesion_volume_mm3):
        assert lesions is not None
        assert sum(lesions.counts) == 8
    assert found.lesions_per_scan == Histogram((1.5, 2.5), (4,))
    assert {center: sum(h.counts) for center, h in found.foreground_mean.items()} == {"A": 2, "B": 2}
    assert len({h.edges for h in found.foreground_mean.values()}) == 1


def test_an_old_fingerprint_without_histograms_is_refused(dataset: RawDataset, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    write_artefact(path, extract_fingerprint(dataset, n_processes=1))
    document = json.loads(path.read_text())
    del document["histograms"]
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match="'histograms' is missing") as caught:
        read_artefact(path, DatasetFingerprint, made_by="rnnet_extract_fingerprint")
    assert "make the file again" in caught.value.fix


def test_a_changed_training_outcome_changes_the_digest(dataset: RawDataset) -> None:
    changed = (replace(dataset.cases[0], outcome=None), *dataset.cases[1:])
    assert labels_digest(changed) != labels_digest(dataset.cases)
    assert labels_digest(dataset.cases[::-1]) == labels_digest(dataset.cases)


def test_scans_and_lesions_that_cannot_be_measured_are_named(dataset: RawDataset) -> None:
    dataset.scans[0].image_path.write_bytes(b"")
    cases = tuple(replace(c, lesion_value=9) if c.case_id == "P001_s1_2" else c for c in dataset.cases)
    found = extract_fingerprint(replace(dataset, cases=cases), n_processes=2)
    assert set(found.failed) == {"P000_s1", "P001_s1, lesion 9"}
    assert found.geometry.spacing_zyx_mm[0].count == 3
    for scan in dataset.scans:
        scan.image_path.write_bytes(b"")
    with pytest.raises(DatasetError, match="None of the 4 scans"):
        extract_fingerprint(dataset, n_processes=1)


def test_a_pool_and_an_external_centre_have_a_fingerprint_without_outcomes(tmp_path: Path) -> None:
    pool = write_raw_dataset(tmp_path, name="Dataset002_Pool", n_patients=2, n_test=0, labelled=False)
    found = extract_fingerprint(read_dataset(pool), n_processes=1)
    assert (found.n_cubes, found.n_labelled, found.patient_outcomes) == (4, 0, {})
    external = write_raw_dataset(tmp_path, name="Dataset003_External", n_patients=0, n_test=2)
    found = extract_fingerprint(read_dataset(external), n_processes=1)
    assert (found.described, found.n_cubes, found.n_scans, found.lesion_outcomes) == ("all", 0, 2, {})
    assert (found.clinical, found.centers) == ({}, {})
    assert found.lesions.extent_mm is not None


def test_stripped_and_declared_states_are_counted(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, stripped=True, registered=True)
    state = extract_fingerprint(read_dataset(layout), n_processes=1).state
    assert (state.declared_registered, state.declared_skull_stripped) == (True, True)
    assert (state.n_looking_skull_stripped, state.n_with_sri24_shape) == (2, 0)
    assert state.zero_share.minimum > 0.5


def test_a_mask_outside_its_image_is_a_failure_of_that_scan(dataset: RawDataset) -> None:
    path = dataset.scans[0].mask_path
    assert path is not None
    write_volume(path, replace(read_volume(path), origin_xyz_mm=(100.0, 0.0, 0.0)))
    assert "lies outside the image" in extract_fingerprint(dataset, n_processes=1).failed["P000_s1"]


def test_the_foreground_is_the_bright_part() -> None:
    array = make_volume().array
    assert np.mean((array > otsu_threshold(array)) == (ellipsoid_radius(array.shape) <= 1)) > 0.999
    assert otsu_threshold(np.full((4, 4, 4), 5, np.float32)) < 5


def test_orientation_letters_name_the_directions_of_x_y_z() -> None:
    volume = make_volume()
    assert orientation_of(volume) == "LPS"
    assert orientation_of(replace(volume, direction_xyz=(-1, 0, 0, 0, -1, 0, 0, 0, 1))) == "RAS"


def test_quantiles_leave_out_what_is_not_finite() -> None:
    found = quantiles_of([1.0, 2.0, 3.0, float("nan"), float("inf")])
    assert found is not None
    assert (found.count, found.minimum, found.median, found.maximum) == (3, 1.0, 2.0, 3.0)
    assert quantiles_of([]) is None


def test_real_scans_are_measured(test_data: Path) -> None:
    folder = test_data / "t1ce"
    scan = Scan("brain1", "brain1", "x", None, folder / "brain1_image.nrrd", folder / "brain1_label.nrrd")
    found = measure_scan(ScanMeasureJob(scan, (1,), components=False))
    assert found.spacing_zyx_mm == pytest.approx((6.5, 0.78125, 0.78125))
    assert not found.has_sri24_shape
    assert found.zero_share < 0.5
    assert found.lesions[0].size.volume_mm3 == pytest.approx(4137 * 6.5 * 0.78125**2)
    assert 40 < found.lesions[0].size.axial_diameter_mm < 55
    atlas = test_data / "atlas" / "sri24_t1_skullstripped_brats_space.nii.gz"
    assert measure_scan(ScanMeasureJob(replace(scan, image_path=atlas), (), components=False)).has_sri24_shape
