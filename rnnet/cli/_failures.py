"""How failed scans are shown and turned into an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnet.cli._common import EXIT_CASES_FAILED

if TYPE_CHECKING:
    from rnnet.preprocessing.runner import PreprocessReport

# A screen of them; the file has all.
MOST_SHOWN = 20


def report_failures(reports: Mapping[str, PreprocessReport]) -> int:
    """Print what was done for each data set and the first of its failures; exit code 3 when a scan failed, else 0."""
    failed = 0
    for name, report in reports.items():
        print(
            f"{name}: {report.done} scan(s) preprocessed, {report.skipped} already there, {len(report.failed)} failed"
        )
        shown = report.failed[:MOST_SHOWN] if report.failures_json else report.failed
        for failure in shown:
            print(f"  failed: {failure}", file=sys.stderr)
        if len(shown) < len(report.failed):
            print(f"  ... and {len(report.failed) - len(shown)} more: see {report.failures_json}", file=sys.stderr)
        failed += len(report.failed)
    return EXIT_CASES_FAILED if failed else 0
