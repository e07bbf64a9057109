"""deepbet (Fisch 2024): a network that ships inside its wheel; used where HD-BET's weights are absent."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.allocator import keep_freed_memory
from rnnet.core.errors import CaseFailedError
from rnnet.core.provenance import package_version
from rnnet.core.volume import Volume

THRESHOLD = 0.5
# The networks of a process remember the last scan's box.
_ONE_AT_A_TIME = threading.Lock()


class DeepbetStripper:
    """Runs deepbet's networks in memory, on the CPU in float32.

    bfloat16 makes almost the same mask, but hardly saves time: pooling and copying take as long as the arithmetic.
    """

    name = "deepbet"

    def __init__(self) -> None:
        self.version = package_version("deepbet")

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool mask of the brain in an image with LPS axes.

        Raises:
            CaseFailedError: the network finds no brain.
        """
        # deepbet takes (x, y, z) with RAS axes: x and y of LPS are flipped.
        ras = np.ascontiguousarray(image.array.transpose(2, 1, 0)[::-1, ::-1], np.float32)
        try:
            with _ONE_AT_A_TIME:
                network = _network()
                mask = network.postprocess(network.run_model(ras) > THRESHOLD)
        except (AssertionError, ValueError) as error:
            raise CaseFailedError("deepbet finds no brain in the scan.",
                                  fix="Look at the image, or give a skull-stripped scan.") from error
        found: npt.NDArray[np.bool_] = np.ascontiguousarray(mask[::-1, ::-1].transpose(2, 1, 0)).astype(bool)
        return found


@cache
def _network() -> Any:
    """The networks, loaded once per process."""
    from deepbet.bet import BrainExtraction

    # A third of the time would go into fresh pages for activations of half a gigabyte.
    keep_freed_memory()
    return BrainExtraction(no_gpu=True)
