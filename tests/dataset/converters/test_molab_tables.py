import datetime

import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.molab_tables import Treatment, read_clinical_table, read_morphology_table
from tests.dataset.converters import molab_tree as tree
from tests.dataset.converters.molab_tree import clinical_row, measurement_row


def clinical(tmp_path, *rows, **settings):
    return read_clinical_table(tree.write_clinical_table(tmp_path / tree.CLINICAL_NAME, rows, **settings))


def only(tmp_path, **cells):
    (lesion,), notes = clinical(tmp_path, clinical_row("010005", 1, **cells))
    return lesion, "\n".join(notes)


def morphology(tmp_path, *rows):
    return read_morphology_table(tree.write_morphology_table(tmp_path / tree.MORPHOLOGY_NAME, rows))


def test_rows_lie_between_legend_and_footer(tmp_path):
    lesions, notes = clinical(tmp_path, clinical_row("010005", 1), clinical_row("010005", 3), clinical_row(40001, 2))
    assert [(r.patient_id, r.lesion) for r in lesions] == [("010005", 1), ("010005", 3), ("040001", 2)]
    assert notes == ()


def test_cells_get_their_meaning(tmp_path):
    lesion, notes = only(
        tmp_path, sex=2, gpa="4", primary=1, subtype=3, srs_dose=20, srs_begin=300, srs_end=303, srs2_begin=10,
        necrosis=310, wbrt_begin=-5, surgery=2, surgery_day=320, drug=" CDDP +  Taxol", drug_begin=-3, drug_end=40,
        drug2="Nivolumab", drug2_begin=60, death_cause=3, mr_days=(0, 62, 533),
    )
    assert (lesion.age, lesion.sex, lesion.gpa, lesion.primary) == (60, "male", 4, "breast")
    assert (lesion.subtype, lesion.surgery, lesion.surgery_day) == ("triple negative", "total", 320)
    assert lesion.srs_days == ((10, None), (300, 303))
    assert (lesion.wbrt_days, lesion.radiation_necrosis_day) == (((-5, None),), 310)
    assert lesion.systemic == (Treatment("CDDP + Taxol", -3, 40), Treatment("Nivolumab", 60, None))
    assert (lesion.death_day, lesion.death_cause) == (900, "systemic and brain progression")
    assert lesion.mr_days == (0, 62, 533)
    assert notes == ""


@pytest.mark.parametrize("blank", [" ", "", "n/a", None])
def test_blanks_are_missing_values(tmp_path, blank):
    columns = ("age", "gpa", "subtype", "necrosis", "srs_begin", "death_day")
    lesion, notes = only(tmp_path, **dict.fromkeys(columns, blank))
    assert (lesion.age, lesion.gpa, lesion.subtype, lesion.radiation_necrosis_day) == (None, None, None, None)
    assert (lesion.srs_days, lesion.death_day, notes) == ((), None, "")


def test_surgery_0_says_that_there_was_none(tmp_path):
    lesion, notes = only(tmp_path, surgery=0)
    assert (lesion.surgery, notes) == (None, "")


def test_a_treatment_until_death_ends_on_the_day_of_death(tmp_path):
    lesion, notes = only(tmp_path, drug="BINORELVIN", drug_begin=507, drug_end="exitus", death_day=571)
    assert lesion.systemic == (Treatment("BINORELVIN", 507, 571),)
    assert "'exitus' as the end of systemic treatment 1 is read as the day of death (571)" in notes


def test_no_treatment_is_not_the_same_as_an_unknown_one(tmp_path):
    assert only(tmp_path, drug="None")[0].systemic == ()
    assert only(tmp_path, drug="n/a")[0].systemic == (Treatment("", None, None),)
    lesion, notes = only(tmp_path, drug="Vinorelbine", drug_begin="n/a", drug_end="n/a")
    assert lesion.systemic == (Treatment("Vinorelbine", None, None),)
    assert "systemic treatment 1 (Vinorelbine) has no begin" in notes


def test_two_causes_of_death_are_kept_and_noted(tmp_path):
    lesion, notes = only(tmp_path, death_cause="1+4")
    assert lesion.death_cause == "brain progression and other"
    assert "row 16, patient 010005, lesion 1: '1+4' as the cause of death" in notes


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        ({"subtype": 8}, "the code 8 for the subtype (NSCLC) has no meaning"),
        ({"sex": 0}, "the code 0 for sex has no meaning"),
        ({"srs_dose": 20}, "SRS 1 has a dose and no begin"),
        ({"srs_begin": 3784, "death_day": 645}, "SRS begins on day 3784, after death on day 645"),
        ({"necrosis": 1685, "death_day": 1599}, "radiation necrosis is recorded on day 1685, after death on day 1599"),
        ({"drug": "Taxol", "drug_begin": 831, "drug_end": 591}, "ends on day 591, before its begin on day 831"),
        ({"necrosis": "yes"}, "'yes' as the day of radiation necrosis is not a number"),
    ],
)
def test_doubtful_cells_are_noted_with_their_row(tmp_path, cells, note):
    _, notes = only(tmp_path, **cells)
    assert note in notes
    assert "row 16, patient 010005, lesion 1" in notes


