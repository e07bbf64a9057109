"""Radiomics of the lesions of a corpus, kept beside their scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnet.core.types import LesionCase
from rnnet.experiment.corpus import Corpus
from rnnet.features.radiomics import RadiomicsInput
from rnnet.features.radiomics_cache import load_or_extract, radiomics_digest
from rnnet.features.table import FeatureTable
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.store import ScanStore


@dataclass(frozen=True, slots=True)
class _CropInput:
    """A crop as radiomics takes it; a class, so that it travels to worker processes."""

    corpus: Corpus

    def __call__(self, case: LesionCase) -> RadiomicsInput:
        return RadiomicsInput.of_crop(self.corpus.read(case).array)


def lesion_radiomics(
    cases: Sequence[LesionCase], corpus: Corpus, store: ScanStore, plan: ExperimentPlan, *, n_processes: int
) -> FeatureTable:
    """Radiomic features (n, f) of the cases, in their order; only what is not in the store's table is computed."""
    path = store.layout.radiomics_csv(radiomics_digest(plan.features, plan.crop))
    return load_or_extract(cases, _CropInput(corpus), plan.features, path=path, n_processes=n_processes)
