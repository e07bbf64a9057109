"""The same patient under two names, and the same image in two places, over several data sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations

from rnnet.core.log import get_logger
from rnnet.core.types import Scan
from rnnet.core.workspace import RawLayout, Workspace
from rnnet.dataset.image_hash import SAME_IMAGE_LIMIT, SAME_VOXELS_LIMIT, hash_distance, matches
from rnnet.dataset.leakage import overlaps
from rnnet.dataset.leakage_sources import scans_exposure
from rnnet.dataset.people import people_across
from rnnet.experiment.access import raw_scans, read_plan_of, store_of
from rnnet.experiment.compared_scans import ONE_HEAD, ComparedScan, compared_scans
from rnnet.experiment.duplicate_groups import Certainty, Duplicate, DuplicateReport, SharedFiles, groups_of
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


def find_duplicates(
    workspace: Workspace, names: Sequence[str], *, plan_name: str, n_processes: int = 1
) -> DuplicateReport:
    """Compare the patients' names and the images of data sets with each other, and the images within each.

    Images are compared on the atlas if every data set is preprocessed under a plan of one of them, otherwise as raw
    files; what shows too little for that, by its voxels. Different scans of a patient of one data set count as copies
    only if their voxels are the same, also where another data set shares some of them. Files that two data sets share
    by design are counted, and are no find.

    Raises:
        DatasetError: a raw data set cannot be read.
    """
    plan = common_plan(workspace, names, plan_name)
    members = {name: raw_scans(workspace, name) for name in names}
    by_layout = {workspace.raw_dataset(name): scans for name, scans in members.items()}
    scans = compared_scans(workspace, members, plan, n_processes=n_processes)
    same_files = _same_files(scans)
    pairs = _same_patients(by_layout, {frozenset((one.patient, other.patient)) for one, other in same_files})
    pairs += [
        Duplicate("image", "certain", one.qualified, other.qualified, "the same file", one.patient, other.patient, 0.0)
        for one, other in same_files if one.identity.dataset == other.identity.dataset
    ]
    pairs += _same_images(scans, people_across(by_layout))
    unseen = [s for s in scans if s.reason and s.reason != ONE_HEAD]
    if unseen:
        log.warning("%d of %d image(s) could not be compared by what they show: of these only copies with equal voxels "
                    "are found.", len(unseen), len(scans))
    return DuplicateReport(
        "head" if plan is None else "atlas",
        {name: len(found) for name, found in members.items()},
        {name: sum(s.identity.dataset == name and not s.reason for s in scans) for name in names},
        groups_of(pairs),
        _counts((s for s in scans if s.reason and s.digest), names),
        _counts((s for s in scans if s.reason and not s.digest), names),
        _shared(same_files),
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


def _same_patients(
    members: Mapping[RawLayout, Sequence[Scan]], by_design: Collection[frozenset[str]]
) -> list[Duplicate]:
    """Patients of two data sets with a name in common, but for pairs that share a file."""
    known = [scans_exposure(layout.folder.name, layout, scans) for layout, scans in members.items()]
    reasons: Mapping[str, tuple[Certainty, str]] = {
        "other name": ("certain", "by other_ids.csv or the id that the converter gave"),
        "possible patient": ("likely", "the same patient_id in two data sets, which may be two people"),
    }
    return [
        Duplicate("patient", reasons[o.kind][0], o.seen, o.held_out, reasons[o.kind][1], o.seen, o.held_out)
        for one, other in combinations(known, 2) for o in overlaps(one, other)
        if o.kind in reasons and frozenset((o.seen, o.held_out)) not in by_design
    ]


def _same_files(scans: Sequence[ComparedScan]) -> list[tuple[ComparedScan, ComparedScan]]:
    """Every two scans that use one file."""
    by_source: dict[str, list[ComparedScan]] = {}
    for scan in scans:
        by_source.setdefault(scan.source, []).append(scan)
    return [pair for found in by_source.values() for pair in combinations(found, 2)]


def _shared(pairs: Iterable[tuple[ComparedScan, ComparedScan]]) -> tuple[SharedFiles, ...]:
    """How much each two data sets share on purpose."""
    found: dict[tuple[str, str], list[str]] = {}
    for one, other in pairs:
        if one.identity.dataset != other.identity.dataset:
            found.setdefault((one.identity.dataset, other.identity.dataset), []).append(other.patient)
    return tuple(SharedFiles(*names, len(patients), len(set(patients))) for names, patients in found.items())


def _same_images(scans: Sequence[ComparedScan], people: Mapping[str, str]) -> list[Duplicate]:
    """Scans of different files that show the same head or have the same voxels."""
    first: dict[str, ComparedScan] = {}
    for scan in scans:
        first.setdefault(scan.source, scan)
    files = list(first.values())
    distances = {**dict.fromkeys(_equal_voxels(files)), **_near(files, people)}
    return [_image_pair(files[i], files[j], distance) for (i, j), distance in distances.items()]


def _equal_voxels(scans: Sequence[ComparedScan]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    places = [(first.setdefault(scan.digest, j), j) for j, scan in enumerate(scans) if scan.digest]
    return [(i, j) for i, j in places if i != j]


def _near(scans: Sequence[ComparedScan], people: Mapping[str, str]) -> dict[tuple[int, int], float | None]:
    """The distance of scans that look alike; follow-up scans of one data set do, and are no copies."""
    hashes = [scan.identity.image for scan in scans]
    return {
        (i, j): distance for i, j, distance in matches(hashes, hashes)
        if i < j and (distance <= SAME_VOXELS_LIMIT or not _are_follow_up(scans[i], scans[j], people))
    }


def _are_follow_up(one: ComparedScan, other: ComparedScan, people: Mapping[str, str]) -> bool:
    if one.patient == other.patient:
        return True
    return people[one.patient] == people[other.patient] and one.home == other.home


def _image_pair(one: ComparedScan, other: ComparedScan, distance: float | None) -> Duplicate:
    """distance: None for equal voxels without hashes that say so."""
    equal = distance is None or distance <= SAME_VOXELS_LIMIT or (one.digest != "" and one.digest == other.digest)
    reason = "the images are the same" if equal else f"the images look the same, distance {distance:.2f}"
    if distance is not None and hash_distance(one.identity.image, other.identity.image) > SAME_IMAGE_LIMIT:
        reason += " after mirroring"
    return Duplicate(
        "image", "certain" if equal else "likely", one.qualified, other.qualified, reason, one.patient, other.patient,
        None if distance is None else round(distance, 4),
    )


def _counts(scans: Iterable[ComparedScan], names: Iterable[str]) -> dict[str, dict[str, int]]:
    """By data set and reason."""
    scans = tuple(scans)
    return {name: dict(Counter(s.reason for s in scans if s.identity.dataset == name)) for name in names}
