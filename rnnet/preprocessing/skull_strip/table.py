"""The skull-strippers by name, and which one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rnnet.core.registry import Registry
from rnnet.core.volume import Array, Volume
from rnnet.planning.plan import SkullStripPlan
from rnnet.preprocessing.skull_strip.weights import hd_bet_weights, missing_weights

# Nonzero volume above which a scan with a zeroed background still shows a whole head.
LARGEST_BRAIN_MM3 = 2.3e6


class SkullStripper(Protocol):
    """Finds the brain of a head on the atlas grid."""

    name: str
    version: str

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool mask of the brain in an image with LPS axes."""
        ...


STRIPPERS: Registry[type[SkullStripper]] = Registry(
    "skull-stripper",
    group="rnnet.skull_strippers",
    builtin={
        "hd_bet": "rnnet.preprocessing.skull_strip.hd_bet:HdBetStripper",
        "deepbet": "rnnet.preprocessing.skull_strip.deepbet:DeepbetStripper",
        "none": "rnnet.preprocessing.skull_strip.none:NoStripper",
    },
)


def choose_stripper(plan: SkullStripPlan, *, stripped: bool, weights_folder: Path | None) -> SkullStripper:
    """The stripper for a scan: none for a stripped one; 'auto' is HD-BET if its weights are there, else deepbet."""
    if stripped:
        return STRIPPERS.get("none")()
    if plan.stripper == "auto":
        name = "hd_bet" if hd_bet_weights(weights_folder) is not None else "deepbet"
    else:
        name = plan.stripper
    kind = STRIPPERS.get(name, where="plan.preprocessing.skull_strip.stripper")
    return kind(weights_folder=weights_folder) if name == "hd_bet" else kind()  # type: ignore[call-arg]


def stripper_in_use(plan: SkullStripPlan, weights_folder: Path | None) -> str:
    """Name and version of the stripper that scans with a skull get: another one makes other scans.

    Raises:
        MissingWeightsError: the plan wants HD-BET and its weights are not there.
    """
    stripper = choose_stripper(plan, stripped=False, weights_folder=weights_folder)
    if stripper.name == "hd_bet" and hd_bet_weights(weights_folder) is None:
        raise missing_weights(weights_folder)
    return f"{stripper.name} {stripper.version}".strip()


def looks_stripped(array: Array, spacing_zyx_mm: tuple[float, ...], plan: SkullStripPlan) -> bool:
    """Whether a raw scan shows a brain alone: mostly zeros, and what is left is no larger than a brain.

    The second condition keeps apart whole heads whose air was set to zero.
    """
    nonzero = int(np.count_nonzero(array))
    zero_share = 1 - nonzero / array.size
    return zero_share >= plan.stripped_zero_share and nonzero * float(np.prod(spacing_zyx_mm)) <= LARGEST_BRAIN_MM3
