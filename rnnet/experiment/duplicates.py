"""The same patient under two names, and the same image in two places, over several data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import Scan
from rnnet.core.volume import read_volume
from rnnet.core.workspace import Workspace
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.identity import ScanIdentity, identities
from rnnet.dataset.image_hash import SAME_IMAGE_LIMIT, SAME_VOXELS_LIMIT, hash_distance, head_hash, matches
from rnnet.dataset.leakage import overlaps
from rnnet.dataset.leakage_sources import scans_exposure
from rnnet.dataset.manifest import read_manifest
from rnnet.experiment.access import raw_scans, read_plan_of, store_of
from rnnet.experiment.duplicate_groups import Certainty, Duplicate, DuplicateReport, groups_of
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


def find_duplicates(
    workspace: Workspace, names: Sequence[str], *, plan_name: str, n_processes: int = 1
) -> DuplicateReport:
    """Compare the patients' names and the images of data sets with each other, and the images within each.

    Images are compared on the atlas if every data set is preprocessed under a plan of one of them, otherwise as raw
    files. Different scans of a patient of one data set count as copies only if their voxels are the same.

    Raises:
        DatasetError: a raw data set cannot be read.
    """
    plan = common_plan(workspace, names, plan_name)
    found = scan_identities(workspace, names, plan, n_processes=n_processes)
    pairs = [*_same_patients(workspace, names), *_same_files(workspace, names)]
    known = {(pair.first, pair.second) for pair in pairs}
    pairs += [pair for pair in _same_images(found) if (pair.first, pair.second) not in known]
    return DuplicateReport(
        "head" if plan is None else "atlas",
        {name: sum(s.dataset == name for s in found) for name in names},
        {name: sum(s.dataset == name and bool(s.image) for s in found) for name in names},
        groups_of(pairs),
    )


def common_plan(workspace: Workspace, names: Sequence[str], plan_name: str) -> ExperimentPlan | None:
    """The first data set's plan under which all of them have preprocessed scans; None if there is none."""
    for name in names:
        if not workspace.preprocessed_dataset(name).plans_json(plan_name).is_file():
            continue
        plan = read_plan_of(workspace, name, plan_name)
        if all(store_of(workspace, other, plan).scan_ids() for other in names):
            return plan
    return None


def scan_identities(
    workspace: Workspace, names: Sequence[str], plan: ExperimentPlan | None, *, n_processes: int = 1
) -> tuple[ScanIdentity, ...]:
    """The scans of data sets with what their images show: preprocessed under `plan`, or with None the raw files.

    An image is '' where it is not preprocessed, cannot be read or shows too little, and where a data set is made from
    one head.
    """
    found: list[ScanIdentity] = []
    for name in names:
        layout = workspace.raw_dataset(name)
        scans = raw_scans(workspace, name)
        if read_manifest(layout).one_head:
            log.info("%s is made from one head: its images are not compared.", name)
            hashes: Mapping[str, str] = {}
        elif plan is None:
            hashes = _raw_hashes(name, scans, n_processes)
        else:
            store = store_of(workspace, name, plan)
            done = set(store.scan_ids())
            hashes = {s.scan_id: store.read_record(s.scan_id).image_hash for s in scans if s.scan_id in done}
        found += [replace(s, image=hashes.get(s.scan_id, "")) for s in identities(name, layout, scans)]
    return tuple(found)


def _raw_hashes(name: str, scans: Sequence[Scan], n_processes: int) -> dict[str, str]:
    results = map_cases(_raw_hash, scans, n_processes=n_processes, title=f"images of {name}")
    failed = [result for result in results if isinstance(result, RnnetError)]
    if failed:
        log.warning("%d image(s) of %s cannot be read, for example: %s", len(failed), name, failed[0])
    return {s.scan_id: r for s, r in zip(scans, results, strict=True) if not isinstance(r, RnnetError)}


def _raw_hash(scan: Scan) -> str:
    return head_hash(read_volume(scan.image_path))


def _same_patients(workspace: Workspace, names: Sequence[str]) -> list[Duplicate]:
    """Patients of two data sets with a name in common."""
    known = {name: scans_exposure(name, workspace.raw_dataset(name), raw_scans(workspace, name)) for name in names}
    reasons: Mapping[str, tuple[Certainty, str]] = {
        "other name": ("certain", "by other_ids.csv or the id that the converter gave"),
        "possible patient": ("likely", "the same patient_id in two data sets, which may be two people"),
    }
    return [
        Duplicate("patient", reasons[o.kind][0], o.seen, o.held_out, reasons[o.kind][1], o.seen, o.held_out)
        for one, other in combinations(names, 2) for o in overlaps(known[one], known[other]) if o.kind in reasons
    ]


def _same_files(workspace: Workspace, names: Sequence[str]) -> list[Duplicate]:
    """Scans of several data sets that share one file."""
    first: dict[str, tuple[str, str]] = {}
    found = []
    for name in names:
        for scan in raw_scans(workspace, name):
            here = f"{name}/{scan.scan_id}", f"{name}/{scan.patient_id}"
            there = first.setdefault(source_of(scan), here)
            if there != here:
                found.append(Duplicate("image", "certain", there[0], here[0], "the same file (source_scan)", there[1],
                                       here[1], 0.0))
    return found


def _same_images(scans: Sequence[ScanIdentity]) -> list[Duplicate]:
    """Scans whose images show the same head."""
    hashes = [scan.image for scan in scans]
    found = []
    for i, j, distance in matches(hashes, hashes):
        one, other = scans[i], scans[j]
        equal = distance <= SAME_VOXELS_LIMIT
        if i >= j or (one.qualified_patient == other.qualified_patient and not equal):
            continue
        reason = f"the images look the same, distance {distance:.2f}"
        if equal:
            reason = "the images are the same"
        if hash_distance(one.image, other.image) > SAME_IMAGE_LIMIT:
            reason += " after mirroring"
        scans_of_pair = f"{one.dataset}/{one.scan_id}", f"{other.dataset}/{other.scan_id}"
        found.append(Duplicate(
            "image", "certain" if equal else "likely", *scans_of_pair, reason, one.qualified_patient,
            other.qualified_patient, round(distance, 4),
        ))
    return found
