"""HD-BET (Isensee 2019), the stripper of the published method, when its weights are installed."""

from __future__ import annotations

import contextlib
import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.provenance import package_version
from rnnet.core.volume import Volume
from rnnet.preprocessing.skull_strip.weights import hd_bet_weights, missing_weights


class HdBetStripper:
    """Runs HD-BET's network in memory, without test-time augmentation."""

    name = "hd_bet"

    def __init__(self, weights_folder: Path | None = None) -> None:
        self.version = package_version("HD_BET")
        self.weights_folder = weights_folder

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool mask of the brain in an image with LPS axes.

        Raises:
            MissingWeightsError: the weights are not on this machine.
        """
        folder = hd_bet_weights(self.weights_folder)
        if folder is None:
            raise missing_weights(self.weights_folder)
        predictor = _predictor(folder)
        data = image.array[None].astype(np.float32)
        with contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints while it predicts
            labels = predictor.predict_single_npy_array(
                data, {"spacing": list(image.spacing_zyx_mm)}, None, None, False
            )
        found: npt.NDArray[np.bool_] = np.asarray(labels) > 0
        return found


@cache
def _predictor(folder: Path) -> Any:
    """nnU-Net's predictor with HD-BET's weights, loaded once per process."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
    predictor = nnUNetPredictor(
        tile_step_size=0.5, use_gaussian=True, use_mirroring=False, perform_everything_on_device=device.type == "cuda",
        device=device, verbose=False, allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=("all",))
    return predictor
