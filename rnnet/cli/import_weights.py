"""rnnet_import_weights: the weights of another program as a pretrained encoder."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.workspace import DEFAULT_PLAN

if TYPE_CHECKING:
    from rnnet.training.import_weights import WeightsImport

LAYOUTS = ("auto", "brainiac", "medicalnet", "monai", "nnssl", "rnnet")
_SHOWN = 8


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_import_weights",
        "Read the weights of another program and fit them to the network of a plan, as a checkpoint for rnnet_train "
        "-pretrained. Input channels, positions and the size of a token adapt; everything that was changed, left out "
        "or lacking is listed, and stored beside the checkpoint.",
        "rnnet_import_weights 1 -i vit.pt --set network.position=learned",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set whose plan fixes the network, by number or name")
    parser.add_argument("-i", dest="source", type=Path, required=True, metavar="FILE", help="weights that torch wrote")
    parser.add_argument(
        "-o", dest="output", type=Path, metavar="FILE",
        help="the checkpoint (default: under the same name in the results of the data set and plan)",
    )
    parser.add_argument(
        "--layout", default="auto", metavar="NAME",
        help=f"whose names the weights have: {', '.join(LAYOUTS)}; nnssl's are refused, with the reason (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--axes", choices=("zyx", "xyz"),
        help="how the other program's arrays were indexed, channels aside. xyz: it read NIfTI with MONAI, nibabel or "
        "TorchIO; the weights are turned to rnnet's order. zyx: it read with SimpleITK, as rnnet does; the weights "
        "stay as they are (default: zyx)",
    )
    _common.add_plan(parser)
    _common.add_settings(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    path, result = pipeline.import_weights(
        _common.workspace_of(arguments),
        arguments.dataset,
        arguments.source,
        output=arguments.output,
        layout=arguments.layout,
        axes=arguments.axes or "zyx",
        plan_name=arguments.plan_name,
        settings=arguments.settings,
    )
    print("\n".join(_lines(result)))
    if arguments.axes is None and result.layout != "rnnet":
        print(
            "Note: the weights were taken for ones of arrays (z, y, x). If they were trained on volumes that MONAI or "
            "nibabel read, and were not transposed, their arrays were (x, y, z): import again with --axes xyz. If you "
            "know that it was (z, y, x), give --axes zyx and this note goes."
        )
    config = "resnet50" if result.network == "resnet50" else "ssl_vit"
    print(f"Encoder: {path}")
    print(f"Next: {_next_command(arguments, config, path)}")


def _next_command(arguments: argparse.Namespace, config: str, path: Path) -> str:
    """What trains with the encoder: the same folders, plan and changes of it, or the encoder would not fit."""
    words = ["rnnet_train", arguments.dataset, "0", "-c", config, "-pretrained", str(path)]
    if arguments.root is not None:
        words += ["--root", str(arguments.root)]
    if arguments.plan_name != DEFAULT_PLAN:
        words += ["-p", arguments.plan_name]
    if arguments.settings:
        words += ["--set", *arguments.settings]
    return shlex.join(words)


def _lines(result: WeightsImport) -> list[str]:
    """The account of an import, one line for each tensor that is not as it was stored."""
    lines = [
        f"{result.file} read as {result.layout}: {len(result.used)} tensors used as they are, "
        f"{len(result.missing)} of the network not in the file"
    ]
    lines += [f"  adapted   {text}" for text in result.adapted]
    for what, names in (("not used", result.unused), ("new", result.missing)):
        lines += [f"  {what:<9} {name}" for name in names[:_SHOWN]]
        if len(names) > _SHOWN:
            lines.append(f"  {what:<9} and {len(names) - _SHOWN} more, all named beside the checkpoint")
    return [*lines, *([f"Note: {result.origin}"] if result.origin else [])]
