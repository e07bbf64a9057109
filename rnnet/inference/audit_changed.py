"""What was made while the folds or the held-out patients were others than now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rnnet.core.errors import StaleArtefactError
from rnnet.core.types import CONFIGS, Fold, LesionCase, Problem
from rnnet.core.workspace import ResultsLayout, Workspace
from rnnet.dataset.problems import error
from rnnet.dataset.splits import read_splits_and_leaks
from rnnet.experiment.access import read_raw, store_of
from rnnet.experiment.held_out import check_fingerprint, check_plan
from rnnet.inference.exposures import trained_patients
from rnnet.planning.plan import read_plan
from rnnet.training.fold_record import check_trained_fold


def made_with_other_splits(workspace: Workspace, name: str, results: Sequence[ResultsLayout]) -> list[Problem]:
    """Errors of the fingerprint of a data set, and of the plans and trained folds of its results.

    Raises:
        RnnetError: one of them, or the splits, cannot be read.
    """
    layout = workspace.preprocessed_dataset(name)
    checks: list[Callable[[], object]] = []
    if layout.fingerprint_json.is_file():
        checks.append(partial(check_fingerprint, workspace, name))
    for one in results:
        if layout.plans_json(one.plan_name).is_file():
            checks.append(partial(check_plan, workspace, name, one.plan_name))
            checks += _fold_checks(workspace, name, one)
    return [problem for check in checks for problem in _problems(check)]


def _fold_checks(workspace: Workspace, name: str, results: ResultsLayout) -> Iterator[Callable[[], object]]:
    layout = workspace.preprocessed_dataset(name)
    trained = [(config, fold) for config in CONFIGS for fold in results.validated_folds(config)]
    if not trained or not layout.splits_json.is_file():
        return
    plan, raw = read_plan(layout.plans_json(results.plan_name)), read_raw(workspace, name)
    folds = {str(f.index): f for f in read_splits_and_leaks(layout.splits_json, raw.cases, allow_leakage=True)[0]}
    done = set(store_of(workspace, name, plan).scan_ids())
    cases = [case for case in raw.labelled() if case.scan_id in done]
    for config, fold in trained:
        yield partial(
            check_trained_fold, results, config, fold.name, _sides(folds.get(fold.name), cases),
            positive_outcome=plan.positive_outcome, trained_patients=trained_patients(fold),
        )


def _problems(check: Callable[[], object]) -> list[Problem]:
    try:
        check()
    except StaleArtefactError as failure:
        return [error("made-with-other-splits", failure.where, failure.problem, failure.fix)]
    return []


def _sides(fold: Fold | None, cases: Sequence[LesionCase]) -> tuple[list[LesionCase], list[LesionCase]] | None:
    if fold is None:
        return None
    train, validation = set(fold.train_case_ids), set(fold.validation_case_ids)
    return [c for c in cases if c.case_id in train], [c for c in cases if c.case_id in validation]
