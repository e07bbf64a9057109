"""The table of contents of rnnet: one function per command, each a short list of stage calls."""

from rnnet.pipeline.conversion import combine_datasets, convert_dataset, list_sources
from rnnet.pipeline.datasets import verify_dataset_integrity
from rnnet.pipeline.models import (
    evaluate,
    explain,
    fuse,
    predict,
    pretrain,
    train,
)
from rnnet.pipeline.preparation import (
    download_assets,
    extract_fingerprint,
    plan_and_preprocess,
    plan_experiment,
    plot_qc,
    preprocess,
)

__all__ = [
    "combine_datasets",
    "convert_dataset",
    "download_assets",
    "evaluate",
    "explain",
    "extract_fingerprint",
    "fuse",
    "list_sources",
    "plan_and_preprocess",
    "plan_experiment",
    "plot_qc",
    "predict",
    "preprocess",
    "pretrain",
    "train",
    "verify_dataset_integrity",
]
