"""HD-BET (Isensee 2019), the stripper of the published method, when its weights are installed."""

from __future__ import annotations

import contextlib
import io
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.provenance import package_version
from rnnet.core.volume import Volume
from rnnet.preprocessing.skull_strip.weights import hd_bet_weights, missing_weights, weights_digest

# One predictor serves the whole process, and while it runs standard output is turned away.
_ONE_AT_A_TIME = threading.Lock()


class HdBetStripper:
    """Runs HD-BET's network in memory, without test-time augmentation.

    weights_folder: a model in nnU-Net's format; its checkpoint is a pickle, so it must come from a source that is
    trusted. device: 'cpu' or 'cuda'; masks of both agree but for rounding.
    """

    name = "hd_bet"

    def __init__(self, weights_folder: Path | None = None, *, device: str = "cpu") -> None:
        self.weights_folder = weights_folder
        self.device = device
        found = hd_bet_weights(weights_folder)
        package = package_version("HD_BET")
        self.version = package if found is None else f"{package} (weights {weights_digest(found)})"

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool mask of the brain in an image with LPS axes.

        Raises:
            MissingWeightsError: the weights are not on this machine.
        """
        folder = hd_bet_weights(self.weights_folder)
        if folder is None:
            raise missing_weights(self.weights_folder)
        # HD-BET wants scans that lie as the MNI152 template does: RAS. x and y of LPS are flipped.
        ras = np.ascontiguousarray(image.array[:, ::-1, ::-1], np.float32)
        with _ONE_AT_A_TIME, contextlib.redirect_stdout(io.StringIO()):  # nnU-Net prints when loaded and when it runs
            labels = _predictor(folder, self.device).predict_single_npy_array(
                ras[None], {"spacing": list(image.spacing_zyx_mm)}, None, None, False
            )
        found: npt.NDArray[np.bool_] = np.ascontiguousarray(np.asarray(labels)[:, ::-1, ::-1]) > 0
        return found


@cache
def _predictor(folder: Path, device: str) -> Any:
    """nnU-Net's predictor with HD-BET's weights, loaded once per process."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(
        tile_step_size=0.5, use_gaussian=True, use_mirroring=False,
        perform_everything_on_device=device.startswith("cuda"), device=torch.device(device), verbose=False,
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=("all",))
    return predictor
