"""Shared by the converters' tests: a release that is converted and then checked."""

import numpy as np

from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.converters.write import write_release
from rnnet.dataset.integrity import check_dataset
from tests.factories import lesion_centers, make_lesion_mask

SHAPE_ZYX = (16, 24, 22)
# What the small trees cannot help: few patients.
SMALL = {"few-patients"}


def blobs(count=1, *, values=None, shape_zyx=SHAPE_ZYX):
    """(z, y, x) uint8: `count` balls with the given values, else 1, 2, ..."""
    numbered = make_lesion_mask(shape_zyx, lesion_centers(shape_zyx, count), radius_vox=2.0)
    values = values or range(1, count + 1)
    return np.array([0, *values], np.uint8)[numbered]


def converted(converter, folder, tmp_path, *, link=False):
    """(release, report, data set as it is read, codes of all findings but those of SMALL)."""
    release = converter.read(folder)
    layout = RawLayout(tmp_path / "raw" / "Dataset007_Converted")
    report = write_release(release, converter.info, layout, name="Converted", folder=str(folder), link=link,
                           n_processes=1)
    problems = [f"{p.code}: {p.where}: {p.message}" for p in check_dataset(layout).problems if p.code not in SMALL]
    return release, report, read_dataset(layout), problems


def reasons(dropped):
    """'name: reason' of everything that was dropped."""
    return [f"{d.name}: {d.reason}" for d in dropped]


def paths(files, folder):
    """Paths below `folder`, as text."""
    return sorted(p.relative_to(folder).as_posix() for p in files)
