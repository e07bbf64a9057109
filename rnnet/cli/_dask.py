"""Preprocessing past one machine."""

from __future__ import annotations

import argparse


def add_dask(parser: argparse.ArgumentParser) -> None:
    """--dask ADDRESS."""
    parser.add_argument(
        "--dask",
        default="",
        metavar="ADDRESS",
        help="preprocess on a Dask cluster: the scheduler's address, for example tcp://scheduler:8786 (its workers "
        "need rnnet and must see the same files under the same paths), or 'local' for -np workers on this machine",
    )
