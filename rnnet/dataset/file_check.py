"""Reads one image or mask file, once, and says what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np

from rnnet.core.errors import FileFormatError
from rnnet.core.types import Problem
from rnnet.core.volume import Volume, read_volume
from rnnet.dataset.head import Head
from rnnet.dataset.problems import error, warning

Kind = Literal["image", "mask", "brain-mask"]
# What the readers say of a file that holds no single volume.
_NOT_ONE_VOLUME = "one scalar 3-D volume"


def read_checked(path: Path | None, kind: Kind) -> tuple[Volume | None, list[Problem]]:
    """The volume, None if there is none to read, and what is wrong with the file or was mended in its header."""
    # A path in a folder that must not be entered is no file for exists(), and an error for Path.is_file().
    if path is None or not os.path.exists(path):
        return None, []
    name = kind.replace("-", " ")
    if path.is_file() and path.stat().st_size == 0:
        return None, [error("zero-byte-file", path, f"The {name} file is empty (0 bytes).",
                            "Copy or export it again.")]
    try:
        volume = read_volume(path)
    except FileFormatError as failure:
        code = "not-3d" if _NOT_ONE_VOLUME in failure.problem else f"unreadable-{kind}"
        return None, [error(code, failure.where or path, failure.problem, failure.fix)]
    return volume, [
        warning("header-mended", path, note, "Look whether image and mask lie where they should.")
        for note in volume.notes
    ]


def check_voxels(path: Path, image: Volume, head: Head | None) -> list[Problem]:
    """Voxels that no later step can work with. head: what was found in the image."""
    array = image.array
    wrong = ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(1, bool)
    if wrong.any():
        inside = wrong if head is None else wrong & head.on_image(image)
        message = f"{np.count_nonzero(wrong)} voxels are not finite numbers (NaN or infinite)"
        if inside.any():
            return [error("nan-or-inf", path, f"{message}, {np.count_nonzero(inside)} of them in the head.",
                          "Export the image again, without resampling it.")]
        return [warning("nan-or-inf", path, f"{message}, all of them outside the head.",
                        "They are taken as 0; nothing need be done.")]
    if array.min() == array.max():
        return [error("constant-image", path, f"All voxels have the value {array.flat[0]}.", "Export the image again.")]
    return []
