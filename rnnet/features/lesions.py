"""Radiomics of the lesions of a corpus, kept beside their scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnet.core.types import LesionCase
from rnnet.core.volume import Volume
from rnnet.experiment.corpus import Corpus
from rnnet.features.radiomics import RadiomicsInput
from rnnet.features.radiomics_cache import load_or_extract_rows, radiomics_digest
from rnnet.features.radiomics_rows import RadiomicsRow, to_table
from rnnet.features.radiomics_settings import filter_reach_vox
from rnnet.features.table import FeatureTable
from rnnet.planning.plan import ExperimentPlan, FeaturesPlan
from rnnet.preprocessing.store import ScanStore

_SPACING_MM = (1.0, 1.0, 1.0)
# A mask that is moved or grown for a test of robustness stays inside what was read.
MOST_JITTER_VOX = 1


@dataclass(frozen=True, slots=True)
class LesionReader:
    """Reads the part of a preprocessed scan that radiomics looks at; a class, so that it travels to workers."""

    corpus: Corpus
    plan: FeaturesPlan

    def __call__(self, case: LesionCase) -> RadiomicsInput:
        """Image and mask around the lesion. Raises CaseFailedError if the scan has no such lesion."""
        store, original = self.corpus.stores[case.case_id], self.corpus.originals[case.case_id]
        margin = filter_reach_vox(self.plan) + MOST_JITTER_VOX
        image, mask, start = store.read_surroundings(original, margin)
        z, y, x = start
        origin = store.read_record(original.scan_id).atlas_origin_xyz_mm
        origin = (origin[0] + x, origin[1] + y, origin[2] + z)
        mean, sd = store.image_statistics(original.scan_id) if self.plan.normalize == "image" else (0.0, 1.0)
        return RadiomicsInput(Volume(image, _SPACING_MM, origin), Volume(mask, _SPACING_MM, origin), mean, sd, start)


def lesion_radiomics_rows(
    cases: Sequence[LesionCase], corpus: Corpus, store: ScanStore, plan: ExperimentPlan, *, n_processes: int
) -> list[RadiomicsRow]:
    """Radiomics of the cases, in their order, with the reason where there are none."""
    path = store.layout.radiomics_csv(radiomics_digest(plan.features))
    reader = LesionReader(corpus, plan.features)
    return load_or_extract_rows(cases, reader, plan.features, path=path, n_processes=n_processes)


def lesion_radiomics(
    cases: Sequence[LesionCase], corpus: Corpus, store: ScanStore, plan: ExperimentPlan, *, n_processes: int
) -> FeatureTable:
    """Radiomic features (n, f) of the cases, in their order; only what is not in the store's table is computed."""
    return to_table(lesion_radiomics_rows(cases, corpus, store, plan, n_processes=n_processes), plan.features)
