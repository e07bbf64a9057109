"""A skull-stripper against a brain mask that is trusted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnet.core.volume import Volume, read_volume
from rnnet.planning.plan import SkullStripPlan
from rnnet.preprocessing.registration.quality import overlap
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.skull_strip.mask import GivenMaskStripper
from rnnet.preprocessing.skull_strip.table import choose_stripper

# The aim against HD-BET's mask; two runs of HD-BET on the same scan agree at .974.
AIM_DICE = 0.965


@dataclass(frozen=True, slots=True)
class StripResult:
    """first_seconds: with the network still to load."""

    stripper: str
    dice: float
    first_seconds: float
    seconds: float


def measure_stripper(image: Path, brain: Path, *, stripper: str, weights_folder: Path | None) -> StripResult:
    """Dice of `stripper` ('auto' or a name) on a scan with a skull against the mask in `brain`, on the scan's grid."""
    scan = reorient_to_lps(read_volume(image))
    scan = scan.with_array(scan.array.astype(np.float32))
    chosen = choose_stripper(SkullStripPlan(stripper=stripper), stripped=False, weights_folder=weights_folder)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        found = chosen.brain_mask(scan)
        seconds.append(time.perf_counter() - started)
    trusted = GivenMaskStripper(_as_lps(brain)).brain_mask(scan)
    dice = overlap(found, trusted, np.ones(found.shape, bool))
    return StripResult(f"{chosen.name} {chosen.version}".strip(), dice, seconds[0], seconds[1])


def _as_lps(path: Path) -> Volume:
    return reorient_to_lps(read_volume(path))
