"""A small release of Pretreat-MetsToBrain-Masks."""

from __future__ import annotations

from pathlib import Path

from tests.dataset.converters.brats_mets_tree import put_brats_case
from tests.dataset.converters.pool_files import put_excel

TABLE = "Pretreat-MetsToBrain-Masks_clin_20230918.xlsx"


def write_yale_pretreat_tree(root: Path, *, table: bool = True) -> Path:
    """Three patients with masks; the table lacks the third and has one more."""
    for seed, case_id in enumerate(("BraTS-MET-00086-000", "BraTS-MET-00087-000", "BraTS-MET-00088-000")):
        put_brats_case(root / "Pretreat-MetsToBrain-Masks", case_id, seed=seed)
    if table:
        put_excel(root / TABLE, {"Data": {
            "BraTS_MET_ID": ["BraTS-MET-00086-000", "BraTS-MET-00087-000", "BraTS-MET-00099-000"],
            "Death": [1, "n/a", 0],
        }})
    return root
