"""Calibration, threshold and conformal limits of lesions that lack a block of a stacking model's inputs."""

from __future__ import annotations

from rnnet.core.codec import write_artefact
from rnnet.core.errors import SettingError
from rnnet.core.files import file_digest
from rnnet.core.log import get_logger
from rnnet.core.workspace import ResultsLayout, trained_folds
from rnnet.evaluation.deciding import fit_on
from rnnet.evaluation.decision import Decision
from rnnet.evaluation.predictions import out_of_fold, read_predictions
from rnnet.fusion.blocks import blocks_of, blocks_text, parts_of
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


def decide_parts(results: ResultsLayout, config: str, plan: ExperimentPlan) -> dict[tuple[str, ...], Decision]:
    """By blocks of inputs, the decision of the model for lesions that have these alone; none for imaging models.

    Each is fitted on what that model says, out of fold, of the training lesions that have its blocks, and stored beside
    the decision of the configuration. One whose lesions are all of one outcome is left out.
    """
    found = {}
    for blocks in parts_of(blocks_of(config))[1:]:
        paths = [results.fold(config, f).part_predictions(blocks) for f in trained_folds(results, config, "rnnet_fuse")]
        paths = [path for path in paths if path.is_file()]
        predictions = out_of_fold([read_predictions(p, positive_outcome=plan.positive_outcome) for p in paths])
        try:
            found[blocks] = fit_on(predictions, plan)
        except SettingError as error:
            log.info("Lesions with %s alone are decided as the others: %s", blocks_text(blocks), error.problem)
            continue
        inputs = {path.parent.name: file_digest(path) for path in paths}
        write_artefact(results.part_decision_json(config, blocks), found[blocks], inputs=inputs)
    return found
