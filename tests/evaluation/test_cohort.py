from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.types import LesionCase, Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.dataset.manifest import ClinicalColumn, Manifest
from rnnet.evaluation.cohort import describe_cohort
from rnnet.evaluation.cohort_table import CategoricalRow, CohortTable, NumericRow
from tests.dataset.shared_data import selection_of, write_followed
from tests.factories import make_cases, write_raw_dataset

COLUMNS = {
    "age": ClinicalColumn("numeric", "years"), "sex": ClinicalColumn("categorical", categories=("female", "male")),
}


def dataset(cases: Sequence[LesionCase], *, name: str = "Dataset001_A", days: dict[str, float] | None = None,
            **fields: Any) -> RawDataset:
    scans = {c.scan_id: Scan(c.scan_id, c.patient_id, c.center, (days or {}).get(c.scan_id),
                            Path(f"{name}/imagesTr/{c.scan_id}_0000.nii.gz"), None) for c in cases}
    manifest = Manifest(name, {"0": "T1CE"}, **{"clinical": COLUMNS, **fields})
    return RawDataset(name, RawLayout(Path(name)), manifest, tuple(scans.values()), tuple(cases))


def row_of(table: CohortTable, name: str) -> Any:
    return next(row for row in table.rows if row.name == name)


def test_patients_with_lesions_of_both_outcomes_are_a_group_of_their_own() -> None:
    cases = make_cases(6, 2)
    mixed = (replace(cases[0], outcome="radiation_necrosis"), *cases[1:])
    found = describe_cohort([dataset(mixed)])
    assert [(g.name, g.n, g.tested) for g in found.by_patient.groups] == [
        ("radiation_necrosis", 3, True), ("progression", 2, True), ("both outcomes", 1, False)]
    assert [(g.name, g.n) for g in found.by_lesion.groups] == [("radiation_necrosis", 7), ("progression", 5)]
    assert (found.positive_outcome, found.by_patient.n, found.by_lesion.n) == ("radiation_necrosis", 6, 12)


def test_rows_without_an_outcome_are_counted_apart() -> None:
    cases = make_cases(6, 2)
    unknown = tuple(replace(c, outcome=None) if c.case_id in ("P000_s1_1", "P000_s1_2", "P001_s1_1") else c
                    for c in cases)
    found = describe_cohort([dataset(unknown)])
    assert (found.by_patient.n, found.by_lesion.n) == (5, 9)
    assert (found.undescribed_patients, found.undescribed_lesions) == (1, 3)
    with pytest.raises(DatasetError, match="no labelled case"):
        describe_cohort([dataset([replace(c, outcome=None) for c in cases])])


def test_a_patients_value_is_the_earliest_known_one() -> None:
    early, late = make_cases(1, 2)
    early = replace(early, scan_id="early", clinical={"age": 50.0, "sex": None})
    late = replace(late, scan_id="late", clinical={"age": 52.0, "sex": "male"})
    other = make_cases(1, 1, prefix="Q", outcomes=("radiation_necrosis",))[0]
    found = describe_cohort([dataset([late, early, other], days={"early": 10, "late": 400})]).by_patient
    age, sex = row_of(found, "age"), row_of(found, "sex")
    assert isinstance(age, NumericRow)
    assert isinstance(sex, CategoricalRow)
    assert age.spreads[2] is not None
    assert age.spreads[2].mean == 50
    assert sex.counts[1][2] == 1
    assert row_of(found, "scans").spreads[2].mean == 2
    assert row_of(found, "lesion rows").spreads[0].maximum == 2


def test_a_column_that_one_data_set_does_not_have_is_missing_there() -> None:
    ours = dataset(make_cases(4, 1))
    more = {"grade": ClinicalColumn("categorical"), **COLUMNS}
    theirs = dataset([replace(c, clinical={"grade": "II", "age": 1.0}) for c in make_cases(2, 1, prefix="Q")],
                     name="Dataset002_B", clinical=more)
    found = describe_cohort([ours, theirs], by="dataset")
    grade = row_of(found.by_patient, "grade")
    assert (grade.missing, grade.counts) == ((4, 4, 0), ((2, 0, 2),))
    assert grade.p.reason == "one group"
    assert row_of(found.by_patient, "sex").missing == (2, 0, 2)
    assert [g.name for g in found.by_lesion.groups] == ["Dataset001_A", "Dataset002_B"]
    assert row_of(found.by_lesion, "outcome").counts == ((3, 2, 1), (3, 2, 1))


def test_the_same_name_in_two_data_sets_counts_in_each_and_is_said() -> None:
    found = describe_cohort([dataset(make_cases(3, 1)), dataset(make_cases(2, 1), name="Dataset002_B")])
    assert (found.by_patient.n, found.shared_patients) == (5, ("P000", "P001"))


