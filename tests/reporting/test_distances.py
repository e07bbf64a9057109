from __future__ import annotations

from rnnet.planning.center_distance import Comparison, Distance
from rnnet.reporting.distances import DISTANCE_NOTE, distance_facts, distance_rows, distance_table
from rnnet.reporting.render import to_text

FAR = Distance("voxel_edge_largest_mm", True, 3.21, 0.001, (12, 6))
NEAR = Distance("clinical: primary_tumour", False, 0.2, 0.5, (12, 5))
FEW = Distance("foreground_mean", True, 14.3, 0.029, (4, 4))
COMPARISON = Comparison("centre A", "centre B", (FAR, NEAR))


def test_every_quantity_has_a_row_with_its_numbers_of_patients() -> None:
    assert distance_rows([COMPARISON]) == [
        ("centre A and centre B", "largest voxel edge (mm)", "3.21 SD", "0.001", "12 and 6", "far"),
        ("", "primary tumour", "20% of patients", "0.500", "12 and 5", ""),
    ]
    assert distance_facts([COMPARISON])[0]["far"] == "far"
    assert distance_facts([]) == []
    assert distance_rows([Comparison("A", "B", (FEW,))])[0][-1] == "far, untested"


def test_the_table_says_how_to_read_it() -> None:
    text = to_text(distance_table([COMPARISON], "Distances"))
    assert "3.21 SD" in text
    assert " ".join(text.split()).endswith(" ".join(DISTANCE_NOTE.split()))
