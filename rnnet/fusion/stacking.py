"""One fold of a tabular configuration: train, predict, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.core.types import Fold, LesionCase
from rnnet.core.workspace import FoldLayout
from rnnet.dataset.leakage import Exposure, FoldExposures
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.evaluation.predictions import write_predictions
from rnnet.features.table import FeatureTable
from rnnet.fusion.artefact import save_tabular
from rnnet.fusion.tabular import fit_tabular
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


def train_tabular_fold(
    plan: ExperimentPlan, *, config: str, fold: Fold | None, cases: Sequence[LesionCase],
    columns: Mapping[str, ClinicalColumn], radiomics: FeatureTable | None, oof_logits: Mapping[str, float] | None,
    test_logits: Mapping[str, float] | None, layout: FoldLayout, seed: int, exposures: FoldExposures | None = None,
    earlier: Sequence[Exposure] = (), allow_leakage: bool = False,
) -> tuple[str, ...]:
    """Train `config` on one fold and write its model and predictions into `layout`.

    fold: None is the fold 'all': every training case with an outcome, no validation. cases: all labelled cases of the
    data set, both splits. radiomics: a row for every case, where the configuration uses them.

    Which imaging logit each row gets (configuration 'multimodal'; the others ignore both mappings):

    - a training row its out-of-fold logit from `oof_logits`: the imaging model that gave it did not train on it;
    - a validation row likewise its out-of-fold logit, which is that of this very fold's imaging model;
    - a test row its logit from `test_logits`: for fold k that of fold k's imaging model, for the fold 'all' the mean
      over the fold models.

    What stacking in this form cannot do: the imaging models that gave the training rows of fold k their logits were
    themselves trained on folds that hold the validation rows of fold k, with their outcomes. No row's own outcome
    ever reaches its own logit, but validation figures of the fused model are slightly optimistic all the same, and
    logits of different imaging models are only roughly on one scale. The clean remedy, imaging models nested in every
    fold, costs n_folds times as much; the test rows are free of both effects, so the test split is what counts.

    exposures: patients and images of the sides; None takes the cases' patients alone. earlier: what the models behind
    the logits have seen. allow_leakage: return leaks, and log them, instead of raising them.

    Written: layout.tabular_model, predictions('validation') unless fold is None, predictions('test') if the data set
    has test cases.

    Raises:
        LeakageError: a patient stands on both sides of the fold, or in training and test.
        MissingStageError: radiomics or imaging logits are missing.
        DatasetError: the fold names unknown cases, or its training rows cannot teach anything.
    """
    labelled = {case.case_id: case for case in cases if case.outcome is not None}
    test = [case for case in labelled.values() if case.split == "test"]
    if fold is None:
        training, validation = [case for case in labelled.values() if case.split == "train"], []
    else:
        if not allow_leakage:
            fold.check(labelled.values())
        training = [labelled[i] for i in fold.train_case_ids]
        validation = [labelled[i] for i in fold.validation_case_ids]
    sides = exposures or FoldExposures.of_cases(plan.dataset, training, validation, test)
    leaks = sides.check(*earlier, allow_leakage=allow_leakage)
    model = fit_tabular(
        config, training, radiomics=radiomics, columns=columns, imaging_logits=oof_logits, plan=plan,
        seed=seed_for(seed, config, "all" if fold is None else fold.index), allow_test_cases=allow_leakage,
    )
    for step, count in model.selection.remaining:
        log.debug("%s: %d features after '%s'", config, count, step)
    log.info("%s, fold %s: %d training rows, %d inputs", config, "all" if fold is None else fold.index,
             len(training), len(model.input_names))
    for subset, rows, logits in (("validation", validation, oof_logits), ("test", test, test_logits)):
        if rows:
            found = model.predict(rows, radiomics=radiomics, imaging_logits=logits)
            write_predictions(layout.predictions(subset), found, positive_outcome=plan.positive_outcome)
    # Last: a fold counts as trained when its model is there.
    save_tabular(layout.tabular_model, model)
    return leaks
