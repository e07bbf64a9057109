"""What the trees of pools share: tiny images and masks under any name, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rnnet.core.volume import write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.converters.source import Converter
from rnnet.dataset.converters.write import ConversionReport, write_release
from rnnet.dataset.integrity import IntegrityReport, check_dataset
from tests.factories import make_lesion_mask, make_volume

SHAPE_ZYX = (24, 28, 26)
TWO_LESIONS = ((12.0, 14.0, 8.0), (12.0, 14.0, 18.0))


def put_image(path: Path, seed: int) -> None:
    """A skull-stripped head of 24 x 28 x 26 voxels of 1 mm; every seed gives another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, make_volume(SHAPE_ZYX, seed=seed, stripped=True))


def put_tissues(path: Path, centers_zyx_vox: Sequence[Sequence[float]] = TWO_LESIONS) -> None:
    """A segmentation by BraTS values: core 1 in a rim of 3 in oedema 2 around every centre."""
    tissues = np.zeros(SHAPE_ZYX, np.uint8)
    for radius, value in ((4.0, 2), (2.5, 3), (1.0, 1)):
        tissues[make_lesion_mask(SHAPE_ZYX, centers_zyx_vox, radius_vox=radius) > 0] = value
    write_volume(path, make_volume(SHAPE_ZYX).with_array(tissues))


def put_binary(path: Path, centers_zyx_vox: Sequence[Sequence[float]] = TWO_LESIONS) -> None:
    """A binary lesion mask."""
    mask = make_lesion_mask(SHAPE_ZYX, centers_zyx_vox, radius_vox=2.5) > 0
    write_volume(path, make_volume(SHAPE_ZYX).with_array(mask.astype(np.uint8)))


def put_unused(*paths: Path) -> None:
    """Files that no converter opens."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not read")


def put_excel(path: Path, sheets: Mapping[str, Mapping[str, Sequence[object]]]) -> None:
    """An Excel file: columns by caption, by sheet."""
    with pd.ExcelWriter(path) as writer:
        for name, columns in sheets.items():
            pd.DataFrame(dict(columns)).to_excel(writer, sheet_name=name, index=False)


def convert(converter: Converter, folder: Path, target: Path) -> tuple[RawLayout, ConversionReport, IntegrityReport]:
    """The raw data set in `target`, its account, and what its check says."""
    layout = RawLayout(target / "Dataset001_Pool")
    report = write_release(converter.read(folder), converter.info, layout, name="Pool", folder=str(folder), link=False,
                           n_processes=1)
    return layout, report, check_dataset(layout)
