"""From fingerprints to the plan of a data set and its folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rnnet.core.codec import read_artefact
from rnnet.core.files import file_digest
from rnnet.core.log import get_logger
from rnnet.core.workspace import PreprocessedLayout, Workspace
from rnnet.dataset.case import RawDataset
from rnnet.dataset.splits import make_splits, read_splits, write_splits
from rnnet.experiment.access import read_raw
from rnnet.experiment.held_out import check_fingerprint, held_out_input
from rnnet.experiment.split_dataset import by_person, people_of
from rnnet.planning.fingerprint import DatasetFingerprint
from rnnet.planning.memory import available_memory_bytes
from rnnet.planning.plan import Choice, ExperimentPlan, with_settings, write_plan
from rnnet.planning.planner import PLANNERS
from rnnet.preprocessing.skull_strip.table import explain_auto
from rnnet.preprocessing.skull_strip.weights import find_hd_bet_weights

log = get_logger(__name__)


def plan_dataset(
    workspace: Workspace, names: Sequence[str], *, planner: str, plan_name: str, settings: Sequence[str],
    memory_gib: float | None, n_processes: int,
) -> tuple[ExperimentPlan, Path, DatasetFingerprint]:
    """Write the plan and the folds of the first data set; returns the plan, its path and what it was made from.

    memory_gib: of the device that will train; None takes that of this machine.
    The other data sets only count as further pretraining cubes. Folds that are there already are checked and kept.

    Raises:
        UnknownComponentError: no such planner.
        MissingStageError: a data set has no fingerprint yet.
        StaleArtefactError: a fingerprint is of other held-out patients.
        SettingError: a setting that does not exist or does not fit.
    """
    layouts = [workspace.preprocessed_dataset(name) for name in names]
    for name in names:
        check_fingerprint(workspace, name)
    prints = [
        read_artefact(layout.fingerprint_json, DatasetFingerprint, made_by=f"rnnet_extract_fingerprint -d {name}")
        for name, layout in zip(names, layouts, strict=True)
    ]
    memory_bytes = available_memory_bytes() if memory_gib is None else int(memory_gib * 2**30)
    plan = PLANNERS.get(planner)().plan(
        prints[0], name=plan_name, n_cubes=sum(p.n_cubes for p in prints), memory_bytes=memory_bytes, seed=0
    )
    plan = explain_auto(with_settings(plan, settings), find_hd_bet_weights(workspace))
    plan = _with_folds(plan, read_raw(workspace, names[0], n_processes=n_processes), layouts[0])
    path = layouts[0].plans_json(plan_name)
    digests = {n: file_digest(x.fingerprint_json) for n, x in zip(names, layouts, strict=True)}
    write_plan(path, plan, inputs={**digests, **held_out_input(workspace, names[0])})
    return plan, path, prints[0]


def _with_folds(plan: ExperimentPlan, dataset: RawDataset, layout: PreprocessedLayout) -> ExperimentPlan:
    """The plan with the number of the folds that are kept; new folds are written if there are none."""
    if layout.splits_json.is_file():
        folds = read_splits(layout.splits_json, dataset.cases)
        log.info("The %d folds of %s are kept; rnnet_make_splits --overwrite makes new ones.", len(folds),
                 layout.splits_json)
        kept = Choice("n_folds", len(folds), "as many as in the splits_final.json that is there")
        return replace(plan, n_folds=len(folds)).with_reason(kept)
    if cases := dataset.training_cases():
        folds = make_splits(by_person(cases, people_of(dataset)), n_folds=plan.n_folds, seed=plan.seed)
        write_splits(layout.splits_json, folds)
    return plan
