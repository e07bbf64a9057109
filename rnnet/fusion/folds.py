"""One fold of a tabular configuration of an opened data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rnnet.core.codec import write_artefact
from rnnet.core.errors import MissingStageError
from rnnet.core.provenance import make_run_record
from rnnet.core.types import Fold, LesionPrediction
from rnnet.dataset.leakage import Exposure
from rnnet.evaluation.predictions import ensemble, out_of_fold, read_predictions
from rnnet.experiment.data import ExperimentData
from rnnet.features.lesions import lesion_radiomics
from rnnet.fusion.stacking import train_tabular_fold
from rnnet.fusion.tabular import USES_IMAGING, USES_RADIOMICS
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.exposure import checkpoint_exposure
from rnnet.training.fold_record import fold_digests
from rnnet.training.folds import check_fold_of, check_label_share

IMAGING_PART = "ssl_vit"


def train_tabular(
    data: ExperimentData, fold: int | str, *, config: str, n_processes: int, allow_leakage: bool = False
) -> None:
    """Fit a tabular configuration on a fold (or 'all') and write its model and predictions.

    allow_leakage: log and record leaks instead of raising them.

    Raises:
        LeakageError: the fold's sides, or the imaging models, have seen what they must not see.
        MissingStageError: multimodal without the out-of-fold predictions of ssl_vit; the message names the folds.
        StaleArtefactError: those predictions are of models that were trained on other folds, or with another share of
            the labels than the plan's.
    """
    # Of the training cases those alone that the plan's share of the labels leaves; of the others all.
    used = {c.case_id for side in data.sides(fold) for c in side}
    cases = tuple(c for c in data.corpus.cases if c.split == "test" or c.case_id in used)
    oof: Mapping[str, float] | None = None
    test: Mapping[str, float] | None = None
    earlier = Seen()
    if config in USES_IMAGING:
        oof, test = imaging_logits(data, fold)
        earlier = imaging_seen(data)
    radiomics = None
    if config in USES_RADIOMICS:
        radiomics = lesion_radiomics(cases, data.corpus, data.store, data.plan, n_processes=n_processes)
    layout = data.results.fold(config, fold)
    leaks = train_tabular_fold(
        data.plan, config=config, fold=_present(data, fold), cases=cases, columns=data.raw.manifest.clinical,
        radiomics=radiomics, oof_logits=oof, test_logits=test, layout=layout, seed=data.plan.seed,
        exposures=data.fold_exposures(fold), earlier=earlier.exposures, allow_leakage=allow_leakage,
    )
    leaks = tuple(dict.fromkeys((*data.leaks, *earlier.leaks, *leaks)))
    write_artefact(layout.run_json, make_run_record(
        "rnnet_train", seed=data.plan.seed,
        inputs={**data.training_inputs(fold), **fold_digests(*data.sides(fold), data.plan.positive_outcome)},
        leaks=leaks,
    ))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the imaging models have seen, and what was allowed to leak in them."""

    exposures: tuple[Exposure, ...] = ()
    leaks: tuple[str, ...] = ()


def imaging_seen(data: ExperimentData) -> Seen:
    """Of all folds of the imaging part that hold a model."""
    paths = {f.index: data.results.fold(IMAGING_PART, f.index).checkpoint_best for f in data.folds}
    found = {i: read_checkpoint(p, made_by="rnnet_train", lazy=True) for i, p in paths.items() if p.is_file()}
    return Seen(
        tuple(checkpoint_exposure(c, f"fold {i} of {IMAGING_PART}, or its pretraining,", data.recall)
              for i, c in found.items()),
        tuple(leak for c in found.values() for leak in c.leaks),
    )


def imaging_logits(data: ExperimentData, fold: int | str) -> tuple[dict[str, float], dict[str, float]]:
    """(out-of-fold logits of all training cases, logits of the test cases for this fold) of the imaging part.

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
    oof = out_of_fold([read_predictions(layout.predictions("validation")) for layout in layouts])
    if not data.test_cases:
        return _logits(oof), {}
    chosen = layouts if fold == "all" else [layouts[int(fold)]]
    return _logits(oof), _logits(ensemble([read_predictions(layout.predictions("test")) for layout in chosen]))


def _logits(predictions: Iterable[LesionPrediction]) -> dict[str, float]:
    return {p.case_id: p.logit for p in predictions}


def _present(data: ExperimentData, fold: int | str) -> Fold | None:
    """The fold without the cases whose scans failed in preprocessing."""
    if fold == "all":
        return None
    training, validation = data.sides(fold)
    return Fold(int(fold), tuple(c.case_id for c in training), tuple(c.case_id for c in validation))
