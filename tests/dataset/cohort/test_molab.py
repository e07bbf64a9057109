"""The converted release of MOLAB and its tables alone tell the same of every lesion."""

from __future__ import annotations

import pytest

from rnnet.dataset.cohort.ambiguous import ambiguous_rows
from rnnet.dataset.cohort.candidates import CohortSettings
from rnnet.dataset.cohort.from_dataset import dataset_candidates
from rnnet.dataset.cohort.from_tables import table_candidates
from rnnet.dataset.cohort.select import select
from rnnet.dataset.converters.molab import Molab
from tests.dataset.converters.conversion import converted
from tests.dataset.converters.molab_tree import (
    CLINICAL_NAME,
    MORPHOLOGY_NAME,
    clinical_row,
    measurement_row,
    write_clinical_table,
    write_molab_tree,
    write_morphology_table,
)

RN, PD = "radiation_necrosis", "progression"


@pytest.fixture
def release(tmp_path):
    return write_molab_tree(tmp_path / "release")


def by_case(selection):
    return {
        row.scan.case_id: (row.scan.lesion_id, row.outcome, row.label_source, row.scan.day, row.nadir_mm)
        for row in selection.selected
    }


def of_tables(folder, settings):
    return select(table_candidates(folder / MORPHOLOGY_NAME, folder / CLINICAL_NAME), settings)


def test_data_set_and_tables_select_the_same_samples_under_the_same_names(release, tmp_path):
    # A cube that holds the lesion alone: the tables know no neighbours.
    settings = CohortSettings("lesion_scan", diameter="table", cube_edge_mm=1.0)
    _, _, dataset, _ = converted(Molab(), release, tmp_path)
    images = select(dataset_candidates(dataset, settings, n_processes=1), settings)
    tables = of_tables(release / "tables", settings)
    assert by_case(images) == by_case(tables)
    assert {case_id: row[1] for case_id, row in by_case(images).items()} == {
        "MOLAB-010005_d0300_1": RN, "MOLAB-010005_d0200_10": PD, "MOLAB-010005_d0300_10": PD,
        "MOLAB-010064_d0100_1": PD,
    }


def test_with_images_lesions_of_the_other_outcome_beside_each_other_are_left_out(release, tmp_path):
    settings = CohortSettings("lesion_scan", diameter="table")
    _, _, dataset, _ = converted(Molab(), release, tmp_path)
    found = select(dataset_candidates(dataset, settings, n_processes=1), settings)
    assert [row.scan.case_id for row in found.selected] == ["MOLAB-010064_d0100_1"]


def test_a_lesion_that_the_clinical_table_does_not_have_gets_no_outcome(tmp_path):
    write_clinical_table(tmp_path / CLINICAL_NAME, [clinical_row("010005", 1), clinical_row("010006", 1)])
    write_morphology_table(tmp_path / MORPHOLOGY_NAME, [
        measurement_row(10005, day, lesion, d) for lesion in (1, 2) for day, d in ((0, 1.0), (100, 2.0))])
    found = of_tables(tmp_path, CohortSettings("lesion", diameter="table"))
    reasons = {row.scan.case_id: row.reason for row in found.rows}
    assert [row.scan.case_id for row in found.selected] == ["MOLAB-010005_d0100_1"]
    assert reasons["MOLAB-010005_d0100_2"] == "outcome not known"
    assert reasons["MOLAB-010006_1"] == "no measurement in the table"
    assert "The clinical table does not have the lesion MOLAB-010005_2." in found.source.notes
    assert [d.case_id for d in ambiguous_rows(found) if "clinical record" in d.doubt] == ["MOLAB-010005_d0100_2"]


def test_the_converted_lesion_without_a_clinical_row_gets_no_outcome_either(release, tmp_path):
    # 010005 loses the row of lesion 10, which has grown.
    write_clinical_table(release / "tables" / CLINICAL_NAME, [clinical_row("010005", 1), clinical_row("010064", 1)])
    _, _, dataset, _ = converted(Molab(), release, tmp_path)
    settings = CohortSettings("lesion_scan", diameter="table", cube_edge_mm=1.0)
    found = select(dataset_candidates(dataset, settings, n_processes=1), settings)
    assert {row.scan.lesion_id for row in found.selected} == {"MOLAB-010005_1", "MOLAB-010064_1"}
    listed = {d.case_id for d in ambiguous_rows(found) if "clinical record" in d.doubt}
    assert listed == {"MOLAB-010005_d0200_10", "MOLAB-010005_d0300_10"}
