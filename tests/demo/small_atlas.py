"""A made-up head: an ellipsoid brain inside a bright shell."""

from __future__ import annotations

import numpy as np

from rnnet.core.volume import Volume
from rnnet.demo.size import DemoSize
from rnnet.preprocessing.atlas import Atlas
from tests.factories import ellipsoid_radius

SHAPE_ZYX = (92, 108, 100)
SMALL = DemoSize(n_train_patients=3, n_test_patients=2, n_second_center_patients=2, n_pool_scans=2, follow_up_every=2)


def make_atlas() -> Atlas:
    radius = ellipsoid_radius(SHAPE_ZYX)
    brain = np.where(radius < 0.95, 500, 0).astype(np.float32)
    skull = np.where((radius > 1.0) & (radius < 1.1), 1500, 0).astype(np.float32)
    origin = (10.0, -90.0, 5.0)
    return Atlas(
        "made-up", Volume(brain + skull, (1.0, 1.0, 1.0), origin), Volume(brain, (1.0, 1.0, 1.0), origin), "0" * 16
    )
