"""How failed scans are shown and turned into an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnet.cli._common import EXIT_CASES_FAILED

if TYPE_CHECKING:
    from rnnet.preprocessing.runner import PreprocessReport


def report_failures(reports: Mapping[str, PreprocessReport]) -> int:
    """Print what was done for each data set; exit code 3 when a scan failed, else 0."""
    failed = 0
    for name, report in reports.items():
        print(
            f"{name}: {report.done} scan(s) preprocessed, {report.skipped} already there, {len(report.failed)} failed"
        )
        for failure in report.failed:
            print(f"  failed: {failure}", file=sys.stderr)
        failed += len(report.failed)
    return EXIT_CASES_FAILED if failed else 0
