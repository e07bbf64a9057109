from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import binary_erosion

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.preprocessing.skull_strip.none import NoStripper
from rnnet.preprocessing.skull_strip.reference import atlas_seen_by
from tests.factories import make_atlas

ATLAS = make_atlas()
BRAIN = ATLAS.brain.array > 0


class Eroding:
    """Keeps less of the rim than the atlas's own mask."""

    version = "1"

    def __init__(self, name: str, iterations: int) -> None:
        self.name, self.iterations, self.calls = name, iterations, 0

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        self.calls += 1
        if self.iterations < 0:
            raise CaseFailedError("No brain.")
        brain = BRAIN & (image.array > 0)
        return np.asarray(binary_erosion(brain, iterations=self.iterations))


def test_the_atlas_has_the_brain_that_the_stripper_sees_and_is_stripped_once() -> None:
    stripper = Eroding("a", 1)
    seen = atlas_seen_by(stripper, ATLAS)
    again = atlas_seen_by(Eroding("a", 1), ATLAS)
    np.testing.assert_array_equal(seen.brain.array > 0, binary_erosion(BRAIN))
    np.testing.assert_array_equal(seen.brain.array[seen.brain.array > 0], ATLAS.head.array[seen.brain.array > 0])
    assert again is seen
    assert stripper.calls == 1
    assert seen != ATLAS


@pytest.mark.parametrize("iterations", [-1, 6])
def test_a_stripper_that_does_not_see_a_head_in_the_atlas_leaves_it_as_it_is(iterations: int) -> None:
    assert atlas_seen_by(Eroding(f"poor {iterations}", iterations), ATLAS) is ATLAS


def test_scans_that_come_with_their_brain_meet_the_atlass_own() -> None:
    assert atlas_seen_by(NoStripper(), ATLAS) is ATLAS
