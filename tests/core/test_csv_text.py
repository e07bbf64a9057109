from __future__ import annotations

from rnnet.core.csv_text import csv_of_records, csv_text


def test_cells_with_commas_are_quoted_and_missing_ones_empty() -> None:
    assert csv_text(("a", "b"), [("x, y", None), (1, 0.1)]) == 'a,b\n"x, y",\n1,0.1\n'


def test_records_need_not_have_every_name() -> None:
    assert csv_of_records(("a", "b"), [{"b": 2}, {"a": 1, "c": 3}]) == "a,b\n,2\n1,\n"
