"""What a data set's scans are to the guard against leakage: patients with all their names, and images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rnnet.core.codec import read_json
from rnnet.core.types import Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.leakage import Exposure

# The converter whose patients keep the centre's own ids, which another centre may use as well.
_OWN_IDS = "table"


def scans_exposure(
    name: str, layout: RawLayout, scans: Iterable[Scan], image_of: Callable[[Scan], str] = lambda _: ""
) -> Exposure:
    """The exposure of scans of the raw data set in `layout`. image_of: the hash of what a scan shows, '' if unknown."""
    scans = tuple(scans)
    names = patient_names(layout, (scan.patient_id for scan in scans))
    return Exposure(
        name, frozenset(f"{layout.folder.name}/{scan.patient_id}" for scan in scans), names,
        {source_of(scan): image_of(scan) for scan in scans},
    )


def patient_names(layout: RawLayout, patients: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """By qualified patient, the names that are this patient's in every data set; patients without any are left out."""
    others = read_other_ids(layout.other_ids_csv)
    own = _ids_are_unique(layout)
    found = {}
    for patient in set(patients):
        names = others.get(patient, frozenset()) | ({patient} if own else set())
        if names:
            found[f"{layout.folder.name}/{patient}"] = names
    return found


def names_to_carry(layout: RawLayout, patients: Iterable[str]) -> dict[str, frozenset[str]]:
    """By patient, what a data set that shares the scans must write into its other_ids.csv to keep knowing who it is.

    The qualified name is among them: two data sets that share the scans of a third have it in common, with it as well.
    """
    names = patient_names(layout, patients := set(patients))
    qualified = {patient: f"{layout.folder.name}/{patient}" for patient in patients}
    return {patient: names.get(full, frozenset()) | {full} for patient, full in qualified.items()}


def _ids_are_unique(layout: RawLayout) -> bool:
    """Whether a converter made the patients' ids: then they begin with the source's name."""
    if not layout.conversion_json.is_file():
        return False
    content = read_json(layout.conversion_json)
    return isinstance(content, dict) and content.get("source") not in (None, _OWN_IDS)
