"""An attention map of a crop in the grid of the scan that the user gave."""

from __future__ import annotations

from rnnet.core.volume import Array, Volume
from rnnet.preprocessing.crop import paste_crop
from rnnet.preprocessing.export import to_native_grid
from rnnet.preprocessing.state import PreprocessedScan


def attention_to_native(attention: Array, start_zyx_vox: tuple[int, int, int], scan: PreprocessedScan) -> Volume:
    """The map (z, y, x) of a crop on the scan's native grid, zero outside the crop."""
    on_atlas = paste_crop(attention, start_zyx_vox, scan.image.shape)
    return to_native_grid(on_atlas, scan, nearest=False)
