"""Predictions of an external data set by negative controls and by further seeds: for the report alone."""

from __future__ import annotations

from rnnet.core.types import IMAGING_CONFIGS
from rnnet.core.workspace import FoldLayout
from rnnet.evaluation.predictions import write_predictions
from rnnet.evaluation.repeats import trained_controls
from rnnet.experiment.corpus import Corpus
from rnnet.experiment.data import ExperimentData
from rnnet.training.predict import load_classifier, predict_cases


def predict_repeats(data: ExperimentData, name: str, corpus: Corpus, *, device: str) -> None:
    """Predict the lesions of an external data set with whatever no other command predicts with.

    These are the folds of the negative controls, each on the changed input that it was trained on, and the further
    runs, with other seeds, of models and controls.
    """
    for layout in _repeats(data):
        model, info = load_classifier(layout.checkpoint_best, device)
        predictions = predict_cases(
            model, info, corpus.cases, corpus.read, mirror_tta=info.plan.finetune.mirror_tta
        )
        write_predictions(
            layout.predictions(name), predictions, positive_outcome=data.plan.positive_outcome, control=info.control
        )


def _repeats(data: ExperimentData) -> list[FoldLayout]:
    found = []
    controls = trained_controls(data.results)
    for config in (*IMAGING_CONFIGS, *controls):
        for layout in data.results.validated_folds(config):
            further = layout.seeds().values()
            found += [layout, *further] if config in controls else [*further]
    return [layout for layout in found if layout.checkpoint_best.is_file()]
