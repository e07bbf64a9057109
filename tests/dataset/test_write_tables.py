from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.core.types import Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.cases_table import read_cases_table
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.manifest import ClinicalColumn, Manifest, read_manifest
from rnnet.dataset.write_tables import write_cases, write_manifest, write_other_ids, write_patients
from tests.factories import make_cases, write_raw_dataset, write_scan

MANIFEST = Manifest(
    "Toy", {"0": "T1CE"}, clinical={"age": ClinicalColumn("numeric", "years"), "sex": ClinicalColumn("categorical")},
    information={"srs_day": "day of radiosurgery"},
)


def scans_of(cases, days):
    return {c.scan_id: Scan(c.scan_id, c.patient_id, c.center, days, Path("i"), None, c.split) for c in cases}


def test_cases_that_are_written_are_read_again(tmp_path):
    layout = RawLayout(tmp_path / "Dataset001_Toy")
    cases = [replace(c, information={"srs_day": "17"}) for c in make_cases(3)]
    cases[0] = replace(cases[0], outcome=None, clinical={"age": 61.5, "sex": None})
    write_cases(layout, MANIFEST, cases, scans_of(cases, 30.0))
    write_manifest(layout, MANIFEST)
    table = read_cases_table(layout, read_manifest(layout))
    assert [p for p in table.problems if p.level == "error"] == []
    assert list(table.cases) == cases
    assert {s.days for s in table.scans} == {30.0}


def test_the_manifest_that_is_written_is_read_again(tmp_path):
    layout = RawLayout(tmp_path / "Dataset001_Toy")
    write_manifest(layout, MANIFEST)
    assert read_manifest(layout) == MANIFEST


def test_patients_of_a_pool_that_are_written_are_read_again(tmp_path):
    layout = RawLayout(tmp_path / "Dataset001_Pool")
    write_scan(layout, "S1")
    write_manifest(layout, Manifest("Pool", {"0": "T1CE"}, numTraining=1))
    write_patients(layout, [Scan("S1", "UCSF-1", "UCSF", None, Path("i"), None)])
    (scan,) = read_dataset(layout).scans
    assert (scan.patient_id, scan.center, scan.days) == ("UCSF-1", "UCSF", None)


def test_other_ids_that_are_written_are_read_again(tmp_path):
    layout = RawLayout(tmp_path)
    write_other_ids(layout, {"UCSF-1": ("BraTS-MET-00002", "X")})
    assert read_other_ids(layout.other_ids_csv) == {"UCSF-1": {"BraTS-MET-00002", "X"}}


def test_without_other_ids_there_is_no_file(tmp_path):
    write_other_ids(RawLayout(tmp_path), {})
    assert not RawLayout(tmp_path).other_ids_csv.exists()


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_row_may_point_to_a_scan_of_another_data_set(tmp_path, split):
    home = write_raw_dataset(tmp_path, n_patients=1, n_test=1, lesions_per_patient=1)
    (original,) = [s for s in read_dataset(home).scans if s.split == split]
    layout = RawLayout(tmp_path / "Dataset002_Shared")
    # The data set that shares the images may put the patient on the other side.
    cases = [replace(c, scan_id="mine", split="train") for c in read_dataset(home).cases if c.split == split]
    manifest = replace(MANIFEST, information={})
    sources = {"mine": f"{home.folder.name}/{original.scan_id}"}
    write_cases(layout, manifest, cases, scans_of(cases, None), sources=sources)
    write_manifest(layout, manifest)
    (scan,) = read_dataset(layout).scans
    assert (scan.image_path, scan.mask_path, scan.split) == (original.image_path, original.mask_path, "train")


@pytest.mark.parametrize("source", ["Dataset009_Absent/P001", "Dataset001_Toy", "/P001"])
def test_a_reference_to_no_data_set_is_an_error_with_its_scan(tmp_path, source):
    write_raw_dataset(tmp_path, n_patients=1, n_test=0)
    layout = RawLayout(tmp_path / "Dataset002_Shared")
    cases = make_cases(1, 1)
    manifest = replace(MANIFEST, information={})
    write_cases(layout, manifest, cases, scans_of(cases, None), sources={c.scan_id: source for c in cases})
    write_manifest(layout, manifest)
    codes = {p.code for p in read_cases_table(layout, manifest).problems}
    assert codes == {"unknown-source-scan"}
