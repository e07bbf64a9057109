"""Supervised task: the outcome of a lesion, first with a frozen encoder, then with all layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnnet.augmentation.finetune import augment_batch
from rnnet.core.seeding import seed_for
from rnnet.networks.classifier import Classifier
from rnnet.networks.depth_groups import parameter_groups_by_depth
from rnnet.planning.plan import ExperimentPlan, FinetunePlan
from rnnet.training.average import running_average
from rnnet.training.loader import CropTable
from rnnet.training.losses import classification_loss, positive_weight_of
from rnnet.training.mixup import Outcomes, balanced_loss, mix
from rnnet.training.optim import build_optimizer, decayed_groups, layer_scales, learning_rate_at
from rnnet.training.order import epoch_order
from rnnet.training.precision import autocast
from rnnet.training.predict import predict_logits


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCrops:
    """Crops with their outcomes: targets (n,) are 1 for the positive outcome, 0 for the other."""

    crops: CropTable
    targets: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPart:
    """What one forward pass works on: volumes (b, c, z, y, x), what they show, and the weight of the whole batch."""

    volumes: Tensor
    outcomes: Outcomes
    batch_weight: Tensor


class ClassifyTask:
    """Fine-tuning of a classifier: `probe_epochs` with a frozen encoder, then `plan.epochs` with all layers."""

    part: Literal["finetune"] = "finetune"

    def __init__(
        self, plan: ExperimentPlan, classifier: Classifier, train: LabelledCrops, *, validation: LabelledCrops | None,
        channels: tuple[int, ...], probe_epochs: int, name: str, precision: Literal["bfloat16", "float32"],
        title: str = "",
    ) -> None:
        # The name is part of every draw; what the log shows is not.
        self.title = title or name
        self._plan = plan.finetune
        self._seed = seed_for(plan.seed, "finetune", name)
        self._train, self._validation = train, validation
        self._channels = channels
        self._probe_epochs = probe_epochs
        self._precision = precision
        self._positive_weight = positive_weight_of(train.targets)
        self._targets = train.targets.to(train.crops.device)
        self.device = train.crops.device
        self.model = classifier.to(self.device)
        self.optimizer = build_optimizer(
            _groups(self.model, self._plan), "adamw", learning_rate=self._plan.learning_rate
        )
        self._average = running_average(self.model, self._plan.ema_decay)
        self._steps = len(self.batches(0))

    @property
    def kept(self) -> nn.Module:
        """The network that is evaluated and stored: the running average of the weights where the plan asks for it."""
        return self.model if self._average is None else self._average.module

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """Row numbers of each batch."""
        return epoch_order(len(self._train.crops), self._plan.batch_size, self._seed, epoch)

    def begin_epoch(self, epoch: int) -> None:
        """Freeze the encoder in the probe epochs: without gradients, drop-path and statistics of batches."""
        probing = epoch < self._probe_epochs
        self.model.train()
        self.model.encoder.requires_grad_(not probing)
        self.model.encoder.train(not probing)

    def learning_rate(self, epoch: int, step: int) -> float:
        """Cosine over the probe epochs, then warm-up and cosine over the others."""
        if epoch < self._probe_epochs:
            return learning_rate_at(
                epoch * self._steps + step, total_steps=self._probe_epochs * self._steps, warmup_share=0.0,
                peak=self._plan.probe_learning_rate,
            )
        return learning_rate_at(
            (epoch - self._probe_epochs) * self._steps + step, total_steps=self._plan.epochs * self._steps,
            warmup_share=self._plan.warmup_share, peak=self._plan.learning_rate,
        )

    def prepare(self, indices: Tensor, epoch: int, step: int) -> Sequence[TrainingPart]:
        """The augmented rows `indices` (b,), mixed if the plan says so, in plan.finetune.accumulate_steps parts."""
        generator = torch.Generator().manual_seed(seed_for(self._seed, "augmentation", epoch, step))
        batch = self._train.crops.batch(indices)[:, list(self._channels)]
        batch = augment_batch(batch, self._plan, generator, training_channels=self._channels)
        outcomes = Outcomes.unmixed(self._targets[indices.to(self.device)])
        if self._plan.mixup_alpha > 0.0:
            batch, outcomes = mix(
                batch, outcomes, self._plan.mixup_alpha, seed=self._seed, epoch=epoch, step=step
            )
        weight, parts = outcomes.total_weight(self._positive_weight), self._plan.accumulate_steps
        return [
            TrainingPart(volumes, shown, weight)
            for volumes, shown in zip(batch.chunk(parts), outcomes.split(parts), strict=True)
        ]

    def losses(self, part: TrainingPart) -> dict[str, Tensor]:
        """Class-balanced cross-entropy: the part's share of that of the batch."""
        with autocast(self.device, self._precision):
            logits = self.model(part.volumes)
        loss = balanced_loss(
            logits, part.outcomes, positive_weight=self._positive_weight,
            label_smoothing=self._plan.label_smoothing, total_weight=part.batch_weight,
        )
        return {"loss": loss}

    def statistics(self) -> Sequence[Tensor]:
        """Those of the ResNet's batch normalisation; a transformer has none."""
        layers = (m for m in self.model.modules() if isinstance(m, nn.BatchNorm3d))
        return [statistic for layer in layers for statistic in layer.buffers()]

    def after_step(self) -> None:
        """Move the average of the weights."""
        if self._average is not None:
            self._average.update_parameters(self.model)

    def evaluate(self) -> dict[str, float]:
        """Balanced loss, unsmoothed, and AUC on the validation crops; the AUC only where both outcomes occur."""
        if self._validation is None:
            return {}
        logits = predict_table(self.kept, self._validation.crops, self._channels, self._plan.batch_size)
        targets = self._validation.targets
        figures = {"validation_loss": float(classification_loss(logits, targets, self._positive_weight, 0.0))}
        if 0 < int(targets.sum()) < len(targets) and bool(logits.isfinite().all()):
            from sklearn.metrics import roc_auc_score

            figures["validation_auc"] = float(roc_auc_score(targets.numpy(), logits.numpy()))
        return figures

    def score(self, figures: Mapping[str, float]) -> float | None:
        """Validation loss, or minus the AUC, as the plan says; None where the last epoch is kept."""
        if self._validation is None or self._plan.select_best_by == "last":
            return None
        if self._plan.select_best_by == "auc":
            return -figures.get("validation_auc", math.nan)
        return figures["validation_loss"]

    def training_state(self) -> dict[str, Any]:
        """States of the optimiser and of the running average."""
        average = {} if self._average is None else {"average": self._average.state_dict()}
        return {"optimizer": self.optimizer.state_dict(), **average}

    def load(self, model: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Take over the weights, their average and the optimiser of a checkpoint."""
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(dict(training["optimizer"]))
        if self._average is not None:
            self._average.load_state_dict(dict(training["average"]))


def predict_table(model: nn.Module, crops: CropTable, channels: tuple[int, ...], batch_size: int) -> Tensor:
    """Logits (n,) on the CPU, without mirrored views."""
    rows = torch.arange(len(crops))
    batches = (rows[start : start + batch_size] for start in range(0, len(crops), batch_size))
    parts = [predict_logits(model, crops.batch(part), channels=channels, mirror=False) for part in batches]
    return torch.cat(parts).cpu()


def _groups(classifier: Classifier, plan: FinetunePlan) -> list[dict[str, Any]]:
    """Optimiser groups: the head learns at the full rate, each layer below it at a smaller one."""
    layers = parameter_groups_by_depth(classifier.encoder)
    scales = layer_scales(len(layers), plan.layer_decay)
    groups = decayed_groups(classifier.head.parameters(), scale=1.0, weight_decay=plan.weight_decay)
    for layer, scale in zip(layers, scales, strict=True):
        groups += decayed_groups(layer, scale=scale, weight_decay=plan.weight_decay)
    return groups
