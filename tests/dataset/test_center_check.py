from __future__ import annotations

from rnnet.dataset.center_check import check_centers
from rnnet.dataset.content import ScanContent
from tests.factories import make_cases


def scans(center: str, *widths: float) -> list[ScanContent]:
    return [
        ScanContent(f"{center}{i}", f"{center}{i}", center, "train", "", "", "", 10.0, 10.0 + w)
        for i, w in enumerate(widths)
    ]


def test_centres_with_other_intensities_are_one_warning_with_their_outcomes() -> None:
    cases = (
        *make_cases(4, 1, centers=("A",)), *make_cases(2, 1, centers=("A",), split="test", prefix="T"),
        *make_cases(3, 1, centers=("B",), outcomes=("progression",), prefix="Q"),
    )
    (found,) = check_centers("cases.csv", [*scans("A", 90, 100, 4000), *scans("B", 1200, 1300, 1250)], cases)
    assert (found.level, found.code, found.where) == ("warning", "centers-differ", "cases.csv")
    assert "B 1250 (3 scans), A 100 (3 scans)" in found.message
    assert "B 3 progression, 0 radiation_necrosis; A 2 progression, 2 radiation_necrosis" in found.message


def test_centres_that_are_alike_or_have_few_scans_are_no_finding() -> None:
    assert check_centers("", [*scans("A", 90, 100, 110), *scans("B", 290, 300, 300)], ()) == []
    assert check_centers("", [*scans("A", 90, 100, 110), *scans("B", 1200, 1300)], ()) == []
    assert check_centers("", scans("A", 1, 100, 10000), ()) == []


def test_without_outcomes_only_the_intensities_are_said() -> None:
    (found,) = check_centers("", [*scans("A", 9, 9, 9), *scans("B", 99, 99, 99), *scans("C", 50, 50, 50)], ())
    assert found.message == (
        "Median width of the intensities by centre: B 99 (3 scans), C 50 (3 scans), A 9 (3 scans).")
