"""Attention rollout of a transformer, as a map over the crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import GeometryError
from rnnet.core.volume import Array

if TYPE_CHECKING:
    from rnnet.networks.vit3d import Vit3d

FloatArray = npt.NDArray[np.float64]


def attention_rollout(
    attention: Array, *, pooled_from: slice = slice(None), patches: slice = slice(None)
) -> FloatArray:
    """Share (patches,) of every patch in the pooled output, summing to one.

    attention: (depth, heads, n, n), rows summing to one. Heads are averaged, half of the identity stands for the
    residual connection, layers are multiplied (Abnar and Zuidema 2020, arXiv 2005.00928).
    pooled_from: the tokens whose mean is the output: the class token alone, or the patches.
    patches: the tokens that lie in the crop. The share of a class token is left out: it holds what it took from the
    patches in earlier layers, which is counted for the patches already, and its own first value, which no crop changes.
    """
    n = attention.shape[-1]
    rollout: FloatArray = np.eye(n)
    for layer in attention.astype(np.float64).mean(axis=1):  # (heads, n, n) -> (n, n)
        mixed = 0.5 * layer + 0.5 * np.eye(n)
        rollout = (mixed / mixed.sum(axis=-1, keepdims=True)) @ rollout
    share: FloatArray = rollout[pooled_from, patches].mean(axis=0)
    share /= share.sum()
    return share


def attention_volume(share: npt.ArrayLike, *, grid: int, edge_vox: int) -> npt.NDArray[np.float32]:
    """Map (z, y, x) float32, maximum 1, of a token rollout (grid**3,), interpolated linearly between token centres.

    Raises:
        GeometryError: the number of tokens is not grid**3.
    """
    from scipy.ndimage import map_coordinates

    tokens = np.asarray(share, dtype=np.float64)
    if tokens.size != grid**3:
        raise GeometryError(f"{tokens.size} tokens do not fill a grid of {grid} x {grid} x {grid}.")
    centre = (np.arange(edge_vox) + 0.5) * grid / edge_vox - 0.5  # voxel centres in token coordinates
    coordinates = np.meshgrid(centre, centre, centre, indexing="ij")
    volume = map_coordinates(tokens.reshape(grid, grid, grid), coordinates, order=1, mode="nearest")
    # Only divided by the maximum: shares of the attention mass stay what they are.
    result: npt.NDArray[np.float32] = (volume / volume.max()).astype(np.float32)
    return result


def explain_crop(encoder: Vit3d, crop: Array) -> npt.NDArray[np.float32]:
    """Attention map (z, y, x) of a crop (c, z, y, x) with the channels that the encoder sees."""
    import torch

    device = next(encoder.parameters()).device
    batch = torch.from_numpy(np.ascontiguousarray(crop, dtype=np.float32))[None].to(device)
    with torch.inference_mode():
        weights = encoder.eval().attention(batch)[:, 0].float().cpu().numpy()  # (depth, b, h, n, n) -> (depth, h, n, n)
    patches = slice(None) if encoder.class_token is None else slice(1, None)
    pooled_from = slice(0, 1) if encoder.pooling == "class_token" else patches
    share = attention_rollout(weights, pooled_from=pooled_from, patches=patches)
    return attention_volume(share, grid=encoder.grid, edge_vox=crop.shape[-1])
