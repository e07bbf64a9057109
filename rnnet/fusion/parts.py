"""A tabular model of one combination of blocks: selection, scaling and a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.features.selection import FittedSelection, select_features
from rnnet.features.table import FloatArray
from rnnet.fusion.blocks import IMAGING, blocks_text, parts_of
from rnnet.fusion.inputs import ImagingScale, Inputs
from rnnet.fusion.table import FUSION_HEADS, FittedHead
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)

IMAGING_LOGIT = "imaging_logit"
# Imaging alone is its logit, calibrated: one slope and one intercept.
_IMAGING_HEAD = "logistic"
_NOTHING_TO_SELECT = FittedSelection((), (), (), (), (), (("all", 0),))


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The fitted model of one combination of blocks; everything in it comes from the training rows that have them all.

    The head's input is, in this order: the standardised imaging logit where imaging is among the blocks (it is never
    selected away), then the features that the selection kept. n_rows: number of training rows.
    """

    blocks: tuple[str, ...]
    head_name: str
    head: FittedHead
    selection: FittedSelection
    imaging: ImagingScale | None
    n_rows: int

    @property
    def input_names(self) -> tuple[str, ...]:
        """(k,) names of the head's inputs."""
        return (*((IMAGING_LOGIT,) if self.imaging else ()), *self.selection.names)

    def logits(self, inputs: Inputs) -> FloatArray:
        """(n,) logits of the positive outcome for lesions that have all of the part's blocks."""
        return self.head.logit(_columns(self.selection, self.imaging, inputs))


def fit_parts(
    blocks: tuple[str, ...], inputs: Inputs, labels: npt.NDArray[np.int64], patients: Sequence[str], *,
    head_name: str, plan: ExperimentPlan, seed: int,
) -> tuple[Part, ...]:
    """A part for each combination of blocks that a lesion may have, the whole first, each on the rows that have it.

    inputs: of the training rows (n); labels: (n,); patients: (n,). A combination whose rows cannot teach anything (one
    outcome only, nothing that varies) is left out, and that is logged.

    Raises:
        DatasetError: not one combination could be fitted.
    """
    parts, failures = [], []
    for wanted in parts_of(blocks):
        places = inputs.having(wanted)
        whole = wanted == blocks
        try:
            parts.append(_fit_part(
                wanted, inputs.part(places, wanted), labels[places], [patients[i] for i in places],
                head_name=_IMAGING_HEAD if wanted == (IMAGING,) else head_name, plan=plan,
                # The model of all blocks does not depend on which others stand beside it.
                seed=seed if whole else seed_for(seed, *wanted),
            ))
        except DatasetError as error:
            failures.append(error)
            log.warning("The model for %s is left out, %d training rows have these inputs: %s", blocks_text(wanted),
                        len(places), error.problem)
    if not parts:
        raise failures[0]
    return tuple(parts)


def _fit_part(
    blocks: tuple[str, ...], inputs: Inputs, labels: npt.NDArray[np.int64], patients: Sequence[str], *,
    head_name: str, plan: ExperimentPlan, seed: int,
) -> Part:
    selection = _NOTHING_TO_SELECT
    if blocks != (IMAGING,):
        selection = select_features(inputs.table, labels.tolist(), patients, plan.features, seed)
    imaging = None if inputs.logits is None else ImagingScale.of(inputs.logits)
    head = FUSION_HEADS.get(head_name, where="plan.fusion")(plan.fusion)
    fitted = head.fit(_columns(selection, imaging, inputs), labels, seed=seed, groups=patients)
    return Part(blocks, head_name, fitted, selection, imaging, len(labels))


def _columns(selection: FittedSelection, imaging: ImagingScale | None, inputs: Inputs) -> FloatArray:
    """(n, k) z-scored inputs of the head."""
    columns = [selection.transform(inputs.table)]
    if imaging is not None and inputs.logits is not None:
        columns.insert(0, imaging.column(inputs.logits))
    return np.hstack(columns)
