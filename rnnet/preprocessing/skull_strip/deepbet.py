"""deepbet (Fisch 2024): a network that ships inside its wheel; used where HD-BET's weights are absent."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.provenance import package_version
from rnnet.core.volume import Volume

THRESHOLD = 0.5


class DeepbetStripper:
    """Runs deepbet's networks in memory, on the CPU."""

    name = "deepbet"

    def __init__(self) -> None:
        self.version = package_version("deepbet")

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool mask of the brain in an image with LPS axes.

        Raises:
            CaseFailedError: the network finds no brain.
        """
        network = _network()
        # deepbet takes (x, y, z) with RAS axes: x and y of LPS are flipped.
        ras = np.ascontiguousarray(image.array.astype(np.float32).transpose(2, 1, 0)[::-1, ::-1])
        try:
            probability = network.run_model(ras.copy())
            mask = network.postprocess(probability > THRESHOLD)
        except (AssertionError, ValueError) as error:
            raise CaseFailedError("deepbet finds no brain in the scan.",
                                  fix="Look at the image, or give a skull-stripped scan.") from error
        found: npt.NDArray[np.bool_] = np.ascontiguousarray(mask[::-1, ::-1].transpose(2, 1, 0)).astype(bool)
        return found


@cache
def _network() -> Any:
    """The networks, loaded once per process."""
    from deepbet.bet import BrainExtraction

    return BrainExtraction(no_gpu=True)
