"""From a workspace to the plan, the preprocessed scans and the pretraining corpus of data sets."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.types import LesionCase
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.experiment.corpus import Corpus, open_corpus
from rnnet.planning.plan import ExperimentPlan, read_plan, with_settings
from rnnet.preprocessing.assets import atlas_folder
from rnnet.preprocessing.atlas import Atlas, load_atlas
from rnnet.preprocessing.runner import PreprocessReport, preprocess_dataset
from rnnet.preprocessing.skull_strip.weights import find_hd_bet_weights
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


def read_plan_of(workspace: Workspace, name: str, plan_name: str, settings: Sequence[str] = ()) -> ExperimentPlan:
    """The plan of a data set with the user's changes. Raises MissingStageError when it was never planned."""
    return with_settings(read_plan(workspace.preprocessed_dataset(name).plans_json(plan_name)), settings)


def store_of(workspace: Workspace, name: str, plan: ExperimentPlan) -> ScanStore:
    """The store of a data set's scans under a plan's preprocessing."""
    return ScanStore(workspace.preprocessed_dataset(name).store(plan.data_identifier))


def preprocess_missing(
    workspace: Workspace, name: str, plan: ExperimentPlan, atlas: Atlas, *, n_processes: int, clean: bool = False,
    dask: str = "",
) -> PreprocessReport:
    """Preprocess the scans of a data set that are not in its store yet. dask, clean: see preprocess_dataset."""
    return preprocess_dataset(
        read_dataset(workspace.raw_dataset(name), n_processes=n_processes),
        plan=plan.preprocessing,
        atlas=atlas,
        store=store_of(workspace, name, plan),
        n_processes=n_processes,
        weights_folder=find_hd_bet_weights(workspace),
        dask=dask,
        clean=clean,
    )


def held_out_patients(dataset: RawDataset) -> set[str]:
    """Patients with at least one case in the test split."""
    return {case.patient_id for case in dataset.cases if case.split == "test"}


def pretraining_corpus(workspace: Workspace, names: Sequence[str], plan: ExperimentPlan) -> Corpus:
    """Every lesion of the data sets except those of held-out patients, with ids qualified by data set.

    The plan may add random crops of brain of the same scans.

    Raises:
        DatasetError: no lesion is left.
    """
    cases: dict[str, list[LesionCase]] = {}
    for name in names:
        dataset = read_dataset(workspace.raw_dataset(name))
        held_out = held_out_patients(dataset)
        cases[name] = [case for case in dataset.cases if case.patient_id not in held_out]
        log.info("%s: %d lesions, %d held-out patients left out.", name, len(cases[name]), len(held_out))
    stores = {name: store_of(workspace, name, plan) for name in names}
    corpus = open_corpus(cases, stores, plan.crop, qualify=True)
    if not corpus.cases:
        raise DatasetError(
            "No lesion is left for pretraining.",
            where=", ".join(names),
            fix="Name a data set with training patients or an unlabelled pool.",
        )
    if corpus.missing:
        log.warning("%d lesions are left out: their scans failed in preprocessing.", len(corpus.missing))
    return corpus.with_brain_crops(plan.pretrain.brain_crops_per_scan, seed=plan.seed)


def workspace_atlas(workspace: Workspace) -> Atlas:
    """The atlas that the user named, else the one in the cache.

    Raises:
        MissingWeightsError: neither is there; the message names the ways to get it.
    """
    chosen = workspace.atlas
    if chosen is not None and chosen.is_file():
        chosen = chosen.parent  # the two files of the atlas lie side by side
    return load_atlas(chosen or atlas_folder(workspace.cache))
