"""What the clinical columns hold, in the training split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rnnet.core.types import LesionCase
from rnnet.dataset.manifest import Manifest
from rnnet.planning.quantiles import Quantiles, quantiles_of


@dataclass(frozen=True, slots=True)
class ClinicalSummary:
    """One clinical column. categories: cases per category, the declared ones included even where none has it."""

    type: Literal["numeric", "categorical"]
    unit: str
    missing_share: float
    categories: Mapping[str, int]
    values: Quantiles | None


def summarise_clinical(manifest: Manifest, cases: Sequence[LesionCase]) -> dict[str, ClinicalSummary]:
    """Summary of every declared column over `cases`; empty without cases."""
    if not cases:
        return {}
    summaries = {}
    for name, column in manifest.clinical.items():
        present = [v for v in (c.clinical.get(name) for c in cases) if v is not None]
        found = Counter(str(v) for v in present) if column.type == "categorical" else Counter()
        summaries[name] = ClinicalSummary(
            type=column.type,
            unit=column.unit,
            missing_share=1 - len(present) / len(cases),
            categories={c: found[c] for c in dict.fromkeys((*column.categories, *sorted(found)))},
            values=quantiles_of(v for v in present if isinstance(v, float)),
        )
    return summaries
