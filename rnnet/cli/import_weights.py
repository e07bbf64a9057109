"""rnnet_import_weights: the weights of another program as a pretrained encoder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common

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
        help=f"whose names the weights have: {', '.join(LAYOUTS)} (default: %(default)s)",
    )
    parser.add_argument(
        "--axes", choices=("zyx", "xyz"), default="zyx",
        help="order of the axes of the volumes that the weights were trained on; readers of NIfTI such as MONAI's give "
        "xyz, those of SimpleITK zyx (default: %(default)s, the weights as they are)",
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
        axes=arguments.axes,
        plan_name=arguments.plan_name,
        settings=arguments.settings,
    )
    print("\n".join(_lines(result)))
    config = "resnet50" if result.network == "resnet50" else "ssl_vit"
    print(f"Encoder: {path}")
    print(f"Next: rnnet_train {arguments.dataset} 0 -c {config} -pretrained {path}")


def _lines(result: WeightsImport) -> list[str]:
    """The account of an import, one line for each tensor that is not as it was stored."""
    lines = [f"{result.file} read as {result.layout}: {len(result.used)} tensors used as they are"]
    lines += [f"  adapted   {text}" for text in result.adapted]
    for what, names in (("not used", result.unused), ("new", result.missing)):
        lines += [f"  {what:<9} {name}" for name in names[:_SHOWN]]
        if len(names) > _SHOWN:
            lines.append(f"  {what:<9} and {len(names) - _SHOWN} more, all named beside the checkpoint")
    return [*lines, *([f"Note: {result.origin}"] if result.origin else [])]
