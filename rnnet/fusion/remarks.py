"""What makes a prediction of a tabular model less sure, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnet.core.types import LesionCase
from rnnet.features.table import FeatureTable, names_with_prefix
from rnnet.fusion.blocks import CLINICAL, IMAGING, RADIOMICS, blocks_text
from rnnet.fusion.inputs import PREFIXES
from rnnet.fusion.parts import Part
from rnnet.fusion.tabular import TabularModel

_BLOCK_NAMES = {RADIOMICS: "radiomics", CLINICAL: "clinical data", IMAGING: "imaging"}
NO_INPUT = "The lesion has none of the model's inputs: its probability says nothing."


def prediction_remarks(
    model: TabularModel, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None = None,
    imaging_logits: Mapping[str, float] | None = None,
) -> dict[str, tuple[str, ...]]:
    """By case id, what makes a prediction less sure; cases without any remark are left out.

    Blocks that are missing and the model that was used instead; numbers outside the training range and categories
    that it does not hold; missing values of columns, and missing radiomic features, that the used model looks at.
    """
    inputs = model.inputs_of(cases, radiomics=radiomics, imaging_logits=imaging_logits)
    found = {}
    for case in cases:
        part = model.part_for(inputs[case.case_id])
        texts = [_missing_blocks(model, inputs[case.case_id])]
        if CLINICAL in model.blocks and model.clinical is not None:
            used = _used(part, CLINICAL)
            texts += model.clinical.warnings([case], used).get(case.case_id, ())
        if part is not None and radiomics is not None and (names := _used(part, RADIOMICS)):
            texts.append(_missing_features(radiomics.rows([case.case_id]).select(names)))
            texts.append(model.radiomics.remark(case))
        found[case.case_id] = tuple(text for text in texts if text)
    return {case_id: texts for case_id, texts in found.items() if texts}


def _missing_blocks(model: TabularModel, used: tuple[str, ...]) -> str:
    missing = [_BLOCK_NAMES[block] for block in model.blocks if block not in used]
    if not missing:
        return ""
    if not used:
        return NO_INPUT
    return f"No {' and no '.join(missing)}: the model for {blocks_text(used)} was used."


def _used(part: Part | None, block: str) -> tuple[str, ...]:
    """Names, without prefix, of the features of a block that decide."""
    prefix = PREFIXES[block]
    names = () if part is None else names_with_prefix(part.selection.names, prefix)
    return tuple(name.removeprefix(prefix) for name in names)


def _missing_features(row: FeatureTable) -> str:
    n_missing = int(np.isnan(row.values).sum())
    if not n_missing:
        return ""
    return f"{n_missing} of {len(row.names)} radiomic features are missing: training medians stand in."
