"""Small trees as BrainMetShare's two releases are."""

import numpy as np
from PIL import Image

from rnnet.core.volume import write_volume
from tests.dataset.converters.conversion import SHAPE_ZYX, blobs
from tests.factories import make_volume

TRAIN = "stanford_release_brainmask/mets_stanford_releaseMask_train"
TEST = "stanford_release_brainmask/mets_stanford_releaseMask_test"


def write_slices(folder, array_zyx, *, first=1):
    """One PNG for each slice; the numbers have no leading zeros."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(array_zyx, start=first):
        Image.fromarray(picture).save(folder / f"{number}.png")


def write_png_patient(root, patient, *, masked=True, seed=0, n_lesions=1):
    """Series 0 to 3 and seg (0 and 255); returns series 0, (z, y, x), uint8."""
    image = make_volume(SHAPE_ZYX, seed=seed, stripped=True).array.clip(0, 255).astype(np.uint8)
    for series in "0123":
        write_slices(root / (TRAIN if masked else TEST) / patient / series, image if series == "0" else image // 2)
    if masked:
        write_slices(root / TRAIN / patient / "seg", ((blobs(n_lesions) > 0) * 255).astype(np.uint8))
    return image


def write_nifti_patient(root, part, patient, *, seed=0, n_lesions=1, series=("bravo", "t1_pre", "t1_gd", "flair")):
    image = make_volume(SHAPE_ZYX, (1.0, 0.94, 0.94), seed=seed, stripped=True)
    for name in series:
        write_volume(root / "brainmetshare-3" / part / patient / f"{name}.nii.gz", image)
    write_volume(root / "brainmetshare-3" / part / patient / "seg.nii.gz",
                 image.with_array((blobs(n_lesions) > 0).astype(np.uint8)))