def test_a_selection_and_its_home_count_every_patient_and_lesion_once(tmp_path: Path) -> None:
    home = write_followed(tmp_path)
    late = selection_of(tmp_path, home, "Dataset006_Late", {"P004_s1", "P005_s1"})
    again = selection_of(tmp_path, home, "Dataset007_Again", {"P005_s1"})
    whole, *selections = (read_dataset(layout) for layout in (home, late, again))
    alone, both = describe_cohort([whole]), describe_cohort([whole, *selections])
    for one, other in ((both.by_patient, alone.by_patient), (both.by_lesion, alone.by_lesion)):
        assert (one.n, one.groups) == (other.n, other.groups)
        assert [row for row in one.rows if row.name != "data set"] == list(other.rows)
    assert (both.joined_patients, both.joined_lesions, both.shared_patients) == (2, 2, ())
    assert (alone.joined_patients, alone.joined_lesions) == (0, 0)
    assert describe_cohort(selections).by_patient.n == 2
    by_dataset = describe_cohort([whole, *selections], by="dataset")
    groups = [("Dataset005_Home", 6, True), ("several data sets", 2, False)]
    assert [(g.name, g.n, g.tested) for g in by_dataset.by_lesion.groups] == groups
    assert [(g.name, g.n) for g in by_dataset.by_patient.groups] == [("Dataset005_Home", 2), ("several data sets", 2)]


def test_what_a_selection_says_of_a_shared_lesion_completes_what_its_home_says(tmp_path: Path) -> None:
    home = write_followed(tmp_path)
    whole, selected = (read_dataset(x) for x in (home, selection_of(tmp_path, home, "Dataset006_S", {"P000_s1"})))
    (ours, *others), (theirs,) = whole.cases, selected.cases
    unknown = replace(ours, clinical={"age": None, "sex": "male"}, outcome=None)
    more = replace(theirs, clinical={"age": 77.0, "sex": None})
    hidden = describe_cohort([replace(whole, cases=(unknown, *others)), replace(selected, cases=(more,))])
    assert (hidden.by_lesion.n, hidden.undescribed_lesions, hidden.undescribed_patients) == (8, 0, 0)
    other = replace(more, outcome="radiation_necrosis" if ours.outcome == "progression" else "progression")
    shown = replace(ours, clinical={"age": None, "sex": "male"})
    found = describe_cohort([replace(whole, cases=(shown, *others)), replace(selected, cases=(other,))])
    assert [(g.name, g.n) for g in found.by_lesion.groups][-1] == ("both outcomes", 1)
    age = row_of(found.by_lesion, "age")
    assert (age.missing[0], age.spreads[0].maximum, age.spreads[-1].mean) == (0, 77, 77)


def test_people_by_other_ids_count_once_by_patient_and_their_lesions_stay(tmp_path: Path) -> None:
    layouts = [write_raw_dataset(tmp_path, name=name, n_patients=4, n_test=0, lesions_per_patient=1,
                                 shape_zyx=(6, 7, 8)) for name in ("Dataset001_A", "Dataset002_B")]
    layouts[1].other_ids_csv.write_text("patient_id,other_id\nP001,P003\nP002,P002\n")
    found = describe_cohort([read_dataset(layout) for layout in layouts])
    # P001 of B is P003 of A and of B, P002 is P002.
    assert (found.by_patient.n, found.by_lesion.n, found.joined_patients, found.joined_lesions) == (5, 8, 2, 0)
    assert found.shared_patients == ("P000", "P001")


def test_data_sets_that_mean_other_things_are_refused() -> None:
    ours = dataset(make_cases(2, 1))
    months = dataset(make_cases(2, 1), name="Dataset002_B", clinical={"age": ClinicalColumn("numeric", "months")})
    with pytest.raises(DatasetError, match="'age' is numeric months in Dataset002_B and numeric years"):
        describe_cohort([ours, months])
    flipped = dataset(make_cases(2, 1), name="Dataset002_B", positive_outcome="progression")
    with pytest.raises(DatasetError, match=r"progression \(positive\)"):
        describe_cohort([ours, flipped])


def test_groups_may_be_centres() -> None:
    cases = make_cases(8, 2)
    moved = (replace(cases[0], center="B"), *cases[1:])
    found = describe_cohort([dataset(moved)], by="center")
    assert [(g.name, g.n) for g in found.by_patient.groups] == [("A", 3), ("B", 4), ("several centres", 1)]
    assert [row.name for row in found.by_lesion.rows] == ["age", "sex", "outcome"]
