from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.fit import LARGEST_OFFSET_MM, fit_problem, fit_warnings
from rnnet.preprocessing.scan import ScanSettings
from rnnet.preprocessing.state import PreprocessedScan, StepRecord
from tests.factories import make_lesion_mask
from tests.preprocessing.scans import make_scan


def scan_with(dice: float = 0.93, **registration: Any) -> PreprocessedScan:
    quality = StepRecord("quality", {"brain_dice": dice, "atlas_brain_covered": 1.0})
    steps = (StepRecord("registration", registration), StepRecord("resampling", {"lesions_lost": []}), quality)
    return make_scan(make_lesion_mask(), history=steps)


def test_a_scan_declared_registered_that_lies_off_the_atlas_is_refused_whatever_its_overlap() -> None:
    declared = ScanSettings(declared_registered=True)
    problem = fit_problem(scan_with(offset_mm=LARGEST_OFFSET_MM + 2, method="none"), PreprocessingPlan(), declared)
    assert problem is not None
    assert "about 12 mm off" in problem.problem
    assert "preprocessed.registered" in problem.fix
    near = scan_with(offset_mm=LARGEST_OFFSET_MM - 2, method="none")
    assert fit_problem(near, PreprocessingPlan(), declared) is None


def test_a_registration_that_failed_is_refused_with_its_own_reason() -> None:
    failed = scan_with(method="failed", problem="Scan and atlas do not overlap.", fix="Look at it.")
    problem = fit_problem(failed, PreprocessingPlan(), ScanSettings())
    assert problem is not None
    assert (problem.problem, problem.fix) == ("Scan and atlas do not overlap.", "Look at it.")


@pytest.mark.parametrize(("dice", "said"), [(0.93, 0), (0.85, 0), (0.84, 1), (0.72, 1)])
def test_an_unusual_overlap_is_said_before_it_is_refused(dice: float, said: int) -> None:
    quality = scan_with(dice).step("quality")
    assert quality is not None
    assert len(fit_warnings(quality)) == said
    assert fit_problem(scan_with(dice), PreprocessingPlan(), ScanSettings()) is None


def test_a_poor_overlap_is_refused() -> None:
    assert fit_problem(scan_with(0.69), PreprocessingPlan(), ScanSettings()) is not None
    assert np.isfinite(PreprocessingPlan().registration.minimum_brain_dice)
