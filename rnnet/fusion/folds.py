"""The folds of a tabular configuration of an opened data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnnet.core.codec import write_artefact
from rnnet.core.errors import MissingStageError
from rnnet.core.provenance import make_run_record
from rnnet.core.types import Fold, LesionCase, LesionPrediction
from rnnet.core.workspace import FoldLayout
from rnnet.dataset.leakage import Exposure
from rnnet.evaluation.predictions import ensemble, out_of_fold, read_predictions
from rnnet.experiment.access import read_plan_of
from rnnet.experiment.data import ExperimentData
from rnnet.features.lesions import lesion_radiomics
from rnnet.features.robustness import stable_features
from rnnet.fusion.blocks import IMAGING_PART, USES_IMAGING, USES_RADIOMICS
from rnnet.fusion.nested import nested_checkpoints, nested_logits
from rnnet.fusion.stacking import train_tabular_fold
from rnnet.fusion.trained_with import IMAGING_INPUT, check_to_be_trained, imaging_models
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.exposure import checkpoint_exposure
from rnnet.training.fold_record import fold_digests
from rnnet.training.folds import check_fold_of, check_label_share


def train_tabular(
    data: ExperimentData, folds: Sequence[int | str], *, config: str, n_processes: int, allow_leakage: bool = False
) -> None:
    """Fit a tabular configuration on each of the folds ('all' may be one) and write its models and predictions.

    allow_leakage: log and record leaks instead of raising them.

    Raises:
        LeakageError: a fold's sides, or the imaging models, have seen what they must not see.
        MissingStageError: multimodal without the out-of-fold predictions of ssl_vit; the message names the folds.
        StaleArtefactError: those predictions are of models that were trained on other folds, or with another share of
            the labels than the plan's.
        SettingError: the radiomics of data.plan are not those of the stored plan.
    """
    uses_imaging = config in USES_IMAGING
    # Before the radiomics, which take longer than finding out that something is missing.
    logits = {fold: imaging_logits(data, fold) if uses_imaging else (None, None) for fold in folds}
    earlier = imaging_seen(data) if uses_imaging else Seen()
    radiomics = None
    if config in USES_RADIOMICS:
        check_to_be_trained(data.plan, read_plan_of(data.workspace, data.name, data.plan.name))
        needed = {c.case_id for fold in folds for c in _cases_of(data, fold)}
        cases = tuple(c for c in data.corpus.cases if c.case_id in needed)
        radiomics = lesion_radiomics(cases, data.corpus, data.store, data.plan, n_processes=n_processes)
    for fold in folds:
        stability = None
        if radiomics is not None and data.plan.features.minimum_icc > 0:
            stability = stable_features(
                data.sides(fold)[0], data.corpus, data.store, data.plan, n_processes=n_processes,
                allow_test_cases=allow_leakage,
            )
        oof, test = logits[fold]
        layout = data.results.fold(config, fold)
        leaks = train_tabular_fold(
            data.plan, config=config, fold=_present(data, fold), cases=_cases_of(data, fold),
            columns=data.raw.manifest.clinical, radiomics=radiomics, oof_logits=oof, test_logits=test, layout=layout,
            seed=data.plan.seed, exposures=data.fold_exposures(fold), earlier=earlier.exposures, stability=stability,
            allow_leakage=allow_leakage,
        )
        _write_record(data, fold, config, layout, (*data.leaks, *earlier.leaks, *leaks))


def _cases_of(data: ExperimentData, fold: int | str) -> tuple[LesionCase, ...]:
    """Of the training cases those alone that the plan's share of the labels leaves in a fold; of the others all."""
    used = {c.case_id for side in data.sides(fold) for c in side}
    return tuple(c for c in data.corpus.cases if c.split == "test" or c.case_id in used)


def _write_record(
    data: ExperimentData, fold: int | str, config: str, layout: FoldLayout, leaks: Iterable[str]
) -> None:
    imaging = {}
    if config in USES_IMAGING:
        imaging = {IMAGING_INPUT: imaging_models(data.results)}
        imaging |= {"imaging logits": "nested"} if data.plan.fusion.nested else {}
    inputs = {
        **data.training_inputs(fold), **fold_digests(*data.sides(fold), data.plan.positive_outcome), **imaging,
    }
    record = make_run_record("rnnet_train", seed=data.plan.seed, inputs=inputs, leaks=tuple(dict.fromkeys(leaks)))
    write_artefact(layout.run_json, record)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the imaging models have seen, and what was allowed to leak in them."""

    exposures: tuple[Exposure, ...] = ()
    leaks: tuple[str, ...] = ()


def imaging_seen(data: ExperimentData) -> Seen:
    """Of all folds of the imaging part that hold a model, and with fusion.nested of the models without two folds."""
    paths = {f.index: data.results.fold(IMAGING_PART, f.index).checkpoint_best for f in data.folds}
    found = {
        f"fold {i} of {IMAGING_PART}": read_checkpoint(path, made_by="rnnet_train", lazy=True)
        for i, path in paths.items() if path.is_file()
    }
    found |= nested_checkpoints(data, IMAGING_PART) if data.plan.fusion.nested else {}
    return Seen(
        tuple(checkpoint_exposure(c, f"{name}, or its pretraining,", data.recall) for name, c in found.items()),
        tuple(leak for c in found.values() for leak in c.leaks),
    )


def imaging_logits(data: ExperimentData, fold: int | str) -> tuple[dict[str, float], dict[str, float]]:
    """(out-of-fold logits of all training cases, logits of the test cases for this fold) of the imaging part.

    With fusion.nested those of the fold's training cases come from models that have not seen its validation cases.

    Raises:
        MissingStageError: a fold has no predictions; the message names the command.
        StaleArtefactError: a fold was trained on other cases, so that its logits may be of cases that it has seen, or
            with another share of the labels than the plan's.
    """
    layouts = [data.results.fold(IMAGING_PART, f.index) for f in data.folds]
    missing = [
        str(f.index) for f, layout in zip(data.folds, layouts, strict=True)
        if not layout.predictions("validation").is_file()
    ]
    if missing:
        raise MissingStageError(
            f"multimodal needs the out-of-fold predictions of {IMAGING_PART}; missing: fold {', '.join(missing)}.",
            where=data.results.config(IMAGING_PART), fix=f"Run rnnet_train {data.name} {missing[0]} -c {IMAGING_PART}.",
        )
    for one in data.folds:
        check_fold_of(data, IMAGING_PART, one.index)
        check_label_share(data, IMAGING_PART, one.index)
    oof = _logits(out_of_fold([read_predictions(layout.predictions("validation")) for layout in layouts]))
    if data.plan.fusion.nested and fold != "all":
        oof |= nested_logits(data, int(fold), IMAGING_PART)  # of the training rows; validation rows keep theirs
    if not data.test_cases:
        return oof, {}
    chosen = layouts if fold == "all" else [layouts[int(fold)]]
    return oof, _logits(ensemble([read_predictions(layout.predictions("test")) for layout in chosen]))


def _logits(predictions: Iterable[LesionPrediction]) -> dict[str, float]:
    return {p.case_id: p.logit for p in predictions}


def _present(data: ExperimentData, fold: int | str) -> Fold | None:
    """The fold without the cases whose scans failed in preprocessing."""
    if fold == "all":
        return None
    training, validation = data.sides(fold)
    return Fold(int(fold), tuple(c.case_id for c in training), tuple(c.case_id for c in validation))
