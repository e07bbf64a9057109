"""Settings of the tabular side: radiomics, selection, stacking, and what is fitted on out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FeaturesPlan:
    """Radiomics (IBSI names through pyradiomics) and the selection of tabular variables."""

    bin_width: float = 5.0
    normalize_scale: float = 100.0
    voxel_array_shift: float = 300.0
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


@dataclass(frozen=True, slots=True)
class DecisionPlan:
    """What out-of-fold predictions teach: calibration, threshold and the set of outcomes that stay possible."""

    calibration: Literal["none", "platt", "temperature"] = "platt"
    threshold: Literal["youden", "sensitivity"] = "youden"
    # The sensitivity for the positive outcome that threshold 'sensitivity' reaches on out-of-fold predictions.
    sensitivity: float = 0.9
    # Share of lesions of each outcome whose conformal set may miss it.
    conformal_alpha: float = 0.1
