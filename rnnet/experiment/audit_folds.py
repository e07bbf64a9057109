"""What leaks inside the folds of a data set: by patient, by other name, by image."""

from __future__ import annotations

from rnnet.core.types import Problem
from rnnet.core.workspace import Workspace
from rnnet.dataset.integrity import IntegrityReport
from rnnet.dataset.leakage import overlap_text, overlaps
from rnnet.dataset.leakage_sources import scans_exposure
from rnnet.dataset.problems import error
from rnnet.dataset.splits import read_splits_and_leaks
from rnnet.experiment.access import read_raw


def fold_problems(workspace: Workspace, name: str, report: IntegrityReport) -> list[Problem]:
    """Errors of splits_final.json; none where there is no such file. report: has the digests of the scans.

    Raises:
        RnnetError: the data set or its splits cannot be read.
    """
    path = workspace.preprocessed_dataset(name).splits_json
    if not path.is_file():
        return []
    raw = read_raw(workspace, name)
    digests = {scan.scan_id: scan.digest for scan in report.scans}
    folds, leaks = read_splits_and_leaks(path, raw.cases, allow_leakage=True)
    texts = list(leaks)
    scan_of = {case.case_id: case.scan_id for case in raw.cases}
    for fold in folds:
        sides = []
        for part, ids in (("training", fold.train_case_ids), ("validation", fold.validation_case_ids)):
            scans = {scan_of[i] for i in ids}
            sides.append(scans_exposure(
                f"the {part} part of fold {fold.index} of {name}", raw.layout,
                (s for s in raw.scans if s.scan_id in scans), lambda scan: digests.get(scan.scan_id, ""),
            ))
        # A patient on both sides by his own id is among the leaks of the file already.
        found = [o for o in overlaps(*sides) if o.kind in ("other name", "image") and o.seen != o.held_out]
        for kind in ("other name", "image"):
            same = [o for o in found if o.kind == kind]
            texts += [overlap_text(sides[0], sides[1], same)] if same else []
    fix = f"Run rnnet_make_splits -d {name} --overwrite, which keeps a patient on one side; remove doubled images."
    return [error("fold-leaks", path, text, fix) for text in texts]
