"""A small release of UCSF-BMSR."""

from __future__ import annotations

from pathlib import Path

from tests.dataset.converters.pool_files import put_binary, put_excel, put_image, put_tissues, put_unused

TRAIN = "UCSF_BrainMetastases_TRAIN"
TABLE = "TableS1_UCSF_BrainMetastases_SubjectInfo.xlsx"


def write_ucsf_bmsr_tree(root: Path, *, table: bool = True) -> Path:
    """Four usable sessions of three patients: two with _seg, one with BRaTS-seg alone, one without a mask.

    Left out: 100363B, and 100120A without T1post.
    """
    release = root / "UCSF_BrainMetastases_v1.3"
    for seed, case_id in enumerate(("100101A", "100101B", "100110A", "100115A", "100363B", "100120A")):
        case = release / TRAIN / case_id
        put_unused(*(case / f"{case_id}_{kind}.nii.gz" for kind in ("T1pre", "FLAIR", "subtraction", "T2Synth")))
        if case_id != "100120A":
            put_image(case / f"{case_id}_{'t1post' if case_id == '100101B' else 'T1post'}.nii.gz", seed)
        if case_id in ("100101A", "100101B", "100363B"):
            put_binary(case / f"{case_id}_seg.nii.gz")
            put_tissues(case / f"{case_id}_BraTS-seg.nii.gz")
        if case_id == "100110A":
            put_tissues(case / f"{case_id}_BRaTS-seg.nii.gz")
    put_unused(release / "readme.pdf")
    if table:
        put_excel(release / TABLE, {
            "ORIGINAL": {"x": [1]},
            "RENAMED": {
                "SubjectID": ["100101A", "100101B", "100110A", "100115A", "100120A"],
                "Sex": ["F", "F", "M", "M", " "],
                "Age": [61, 62, 55, "n/a", 40],
                "BraTS_ID": ["BraTS-MET-00012-000", "BraTS-MET-00013", " ", "n/a", "BraTS-MET-00014-000"],
            },
        })
    return root
