"""Made-up summaries and predictions shared by the tests of reporting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnet.core.types import LesionPrediction
from rnnet.evaluation.predictions import sigmoid
from rnnet.evaluation.summary import CROSS_VALIDATION, SAME_CENTER_TEST, ModelSummary, summarise
from rnnet.planning.plan import Choice, ExperimentPlan

POSITIVE, NEGATIVE = "radiation_necrosis", "progression"


def made_up_lesions(n: int = 20, *, seed: int = 0, prefix: str = "c", strength: float = 0.4) -> list[LesionPrediction]:
    """n lesions, two a patient, every second one positive."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=n) + strength * (2 * (np.arange(n) % 2) - 1)
    return [
        LesionPrediction(f"{prefix}{i}", f"{prefix}p{i // 2}", "A", "test", i % 2, float(z), sigmoid(float(z)))
        for i, z in enumerate(logits)
    ]


def made_up_summary(config: str = "ssl_vit", subset: str = SAME_CENTER_TEST, *, n: int = 20, strength: float = 0.4,
                    positive: str = POSITIVE, title: str = "") -> ModelSummary:
    """A summary of two fold models."""
    prefixes = ("a", "b") if subset == CROSS_VALIDATION else ("c", "c")
    folds = [made_up_lesions(n, seed=i, prefix=p, strength=strength) for i, p in enumerate(prefixes)]
    return summarise(config, subset, folds, threshold=0.5, positive_outcome=positive, negative_outcome=NEGATIVE,
                     seed=0, n_resamples=50, subset_title=title)


def made_up_summaries(configs: Sequence[str] = ("multimodal", "ssl_vit")) -> list[ModelSummary]:
    """Every configuration by cross-validation, on the test split and on an external set, in mixed order."""
    return [made_up_summary(c, s) for s in ("Dataset002_Other", SAME_CENTER_TEST, CROSS_VALIDATION) for c in configs]


def made_up_plan(**changes: object) -> ExperimentPlan:
    """A plan with two reasons."""
    rationale = (Choice("crop.edge_vox", 64, "95th percentile of extent", {"extent (mm)": 38.4}),
                 Choice("finetune.epochs", 3, "set by the user"))
    fields = {"name": "rnnet_plans", "planner": "default", "dataset": "Dataset001_Toy", "positive_outcome": POSITIVE,
              "negative_outcome": NEGATIVE, "rationale": rationale, **changes}
    return ExperimentPlan(**fields)  # type: ignore[arg-type]
