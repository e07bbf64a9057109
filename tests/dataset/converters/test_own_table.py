import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.volume import read_volume
from rnnet.dataset.converters.own_table import OwnTable
from tests.dataset.converters.conversion import converted, paths, reasons
from tests.dataset.converters.own_table_tree import (
    HEADER,
    MAPPING,
    ROWS,
    write_csv,
    write_excel,
    write_images,
    write_mapping,
    write_tree,
)


def changed(row, **cells):
    """A row with other cells: changed(0, Alter="x")."""
    values = dict(zip(HEADER, ROWS[row], strict=True)) | cells
    return tuple(values.values())


def refused(folder, rows, **changes):
    """The message for a table with these rows."""
    write_csv(folder, rows)
    if changes:
        write_mapping(folder, **changes)
    with pytest.raises(DatasetError) as error:
        OwnTable().read(folder)
    return str(error.value)


def test_a_tree_becomes_a_labelled_data_set_that_verifies(tmp_path):
    _, report, dataset, problems = converted(OwnTable(), write_tree(tmp_path / "in"), tmp_path)
    assert problems == []
    assert (report.n_patients, report.n_scans, report.n_lesions) == (4, 5, 6)
    assert report.labelled == {"progression": 2, "radiation_necrosis": 3}
    assert report.dropped == report.unknown_files == report.notes == ()
    first = dataset.cases[0]
    assert (first.patient_id, first.center, first.label_source) == ("UKER-1", "UKER", "histology")
    assert first.information == {"remark": "x"}
    assert {c.outcome for c in dataset.cases if c.patient_id == "UKER-2"} == {None}


def test_blanks_decimal_commas_dates_and_codes_are_read(tmp_path):
    _, _, dataset, _ = converted(OwnTable(), write_tree(tmp_path / "in"), tmp_path)
    clinical = {c.case_id: c.clinical for c in dataset.cases}
    assert clinical["UKER-1_1_1"] == {"age": 61.5, "sex": "female"}
    assert clinical["UKER-2_1_1"] == {"age": None, "sex": "male"}
    assert clinical["UKER-3_1_1"] == {"age": 70, "sex": "male"}
    assert clinical["UKER-4_1_1"] == {"age": 55, "sex": None}
    assert [c.information["remark"] for c in dataset.cases if c.patient_id == "UKER-1"] == ["x", "", ""]
    assert {s.scan_id: s.days for s in dataset.scans} == {
        "UKER-1_1": 0, "UKER-1_2": 60, "UKER-2_1": 0, "UKER-3_1": 0, "UKER-4_1": 0}


def test_excel_gives_the_same_as_csv(tmp_path):
    write_tree(tmp_path)
    from_csv = OwnTable().read(tmp_path)
    (tmp_path / "cohort.csv").unlink()
    write_excel(tmp_path)
    write_mapping(tmp_path, sheet="lesions")
    from_excel = OwnTable().read(tmp_path)
    assert (from_excel.scans, from_excel.lesions) == (from_csv.scans, from_csv.lesions)


def test_windows_text_and_commas_as_separators_are_read(tmp_path):
    write_tree(tmp_path)
    expected = OwnTable().read(tmp_path).lesions
    write_csv(tmp_path, delimiter=",", encoding="cp1252")
    release = OwnTable().read(tmp_path)
    assert release.lesions == expected
    assert release.notes == ("cohort.csv is not UTF-8; it was read as Windows' Western European text.",)


def test_one_mask_for_each_lesion_is_merged(tmp_path):
    folder = tmp_path / "in"
    rows = tuple(changed(i, Maske=f"lesion_{i}.nii.gz") for i in range(len(ROWS)))
    folder.mkdir()
    write_images(folder, rows, per_lesion=True)
    write_csv(folder, rows)
    write_mapping(folder)
    _, _, dataset, problems = converted(OwnTable(), folder, tmp_path)
    assert problems == []
    scan = next(s for s in dataset.scans if s.scan_id == "UKER-1_1")
    for value in (1, 2):
        source = read_volume(folder / f"lesion_{value - 1}.nii.gz").array
        assert np.array_equal(read_volume(scan.mask_path).array == value, source > 0)
    assert [c.outcome for c in dataset.cases if c.scan_id == "UKER-1_1"] == ["radiation_necrosis", "progression"]


def test_without_lesion_value_the_whole_mask_of_a_single_row_is_the_lesion(tmp_path):
    folder = write_tree(tmp_path / "in")
    rows = (changed(0, T1CE="", Maske="p1_a_seg.nii.gz"), *ROWS[2:])
    write_csv(folder, [r[: len(HEADER)] for r in rows])
    columns = {k: v for k, v in MAPPING["columns"].items() if k != "lesion_value"}
    write_mapping(folder, columns=columns)
    _, _, dataset, _ = converted(OwnTable(), folder, tmp_path)
    mask = read_volume(next(s.mask_path for s in dataset.scans if s.scan_id == "UKER-1_1")).array
    assert np.array_equal(mask > 0, read_volume(folder / "p1_a_seg.nii.gz").array > 0)
    assert set(np.unique(mask)) == {0, 1}
    assert "map lesion_value" in refused(folder, ROWS)


def test_a_row_whose_files_are_missing_is_dropped_with_its_line(tmp_path):
    write_tree(tmp_path)
    write_csv(tmp_path, (*ROWS[:4], changed(4, **{"T1CE-Datei": "gone.nii.gz"}), changed(5, Maske="gone_seg.nii.gz"),
                         changed(5, PatID="6", **{"T1CE-Datei": " "}), changed(3, PatID="9", Maske="n/a")))
    release = OwnTable().read(tmp_path)
    assert reasons(release.dropped) == [
        "line 6: the image gone.nii.gz is missing", "line 7: the mask gone_seg.nii.gz is missing",
        "line 8: it names no image", "line 9: it names no mask",
    ]
    assert {s.patient_id for s in release.scans} == {"UKER-1", "UKER-2"}
    assert paths(release.unknown_files, tmp_path) == ["p3.nii.gz"]


