"""The table of contents of rnnet: one function per command, each a short list of stage calls."""

from rnnet.pipeline.conversion import combine_datasets, convert_dataset, list_sources
from rnnet.pipeline.datasets import (
    audit_leakage,
    describe_cohort,
    find_duplicates,
    make_splits,
    select_cohort,
    select_cohort_from_tables,
    verify_dataset_integrity,
)
from rnnet.pipeline.models import (
    evaluate,
    explain,
    fuse,
    import_weights,
    predict,
    pretrain,
    train,
)
from rnnet.pipeline.preparation import (
    compare_centers,
    download_assets,
    extract_fingerprint,
    plan_and_preprocess,
    plan_experiment,
    plot_qc,
    preprocess,
)
from rnnet.pipeline.radiomics import extract_radiomics
from rnnet.pipeline.reports import report

__all__ = [
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
