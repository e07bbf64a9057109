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
from rnnet.features.robustness import Stability
from rnnet.features.table import FeatureTable
from rnnet.fusion.artefact import save_tabular
from rnnet.fusion.blocks import blocks_of, parts_of
from rnnet.fusion.tabular import TabularModel, fit_tabular
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


def train_tabular_fold(
    plan: ExperimentPlan, *, config: str, fold: Fold | None, cases: Sequence[LesionCase],
    columns: Mapping[str, ClinicalColumn], radiomics: FeatureTable | None, oof_logits: Mapping[str, float] | None,
    test_logits: Mapping[str, float] | None, layout: FoldLayout, seed: int, exposures: FoldExposures | None = None,
    earlier: Sequence[Exposure] = (), stability: Stability | None = None, allow_leakage: bool = False,
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
    logits of different imaging models are only roughly on one scale. With fusion.nested the training rows' logits come
    from models that have seen neither (see rnnet.fusion.nested), at n (n - 1) / 2 further imaging models for n folds,
    three times the training for five. The test rows are free of the first effect in either form.

    exposures: patients and images of the sides; None takes the cases' patients alone. earlier: what the models behind
    the logits have seen. stability: of the radiomic features over the training rows. allow_leakage: return leaks, and
    log them, instead of raising them.

    Written: layout.tabular_model, predictions('validation') unless fold is None, predictions('test') if the data set
    has test cases. Beside the former what each model for lesions that lack a block says of the validation rows that
    have its blocks: calibration and threshold of such lesions come from these.

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
        seed=seed_for(seed, config, "all" if fold is None else fold.index), stability=stability,
        allow_test_cases=allow_leakage,
    )
    for step, count in model.selection.remaining:
        log.debug("%s: %d features after '%s'", config, count, step)
    log.info("%s, fold %s: %d training rows, %d inputs", config, "all" if fold is None else fold.index,
             len(training), len(model.input_names))
    for subset, rows, logits in (("validation", validation, oof_logits), ("test", test, test_logits)):
        if rows:
            found = model.predict(rows, radiomics=radiomics, imaging_logits=logits)
            write_predictions(layout.predictions(subset), found, positive_outcome=plan.positive_outcome)
    _write_parts(model, validation, radiomics, oof_logits, layout)
    # Last: a fold counts as trained when its model is there.
    save_tabular(layout.tabular_model, model)
    return leaks


def _write_parts(
    model: TabularModel, validation: Sequence[LesionCase], radiomics: FeatureTable | None,
    logits: Mapping[str, float] | None, layout: FoldLayout,
) -> None:
    found = model.predict_by_part(validation, radiomics=radiomics, imaging_logits=logits)
    for blocks in parts_of(blocks_of(model.config))[1:]:
        path = layout.part_predictions(blocks)
        path.unlink(missing_ok=True)  # of an earlier training
        if found.get(blocks):
            write_predictions(path, found[blocks], positive_outcome=model.positive_outcome)
