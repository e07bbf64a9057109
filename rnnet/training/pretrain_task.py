"""Self-supervised task: restore the corrupted T1CE of two views, and know them as views of the same lesion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnnet.augmentation.corruption import corrupt_views
from rnnet.augmentation.views import random_view
from rnnet.core.seeding import seed_for
from rnnet.networks.heads import ProjectionHead, RestorationHead
from rnnet.networks.initialize import seeded_torch
from rnnet.networks.vit3d import Vit3d, build_vit
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.distributed import ProcessGroup
from rnnet.training.loader import CropTable, epoch_order
from rnnet.training.losses import nt_xent, restoration_loss
from rnnet.training.optim import build_optimizer, decayed_groups, learning_rate_at
from rnnet.training.precision import autocast


class PretextModel(nn.Module):
    """Encoder with a head for each pretext objective."""

    def __init__(self, encoder: Vit3d, restoration: RestorationHead, projection: ProjectionHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.restoration = restoration
        self.projection = projection

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Restored T1CE (b, 1, z, y, x) and projections (b, p) of corrupted views (b, c, z, y, x)."""
        tokens = self.encoder.tokens(views)
        return self.restoration(tokens), self.projection(self.encoder.pooled(tokens))


def build_pretext_model(plan: ExperimentPlan) -> PretextModel:
    """The plan's encoder, for all the plan's channels, with its heads; the plan's seed fixes the first weights."""
    encoder = build_vit(plan, in_channels=len(plan.channels))
    with seeded_torch(seed_for(plan.seed, "weights", "pretext heads")):
        restoration = RestorationHead(encoder.width, plan.network.token_edge_vox, grid=encoder.grid)
        projection = ProjectionHead(encoder.width, plan.pretrain.projection_width)
    return PretextModel(encoder, restoration, projection)


class PretrainTask:
    """Pretraining on a table of crops.

    Several processes draw the views of the whole global batch and each keeps its rows: what is learned does then
    not depend on their number, at the price that augmentation is not shared out.
    """

    part: Literal["pretrain"] = "pretrain"
    title = "Pretraining"

    def __init__(
        self, plan: ExperimentPlan, crops: CropTable, *, precision: Literal["bfloat16", "float32"],
        group: ProcessGroup | None = None,
    ) -> None:
        self._plan = plan.pretrain
        self._seed = seed_for(plan.seed, "pretrain")
        self._crops = crops
        self._precision = precision
        self._group = group or ProcessGroup()
        self._patients = crops.patient_index()
        self.device = crops.device
        self.model = build_pretext_model(plan).to(self.device).train()
        self.optimizer = build_optimizer(
            decayed_groups(self.model.parameters(), scale=1.0, weight_decay=self._plan.weight_decay),
            self._plan.optimizer, learning_rate=self._plan.learning_rate,
        )
        self._parallel = self._group.parallel(self.model, self.device)
        self._steps = len(self.batches(0))

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """Row numbers of each global batch; a last batch with too few rows for every process is left out."""
        batches = epoch_order(len(self._crops), self._plan.batch_size, self._seed, epoch)
        return [batch for batch in batches if len(batch) >= self._group.count]

    def begin_epoch(self, epoch: int) -> None:
        """Nothing changes between epochs."""

    def learning_rate(self, epoch: int, step: int) -> float:
        """Warm-up and cosine over all steps."""
        return learning_rate_at(
            epoch * self._steps + step, total_steps=self._plan.epochs * self._steps,
            warmup_share=self._plan.warmup_share, peak=self._plan.learning_rate,
        )

    def losses(self, indices: Tensor, epoch: int, step: int) -> dict[str, Tensor]:
        """Total, restoration and contrastive loss of the global batch with the rows `indices` (n,)."""
        n, own = len(indices), self._group.rows(len(indices)).to(self.device)
        crops = self._crops.batch(indices)  # (n, 2, z, y, x)
        views, originals = [], []
        for number in (0, 1):
            generator = torch.Generator().manual_seed(seed_for(self._seed, "view", epoch, step, number))
            view = random_view(crops, shift_vox=self._plan.shift_vox, generator=generator)
            originals.append(view[own, :1])
            views.append(corrupt_views(view, self._plan.corruption, generator)[own])
        with autocast(self.device, self._precision):
            restored, projected = self._parallel(torch.cat(views))  # (2b, 1, z, y, x), (2b, p)
        # Shards may differ by one row; the weight makes the mean over processes the mean over the global batch.
        share = len(own) * self._group.count / n
        restoration = restoration_loss(restored, torch.cat(originals)) * share
        first, second = (self._group.gather(part, n) for part in projected.float().chunk(2))
        order = indices[self._group.gathered_order(n)].to(self.device)
        contrastive = nt_xent(first, second, self._patients[order], self._plan.temperature)
        return {
            "loss": self._total(restoration, contrastive), "restoration": restoration, "contrastive": contrastive
        }

    def _total(self, restoration: Tensor, contrastive: Tensor) -> Tensor:
        if self._plan.objective == "paper":
            return restoration * (1.0 + contrastive)
        return self._plan.restoration_weight * restoration + self._plan.contrastive_weight * contrastive

    def after_step(self) -> None:
        """Nothing follows the weights."""

    def evaluate(self) -> dict[str, float]:
        """Pretraining has no validation data."""
        return {}

    def score(self, figures: Mapping[str, float]) -> float | None:  # noqa: ARG002
        """None: the last epoch is kept."""
        return None

    def training_state(self) -> dict[str, Any]:
        """State of the optimiser."""
        return {"optimizer": self.optimizer.state_dict()}

    def load(self, model: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Take over the weights and the optimiser of a checkpoint."""
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(dict(training["optimizer"]))
