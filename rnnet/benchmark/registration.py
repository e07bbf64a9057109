"""Known rigid motions of the atlas: how exactly are they found?"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from rnnet.benchmark.phantom import Motion, draw_motion, move_head
from rnnet.core.errors import RnnetError
from rnnet.core.parallel import map_cases
from rnnet.core.seeding import rng_for
from rnnet.core.stopwatch import Stopwatch
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.quality import landmark_distance_mm
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan

# The aim: this share of the trials within this mean distance.
AIM_ERROR_MM = 1.0
AIM_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Trial:
    """One known motion. problem: why it failed; else the error of the found transform, and the brain's Dice."""

    motion: Motion
    error_mm: float = float("nan")
    brain_dice: float = float("nan")
    seconds: dict[str, float] = field(default_factory=dict)
    problem: str = ""

    @property
    def good(self) -> bool:
        """Whether the error is below the aim."""
        return self.error_mm < AIM_ERROR_MM


def run_trials(
    atlas: Atlas, plan: PreprocessingPlan, *, count: int, seed: int, n_processes: int, true_brain: bool = False,
    weights_folder: Path | None = None,
) -> tuple[Trial, ...]:
    """`count` random motions of the atlas's head through the whole preprocessing.

    true_brain: give the moved brain mask of the atlas, so that the skull-stripper does not take part.
    """
    motions = [draw_motion(rng_for(seed, "motion", i)) for i in range(count)]
    one = partial(_trial, atlas=atlas, plan=plan, true_brain=true_brain, weights_folder=weights_folder)
    results = map_cases(one, list(enumerate(motions)), n_processes=n_processes, title="known motions")
    return tuple(
        Trial(motion, problem=str(result)) if isinstance(result, RnnetError) else result
        for motion, result in zip(motions, results, strict=True)
    )


def _trial(
    item: tuple[int, Motion], *, atlas: Atlas, plan: PreprocessingPlan, true_brain: bool, weights_folder: Path | None
) -> Trial:
    number, motion = item
    moved = move_head(atlas, motion, seed=number)
    watch = Stopwatch()
    settings = ScanSettings(
        brain_mask=moved.brain if true_brain else None, weights_folder=weights_folder, timed=watch
    )
    scan = preprocess_scan(moved.image, None, scan_id=f"motion {number}", plan=plan, atlas=atlas, settings=settings)
    quality = scan.step("quality")
    dice = float(quality.values["brain_dice"]) if quality else float("nan")
    return Trial(motion, landmark_distance_mm(atlas, scan.to_atlas, moved.to_atlas), dice, watch.seconds)


def trial_rows(trials: tuple[Trial, ...]) -> list[tuple[str, ...]]:
    """Cells of a table, one row per trial."""
    return [
        (
            str(number), f"{t.motion.angle_degrees:.0f}", f"{np.linalg.norm(t.motion.shift_xyz_mm):.0f}",
            " x ".join(f"{s:.2g}" for s in t.motion.spacing_zyx_mm), f"{t.motion.noise:.2f}", f"{t.motion.bias:.2f}",
            t.problem or f"{t.error_mm:.2f}", f"{t.brain_dice:.3f}",
        )
        for number, t in enumerate(trials, start=1)
    ]


TRIAL_HEADER = ("trial", "degrees", "shift mm", "voxel zyx mm", "noise", "bias", "error mm", "brain Dice")
