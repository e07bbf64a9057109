"""What happens to radiomic features before the selection: unstable ones go, centres are harmonised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnet.core.types import LesionCase
from rnnet.features.harmonize import FittedHarmonizer, fit_harmonizer
from rnnet.features.radiomics_cache import radiomics_digest
from rnnet.features.robustness import Stability
from rnnet.features.table import FeatureTable
from rnnet.planning.plan import ExperimentPlan


@dataclass(frozen=True, slots=True)
class FittedRadiomics:
    """What the training rows of one fold taught about their radiomics; None where the plan does not ask for it.

    made_with: what the features were made with, see radiomics_origin; '' where the model uses none.
    """

    stability: Stability | None = None
    harmonizer: FittedHarmonizer | None = None
    made_with: str = ""

    def transform(self, table: FeatureTable, cases: Sequence[LesionCase]) -> FeatureTable:
        """The stable features of the cases (n, g), harmonised. Raises DatasetError if the table lacks one of them."""
        table = table.rows([case.case_id for case in cases])
        if self.stability is not None:
            table = table.select(self.stability.kept)
        if self.harmonizer is not None:
            table = self.harmonizer.transform(table, [case.center for case in cases])
        return table

    def remark(self, case: LesionCase) -> str:
        """What a reader of the case's prediction should know, or ''."""
        if self.harmonizer is None or self.harmonizer.note or not self.harmonizer.unknown([case.center]):
            return ""
        return f"The centre '{case.center}' is none of the harmonised training centres: its radiomics stay as they are."


def fit_radiomics(
    table: FeatureTable, cases: Sequence[LesionCase], plan: ExperimentPlan, stability: Stability | None
) -> FittedRadiomics:
    """Fitted on the training rows of one fold.

    table: a row for every case; stability: measured on the same cases, where plan.features.minimum_icc asks for it.
    """
    stable = FittedRadiomics(stability, made_with=radiomics_origin(plan))
    if plan.features.harmonize == "none":
        return stable
    centers = [case.center for case in cases]
    return replace(stable, harmonizer=fit_harmonizer(stable.transform(table, cases), centers))


def radiomics_origin(plan: ExperimentPlan) -> str:
    """Digests of all that radiomic features depend on beside the scans: the preprocessing and the extraction."""
    return f"{plan.data_identifier} {radiomics_digest(plan.features)}"
