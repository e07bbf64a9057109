"""What is done to radiomic and clinical values before a model sees them, in words, from the plan."""

from __future__ import annotations

from collections.abc import Collection

from rnnet.core.types import TABULAR_CONFIGS
from rnnet.evaluation.names import model_name
from rnnet.planning.plan import ExperimentPlan
from rnnet.planning.tabular_plan import FeaturesPlan, FusionPlan
from rnnet.reporting.markup import Html, element, joined

_SELECTORS = {"lasso": "LASSO", "elastic_net": "an elastic net", "stability": "stability selection"}


def tabular_section(plan: ExperimentPlan, configs: Collection[str]) -> Html:
    """The steps in their order; nothing where no tabular model was evaluated."""
    tabular = [c for c in configs if c in TABULAR_CONFIGS]
    if not tabular:
        return Html("")
    steps = [
        *((_radiomics(plan.features),) if any("clinical" not in c or "radiomics" in c for c in tabular) else ()),
        "Missing values: for a number the median of the training rows; for a category the category 'missing', or "
        "the training rows' shares of the categories where none of these rows lacked it. A category that training did "
        "not know counts as missing. Predictions name every value that was filled in or lies outside the training "
        "range.",
        *_selection(plan.features),
        _heads(plan.fusion),
        "All of it is fitted on the training rows of one fold.",
    ]
    return joined([
        element("h3", "Radiomic and clinical values"),
        element("p", f"For {', '.join(map(model_name, tabular))}:", class_="subtitle"),
        element("ol", *(element("li", step) for step in steps), class_="steps"),
    ])


def _radiomics(f: FeaturesPlan) -> str:
    bins = f"{f.bin_count} bins per lesion" if f.bin_count else f"bins of width {f.bin_width:g}"
    images = ["original", *(("8 wavelet",) if f.wavelet else ()),
              *((f"LoG (sigma {', '.join(f'{s:g}' for s in f.log_sigma_mm)} mm)",) if f.log_sigma_mm else ())]
    return (f"Radiomics by pyradiomics on the preprocessed scan (z-score times {f.normalize_scale:g}), {bins}, on "
            f"{', '.join(images)} images; lesions under {f.minimum_roi_voxels} voxels have none.")


def _selection(f: FeaturesPlan) -> tuple[str, ...]:
    stable = f"Radiomic features with an ICC of at least {f.minimum_icc:g} under a jitter of the mask."
    return (
        *(("ComBat takes the difference between training centres out of the radiomic features.",)
          if f.harmonize == "combat" else ()),
        *((stable,) if f.minimum_icc > 0 else ()),
        f"Selection: variance of at least {f.minimum_variance:g}; of two features with |r| above "
        f"{f.maximum_correlation:g} the one that tells the outcomes apart better; z-score; then "
        f"{_SELECTORS[f.selector]}, with {f.lasso_folds}-fold cross-validation inside the training rows.",
    )


def _heads(fusion: FusionPlan) -> str:
    tuned = ", tuned inside the fold," if fusion.tune else ""
    return (f"Classifier: {fusion.radiomics_head.replace('_', ' ')}{tuned} for radiomics alone, "
            f"{fusion.head.upper() if fusion.head == 'mlp' else fusion.head} for the others; the logistic controls "
            "end in a logistic regression.")
