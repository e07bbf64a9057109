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
    fitted = ClinicalEncoder().fit(cases_with("sex", ["male", "male"]), {"sex": SEX})
    table = fitted.transform(cases_with("sex", ["female", "male", None, ""]))
    assert table.names == ("sex=female", "sex=male", "sex=missing")
    assert table.values.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_undeclared_categories_are_those_of_the_training_rows() -> None:
    fitted = ClinicalEncoder().fit(cases_with("primary", ["lung", "breast", None]), {"primary": PRIMARY})
    assert fitted.transform([]).names == ("primary=breast", "primary=lung", "primary=missing")


def test_an_unseen_category_is_all_zero_and_warned_of() -> None:
    fitted = ClinicalEncoder().fit(cases_with("primary", ["lung", "breast"]), {"primary": PRIMARY})
    new = cases_with("primary", ["lung", "colon"])
    assert fitted.transform(new).values.tolist() == [[0, 1, 0], [0, 0, 0]]
    warnings = fitted.warnings(new)
    assert list(warnings) == [new[1].case_id]
    assert "primary = 'colon' was not seen in training" in warnings[new[1].case_id][0]


def test_a_number_outside_the_training_range_is_warned_of_with_its_unit() -> None:
    fitted = ClinicalEncoder().fit(cases_with("age", [50.0, 80.0]), {"age": AGE})
    new = cases_with("age", [80.0, 81.0, None])
    warnings = fitted.warnings(new)
    assert list(warnings) == [new[1].case_id]
    assert warnings[new[1].case_id] == ("age = 81 years lies outside the training range 50 to 80 years.",)


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
