from __future__ import annotations

from rnnet.evaluation.summary import CROSS_VALIDATION
from rnnet.reporting.comparison_tables import comparison_tables
from tests.reporting.results import made_up_comparison


def test_the_published_test_stands_beside_the_corrected_one_and_the_others() -> None:
    (table,) = comparison_tables([made_up_comparison()])
    assert table.header[4:] == ("p, bootstrap", "p, DeLong", "p, t-test as published", "p, t-test corrected")
    assert table.rows == (("Multimodal vs SSL ViT", "0.800", "0.900", "-0.100 [-0.250, +0.050]", "0.123", "0.134",
                           "0.046", "0.300"),)
    assert "positive class: radiation necrosis" in table.title
    assert "10 radiation necrosis, 10 progression, of 10 patients" in table.subtitle
    assert any("Nadeau and Bengio 2003" in note for note in table.notes)


def test_several_comparisons_have_adjusted_p_values_and_each_test_set_its_table() -> None:
    several = [made_up_comparison(), made_up_comparison("radiomics"), made_up_comparison(subset="Dataset002_Other")]
    first, second = comparison_tables(several)
    assert [len(first.rows), len(second.rows)] == [2, 1]
    assert first.rows[0][-3:] == ("0.247", "0.267", "0.600")
    assert any("Holm 1979" in note for note in first.notes)
    assert not any("Holm" in text for text in (*second.header, *second.notes))
    assert sum(len(names) for _, names in first.spans) == len(first.header) == len(first.short_header)


def test_cross_validation_says_what_its_interval_does_not_contain() -> None:
    test, pooled = comparison_tables([made_up_comparison(), made_up_comparison(subset=CROSS_VALIDATION)])
    assert not any("Out-of-fold" in note for note in test.notes)
    assert sum("Out-of-fold" in note for note in pooled.notes) == 1


def test_what_could_not_be_tested_is_a_dash_with_its_reason() -> None:
    (table,) = comparison_tables([made_up_comparison(delong=None, over_folds=None, notes=("a single fold.",))])
    assert table.rows[0][5:] == ("–", "–", "–")
    assert {"Multimodal vs SSL ViT: a single fold.", "–: could not be tested."} <= set(table.notes)


def test_a_difference_that_rounds_to_zero_has_no_sign() -> None:
    from rnnet.evaluation.statistics import Interval

    (table,) = comparison_tables([made_up_comparison(difference=Interval(-0.0002, -0.01, 0.0, 50))])
    assert table.rows[0][3] == "0.000 [-0.010, 0.000]"
