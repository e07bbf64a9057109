"""Does the record of radiosurgery tell the outcome? The share of samples without one, compared between outcomes."""

from __future__ import annotations

from collections.abc import Mapping

from rnnet.dataset.cohort.counts import Counts

LEVEL = 0.01
SRS_WARNING = (
    "Whether a radiosurgery is recorded gives the outcome away in part; --require_srs leaves these samples out."
)


def srs_share_p(without: Mapping[str, Counts], selected: Mapping[str, Counts]) -> float | None:
    """Two-sided p-value of Fisher's exact test of samples without and with radiosurgery, by outcome.

    Samples are taken as independent, which lesion-scans of one lesion are not: the p-value is a mark of how strongly
    the shares differ. None where an outcome has no sample, or every sample has had radiosurgery.
    """
    from scipy.stats import fisher_exact

    columns = [(n.lesion_scans, selected[outcome].lesion_scans - n.lesion_scans) for outcome, n in without.items()]
    if any(sum(column) == 0 for column in columns) or not any(n for n, _ in columns):
        return None
    return float(fisher_exact(list(zip(*columns, strict=True))).pvalue)


def srs_note(
    without: Mapping[str, Counts], selected: Mapping[str, Counts], p: float | None, *, positive_outcome: str
) -> str:
    """How many samples of each outcome have no radiosurgery of the lesion before their scan."""
    parts = [
        f"{outcome.replace('_', ' ')}{' (positive class)' if outcome == positive_outcome else ''} "
        f"{n.lesion_scans} of {selected[outcome].lesion_scans}" for outcome, n in without.items()
    ]
    all_without, total = (sum(group[o].lesion_scans for o in without) for group in (without, selected))
    tested = "" if p is None else f" (Fisher's exact test: p {'< 0.001' if p < 0.001 else f'= {p:.3f}'})"
    return (f"{all_without} of these {total} samples have no radiosurgery of the lesion recorded before the scan: "
            f"{', '.join(parts)}{tested}.")
