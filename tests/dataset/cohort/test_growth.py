"""The growth rule: 20 % and 5 mm over the smallest earlier diameter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnet.core.errors import SettingError
from rnnet.dataset.cohort.growth import nadirs_mm, qualifying_scans

# Tenths of a millimetre, so that exact limits are drawn often.
_DIAMETERS = st.one_of(st.integers(0, 600).map(lambda tenths: tenths / 10), st.just(math.nan))
_SERIES = st.lists(st.tuples(st.integers(-50, 50).map(float), _DIAMETERS), max_size=12)


@pytest.mark.parametrize(("nadir", "diameter", "grown"), [
    (25.0, 30.0, True),  # both limits exactly
    (25.0, 29.99, False),
    (10.0, 12.0, False),  # 20 %, but 2 mm
    (10.0, 15.0, True),
    (40.0, 46.0, False),  # 6 mm, but 15 %
    (40.0, 48.0, True),
    (0.1 * 10, 0.6 * 10, True),  # centimetres, rounded in binary
    (2.3 * 10, 2.8 * 10, True),
    (0.0, 5.0, True),  # grown again after it had vanished
    (0.0, 4.9, False),
])
def test_growth_needs_twenty_percent_and_five_millimetres(nadir: float, diameter: float, grown: bool) -> None:
    assert qualifying_scans([0, 90], [nadir, diameter]) == (False, grown)


def test_the_first_scan_never_qualifies() -> None:
    assert qualifying_scans([7], [60.0]) == (False,)


def test_the_nadir_is_the_smallest_earlier_diameter_and_not_the_first() -> None:
    assert nadirs_mm([0, 1, 2, 3], [20, 10, 14, 15])[1:] == (20, 10, 10)
    assert qualifying_scans([0, 1, 2, 3], [20, 10, 14, 15]) == (False, False, False, True)


def test_a_later_smaller_scan_is_no_nadir() -> None:
    assert qualifying_scans([0, 1, 2], [20, 22, 5]) == (False, False, False)


def test_scans_are_put_in_the_order_of_their_days() -> None:
    assert qualifying_scans([3, 0, 1], [15, 20, 10]) == (True, False, False)


def test_two_scans_of_one_day_are_no_follow_up_of_each_other() -> None:
    assert qualifying_scans([0, 0, 1], [10, 20, 15]) == (False, False, True)


def test_scans_without_a_diameter_are_left_out() -> None:
    assert qualifying_scans([0, 1, 2], [math.nan, 30, 36]) == (False, False, True)
    assert qualifying_scans([0, 1, 2], [30, math.nan, 36]) == (False, False, True)


def test_the_limits_can_be_set() -> None:
    assert qualifying_scans([0, 1], [10, 12], absolute_mm=2) == (False, True)
    assert qualifying_scans([0, 1], [10, 15], relative=0.6) == (False, False)


@given(_SERIES)
def test_the_rule_agrees_with_comparing_every_pair_of_scans(series: list[tuple[float, float]]) -> None:
    tenths = [(day, None if math.isnan(mm) else round(10 * mm)) for day, mm in series]
    expected = []
    for day, mm in tenths:
        earlier = [m for d, m in tenths if d < day and m is not None]
        low = min(earlier, default=None)
        expected.append(mm is not None and low is not None and mm - low >= 50 and 5 * (mm - low) >= low)
    assert qualifying_scans([d for d, _ in series], [mm for _, mm in series]) == tuple(expected)


@given(_SERIES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(series: list[tuple[float, float]], random: object) -> None:
    order = list(range(len(series)))
    random.shuffle(order)  # type: ignore[attr-defined]
    given_order = qualifying_scans([d for d, _ in series], [mm for _, mm in series])
    shuffled = qualifying_scans([series[i][0] for i in order], [series[i][1] for i in order])
    assert shuffled == tuple(given_order[i] for i in order)


@pytest.mark.parametrize(("days", "diameters", "said"), [
    ([0], [1, 2], "a day and a diameter"),
    ([math.nan], [1], "needs a day"),
    ([0], [-1], "0 mm or more"),
    ([0], [math.inf], "0 mm or more"),
])
def test_series_that_cannot_be_measured_are_refused(days: list[float], diameters: list[float], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        qualifying_scans(days, diameters)


def test_negative_limits_are_refused() -> None:
    with pytest.raises(SettingError, match="0 or more"):
        qualifying_scans([0], [1], absolute_mm=-1)
