from __future__ import annotations

import csv
import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.evaluation.cohort import CohortDescription, describe_cohort
from rnnet.evaluation.cohort_table import Characteristic, Spread, describe_groups
from rnnet.reporting.cohort_tables import (
    _spread,
    cohort_csv,
    cohort_latex,
    cohort_markdown,
    cohort_tables,
    p_text,
)
from rnnet.reporting.render import to_text
from tests.evaluation.test_cohort import dataset
from tests.factories import make_cases

EVIL = r"a|b_c*d & 50% $x$ #1 {y} ~ ^ \z <b> [w]"


@pytest.fixture
def description() -> CohortDescription:
    cases = make_cases(8, 2)
    mixed = (replace(cases[0], outcome="radiation_necrosis"), replace(cases[5], clinical={"age": None, "sex": EVIL}),
             *cases[1:5], *cases[6:])
    return describe_cohort([dataset(mixed, clinical={**dataset(cases).manifest.clinical})])


def test_a_single_value_has_neither_sd_nor_range() -> None:
    one = Spread(65.0, None, 65.0, 65.0, 65.0, 65.0, 65.0)
    assert _spread(one, 1) == "65.0"
    assert _spread(replace(one, sd=2.0, maximum=68.0), 1) == "65.0 ± 2.0 (65 to 68)"


def test_the_positive_class_and_the_sizes_of_the_groups_stand_in_the_header(description: CohortDescription) -> None:
    by_patient, by_lesion = cohort_tables(description)
    assert by_patient.header == ("", "all (n = 8)", "radiation necrosis, positive (n = 4)", "progression (n = 3)",
                                 "both outcomes (n = 1)", "p", "test")
    assert by_lesion.header[1:4] == ("all (n = 16)", "radiation necrosis, positive (n = 9)", "progression (n = 7)")
    assert "Positive class: radiation necrosis." in by_patient.subtitle
    assert any("both outcomes" in note for note in by_patient.notes)
    assert any("too small" in note for note in by_lesion.notes)
    assert "mean ± SD (range)" in to_text(by_patient)


def test_missing_values_are_counted_and_left_out_of_the_shares(description: CohortDescription) -> None:
    rows = cohort_tables(description)[1].rows
    age = next(i for i, row in enumerate(rows) if row[0] == "age (years)")
    assert rows[age][1] == "43.6 ± 2.4 (40 to 47)"  # 15 values: two of each age of 40 to 47, but one of 42
    assert rows[age + 1] == ("  missing", "1", "0", "1", "0.438", "Fisher exact")  # 7 of the 16 are progression
    sex = next(i for i, row in enumerate(rows) if row[0] == "sex")
    assert rows[sex + 1][:2] == ("  female", "7 (43.8 %)")
    assert rows[sex][-2:] != ("", "")


def test_columns_whose_gaps_tell_the_outcome_are_named() -> None:
    cases = tuple(
        replace(c, clinical={**c.clinical, "age": None if c.outcome == "progression" else 50.0, "sex": "female"})
        for c in make_cases(12, 1)
    )
    described = describe_cohort([dataset(cases)])
    warned = [note for table in cohort_tables(described) for note in table.notes if note.startswith("Warning")]
    assert warned == ["Warning: missing values differ between the outcomes (p < 0.01) in: age. A model can learn the "
                      "outcome from what is missing."] * 2
    by_center = describe_cohort([dataset(cases)], by="center")
    assert not [n for table in cohort_tables(by_center) for n in table.notes if n.startswith("Warning")]
    age = next(r for r in csv.DictReader(io.StringIO(cohort_csv(described))) if r["characteristic"] == "age")
    assert float(age["missing_p"]) < 0.01


def test_small_p_values_are_bounded() -> None:
    assert (p_text(0.00099), p_text(0.0012), p_text(1.0)) == ("<0.001", "0.001", "1.000")


def test_markdown_shows_every_sign_as_it_is(description: CohortDescription) -> None:
    text = cohort_markdown(cohort_tables(description))
    assert r"a\|b c\*d & 50% $x$ \#1 \{y\} \~ ^ \\z \<b\> \[w\]" in text
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    unescaped = {len(line.replace(r"\|", "").split("|")) for line in tables}
    assert unescaped == {8, 9}  # by lesion there is no group 'both outcomes'


def test_latex_escapes_its_own_signs(description: CohortDescription) -> None:
    text = cohort_latex(cohort_tables(description))
    assert (r"a\textbar{}b c*d \& 50\% \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z "
            r"\textless{}b\textgreater{} {[}w{]}") in text
    assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule") == 2
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.replace(r"\&", "").count("&") for line in rows} == {5, 6}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
def test_latex_compiles(description: CohortDescription, tmp_path: Path) -> None:
    body = cohort_latex(cohort_tables(description))
    source = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + body + "\\end{document}"
    (tmp_path / "t.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0


def test_the_csv_holds_every_figure_with_all_digits(description: CohortDescription) -> None:
    rows = list(csv.DictReader(io.StringIO(cohort_csv(description))))
    age = next(r for r in rows if (r["sample"], r["characteristic"], r["group"]) == ("lesion", "age", "progression"))
    assert (age["n"], age["missing"], age["group_size"], age["unit"]) == ("6", "1", "7", "years")
    evil = next(r for r in rows if r["category"] == EVIL and (r["sample"], r["group"]) == ("lesion", "all"))
    assert (evil["n"], evil["percent"]) == ("1", "6.25")
    assert {r["positive_outcome"] for r in rows} == {"radiation_necrosis"}
    assert all(r["p"] or r["no_p_because"] for r in rows)


def test_a_column_without_any_value_and_one_group_alone_have_a_table(description: CohortDescription) -> None:
    empty = describe_groups(
        [Characteristic("age", "numeric", (None, None)), Characteristic("sex", "categorical", (None, None))],
        ["progression"] * 2, sample="patient", groups=["progression"],
    )
    tables = cohort_tables(replace(description, by_patient=empty))
    assert tables[0].rows[0] == ("age", "–", "–", "–", "one group")
    assert tables[0].rows[1][:3] == ("  missing", "2", "2")
    assert "one group" in cohort_csv(replace(description, by_patient=empty))


def test_what_was_counted_once_is_said(description: CohortDescription) -> None:
    def said(d: CohortDescription) -> list[bool]:
        return [any("each counts once" in note for note in table.notes) for table in cohort_tables(d)]

    assert said(description) == [False, False]
    assert said(replace(description, joined_patients=2, joined_lesions=3)) == [True, True]
