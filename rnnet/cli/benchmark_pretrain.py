"""The part 'pretrain' of rnnet_benchmark: how fast pretraining runs, beside the machine's peak and a peer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rnnet.cli import _common

if TYPE_CHECKING:
    from rnnet.benchmark.monai_peer import PeerSpeed
    from rnnet.benchmark.plain_peer import PlainSpeed
    from rnnet.benchmark.pretrain import PretrainSpeed
    from rnnet.planning.plan import ExperimentPlan

_NETWORKS = ("ViT-B", "ViT-S", "ViT-Ti")


def add_pretrain(parser: argparse.ArgumentParser) -> None:
    """Arguments of the part."""
    parser.add_argument("--network", choices=_NETWORKS, default="ViT-B", help="default: %(default)s")
    parser.add_argument("--edge", type=_common.positive_int, default=64, metavar="VOX",
                        help="of the crop (default: %(default)s)")
    parser.add_argument("--token_edge", type=_common.positive_int, default=16, metavar="VOX",
                        help="of a token (default: %(default)s)")
    parser.add_argument("--batch_size", type=_common.positive_int, default=8, metavar="N",
                        help="crops in a step (default: %(default)s)")
    parser.add_argument("--precision", choices=("auto", "bfloat16", "float32"), default="auto",
                        help="of the matrix products (default: what training takes on the device)")
    parser.add_argument("--steps", type=_common.positive_int, default=6, metavar="N",
                        help="measured after a warm-up (default: %(default)s)")
    parser.add_argument("--peer", choices=("monai", "plain"),
                        help="also measure MONAI's tutorial, if it is installed; or, step by step in turns with rnnet, "
                             "a bare loop in plain torch on one batch, without crops and views")
    parser.add_argument("--peer_steps", type=_common.positive_int, default=1, metavar="N",
                        help="steps of MONAI's tutorial after a first one (default: %(default)s)")
    _common.add_device(parser)
    _common.add_settings(parser)
    parser.set_defaults(body=measure)


def measure(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    from rnnet.benchmark.pretrain import benchmark_plan, measure_pretraining
    from rnnet.planning.plan import with_settings

    plan = benchmark_plan(
        arguments.network, edge_vox=arguments.edge, token_edge_vox=arguments.token_edge, batch_size=arguments.batch_size
    )
    plan = with_settings(plan, arguments.settings)
    device = _common.resolve_device(arguments.device)
    peer = None
    if arguments.peer == "monai":
        from rnnet.benchmark.monai_peer import measure_monai

        # First: what rnnet sets for its process would speed up the peer.
        peer = measure_monai(plan, device=device, precision=arguments.precision, steps=arguments.peer_steps)
    speed = measure_pretraining(plan, device=device, precision=arguments.precision, steps=arguments.steps)
    _print_speed(arguments.network, plan, speed)
    if peer is not None:
        _print_peer(speed, peer)
    if arguments.peer == "plain":
        from rnnet.benchmark.plain_peer import measure_beside_plain
        from rnnet.benchmark.pretrain_report import is_the_run_of_the_aims

        beside = measure_beside_plain(plan, device=device, precision=arguments.precision, steps=arguments.steps)
        _print_plain(beside, has_aim=is_the_run_of_the_aims(speed, arguments.network, plan) and speed.device == "cpu")


def _print_speed(network: str, plan: ExperimentPlan, speed: PretrainSpeed) -> None:
    from rnnet.benchmark.pretrain_report import PHASE_HEADER, SPEED_HEADER, phase_rows, speed_notes, speed_rows
    from rnnet.reporting.screen import text_table

    place = f"{speed.device}, {speed.threads} thread(s)" if speed.device == "cpu" else speed.device
    print(f"{network}, tokens of {plan.network.token_edge_vox} in crops of {plan.crop.edge_vox} voxels, "
          f"{speed.parameters / 1e6:.1f} million parameters with heads; batch {speed.batch_size}, {speed.precision}; "
          f"{place}; median of {speed.steps} steps")
    print(text_table(PHASE_HEADER, phase_rows(speed)))
    print()
    print(text_table(SPEED_HEADER, speed_rows(speed, network=network, plan=plan)))
    print("\n".join(speed_notes(speed, network=network, plan=plan)))


def _print_peer(speed: PretrainSpeed, peer: PeerSpeed) -> None:
    from rnnet.benchmark.pretrain import AIM_PEER_RATIO

    print(f"{peer.version}, self-supervised ViT tutorial, same network, batch and precision: "
          f"{peer.cubes_per_second:.2f} cubes/s, {peer.step_seconds:.2f} s a step "
          f"(median of {peer.steps} after a first; crops in memory, its transforms in the main process)")
    ratio = speed.cubes_per_second / peer.cubes_per_second
    missed = "" if ratio >= AIM_PEER_RATIO else ": missed"
    print(f"rnnet / peer: {ratio:.1f} (aim: at least {AIM_PEER_RATIO:g}{missed})")


def _print_plain(speed: PlainSpeed, *, has_aim: bool) -> None:
    from rnnet.benchmark.plain_peer import AIM_PLAIN_RATIO

    size = speed.batch_size
    print(f"In turns with a bare loop in plain torch on one batch, median of {speed.steps} steps each: "
          f"bare {size / speed.plain_seconds:.2f} cubes/s, rnnet {size / speed.rnnet_seconds:.2f} cubes/s")
    missed = "" if speed.ratio >= AIM_PLAIN_RATIO else ": missed"
    aim = f" (aim: at least {AIM_PLAIN_RATIO:.2f}{missed})" if has_aim else ""
    print(f"rnnet / bare loop: {speed.ratio:.2f}{aim}")
