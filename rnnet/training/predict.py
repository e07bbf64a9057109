"""Logits of lesions from a stored classifier; in float32, so that they hardly depend on device and batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from rnnet.augmentation.finetune import mirror_views
from rnnet.core.errors import FileFormatError
from rnnet.core.types import LesionCase, LesionPrediction, positive_label
from rnnet.core.workspace import FoldLayout
from rnnet.evaluation.predictions import sigmoid, write_predictions
from rnnet.networks.classifier import Classifier, build_classifier, channels_of
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.controls import controlled_reader, recorded_control
from rnnet.training.loader import ReadCase
from rnnet.training.precision import open_device


@dataclass(frozen=True, slots=True)
class ClassifierInfo:
    """What a stored classifier needs to be used.

    Attributes:
        plan: the plan it was trained with.
        config: its imaging configuration.
        channels: the plan's channels that it sees.
        positive_outcome: what its logit belongs to.
        epoch: finished epochs when it was stored.
        patients_seen: patients of its training, validation and pretraining.
        control: the negative control that it is; its input is changed as in training. Empty for a real model.
    """

    plan: ExperimentPlan
    config: str
    channels: tuple[int, ...]
    positive_outcome: str
    epoch: int
    patients_seen: tuple[str, ...]
    control: str = ""


def load_classifier(checkpoint: Path, device: str) -> tuple[Classifier, ClassifierInfo]:
    """The classifier stored at `checkpoint`, on `device` and ready to predict, and what it is.

    Raises:
        MissingStageError: no such file.
        FileFormatError: the file is damaged or holds no classifier.
    """
    stored = read_checkpoint(checkpoint, made_by="rnnet_train")
    if stored.kind != "classifier":
        raise FileFormatError(
            "The checkpoint holds a pretrained encoder, not a classifier.", where=checkpoint, fix="Run rnnet_train."
        )
    plan = stored.experiment_plan()
    model = build_classifier(plan, config=stored.config)
    model.load_state_dict(stored.model)
    info = ClassifierInfo(
        plan=plan, config=stored.config, channels=channels_of(stored.config),
        positive_outcome=stored.positive_outcome, epoch=stored.epoch, patients_seen=stored.patients_seen,
        control=recorded_control(stored.inputs),
    )
    return model.to(open_device(device)).eval(), info


@torch.inference_mode()
def predict_logits(model: nn.Module, batch: Tensor, *, channels: Sequence[int], mirror: bool) -> Tensor:
    """Logits (b,) float32 of crops (b, 2, z, y, x); with `mirror` the mean over the eight mirrored versions.

    The model is left in evaluation mode.
    """
    model.eval()
    seen = batch[:, list(channels)]
    views = mirror_views(seen) if mirror else (seen,)
    logits: Tensor = torch.stack([model(view).float() for view in views]).mean(dim=0)
    return logits


def predict_cases(
    model: Classifier, info: ClassifierInfo, cases: Sequence[LesionCase], read_case: ReadCase, *, mirror_tta: bool,
    show_progress: bool = True,
) -> tuple[LesionPrediction, ...]:
    """What the model says of each case, in their order; crops are read batch by batch.

    A negative control sees them changed as in its training.

    Raises:
        CaseFailedError: a crop that cannot be made.
    """
    predictions = []
    read_case = controlled_reader(read_case, info.control)
    with tqdm(total=len(cases), desc="Predicting", leave=False, disable=not show_progress) as bar:
        for part in _batches(cases, info.plan.finetune.batch_size):
            crops = torch.from_numpy(np.stack([read_case(case).array for case in part]))
            device = next(model.parameters()).device
            logits = predict_logits(model, crops.to(device), channels=info.channels, mirror=mirror_tta)
            predictions += [_prediction(c, z, info) for c, z in zip(part, logits.tolist(), strict=True)]
            bar.update(len(part))
    return tuple(predictions)


def validate_fold(
    layout: FoldLayout, *, validation_cases: Sequence[LesionCase], test_cases: Sequence[LesionCase],
    read_case: ReadCase, device: str, show_progress: bool = True,
) -> None:
    """Predict validation and test cases with the fold's best checkpoint and write both files of predictions."""
    model, info = load_classifier(layout.checkpoint_best, device)
    for subset, cases in (("validation", validation_cases), ("test", test_cases)):
        if cases:
            predictions = predict_cases(
                model, info, cases, read_case, mirror_tta=info.plan.finetune.mirror_tta, show_progress=show_progress
            )
            write_predictions(
                layout.predictions(subset), predictions, positive_outcome=info.positive_outcome, control=info.control
            )


def _batches(cases: Sequence[LesionCase], size: int) -> Iterator[Sequence[LesionCase]]:
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


def _prediction(case: LesionCase, logit: float, info: ClassifierInfo) -> LesionPrediction:
    return LesionPrediction(
        case_id=case.case_id, patient_id=case.patient_id, center=case.center, split=case.split,
        outcome=positive_label(case, info.positive_outcome), logit=logit, probability=sigmoid(logit),
    )
