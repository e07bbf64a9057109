"""What the scans of several data sets show, each file looked at once, and why one cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import Scan
from rnnet.core.volume import Volume, read_volume
from rnnet.core.workspace import Workspace
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.content import voxel_digest
from rnnet.dataset.head import find_head
from rnnet.dataset.identity import ScanIdentity, identities
from rnnet.dataset.image_hash import head_hash
from rnnet.dataset.manifest import read_manifest
from rnnet.experiment.access import store_of
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)

ONE_HEAD = "made from one head"


@dataclass(frozen=True, slots=True)
class Look:
    """What an image shows.

    image_hash: '' where it is not known. digest: of its voxels; '' where they were not read, or are all the same.
    reason: why there is no hash; '' where there is one.
    """

    image_hash: str = ""
    digest: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ComparedScan:
    """A scan of one of the data sets. source: where its image lies ('Dataset001_X/SCAN'). digest, reason: see Look."""

    identity: ScanIdentity
    source: str
    digest: str = ""
    reason: str = ""

    @property
    def qualified(self) -> str:
        """The scan's id, unique over data sets."""
        return f"{self.identity.dataset}/{self.identity.scan_id}"

    @property
    def patient(self) -> str:
        """The patient, unique over data sets."""
        return self.identity.qualified_patient

    @property
    def home(self) -> str:
        """The data set in which the image lies."""
        return self.source.partition("/")[0]


def compared_scans(
    workspace: Workspace, members: Mapping[str, Sequence[Scan]], plan: ExperimentPlan | None, *, n_processes: int = 1
) -> tuple[ComparedScan, ...]:
    """The scans of data sets with what their images show: preprocessed under `plan`, or with None the raw files.

    The voxels of raw files are read as well where a scan has no hash under the plan. Images of a data set that is made
    from one head are not looked at.
    """
    looks: dict[str, Look] = {}
    for name, scans in members.items():
        # A file that an earlier data set uses too is known, unless only this one has preprocessed it.
        known = {source for source, look in looks.items() if plan is None or not look.reason}
        new = [scan for scan in scans if source_of(scan) not in known]
        if read_manifest(workspace.raw_dataset(name)).one_head:
            log.info("%s is made from one head: its images are not compared.", name)
            found = [Look(reason=ONE_HEAD)] * len(new)
        elif plan is None:
            found = _raw_looks(name, new, n_processes)
        else:
            found = _stored_looks(workspace, name, new, plan, n_processes)
        looks |= {source_of(scan): look for scan, look in zip(new, found, strict=True)}
    return tuple(
        ComparedScan(replace(who, image=look.image_hash), source_of(scan), look.digest, look.reason)
        for name, scans in members.items()
        for who, scan in zip(identities(name, workspace.raw_dataset(name), scans), scans, strict=True)
        if (look := looks[source_of(scan)])
    )


def _stored_looks(
    workspace: Workspace, name: str, scans: Sequence[Scan], plan: ExperimentPlan, n_processes: int
) -> list[Look]:
    """From the preprocessed scans; where they do not tell, the digest of the raw file."""
    store = store_of(workspace, name, plan)
    done = set(store.scan_ids())
    looks = [_stored_look(store, scan) if scan.scan_id in done else Look(reason="not preprocessed") for scan in scans]
    places = [place for place, look in enumerate(looks) if look.reason]
    raw = _raw_looks(name, [scans[place] for place in places], n_processes)
    for place, look in zip(places, raw, strict=True):
        looks[place] = replace(looks[place], digest=look.digest)
    return looks


def _stored_look(store: ScanStore, scan: Scan) -> Look:
    found = store.image_hash(scan.scan_id)
    if found is None:
        return Look(reason="preprocessed by an older version")
    return Look(found, reason="" if found else "too little of a brain shows")


def _raw_looks(name: str, scans: Sequence[Scan], n_processes: int) -> list[Look]:
    results = map_cases(_raw_look, scans, n_processes=n_processes, title=f"images of {name}")
    failed = [result for result in results if isinstance(result, RnnetError)]
    if failed:
        log.warning("%d image(s) of %s cannot be read, for example: %s", len(failed), name, failed[0])
    return [Look(reason="cannot be read") if isinstance(result, RnnetError) else result for result in results]


def _raw_look(scan: Scan) -> Look:
    image = read_volume(scan.image_path)
    finite = image.array[np.isfinite(image.array)]
    # Constant images are all alike.
    digest = voxel_digest(image) if finite.size and finite.min() < finite.max() else ""
    found = head_hash(image)
    return Look(found, digest, "" if found else _why_not(image))


def _why_not(image: Volume) -> str:
    return "no head stands out" if find_head(image) is None else "the head is too small"
