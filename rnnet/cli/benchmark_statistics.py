"""The part 'statistics' of rnnet_benchmark: agreement of the statistics with other programs."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from rnnet.core.errors import RnnetError


def add_statistics(parser: argparse.ArgumentParser) -> None:
    """Arguments of the part."""
    found = shutil.which("Rscript")
    parser.add_argument("--rscript", type=Path, default=Path(found) if found else None, metavar="FILE",
                        help="R's command (default: the one on the path); R needs the package pROC")
    parser.add_argument("--seed", type=int, default=0, help="seed of the made-up scores (default: %(default)s)")
    parser.add_argument("--write_reference", type=Path, metavar="DIR",
                        help="only write the scores and R's values, as the tests hold them, into this folder")
    parser.set_defaults(body=measure)


def measure(arguments: argparse.Namespace) -> None:
    """Compute, and print the largest difference to each peer."""
    from rnnet.benchmark.statistics import AIM, measure_agreement
    from rnnet.benchmark.statistics_reference import write_reference
    from rnnet.reporting.screen import text_table

    if arguments.write_reference is not None:
        for path in write_reference(arguments.write_reference, arguments.rscript, arguments.seed):
            print(path)
        return
    found = measure_agreement(arguments.rscript, arguments.seed)
    rows = [
        (a.peer, str(a.n_values) if a.n_values else "", f"{a.largest:.1e}" if a.n_values else a.missing, a.where)
        for a in found
    ]
    print(text_table(("peer", "values", "largest difference", "where"), rows))
    there = [a for a in found if a.n_values]
    print(f"{len(there)} of {len(found)} peers are there.")
    wrong = [a.peer for a in there if not a.good]
    if wrong:
        raise RnnetError(f"Values differ by more than {AIM:g} from {', '.join(wrong)}.",
                         fix="Look at the case in the last column.")
    print(f"All values agree to {AIM:g}.")