def test_rows_of_one_patient_that_differ_are_noted_and_kept(tmp_path):
    lesions, notes = clinical(tmp_path, clinical_row("040058", 1, age=71), clinical_row("040058", 2, age=64))
    assert [r.age for r in lesions] == [71, 64]
    assert notes == ("Patient 040058: the rows of the lesions differ in age: 71.0, 64.0. Each row is kept as it is.",)


def test_a_lesion_that_stands_twice_is_taken_once(tmp_path):
    lesions, notes = clinical(tmp_path, clinical_row("010005", 1, age=50), clinical_row("010005", 1, age=51))
    assert [r.age for r in lesions] == [50]
    assert "row 17, patient 010005, lesion 1: the lesion stands twice" in notes[0]


def test_captions_that_are_not_the_expected_ones_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"looked for in vain: 'necrosis'") as caught:
        clinical(tmp_path, clinical_row("010005", 1), captions={43: "Something else"})
    assert "'Hoja1'" in str(caught.value)
    with pytest.raises(DatasetError, match=r"'begin' in column 35 \(there: 'end'\)"):
        clinical(tmp_path, clinical_row("010005", 1), captions={31: "", 32: "SRS (1)"})


def test_another_table_is_refused_with_what_was_looked_for(tmp_path):
    path = tree.write_morphology_table(tmp_path / "m.xlsx", [measurement_row(10005, 0, 1, 1.0)])
    with pytest.raises(DatasetError, match=r"No sheet \(Hoja1\) has 'Patient ID'"):
        read_clinical_table(path)
    other = tree.write_clinical_table(tmp_path / "c.xlsx", [clinical_row("010005", 1)])
    with pytest.raises(DatasetError, match=r"has the columns PATIENT, TIME POINT, LESION, .*\(not found: PATIENT,"):
        read_morphology_table(other)


@pytest.mark.parametrize("content", [None, b"no excel file", b"PK\x03\x04 cut off"])
def test_what_is_no_excel_file_is_refused(tmp_path, content):
    path = tmp_path / "table.xlsx"
    if content is not None:
        path.write_bytes(content)
    for read in (read_clinical_table, read_morphology_table):
        with pytest.raises(DatasetError, match="Not a readable Excel file"):
            read(path)


def test_tables_without_rows_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no rows below its header"):
        clinical(tmp_path)
    with pytest.raises(DatasetError, match="has no rows"):
        morphology(tmp_path)


def test_measurements_have_six_digits_millimetres_and_days(tmp_path):
    rows = measurement_row(10005, 533, 3, 2.5), measurement_row(10005, 0, 1, 1.0)
    (first, second), notes = morphology(tmp_path, *rows)
    assert (first.patient_id, first.lesion, first.day, first.date) == ("010005", 1, 0, datetime.date(1900, 1, 1))
    assert (second.lesion, second.day, second.date) == (3, 533, datetime.date(1901, 6, 18))
    assert second.max_diameter_mm == pytest.approx(25)
    assert (second.total_volume_cm3, second.field_tesla, second.scanner) == (2.0, 1.5, "GE MEDICAL SYSTEMS")
    assert notes == ()


def test_a_field_strength_in_gauss_is_mended_and_noted(tmp_path):
    (found,), notes = morphology(tmp_path, measurement_row(10005, 0, 1, 1.0, field_tesla=15000))
    assert found.field_tesla == 1.5
    assert notes == (f"{tree.MORPHOLOGY_NAME}, row 2: a magnetic field of 15000 was read as 1.5 T.",)


def test_a_measurement_without_a_diameter_or_a_date_is_noted(tmp_path):
    bad_date = measurement_row(10005, 0, 1, 1.0)
    bad_date[1] = 19001332
    found, notes = morphology(
        tmp_path, measurement_row(10005, 0, 1, "n/a"), bad_date, measurement_row(10005, 0, 1, 2.0))
    assert [m.max_diameter_mm for m in found] == [None]
    assert "row 2: the diameter 'n/a' is not a positive number" in notes[0]
    assert "row 3: no patient, date (yyyymmdd) and lesion number can be read" in notes[1]
    assert "row 4: lesion 1 of patient 010005 stands twice on day 0" in notes[2]
