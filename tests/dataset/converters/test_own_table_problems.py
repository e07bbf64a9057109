import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.own_table import OwnTable
from rnnet.dataset.converters.own_table_problems import Problem, lines_text, raise_if_any
from tests.dataset.converters.own_table_tree import HEADER, ROWS, write_csv, write_mapping, write_tree


def told(folder, rows, **changes):
    """The message for a table with these cells of ROWS: {row: {column: cell}}."""
    table = [dict(zip(HEADER, row, strict=True)) | rows.get(i, {}) for i, row in enumerate(ROWS)]
    write_csv(folder, [tuple(row.values()) for row in table])
    write_mapping(folder, **changes)
    with pytest.raises(DatasetError) as error:
        OwnTable().read(folder)
    return str(error.value)


def test_a_fault_of_many_rows_is_one_line_and_hides_no_other(tmp_path):
    message = told(write_tree(tmp_path), {
        0: {"Befund": "Nekrose"}, 1: {"Befund": "Nekrose", "Alter": "a"}, 2: {"Alter": "b", "Befund": "Nekrose"},
        3: {"Geschlecht": "7"}, 4: {"Datum": "x"}, 5: {"Befund": "Nekrose", "Läsion": "0"}})
    assert "The table has 9 error(s) of 6 kind(s)." in message
    assert message.count("Nekrose") == 1
    assert "\n    lines 2-4, 7, column Befund: the outcome 'Nekrose' is unknown" in message
    assert len(message.splitlines()) == 7


def test_wrong_cells_do_not_hide_contradictions_between_rows(tmp_path):
    message = told(write_tree(tmp_path), {0: {"Alter": "old"}, 1: {"Datum": "02.03.2020"}, 4: {"Läsion": "0"}})
    assert "line 2, column Alter: 'old' is no number" in message
    assert "line 3 (see line 2): the rows of a scan disagree about its day" in message


def test_a_wrong_cell_makes_no_contradiction_of_its_own(tmp_path):
    message = told(write_tree(tmp_path), {1: {"Datum": "soon"}})
    assert "The table has 1 error(s)." in message


def test_a_table_without_centre_is_told_once(tmp_path):
    message = told(write_tree(tmp_path), {}, name="")
    assert message.count("there is no centre") == 1
    assert "The table has 1 error(s)." in message


def test_all_kinds_are_shown_and_of_one_kind_the_first_lines(tmp_path):
    problems = [Problem(f"kind {k}", line, "A") for k in range(9) for line in range(2, 80, 2)]
    with pytest.raises(DatasetError) as error:
        raise_if_any(problems, tmp_path)
    lines = error.value.fix.splitlines()[1:]
    assert [line.split(": ")[1] for line in lines] == [f"kind {k}" for k in range(9)]
    assert "38, 40 and 19 more, column A" in lines[0]


@pytest.mark.parametrize(("lines", "text"), [
    ((2,), "line 2"), ((2, 3), "lines 2, 3"), ((2, 4, 5, 6, 9), "lines 2, 4-6, 9"),
])
def test_runs_of_lines_are_joined(lines, text):
    assert lines_text(lines) == text
