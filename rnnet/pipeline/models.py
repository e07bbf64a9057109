"""From preprocessed scans to models, predictions and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rnnet.core.errors import SettingError, UnknownComponentError
from rnnet.core.layouts import control_config
from rnnet.core.log import get_logger
from rnnet.core.types import CONFIGS, IMAGING_CONFIGS, TABULAR_CONFIGS
from rnnet.core.workspace import DEFAULT_PLAN, Workspace
from rnnet.pipeline.names import Datasets

if TYPE_CHECKING:
    from rnnet.inference.new_scans import PredictionResult
    from rnnet.reporting.evaluation_report import EvaluationReport
    from rnnet.training.distributed import ProcessGroup
    from rnnet.training.import_weights import WeightsImport

log = get_logger(__name__)


def pretrain(
    workspace: Workspace,
    datasets: Datasets,
    *,
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    device: str = "cpu",
    resume: bool = False,
    group: ProcessGroup | None = None,
    allow_leakage: bool = False,
) -> Path:
    """Self-supervised pretraining on all lesions of patients that no test split holds out; copies are used once.

    allow_leakage: leave nobody out; what leaks is logged and recorded.
    """
    from rnnet.experiment.access import read_plan_of
    from rnnet.experiment.pretraining_corpus import pretraining_corpus
    from rnnet.experiment.pretraining_exposure import check_pretraining
    from rnnet.experiment.probe_lesions import probe_lesions
    from rnnet.training.confirm import confirm_batch_size
    from rnnet.training.launcher import check_batch_size
    from rnnet.training.pretrain import run_pretraining

    names = [workspace.dataset_name(d) for d in datasets]
    plan = read_plan_of(workspace, names[0], plan_name, settings)
    check_batch_size(plan, 1 if group is None else group.count)  # before anything is read or tried out
    chosen = pretraining_corpus(workspace, names, plan, keep_held_out=allow_leakage)
    corpus = chosen.corpus
    exposure, leaks = check_pretraining(workspace, names, plan, corpus, allow_leakage=allow_leakage)
    results = workspace.results_dataset(names[0], plan_name)
    log.info("Pretraining on %d crops of %d data set(s).", len(corpus.cases), len(names))
    if group is None or group.is_main:
        chosen.account.write(results.pretraining_corpus_json)
    # A run that has left a checkpoint has made its steps.
    if not (resume and results.pretrain.checkpoint_latest.is_file()):
        own, n_processes = (device, 1) if group is None else (group.device(device), group.count)
        confirm_batch_size(plan, stage="pretrain", device=own, n_processes=n_processes)
    return run_pretraining(
        plan,
        corpus.cases,
        corpus.read,
        layout=results.pretrain,
        final_checkpoint=results.pretrained_checkpoint,
        device=device,
        resume=resume,
        group=group,
        inputs={"corpus": chosen.account.summary},
        exposure=exposure,
        leaks=leaks,
        probe=probe_lesions(workspace, names[0], plan, corpus),
        people=chosen.people,
    )


def import_weights(
    workspace: Workspace,
    dataset: int | str,
    source: Path,
    *,
    output: Path | None = None,
    layout: str = "auto",
    axes: Literal["zyx", "xyz"] = "zyx",
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
) -> tuple[Path, WeightsImport]:
    """Weights of another program as a checkpoint of the plan's network; returns it and what became of each tensor.

    axes: the order of the axes of the volumes that the weights were trained on.
    """
    from rnnet.experiment.access import read_plan_of
    from rnnet.training.import_weights import import_weights as run_import

    name = workspace.dataset_name(dataset)
    plan = read_plan_of(workspace, name, plan_name, settings)
    path = output or workspace.results_dataset(name, plan_name).imported_checkpoint(source.stem)
    return path, run_import(plan, source, path, layout=layout, axes=axes)


def train(
    workspace: Workspace,
    dataset: int | str,
    fold: int | str,
    *,
    config: str = "ssl_vit",
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    pretrained: str = "auto",
    device: str = "cpu",
    resume: bool = False,
    validate_only: bool = False,
    n_processes: int = 1,
    allow_leakage: bool = False,
    control: str = "",
    seeds: int = 1,
    without: int | None = None,
) -> Path:
    """Train one fold of one configuration; returns the folder of the fold.

    control: train this negative control of it instead. seeds: train the fold so many times, with the plan's seed and
    the numbers that follow it. without: leave this fold out as well, for nested cross-validation.
    """
    from rnnet.experiment.data import ExperimentData
    from rnnet.fusion.folds import train_tabular
    from rnnet.fusion.nested import train_without
    from rnnet.training.folds import train_imaging_fold

    if config not in CONFIGS:
        raise UnknownComponentError.of("configuration", config, CONFIGS)
    # The seed says which further runs are meant.
    changed = [setting for setting in settings if setting.partition("=")[0].strip() != "seed"]
    if validate_only and (changed or pretrained != "auto"):
        raise SettingError(
            "--val predicts with the fold as it was trained: --set and -pretrained change nothing.",
            fix="Leave them out, or train the fold again.",
        )
    name = workspace.dataset_name(dataset)
    data = ExperimentData.open(workspace, name, plan_name, settings, allow_leakage=allow_leakage)
    data.fold(fold)  # a fold that does not exist is an error before anything is read
    if without is not None:
        if control or seeds != 1 or validate_only or fold == "all" or config not in IMAGING_CONFIGS:
            raise SettingError(
                "--without is for one fold of an imaging configuration, without --control, --seeds and --val.",
                fix="Example: rnnet_train 1 0 -c ssl_vit --without 1",
            )
        return train_without(
            data, int(fold), without, config=config, pretrained=pretrained, device=device, resume=resume,
            allow_leakage=allow_leakage,
        ).folder
    if config in IMAGING_CONFIGS:
        for further in range(seeds):
            if seeds > 1:
                log.info("Run %d of %d, with seed %d.", further + 1, seeds, data.plan.seed + further)
            train_imaging_fold(
                data, fold, config=config, pretrained=pretrained, device=device, resume=resume,
                validate_only=validate_only, allow_leakage=allow_leakage, control=control,
                seed=data.plan.seed + further if further else None, seeds=seeds,
            )
        return data.results.fold(control_config(config, control), fold).folder
    if control or seeds != 1 or validate_only:
        raise SettingError(
            f"--control, --seeds and --val are for imaging configurations, and '{config}' is none.",
            fix=f"Use one of {', '.join(IMAGING_CONFIGS)}, or leave them out.",
        )
    train_tabular(data, [fold], config=config, n_processes=n_processes, allow_leakage=allow_leakage)
    return data.results.fold(config, fold).folder


def fuse(
    workspace: Workspace,
    dataset: int | str,
    *,
    config: str = "multimodal",
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    n_processes: int = 1,
    allow_leakage: bool = False,
) -> Path:
    """A tabular configuration, the stacking model by default, on every fold and in full; returns its folder."""
    from rnnet.experiment.data import ExperimentData
    from rnnet.fusion.folds import train_tabular

    if config not in TABULAR_CONFIGS:
        raise UnknownComponentError.of("tabular configuration", config, TABULAR_CONFIGS)
    name = workspace.dataset_name(dataset)
    data = ExperimentData.open(workspace, name, plan_name, settings, allow_leakage=allow_leakage)
    folds = [*(str(f.index) for f in data.folds), "all"]
    train_tabular(data, folds, config=config, n_processes=n_processes, allow_leakage=allow_leakage)
    return data.results.config(config)


def predict(
    workspace: Workspace,
    dataset: int | str,
    *,
    images: Path,
    masks: Path,
    output: Path,
    config: str = "ssl_vit",
    folds: Sequence[str] | None = None,
    clinical: Path | None = None,
    brain_masks: Path | None = None,
    explain_lesions: bool = False,
    plan_name: str = DEFAULT_PLAN,
    device: str = "cpu",
    n_processes: int = 1,
) -> PredictionResult:
    """Predict every lesion of a folder of new scans; writes predictions.csv and predictions.json."""
    from rnnet.experiment.access import workspace_atlas
    from rnnet.explanation.lesions import explain_cases, transformers_of
    from rnnet.inference.bundle import ModelBundle
    from rnnet.inference.new_scans import predict_new_scans
    from rnnet.preprocessing.skull_strip.weights import find_hd_bet_weights

    name = workspace.dataset_name(dataset)
    bundle = ModelBundle.load(workspace, name, plan_name, config=config, folds=folds, device=device)
    if explain_lesions:  # a model without attention is an error before the scans are preprocessed
        transformers_of(bundle)
    result = predict_new_scans(
        bundle,
        images=images,
        masks=masks,
        output=output,
        clinical_table=clinical,
        brain_masks=brain_masks,
        atlas=workspace_atlas(workspace),
        weights_folder=find_hd_bet_weights(workspace),
        n_processes=n_processes,
    )
    if not explain_lesions:
        return result
    pictures = explain_cases(bundle, result.cases, result.corpus, output / "attention")
    return replace(result, pictures=tuple(pictures))


def evaluate(
    workspace: Workspace,
    dataset: int | str,
    *,
    external: Datasets = (),
    compare: Sequence[str] = (),
    label_sources: Sequence[str] = (),
    plan_name: str = DEFAULT_PLAN,
    device: str = "cpu",
    n_processes: int = 1,
    allow_leakage: bool = False,
) -> EvaluationReport:
    """Figures of every trained configuration on every test set, their comparisons, the tables and the report.

    compare: configurations to compare; see evaluation.comparison.chosen_pairs. label_sources: evaluate only lesions
    whose outcome comes from one of them; the result lies in a folder of its own.
    """
    from rnnet.evaluation.case_facts import SizeLimit, case_facts
    from rnnet.evaluation.comparison import chosen_pairs
    from rnnet.evaluation.runs import EvaluationRequest, summarise_all, trained_configs
    from rnnet.experiment.access import read_raw
    from rnnet.experiment.data import ExperimentData
    from rnnet.experiment.fingerprints import distance_from_training
    from rnnet.fusion.trained_with import check_trained
    from rnnet.inference.exposures import leaks_of
    from rnnet.inference.external import predict_external
    from rnnet.inference.unlike import unlike_runs
    from rnnet.reporting.evaluation_report import write_evaluation

    data = ExperimentData.open(workspace, workspace.dataset_name(dataset), plan_name, allow_leakage=allow_leakage)
    names = [workspace.dataset_name(d) for d in external]
    if data.name in names:
        raise SettingError(f"{data.name} cannot be external to itself.",
                           fix="Its own test split is evaluated without --external.")
    if compare:  # before hours of preprocessing
        chosen_pairs(trained_configs(data.results), compare)
    check_trained(data.results, TABULAR_CONFIGS, data.plan)
    leaks = leaks_of(data, allow_leakage=allow_leakage)
    results = {
        n: predict_external(
            workspace, data, n, device=device, n_processes=n_processes, allow_leakage=allow_leakage
        )
        for n in names
    }
    raw = [read_raw(workspace, n) for n in names]
    distances = [distance_from_training(workspace, data.name, r, n_processes=n_processes) for r in raw]
    unlike = unlike_runs(data)
    facts = {data.name: case_facts(data.corpus, SizeLimit.of(data.corpus)), **{n: r.facts for n, r in results.items()}}
    evaluation, lesions = summarise_all(
        data, EvaluationRequest(facts, tuple(names), tuple(compare), tuple(label_sources), unlike.folders)
    )
    selected = replace(data, results=data.results.of_selection(label_sources))
    return write_evaluation(selected, evaluation, results, distances, leaks, unlike, lesions=lesions)


def explain(
    workspace: Workspace,
    dataset: int | str,
    *,
    config: str = "ssl_vit",
    folds: Sequence[str] | None = None,
    case_ids: Sequence[str] | None = None,
    max_cases: int = 12,
    plan_name: str = DEFAULT_PLAN,
    device: str = "cpu",
) -> list[Path]:
    """Attention maps of lesions, as pictures and as NIfTI in the scans' own grids; returns the pictures."""
    from rnnet.experiment.data import ExperimentData
    from rnnet.explanation.lesions import explain_cases
    from rnnet.inference.bundle import ModelBundle

    # Attention maps test nothing: a leak that training was allowed must not stop them.
    data = ExperimentData.open(workspace, workspace.dataset_name(dataset), plan_name, allow_leakage=True)
    if config not in IMAGING_CONFIGS or config == "resnet50":
        raise SettingError(f"'{config}' has no attention.", fix="Use -c ssl_vit, vit_scratch or ssl_vit_t1ce.")
    for fold in folds or ():
        data.fold(fold)  # a fold that does not exist is an error that names the others
    bundle = ModelBundle.load(workspace, data.name, plan_name, config=config, folds=folds, device=device)
    cases = data.cases_named(case_ids) if case_ids else data.test_cases[:max_cases]
    return explain_cases(bundle, cases, data.corpus, data.results.explanation)
