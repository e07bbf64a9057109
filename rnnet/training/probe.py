"""Online probe of pretraining: does the encoder, as it stands, tell the outcomes of labelled lesions apart?"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.core.types import LesionCase, positive_label
from rnnet.core.wording import listed
from rnnet.dataset.splits import make_splits, patients_per_outcome
from rnnet.evaluation.checks import FloatArray, IntArray
from rnnet.evaluation.statistics import auc, clustered_bootstrap
from rnnet.experiment.probe_lesions import ProbeLesions
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.distributed import ProcessGroup
from rnnet.training.loader import CropTable, ReadCase, load_crops
from rnnet.training.probe_scores import Part, out_of_fold_scores

log = get_logger(__name__)

_MOST_PARTS = 5
_FEWEST_PATIENTS = 2
_RESAMPLES = 1000
_CLASSIFIERS = {"linear": "a linear classifier", "nearest": "nearest neighbours"}
_FIGURES = ("probe_auc", "probe_auc_low", "probe_auc_high")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFeatures:
    """What the probe's lesions are beside their features: crops, labels (n,), and rows to fit on and to score."""

    crops: CropTable
    labels: IntArray
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """The probe of one pretraining run; the same in all its processes, except that only the first has the lesions.

    It draws nothing at random, so that training goes on as if it had not been there. With patience its best AUC chooses
    the weights that are kept: outcomes of its lesions have then steered pretraining (see `steering`). Without, its
    curve changes nothing, so that nothing is recorded and nothing refused.
    """

    plan: ExperimentPlan
    group: ProcessGroup
    lesions: LabelledFeatures | None

    @property
    def patience(self) -> int:
        """Probes without a better one after which pretraining stops; 0: it does not steer."""
        return self.plan.pretrain.probe.patience

    @property
    def label(self) -> str:
        """Name of the curve, for the picture."""
        n = "" if self.lesions is None else f", {len(self.lesions.labels)} lesions"
        return f"probe AUC ({self.plan.positive_outcome.replace('_', ' ')}{n})"

    def is_due(self, epoch: int) -> bool:
        """Whether the probe looks at the encoder after this epoch, counted from 0; always after the last."""
        done = epoch + 1
        return done % self.plan.pretrain.probe.every_epochs == 0 or done == self.plan.pretrain.epochs

    def figures(self, encoder: nn.Module) -> dict[str, float]:
        """AUC of the positive outcome over all lesions, and its 95 % bootstrap interval by patient.

        The same in all processes. Not finite where the features are not.
        """
        own = [] if self.lesions is None else [self._measure(encoder, self.lesions)]
        (values,) = self.group.gather_objects(own)
        return dict(zip(_FIGURES, values, strict=True))

    def _measure(self, encoder: nn.Module, lesions: LabelledFeatures) -> list[float]:
        features = frozen_features(encoder, lesions.crops, self.plan.finetune.batch_size)
        if not np.isfinite(features).all():
            return [math.nan] * len(_FIGURES)
        scores = out_of_fold_scores(features, lesions.labels, lesions.parts, self.plan.pretrain.probe.classifier)
        found = clustered_bootstrap(
            lesions.labels, scores, lesions.crops.patient_ids, auc, n_resamples=_RESAMPLES,
            seed=seed_for(self.plan.seed, "probe"),
        )
        return [found.value, found.low, found.high]


