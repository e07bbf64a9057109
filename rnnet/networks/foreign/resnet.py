"""ResNet50 as MedicalNet (Chen 2019) released it, and as MONAI builds it: the names are those of ResNet50 here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from rnnet.core.errors import FileFormatError
from rnnet.networks.foreign.layout import ForeignEncoder, Layout, needed, renamed

_TITLE = "ResNet50 of MedicalNet"
_BLOCKS = (3, 4, 6, 3)
_RULES = {
    r"(conv1\.weight|bn1\.\w+)": r"\1",
    r"(layer[1-4]\.\d+\.(?:conv[123]\.weight|bn[123]\.\w+|downsample\.0\.weight|downsample\.1\.\w+))": r"\1",
}


def convert(stored: Mapping[str, Tensor]) -> ForeignEncoder:
    """The encoder of a ResNet50.

    MONAI's own ResNet50 gives its shortcuts a bias, which their batch normalisation takes away again with the mean:
    the bias is subtracted from the stored mean. It strides where MedicalNet dilates, so the weights are the same and
    what they see is not; that is said.

    Raises:
        FileFormatError: another depth, or a tensor that every such network has is not there.
    """
    first = needed(stored, "conv1.weight", _TITLE)
    if first.shape[2:] != (7, 7, 7):
        raise FileFormatError("The file holds a residual network of pictures, or with another stem.",
                              fix="Give MedicalNet's resnet_50 or resnet_50_23dataset.")
    blocks = tuple(
        len({m[0] for m in (re.match(rf"layer{n}\.\d+", name) for name in stored) if m}) for n in (1, 2, 3, 4)
    )
    if blocks != _BLOCKS or "layer1.0.conv3.weight" not in stored:
        kind = "bottleneck" if "layer1.0.conv3.weight" in stored else "basic"
        raise FileFormatError(
            f"The file holds a residual network of {' + '.join(map(str, blocks))} {kind} blocks, no ResNet50.",
            fix="Give MedicalNet's resnet_50 or resnet_50_23dataset.",
        )
    state, unused = renamed(stored, _RULES)
    biases = {name for name in unused if re.fullmatch(r"layer[1-4]\.0\.downsample\.0\.bias", name)}
    means = {name: name.replace("downsample.0.bias", "downsample.1.running_mean") for name in sorted(biases)}
    for name, mean in means.items():
        state[mean] = needed(state, mean, _TITLE) - stored[name]
    changes = (
        f"downsample.1.running_mean of {len(biases)} shortcuts: takes over the shortcut's bias",
        "layer3, layer4: the file's network (MONAI's) strides there, this one dilates",
    ) if biases else ()
    return ForeignEncoder(
        "resnet50", state, {"network.resnet_base_width": first.shape[0]},
        tuple(n for n in unused if n not in biases), changes, tuple(means.values()),
    )


LAYOUT = Layout(_TITLE, r"layer1\.0\.conv1\.weight", convert)
