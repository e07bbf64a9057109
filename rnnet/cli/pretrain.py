"""rnnet_pretrain: self-supervised pretraining on every lesion cube except those of held-out patients."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_pretrain",
        "Pretrain the Vision Transformer on the lesions of all named data sets, without labels. "
        "Patients of a test split are left out. The plan is that of the first data set.",
        "rnnet_pretrain -d 1 2 --continue",
    )
    _common.add_datasets(parser)
    _common.add_plan(parser)
    _common.add_device(parser)
    _common.add_settings(parser)
    _common.add_allow_leakage(parser)
    parser.add_argument("--continue", dest="resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "-num_gpus",
        type=_common.positive_int,
        default=1,
        metavar="N",
        help="processes of one GPU each, started through torchrun (default: %(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    from rnnet.training import distributed

    group = distributed.group_from_environment(_common.environment())
    if arguments.num_gpus > 1 and group is None:
        return distributed.launch(arguments.num_gpus, sys.argv[1:])
    path = pipeline.pretrain(
        _common.workspace_of(arguments),
        arguments.datasets,
        plan_name=arguments.plan_name,
        settings=arguments.settings,
        device=_common.resolve_device(arguments.device),
        resume=arguments.resume or distributed.was_restarted(_common.environment()),
        group=group,
        allow_leakage=arguments.allow_leakage,
    )
    print(f"Pretrained encoder: {path}")
    _common.print_leaks_of(path.parent)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
