import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.own_table_cells import read_own_table
from tests.dataset.converters.own_table_tree import write_excel


def table(folder, text):
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder, text):
    with pytest.raises(DatasetError) as error:
        read_own_table(table(folder, text))
    return str(error.value)


def test_a_line_with_more_cells_than_the_header_is_refused(tmp_path):
    message = refused(tmp_path, "Pat;Age;Remark\n1;61;5;x\n2;60;y\n")
    assert "Line 2 has 4 cells, the header 3." in message
    assert "in quotes" in message


def test_decimal_commas_between_commas_are_refused_also_before_an_empty_cell(tmp_path):
    message = refused(tmp_path, "Pat,Age,Remark\n1,61,5,\n2,60,y\n3,59,5,z\n4,58,5,\n")
    assert "Line 2 has 4 cells, the header 3 (and 2 further line(s): lines 4, 5)." in message


def test_a_value_behind_the_last_name_is_refused(tmp_path):
    assert "Line 2 has 4 cells, the header 3." in refused(tmp_path, "Pat,Age,Remark,\n1,61,5,x\n")


def test_quoted_decimal_commas_blank_and_shorter_lines_are_read(tmp_path):
    found = read_own_table(table(tmp_path, 'Pat,Age,Remark,\n1,"61,5",x,\n,,,,,\n2,60\n'))
    assert found.rows == ({"Pat": "1", "Age": "61,5", "Remark": "x"}, {"Pat": "2", "Age": "60", "Remark": ""})


def test_a_remark_beside_an_excel_table_shifts_nothing(tmp_path):
    import openpyxl

    book = openpyxl.load_workbook(write_excel(tmp_path))
    sheet = book["Lesions"]
    sheet.cell(2, sheet.max_column + 1, "ask again")
    book.save(tmp_path / "remark.xlsx")
    plain = read_own_table(tmp_path / "cohort.xlsx", sheet="Lesions")
    assert read_own_table(tmp_path / "remark.xlsx", sheet="Lesions").rows == plain.rows
