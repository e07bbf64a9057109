from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnet.planning.center_distance import (
    FAR_SD,
    Comparison,
    Distance,
    compare,
    compare_centers,
    smallest_p,
    wasserstein,
)
from rnnet.planning.center_samples import CenterSamples

NUMBERS = ("voxel_edge_largest_mm", "foreground_mean", "lesion_axial_diameter_mm", "clinical: age")


def samples(n: int = 30, *, seed: int = 0, **shifts: float) -> CenterSamples:
    """Made-up patients: each quantity is normal with mean 10 and SD 1, moved by its shift; half of them female."""
    rng = np.random.default_rng(seed)
    numeric = {name: tuple(np.sort(10 + shifts.get(name, 0.0) + rng.standard_normal(n))) for name in NUMBERS}
    female = int(n * (0.5 + shifts.get("female", 0.0)))
    return CenterSamples(n, numeric, {"clinical: sex": {"female": female, "male": n - female}})


def far(comparison: Comparison) -> list[str]:
    return [d.quantity for d in comparison.distances if d.far]


def test_the_same_patients_have_no_distance_and_no_warning() -> None:
    found = compare("A", samples(), "B", samples())
    assert [(d.value, d.p) for d in found.distances] == [(0.0, 1.0)] * 5
    assert found.warning == ""


@pytest.mark.parametrize("seed", range(10))
def test_other_patients_of_the_same_kind_raise_no_warning(seed: int) -> None:
    assert compare("A", samples(seed=seed), "B", samples(12, seed=100 + seed)).warning == ""


@pytest.mark.parametrize("name", NUMBERS)
def test_a_shifted_quantity_is_named_and_no_other(name: str) -> None:
    found = compare("A", samples(), "B", samples(12, seed=1, **{name: 2.0}))
    assert far(found) == [name]
    distance = next(d for d in found.distances if d.far)
    assert distance.value == pytest.approx(2.0, abs=0.7)
    assert distance.title in found.warning
    assert "30 and 12 patients" in found.warning
    assert found.warning.startswith("A lies far from B in: ")


def test_shifted_categories_are_named() -> None:
    found = compare("A", samples(), "B", samples(seed=1, female=0.4))
    assert far(found) == ["clinical: sex"]
    assert found.distances[-1].value == pytest.approx(0.4)
    assert "sex (40% of patients" in found.warning


def test_five_patients_cry_wolf_only_when_all_of_them_lie_outside() -> None:
    few = CenterSamples(5, {"foreground_mean": (11.0, 11.5, 12.0, 12.5, 9.9)}, {})
    assert compare("A", samples(), "B", few).distances[0].value > FAR_SD
    apart = CenterSamples(5, {"foreground_mean": (20.0, 21.0, 22.0, 23.0, 24.0)}, {})
    assert far(compare("A", samples(), "B", apart)) == ["foreground_mean"]
    three = CenterSamples(3, {"foreground_mean": (20.0, 21.0, 22.0)}, {})
    other_three = CenterSamples(3, {"foreground_mean": (1.0, 2.0, 3.0)}, {})
    found = compare("A", three, "B", other_three)
    assert found.distances[0].p == pytest.approx(2 / 20)  # exact: 2 of the 20 ways to share six patients
    assert far(found) == []


@pytest.mark.parametrize("n", [1, 30])
def test_a_centre_of_one_patient_can_be_compared_and_proves_nothing(n: int) -> None:
    found = compare("A", samples(n), "B", samples(1, seed=1, **dict.fromkeys(NUMBERS, 50.0)))
    assert {d.p for d in found.distances} == {1.0}
    assert far(found) == []


def edges(n: int, mm: float) -> CenterSamples:
    return CenterSamples(n, {"voxel_edge_largest_mm": tuple(mm + i * 1e-3 for i in range(n))}, {})


@pytest.mark.parametrize(("n", "m"), [(4, 4), (3, 3), (2, 2), (40, 1)])
def test_voxels_of_1_and_6_mm_are_far_also_where_too_few_patients_can_be_tested(n: int, m: int) -> None:
    found = compare("A", edges(n, 1.0), "B", edges(m, 6.0))
    assert (found.distances[0].far, found.distances[0].far_untested) == (False, True)
    assert found.warning.startswith("A lies far from, with too few patients to test it, B in: largest voxel edge")
    assert f"{n} and {m} patients" in found.warning


