from __future__ import annotations

from dataclasses import replace

from rnnet.reporting.latex import to_latex
from rnnet.reporting.markup import Html
from rnnet.reporting.render import table_csv
from rnnet.reporting.table_view import NumberedTable, figure_cell, numbered, table_view
from rnnet.reporting.tables import Table

TABLE = Table(
    "Models & more", "positive class: a_b", ("Model", "AUC, mean", "AUC, all", "test"), ("M", "A", "B", "t"),
    (("x", "0.5 ± 0.1", "-0.2 [-0.4, 0.1]", "DeLong"), ("  y", "–", "0.1", "")), ("a note",),
    spans=(("", ("Model",)), ("AUC", ("mean", "all")), ("", ("test",))), emphasised=(0,), text_at_the_end=True,
)


def test_one_table_has_a_number_and_several_a_letter_each() -> None:
    assert [t.label for t in numbered("2", [TABLE])] == ["Table 2"]
    assert [t.anchor for t in numbered("S2", [TABLE] * 28)][::27] == ["table-s2a", "table-s2ab"]


def test_notes_that_all_tables_of_a_number_share_stand_below_the_last_and_the_others_link_to_them() -> None:
    first, last = numbered("2", [replace(TABLE, notes=("a note", "own")), replace(TABLE, notes=("a note", "other"))])
    page = table_view(first)
    assert "own" in page
    assert "a note" not in page
    assert 'below <a href="#table-2b">Table 2b</a>' in page
    below = table_view(last)
    assert below.index("other") < below.index("Tables 2a to 2b:") < below.index("a note")
    assert "Further notes" not in below
    assert first.titled.notes == ("a note", "own")  # in a file every table has all of them


def test_intervals_and_sd_stand_below_their_value_with_a_true_minus() -> None:
    assert figure_cell("-0.2 [-0.4, 0.1]") == "−0.2 <small class=\"ci\">[−0.4, 0.1]</small>"
    assert figure_cell("58.5 ± 14.2 (39 to 78)") == "58.5 <small class=\"ci\">± 14.2 (39 to 78)</small>"
    for text in ("11 (73.3 %)", "wavelet-LLH_glcm", "log-sigma-3-0-mm", "<b>"):
        assert figure_cell(text) == text
    assert not isinstance(figure_cell("<b>"), Html)


def test_a_header_of_two_lines_names_every_column_once() -> None:
    page = table_view(NumberedTable("2", TABLE))
    assert '<th scope="colgroup" colspan="2" class="span">AUC</th>' in page
    assert page.count('scope="col"') == 4
    assert '<b>Table 2. </b>Models &amp; more.' in page


def test_latex_has_as_many_cells_in_every_line_and_rules_below_what_spans() -> None:
    text = to_latex([TABLE])
    body = text[text.index(r"\toprule"):text.index(r"\bottomrule")]
    assert r"\begin{tabular}{lccl}" in text
    assert r" & \multicolumn{2}{c}{AUC} & " in body
    assert r"\cmidrule(lr){2-3}" in body
    assert r"$-$0.2 {[}$-$0.4, 0.1{]}" in body
    assert r"\quad y & -- & 0.1 & " in body
    assert r"\caption{Models \& more. positive class: a\_b.}" in text


def test_the_csv_is_what_is_printed() -> None:
    assert table_csv(TABLE).splitlines()[:2] == [
        'Model,"AUC, mean","AUC, all",test', 'x,0.5 ± 0.1,"-0.2 [-0.4, 0.1]",DeLong']