def open_probe(
    plan: ExperimentPlan, lesions: ProbeLesions, read_case: ReadCase, *, device: torch.device,
    group: ProcessGroup | None = None, show_progress: bool = True,
) -> Probe | None:
    """The probe of a run, its crops read; None where there is none, and the log says why.

    Args:
        plan: its pretrain.probe, positive outcome and seed are used.
        lesions: labelled lesions of training patients.
        read_case: gives the crop of a lesion.
        device: where the encoder is.
        group: the processes of the run; only the first reads crops.
        show_progress: a bar on standard error.

    Raises:
        LeakageError: a lesion of the test split.
    """
    group = group or ProcessGroup()
    held_out = sorted({case.patient_id for case in lesions.cases if case.split == "test"})
    if held_out:
        raise LeakageError(
            f"The probe of pretraining would see {len(held_out)} held-out test patient(s): {listed(held_out)}.",
            fix="Give it lesions of training patients only.",
        )
    if plan.pretrain.probe.every_epochs < 1:
        return None
    found: LabelledFeatures | None = None
    if group.is_main:
        try:
            found = _load(plan, lesions, read_case, device, show_progress)
        except DatasetError as error:
            # A pool without outcomes is nothing strange, but a plan that waits for the probe is left alone.
            wanted = plan.pretrain.probe.patience > 0
            log.log(
                logging.WARNING if wanted else logging.INFO, "Pretraining has no probe%s: %s.",
                " to stop by" if wanted else "", error.problem.rstrip("."),
            )
    if not any(group.gather_objects([found is not None])):
        return None
    return Probe(plan, group, found)


@torch.inference_mode()
def frozen_features(encoder: nn.Module, crops: CropTable, batch_size: int) -> FloatArray:
    """Pooled features (n, d) of uncorrupted crops in evaluation mode and float32; the encoder's mode is given back."""
    was_training = encoder.training
    encoder.eval()
    try:
        rows = torch.arange(len(crops))
        starts = range(0, len(crops), batch_size)
        parts = [encoder(crops.batch(rows[start : start + batch_size])).float().cpu() for start in starts]
    finally:
        encoder.train(was_training)
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)


def _load(
    plan: ExperimentPlan, lesions: ProbeLesions, read_case: ReadCase, device: torch.device, show_progress: bool
) -> LabelledFeatures:
    """Raises DatasetError where the lesions are too few."""
    if not lesions.cases:
        raise DatasetError(lesions.reason or "no labelled lesion was given")
    crops = load_crops(
        lesions.cases, read_case, device=device, dtype=torch.float16, skip_failed=True, show_progress=show_progress
    )
    by_id = {case.case_id: case for case in lesions.cases}
    cases = [by_id[case_id] for case_id in crops.case_ids]
    labels = np.array([positive_label(case, plan.positive_outcome) for case in cases], dtype=np.int64)
    parts = _parts(cases, seed_for(plan.seed, "probe"))
    probe = plan.pretrain.probe
    log.info(
        "A probe (%s) looks after %s how well frozen features tell %d lesions of %s from %d of %s, all of them lesions "
        "that fold %d trains on; %s.",
        _CLASSIFIERS[probe.classifier], _times(probe.every_epochs, plan.pretrain.epochs), int(labels.sum()),
        plan.positive_outcome.replace("_", " "), int((1 - labels).sum()), plan.negative_outcome.replace("_", " "),
        probe.fold,
        f"{probe.patience} probes in a row without a better AUC end pretraining, and the best weights are kept"
        if probe.patience else "its curve changes nothing",
    )
    return LabelledFeatures(crops, labels, parts)


def _times(every: int, epochs: int) -> str:
    if every >= epochs:
        return "the last epoch"
    return "each epoch" if every == 1 else f"every {every} epochs and the last one"


def _parts(cases: Sequence[LesionCase], seed: int) -> tuple[Part, ...]:
    """Cross-validation inside the probe's lesions: by patient, stratified, each part to fit on with both outcomes."""
    patients = patients_per_outcome(cases)
    if len(patients) < 2 or min(patients.values()) < _FEWEST_PATIENTS:
        counts = ", ".join(f"{n} of {outcome.replace('_', ' ')}" for outcome, n in sorted(patients.items()))
        raise DatasetError(f"it needs {_FEWEST_PATIENTS} labelled patients of both outcomes, and there are {counts}")
    folds = make_splits(cases, n_folds=min(_MOST_PARTS, *patients.values()), seed=seed)
    row = {case.case_id: i for i, case in enumerate(cases)}
    return tuple(
        (np.array([row[i] for i in fold.train_case_ids]), np.array([row[i] for i in fold.validation_case_ids]))
        for fold in folds
    )
