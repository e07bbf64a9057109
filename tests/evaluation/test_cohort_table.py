from __future__ import annotations

import pytest
from scipy.stats import fisher_exact

from rnnet.core.errors import SettingError
from rnnet.evaluation.cohort_table import CategoricalRow, Characteristic, NumericRow, describe_groups

LABELS = ("rn", "rn", "rn", "progression", "progression", "both")


def test_numbers_and_shares_are_those_of_everyone_and_of_each_group() -> None:
    age = Characteristic("age", "numeric", (50.0, 60.0, None, 40.0, 44.0, 90.0), "years")
    sex = Characteristic("sex", "categorical", ("f", "m", "m", None, "f", "x"), categories=("m", "f", "never"))
    table = describe_groups([age, sex], LABELS, sample="patient", groups=["rn", "progression", "both"], untested="both")
    assert [(g.name, g.n, g.tested) for g in table.groups] == [
        ("rn", 3, True), ("progression", 2, True), ("both", 1, False)]
    first, second = table.rows
    assert isinstance(first, NumericRow)
    assert isinstance(second, CategoricalRow)
    assert first.missing == (1, 1, 0, 0)
    everyone, rn, _, both = first.spreads
    assert everyone is not None
    assert (everyone.mean, everyone.minimum, everyone.median, everyone.maximum) == (pytest.approx(56.8), 40, 50, 90)
    assert rn is not None
    assert (rn.mean, rn.sd) == (55, pytest.approx(50**0.5))
    assert both is not None
    assert both.sd is None
    # In the declared order, without the category that nobody has.
    assert second.categories == ("m", "f", "x")
    assert second.counts == ((2, 2, 0, 0), (2, 1, 1, 0), (1, 0, 0, 1))
    assert second.missing == (1, 0, 1, 0)
    assert second.known == (5, 3, 1, 1)


def test_the_untested_group_does_not_change_the_p_values() -> None:
    def p_values(last: float) -> list[float | None]:
        age = Characteristic("age", "numeric", (50.0, 60.0, 52.0, 40.0, 44.0, last))
        sex = Characteristic("sex", "categorical", ("f", "m", "m", "f", "f", "f" if last > 50 else "m"))
        table = describe_groups([age, sex], LABELS, sample="patient", groups=["rn", "progression", "both"],
                                untested="both")
        return [row.p.value for row in table.rows]

    assert p_values(10) == p_values(1000)
    assert None not in p_values(10)


def test_columns_without_a_value_or_a_second_group_say_why_there_is_no_p() -> None:
    empty = [Characteristic("age", "numeric", (None,) * 6), Characteristic("sex", "categorical", (None,) * 6)]
    table = describe_groups(empty, LABELS, sample="lesion", groups=["rn", "progression", "both"])
    age, sex = table.rows
    assert isinstance(age, NumericRow)
    assert isinstance(sex, CategoricalRow)
    assert age.spreads == (None,) * 4
    assert (age.missing, sex.missing, sex.known) == ((6, 3, 2, 1), (6, 3, 2, 1), (0, 0, 0, 0))
    assert (age.p.reason, sex.p.reason) == ("one group", "no value")
    alone = describe_groups([Characteristic("age", "numeric", (1.0, 2.0))], ["rn", "rn"], sample="lesion",
                            groups=["rn", "progression"])
    assert [g.name for g in alone.groups] == ["rn"]
    assert alone.rows[0].p.reason == "one group"


def test_columns_and_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SettingError, match=r"must have 6 values\. Got 1"):
        describe_groups([Characteristic("age", "numeric", (1.0,))], LABELS, sample="lesion",
                        groups=["rn", "progression", "both"])
    with pytest.raises(SettingError, match="Got both instead"):
        describe_groups([], LABELS, sample="lesion", groups=["rn", "progression"])


def test_missing_against_known_is_tested_between_the_tested_groups() -> None:
    labels = ["rn"] * 10 + ["progression"] * 10 + ["both"] * 5
    values = [1.0] * 9 + [None] + [2.0] + [None] * 9 + [None] * 5
    sex = tuple(None if v is None else "f" for v in values)
    table = describe_groups(
        [Characteristic("interval", "numeric", tuple(values)), Characteristic("sex", "categorical", sex),
         Characteristic("age", "numeric", (50.0,) * 25), Characteristic("gpa", "numeric", (*[None] * 3, *[2.0] * 22))],
        labels, sample="lesion", groups=["rn", "progression", "both"], untested="both",
    )
    for row in table.rows[:2]:
        assert row.missing_p.value == pytest.approx(fisher_exact([[1, 9], [9, 1]]).pvalue)
    assert (table.rows[2].missing_p.value, table.rows[2].missing_p.reason) == (None, "constant")
    assert table.rows[3].missing_p.value == pytest.approx(fisher_exact([[3, 0], [7, 10]]).pvalue)
    assert table.telling_gaps == ("interval", "sex")