def test_letter_case_ending_and_windows_paths_do_not_matter(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "Scans").mkdir()
    (tmp_path / "p2.nii.gz").rename(tmp_path / "Scans" / "P2.nii.gz")
    write_csv(tmp_path, (changed(3, **{"T1CE-Datei": r"scans\p2.nii"}),))
    assert [s.image.path.name for s in OwnTable().read(tmp_path).scans] == ["P2.nii.gz"]


def test_paths_are_relative_to_the_table_or_to_the_folder(tmp_path):
    write_tree(tmp_path / "images")
    (tmp_path / "tables").mkdir()
    for name in ("cohort.csv", "mapping.json"):
        (tmp_path / "images" / name).rename(tmp_path / "tables" / name)
    release = OwnTable(table=tmp_path / "tables" / "cohort.csv").read(tmp_path / "images")
    assert len(release.scans) == 5
    (tmp_path / "tables" / "mapping.json").rename(tmp_path / "other.json")
    release = OwnTable(table=tmp_path / "tables" / "cohort.csv", mapping=tmp_path / "other.json").read(
        tmp_path / "images")
    assert len(release.scans) == 5


def test_wrong_cells_are_reported_together_with_line_and_column(tmp_path):
    write_tree(tmp_path)
    message = refused(tmp_path, (changed(0, Alter="old"), changed(2, Befund="RNX"), changed(3, Geschlecht="3"),
                                 changed(4, Datum="2020"), changed(5, Läsion="1,5")))
    assert "The table has 5 error(s)" in message
    for part in ("line 2, column Alter: 'old' is no number", "line 3, column Befund: the outcome 'RNX' is unknown",
                 "line 4, column Geschlecht: '3' is no category of sex (female, male)",
                 "line 5, column Datum: '2020' is no date", "line 6, column Läsion: '1,5' is no whole number"):
        assert part in message


@pytest.mark.parametrize(("rows", "message"), [
    ((ROWS[0], changed(1, Datum="02.03.2020")), "line 3 (see line 2): the rows of a scan disagree about its day"),
    ((ROWS[0], changed(1, PatID="2")), "line 3 (see line 2): the image is that of another patient or scan there"),
    ((ROWS[0], changed(1, Läsion="1")), "name a lesion value twice"),
    ((ROWS[0], changed(1, Läsion="")), "line 3, column Läsion: there is no lesion value"),
    ((ROWS[0], changed(2, PatID="")), "line 3, column PatID: there is no patient"),
    ((changed(0, PatID="a b"), changed(2, PatID="A-B")), "would get one name"),
])
def test_contradictions_between_rows_are_refused(tmp_path, rows, message):
    assert message in refused(write_tree(tmp_path), rows)


def test_a_patient_in_both_splits_is_refused(tmp_path):
    write_tree(tmp_path)
    rows = (changed(0, Bemerkung="train"), changed(2, Bemerkung="Holdout"), changed(3, Bemerkung="Holdout"))
    columns = {**MAPPING["columns"], "split": "Bemerkung"}
    message = refused(tmp_path, rows, columns=columns, split_values={"holdout": "test"}, information={})
    assert "line 3 (see line 2): the patient is in test, but in train there" in message
    write_csv(tmp_path, rows[1:])
    assert [s.split for s in OwnTable().read(tmp_path).scans] == ["test", "test"]


def test_patients_of_two_centres_do_not_share_an_id(tmp_path):
    write_tree(tmp_path)
    rows = (changed(0, Bemerkung="Bonn"), changed(3, PatID="1", Bemerkung="Köln"), changed(4, PatID="köln_7",
                                                                                             Bemerkung="Köln"))
    write_csv(tmp_path, rows)
    write_mapping(tmp_path, name="", columns={**MAPPING["columns"], "center": "Bemerkung"}, information={})
    scans = OwnTable().read(tmp_path).scans
    assert [(s.patient_id, s.center) for s in scans] == [
        ("Bonn-1", "Bonn"), ("Köln-1", "Köln"), ("köln_7", "Köln")]


def test_a_table_with_the_conventions_names_needs_no_mapping(tmp_path):
    write_images(tmp_path / "in")
    header = ("image", "mask", "patient_id", "scan_id", "center", "days", "lesion_value", "outcome", "weight")
    rows = [("p1_a.nii.gz", "p1_a_seg.nii.gz", "1", "base line", "A", "0", "2", "progression", "70"),
            ("p2.nii.gz", "p2_seg.nii.gz", "2", "x", "A", "12.5", "1", "", "80")]
    write_csv(tmp_path / "in", rows, header=header)
    release, _, dataset, _ = converted(OwnTable(), tmp_path / "in", tmp_path)
    assert [(s.scan_id, s.days) for s in release.scans] == [("A-1_base-line", 0), ("A-2_x", 12.5)]
    assert release.notes == ("Columns that are not used: weight.",)
    assert [c.outcome for c in dataset.cases] == [None, "progression", None]


def test_the_table_must_be_unambiguous(tmp_path):
    with pytest.raises(DatasetError, match="no table"):
        OwnTable().read(tmp_path)
    write_csv(tmp_path, name="a.csv")
    write_csv(tmp_path, name="b.csv")
    with pytest.raises(DatasetError, match=r"2 tables: a\.csv, b\.csv"):
        OwnTable().read(tmp_path)
