"""Candidates of a raw data set: measured from masks, or taken from its columns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.types import LesionCase, Scan
from rnnet.core.volume import Volume, write_volume
from rnnet.dataset.case import read_dataset
from rnnet.dataset.cohort.candidates import CohortSettings
from rnnet.dataset.cohort.from_dataset import dataset_candidates
from rnnet.dataset.cohort.identity import lesion_ids
from rnnet.dataset.cohort.measure import MeasureJob, measure_lesions
from rnnet.dataset.cohort.select import select
from tests.dataset.cohort.scans import write_followed_dataset
from tests.factories import write_raw_dataset

RN, PD = "radiation_necrosis", "progression"
SETTINGS = CohortSettings("lesion_scan")


def read(root, rows, settings=SETTINGS, **facts):
    layout = write_followed_dataset(root, rows, **facts)
    return dataset_candidates(read_dataset(layout), settings, n_processes=1)


def growing(patient="P1", value=1, **fields):
    return [{"patient": patient, "day": day, "value": value, "length": length, **fields}
            for day, length in ((0, 11), (90, 17))]


def test_lesions_are_measured_in_the_plane_or_in_space_on_anisotropic_voxels(tmp_path):
    layout = write_followed_dataset(tmp_path, growing(outcome=RN), spacing_zyx_mm=(3.0, 1.0, 0.5))
    dataset = read_dataset(layout)
    axial = dataset_candidates(dataset, SETTINGS, n_processes=1)
    feret = dataset_candidates(dataset, replace(SETTINGS, diameter="feret"), n_processes=1)
    assert [row.diameter_mm for row in axial.rows] == pytest.approx([np.hypot(5, 2), np.hypot(8, 2)])
    assert [row.diameter_mm for row in feret.rows] == pytest.approx(
        [np.sqrt(25 + 4 + 36), np.sqrt(64 + 4 + 36)])
    assert "in-plane" in axial.diameter
    assert "Feret" in feret.diameter


def test_a_lesion_that_has_grown_in_its_masks_is_selected(tmp_path):
    found = select(read(tmp_path, growing(outcome=RN)), SETTINGS)
    assert [row.scan.case_id for row in found.selected] == ["P1_d90_1"]
    assert found.selected[0].growth_mm == pytest.approx(np.hypot(16, 2) - np.hypot(10, 2))


def test_the_diameter_can_come_from_the_table(tmp_path):
    rows = growing(outcome=RN)
    rows = [{**row, "diameter_mm": size} for row, size in zip(rows, ("20", ""), strict=True)]
    table = replace(SETTINGS, diameter="table")
    found = read(tmp_path, rows, table, information={"diameter_mm": "as published"})
    assert found.rows[0].diameter_mm == 20.0
    assert math.isnan(found.rows[1].diameter_mm)
    assert found.rows[1].unmeasured == "no diameter in the table"


def test_a_lesion_that_is_not_in_the_mask_is_not_measured(tmp_path):
    rows = [*growing(outcome=RN), {"patient": "P1", "day": 90, "value": 2, "outcome": PD}]
    assert read(tmp_path, rows).rows[-1].unmeasured == "not in the mask"


def test_columns_of_necrosis_radiosurgery_and_motion_are_read_for_the_whole_lesion(tmp_path):
    rows = growing()
    rows[0] |= {"srs_day": "", "motion": "no"}
    rows[1] |= {"srs_day": "40; 10", "radiation_necrosis_day": "95", "motion": "Yes"}
    found = read(tmp_path, rows, information={"srs_day": "d", "radiation_necrosis_day": "d", "motion": "m"})
    assert (found.days_of_necrosis, found.srs, found.motion, found.positions) == (True, True, True, True)
    assert [row.srs_days for row in found.rows] == [(10.0, 40.0)] * 2
    assert [row.radiation_necrosis_day for row in found.rows] == [95.0] * 2
    assert [row.motion for row in found.rows] == [False, True]


def outcomes_of(root, rows, **columns):
    information = {"radiation_necrosis_day": "d", "srs_day": "d", **columns}
    found = select(read(root, rows, information=information), SETTINGS)
    assert {row.scan.patient_id for row in found.selected} == {p for p, o in by_patient(found).items() if o}
    return by_patient(found)


def by_patient(selection):
    return {row.scan.patient_id: row.outcome for row in selection.rows}


def test_growth_of_a_lesion_that_no_table_knows_is_no_progression(tmp_path):
    rows = [
        *growing("P1", lesion_id="P1_1"), *growing("P2", lesion_id="P2_1", radiation_necrosis_day=95),
        *growing("P3"),  # its mask value is in no table
        *growing("P4", lesion_id="P4_1", recorded="no"),
    ]
    assert outcomes_of(tmp_path / "a", rows, lesion_id="x", recorded="x") == {
        "P1": PD, "P2": RN, "P3": None, "P4": None}
    # One row with a lesion_id is a record of the lesion; the same value on another scan is the same lesion.
    rows[5].pop("lesion_id", None)
    rows[4]["lesion_id"] = "P3_1"
    assert outcomes_of(tmp_path / "b", rows, lesion_id="x", recorded="x")["P3"] == PD


def test_without_lesion_ids_a_row_with_nothing_in_it_is_no_record(tmp_path):
    rows = [*growing("P1", primary="lung"), *growing("P2")]
    assert outcomes_of(tmp_path / "a", rows, primary="x") == {"P1": PD, "P2": None}
    # Days alone are empty in every recorded lesion without necrosis.
    assert outcomes_of(tmp_path / "b", rows) == {"P1": PD, "P2": PD}


@pytest.mark.parametrize(("column", "value"), [
    ("motion", "perhaps"), ("recorded", "perhaps"), ("motion", "2"),
    ("radiation_necrosis_day", "soon"), ("srs_day", "10;x"),
])
def test_a_cell_that_is_not_understood_is_named(tmp_path, column, value):
    rows = growing()
    rows[1][column] = value
    with pytest.raises(DatasetError, match=f"'{value}' is not understood") as caught:
        read(tmp_path, rows, information={column: "x"})
    assert caught.value.where == f"cases.csv, case P1_d90_1, column {column}"


def test_without_the_columns_nothing_is_assumed(tmp_path):
    found = read(tmp_path, growing(outcome=RN))
    assert (found.days_of_necrosis, found.srs, found.motion) == (False, False, False)
    assert found.rows[0].srs_days is None


@pytest.mark.parametrize(("start", "inside"), [(8 + 32, True), (8 + 33, False)])
def test_a_neighbour_is_in_the_cube_with_its_nearest_voxel(tmp_path, start, inside):
    mask = np.zeros((6, 60, 90), np.uint16)
    mask[1:4, 9:12, 4:13] = 1  # its middle is x = 8
    mask[2, 10, start:start + 20] = 2
    mask[2, 40, 8] = 3  # a single voxel, 30 mm away along y
    assert neighbours(tmp_path, mask) == ((2, 3) if inside else (3,))


def neighbours(folder, mask, **geometry):
    """Lesions in the cube around lesion 1."""
    image, labels = folder / "image.nii.gz", folder / "mask.nii.gz"
    volume = Volume(np.ones(mask.shape, np.float32), (1.0, 1.0, 1.0), **geometry)
    write_volume(image, volume)
    write_volume(labels, volume.with_array(mask))
    job = MeasureJob(Scan("s", "p", "A", 0.0, image, labels), (1, 2, 3), "axial", 64.0)
    return next(lesion.neighbours for lesion in measure_lesions(job) if lesion.value == 1)


def test_the_cube_stands_on_the_axes_of_the_patient_also_where_the_scan_is_stored_turned(tmp_path):
    mask = np.zeros((3, 70, 70), np.uint16)
    mask[1, 5, 5], mask[1, 45, 5], mask[1, 35, 35] = 1, 2, 3
    # Along the stored axes the second is 40 mm away, outside; the third 30 mm along both, inside.
    assert neighbours(tmp_path, mask) == (3,)
    half = float(np.sqrt(0.5))
    turned = (half, -half, 0.0, half, half, 0.0, 0.0, 0.0, 1.0)
    # Turned by 45 degrees, the second is 28.3 mm away along both axes of the patient; the third 42.4 mm along one.
    assert neighbours(tmp_path, mask, direction_xyz=turned) == (2,)


def test_a_conflicting_neighbour_in_the_masks_excludes_the_scan(tmp_path):
    rows = [*growing(outcome=RN)]
    near = {"patient": "P1", "day": 90, "value": 2, "length": 5, "start": (30, 4), "outcome": PD}
    found = select(read(tmp_path, [*rows, near]), SETTINGS)
    assert {row.scan.case_id: row.reason for row in found.rows}["P1_d90_1"] == "neighbour with the other outcome"
    far = {**near, "start": (10, 70)}
    assert select(read(tmp_path / "far", [*rows, far]), SETTINGS).selected


def test_a_scan_that_cannot_be_read_is_a_failure_and_the_others_go_on(tmp_path):
    layout = write_followed_dataset(tmp_path, [*growing(outcome=RN), *growing("P2", outcome=PD)])
    layout.label_path("P2_d90", "train", ".nii.gz").write_text("no image")
    found = dataset_candidates(read_dataset(layout), SETTINGS, n_processes=1)
    assert len(found.failures) == 1
    assert found.failures[0].startswith("P2_d90: ")
    assert found.rows[-1].unmeasured == "the scan cannot be measured"
    assert len(select(found, SETTINGS).selected) == 1


def test_a_pool_is_refused(tmp_path):
    layout = write_raw_dataset(tmp_path, labelled=False, n_test=0)
    with pytest.raises(DatasetError, match="no lesions over time"):
        dataset_candidates(read_dataset(layout), SETTINGS, n_processes=1)


def test_diameters_of_the_table_need_their_column(tmp_path):
    with pytest.raises(DatasetError, match="no information column diameter_mm"):
        read(tmp_path, growing(), replace(SETTINGS, diameter="table"))


def cases(*rows):
    return [LesionCase(f"{p}_{scan}_{value}", f"{p}_{scan}", p, "A", value, information=info)
            for p, scan, value, info in rows]


def test_a_lesion_is_its_value_or_its_lesion_id():
    assert list(lesion_ids(cases(("P", "a", 1, {}), ("P", "b", 1, {}), ("Q", "a", 1, {}))).values()) == [
        "P/1", "P/1", "Q/1"]
    named = cases(("P", "a", 1, {"lesion_id": "left"}), ("P", "b", 2, {"lesion_id": "left"}))
    assert list(lesion_ids(named).values()) == ["P/left", "P/left"]
    assert list(lesion_ids(cases(("P", "a", 1, {"lesion_id": "P_1"}))).values()) == ["P_1"]


def test_a_lesion_without_lesion_id_takes_that_of_its_value_if_it_is_only_one():
    rows = cases(("P", "a", 1, {"lesion_id": "P_7"}), ("P", "b", 1, {"lesion_id": ""}), ("P", "b", 7, {}))
    assert list(lesion_ids(rows).values()) == ["P_7", "P_7", "P/value-7"]


def test_one_lesion_twice_on_a_scan_is_an_error():
    rows = cases(("P", "a", 1, {"lesion_id": "x"}), ("P", "a", 2, {"lesion_id": "x"}))
    with pytest.raises(DatasetError, match="same lesion on the same scan"):
        lesion_ids(rows)


def test_a_lesion_id_that_only_begins_with_the_patients_digits_stays_apart():
    rows = cases(("1", "a", 1, {"lesion_id": "11"}), ("11", "b", 1, {"lesion_id": "11"}),
                 ("11", "c", 1, {"lesion_id": "11-1"}), ("11", "d", 1, {"lesion_id": "11/1"}))
    assert list(lesion_ids(rows).values()) == ["1/11", "11/11", "11-1", "11/1"]


def test_a_lesion_id_that_two_patients_claim_is_an_error():
    rows = cases(("P1", "a", 1, {"lesion_id": "P1_2_1"}), ("P1_2", "b", 1, {"lesion_id": "P1_2_1"}))
    with pytest.raises(DatasetError, match="'P1_2_1' belongs to the patients 'P1' and 'P1_2'"):
        lesion_ids(rows)
