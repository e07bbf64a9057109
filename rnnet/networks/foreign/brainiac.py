"""BrainIAC (Tak 2024): MONAI's ViT-B with patches of 16, pretrained at 96^3; its first release was MONAI's ResNet50."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from rnnet.core.errors import FileFormatError
from rnnet.networks.foreign import monai_vit, resnet
from rnnet.networks.foreign.layout import ForeignEncoder, Layout

_WIDTH, _DEPTH, _HEADS = 768, 12, 12


def convert(stored: Mapping[str, Tensor]) -> ForeignEncoder:
    """The encoder of either release.

    Raises:
        FileFormatError: another network than the released ones.
    """
    if "layer1.0.conv1.weight" in stored:
        return resnet.convert(stored)
    encoder = monai_vit.convert(stored)
    size = (encoder.settings["network.width"], encoder.settings["network.depth"])
    if size != (_WIDTH, _DEPTH):
        raise FileFormatError(
            f"BrainIAC has a width of {_WIDTH} and {_DEPTH} blocks. Got {size[0]} and {size[1]} instead.",
            fix="Use --layout monai.",
        )
    # Published, not stored: with other heads the same weights are another network.
    return replace(encoder, settings={**encoder.settings, "network.heads": _HEADS})


LAYOUT = Layout("BrainIAC", rf"(?:{monai_vit.LAYOUT.anchor}|{resnet.LAYOUT.anchor})", convert)
