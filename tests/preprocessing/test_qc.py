from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from rnnet.core.volume import Volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.qc import write_qc_picture
from rnnet.preprocessing.state import NativeGrid, PreprocessedScan
from tests.factories import make_lesion_mask, rigid_matrix
from tests.preprocessing.scans import make_scan


def scan_on(atlas: Atlas, centers: list[tuple[int, int, int]]) -> tuple[PreprocessedScan, Volume]:
    """A scan that lies in the world as the atlas does, and the raw volume."""
    labels = make_lesion_mask(atlas.head.array.shape, centers, radius_vox=4)
    brain = atlas.brain.array > 0
    image = np.where(brain, atlas.brain.array / 40 - 2, 0).astype(np.float32)
    scan = make_scan(
        labels, image=image, brain=brain, native=NativeGrid.of(atlas.head), to_atlas=rigid_matrix(), history=(),
        atlas_origin_xyz_mm=atlas.head.origin_xyz_mm,
    )
    return scan, atlas.head


def red_share(path: Path) -> float:
    """Pixels of the lesion's colour, thin lines blended with grey; yellow has more green, blue no red."""
    red, green = np.moveaxis(imread(path)[..., :2], -1, 0)
    return float((red - green > 0.3).mean())


@pytest.mark.parametrize("with_raw", [False, True])
def test_the_picture_shows_the_outline_of_the_lesion(with_raw: bool, tmp_path: Path, atlas: Atlas) -> None:
    for name, centers in (("lesion", [(30, 40, 30)]), ("none", [])):
        scan, raw = scan_on(atlas, centers)
        write_qc_picture(scan, atlas, tmp_path / f"{name}.png", raw=raw if with_raw else None)
    assert red_share(tmp_path / "lesion.png") > 0.0005
    assert red_share(tmp_path / "none.png") == 0
    assert list(tmp_path.glob(".tmp*")) == []
