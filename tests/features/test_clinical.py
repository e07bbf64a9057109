from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.codec import from_plain, to_plain
from rnnet.core.errors import DatasetError
from rnnet.core.types import ClinicalValue, LesionCase
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.features.clinical import ClinicalEncoder, FittedClinical
from tests.factories import make_cases

AGE = ClinicalColumn("numeric", unit="years")
SEX = ClinicalColumn("categorical", categories=("female", "male"))
PRIMARY = ClinicalColumn("categorical")


def cases_with(column: str, values: list[ClinicalValue]) -> list[LesionCase]:
    cases = make_cases(len(values), 1)
    return [replace(case, clinical={column: value}) for case, value in zip(cases, values, strict=True)]


def column_of(fitted: FittedClinical, cases: list[LesionCase], name: str) -> list[float]:
    return [float(v) for v in fitted.transform(cases).select([name]).values[:, 0]]


def test_a_missing_number_becomes_the_training_median() -> None:
    fitted = ClinicalEncoder().fit(cases_with("age", [50.0, None, 61.0, 90.0]), {"age": AGE})
    assert column_of(fitted, cases_with("age", [None, 40.0, math.nan]), "age") == [61.0, 40.0, 61.0]


def test_the_median_comes_from_the_rows_of_fit_only() -> None:
    fitted = ClinicalEncoder().fit(cases_with("age", [10.0, 20.0, 30.0]), {"age": AGE})
    before = fitted.transform(cases_with("age", [None])).values
    fitted.transform(cases_with("age", [1000.0, 2000.0]))
    np.testing.assert_array_equal(fitted.transform(cases_with("age", [None])).values, before)


def test_declared_categories_and_missing_become_columns() -> None:
    fitted = ClinicalEncoder().fit(cases_with("sex", ["male", "female", None]), {"sex": SEX})
    table = fitted.transform(cases_with("sex", ["female", "male", None, ""]))
    assert table.names == ("sex=female", "sex=male", "sex=missing")
    assert table.values.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_undeclared_categories_are_those_of_the_training_rows() -> None:
    fitted = ClinicalEncoder().fit(cases_with("primary", ["lung", "breast", None]), {"primary": PRIMARY})
    assert fitted.transform([]).names == ("primary=breast", "primary=lung", "primary=missing")


def test_an_unseen_category_counts_as_missing_and_is_warned_of() -> None:
    fitted = ClinicalEncoder().fit(cases_with("primary", ["lung", "breast", None]), {"primary": PRIMARY})
    new = cases_with("primary", ["lung", "colon"])
    assert fitted.transform(new).values.tolist() == [[0, 1, 0], [0, 0, 1]]
    warnings = fitted.warnings(new)
    assert list(warnings) == [new[1].case_id]
    assert warnings[new[1].case_id] == (
        "primary = 'colon' was not seen in training: it counts as missing, as in training.",)


def test_a_declared_category_that_no_training_row_has_is_as_unseen_as_any() -> None:
    fitted = ClinicalEncoder().fit(cases_with("sex", ["male", None, "male"]), {"sex": SEX})
    (new,) = cases_with("sex", ["female"])
    assert fitted.transform([new]).names == ("sex=female", "sex=male", "sex=missing")
    assert fitted.transform([new]).values.tolist() == [[0, 0, 1]]
    assert fitted.known([new]) == [False]
    assert "sex = 'female' was not seen in training" in fitted.warnings([new])[new.case_id][0]


@pytest.mark.parametrize("value", [None, "", "colon"])
def test_where_nobody_lacked_the_category_the_training_shares_stand_in(value: ClinicalValue) -> None:
    training = cases_with("primary", ["lung", "breast", "lung", "lung"])
    fitted = ClinicalEncoder().fit(training, {"primary": PRIMARY})
    shares = fitted.transform(cases_with("primary", [value])).values[0]
    np.testing.assert_allclose(shares, [0.25, 0.75, 0])
    np.testing.assert_allclose(shares, fitted.transform(training).values.mean(axis=0))


def test_a_missing_value_is_named_where_its_column_decides() -> None:
    fitted = ClinicalEncoder().fit(make_cases(6, 1), {"age": AGE, "sex": SEX})
    (case,) = make_cases(1, 1)
    without = [replace(case, clinical={})]
    assert fitted.warnings(without) == {}
    assert fitted.warnings(without, used=("age",))[case.case_id] == (
        "age is missing: the training median, 42.5 years, stands in.",)
    assert fitted.warnings(without, used=("sex=male",))[case.case_id] == (
        "sex is missing: the shares of the training rows stand in.",)


def test_a_case_is_known_by_one_value_that_tells_something() -> None:
    columns = {"age": AGE, "sex": SEX, "empty": ClinicalColumn("numeric")}
    fitted = ClinicalEncoder().fit(make_cases(6, 1), columns)
    (case,) = make_cases(1, 1)
    values: list[dict[str, ClinicalValue]] = [
        {}, {"age": None, "sex": ""}, {"sex": "other"}, {"empty": 4.0}, {"age": 3.0}, {"sex": "male"}]
    assert fitted.known([replace(case, clinical=v) for v in values]) == [False, False, False, False, True, True]


def test_a_number_outside_the_training_range_is_warned_of_with_its_unit() -> None:
    fitted = ClinicalEncoder().fit(cases_with("age", [50.0, 80.0]), {"age": AGE})
    new = cases_with("age", [80.0, 81.0, None])
    warnings = fitted.warnings(new)
    assert list(warnings) == [new[1].case_id]
    assert warnings[new[1].case_id] == (
        "age = 81 years lies outside the training range 50 to 80 years: check its unit.",)


def test_codes_read_as_numbers_are_the_same_category_as_their_text() -> None:
    column = ClinicalColumn("categorical", categories=("1", "2"))
    fitted = ClinicalEncoder().fit(cases_with("grade", [1.0, "2"]), {"grade": column})
    assert fitted.transform(cases_with("grade", [2.0, "1"])).values.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_a_text_in_a_numeric_column_is_an_error() -> None:
    with pytest.raises(DatasetError, match="'old' in the numeric clinical column 'age'"):
        ClinicalEncoder().fit(cases_with("age", ["old"]), {"age": AGE})


def test_a_column_without_any_training_value_is_constant() -> None:
    fitted = ClinicalEncoder().fit(cases_with("age", [None, None]), {"age": AGE})
    assert column_of(fitted, cases_with("age", [None, None]), "age") == [0.0, 0.0]


def test_the_order_of_the_declaration_does_not_matter() -> None:
    cases = make_cases(6, 1)
    one = ClinicalEncoder().fit(cases, {"age": AGE, "sex": SEX})
    two = ClinicalEncoder().fit(cases[::-1], {"sex": SEX, "age": AGE})
    assert one == two


def test_the_fitted_encoder_survives_json_types() -> None:
    fitted = ClinicalEncoder().fit(make_cases(6, 1), {"age": AGE, "sex": SEX})
    assert from_plain(FittedClinical, to_plain(fitted)) == fitted
