"""What a tabular model gets of each lesion, block by block, and which blocks a lesion lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnet.core.errors import DatasetError, MissingStageError
from rnnet.core.types import LesionCase
from rnnet.core.wording import listed
from rnnet.features.clinical import FittedClinical
from rnnet.features.table import FeatureTable, FloatArray, names_with_prefix
from rnnet.fusion.blocks import CLINICAL, IMAGING, RADIOMICS
from rnnet.fusion.radiomics_block import FittedRadiomics

PREFIXES = {RADIOMICS: "radiomics_", CLINICAL: "clinical_"}


@dataclass(frozen=True, slots=True)
class ImagingScale:
    """Mean and SD of the imaging logit over the training rows."""

    mean: float
    std: float

    @classmethod
    def of(cls, logits: FloatArray) -> ImagingScale:
        """Of the logits (n,) of the training rows."""
        # All logits alike (an untrained network): the column is then 0 for everyone instead of infinite.
        return cls(float(logits.mean()), float(logits.std()) or 1.0)

    def column(self, logits: FloatArray) -> FloatArray:
        """(n, 1) standardised logits."""
        column: FloatArray = ((logits - self.mean) / self.std)[:, None]
        return column


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Inputs of n lesions.

    table: radiomics and encoded clinical columns with their prefixes; logits: (n,) of imaging, or None; present: for
    each lesion the blocks that it has, in the order of BLOCKS.
    """

    table: FeatureTable
    logits: FloatArray | None
    present: tuple[tuple[str, ...], ...]

    def having(self, blocks: Sequence[str]) -> list[int]:
        """Places of the lesions that have all of these blocks."""
        return [i for i, present in enumerate(self.present) if set(blocks) <= set(present)]

    def part(self, places: Sequence[int], blocks: Sequence[str]) -> Inputs:
        """The lesions at these places, with these blocks alone."""
        prefixes = tuple(PREFIXES[block] for block in blocks if block in PREFIXES)
        names = [name for prefix in prefixes for name in names_with_prefix(self.table.names, prefix)]
        table = self.table.rows([self.table.case_ids[i] for i in places]).select(names)
        logits = self.logits[list(places)] if self.logits is not None and IMAGING in blocks else None
        return Inputs(table, logits, tuple(self.present[i] for i in places))


def gather_inputs(
    cases: Sequence[LesionCase], blocks: Sequence[str], *, radiomics: FeatureTable | None,
    prepared: FittedRadiomics, clinical: FittedClinical | None, imaging_logits: Mapping[str, float] | None,
) -> Inputs:
    """The inputs of the cases, in their order.

    radiomics: unprefixed, a row for every case; a row of NaN is a lesion without radiomics, None is no radiomics at
    all; prepared: what is done with them first. A lesion without a single clinical value that tells anything is one
    without clinical data; one that lacks only some has them.

    Raises:
        MissingStageError: imaging is among the blocks, and a case has no logit.
        DatasetError: a logit is not a finite number, or the radiomics table lacks a case.
    """
    table = FeatureTable(tuple(case.case_id for case in cases), (), np.empty((len(cases), 0)))
    has: dict[str, list[bool]] = {}
    if RADIOMICS in blocks and radiomics is not None:
        own = prepared.transform(radiomics, cases)
        table = table.join(own.with_prefix(PREFIXES[RADIOMICS]))
        has[RADIOMICS] = [not np.isnan(row).all() for row in own.values]
    if CLINICAL in blocks and clinical is not None:
        table = table.join(clinical.transform(cases).with_prefix(PREFIXES[CLINICAL]))
        has[CLINICAL] = clinical.known(cases)
    logits = None
    if IMAGING in blocks:
        logits = _logits_of(cases, imaging_logits)
        has[IMAGING] = [True] * len(cases)
    present = tuple(tuple(b for b in blocks if b in has and has[b][i]) for i in range(len(cases)))
    return Inputs(table, logits, present)


def _logits_of(cases: Sequence[LesionCase], logits: Mapping[str, float] | None) -> FloatArray:
    missing = [case.case_id for case in cases if logits is None or case.case_id not in logits]
    if logits is None or missing:
        raise MissingStageError(
            f"The configuration needs the imaging logit of every case; {len(missing)} have none: "
            f"{listed(missing)}.",
            fix="Train all folds of ssl_vit first: rnnet_train DATASET FOLD.",
        )
    values = np.array([logits[case.case_id] for case in cases], dtype=np.float64)
    if not np.isfinite(values).all():
        wrong = [case.case_id for case, value in zip(cases, values, strict=True) if not np.isfinite(value)]
        raise DatasetError(f"The imaging logit is not a finite number for: {listed(wrong)}.",
                           fix="Train the imaging model again.")
    return values
