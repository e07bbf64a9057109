"""Was a tabular model trained on the inputs that it is given now? Others only have the same names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rnnet.core.codec import digest_of
from rnnet.core.errors import SettingError, StaleArtefactError
from rnnet.core.files import file_digest
from rnnet.core.layouts import plan_option
from rnnet.core.workspace import ResultsLayout, trained_folds
from rnnet.fusion.artefact import load_tabular
from rnnet.fusion.blocks import IMAGING_PART, RADIOMICS, USES_IMAGING
from rnnet.fusion.radiomics_block import radiomics_origin
from rnnet.fusion.tabular import TabularModel
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.fold_record import recorded_inputs

# Under which a model with an imaging logit records the imaging models.
IMAGING_INPUT = "imaging models"


def load_trained(path: Path, plan: ExperimentPlan) -> TabularModel:
    """The tabular model stored at `path`, to be used under the stored plan.

    Raises:
        MissingStageError: no such file.
        FileFormatError: not a model.
        SettingError: another outcome is its positive one.
        StaleArtefactError: it was trained on radiomics of other settings, of another version of pyradiomics or of scans
            that were preprocessed otherwise; also where it did not record them.
    """
    model = load_tabular(path)
    if model.positive_outcome != plan.positive_outcome:
        raise SettingError(
            f"The model's positive outcome is '{model.positive_outcome}', the plan's is '{plan.positive_outcome}'.",
            where=path, fix="Train again.",
        )
    if RADIOMICS in model.blocks and model.radiomics.made_with != radiomics_origin(plan):
        raise StaleArtefactError(
            f"'{model.config}' was trained on other radiomics (settings of features.*, preprocessing, or version of "
            f"pyradiomics) than the plan '{plan.name}' gives now.", where=path,
            fix=f"Train again: rnnet_fuse {plan.dataset} -c {model.config}.",
        )
    return model


def check_trained(results: ResultsLayout, configs: Iterable[str], plan: ExperimentPlan) -> None:
    """Return if load_trained takes every stored tabular model of these configurations."""
    for config in configs:
        for fold in results.folds(config):
            if fold.tabular_model.is_file():
                load_trained(fold.tabular_model, plan)


def check_to_be_trained(plan: ExperimentPlan, stored: ExperimentPlan) -> None:
    """Return if radiomics under `plan`, changed for one training, are those of the stored plan.

    Raises:
        SettingError: they are others. Prediction only knows the stored plan and would refuse the model.
    """
    if radiomics_origin(plan) != radiomics_origin(stored):
        raise SettingError(
            "--set changes how radiomics are extracted for this training alone; prediction takes the stored plan.",
            fix=f"Make a plan with it: rnnet_plan_experiment -d {plan.dataset} -p OTHER --set ..., and use -p OTHER.",
        )


def imaging_models(results: ResultsLayout) -> str:
    """Digest of the trained folds of the imaging part: each gives logits to training rows of all others."""
    folds = trained_folds(results, IMAGING_PART, "rnnet_train")
    return digest_of({fold: file_digest(results.fold(IMAGING_PART, fold).checkpoint_best) for fold in folds})


def check_imaging_models(results: ResultsLayout, config: str, folds: Iterable[str]) -> None:
    """Return if these folds of a configuration with an imaging logit were trained on logits of the models of now.

    Raises:
        StaleArtefactError: the imaging part was trained again since: its logits may be of another size altogether.
    """
    stored = [layout for fold in folds if (layout := results.fold(config, fold)).tabular_model.is_file()]
    if config not in USES_IMAGING or not stored:
        return
    now = imaging_models(results)
    for layout in stored:
        if recorded_inputs(layout).get(IMAGING_INPUT) != now:
            raise StaleArtefactError(
                f"'{config}' learnt from logits of other {IMAGING_PART} models than those that are there now, or did "
                "not record of which.", where=layout.folder,
                fix=f"Run rnnet_fuse {results.folder.name} -c {config}{plan_option(results.plan_name)} again.",
            )


def outdated_fusions(results: ResultsLayout) -> Iterator[tuple[str, str]]:
    """(configuration, what is wrong and its cure) of each trained before the imaging models of now."""
    for config in USES_IMAGING:
        folds = [fold.name for fold in results.folds(config)]
        try:
            check_imaging_models(results, config, folds)
        except StaleArtefactError as error:
            yield config, f"{error.problem} {error.fix}"
