"""rnnet_predict: a folder of new scans to probabilities."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.cli._failures import report_failures
from rnnet.core.types import CONFIGS


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_predict",
        "Preprocess a folder of scans as in training and predict every lesion of their masks. "
        "An image is <scan>_0000 or <scan>, its mask <scan>, as NIfTI, NRRD or MHA; an image may also be a folder of "
        "DICOM slices. Mask value k is lesion k. A lesion without radiomics or clinical data is predicted by the model "
        "that was trained without them, and the table says so.",
        "rnnet_predict -i images -m masks -o out -d 1 -c multimodal --clinical table.csv --explain",
    )
    parser.add_argument("-i", dest="images", type=Path, required=True, metavar="IMAGES", help="folder of images")
    parser.add_argument("-m", dest="masks", type=Path, required=True, metavar="MASKS", help="folder of lesion masks")
    parser.add_argument("-o", dest="output", type=Path, required=True, metavar="OUT", help="folder for the results")
    parser.add_argument("-d", dest="dataset", required=True, metavar="DATASET", help="data set of the trained model")
    parser.add_argument(
        "-c",
        dest="config",
        default="ssl_vit",
        metavar="CONFIG",
        help=f"one of {', '.join(CONFIGS)} (default: %(default)s)",
    )
    parser.add_argument(
        "-f",
        dest="folds",
        nargs="+",
        type=_common.fold_name,
        metavar="FOLD",
        help="folds (default: all that are trained)",
    )
    parser.add_argument(
        "--clinical", type=Path, metavar="TABLE",
        help="CSV with scan_id (and lesion_value, center), then the clinical columns",
    )
    parser.add_argument(
        "--brain_masks", type=Path, metavar="FOLDER", help="folder of brain masks <scan>, for the scans that have one"
    )
    parser.add_argument("--explain", action="store_true", help="also write attention maps")
    _common.add_plan(parser)
    _common.add_device(parser)
    _common.add_processes(parser)
    _common.add_atlas(parser)
    _common.add_weights(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    from rnnet.inference.rows import screen_table
    from rnnet.reporting.screen import text_table

    result = pipeline.predict(
        _common.workspace_of(arguments),
        arguments.dataset,
        images=arguments.images,
        masks=arguments.masks,
        output=arguments.output,
        config=arguments.config,
        folds=arguments.folds,
        clinical=arguments.clinical,
        brain_masks=arguments.brain_masks,
        explain_lesions=arguments.explain,
        plan_name=arguments.plan_name,
        device=_common.resolve_device(arguments.device),
        n_processes=arguments.n_processes,
    )
    print(text_table(*screen_table(result.rows)))
    print(f"Predictions: {result.csv_path}")
    for path in result.pictures:
        print(f"Attention: {path}")
    return report_failures({"New scans": result.report})
