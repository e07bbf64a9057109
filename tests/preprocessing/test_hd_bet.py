"""The real way through nnU-Net, with a small network whose weights are set by hand in the place of HD-BET's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import MissingWeightsError
from rnnet.core.volume import Volume
from rnnet.preprocessing.skull_strip.hd_bet import HdBetStripper
from rnnet.preprocessing.skull_strip.weights import CHECKPOINT

# The network sees voxels of this size, and calls brain what is bright this many voxels back along each of its axes.
WORKING_SPACING_ZYX_MM = (2.0, 1.0, 1.5)
LOOK_BACK_VOX = 4
KERNEL = [9, 9, 9]
THRESHOLD = 50.0


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as nnU-Net writes it."""
    import torch
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    folder = tmp_path_factory.mktemp("weights of a mock")
    architecture = {
        "n_stages": 2, "features_per_stage": [1, 1], "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [KERNEL, [1, 1, 1]], "strides": [[1, 1, 1], [2, 2, 2]], "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1], "conv_bias": True, "norm_op": None, "norm_op_kwargs": {}, "dropout_op": None,
        "dropout_op_kwargs": None, "nonlin": None, "nonlin_kwargs": None,
    }
    network = PlainConvUNet(
        input_channels=1, num_classes=2, deep_supervision=False, **{**architecture, "conv_op": torch.nn.Conv3d}
    )
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    first = network.encoder.stages[0][0].convs[0].conv
    with torch.no_grad():
        first.weight[0, 0][tuple(k // 2 - LOOK_BACK_VOX for k in KERNEL)] = 1
        # Of the two channels of the decoder, upsampled and skipped, the latter.
        decoder = network.decoder.stages[0].convs[0].conv
        decoder.weight[0, 1][tuple(k // 2 for k in decoder.kernel_size)] = 1
        output = network.decoder.seg_layers[0]
        output.weight[1] = 1
        output.bias[1] = -THRESHOLD
    resample = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": False}
    plans = {
        "dataset_name": "Dataset001_Mock", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager", "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {"3d_fullres": {
            "data_identifier": "mock", "preprocessor_name": "DefaultPreprocessor", "batch_size": 1,
            "patch_size": [32, 32, 32], "spacing": list(WORKING_SPACING_ZYX_MM),
            "normalization_schemes": ["NoNormalization"], "use_mask_for_norm": [False], "batch_dice": False,
            **{f"resampling_fn_{what}": "resample_data_or_seg_to_shape" for what in ("data", "seg", "probabilities")},
            **{f"resampling_fn_{what}_kwargs": resample for what in ("data", "seg", "probabilities")},
            "architecture": {
                "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                "arch_kwargs": architecture, "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
            },
        }},
    }
    dataset = {"channel_names": {"0": "T1"}, "labels": {"background": 0, "brain": 1}, "numTraining": 1,
               "file_ending": ".nii.gz"}
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    (folder / CHECKPOINT).parent.mkdir()
    torch.save({
        "network_weights": network.state_dict(), "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres"}, "inference_allowed_mirroring_axes": (0, 1, 2),
    }, folder / CHECKPOINT)
    return folder


def bright_box(low_zyx_mm: tuple[float, ...], high_zyx_mm: tuple[float, ...]) -> Volume:
    """A box of 100 in dim air, LPS axes, voxels of 4 x 2 x 3 mm (z, y, x)."""
    shape, spacing = (20, 44, 30), (4.0, 2.0, 3.0)
    centers = np.stack(np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij"), -1)
    inside = ((centers >= low_zyx_mm) & (centers <= high_zyx_mm)).all(axis=-1)
    return Volume(np.where(inside, 100.0, 1.0).astype(np.int16), spacing, (-20.0, 30.0, 5.0))


def edges_zyx_mm(mask: np.ndarray, spacing_zyx_mm: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the first and the last voxel of a mask along each axis."""
    found = np.argwhere(mask) * np.array(spacing_zyx_mm)
    return found.min(axis=0), found.max(axis=0)


def test_the_mask_lies_where_the_network_puts_it_in_millimetres_and_on_the_scans_grid(weights: Path) -> None:
    low, high = np.array((20.0, 20.0, 24.0)), np.array((48.0, 60.0, 51.0))
    image = bright_box(tuple(low), tuple(high))
    before = sys.stdout
    mask = HdBetStripper(weights).brain_mask(image)
    assert sys.stdout is before
    assert mask.dtype == bool
    assert mask.shape == image.array.shape
    first, last = edges_zyx_mm(mask, image.spacing_zyx_mm)
    # The network sees RAS axes: what comes out further along its y and x lies at smaller y and x of LPS.
    shift = LOOK_BACK_VOX * np.array(WORKING_SPACING_ZYX_MM) * (1, -1, -1)
    half_voxel = np.array(image.spacing_zyx_mm) / 2
    assert (np.abs(first - (low + shift)) <= half_voxel).all()
    assert (np.abs(last - (high + shift)) <= half_voxel).all()


def test_an_empty_scan_gives_an_empty_mask(weights: Path) -> None:
    image = bright_box((20, 20, 24), (48, 60, 51))
    assert not HdBetStripper(weights).brain_mask(image.with_array(np.zeros_like(image.array))).any()


def test_the_version_names_the_weights(weights: Path, tmp_path: Path) -> None:
    package, _, digest = HdBetStripper(weights).version.partition(" (weights ")
    assert package[0].isdigit()
    assert len(digest) == 9
    assert HdBetStripper(tmp_path).version == package


def test_without_weights_the_error_says_how_to_get_them(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        with pytest.raises(MissingWeightsError) as caught:
            HdBetStripper(folder).brain_mask(bright_box((20, 20, 24), (48, 60, 51)))
        for way in ("--hd_bet_weights", "rnnet_download_assets hd_bet", "skull_strip.stripper=deepbet"):
            assert way in caught.value.fix
