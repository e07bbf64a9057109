"""Preprocessed scans in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnet.planning.plan import RegistrationPlan
from rnnet.preprocessing.state import NativeGrid, PreprocessedScan, StepRecord
from tests.factories import make_volume, rigid_matrix

# The made-up head is a third as wide as a real one; so are the voxels that it is registered with.
SMALL_HEAD = RegistrationPlan(working_spacing_mm=(4.0, 2.0, 2.0), sampling_fraction=(1.0, 0.5, 0.5))


def make_scan(labels: np.ndarray, *, scan_id: str = "P001_s1", seed: int = 0, **changes: Any) -> PreprocessedScan:
    """A scan with these lesion labels (z, y, x) and noise for an image."""
    rng = np.random.default_rng(seed)
    native = NativeGrid.of(make_volume((5, 9, 8), (6.5, 0.8, 0.9), origin_xyz_mm=(3.0, -7.5, 11.0)))
    fields: dict[str, Any] = {
        "scan_id": scan_id, "image": rng.standard_normal(labels.shape).astype(np.float32),
        "brain": rng.random(labels.shape) > 0.3, "lesions": labels.astype(np.uint16), "native": native,
        "to_atlas": rigid_matrix((3, -5, 8), (1.5, 20, -7)),
        "history": (StepRecord("normalize", {"mean": 12.5, "std": 3.25}),), "warnings": ("a warning",),
        "atlas_origin_xyz_mm": (-30.0, 5.0, 12.0), **changes,
    }
    return PreprocessedScan(**fields)
