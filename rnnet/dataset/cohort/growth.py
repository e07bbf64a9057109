"""The growth rule of RANO-BM (Lin 2015, Lancet Oncology 16:e270), applied to one lesion over time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from rnnet.core.errors import SettingError

RELATIVE_GROWTH = 0.2
ABSOLUTE_GROWTH_MM = 5.0
# A nanometre: far below every measurement, far above the rounding of "3.0 cm times 10 minus 2.5 cm times 10".
_TOLERANCE_MM = 1e-6


def qualifying_scans(
    days: Sequence[float],
    diameters_mm: Sequence[float],
    *,
    relative: float = RELATIVE_GROWTH,
    absolute_mm: float = ABSOLUTE_GROWTH_MM,
) -> tuple[bool, ...]:
    """Whether the lesion has grown enough at each scan, in the order given.

    A scan qualifies where the diameter exceeds the nadir by at least `relative` of the nadir and by at least
    `absolute_mm`; the exact limits count. A diameter of 0, where one is given, is a nadir of 0: any growth over it is
    relatively without bound, so the absolute limit alone decides. A scan on which the lesion was not measured is no
    such 0: it may have vanished, or not have been drawn. See nadirs_mm for the nadir.

    Raises:
        SettingError: the two sequences differ in length, a day is not finite, or a diameter or limit is negative.
    """
    if not (relative >= 0 and absolute_mm >= 0):
        raise SettingError(f"The growth limits must be 0 or more. Got {relative} and {absolute_mm} mm instead.")
    return tuple(
        # Comparisons with NaN are false: a scan without a diameter or without an earlier one never qualifies.
        diameter - nadir >= relative * nadir - _TOLERANCE_MM and diameter - nadir >= absolute_mm - _TOLERANCE_MM
        for diameter, nadir in zip(diameters_mm, nadirs_mm(days, diameters_mm), strict=True)
    )


def nadirs_mm(days: Sequence[float], diameters_mm: Sequence[float]) -> tuple[float, ...]:
    """The smallest diameter of the earlier scans, baseline included, for each scan in the order given.

    Earlier means on an earlier day: two scans of one day are no follow-up of each other. Scans with the diameter NaN
    (the lesion was not measured) are left out. NaN where no earlier scan was measured.

    Raises:
        SettingError: the two sequences differ in length, a day is not finite, or a diameter is negative.
    """
    if len(days) != len(diameters_mm):
        raise SettingError(f"Every scan needs a day and a diameter. Got {len(days)} and {len(diameters_mm)} instead.")
    if not all(math.isfinite(day) for day in days):
        raise SettingError("Every scan needs a day to apply the growth rule.")
    if any(diameter < 0 or math.isinf(diameter) for diameter in diameters_mm):
        raise SettingError("A diameter must be 0 mm or more, or NaN where the lesion was not measured.")
    smallest_of_day: dict[float, float] = {}
    for day, diameter in zip(days, diameters_mm, strict=True):
        if not math.isnan(diameter):
            smallest_of_day[day] = min(diameter, smallest_of_day.get(day, math.inf))
    measured_days = sorted(smallest_of_day)
    running = list(accumulate((smallest_of_day[day] for day in measured_days), min))
    n_earlier = (bisect_left(measured_days, day) for day in days)
    return tuple(running[n - 1] if n else math.nan for n in n_earlier)
