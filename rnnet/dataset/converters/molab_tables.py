"""The two tables of MOLAB (OpenBTAI-METS) as records: what was treated when, and how large each lesion was.

Layout of both sheets: as found in the published files (Ocana-Tienda et al., Scientific Data 10, 208, 2023).
"""

from __future__ import annotations

from rnnet.dataset.converters.molab_clinical import read_clinical_table
from rnnet.dataset.converters.molab_morphology import read_morphology_table
from rnnet.dataset.converters.molab_records import FIRST_SCAN, PRIMARIES, MolabLesion, MolabMeasurement, Treatment

__all__ = [
    "FIRST_SCAN", "PRIMARIES", "MolabLesion", "MolabMeasurement", "Treatment", "read_clinical_table",
    "read_morphology_table",
]
