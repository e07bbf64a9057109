"""A clinical table in which one column says a little and the others nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnet.core.types import ClinicalValue
from rnnet.dataset.manifest import ClinicalColumn

COLUMNS = {
    "age_years": ClinicalColumn("numeric", unit="years"),
    "sex": ClinicalColumn("categorical", categories=("female", "male")),
    "primary_tumour": ClinicalColumn("categorical", categories=("lung", "breast", "melanoma", "other")),
    "systemic_treatment": ClinicalColumn("categorical", categories=("none", "chemotherapy", "immunotherapy")),
    "wbrt_before_srs": ClinicalColumn("categorical", categories=("yes", "no")),
    "days_since_srs": ClinicalColumn("numeric", unit="days"),
}
_MISSING_SHARE = 0.06


def draw_patient_row(rng: np.random.Generator) -> dict[str, ClinicalValue]:
    """What belongs to the patient, the same on every scan; some of it is missing."""
    row: dict[str, ClinicalValue] = {
        "age_years": float(rng.integers(38, 82)),
        "sex": str(rng.choice(COLUMNS["sex"].categories)),
        "primary_tumour": str(rng.choice(COLUMNS["primary_tumour"].categories, p=(0.45, 0.25, 0.2, 0.1))),
        "systemic_treatment": str(rng.choice(COLUMNS["systemic_treatment"].categories)),
        "wbrt_before_srs": str(rng.choice(COLUMNS["wbrt_before_srs"].categories, p=(0.3, 0.7))),
    }
    return {name: None if rng.random() < _MISSING_SHARE else value for name, value in row.items()}


def draw_days_since_srs(*, is_necrosis: bool, rng: np.random.Generator) -> float:
    """Days from radiosurgery to the first scan."""
    # Necrosis tends to come later than progression; the distributions overlap widely.
    return float(round(float(rng.lognormal(np.log(320 if is_necrosis else 220), 0.45))))


def draw_row(
    patient: Mapping[str, ClinicalValue], *, days_since_srs: float, rng: np.random.Generator
) -> dict[str, ClinicalValue]:
    """The clinical columns of one lesion on one scan; the time is missing now and then."""
    return {**patient, "days_since_srs": None if rng.random() < _MISSING_SHARE else days_since_srs}
