"""Made-up summaries and predictions shared by the tests of reporting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from rnnet.core.provenance import RunRecord
from rnnet.core.types import LesionPrediction
from rnnet.core.workspace import ReportLayout
from rnnet.evaluation.cohort import describe_cohort
from rnnet.evaluation.deciding import Decisions
from rnnet.evaluation.decision import fixed_threshold
from rnnet.evaluation.delong import DelongTest
from rnnet.evaluation.fold_tests import FoldTTest
from rnnet.evaluation.lesions import evaluated_lesions
from rnnet.evaluation.predictions import sigmoid
from rnnet.evaluation.repeat_results import ControlResult
from rnnet.evaluation.results import EvaluatedLesion, LabelShareResult, ModelComparison, SubgroupResult
from rnnet.evaluation.statistics import Interval
from rnnet.evaluation.summary import CROSS_VALIDATION, SAME_CENTER_TEST, Evaluation, ModelSummary, summarise
from rnnet.fusion.kept import KeptFeature, KeptFeatures
from rnnet.planning.plan import Choice, ExperimentPlan
from rnnet.reporting.facts import CaseFlow, Cohorts, FlowBox, ReportFacts, SplitFacts
from rnnet.reporting.scores import Scores
from rnnet.reporting.stored import store_report
from tests.evaluation.test_cohort import dataset
from tests.factories import make_cases

POSITIVE, NEGATIVE = "radiation_necrosis", "progression"


def made_up_lesions(n: int = 20, *, seed: int = 0, prefix: str = "c", strength: float = 0.4) -> list[LesionPrediction]:
    """n lesions, two a patient, every second one positive."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=n) + strength * (2 * (np.arange(n) % 2) - 1)
    return [
        LesionPrediction(f"{prefix}{i}", f"{prefix}p{i // 2}", "A", "test", i % 2, float(z), sigmoid(float(z)))
        for i, z in enumerate(logits)
    ]


def made_up_folds(subset: str, *, n: int = 20, strength: float = 0.4) -> dict[int, list[LesionPrediction]]:
    """Predictions of two fold models."""
    prefixes = ("a", "b") if subset == CROSS_VALIDATION else ("c", "c")
    return {i: made_up_lesions(n, seed=i, prefix=p, strength=strength) for i, p in enumerate(prefixes)}


@cache
def made_up_summary(config: str = "ssl_vit", subset: str = SAME_CENTER_TEST, *, n: int = 20, strength: float = 0.4,
                    positive: str = POSITIVE, title: str = "") -> ModelSummary:
    """A summary of two fold models."""
    folds = made_up_folds(subset, n=n, strength=strength)
    return summarise(config, subset, list(folds.values()), threshold=0.5, positive_outcome=positive,
                     negative_outcome=NEGATIVE, seed=0, n_resamples=50, subset_title=title)


def made_up_evaluated(config: str, subset: str, *, n: int = 20, strength: float = 0.4) -> tuple[EvaluatedLesion, ...]:
    """The lesions of made_up_summary."""
    decisions = Decisions(fixed_threshold(0.5, positive_outcome=POSITIVE, negative_outcome=NEGATIVE))
    return evaluated_lesions(config, subset, made_up_folds(subset, n=n, strength=strength), decisions,
                             is_cross_validation=subset == CROSS_VALIDATION)


def made_up_scores(config: str = "ssl_vit", subset: str = SAME_CENTER_TEST, **settings: float) -> Scores:
    """The same as arrays."""
    return Scores.of(made_up_evaluated(config, subset, **settings))  # type: ignore[arg-type]


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


INTERVAL = Interval(0.71, 0.52, 0.9, 50)


def made_up_comparison(other: str = "ssl_vit", subset: str = SAME_CENTER_TEST, **changes: object) -> ModelComparison:
    """The multimodal model against another one."""
    fields = {
        "config_a": "multimodal", "config_b": other, "subset": subset, "subset_title": "Same-centre test",
        "positive_outcome": POSITIVE, "negative_outcome": NEGATIVE, "n_positive": 10, "n_negative": 10,
        "n_patients": 10, "auc_a": 0.8, "auc_b": 0.9, "difference": Interval(-0.1, -0.25, 0.05, 50),
        "bootstrap_p": 0.1234, "delong": DelongTest(0.8, 0.9, -1.5, 0.1336, -0.1, 0.0667, -0.23, 0.03),
        "over_folds": FoldTTest(-0.1, -1.2, 0.3, 4, -0.3, 0.1, -1.8, 0.0456, 5, 0.25), "n_comparisons": 2,
        "bootstrap_p_holm": 0.2468, "delong_p_holm": 0.2672, "over_folds_p_holm": 0.6, **changes,
    }
    return ModelComparison(**fields)  # type: ignore[arg-type]


