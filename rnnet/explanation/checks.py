"""Where the attention lies: in the lesion, at its rim, or elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnet.core.errors import GeometryError
from rnnet.core.volume import Array


@dataclass(frozen=True, slots=True)
class AttentionShare:
    """Shares of the attention mass, summing to one; `volume_share` is the lesion's share of the crop's voxels."""

    in_lesion: float
    in_margin: float
    elsewhere: float
    volume_share: float


def attention_share(attention: Array, mask: Array, *, margin_vox: int) -> AttentionShare:
    """Shares of a map (z, y, x) inside the lesion mask, within `margin_vox` of it, and elsewhere.

    A map that is zero everywhere counts as uniform.

    Raises:
        GeometryError: map and mask differ in shape.
    """
    from scipy.ndimage import distance_transform_edt

    if attention.shape != mask.shape:
        raise GeometryError(f"Attention {attention.shape} and mask {mask.shape} differ in shape.")
    weights = attention.astype(np.float64) if attention.any() else np.ones(attention.shape)
    lesion = mask > 0
    rim = (distance_transform_edt(~lesion) <= margin_vox) & ~lesion if lesion.any() else np.zeros_like(lesion)
    total = float(weights.sum())
    inside, margin = float(weights[lesion].sum()) / total, float(weights[rim].sum()) / total
    return AttentionShare(inside, margin, max(0.0, 1.0 - inside - margin), float(lesion.mean()))
