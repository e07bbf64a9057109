"""rnnet_train: one fold of one configuration."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.types import CONFIGS, CONTROLS


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_train",
        "Train one fold of one configuration: " + ", ".join(CONFIGS) + ".",
        "rnnet_train 1 0 -c ssl_vit",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set, by number or full name")
    parser.add_argument(
        "fold", metavar="FOLD", type=_common.fold_name, help="0 to k-1, or 'all' for every training case"
    )
    parser.add_argument("-c", dest="config", default="ssl_vit", metavar="CONFIG", help="default: %(default)s")
    _common.add_plan(parser)
    _common.add_device(parser)
    _common.add_settings(parser)
    _common.add_processes(parser)
    _common.add_allow_leakage(parser)
    parser.add_argument(
        "-pretrained",
        default="auto",
        metavar="FILE|auto|none",
        help="checkpoint of rnnet_pretrain; 'auto' takes the one of this data set and plan (default: %(default)s)",
    )
    parser.add_argument("--continue", dest="resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--val", dest="validate_only", action="store_true", help="only predict with the trained fold")
    parser.add_argument(
        "--control", choices=CONTROLS, default="", metavar="CONTROL",
        help="train a negative control instead, in a folder of its own: " + ", ".join(CONTROLS),
    )
    parser.add_argument(
        "--seeds", type=_common.positive_int, default=1, metavar="N",
        help="train the fold N times, with the plan's seed and those after it; with --continue, runs that are there "
        "already are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--without", type=int, metavar="OTHER",
        help="train on neither FOLD nor OTHER and predict both, for nested cross-validation of the stacking model "
        "(fusion.nested); imaging configurations only",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    folder = pipeline.train(
        _common.workspace_of(arguments),
        arguments.dataset,
        arguments.fold,
        config=arguments.config,
        plan_name=arguments.plan_name,
        settings=arguments.settings,
        pretrained=arguments.pretrained,
        device=_common.resolve_device(arguments.device),
        resume=arguments.resume,
        validate_only=arguments.validate_only,
        n_processes=arguments.n_processes,
        allow_leakage=arguments.allow_leakage,
        control=arguments.control,
        seeds=arguments.seeds,
        without=arguments.without,
    )
    control = f", negative control {arguments.control}" if arguments.control else ""
    seeds = f", {arguments.seeds} seeds" if arguments.seeds > 1 else ""
    without = f" without fold {arguments.without}" if arguments.without is not None else ""
    print(f"Fold {arguments.fold} of {arguments.config}{control}{seeds}{without}: {folder}")
    _common.print_leaks_of(folder)
