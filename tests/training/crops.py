"""Made-up crops: 16 mm cubes whose outcome shows in the lesion's brightness."""

from __future__ import annotations

import numpy as np

from rnnet.core.errors import CaseFailedError
from rnnet.core.seeding import rng_for
from rnnet.core.types import LesionCase
from rnnet.preprocessing.state import PreprocessedCase
from tests.factories import OUTCOMES, make_lesion_mask

EDGE = 16


def read_case(case: LesionCase) -> PreprocessedCase:
    """Noise with a sphere: bright for the positive outcome, dark for the other."""
    rng = rng_for(0, case.case_id)
    center = rng.uniform(6, 10, 3)
    mask = make_lesion_mask((EDGE,) * 3, [center], radius_vox=4.0) > 0
    brightness = 2.0 if case.outcome == OUTCOMES[1] else -2.0
    image = 0.3 * rng.standard_normal((EDGE,) * 3) + brightness * mask
    return PreprocessedCase(case.case_id, np.stack([image, mask]).astype(np.float32), (0, 0, 0))


def read_case_or_fail(case: LesionCase) -> PreprocessedCase:
    """The same, but patient P000 has no crops."""
    if case.patient_id == "P000":
        raise CaseFailedError("The lesion is not in the mask.", where=case.case_id)
    return read_case(case)
