"""rnnet_explain: attention maps of a trained configuration."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_explain",
        "Write the attention rollout of lesions as pictures and as NIfTI in the scan's own grid. "
        "Without --cases: the test lesions.",
        "rnnet_explain 1 -c ssl_vit -f 0 --cases P001_1 P002_1",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set, by number or full name")
    parser.add_argument("-c", dest="config", default="ssl_vit", metavar="CONFIG", help="default: %(default)s")
    parser.add_argument(
        "-f",
        dest="folds",
        nargs="+",
        type=_common.fold_name,
        metavar="FOLD",
        help="folds (default: all that are trained)",
    )
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="case ids")
    parser.add_argument(
        "--max",
        dest="max_cases",
        type=_common.positive_int,
        default=12,
        metavar="N",
        help="at most N lesions when --cases is not given (default: %(default)s)",
    )
    _common.add_plan(parser)
    _common.add_device(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    pictures = pipeline.explain(
        _common.workspace_of(arguments),
        arguments.dataset,
        config=arguments.config,
        folds=arguments.folds,
        case_ids=arguments.cases,
        max_cases=arguments.max_cases,
        plan_name=arguments.plan_name,
        device=_common.resolve_device(arguments.device),
    )
    for picture in pictures:
        print(f"Attention: {picture}")
