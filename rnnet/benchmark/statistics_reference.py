"""The reference values of R that the tests hold: the scores, and what R says of them."""

from __future__ import annotations

from pathlib import Path

from rnnet.benchmark.statistics_cases import made_up_cases, write_cases
from rnnet.benchmark.statistics_r import run_r
from rnnet.core.errors import MissingDependencyError
from rnnet.core.files import write_text


def write_reference(folder: Path, rscript: Path | None, seed: int = 0) -> tuple[Path, Path]:
    """Write cases.csv and reference.csv; returns both.

    Raises:
        MissingDependencyError: R, or its pROC, is not there.
    """
    if rscript is None:
        raise MissingDependencyError("There is no Rscript on the path.", fix="Install R and pROC, or give --rscript.")
    cases, reference = folder / "cases.csv", folder / "reference.csv"
    # Every case has its own draw: leaving out the largest changes nothing in the others.
    small = [case for case in made_up_cases(seed) if case.y.size <= 100]
    write_cases(cases, small)
    write_text(reference, run_r(small, rscript))
    return cases, reference
