"""A small tree as PROTEAS is released."""

import numpy as np

from rnnet.core.volume import write_volume
from tests.dataset.converters.conversion import SHAPE_ZYX
from tests.factories import lesion_centers, make_lesion_mask, make_volume

SERIES = ("t1", "t1c", "t2", "fla")


def regions(count=1):
    """(z, y, x): balls of necrosis (1) inside enhancing tumour (2) inside oedema (3)."""
    centers = lesion_centers(SHAPE_ZYX, count)
    found = np.zeros(SHAPE_ZYX, np.uint8)
    for radius, value in ((3.4, 3), (2.3, 2), (1.1, 1)):
        found[make_lesion_mask(SHAPE_ZYX, centers, radius_vox=radius) > 0] = value
    return found


def write_time(root, course, time, *, mask=True, n_lesions=1, seed=0, mask_folder="tumor segmentation", mask_time=None):
    """Series and tumour regions of one time point."""
    image = make_volume(SHAPE_ZYX, seed=seed, stripped=True)
    for name in SERIES:
        write_volume(root / course / "BraTS" / time / f"{name}.nii.gz", image)
    if mask:
        write_volume(root / course / mask_folder / f"{course}_tumor_mask_{mask_time or time}.nii.gz",
                     image.with_array(regions(n_lesions)))


def write_tree(root):
    """P01 at baseline and twice after, P04 in two courses; with the files that lie beside."""
    write_time(root, "P01", "baseline", n_lesions=2, seed=1)
    write_time(root, "P01", "fu1", seed=2)
    write_time(root, "P01", "fu2", seed=3, mask=False)
    write_time(root, "P04a", "baseline", seed=4, mask_folder="tumor_segmentation")
    write_time(root, "P04b", "baseline", seed=5)
    for name in ("P01_CT.nii.gz", "P01_RTP.nii.gz", "DICOM/T1C_2020-03-16/1.dcm"):
        path = root / "P01" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (root / "PROTEAS-Clinical_and_demographic_data.xlsx").write_text("")
    return root
