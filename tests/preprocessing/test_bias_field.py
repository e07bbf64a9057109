from __future__ import annotations

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.planning.plan import BiasFieldPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.bias_field import correct_bias_field
from rnnet.preprocessing.state import StepRecord

# The made-up head is a third as wide as a real one; so are the blocks.
PLAN = BiasFieldPlan(shrink_factor=3)


QUICK = BiasFieldPlan(shrink_factor=4, iterations=(3,))


def smooth_field(shape_zyx: tuple[int, ...]) -> np.ndarray:
    """From 0.5 to 2 over the head, brighter on one side, below, and in the middle of the slices."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape_zyx], indexing="ij")
    return np.asarray(np.exp(0.5 * x + 0.3 * np.cos(2 * y) - 0.3 * z))


def with_field(atlas: Atlas) -> Volume:
    return atlas.head.with_array((atlas.head.array * smooth_field(atlas.head.array.shape)).astype(np.float32))


def corrected(scan: Volume, atlas: Atlas, plan: BiasFieldPlan = PLAN) -> tuple[Volume, StepRecord]:
    return correct_bias_field(scan, scan.with_array((atlas.brain.array > 0).astype(np.float32)), plan)


def variation(one: np.ndarray, other: np.ndarray, atlas: Atlas) -> float:
    """Coefficient of variation of the ratio in the brain: 0 where both differ by one factor only."""
    brain = atlas.brain.array > 0
    ratio = one[brain].astype(float) / other[brain]
    return float(ratio.std() / ratio.mean())


def test_a_known_field_is_removed_and_a_second_run_changes_little(atlas: Atlas) -> None:
    biased = with_field(atlas)
    once, _ = corrected(biased, atlas)
    twice, _ = corrected(once, atlas)
    before = variation(biased.array, atlas.head.array, atlas)
    assert before > 0.2
    assert variation(once.array, atlas.head.array, atlas) < 0.3 * before
    assert variation(twice.array, once.array, atlas) < 0.2 * before


def test_the_result_is_the_scan_divided_by_a_field_within_the_recorded_range(atlas: Atlas) -> None:
    biased = with_field(atlas)
    result, record = corrected(biased, atlas, QUICK)
    shown = biased.array > 0
    field = biased.array[shown] / result.array[shown]
    low, high = record.values["field_range"]
    assert result.array.dtype == np.float32
    assert result.same_grid(biased)
    assert 0 < low - 0.001 <= field.min() < field.max() <= high + 0.001
    assert record.values["working_spacing_zyx_mm"] == pytest.approx([3, 4, 4])


def test_the_same_scan_gives_the_same_voxels(atlas: Atlas) -> None:
    first, second = (corrected(with_field(atlas), atlas, QUICK)[0].array for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_an_empty_brain_fails(atlas: Atlas) -> None:
    nothing = atlas.head.with_array(np.zeros(atlas.head.array.shape, np.float32))
    with pytest.raises(CaseFailedError, match="no brain"):
        correct_bias_field(atlas.head, nothing, PLAN)


def test_a_brain_that_is_z_scored_already_is_left_as_it_is_and_the_record_says_so(atlas: Atlas) -> None:
    brain = atlas.brain.array > 0
    values = atlas.brain.array[brain]
    scored = atlas.brain.with_array(np.where(brain, (atlas.brain.array - values.mean()) / values.std(), 0))
    result, record = corrected(scored, atlas)
    np.testing.assert_array_equal(result.array, scored.array)
    assert record.values["method"] == "none"
    assert "not above zero" in record.values["reason"]
