"""Radiomics of many lesions on all cores; no lesion is lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from rnnet.core.errors import CaseFailedError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import LesionCase
from rnnet.features.radiomics import RadiomicsExtractor, RadiomicsInput
from rnnet.features.table import FeatureTable, FloatArray
from rnnet.planning.plan import FeaturesPlan

log = get_logger(__name__)

ReadInput = Callable[[LesionCase], RadiomicsInput]


@dataclass(frozen=True, slots=True, eq=False)
class RadiomicsRow:
    """Features (f,) of one case; all NaN, with the reason in `warning`, where there are none.

    crc32: of the voxels that they were made from; 0 where they could not be read. diagnostics: see Extraction.
    """

    case_id: str
    values: FloatArray
    crc32: int
    warning: str = ""
    diagnostics: Mapping[str, str] = field(default_factory=dict)


def extract_rows(
    cases: Sequence[LesionCase], read: ReadInput, plan: FeaturesPlan, *, n_processes: int,
    on_row: Callable[[RadiomicsRow], None] | None = None, title: str = "radiomics",
) -> list[RadiomicsRow]:
    """One row a case, in the order of `cases`; a case without radiomics has a row of NaN and a warning.

    on_row is called in the worker for every row without a warning, as soon as it is done; it and `read` must be
    picklable.
    """
    job = partial(_extract_row, read=read, plan=plan, on_row=on_row)
    results = map_cases(job, cases, n_processes=n_processes, title=title)
    empty = np.full(len(RadiomicsExtractor(plan).names), math.nan) if cases else np.empty(0)
    return [
        RadiomicsRow(case.case_id, empty, 0, str(result)) if isinstance(result, RnnetError) else result
        for case, result in zip(cases, results, strict=True)
    ]


def extract_radiomics(
    cases: Sequence[LesionCase], read: ReadInput, plan: FeaturesPlan, *, n_processes: int,
) -> FeatureTable:
    """Radiomics (n, f) of the cases, in their order; see RadiomicsExtractor for the features.

    A lesion that is too small or flat, or that cannot be read, keeps its row: all NaN, with a logged warning.
    """
    return to_table(extract_rows(cases, read, plan, n_processes=n_processes), plan)


def to_table(rows: Sequence[RadiomicsRow], plan: FeaturesPlan) -> FeatureTable:
    """The rows as a table; logs the warnings."""
    for row in rows:
        if row.warning:
            log.warning("%s has no radiomics: %s", row.case_id, row.warning)
    names = RadiomicsExtractor(plan).names
    values = np.stack([row.values for row in rows]) if rows else np.empty((0, len(names)))
    return FeatureTable(tuple(row.case_id for row in rows), names, values)


def _extract_row(
    case: LesionCase, *, read: ReadInput, plan: FeaturesPlan, on_row: Callable[[RadiomicsRow], None] | None,
) -> RadiomicsRow:
    given = read(case)
    extractor = RadiomicsExtractor(plan)
    try:
        found = extractor.extract(given)
    except CaseFailedError as error:
        return RadiomicsRow(case.case_id, np.full(len(extractor.names), math.nan), given.crc32, str(error))
    row = RadiomicsRow(case.case_id, found.values, given.crc32, diagnostics=found.diagnostics)
    if on_row is not None:
        on_row(row)
    return row
