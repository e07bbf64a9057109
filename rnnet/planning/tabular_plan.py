"""Settings of the tabular side: radiomics, selection, stacking, and what is fitted on out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FeaturesPlan:
    """Radiomics (IBSI names through pyradiomics) and the selection of tabular variables."""

    # Grey levels: the z-score of the brain (brain), or of all voxels of the preprocessed scan (image, as pyradiomics'
    # own normalisation does it), times normalize_scale.
    normalize: Literal["brain", "image"] = "brain"
    normalize_scale: float = 100.0
    bin_width: float = 5.0
    # A number of bins between each lesion's darkest and brightest voxel instead of bins of bin_width; 0: bin_width.
    bin_count: int = 0
    # Added to the grey values in the energy-like features.
    voxel_array_shift: int = 300
    minimum_roi_voxels: int = 10
    log_sigma_mm: tuple[float, ...] = (1.0, 3.0, 5.0)
    wavelet: bool = True
    # Smallest ICC of a radiomic feature under a jitter of the mask that it is kept with; 0 keeps all unmeasured.
    minimum_icc: float = 0.0
    # 'combat' takes the difference between training centres out of the radiomic features.
    harmonize: Literal["none", "combat"] = "none"
    minimum_variance: float = 0.01
    maximum_correlation: float = 0.9
    # Last step of the selection: as published (lasso), elastic net, or features that subsamples agree on.
    selector: Literal["lasso", "elastic_net", "stability"] = "lasso"
    lasso_folds: int = 5


@dataclass(frozen=True, slots=True)
class FusionPlan:
    """The stacking classifier on imaging logit, selected radiomics and clinical variables."""

    head: str = "mlp"
    radiomics_head: str = "random_forest"
    hidden: tuple[int, ...] = (16,)
    l2_penalty: float = 1.0
    trees: int = 500
    # The random forest's settings are chosen by cross-validation inside the training rows of the fold.
    tune: bool = True
    # The training rows of a fold get imaging logits of models that have not seen its validation rows either: needs
    # n (n - 1) / 2 further imaging models for n folds, trained with rnnet_train DATASET FOLD --without OTHER.
    nested: bool = False


@dataclass(frozen=True, slots=True)
class DecisionPlan:
    """What out-of-fold predictions teach: calibration, threshold and the set of outcomes that stay possible."""

    calibration: Literal["none", "platt", "temperature"] = "platt"
    threshold: Literal["youden", "sensitivity"] = "youden"
    # The sensitivity for the positive outcome that threshold 'sensitivity' reaches on out-of-fold predictions.
    sensitivity: float = 0.9
    # Share of lesions of each outcome whose conformal set may miss it.
    conformal_alpha: float = 0.1
