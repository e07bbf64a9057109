"""Which rows of cases.csv are the same lesion at different times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnnet.core.errors import DatasetError
from rnnet.core.types import LesionCase

LESION_ID = "lesion_id"
# What may stand between the patient and the lesion in a lesion_id: "11" is no lesion of the patient "1".
_SEPARATORS = ("_", "/", "-")


def lesion_ids(cases: Iterable[LesionCase]) -> Mapping[str, str]:
    """The lesion of every case, by case_id: "PATIENT/LESION" unless its name is the patient's and more anyhow.

    It is the information column lesion_id, or else the lesion's value in the mask. An empty lesion_id (a lesion of a
    mask that no table knows) takes the one that the same value of the patient's masks has in other rows, if it is
    only one.

    Raises:
        DatasetError: a lesion stands twice on one scan, or two patients share one.
    """
    rows = list(cases)
    named: dict[tuple[str, int], set[str]] = {}
    for case in rows:
        if name := case.information.get(LESION_ID):
            named.setdefault((case.patient_id, case.lesion_value), set()).add(name)
    found: dict[str, str] = {}
    taken: dict[tuple[str, str], str] = {}
    owners: dict[str, str] = {}
    for case in rows:
        same_value = named.get((case.patient_id, case.lesion_value), set())
        # A value that no lesion_id belongs to must not be mistaken for the lesion_id of that number.
        unnamed = f"value-{case.lesion_value}" if named else str(case.lesion_value)
        only = next(iter(same_value)) if len(same_value) == 1 else unnamed
        name = case.information.get(LESION_ID) or only
        found[case.case_id] = name if _names_patient(name, case.patient_id) else f"{case.patient_id}/{name}"
        owner = owners.setdefault(found[case.case_id], case.patient_id)
        if owner != case.patient_id:
            raise DatasetError(
                f"The lesion '{found[case.case_id]}' belongs to the patients '{owner}' and '{case.patient_id}'.",
                where="cases.csv, column lesion_id", fix="Give the lesions of the two patients different names.",
            )
        other = taken.setdefault((case.scan_id, found[case.case_id]), case.case_id)
        if other != case.case_id:
            raise DatasetError(
                f"The cases '{other}' and '{case.case_id}' are the same lesion on the same scan.",
                where="cases.csv, column lesion_id", fix="Correct lesion_id, or give both parts one value in the mask.",
            )
    return found


def _names_patient(name: str, patient_id: str) -> bool:
    return name.startswith(tuple(patient_id + separator for separator in _SEPARATORS))
