"""rnnet: a self-configuring, self-supervised, multimodal classifier of lesions on MRI.

Every command but rnnet_demo and rnnet_benchmark is a function here: rnnet.plan_and_preprocess(workspace, [1, 2]) and so
on; see rnnet.pipeline.
"""

from rnnet.core.errors import RnnetError
from rnnet.core.workspace import Workspace
from rnnet.pipeline import (
    audit_leakage,
    combine_datasets,
    compare_centers,
    convert_dataset,
    describe_cohort,
    download_assets,
    evaluate,
    explain,
    extract_fingerprint,
    extract_radiomics,
    find_duplicates,
    fuse,
    import_weights,
    list_sources,
    make_splits,
    plan_and_preprocess,
    plan_experiment,
    plot_qc,
    predict,
    preprocess,
    pretrain,
    report,
    select_cohort,
    select_cohort_from_tables,
    train,
    verify_dataset_integrity,
)

__all__ = [
    "RnnetError",
    "Workspace",
    "audit_leakage",
    "combine_datasets",
    "compare_centers",
    "convert_dataset",
    "describe_cohort",
    "download_assets",
    "evaluate",
    "explain",
    "extract_fingerprint",
    "extract_radiomics",
    "find_duplicates",
    "fuse",
    "import_weights",
    "list_sources",
    "make_splits",
    "plan_and_preprocess",
    "plan_experiment",
    "plot_qc",
    "predict",
    "preprocess",
    "pretrain",
    "report",
    "select_cohort",
    "select_cohort_from_tables",
    "train",
    "verify_dataset_integrity",
]
