"""The decision of a configuration: fitted once on its out-of-fold logits, and without each fold for that fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rnnet.core.codec import artefact_inputs, digest_of, read_artefact, write_artefact
from rnnet.core.errors import SettingError
from rnnet.core.files import file_digest
from rnnet.core.log import get_logger
from rnnet.core.types import LesionPrediction
from rnnet.core.workspace import ResultsLayout, trained_folds
from rnnet.evaluation.decision import Decision, fit_decision
from rnnet.evaluation.predictions import out_of_fold, read_predictions
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Decisions:
    """`own` for lesions that no fold knows; `by_fold` for the validation lesions of each fold (see cross_decisions).

    Where `by_fold` is empty, `own` decides the validation lesions as well, although it was fitted to them.
    """

    own: Decision
    by_fold: Mapping[int, Decision] = field(default_factory=dict)

    def of(self, fold: int | None) -> Decision:
        """The decision for the validation lesions of a fold, or for lesions of a test set (None)."""
        return self.own if fold is None else self.by_fold.get(fold, self.own)


def decide(results: ResultsLayout, config: str, plan: ExperimentPlan) -> Decision:
    """The configuration's calibration, threshold and conformal limits, fixed on its out-of-fold logits.

    They are stored as decision.json beside its folds and read from there, until a fold is trained again or the plan's
    decision settings change: then they are fitted anew.

    Raises:
        MissingStageError: no fold is trained.
        SettingError: the out-of-fold predictions hold one outcome only.
    """
    folds = trained_folds(results, config, f"rnnet_train DATASET FOLD -c {config}")
    paths = {fold: results.fold(config, fold).predictions("validation") for fold in folds}
    stored, made_by = results.decision_json(config), "rnnet_evaluate"
    inputs = {
        **{f"fold {fold}": file_digest(path) for fold, path in paths.items() if path.is_file()},
        "settings": digest_of(plan.decision), "positive outcome": plan.positive_outcome,
    }
    if stored.is_file() and artefact_inputs(stored, made_by=made_by) == inputs:
        return read_artefact(stored, Decision, made_by=made_by)
    predictions = out_of_fold(
        [read_predictions(path, positive_outcome=plan.positive_outcome) for path in paths.values()]
    )
    decision = fit_on(predictions, plan)
    write_artefact(stored, decision, inputs=inputs)
    return decision


def cross_decisions(
    by_fold: Mapping[int, Sequence[LesionPrediction]], plan: ExperimentPlan
) -> dict[int, Decision]:
    """For every fold the decision that the out-of-fold predictions of the other folds teach.

    With it the figures of cross-validation stay honest: no lesion's own outcome takes part in its calibration, its
    threshold or its conformal set. Empty where that cannot be: a single fold, or others that lack an outcome.
    """
    found = {}
    for fold in by_fold:
        others = [p for other, predictions in by_fold.items() if other != fold for p in predictions]
        try:
            found[fold] = fit_on(others, plan)
        except SettingError as error:
            log.info("Fold %d cannot be decided by the other folds: %s", fold, error.problem)
            return {}
    return found


def fit_on(predictions: Sequence[LesionPrediction], plan: ExperimentPlan) -> Decision:
    """The decision that predictions of lesions with a known outcome teach. Raises SettingError as fit_decision."""
    known = [(p.outcome, p.logit) for p in predictions if p.outcome is not None]
    return fit_decision(
        [k[0] for k in known], [k[1] for k in known], positive_outcome=plan.positive_outcome,
        negative_outcome=plan.negative_outcome, settings=plan.decision,
    )
