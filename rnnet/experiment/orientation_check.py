"""Scans that may be mirrored: what preprocessing found, and on demand the same comparison with the atlas before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rnnet.core.codec import artefact_inputs
from rnnet.core.errors import RnnetError
from rnnet.core.files import file_digest
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import Problem
from rnnet.core.volume import read_volume
from rnnet.core.workspace import DEFAULT_PLAN, Workspace
from rnnet.dataset.content import ScanContent
from rnnet.dataset.integrity import IntegrityReport, ordered
from rnnet.dataset.manifest import read_manifest
from rnnet.dataset.problems import warning
from rnnet.experiment.access import read_plan_of, store_of
from rnnet.planning.plan import ExperimentPlan, SkullStripPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.flips import suspect_flip
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.run_memory import fitting_processes
from rnnet.preprocessing.skull_strip.table import choose_stripper, looks_stripped
from rnnet.preprocessing.skull_strip.weights import find_hd_bet_weights
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)
_MADE_BY = "rnnet_preprocess"


@dataclass(frozen=True, slots=True, eq=False)
class _Comparison:
    """Finds the brain of a raw scan and compares it with the atlas; called with a scan, returns '' or what is wrong."""

    atlas: Atlas
    plan: SkullStripPlan
    declared_stripped: bool
    weights_folder: Path | None

    def __call__(self, scan: ScanContent) -> str:
        image = reorient_to_lps(read_volume(Path(scan.image)))
        image = image.with_array(np.nan_to_num(image.array.astype(np.float32), posinf=0.0, neginf=0.0))
        stripped = self.declared_stripped or looks_stripped(image.array, image.spacing_zyx_mm, self.plan)
        stripper = choose_stripper(
            self.plan, stripped=stripped, weights_folder=self.weights_folder,
            brain_mask=read_volume(Path(scan.brain)) if scan.brain else None,
        )
        brain = image.with_array(np.where(stripper.brain_mask(image), image.array, 0))
        finding = suspect_flip(brain, self.atlas)
        return "" if finding is None else finding.message


def add_orientation(
    workspace: Workspace, report: IntegrityReport, *, plan_of: Sequence[str] = (), atlas: Atlas | None = None,
    n_processes: int = 1,
) -> IntegrityReport:
    """The report with the scans that look mirrored, and the number of scans that were compared.

    Scans that were preprocessed from the image as it is now were compared then, and their records are read; the others
    are compared here if an `atlas` is given. plan_of: data sets under whose default plan the scans may have been
    preprocessed; its own if not given.
    """
    plans = _plans(workspace, plan_of or (report.dataset,))
    stores = [store_of(workspace, report.dataset, plan) for plan in plans]
    said = {scan.image: _recorded(scan, stores) for scan in report.scans}
    found = {image: message for image, message in said.items() if message is not None}
    problems: list[Problem] = []
    left = [scan for scan in report.scans if scan.image not in found and scan.digest]
    if atlas is not None and left:
        layout = workspace.raw_dataset(report.dataset)
        compare = _Comparison(
            atlas, plans[0].preprocessing.skull_strip if plans else SkullStripPlan(),
            read_manifest(layout).declared.skull_stripped, find_hd_bet_weights(workspace),
        )
        network = "" if compare.declared_stripped else choose_stripper(
            compare.plan, stripped=False, weights_folder=compare.weights_folder
        ).name
        processes = fitting_processes(n_processes, [Path(s.image) for s in left], atlas, stripper=network)
        results = map_cases(compare, left, n_processes=processes, title=f"orientation of {report.dataset}")
        for scan, result in zip(left, results, strict=True):
            if isinstance(result, RnnetError):
                problems.append(warning("orientation-unknown", scan.image, result.problem, result.fix))
            else:
                found[scan.image] = result
    problems += [
        warning("suspected-flip", image, message, "Compare the scan with its source; correct its header or convert it "
                "from DICOM again.")
        for image, message in found.items() if message
    ]
    return replace(report, problems=ordered((*report.problems, *problems)), n_oriented=len(found))


def _recorded(scan: ScanContent, stores: Iterable[ScanStore]) -> str | None:
    """What preprocessing said of the scan's orientation, '' if nothing; None if it did not look at this image."""
    for store in stores:
        path = store.layout.record(scan.scan_id)
        try:
            if not path.is_file() or artefact_inputs(path, made_by=_MADE_BY).get("image") != file_digest(
                Path(scan.image)
            ):
                continue
            steps = {step.step: step.values for step in store.read_record(scan.scan_id).history}
        except (RnnetError, OSError) as failure:
            log.debug("The record of %s cannot be used: %s", scan.scan_id, failure)
            continue
        if "orientation" in steps:
            return str(steps["orientation"].get("suspected", ""))
    return None


def _plans(workspace: Workspace, names: Iterable[str]) -> list[ExperimentPlan]:
    """The default plans of these data sets, as far as they are there and can be read."""
    plans = []
    for name in dict.fromkeys(names):
        if not workspace.preprocessed_dataset(name).plans_json().is_file():
            continue
        try:
            plans.append(read_plan_of(workspace, name, DEFAULT_PLAN))
        except RnnetError as error:
            log.warning("%s", error)
    return plans
