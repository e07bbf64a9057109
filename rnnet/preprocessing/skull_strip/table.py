"""The skull-strippers by name, and which one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rnnet.core.registry import Registry
from rnnet.core.volume import Array, Volume
from rnnet.planning.plan import Choice, ExperimentPlan, SkullStripPlan
from rnnet.preprocessing.skull_strip.hd_bet import HdBetStripper
from rnnet.preprocessing.skull_strip.mask import GivenMaskStripper
from rnnet.preprocessing.skull_strip.weights import hd_bet_weights, missing_weights

# Nonzero volume above which a scan with a zeroed background still shows a whole head.
LARGEST_BRAIN_MM3 = 2.3e6


class SkullStripper(Protocol):
    """Finds the brain of a head on the scan's own grid."""

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
        "mask": "rnnet.preprocessing.skull_strip.mask:GivenMaskStripper",
        "none": "rnnet.preprocessing.skull_strip.none:NoStripper",
    },
)


def choose_stripper(
    plan: SkullStripPlan, *, stripped: bool, weights_folder: Path | None, brain_mask: Volume | None = None,
) -> SkullStripper:
    """The stripper for one scan.

    'auto' is the scan's own brain mask if there is one, none for a scan that is stripped already, HD-BET if its
    weights are there, else deepbet. 'mask' is the own mask, and a scan without one fails. Any other name is that
    stripper, and none for a stripped scan.
    """
    if plan.stripper == "mask" or (plan.stripper == "auto" and brain_mask is not None):
        return GivenMaskStripper(brain_mask)
    if stripped:
        return STRIPPERS.get("none")()
    name = plan.stripper
    if name == "auto":
        name = "hd_bet" if hd_bet_weights(weights_folder) is not None else "deepbet"
    if name == "hd_bet":
        return HdBetStripper(weights_folder)
    return STRIPPERS.get(name, where="plan.preprocessing.skull_strip.stripper")()


def stripper_in_use(plan: SkullStripPlan, weights_folder: Path | None) -> str:
    """Name and version of the stripper that scans with a skull get: another one makes other scans.

    Raises:
        MissingWeightsError: the plan wants HD-BET and its weights are not there.
    """
    stripper = choose_stripper(plan, stripped=False, weights_folder=weights_folder)
    if stripper.name == "hd_bet" and hd_bet_weights(weights_folder) is None:
        raise missing_weights(weights_folder)
    return stripper_text(stripper.name, stripper.version)


def stripper_text(name: str, version: str) -> str:
    """'deepbet 1.0.2'."""
    return f"{name} {version}".strip()


def explain_auto(plan: ExperimentPlan, weights_folder: Path | None) -> ExperimentPlan:
    """The plan with what 'auto' comes to on this machine among its reasons; unchanged if it names a stripper."""
    wanted = plan.preprocessing.skull_strip
    if wanted.stripper != "auto":
        return plan
    here = "HD-BET's weights are there" if hd_bet_weights(weights_folder) else "HD-BET's weights are absent"
    return plan.with_reason(Choice(
        "preprocessing.skull_strip.stripper", wanted.stripper,
        "a scan's own brain mask; else none for scans that are stripped already; else HD-BET if its weights are there, "
        "else deepbet",
        {"on this machine": f"{stripper_in_use(wanted, weights_folder)}, {here}"},
    ))


def looks_stripped(array: Array, spacing_zyx_mm: tuple[float, ...], plan: SkullStripPlan) -> bool:
    """Whether a raw scan shows a brain alone: mostly zeros, and what is left is no larger than a brain.

    The second condition keeps apart whole heads whose air was set to zero.
    """
    nonzero = int(np.count_nonzero(array))
    zero_share = 1 - nonzero / array.size
    return zero_share >= plan.stripped_zero_share and nonzero * float(np.prod(spacing_zyx_mm)) <= LARGEST_BRAIN_MM3
