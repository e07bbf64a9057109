"""rnnet_pretrain: self-supervised pretraining on every lesion cube except those of held-out patients."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.errors import RnnetError
from rnnet.core.log import quiet_logging

if TYPE_CHECKING:
    from rnnet.training.distributed import ProcessGroup

_FIRST_SPEAKS_S = 10.0
_FIRST_ENDS_S = 2.0


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
        help="processes that share each batch, of one GPU each, or on the processor with -device cpu; started as by "
        "torchrun (default: %(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    typed = sys.argv[1:] if argv is None else list(argv)
    return _common.run(lambda arguments: _body(arguments, typed), build_parser(), argv)


def _body(arguments: argparse.Namespace, typed: Sequence[str]) -> int:
    from rnnet.training.distributed import group_from_environment

    group = group_from_environment(_common.environment())
    if group is not None:
        return _speaking_once(group, lambda: _pretrain(arguments, group))
    return _launch(arguments, typed) if arguments.num_gpus > 1 else _pretrain(arguments, None)


def _launch(arguments: argparse.Namespace, typed: Sequence[str]) -> int:
    """What all processes would refuse is refused here, once."""
    from rnnet.experiment.access import read_plan_of
    from rnnet.training import launcher

    _device(arguments, arguments.num_gpus)
    workspace = _common.workspace_of(arguments)
    name = workspace.dataset_name(arguments.datasets[0])
    plan = read_plan_of(workspace, name, arguments.plan_name, arguments.settings)
    launcher.check_batch_size(plan, arguments.num_gpus)
    _common.share_cores(arguments.num_gpus)
    return launcher.launch(arguments.num_gpus, typed)


def _pretrain(arguments: argparse.Namespace, group: ProcessGroup | None) -> int:
    from rnnet.training.distributed import was_restarted

    path = pipeline.pretrain(
        _common.workspace_of(arguments),
        arguments.datasets,
        plan_name=arguments.plan_name,
        settings=arguments.settings,
        device=_device(arguments, 1 if group is None else group.local_count),
        resume=arguments.resume or was_restarted(_common.environment()),
        group=group,
        allow_leakage=arguments.allow_leakage,
    )
    if group is None or group.is_main:
        print(f"Pretrained encoder: {path}")
        _common.print_leaks_of(path.parent)
    return 0


def _device(arguments: argparse.Namespace, n_processes: int) -> str:
    import torch

    from rnnet.training.launcher import check_devices

    device = _common.resolve_device(arguments.device)
    check_devices(n_processes, device, asked=arguments.device, n_gpus=torch.cuda.device_count())
    return device


def _speaking_once(group: ProcessGroup, body: Callable[[], int]) -> int:
    """Run one of several processes; what all of them would say, the first says."""
    if group.is_main:
        return body()
    from rnnet.training.distributed import leave
    from rnnet.training.interrupt import TrainingInterruptedError

    quiet_logging()
    try:
        return body()
    except TrainingInterruptedError:
        # All stop together. If one ends, torchrun ends the others: the first must have said it before.
        time.sleep(_FIRST_ENDS_S)
        return _common.EXIT_ERROR
    except RnnetError as error:
        # Most errors are met by all. When the first has said its own, torchrun ends this one while it waits.
        time.sleep(_FIRST_SPEAKS_S)
        raise type(error)(f"Process {group.rank}: {error.problem}", where=error.where, fix=error.fix) from error
    finally:
        leave()


if __name__ == "__main__":
    raise SystemExit(main())
