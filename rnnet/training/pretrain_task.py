"""Self-supervised task: restore the corrupted T1CE of two views, and know them as views of the same lesion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from rnnet.core.seeding import seed_for
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.distributed import ProcessGroup, unsynchronised
from rnnet.training.loader import CropTable
from rnnet.training.losses import hidden_token_loss, nt_xent, restoration_loss
from rnnet.training.optim import build_optimizer, decayed_groups, learning_rate_at
from rnnet.training.order import stratified_order
from rnnet.training.precision import autocast
from rnnet.training.pretext_batch import PretextData, PretextPart
from rnnet.training.pretext_model import build_pretext_model
from rnnet.training.probe import Probe


class PretrainTask:
    """Pretraining on a table of crops, each process on its own rows of every batch.

    What is learned does not depend on the number of processes: the batches, the draws of their views and the
    negatives, which are gathered, are the same for any. Drop-path and dropout are the exception: each process draws
    them for its rows.

    With gradient accumulation the negatives of a lesion are those of its part of the batch; restoration is unchanged
    by it, unless the objective is the paper's product, which is then one of each part, or drop-path and dropout are
    on, which are drawn for each part.
    """

    part: Literal["pretrain"] = "pretrain"
    title = "Pretraining"

    def __init__(
        self, plan: ExperimentPlan, crops: CropTable, *, precision: Literal["bfloat16", "float32"],
        group: ProcessGroup | None = None, probe: Probe | None = None,
    ) -> None:
        self._plan = plan.pretrain
        self._seed = seed_for(plan.seed, "pretrain")
        self._crops = crops
        self._precision = precision
        self._group = group or ProcessGroup()
        self._probe = probe
        self._epoch = 0
        self._data = PretextData(plan, crops, seed=self._seed, group=self._group)
        self.device = crops.device
        self.model = build_pretext_model(plan).to(self.device).train()
        self.optimizer = build_optimizer(
            decayed_groups(self.model.parameters(), scale=1.0, weight_decay=self._plan.weight_decay),
            self._plan.optimizer, learning_rate=self._plan.learning_rate,
        )
        # Both wrap `self.model`, whose names of weights stay as they are.
        self._parallel = self._group.parallel(self.model, self.device)
        self._network = torch.compile(self._parallel) if self._plan.compile else self._parallel
        self._steps = len(self.batches(0))

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """Row numbers of each global batch, the same for any number of processes."""
        return stratified_order(len(self._crops), self._plan.batch_size, self._seed, epoch)

    def begin_epoch(self, epoch: int) -> None:
        """The probe is not due after every epoch."""
        self._epoch = epoch

    def learning_rate(self, epoch: int, step: int) -> float:
        """Warm-up and cosine over all steps."""
        return learning_rate_at(
            epoch * self._steps + step, total_steps=self._plan.epochs * self._steps,
            warmup_share=self._plan.warmup_share, peak=self._plan.learning_rate,
        )

    def prepare(self, indices: Tensor, epoch: int, step: int) -> Sequence[PretextPart]:
        """Corrupted views of this process's rows of the global batch with the rows `indices` (n,)."""
        return self._data.batch(indices, epoch, step)

    def losses(self, part: PretextPart) -> dict[str, Tensor]:
        """Total and single losses of the part, weighted so that over parts they sum to those of the batch.

        Their mean over the processes is the loss of all processes' rows.
        """
        with unsynchronised(self._parallel, unless=part.is_last), autocast(self.device, self._precision):
            restored, projected = self._network(part.views, part.hidden)  # (2b, 1, z, y, x), (2b, p)
        restoration = restoration_loss(restored, part.originals) * part.own_share
        pairs = torch.cat(projected.float().chunk(2), dim=1)[: part.n_own]  # (b, 2p)
        first, second = self._group.gather(pairs, part.counts).chunk(2, dim=1)  # (m, p)
        contrastive = nt_xent(first, second, part.patients, self._plan.temperature)
        if self._plan.objective == "paper":
            total = restoration * (1.0 + contrastive)
        else:
            weight = self._plan.contrastive_weight * part.share
            total = self._plan.restoration_weight * restoration + weight * contrastive
        losses = {"restoration": restoration, "contrastive": contrastive * part.share}
        if part.hidden is not None:
            losses["masked_token"] = hidden_token_loss(restored, part.originals, part.hidden) * part.own_share
            total = total + self._plan.masked_token_weight * losses["masked_token"]
        return {"loss": total, **losses}

    def statistics(self) -> Sequence[Tensor]:
        """None: these networks normalise each token or lesion by itself."""
        return ()

    def after_step(self) -> None:
        """Nothing follows the weights."""

    def evaluate(self) -> dict[str, float]:
        """The probe's figures, after the epochs in which it is due: pretraining itself has no validation data."""
        if self._probe is None or not self._probe.is_due(self._epoch):
            return {}
        return self._probe.figures(self.model.encoder)

    def score(self, figures: Mapping[str, float]) -> float | None:
        """Minus the probe's AUC where it may stop pretraining; None, the last epoch is kept, where it only draws."""
        if self._probe is None or not self._probe.patience or "probe_auc" not in figures:
            return None
        return -figures["probe_auc"]

    def training_state(self) -> dict[str, Any]:
        """State of the optimiser.

        It is all that resuming needs beside weights, epoch and step: learning rate, order of the rows and every draw
        follow from these, and bfloat16 needs no scaling of the loss.
        """
        return {"optimizer": self.optimizer.state_dict()}

    def load(self, model: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Take over the weights and the optimiser of a checkpoint."""
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(dict(training["optimizer"]))
