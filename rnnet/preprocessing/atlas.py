"""The reference space: SRI24 (Rohlfing 2010) on the BraTS grid of 240 x 240 x 155 voxels of 1 mm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnet.core.errors import FileFormatError, MissingWeightsError
from rnnet.core.files import file_digest, text_digest
from rnnet.core.volume import Volume, read_volume
from rnnet.preprocessing.reorient import reorient_to_lps

HEAD_STEMS = ("t1_brats_space", "sri24_t1_brats_space")
BRAIN_STEMS = ("t1_skullstripped_brats_space", "sri24_t1_skullstripped_brats_space")
_ENDINGS = (".nii", ".nii.gz")


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """Whole head and skull-stripped brain on one grid: float32, LPS axes, 1 mm. `digest` is of both files.

    Two atlases are equal if their digests are, so that what is derived from one can be kept for the next scan.
    """

    name: str
    head: Volume
    brain: Volume
    digest: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atlas) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def load_atlas(folder: Path) -> Atlas:
    """The atlas stored in `folder` (two files, .nii or .nii.gz), brought to LPS array axes.

    Raises:
        MissingWeightsError: a file is missing; the message names the ways to get it.
        FileFormatError: the two files do not share one 1 mm grid.
    """
    head_path, brain_path = _find(folder, HEAD_STEMS), _find(folder, BRAIN_STEMS)
    head, brain = (_read(path) for path in (head_path, brain_path))
    if not head.same_grid(brain, tolerance_mm=0.01) or not np.allclose(head.spacing_zyx_mm, 1.0, atol=1e-3):
        raise FileFormatError(
            "The whole-head and the skull-stripped atlas do not share one grid of 1 mm.", where=folder,
            fix="Run rnnet_download_assets to get both again.",
        )
    return Atlas("SRI24", head, brain, text_digest(file_digest(head_path) + file_digest(brain_path)))


def _find(folder: Path, stems: tuple[str, ...]) -> Path:
    for stem in stems:
        for ending in _ENDINGS:
            if (folder / f"{stem}{ending}").is_file():
                return folder / f"{stem}{ending}"
    raise MissingWeightsError(
        f"The atlas file {stems[0]}.nii is missing.", where=folder,
        fix="Run rnnet_download_assets (needs the package registry), or give --atlas FILE with "
        f"{HEAD_STEMS[0]}.nii and {BRAIN_STEMS[0]}.nii (.nii.gz works too).",
    )


def _read(path: Path) -> Volume:
    volume = reorient_to_lps(read_volume(path), where=path)
    return volume.with_array(np.ascontiguousarray(volume.array, dtype=np.float32))