@pytest.mark.parametrize(("n", "m", "mm"), [(5, 5, 6.0), (4, 4, 1.2), (2, 1, 2.0), (1, 1, 6.0)])
def test_what_can_be_tested_or_is_small_or_rests_on_two_patients_is_not_called_untested(
    n: int, m: int, mm: float
) -> None:
    distance = compare("A", edges(n, 1.0), "B", edges(m, mm)).distances[0]
    assert not distance.far_untested
    assert distance.far is (n == 5)


def test_categories_of_few_patients_are_never_called_far() -> None:
    sexes = (CenterSamples(4, {}, {"clinical: sex": {sex: 4}}) for sex in ("female", "male"))
    (first, second) = sexes
    assert compare("A", first, "B", second).warning == ""


@pytest.mark.parametrize(("n", "m"), [(1, 9), (2, 3), (3, 3), (4, 4), (5, 4), (5, 5), (13, 2), (40, 2), (20, 20)])
def test_the_smallest_p_is_that_of_groups_without_overlap(n: int, m: int) -> None:
    distance = compare("A", edges(n, 1.0), "B", edges(m, 60.0)).distances[0]
    # Where redistributions are drawn, a few may be as far apart by chance.
    assert smallest_p(n, m) <= distance.p <= smallest_p(n, m) + 0.005


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 3), (4, 4), (40, 1)])
def test_untested_alarms_are_rare_among_patients_of_one_kind(n: int, m: int) -> None:
    alarms = sum(
        d.far_untested for s in range(50)
        for d in compare("A", samples(n, seed=s), "B", samples(m, seed=999 + s)).distances
    )
    assert alarms <= 7  # 200 quantities at a level of 0.01


def test_the_false_alarms_of_small_centres_are_rare() -> None:
    alarms = sum(bool(compare("A", samples(6, seed=s), "B", samples(5, seed=1000 + s)).warning) for s in range(40))
    assert alarms <= 5  # 200 quantities at a level of 0.01


def test_constant_values_that_hardly_differ_are_not_far() -> None:
    def spacing(value: float) -> CenterSamples:
        return CenterSamples(30, {"voxel_edge_largest_mm": (value,) * 30}, {})

    assert compare("A", spacing(1.0), "B", spacing(0.94)).warning == ""
    assert "largest voxel edge" in compare("A", spacing(1.0), "B", spacing(5.0)).warning
    assert compare("A", spacing(0.0), "B", spacing(0.0)).distances[0].value == 0


def test_only_what_both_have_is_compared() -> None:
    pool = CenterSamples(3, {"foreground_mean": (1.0, 2.0, 3.0)}, {})
    assert [d.quantity for d in compare("A", samples(), "pool", pool).distances] == ["foreground_mean"]
    single = CenterSamples(1, {"foreground_mean": (1.0,)}, {})
    assert compare("A", single, "B", single).distances == (Distance("foreground_mean", True, 0.0, 1.0, (1, 1)),)


def test_each_centre_is_compared_with_the_others_and_two_centres_once() -> None:
    three = {name: samples(20, seed=i) for i, name in enumerate("ABC")}
    assert [(c.first, c.second) for c in compare_centers(three)] == [
        (f"centre {name}", "the other centres") for name in "ABC"]
    assert compare_centers(three)[0].distances[0].n == (20, 40)
    two = compare_centers({"A": three["A"], "B": three["B"]}, dataset="Dataset001_X")
    assert [(c.first, c.second) for c in two] == [("Dataset001_X, centre A", "centre B")]
    assert compare_centers({"A": three["A"]}) == ()


def test_comparing_twice_gives_the_same_p_values() -> None:
    assert compare("A", samples(), "B", samples(9, seed=3)) == compare("A", samples(), "B", samples(9, seed=3))


@settings(max_examples=50, deadline=None)
@given(*[st.lists(st.floats(-100, 100).map(lambda v: round(v, 3)), min_size=1, max_size=12)] * 2)
def test_the_distance_is_scipys(x: list[float], y: list[float]) -> None:
    ours = wasserstein(np.array(x), np.array(y))
    assert ours == pytest.approx(stats.wasserstein_distance(x, y), abs=1e-9)
