from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, FileFormatError, MissingStageError
from rnnet.features.table import FeatureTable, names_with_prefix, read_table, write_table


def make_table() -> FeatureTable:
    values = np.array([[0.1, math.nan, 1e300], [1 / 3, -0.0, 5e-324]])
    return FeatureTable(("a", "b,c"), ("age", "sex=male", "x"), values)


def test_rows_come_in_the_order_asked_for() -> None:
    table = make_table().rows(["b,c", "a"])
    assert table.case_ids == ("b,c", "a")
    assert table.values[:, 0].tolist() == [1 / 3, 0.1]


def test_a_missing_case_is_named() -> None:
    with pytest.raises(DatasetError, match=r"no row for 1 case.*lesion7"):
        make_table().rows(["a", "lesion7"])


def test_a_missing_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(DatasetError, match=r"'sex=mle'.*Did you mean 'sex=male'"):
        make_table().select(["sex=mle"])


def test_a_join_matches_rows_by_case_id() -> None:
    other = FeatureTable(("b,c", "a"), ("y",), np.array([[2.0], [1.0]]))
    joined = make_table().join(other)
    assert joined.names == ("age", "sex=male", "x", "y")
    assert joined.values[:, 3].tolist() == [1.0, 2.0]


def test_a_join_of_equal_names_is_refused() -> None:
    with pytest.raises(DatasetError, match="'age' stands twice"):
        make_table().join(make_table())
    assert make_table().join(make_table().with_prefix("again_")).names[3] == "again_age"


def test_values_are_copied_and_read_only() -> None:
    values = np.zeros((1, 1))
    table = FeatureTable(("a",), ("f",), values)
    values[0, 0] = 9
    assert table.values[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        table.values[0, 0] = 1


@pytest.mark.parametrize(("ids", "names"), [(("a", "a"), ("f",)), (("a",), ("f", "f")), (("a",), ("f", "g", "h"))])
def test_repetitions_and_wrong_shapes_are_refused(ids: tuple[str, ...], names: tuple[str, ...]) -> None:
    with pytest.raises(DatasetError):
        FeatureTable(ids, names, np.zeros((len(ids), min(len(names), 2))))


def test_names_are_found_by_prefix() -> None:
    assert names_with_prefix(["r_a", "c_b", "r_c"], "r_") == ("r_a", "r_c")


def test_a_written_table_reads_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "features.csv"
    write_table(path, make_table())
    again = read_table(path)
    assert (again.case_ids, again.names) == (make_table().case_ids, make_table().names)
    np.testing.assert_array_equal(again.values, make_table().values)
    assert [p.name for p in path.parent.iterdir()] == ["features.csv"]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="not there"):
        read_table(tmp_path / "no.csv")


@pytest.mark.parametrize(("text", "message"), [
    ("", "must be 'case_id'"),
    ("id,f\na,1\n", "must be 'case_id'"),
    ("case_id,f\na,1\nb,1,5\n", "Line 3 has 3 cells"),
    ("case_id,f\na,1\nb,\"1,5\"\n", "'1,5' in line 3, column 'f'"),
    ("case_id,f\na,1\na,2\n", "'a' stands twice"),
])
def test_a_damaged_file_is_named_with_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
