from __future__ import annotations

import numpy as np
import pytest

from rnnet.preprocessing.export import to_native_grid
from rnnet.preprocessing.state import NativeGrid
from tests.factories import make_lesion_mask, make_volume, mapped, rigid_matrix
from tests.preprocessing.scans import make_scan

SHAPE = (40, 44, 42)
ORIGIN = (-30.0, 5.0, 12.0)
TURNED = rigid_matrix((5, -7, 10), (3, -4, 6), (-10, 25, 30))


def native_grid() -> NativeGrid:
    # Rows from front to back are stored as the slowest axis: the way back must use the stored axes.
    return NativeGrid.of(
        make_volume((60, 40, 55), (1.1, 1.4, 0.9), origin_xyz_mm=(-35.0, 2.0, 0.0),
                    direction_xyz=(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0))
    )


def test_labels_go_back_to_the_stored_grid_without_new_values() -> None:
    labels = make_lesion_mask(SHAPE, [(14, 20, 15), (26, 22, 28)], radius_vox=5) * np.uint16(300)
    scan = make_scan(labels, native=native_grid(), to_atlas=TURNED)
    back = to_native_grid(scan.lesions, scan, nearest=True)
    assert NativeGrid.of(back) == scan.native
    assert set(np.unique(back.array)) == {0, 300, 600}
    for value in (300, 600):
        center = scan.on_atlas_grid(labels).world_xyz_mm(np.argwhere(labels == value).mean(axis=0))
        found = back.world_xyz_mm(np.argwhere(back.array == value).mean(axis=0))
        np.testing.assert_allclose(mapped(found, TURNED), center, atol=0.4)
        volume_mm3 = (back.array == value).sum() * np.prod(back.spacing_zyx_mm)
        assert volume_mm3 == pytest.approx((labels == value).sum(), rel=0.1)


def test_maps_are_interpolated() -> None:
    # A ramp along the atlas's x axis stays that ramp wherever the atlas is seen.
    ramp = np.broadcast_to(np.arange(SHAPE[2], dtype=np.float32), SHAPE)
    scan = make_scan(np.zeros(SHAPE), native=native_grid(), to_atlas=TURNED)
    back = to_native_grid(ramp, scan, nearest=False)
    index = np.moveaxis(np.indices(back.array.shape), 0, -1)
    on_atlas = scan.on_atlas_grid(ramp).index_zyx(mapped(back.world_xyz_mm(index), TURNED))
    inside = ((on_atlas >= 0) & (on_atlas <= np.array(SHAPE) - 1)).all(axis=-1)
    assert 0.2 < inside.mean() < 0.9
    np.testing.assert_allclose(back.array[inside], on_atlas[inside][:, 2], atol=1e-3)
