"""Lesions of one or several preprocessed data sets, with access to their crops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rnnet.core.errors import MissingStageError
from rnnet.core.types import LesionCase
from rnnet.core.volume import Array
from rnnet.planning.plan import CropPlan
from rnnet.preprocessing.state import PreprocessedCase, PreprocessedScan
from rnnet.preprocessing.store import ScanStore


@dataclass(frozen=True, slots=True)
class Corpus:
    """Cases and the stores that their scans lie in.

    Ids are prefixed with the data set's name when several data sets stand side by side: 'P001' of two centres
    are two patients.
    """

    cases: tuple[LesionCase, ...]
    stores: Mapping[str, ScanStore]
    originals: Mapping[str, LesionCase]
    crop: CropPlan
    missing: tuple[LesionCase, ...] = ()

    def read(self, case: LesionCase) -> PreprocessedCase:
        """The crop (channels, z, y, x) of one of the corpus's cases."""
        crop = self.stores[case.case_id].read_case(self.originals[case.case_id], self.crop)
        return replace(crop, case_id=case.case_id)

    def read_array(self, case: LesionCase) -> Array:
        """The crop's voxels alone."""
        return self.read(case).array

    def scan_of(self, case: LesionCase) -> PreprocessedScan:
        """The whole preprocessed scan of a case."""
        return self.stores[case.case_id].read_scan(case.scan_id)


def qualified(dataset: str, name: str) -> str:
    """An id that is unique over data sets."""
    return f"{dataset}/{name}"


def open_corpus(
    cases_of: Mapping[str, Iterable[LesionCase]],
    stores_of: Mapping[str, ScanStore],
    crop: CropPlan,
    *,
    qualify: bool = False,
    empty_allowed: bool = False,
) -> Corpus:
    """The corpus of the given cases, keyed by data set. Cases whose scan failed in preprocessing are set apart.

    Raises:
        MissingStageError: a data set has no preprocessed scan at all, unless `empty_allowed`.
    """
    cases: list[LesionCase] = []
    missing: list[LesionCase] = []
    stores: dict[str, ScanStore] = {}
    originals: dict[str, LesionCase] = {}
    for dataset, members in cases_of.items():
        store = stores_of[dataset]
        present = set(store.scan_ids())
        if not present and not empty_allowed:
            raise MissingStageError(
                f"{dataset} has no preprocessed scans under this plan.",
                where=store.layout.folder,
                fix=f"Run rnnet_preprocess -d {dataset}.",
            )
        for original in members:
            case = original
            if qualify:
                case = replace(
                    original,
                    case_id=qualified(dataset, original.case_id),
                    patient_id=qualified(dataset, original.patient_id),
                )
            (cases if original.scan_id in present else missing).append(case)
            stores[case.case_id] = store
            originals[case.case_id] = original
    return Corpus(tuple(cases), stores, originals, crop, tuple(missing))
