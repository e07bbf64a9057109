from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnet.core.codec import to_plain
from rnnet.planning.histogram import Histogram, histogram_of, histograms_of


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_every_value_is_counted_once_between_rising_edges(values: list[float]) -> None:
    found = histogram_of(values)
    assert found is not None
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1 <= 25
    assert all(a < b for a, b in zip(found.edges, found.edges[1:], strict=False))


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60))
def test_bins_of_whole_numbers_hold_equally_many_of_them(values: list[int]) -> None:
    found = histogram_of(values, whole=True)
    assert found is not None
    assert sum(found.counts) == len(values)
    assert len(found.counts) <= 24
    assert all(e % 1 == 0.5 for e in found.edges)


def test_values_over_several_decades_are_counted_in_equal_factors() -> None:
    found = histogram_of(np.geomspace(1, 1e5, 2400))
    assert found is not None
    assert found.logarithmic
    assert max(found.counts) - min(found.counts) <= 2
    assert not histogram_of([1.0, 2.0, 3.0]).logarithmic  # type: ignore[union-attr]


def test_a_constant_is_one_bin_around_it() -> None:
    found = histogram_of([2.0] * 9)
    assert found == Histogram((1.8, 2.2), (9,))
    assert histogram_of([0.0]) == Histogram((-0.5, 0.5), (1,))


def test_nothing_finite_has_no_histogram() -> None:
    assert histogram_of([]) is None
    assert histogram_of([float("nan")]) is None
    assert histograms_of({"A": [float("inf")]}) == {}


def test_groups_share_their_edges_and_empty_ones_are_left_out() -> None:
    found = histograms_of({"A": [1.0, 2.0], "B": [9.0], "C": []})
    assert list(found) == ["A", "B"]
    assert found["A"].edges == found["B"].edges
    assert (sum(found["A"].counts), sum(found["B"].counts)) == (2, 1)


@pytest.mark.parametrize("n_values", [100, 10_000])
def test_the_size_does_not_grow_with_the_number_of_values(n_values: int) -> None:
    found = histogram_of(np.random.default_rng(0).lognormal(5, 2, n_values))
    assert len(json.dumps(to_plain(found))) < 600
