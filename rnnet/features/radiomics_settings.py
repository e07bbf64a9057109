"""The plan's radiomics as pyradiomics' own parameters, and as the file that its command line reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from rnnet.planning.plan import FeaturesPlan

TEXTURE_CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
# coif1, the wavelet, reaches 6 voxels; a Gaussian of sigma mm has faded after 4 sigma (preprocessed scans are at 1 mm).
_WAVELET_REACH_VOX = 6
_GAUSSIAN_REACH_SIGMAS = 4
_HEAD = """\
# pyradiomics IMAGE MASK --param {name}
# gives the features of rnnet_extract_radiomics, when IMAGE and MASK are those that its --export writes:
# {image}
"""


def filter_reach_vox(plan: FeaturesPlan) -> int:
    """How far around a lesion the widest filter looks: this much is left around it when the image is cut."""
    reach = [math.ceil(_GAUSSIAN_REACH_SIGMAS * sigma) for sigma in plan.log_sigma_mm]
    return max([*reach, _WAVELET_REACH_VOX if plan.wavelet else 0, 0])


def pyradiomics_parameters(plan: FeaturesPlan) -> dict[str, Any]:
    """The content of a pyradiomics parameter file, under its keys 'setting', 'imageType' and 'featureClass'.

    With plan.normalize 'brain' the image comes scaled (z-score of the brain x plan.normalize_scale) and pyradiomics
    does not normalise; with 'image' its own normalisation takes mean and SD over all voxels of the image.
    """
    setting: dict[str, Any] = {"label": 1, "normalize": plan.normalize == "image"}
    if plan.normalize == "image":
        setting["normalizeScale"] = float(plan.normalize_scale)
    if plan.bin_count:
        setting["binCount"] = plan.bin_count
    else:
        setting["binWidth"] = float(plan.bin_width)
    setting |= {
        "voxelArrayShift": plan.voxel_array_shift, "preCrop": True, "padDistance": filter_reach_vox(plan),
        "minimumROIDimensions": 3,
    }
    if plan.minimum_roi_voxels > 1:
        setting["minimumROISize"] = plan.minimum_roi_voxels - 1  # pyradiomics wants more voxels than this
    images: dict[str, Any] = {"Original": {}}
    if plan.wavelet:
        images["Wavelet"] = {"wavelet": "coif1", "level": 1}
    if plan.log_sigma_mm:
        images["LoG"] = {"sigma": [float(s) for s in plan.log_sigma_mm]}
    classes: dict[str, Any] = {kind: [] for kind in ("shape", *TEXTURE_CLASSES)}
    return {"setting": setting, "imageType": images, "featureClass": classes}


def parameters_text(plan: FeaturesPlan, *, name: str) -> str:
    """The parameter file as YAML (scalars and short lists are written as JSON, which is YAML). name: of the file."""
    image = (
        "the whole preprocessed scan, z-scored in the brain; pyradiomics normalises over all of it"
        if plan.normalize == "image" else
        f"the whole preprocessed scan, z-scored in the brain and multiplied by {plan.normalize_scale:g}"
    )
    lines = [_HEAD.format(name=name, image=image).rstrip()]
    for part, entries in pyradiomics_parameters(plan).items():
        lines.append(f"{part}:")
        for key, value in entries.items():
            if isinstance(value, Mapping) and value:
                lines.append(f"  {key}:")
                lines += [f"    {k}: {json.dumps(v)}" for k, v in value.items()]
            else:
                lines.append(f"  {key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"
