"""Made-up predictions shared by the tests of evaluation."""

from __future__ import annotations

import numpy as np

from rnnet.core.types import LesionPrediction
from rnnet.evaluation.predictions import sigmoid


def predictions(
    n: int, *, seed: int = 0, prefix: str = "c", strength: float = 1.5, per_patient: int = 2
) -> list[LesionPrediction]:
    """n lesions, half of them positive; lesions of a patient may differ in outcome."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    logits = rng.normal(size=n) + strength * (y - 0.5)
    return [
        LesionPrediction(f"{prefix}{i}", f"{prefix}p{i // per_patient}", "A", "test", int(y[i]), float(z),
                         sigmoid(float(z)))
        for i, z in enumerate(logits)
    ]
