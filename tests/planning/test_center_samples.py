from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.core.types import Scan
from rnnet.dataset.manifest import ClinicalColumn, Manifest
from rnnet.planning.center_samples import clinical_samples, joined, pooled, samples_by_center
from rnnet.planning.lesion_size import LesionSize
from rnnet.planning.scan_measures import LesionMeasures, ScanMeasures
from tests.factories import make_cases

MANIFEST = Manifest(
    "X", {"0": "T1CE"}, clinical={"age": ClinicalColumn("numeric"), "sex": ClinicalColumn("categorical")}
)


def measured(scan_id: str, spacing: tuple[float, float, float], diameters: tuple[float, ...] = ()) -> ScanMeasures:
    lesions = tuple(LesionMeasures(LesionSize((1, 1, 1), 1.0, d), float("nan"), 1.0) for d in diameters)
    return ScanMeasures(scan_id, (9, 9, 9), spacing, "LPS", 0.0, False, 100.0, 10.0, lesions, ())


def scan(scan_id: str, patient: str, center: str) -> Scan:
    return Scan(scan_id, patient, center, None, Path("x"), None)


def test_each_patient_counts_once_whatever_the_number_of_its_scans_and_lesions() -> None:
    scans = [scan("a1", "A", "X"), scan("a2", "A", "X"), scan("b1", "B", "X"), scan("c1", "C", "Y"),
             scan("failed", "D", "Y")]
    measures = [measured("a1", (5.0, 1.0, 1.0), (10.0, 12.0)), measured("a2", (1.0, 1.0, 3.0), (20.0,)),
                measured("b1", (1.0, 1.0, 1.0)), measured("c1", (2.0, 0.5, 0.5), (3.0,))]
    found = samples_by_center(measures, scans, (), MANIFEST)
    assert {center: s.n_patients for center, s in found.items()} == {"X": 2, "Y": 1}
    assert found["X"].numeric["voxel_edge_largest_mm"] == (1.0, 4.0)  # of 5 and 3: whichever axis is the thick one
    assert found["X"].numeric["lesion_axial_diameter_mm"] == (12.0,)
    assert "lesion_contrast_sd" not in found["X"].numeric  # not finite
    assert pooled(found.values()).numeric["voxel_edge_smallest_mm"] == (0.5, 1.0, 1.0)
    assert pooled(found.values()).n_patients == 3


def test_clinical_values_are_the_patients_median_and_usual_category() -> None:
    cases = list(make_cases(2, 3))
    for i, (age, sex) in enumerate([(40.0, "male"), (42.0, "male"), (None, "female")]):
        cases[i] = replace(cases[i], clinical={"age": age, "sex": sex})
    found = clinical_samples(cases, MANIFEST)
    assert found.numeric == {"clinical: age": (41.0, 41.0)}
    assert found.categorical == {"clinical: sex": {"male": 2}}
    nothing = clinical_samples([replace(c, clinical={}) for c in cases], MANIFEST)
    assert (nothing.numeric, nothing.categorical) == ({}, {})
    assert joined(nothing, found).n_patients == 2


def test_centres_together_add_up() -> None:
    one = clinical_samples(make_cases(4, 1), MANIFEST)
    both = pooled([one, one])
    assert both.categorical["clinical: sex"] == {"female": 4, "male": 4}
    assert both.numeric["clinical: age"] == (40, 40, 41, 41, 42, 42, 43, 43)


@pytest.mark.parametrize("value", [0.123456789, 123456.789])
def test_five_digits_are_kept(value: float) -> None:
    found = samples_by_center([measured("a", (value,) * 3)], [scan("a", "A", "X")], (), MANIFEST)["X"]
    assert found.numeric["voxel_edge_largest_mm"][0] == pytest.approx(value, rel=1e-4)
