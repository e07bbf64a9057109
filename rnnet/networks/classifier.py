"""Encoder plus head: the imaging classifiers, one for each imaging configuration."""

from __future__ import annotations

from torch import Tensor, nn

from rnnet.core.errors import UnknownComponentError
from rnnet.core.seeding import seed_for
from rnnet.core.types import IMAGING_CONFIGS
from rnnet.networks.heads import ClassificationHead
from rnnet.networks.initialize import seeded_torch
from rnnet.networks.resnet3d import ResNet50
from rnnet.networks.vit3d import Vit3d, build_vit
from rnnet.planning.plan import ExperimentPlan

_CHANNELS: dict[str, tuple[int, ...]] = {
    "ssl_vit": (0, 1),
    "vit_scratch": (0, 1),
    "ssl_vit_t1ce": (0,),
    "resnet50": (0, 1),
}


class Classifier(nn.Module):
    """An encoder (b, c, z, y, x) -> (b, d) and a head (b, d) -> (b,)."""

    def __init__(self, encoder: Vit3d | ResNet50, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        """Raw logits (b,) of the positive outcome for volumes (b, c, z, y, x)."""
        logits: Tensor = self.head(self.encoder(x))
        return logits


def channels_of(config: str) -> tuple[int, ...]:
    """Which of the plan's channels the configuration sees: 0 is T1CE, 1 the lesion mask.

    Raises:
        UnknownComponentError: `config` is not an imaging configuration.
    """
    if config not in _CHANNELS:
        raise UnknownComponentError.of("imaging configuration", config, IMAGING_CONFIGS)
    return _CHANNELS[config]


def build_classifier(plan: ExperimentPlan, *, config: str) -> Classifier:
    """The untrained classifier of an imaging configuration; the plan's seed fixes its first weights.

    Raises:
        UnknownComponentError: `config` is not an imaging configuration.
    """
    in_channels = len(channels_of(config))
    encoder: Vit3d | ResNet50
    with seeded_torch(seed_for(plan.seed, "weights", config)):
        if config == "resnet50":
            encoder = ResNet50(in_channels, plan.network.resnet_base_width)
        else:
            encoder = build_vit(plan, in_channels=in_channels)
        return Classifier(encoder, ClassificationHead(encoder.width, plan.network.dropout))


def depends_on(config: str, path: str) -> bool:
    """Whether a field of the plan, 'network.depth', can change the network of an imaging configuration.

    True of every field outside `network`.
    """
    if not path.startswith("network.") or path == "network.dropout":
        return True
    return (path == "network.resnet_base_width") == (config == "resnet50")
