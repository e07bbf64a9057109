from __future__ import annotations

import numpy as np
import pytest

from rnnet.planning.lesion_size import lesion_size


def test_a_box_has_its_edges_its_volume_and_its_in_plane_diagonal() -> None:
    size = lesion_size(np.ones((2, 4, 5), bool), (5.0, 1.0, 0.5), axial_axis=0)
    assert size.extent_zyx_mm == (10.0, 4.0, 2.5)
    assert size.volume_mm3 == pytest.approx(100.0)
    assert size.axial_diameter_mm == pytest.approx(np.hypot(3.0, 2.0))
