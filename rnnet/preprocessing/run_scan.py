"""One scan of a run: read, preprocess, draw, judge, store. It runs inside a worker process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnet.core.errors import CaseFailedError, RnnetError, StorageError
from rnnet.core.seeding import seed_for
from rnnet.core.types import Scan
from rnnet.core.volume import Volume, read_volume
from rnnet.core.worker import failure_of
from rnnet.dataset.image_hash import atlas_hash
from rnnet.dataset.lesions import lesion_labels
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.fit import fit_problem
from rnnet.preprocessing.qc import write_qc_picture
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
from rnnet.preprocessing.skull_strip.mask import read_brain_mask
from rnnet.preprocessing.skull_strip.table import stripper_in_use
from rnnet.preprocessing.state import PreprocessedScan
from rnnet.preprocessing.store import ScanStore


@dataclass(frozen=True, slots=True, eq=False)
class ScanWork:
    """What is done to each scan of a run; called with a scan by map_cases, which limits threads and collects errors.

    inputs: digests of what each scan is made from, by scan id. components: lesions are the connected components of
    binary masks. one_head: all images show the same head, so that their hashes would call them copies.
    """

    plan: PreprocessingPlan
    atlas: Atlas
    store: ScanStore
    inputs: Mapping[str, Mapping[str, str]]
    declared_registered: bool = False
    declared_stripped: bool = False
    components: bool = False
    one_head: bool = False
    weights_folder: Path | None = None

    def __call__(self, scan: Scan) -> str:
        """Store one scan and its picture; returns what is to be said about it, '' if nothing.

        Raises:
            StorageError: the store cannot be written to.
            RnnetError: the scan cannot be preprocessed or does not lie on the atlas, or this worker would strip skulls
                with something else.
        """
        self._check_stripper(self.inputs[scan.scan_id]["skull_stripper"])
        if not self.store.has_scan(scan.scan_id, self.inputs[scan.scan_id]):
            return self._preprocess(scan)
        if self.store.layout.qc_picture(scan.scan_id).is_file():
            return ""  # finished by a worker that was killed before it could tell
        return self._draw(self.store.read_scan(scan.scan_id), read_volume(scan.image_path), None)

    def _check_stripper(self, wanted: str) -> None:
        """A worker elsewhere may not see the weights, and 'auto' would take another stripper there in silence."""
        here = stripper_in_use(self.plan.skull_strip, self.weights_folder)
        if here != wanted:
            raise RnnetError(
                f"The run strips skulls with {wanted}, but its worker has {here}.", where=self.weights_folder or "",
                fix="Install the same packages on the workers, and let them see HD-BET's weights at the same path.",
            )

    def _preprocess(self, scan: Scan) -> str:
        image = read_volume(scan.image_path)
        with _about(scan.brain_path):
            brain_mask = read_brain_mask(scan, self.plan.skull_strip)
        settings = ScanSettings(
            declared_registered=self.declared_registered, declared_stripped=self.declared_stripped,
            weights_folder=self.weights_folder, seed=seed_for(0, scan.scan_id) % 2**31, brain_mask=brain_mask,
        )
        done = preprocess_scan(
            image, self._lesions(scan), scan_id=scan.scan_id, plan=self.plan, atlas=self.atlas, settings=settings
        )
        problem = fit_problem(done, self.plan, settings)
        said = self._draw(done, image, problem)  # first: a bad fit must be seen
        if problem is not None:
            raise problem
        shown = "" if self.one_head else atlas_hash(done.image, done.brain)
        self.store.write_scan(done, self.inputs[scan.scan_id], image_hash=shown)
        return said

    def _lesions(self, scan: Scan) -> Volume | None:
        if scan.mask_path is None:
            return None
        with _about(scan.mask_path):
            mask = read_volume(scan.mask_path)
            if self.components and not np.any(mask.array):
                return None
            return mask.with_array(lesion_labels(mask.array, components=self.components))

    def _draw(self, done: PreprocessedScan, image: Volume, problem: CaseFailedError | None) -> str:
        """Write the picture. A scan is not less right for want of one: that is said, and no failure."""
        try:
            write_qc_picture(
                done, self.atlas, self.store.layout.qc_picture(done.scan_id), raw=image,
                problem="" if problem is None else problem.problem,
            )
        except StorageError:
            raise
        except Exception as error:
            return f"its picture could not be drawn ({type(error).__name__}: {error}); the scan itself is kept"
        return ""


@contextmanager
def _about(path: Path | None) -> Iterator[None]:
    """Whatever fails inside the block is a failure with this file, not with the scan's image."""
    try:
        yield
    except Exception as error:
        raise failure_of(error, where=path or "") from error
