"""What further labels bring: the same plan, trained with shares of the labelled patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnnet.core.codec import artefact_inputs
from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.core.workspace import trained_folds
from rnnet.evaluation.predictions import read_predictions
from rnnet.evaluation.results import LabelShareResult
from rnnet.evaluation.statistics import Interval, clustered_bootstrap
from rnnet.evaluation.summary import pooled_predictions, subset_file, title_of
from rnnet.experiment.access import read_plan_of
from rnnet.experiment.data import ExperimentData
from rnnet.experiment.label_share import LabelShare
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


def label_share_results(
    data: ExperimentData, configs: Sequence[str], subsets: Sequence[str]
) -> tuple[LabelShareResult, ...]:
    """One point for every configuration, test set and share of the labels, where there is more than one share.

    The runs stand under plans of their own, which differ from this data set's in finetune.label_share alone; a
    configuration whose folds recorded another share than its plan's is left out.
    """
    plans = _plans(data)
    found = []
    for config in configs:
        used = {plan.name: plan for plan in plans if _trained_so(data, config, plan)}
        if len({plan.finetune.label_share for plan in used.values()}) > 1:
            points = (_point(data, config, subset, plan) for subset in subsets for plan in used.values())
            found += [point for point in points if point is not None]
    return tuple(found)


def _plans(data: ExperimentData) -> list[ExperimentPlan]:
    """The plans of the data set that differ in the share of the labels alone, the smallest share first."""
    found = {data.plan.name: data.plan}
    for folder in sorted(data.results.folder.glob("*__*")):
        name = folder.name.partition("__")[2]
        if name in found or not data.workspace.preprocessed_dataset(data.name).plans_json(name).is_file():
            continue
        try:
            plan = read_plan_of(data.workspace, data.name, name)
        except RnnetError as error:
            log.warning("The plan '%s' is left out of the label-efficiency curve: %s", name, error)
            continue
        if _but_share(plan) == _but_share(data.plan):
            found[name] = plan
    return sorted(found.values(), key=lambda plan: (plan.finetune.label_share, plan.name))


def _but_share(plan: ExperimentPlan) -> ExperimentPlan:
    """The plan without its name, its reasons and its share of the labels."""
    return replace(plan, name="", rationale=(), finetune=replace(plan.finetune, label_share=1.0))


def _trained_so(data: ExperimentData, config: str, plan: ExperimentPlan) -> bool:
    """Whether every trained fold recorded the plan's share of the labels."""
    results = data.workspace.results_dataset(data.name, plan.name)
    try:
        folds = trained_folds(results, config, "rnnet_train")
        records = [results.fold(config, fold).run_json for fold in folds]
        shares = {LabelShare.recorded_in(artefact_inputs(path, made_by="rnnet_train")).share for path in records}
    except RnnetError:
        return False  # not trained, or by a version that kept no records
    return shares == {plan.finetune.label_share}


def _point(data: ExperimentData, config: str, subset: str, plan: ExperimentPlan) -> LabelShareResult | None:
    """None where the subset is not predicted, or its lesions cannot have an interval."""
    results = data.workspace.results_dataset(data.name, plan.name)
    folds = [
        fold for fold in trained_folds(results, config, "rnnet_train")
        if results.fold(config, fold).predictions(subset_file(subset)).is_file()
    ]
    if not folds:
        return None
    paths = [results.fold(config, f).predictions(subset_file(subset)) for f in folds]
    predictions = [read_predictions(path, positive_outcome=plan.positive_outcome) for path in paths]
    known = [p for p in pooled_predictions(subset, predictions) if p.outcome is not None]
    try:
        interval: Interval = clustered_bootstrap(
            [p.outcome or 0 for p in known], [p.logit for p in known], [p.patient_id for p in known], seed=plan.seed)
    except RnnetError as error:
        log.warning("%s of plan '%s' on %s is left out: %s", config, plan.name, subset, error)
        return None
    training = [data.sides(f, labels=LabelShare(plan.finetune.label_share, plan.seed))[0] for f in folds]
    return LabelShareResult(
        config=config, subset=subset, subset_title=title_of(subset), positive_outcome=plan.positive_outcome,
        plan=plan.name, share=plan.finetune.label_share,
        n_training_lesions=float(np.mean([len(cases) for cases in training])),
        n_training_patients=float(np.mean([len({c.patient_id for c in cases}) for cases in training])),
        folds=tuple(folds), auc=interval, negative_outcome=plan.negative_outcome,
    )
