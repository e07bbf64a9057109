"""The table of contents of rnnet: one function per command, each a short list of stage calls."""

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
    "download_assets",
    "evaluate",
    "explain",
    "extract_fingerprint",
    "fuse",
    "plan_and_preprocess",
    "plan_experiment",
    "plot_qc",
    "predict",
    "preprocess",
    "pretrain",
    "train",
    "verify_dataset_integrity",
]
