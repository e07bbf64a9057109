"""The network of pretraining: the encoder with a head for each pretext objective."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnet.core.seeding import seed_for
from rnnet.networks.heads import ProjectionHead, RestorationHead
from rnnet.networks.initialize import seeded_torch
from rnnet.networks.vit3d import Vit3d, build_vit
from rnnet.planning.plan import ExperimentPlan


class PretextModel(nn.Module):
    """Encoder with restoration and projection; `mask_token` (d,) stands for hidden tokens where the plan hides any."""

    def __init__(
        self, encoder: Vit3d, restoration: RestorationHead, projection: ProjectionHead,
        mask_token: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.restoration = restoration
        self.projection = projection
        # Only where it is used: averaging gradients over processes waits for those of every parameter.
        self.mask_token = None if mask_token is None else nn.Parameter(mask_token)

    def forward(self, views: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Restored T1CE (b, 1, z, y, x) and projections (b, p) of corrupted views (b, c, z, y, x).

        hidden: bool (b, grid**3), patches that the encoder does not see.
        """
        tokens = self.encoder.tokens(views, hidden=hidden, mask_token=self.mask_token)
        return self.restoration(self.encoder.patch_tokens(tokens)), self.projection(self.encoder.pooled(tokens))


def build_pretext_model(plan: ExperimentPlan) -> PretextModel:
    """The plan's encoder, for all the plan's channels, with its heads; the plan's seed fixes the first weights."""
    encoder = build_vit(plan, in_channels=len(plan.channels))
    with seeded_torch(seed_for(plan.seed, "weights", "pretext heads")):
        restoration = RestorationHead(encoder.width, plan.network.token_edge_vox, grid=encoder.grid)
        projection = ProjectionHead(encoder.width, plan.pretrain.projection_width)
        hides = plan.pretrain.masked_token_weight > 0
        mask_token = nn.init.trunc_normal_(torch.empty(encoder.width), std=0.02) if hides else None
    return PretextModel(encoder, restoration, projection, mask_token)
