import json
import re
from pathlib import Path

import pytest

from rnnet.core.codec import from_plain
from rnnet.core.errors import DatasetError
from rnnet.dataset.cohort.candidates import CohortSettings
from rnnet.dataset.cohort.from_dataset import dataset_candidates
from rnnet.dataset.converters.own_table import OwnTable
from rnnet.dataset.converters.own_table_mapping import TableMapping
from tests.dataset.converters.conversion import converted
from tests.dataset.converters.own_table_tree import (
    HEADER,
    MAPPING,
    ROWS,
    write_csv,
    write_images,
    write_mapping,
    write_tree,
)

PAGE = Path(__file__).parents[3] / "documentation" / "how-to" / "convert_your_own_table.md"
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
# As the page's second table; patient 1's lesion 1 is on both scans.
OVER_TIME = ("Metastase", "Durchmesser", "Bestrahlung", "Nekrose am", "Bewegung")
COURSES = (
    ("links", "10,5", "01.02.2020; 01.04.2020", "15.05.2020", "nein"), ("rechts", "8", "", "", "nein"),
    ("links", "16,5", "", "", "ja"), ("a", "5", "", "", ""), ("a", "6", "", "", ""), ("a", "7", "", "", ""),
)


def write_over_time(folder):
    """The tree with the columns of a cohort over time, and the page's mapping for it."""
    write_tree(folder)
    write_csv(folder, [(*row[:8], *more) for row, more in zip(ROWS, COURSES, strict=True)],
              header=(*HEADER[:8], *OVER_TIME))
    (folder / "mapping.json").write_text(EXAMPLES[1], encoding="utf-8")
    return folder


def test_the_example_of_the_how_to_is_a_valid_mapping():
    mapping = from_plain(TableMapping, json.loads(EXAMPLES[0]))
    assert mapping.outcome_values["RN"] == "radiation_necrosis"


def test_dates_numbers_and_words_of_information_become_what_the_cohort_reads(tmp_path):
    _, _, dataset, problems = converted(OwnTable(), write_over_time(tmp_path / "in"), tmp_path)
    assert problems == []
    assert next(c for c in dataset.cases if c.case_id == "UKER-1_1_1").information == {
        "lesion_id": "links", "diameter_mm": "10.5", "srs_day": "-29;31", "radiation_necrosis_day": "75",
        "motion": "no"}
    candidates = dataset_candidates(dataset, CohortSettings("lesion", "table"), n_processes=1)
    rows = {row.case_id: row for row in candidates.rows}
    late = rows["UKER-1_2_1"]
    assert late.lesion_id == rows["UKER-1_1_1"].lesion_id == "UKER-1/links"
    assert (late.day, late.diameter_mm, late.srs_days, late.radiation_necrosis_day, late.motion) == (
        60, 16.5, (-29, 31), 75, True)
    assert rows["UKER-1_1_2"].radiation_necrosis_day is None


def test_information_that_is_no_date_or_number_is_refused(tmp_path):
    folder = write_over_time(tmp_path)
    rows = [(*row[:8], "a", "big", "soon", "", "") for row in ROWS[:2]]
    write_csv(folder, rows, header=(*HEADER[:8], *OVER_TIME))
    with pytest.raises(DatasetError) as error:
        OwnTable().read(folder)
    assert "lines 2, 3, column Bestrahlung: 'soon' is no date" in str(error.value)
    assert "lines 2, 3, column Durchmesser: 'big' is no number" in str(error.value)


def test_name_reference_and_licence_come_from_the_mapping(tmp_path):
    write_tree(tmp_path)
    write_mapping(tmp_path, reference="doi:10.1/x", licence="CC BY 4.0")
    release = OwnTable().read(tmp_path)
    assert (release.name, release.reference, release.licence) == ("UKER", "doi:10.1/x", "CC BY 4.0")


def test_all_faults_of_a_mapping_are_reported(tmp_path):
    write_tree(tmp_path)
    write_mapping(tmp_path, positive_outcome="x", outcome_values={"RN": "necrosis"})
    with pytest.raises(DatasetError, match=r"'positive_outcome' one of them.*leads to 'necrosis'"):
        OwnTable().read(tmp_path)
    write_mapping(tmp_path, columns={**MAPPING["columns"], "image": "T1", "mask": "Masken"})
    with pytest.raises(DatasetError) as error:
        OwnTable().read(tmp_path)
    assert "no column 'T1' for image" in str(error.value)
    assert "no column 'Masken' for mask. Did you mean 'Maske'?" in str(error.value)


@pytest.mark.parametrize(("changes", "message"), [
    ({"columns": {"patient": "PatID"}}, "'columns.image' is missing"),
    ({"colums": {}}, "Unknown field 'colums'"),
    ({"outcome_values": {"RN": "necrosis"}}, "leads to 'necrosis', which is no outcome"),
    ({"clinical": {"days": {"column": "Alter", "type": "numeric"}}}, "must not be called that"),
    ({"information": {"srs_day": {"column": "Alter", "meaning": "x", "type": "number", "values": {"1": "2"}}}},
     "'information.srs_day' must have no values"),
    ({"columns": {"image": "T1CE-Datei", "patient": "PatID"},
      "information": {"srs_day": {"column": "Datum", "meaning": "x", "type": "day"}}},
     "must not be a day without 'columns.date'"),
    ({"columns": {**MAPPING["columns"], "image": "T1CE-Datein"}}, "Did you mean 'T1CE-Datei'?"),
])
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, changes, message):
    write_tree(tmp_path)
    write_mapping(tmp_path, **changes)
    with pytest.raises(DatasetError, match=re.escape(message)):
        OwnTable().read(tmp_path)


def test_a_table_without_outcomes_is_a_pool(tmp_path):
    write_images(tmp_path / "in")
    write_csv(tmp_path / "in", [(r[0], r[2], r[3]) for r in (ROWS[0], *ROWS[2:])], header=("patient", "image", "mask"))
    (tmp_path / "map.json").write_text(json.dumps(
        {"name": "UKER", "columns": {"image": "image", "patient": "patient", "mask": "mask"}}))
    _, report, _, problems = converted(OwnTable(mapping=tmp_path / "map.json"), tmp_path / "in", tmp_path)
    assert problems == []
    assert (report.n_scans, report.n_lesions, report.labelled) == (5, 6, {})
