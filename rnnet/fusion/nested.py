"""Nested cross-validation of the stacking model: imaging models that have seen neither of two folds.

For the fusion of fold k, the training rows of fold j get their logits from the model without k and j. It is the same
model for the fusion of fold j, so that n folds need n (n - 1) / 2 models beside their own n: 10 beside 5.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from rnnet.core.errors import MissingStageError, SettingError
from rnnet.core.types import Fold, LesionCase
from rnnet.core.workspace import FoldLayout
from rnnet.evaluation.predictions import out_of_fold, read_predictions, write_predictions
from rnnet.experiment.data import ExperimentData
from rnnet.training.checkpoint import Checkpoint, read_checkpoint
from rnnet.training.finetune import PRETRAINED_CONFIGS
from rnnet.training.folds import check_fold_of, check_label_share, train_imaging_fold
from rnnet.training.predict import load_classifier, predict_cases


def train_without(
    data: ExperimentData, first: int, second: int, *, config: str, pretrained: str, device: str, resume: bool,
    allow_leakage: bool = False,
) -> FoldLayout:
    """Fine-tune `config` on the training rows that lie in neither fold, predict the rows of both; returns its files.

    It is trained to the last epoch: an epoch chosen by the loss on one of the folds would have seen its outcomes.

    Raises:
        SettingError: the folds are one, or a fold does not exist, or no third one is left to train on.
        LeakageError: the encoder or the training rows have seen what they must not see.
    """
    inner, left_out = _without(data, config, first, second)
    name = inner.folds[0].index
    if pretrained == "auto" and config in PRETRAINED_CONFIGS:
        pretrained = str(data.results.pretrained_checkpoint)  # of the data set: `inner` has results of its own
    train_imaging_fold(
        inner, name, config=config, pretrained=pretrained, device=device, resume=resume, validate_only=False,
        allow_leakage=allow_leakage, left_out=left_out,
    )
    layout = inner.results.fold(config, name)
    model, info = load_classifier(layout.checkpoint_best, device)
    found = predict_cases(model, info, left_out, data.corpus.read, mirror_tta=info.plan.finetune.mirror_tta)
    write_predictions(layout.predictions("validation"), found, positive_outcome=data.plan.positive_outcome)
    return layout


def nested_logits(data: ExperimentData, fold: int, config: str) -> dict[str, float]:
    """Logits of the training rows of a fold by models that have seen neither the row nor the fold's validation rows.

    Raises:
        MissingStageError: a model is not trained; the message names the command.
        StaleArtefactError: one was trained on other cases, or on another share of the labels.
    """
    found = []
    for other in (f for f in data.folds if f.index != fold):
        inner, _ = _without(data, config, fold, other.index)
        name = inner.folds[0].index
        path = inner.results.fold(config, name).predictions("validation")
        if not path.is_file():
            missing = _missing(data, config)
            raise MissingStageError(
                f"Nested cross-validation needs {config} without the folds {fold} and {other.index}; {len(missing)} of "
                f"{len(data.folds) * (len(data.folds) - 1) // 2} such models are not trained.", where=path.parent,
                fix=f"Run rnnet_train {data.name} {missing[0][0]} -c {config} --without {missing[0][1]}, or leave out "
                    "fusion.nested.",
            )
        check_fold_of(inner, config, name)
        check_label_share(inner, config, name)
        rows = set(other.validation_case_ids)
        found.append(tuple(p for p in read_predictions(path) if p.case_id in rows))
    return {p.case_id: p.logit for p in out_of_fold(found)}


def nested_checkpoints(data: ExperimentData, config: str) -> dict[str, Checkpoint]:
    """Those of these models that are trained, by a name for messages."""
    found = {}
    for a, b in combinations([f.index for f in data.folds], 2):
        inner, _ = _without(data, config, a, b)
        path = inner.results.fold(config, inner.folds[0].index).checkpoint_best
        if path.is_file():
            found[f"{config} without the folds {a} and {b}"] = read_checkpoint(path, made_by="rnnet_train", lazy=True)
    return found


def _missing(data: ExperimentData, config: str) -> list[tuple[int, int]]:
    pairs = combinations([f.index for f in data.folds], 2)
    return [(a, b) for a, b in pairs
            if not data.results.without(config, a, b).fold(config, min(a, b)).predictions("validation").is_file()]


def _without(
    data: ExperimentData, config: str, first: int, second: int
) -> tuple[ExperimentData, tuple[LesionCase, ...]]:
    """(the data set with one fold alone, whose training rows lie in neither fold; the rows of both folds)."""
    for fold in (first, second):
        data.fold(fold)  # a fold that does not exist is an error that names the others
    if first == second or len(data.folds) < 3:
        raise SettingError(
            f"A model without the folds {first} and {second} needs two different ones of at least three.",
            fix="Name two folds, or plan more: rnnet_plan_experiment --set n_folds=5.",
        )
    out = {i for f in data.folds if f.index in (first, second) for i in f.validation_case_ids}
    one = next(f for f in data.folds if f.index == first)
    training = tuple(i for i in one.train_case_ids if i not in out)
    low, high = sorted((first, second))
    # No validation rows: nothing of what is left out may choose an epoch.
    inner = replace(data, folds=(Fold(low, training, ()),), results=data.results.without(config, low, high))
    return inner, tuple(c for c in data.corpus.cases if c.case_id in out)
