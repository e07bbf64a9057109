"""Checks of a brain mask that the user brings along."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rnnet.core.types import Problem
from rnnet.core.volume import Volume
from rnnet.dataset.place_check import Points, check_in_brain, place_on_image
from rnnet.dataset.problems import error

# As the skull-stripper reads the mask.
LEAST_BRAIN = 0.5


def check_brain_mask(path: Path, brain: Volume, image: Volume | None, points: Points) -> list[Problem]:
    """All problems of a brain mask that could be read. image, points: of the same scan, as far as they are there."""
    brain = brain.with_array((brain.array >= LEAST_BRAIN).astype(np.uint8))
    if not brain.array.any():
        return [error("brain-mask-empty", path, f"The brain mask has no voxel of {LEAST_BRAIN} or more.",
                      "Draw it, or remove it: then the skull-stripper finds the brain.")]
    problems: list[Problem] = []
    if image is not None:
        brain, problems = place_on_image(path, image, brain, brain=True)
        if any(p.level == "error" for p in problems):
            return problems
    return problems + check_in_brain(path, brain, points)
