import json

import pytest

from rnnet.core.codec import from_plain
from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.own_table import OwnTable
from rnnet.dataset.converters.own_table_mapping import TableMapping
from rnnet.dataset.converters.own_table_suggestion import NoMappingError, suggested_mapping
from tests.dataset.converters.nyumets_tree import FLAGS
from tests.dataset.converters.own_table_tree import HEADER, MAPPING, write_tree


def suggestion_of(folder):
    with pytest.raises(NoMappingError) as error:
        OwnTable().read(folder)
    return error.value


def guessed(header, *rows):
    return json.loads(suggested_mapping(header, [dict(zip(header, row, strict=True)) for row in rows], "X"))


def test_a_table_without_a_mapping_gets_one_to_edit(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "mapping.json").unlink()
    error = suggestion_of(tmp_path)
    mapping = from_plain(TableMapping, json.loads(error.suggestion))
    assert (mapping.columns.image, mapping.columns.patient) == ("T1CE-Datei", "PatID")
    assert (mapping.columns.date, mapping.columns.outcome) == ("Datum", "Befund")
    assert mapping.clinical["alter"].type == "numeric"
    assert mapping.clinical["geschlecht"].categories == ("1", "2")
    assert set(mapping.used_columns().values()) == set(HEADER)


def test_the_message_ends_with_the_suggestion_and_nothing_else_on_its_lines(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "mapping.json").unlink()
    error = suggestion_of(tmp_path)
    first, _, rest = str(error).partition("\n")
    assert rest == error.suggestion
    assert "{" not in first


def test_an_empty_mapping_file_is_as_good_as_none(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "mapping.json").write_text("")
    expected = suggestion_of(tmp_path).suggestion
    (tmp_path / "mapping.json").rename(tmp_path / "other.json")
    with pytest.raises(NoMappingError) as error:
        OwnTable(mapping=tmp_path / "other.json").read(tmp_path)
    assert error.value.suggestion == expected
    with pytest.raises(DatasetError, match="The mapping file is missing"):
        OwnTable(mapping=tmp_path / "gone.json").read(tmp_path)


def test_the_suggested_mapping_works_once_the_outcomes_are_filled_in(tmp_path):
    write_tree(tmp_path)
    path = tmp_path / "mapping.json"
    path.unlink()
    document = json.loads(suggestion_of(tmp_path).suggestion)
    path.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match="which is no outcome"):
        OwnTable().read(tmp_path)
    path.write_text(json.dumps({**document, "outcome_values": MAPPING["outcome_values"]}))
    release = OwnTable().read(tmp_path)
    assert [x.outcome for x in release.lesions] == [
        "radiation_necrosis", "progression", "radiation_necrosis", None, "progression", "radiation_necrosis"]


def test_columns_that_are_not_plainly_features_become_information():
    document = guessed(("Patient", "Bild", "Bemerkung", "RN Tag", "Alternative", "Age"),
                       ("1", "a/b.nii", "x", "144", "y", "61"))
    assert set(document["clinical"]) == {"age"}
    assert set(document["information"]) == {"bemerkung", "rn_tag", "alternative"}
    assert document["information"]["rn_tag"] == {"column": "RN Tag", "meaning": "RN Tag"}


def test_flag_columns_and_dates_are_no_images():
    header = ("PatientID", "StudyID", *FLAGS)
    document = guessed(header, ("12345", "11", *["1"] * len(FLAGS)))
    assert document["columns"] == {"image": "", "patient": "PatientID", "scan": "StudyID"}
    assert guessed(("Pat", "T1 date"), ("1", "01/02/2020"))["columns"]["image"] == ""


def test_images_are_found_by_ending_folder_and_windows_path():
    for cell in ("p1.NRRD", "scans/p1", r"scans\p1", "/data/1"):
        assert guessed(("Pat", "Maske", "Bild"), ("1", "s.nii", cell))["columns"]["image"] == "Bild"
    assert guessed(("Pat", "MR"), ("1", "p1.nii.gz"))["columns"]["image"] == "MR"


def test_suggested_names_do_not_collide():
    document = guessed(("Pat", "Bild", "Days", "days!", "Dose", "dose "), ("1", "a.nii", "3", "4", "5", "6"))
    assert document["columns"]["days"] == "Days"
    assert {n: s["column"] for n, s in document["information"].items()} == {
        "days_2": "days!", "dose": "Dose", "dose_2": "dose "}
