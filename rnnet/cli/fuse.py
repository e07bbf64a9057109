"""rnnet_fuse: the stacking model, or another one on tables, on every fold and in full."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.types import TABULAR_CONFIGS


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_fuse",
        "Train the multimodal stacking model (imaging logit, radiomics, clinical data), or another configuration that "
        "works on tables, on every fold and in full. With it come models for lesions that lack radiomics or clinical "
        "data. For multimodal all folds of ssl_vit must be trained first.",
        "rnnet_fuse 1 -c multimodal_logistic",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set, by number or full name")
    parser.add_argument(
        "-c",
        dest="config",
        default="multimodal",
        metavar="CONFIG",
        help=f"one of {', '.join(TABULAR_CONFIGS)}; ..._logistic is the control with a logistic regression at the end "
        "(default: %(default)s)",
    )
    _common.add_plan(parser)
    _common.add_settings(parser)
    _common.add_processes(parser)
    _common.add_allow_leakage(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    folder = pipeline.fuse(
        _common.workspace_of(arguments),
        arguments.dataset,
        config=arguments.config,
        plan_name=arguments.plan_name,
        settings=arguments.settings,
        n_processes=arguments.n_processes,
        allow_leakage=arguments.allow_leakage,
    )
    print(f"Fusion models: {folder}")
    _common.print_leaks_of(folder)
