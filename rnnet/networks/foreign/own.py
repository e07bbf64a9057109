"""Encoders of rnnet itself, of another plan or another centre."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from rnnet.networks.foreign import resnet
from rnnet.networks.foreign.layout import ForeignEncoder, Layout, depth_of, needed

_TITLE = "Vision Transformer of rnnet"
_ANCHOR = r"patch_embed\.(?:projection|layers\.0)\.weight"


def convert(stored: Mapping[str, Tensor]) -> ForeignEncoder:
    """The encoder, under the names that it has already.

    Raises:
        FileFormatError: a tensor that every such network has is not there.
    """
    if "layer1.0.conv1.weight" in stored:
        return resnet.convert(stored)
    width = len(needed(stored, "norm.weight", _TITLE))
    hidden = len(needed(stored, "blocks.0.mlp.expand.weight", _TITLE))
    return ForeignEncoder("vit", stored, {
        "network.width": width, "network.depth": depth_of(stored), "network.mlp_ratio": hidden / width,
        "network.patch_embed": "linear" if "patch_embed.projection.weight" in stored else "conv_stem",
        "network.position": "learned" if "position" in stored else "sinusoidal",
        "network.class_token": "class_token" in stored,
    })


LAYOUT = Layout("encoder of rnnet", rf"(?:{_ANCHOR}|{resnet.LAYOUT.anchor})", convert)
