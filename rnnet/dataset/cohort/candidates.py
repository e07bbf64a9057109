"""What the inclusion rules need to know of each lesion on each scan, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rnnet.core.errors import SettingError
from rnnet.dataset.cohort.growth import ABSOLUTE_GROWTH_MM, RELATIVE_GROWTH

Unit = Literal["lesion", "lesion_scan"]
Diameter = Literal["axial", "feret", "table"]
UNIT_TITLES: dict[Unit, str] = {
    "lesion": "lesion (its first qualifying scan)",
    "lesion_scan": "lesion_scan (a lesion on every scan that qualifies)",
}
DIAMETER_TITLES: dict[Diameter, str] = {
    "axial": "longest in-plane (axial) diameter, from the masks",
    "feret": "3-D Feret diameter, from the masks",
    "table": "diameter of the table",
}
NOT_IN_MASK = "not in the mask"
RADIATION_NECROSIS, PROGRESSION = "radiation_necrosis", "progression"


@dataclass(frozen=True, slots=True)
class CohortSettings:
    """What the user chooses.

    unit: what one sample is. relative, absolute_mm: least growth over the nadir. require_srs: only scans after a
    radiosurgery of the lesion. cube_edge_mm: edge of the cube in which no lesion may have the other outcome.
    """

    unit: Unit
    diameter: Diameter = "axial"
    relative: float = RELATIVE_GROWTH
    absolute_mm: float = ABSOLUTE_GROWTH_MM
    require_srs: bool = False
    cube_edge_mm: float = 64.0

    def check(self) -> CohortSettings:
        """Self. Raises SettingError for limits that are negative or no numbers, or a share above 1."""
        if not 0 <= self.relative <= 1:
            raise SettingError(f"The relative growth must be a share from 0 to 1. Got {self.relative:g} instead.",
                               fix="20 % is --relative 0.2.")
        if not 0 <= self.absolute_mm < float("inf"):
            raise SettingError(f"The absolute growth must be 0 mm or more. Got {self.absolute_mm:g} instead.")
        if not 0 < self.cube_edge_mm < float("inf"):
            raise SettingError(f"The edge of the cube must be above 0 mm. Got {self.cube_edge_mm} instead.")
        return self


@dataclass(frozen=True, slots=True)
class LesionScan:
    """One lesion on one scan.

    lesion_id: of the lesion over time, unique over patients. scan_id: '' for a lesion of which no scan is known. day:
    of the scan, None where it is not known. diameter_mm: NaN where the lesion was not measured, and `unmeasured` says
    why. outcome, label_source: of this row. radiation_necrosis_day, srs_days: of the lesion; srs_days is None where the
    source does not say. recorded: False where the clinical record does not have the lesion, so that the lack of a day
    of necrosis means nothing. neighbours: lesion_ids of other lesions inside the cube around this one; None where the
    source has no positions.
    """

    case_id: str
    lesion_id: str
    patient_id: str
    scan_id: str
    day: float | None
    diameter_mm: float
    unmeasured: str = ""
    outcome: str | None = None
    label_source: str = ""
    radiation_necrosis_day: float | None = None
    recorded: bool = True
    srs_days: tuple[float, ...] | None = None
    motion: bool = False
    neighbours: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """All lesions on all scans of a source.

    days_of_necrosis: the source says when each lesion had radiation necrosis, so that growth without it is
    progression. positions, srs, motion: whether it has them. notes: what the user should hear. failures: scans that
    could not be measured, with the reason.
    """

    source: str
    rows: tuple[LesionScan, ...]
    diameter: str
    positive_outcome: str = RADIATION_NECROSIS
    negative_outcome: str = PROGRESSION
    days_of_necrosis: bool = False
    positions: bool = False
    srs: bool = False
    motion: bool = False
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
