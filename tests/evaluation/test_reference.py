"""Values that R and its pROC gave for the stored scores: rnnet_benchmark statistics --write_reference made both."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.benchmark.statistics import compare_values, rnnet_values
from rnnet.benchmark.statistics_cases import made_up_cases, read_cases
from rnnet.benchmark.statistics_r import Values, parse_reference

FOLDER = Path(__file__).parent / "reference"


@pytest.fixture(scope="module")
def own() -> Values:
    return rnnet_values(read_cases(FOLDER / "cases.csv"))


@pytest.fixture(scope="module")
def reference() -> tuple[str, Values]:
    return parse_reference((FOLDER / "reference.csv").read_text(encoding="utf-8"))


def test_every_value_of_r_and_proc_is_met_to_ten_digits(own: Values, reference: tuple[str, Values]) -> None:
    versions, values = reference
    assert "pROC" in versions
    found = compare_values(versions, own, values)
    assert found.n_values > 100
    assert found.largest < 1e-10, found.where


@pytest.mark.parametrize("name", ["z", "p", "low_0.95", "variance_a", "obuchowski_variance", "calibration_slope", "t"])
def test_every_statistic_has_a_reference(reference: tuple[str, Values], name: str) -> None:
    assert any(key == name for _, key in reference[1])


def test_the_stored_scores_are_those_that_the_benchmark_draws() -> None:
    drawn = {case.name: case for case in made_up_cases()}
    for case in read_cases(FOLDER / "cases.csv"):
        assert case.a.tolist() == drawn[case.name].a.tolist()
        assert case.group == drawn[case.name].group
