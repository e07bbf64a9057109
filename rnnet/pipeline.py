"""The table of contents of rnnet: one function per command, each a short list of stage calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet.core.errors import SettingError, UnknownComponentError
from rnnet.core.log import get_logger
from rnnet.core.types import CONFIGS, IMAGING_CONFIGS
from rnnet.core.workspace import DEFAULT_PLAN, Workspace

if TYPE_CHECKING:
    from rnnet.dataset.integrity import IntegrityReport
    from rnnet.inference.new_scans import PredictionResult
    from rnnet.planning.plan import ExperimentPlan
    from rnnet.preprocessing.runner import PreprocessReport
    from rnnet.reporting.evaluation_report import EvaluationReport
    from rnnet.training.distributed import ProcessGroup

log = get_logger(__name__)
Datasets = Sequence[int | str]


def verify_dataset_integrity(
    workspace: Workspace, datasets: Datasets, *, orientation: bool = False, n_processes: int = 1
) -> dict[str, IntegrityReport]:
    """All problems of each raw data set and of using them together, keyed by name. Raises nothing for what it finds.

    orientation: compare scans that were not preprocessed yet with the atlas as well (slow: finds the brain first).
    """
    from rnnet.dataset.cross_check import cross_check
    from rnnet.dataset.integrity import check_dataset
    from rnnet.experiment.access import workspace_atlas
    from rnnet.experiment.orientation_check import add_orientation

    atlas = workspace_atlas(workspace) if orientation else None
    names = [workspace.dataset_name(d) for d in datasets]
    reports = cross_check({n: check_dataset(workspace.raw_dataset(n), n_processes=n_processes) for n in names})
    return {
        n: add_orientation(workspace, r, plan_of=(n, *names), atlas=atlas, n_processes=n_processes)
        for n, r in reports.items()
    }


def extract_fingerprint(workspace: Workspace, datasets: Datasets, *, n_processes: int = 1) -> list[Path]:
    """Measure each data set and write its dataset_fingerprint.json; returns the paths."""
    from rnnet.core.codec import write_artefact
    from rnnet.dataset.case import read_dataset, table_digests
    from rnnet.planning.fingerprint import extract_fingerprint as measure

    paths = []
    for name in map(workspace.dataset_name, datasets):
        path = workspace.preprocessed_dataset(name).fingerprint_json
        dataset = read_dataset(workspace.raw_dataset(name), n_processes=n_processes)
        write_artefact(path, measure(dataset, n_processes=n_processes), inputs=table_digests(dataset.layout))
        paths.append(path)
    return paths


def plan_experiment(
    workspace: Workspace,
    datasets: Datasets,
    *,
    planner: str = "default",
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    n_processes: int = 1,
) -> tuple[ExperimentPlan, Path]:
    """Plan for the first data set and its folds; the others only count as further pretraining cubes.

    A splits_final.json that is there already is checked and kept. A page with the plan's reasons is written beside it.
    """
    from rnnet.experiment.plan_dataset import plan_dataset
    from rnnet.reporting.plan_page import write_plan_page

    names = [workspace.dataset_name(d) for d in datasets]
    plan, path, fingerprint = plan_dataset(
        workspace, names, planner=planner, plan_name=plan_name, settings=settings, n_processes=n_processes
    )
    write_plan_page(workspace.preprocessed_dataset(names[0]).plan_html(plan_name), plan, fingerprint)
    return plan, path


def preprocess(
    workspace: Workspace,
    datasets: Datasets,
    *,
    plan_name: str = DEFAULT_PLAN,
    n_processes: int = 1,
    clean: bool = False,
    dask: str = "",
) -> dict[str, PreprocessReport]:
    """Preprocess every scan of the data sets under the plan of the first one; finished scans are not redone.

    dask: "local" or the address of a Dask scheduler; "" for n_processes of this machine.
    """
    from rnnet.experiment.access import preprocess_missing, read_plan_of, workspace_atlas

    names = [workspace.dataset_name(d) for d in datasets]
    plan = read_plan_of(workspace, names[0], plan_name)
    atlas = workspace_atlas(workspace)
    return {
        name: preprocess_missing(workspace, name, plan, atlas, n_processes=n_processes, clean=clean, dask=dask)
        for name in names
    }


def plan_and_preprocess(
    workspace: Workspace,
    datasets: Datasets,
    *,
    planner: str = "default",
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    verify: bool = False,
    preprocess_scans: bool = True,
    n_processes: int = 1,
    clean: bool = False,
    dask: str = "",
) -> tuple[ExperimentPlan, Path, dict[str, PreprocessReport]]:
    """Fingerprint, plan, folds and preprocessing of the data sets. dask is for the preprocessing alone."""
    if verify:
        for report in verify_dataset_integrity(workspace, datasets, n_processes=n_processes).values():
            report.raise_if_errors()
    extract_fingerprint(workspace, datasets, n_processes=n_processes)
    plan, path = plan_experiment(
        workspace, datasets, planner=planner, plan_name=plan_name, settings=settings, n_processes=n_processes
    )
    if not preprocess_scans:
        return plan, path, {}
    reports = preprocess(workspace, datasets, plan_name=plan_name, n_processes=n_processes, clean=clean, dask=dask)
    return plan, path, reports


def plot_qc(
    workspace: Workspace,
    dataset: int | str,
    plan_name: str = DEFAULT_PLAN,
    *,
    plan_of: int | str | None = None,
    n_processes: int = 1,
) -> Path:
    """Write the page of all preprocessed scans of a data set into its store; returns its path.

    plan_of: the data set whose plan the scans were preprocessed under, if not the same one.
    """
    from rnnet.core.errors import MissingStageError
    from rnnet.dataset.case import read_dataset
    from rnnet.experiment.access import read_plan_of, store_of
    from rnnet.reporting.qc_page import write_qc_page
    from rnnet.reporting.qc_scans import read_qc_scans

    name = workspace.dataset_name(dataset)
    plan = read_plan_of(workspace, name if plan_of is None else workspace.dataset_name(plan_of), plan_name)
    store = store_of(workspace, name, plan)
    dataset_scans = read_dataset(workspace.raw_dataset(name), n_processes=n_processes).scans
    scans = read_qc_scans(store, dataset_scans)
    if not scans.done and not scans.failed:
        raise MissingStageError(
            f"{name} has no preprocessed scan under this plan.",
            where=store.layout.folder,
            fix=f"Run rnnet_preprocess -d {name}.",
        )
    write_qc_page(store.layout.qc_html, scans, dataset=name, plan_name=plan_name, n_processes=n_processes)
    return store.layout.qc_html


def pretrain(
    workspace: Workspace,
    datasets: Datasets,
    *,
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    device: str = "cpu",
    resume: bool = False,
    group: ProcessGroup | None = None,
) -> Path:
    """Self-supervised pretraining on all lesions of patients that no test split holds out."""
    from rnnet.experiment.access import pretraining_corpus, read_plan_of
    from rnnet.training.confirm import confirm_batch_size
    from rnnet.training.pretrain import run_pretraining

    names = [workspace.dataset_name(d) for d in datasets]
    plan = read_plan_of(workspace, names[0], plan_name, settings)
    corpus = pretraining_corpus(workspace, names, plan)
    results = workspace.results_dataset(names[0], plan_name)
    log.info("Pretraining on %d lesions of %d data set(s).", len(corpus.cases), len(names))
    if group is None:
        confirm_batch_size(plan, stage="pretrain", device=device)
    return run_pretraining(
        plan,
        corpus.cases,
        corpus.read,
        layout=results.pretrain,
        final_checkpoint=results.pretrained_checkpoint,
        device=device,
        resume=resume,
        group=group,
    )


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
) -> Path:
    """Train one fold of one configuration; returns the folder of the fold."""
    from rnnet.experiment.data import ExperimentData
    from rnnet.fusion.folds import train_tabular
    from rnnet.training.folds import train_imaging_fold

    if config not in CONFIGS:
        raise UnknownComponentError.of("configuration", config, CONFIGS)
    data = ExperimentData.open(workspace, workspace.dataset_name(dataset), plan_name, settings)
    data.fold(fold)  # a fold that does not exist is an error before anything is read
    if config in IMAGING_CONFIGS:
        train_imaging_fold(
            data, fold, config=config, pretrained=pretrained, device=device, resume=resume, validate_only=validate_only
        )
    else:
        train_tabular(data, fold, config=config, n_processes=n_processes)
    return data.results.fold(config, fold).folder


def fuse(
    workspace: Workspace,
    dataset: int | str,
    *,
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    n_processes: int = 1,
) -> Path:
    """The stacking model on every fold and in full; returns the folder of the configuration."""
    from rnnet.experiment.data import ExperimentData
    from rnnet.fusion.folds import train_tabular

    data = ExperimentData.open(workspace, workspace.dataset_name(dataset), plan_name, settings)
    for fold in (*(str(f.index) for f in data.folds), "all"):
        train_tabular(data, fold, config="multimodal", n_processes=n_processes)
    return data.results.config("multimodal")


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
    from rnnet.explanation.lesions import explain_cases
    from rnnet.inference.bundle import ModelBundle
    from rnnet.inference.new_scans import predict_new_scans
    from rnnet.preprocessing.skull_strip.weights import find_hd_bet_weights

    name = workspace.dataset_name(dataset)
    bundle = ModelBundle.load(workspace, name, plan_name, config=config, folds=folds, device=device)
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
    plan_name: str = DEFAULT_PLAN,
    device: str = "cpu",
    n_processes: int = 1,
) -> EvaluationReport:
    """Metrics of every trained configuration on every test set, the tables, the figures and the report."""
    from rnnet.evaluation.runs import summarise_all
    from rnnet.experiment.data import ExperimentData
    from rnnet.inference.external import predict_external
    from rnnet.reporting.evaluation_report import write_evaluation

    data = ExperimentData.open(workspace, workspace.dataset_name(dataset), plan_name)
    names = [workspace.dataset_name(d) for d in external]
    results = {n: predict_external(workspace, data, n, device=device, n_processes=n_processes) for n in names}
    return write_evaluation(data, summarise_all(data, names), results)


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

    data = ExperimentData.open(workspace, workspace.dataset_name(dataset), plan_name)
    if config not in IMAGING_CONFIGS or config == "resnet50":
        raise SettingError(f"'{config}' has no attention.", fix="Use -c ssl_vit, vit_scratch or ssl_vit_t1ce.")
    bundle = ModelBundle.load(workspace, data.name, plan_name, config=config, folds=folds, device=device)
    cases = data.cases_named(case_ids) if case_ids else data.test_cases[:max_cases]
    return explain_cases(bundle, cases, data.corpus, data.results.explanation)


def download_assets(cache: Path, names: Sequence[str]) -> list[tuple[str, Path, str]]:
    """Bring assets into the cache; returns (name, folder, licence text to show) of each."""
    from rnnet.preprocessing.assets import ASSETS

    return [(name, *ASSETS.get(name)(cache)) for name in names]
