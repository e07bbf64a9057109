"""Which subgroups a lesion belongs to: centre, primary tumour, sex, size, label source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rnnet.core.types import ClinicalValue, LesionCase
from rnnet.evaluation.results import Factor
from rnnet.experiment.corpus import Corpus

Facts = Mapping[str, Mapping[str, str]]
LABEL_SOURCE: Factor = "label source"
NOT_GIVEN = "not given"
# Under which names converters and centres declare these columns; compared without case.
_COLUMNS: dict[Factor, tuple[str, ...]] = {
    "primary tumour": ("primary_tumour", "primary_tumor", "primary"),
    "sex": ("sex", "gender"),
}


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """Where small lesions end: the median volume of the training lesions; None where no volume is known."""

    volume_mm3: float | None

    @classmethod
    def of(cls, corpus: Corpus) -> SizeLimit:
        """From the training lesions of a corpus."""
        volumes = [v for case in corpus.cases if case.split == "train" and (v := lesion_volume_mm3(corpus, case))]
        return cls(float(np.median(volumes)) if volumes else None)

    def level(self, volume_mm3: float | None) -> str:
        """'at most 1.93 mL' or 'over 1.93 mL'."""
        if self.volume_mm3 is None or volume_mm3 is None:
            return NOT_GIVEN
        side = "at most" if volume_mm3 <= self.volume_mm3 else "over"
        return f"{side} {self.volume_mm3 / 1000:.2f} mL"


def case_facts(corpus: Corpus, limit: SizeLimit) -> dict[str, dict[str, str]]:
    """By case id, the level of every factor that is known for the corpus's cases."""
    return {
        case.case_id: {
            "centre": case.center or NOT_GIVEN,
            **{factor: _clinical(case.clinical, names) for factor, names in _COLUMNS.items()},
            "lesion size": limit.level(lesion_volume_mm3(corpus, case)),
            LABEL_SOURCE: case.label_source or NOT_GIVEN,
        }
        for case in corpus.cases
    }


def label_sources(facts: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """All label sources that occur, in alphabetical order."""
    return tuple(sorted({of_case[LABEL_SOURCE] for of_case in facts}))


def lesion_volume_mm3(corpus: Corpus, case: LesionCase) -> float | None:
    """The lesion's volume on the 1 mm grid of the atlas; None where the record of its scan does not hold it."""
    original = corpus.originals[case.case_id]
    box = corpus.stores[case.case_id].read_record(original.scan_id).boxes.get(original.lesion_value)
    return None if box is None else float(box.n_voxels)


def _clinical(values: Mapping[str, ClinicalValue], names: tuple[str, ...]) -> str:
    found = next((v for name, v in values.items() if name.casefold() in names and v is not None), None)
    return NOT_GIVEN if found is None else str(found).replace("_", " ")
