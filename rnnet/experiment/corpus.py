"""Lesions of one or several preprocessed data sets, with access to their crops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rnnet.core.errors import MissingStageError
from rnnet.core.seeding import rng_for
from rnnet.core.types import NO_LESION, LesionCase
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
    # Of the random crops of brain.
    seed: int = 0

    def read(self, case: LesionCase) -> PreprocessedCase:
        """The crop (channels, z, y, x) of one of the corpus's cases."""
        store = self.stores[case.case_id]
        if case.lesion_value == NO_LESION:
            rng = rng_for(self.seed, "brain crop", case.case_id)
            return store.read_brain_crop(case.scan_id, self.crop, rng, case_id=case.case_id)
        crop = store.read_case(self.originals[case.case_id], self.crop)
        return replace(crop, case_id=case.case_id)

    def with_brain_crops(self, per_scan: int, *, seed: int) -> Corpus:
        """The lesions, and `per_scan` random crops of brain of each scan as cases without a lesion.

        Cases with the value NO_LESION stand for scans without any; they are replaced by these crops.
        """
        first_case = {(id(self.stores[c.case_id]), c.scan_id): c for c in reversed(self.cases)}
        added = [
            replace(case, case_id=f"{case.case_id}_brain{number}", lesion_value=NO_LESION, outcome=None)
            for case in reversed(first_case.values()) for number in range(per_scan)
        ]
        ids = {case.case_id: case.case_id.rpartition("_brain")[0] for case in added}
        return replace(
            self, cases=(*(c for c in self.cases if c.lesion_value != NO_LESION), *added), seed=seed,
            stores={**self.stores, **{new: self.stores[old] for new, old in ids.items()}},
            originals={**self.originals, **{new: self.originals[old] for new, old in ids.items()}},
        )

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