def made_up_subgroups(config: str = "multimodal") -> tuple[SubgroupResult, ...]:
    """Two centres, of which one has too few lesions."""
    common = (config, SAME_CENTER_TEST, "Same-centre test", POSITIVE, "centre")
    return (SubgroupResult(*common, "A", 9, 8, 9, INTERVAL, "", NEGATIVE),  # type: ignore[arg-type]
            SubgroupResult(*common, "B", 1, 2, 2, None, "too few lesions", NEGATIVE))  # type: ignore[arg-type]


def made_up_shares() -> tuple[LabelShareResult, ...]:
    """A model trained with a quarter of the labels, and with all."""
    return tuple(
        LabelShareResult("ssl_vit", SAME_CENTER_TEST, "Same-centre test", POSITIVE, f"labels_{share}", share,
                         40 * share, 30 * share, ("0", "1"), INTERVAL, NEGATIVE) for share in (0.25, 1.0)
    )


def made_up_kept() -> KeptFeatures:
    """Two features over two folds."""
    return KeptFeatures(
        "radiomics", ("0", "1"),
        (KeptFeature("radiomics_glcm_Idmn", ("0", "1"), 1.0, 0.31), KeptFeature("clinical_age", ("1",), 0.5, -0.2)),
        {"0": (("all", 9), ("LASSO", 1)), "1": (("all", 9), ("LASSO", 2))}, {"1": "no alpha was better than none."},
    )


def made_up_facts(**changes: object) -> ReportFacts:
    """Facts with something in every part."""
    flow = CaseFlow("Dataset001_Toy", (
        FlowBox("Lesions on scans in cases.csv", 50, 25),
        FlowBox("Outcome known", 43, 22, {POSITIVE: 21, NEGATIVE: 22}, {"the outcome is not known": 7}),
    ), (FlowBox("Training, 2 folds by patient", 23, 12, {POSITIVE: 11, NEGATIVE: 12}),))
    fields = {
        "title": "Toy", "plan": made_up_plan(), "dataset_facts": {"Data set": {"reference": "Nobody 2024"}},
        "flows": (flow,), "splits": SplitFacts("two folds", ("No patient stands on both sides.",), ({"fold": 0},)),
        "digests": (("cases.csv", "0123456789abcdef"),), "kept": (made_up_kept(),),
        "runs": (RunRecord("rnnet_train", ("1", "0"), 7, "cpu", "2025-01-02T03:04:05+00:00", "3.11", "Linux",
                           {"torch": "2.13.0"}),), **changes,
    }
    return ReportFacts(**fields)  # type: ignore[arg-type]


def made_up_control(control: str, *, model: Interval | None = INTERVAL) -> ControlResult:
    """A negative control of the SSL ViT."""
    return ControlResult("ssl_vit", control, "test", "Same-centre test", POSITIVE, 11, 13, ("0", "1"), INTERVAL, model,
                         NEGATIVE)


def store_made_up(layout: ReportLayout, *, facts: ReportFacts | None = None, **changes: object) -> Evaluation:
    """The files of an evaluation of two models on three test sets; changes: of the evaluation."""
    summaries = changes.pop("summaries", None) or made_up_summaries()
    fields = {
        "comparisons": (made_up_comparison(),), "subgroups": made_up_subgroups(), "label_shares": made_up_shares(),
        "controls": (made_up_control("mask_only"),), **changes,
    }
    evaluation = Evaluation("Dataset001_Toy", "rnnet_plans", tuple(summaries), **fields)  # type: ignore
    lesions = [x for s in summaries for x in made_up_evaluated(s.config, s.subset)]  # type: ignore[attr-defined]
    cohorts = Cohorts((describe_cohort([dataset(make_cases(8, 2))]),))
    store_report(layout, evaluation, facts or made_up_facts(), cohorts, lesions)
    return evaluation
