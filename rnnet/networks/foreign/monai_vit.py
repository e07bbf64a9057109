"""ViT and ViTAutoEnc of MONAI, of all versions: the same encoder, with heads and leftovers that are not used."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rnnet.core.errors import FileFormatError
from rnnet.networks.foreign.layout import ForeignEncoder, Layout, depth_of, needed, renamed

_TITLE = "Vision Transformer of MONAI"
_PATCHES = r"patch_embedding\.patch_embeddings\."
_RULES = {
    # A convolution has the weight itself; 'perceptron' has it in the second of two layers.
    _PATCHES + r"(?:1\.)?(weight|bias)": r"patch_embed.projection.\1",
    r"patch_embedding\.position_embeddings": "position",
    # Only that of classification=True. Older versions also stored patch_embedding.cls_token and never used it.
    r"cls_token": "class_token",
    r"(blocks\.\d+\.norm[12]\.\w+)": r"\1",
    r"(blocks\.\d+\.)attn\.qkv\.(\w+)": r"\1attention.qkv.\2",
    r"(blocks\.\d+\.)attn\.out_proj\.(\w+)": r"\1attention.projection.\2",
    r"(blocks\.\d+\.)mlp\.linear1\.(\w+)": r"\1mlp.expand.\2",
    r"(blocks\.\d+\.)mlp\.linear2\.(\w+)": r"\1mlp.contract.\2",
    r"(norm\.\w+)": r"\1",
}
# Cubes of voxels with these numbers of channels cannot be mistaken for one another: no ratio of two is a cube.
_CHANNELS = (1, 2, 3, 4)


def convert(stored: Mapping[str, Tensor]) -> ForeignEncoder:
    """The encoder of a ViT or ViTAutoEnc.

    Raises:
        FileFormatError: a tensor that every such network has is not there, or it is not a network of volumes.
    """
    state, unused = renamed(stored, _RULES)
    width = len(needed(state, "norm.weight", _TITLE))
    hidden = len(needed(state, "blocks.0.mlp.expand.weight", _TITLE))
    kernel = needed(state, "patch_embed.projection.weight", _TITLE)
    changes: list[str] = []
    changed: tuple[str, ...] = ()
    if kernel.dim() == 2:
        changed = ("patch_embed.projection.weight",)
        state["patch_embed.projection.weight"] = _as_convolution(kernel)
        changes.append("patch_embed.projection.weight: from (z, y, x, channel) to a convolution's order")
    elif kernel.dim() != 5:
        raise FileFormatError("The file holds a network of pictures, not of volumes.", fix="Give one of volumes.")
    depth = depth_of(state)
    biases = (f"blocks.{n}.attention.qkv.bias" for n in range(depth))
    without = tuple(name for name in biases if name not in state)
    state |= {name: torch.zeros(3 * width) for name in without}
    if without:
        changes.append(f"attention.qkv.bias of {len(without)} blocks: zero, the file's network has none")
    return ForeignEncoder("vit", state, {
        "network.width": width, "network.depth": depth, "network.mlp_ratio": hidden / width,
        "network.patch_embed": "linear", "network.position": "learned", "network.class_token": "class_token" in state,
    }, unused, tuple(changes), changed, without)


def _as_convolution(weight: Tensor) -> Tensor:
    """(d, t * t * t * c), channels fastest -> (d, c, t, t, t)."""
    for channels in _CHANNELS:
        edge = round((weight.shape[1] / channels) ** (1 / 3))
        if edge**3 * channels == weight.shape[1]:
            return weight.reshape(-1, edge, edge, edge, channels).permute(0, 4, 1, 2, 3).contiguous()
    raise FileFormatError(
        f"A patch embedding of {weight.shape[1]} values does not come from cubes of voxels with "
        f"{_CHANNELS[0]} to {_CHANNELS[-1]} channels.", fix="Give a network with cubic patches.",
    )


LAYOUT = Layout(_TITLE, _PATCHES + r"(?:1\.)?weight", convert)
