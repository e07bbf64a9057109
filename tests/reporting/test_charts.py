from __future__ import annotations

import re

import pytest

from rnnet.reporting.charts import chart_grid, histogram, legend, share_bar, ticks


def heights(svg: str, kind: str) -> list[float]:
    return [float(h) for h in re.findall(rf'height="([\d.]+)" class="{kind}"', svg)]


def test_bars_are_as_high_as_their_counts() -> None:
    drawn = histogram("Size", "mm", (0, 1, 2, 3), {"scans": (1, 0, 4)})
    low, high = heights(drawn, "s0")
    assert high == pytest.approx(4 * low, rel=0.01)
    assert ">Size<" in drawn
    assert ">mm<" in drawn


def test_series_are_stacked_in_their_own_colours() -> None:
    drawn = histogram("Size", "mm", (0, 1, 2), {"A": (2, 2), "B": (2, 0)})
    assert heights(drawn, "s0")[0] == heights(drawn, "s1")[0]
    tops = [float(y) for y in re.findall(r'<rect x="34" y="([\d.]+)"', drawn)]
    assert tops[0] == pytest.approx(tops[1] + heights(drawn, "s1")[0], abs=0.11)


def test_equal_factors_have_equal_widths_on_a_logarithmic_axis() -> None:
    drawn = histogram("Volume", "mm", (1, 10, 100), {"lesions": (1, 1)}, logarithmic=True)
    widths = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"', drawn)]
    assert widths[0] == pytest.approx(widths[1], abs=0.1)
    assert ">10<" in drawn


def test_one_value_is_written_instead_of_drawn() -> None:
    drawn = histogram("Spacing", "mm", (0.9, 1.1), {"scans": (19,)})
    assert "1 mm" in drawn
    assert "all 19" in drawn
    assert "<svg" not in drawn


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.88, 0.97), (3, 1000), (-5, 5), (0.5, 21.5), (1e-4, 3e-4)])
def test_ticks_are_few_and_lie_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in found)


def test_ticks_of_a_logarithmic_axis_are_powers_of_ten_if_there_are_two() -> None:
    assert ticks(3, 20_000, logarithmic=True) == [10, 100, 1000, 10_000]
    assert ticks(2, 60, logarithmic=True) == [2, 60]


def test_names_are_escaped_and_shares_add_up() -> None:
    assert "&lt;b&gt;" in legend(["<b>"])
    assert re.findall(r"width:([\d.]+)%", share_bar([1, 0, 3])) == ["25.0", "75.0"]
    assert "width" not in share_bar([0, 0])
    assert chart_grid([]) == ""
