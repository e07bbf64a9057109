"""Preprocessed scans on disk: lossless, with fast access to a window (blosc2's b2nd arrays)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.codec import artefact_inputs, read_artefact, write_artefact
from rnnet.core.errors import CaseFailedError, FileFormatError, RnnetError
from rnnet.core.files import write_bytes
from rnnet.core.types import LesionCase
from rnnet.core.volume import Array
from rnnet.core.workspace import ScanStoreLayout
from rnnet.planning.plan import CropPlan
from rnnet.preprocessing.boxes import box_around, grown
from rnnet.preprocessing.crop import Start, assemble, box_of, crop_start, lesion_boxes, random_start, window
from rnnet.preprocessing.state import LesionBox, NativeGrid, PreprocessedCase, PreprocessedScan, StepRecord

# Small blocks and LZ4: a random cube of 64 voxels is read about twice as fast as with zstd and the library's own blocks
# (rnnet_benchmark store). Chunks of one cube write three times as fast as smaller ones.
CHUNK_VOX = 64
BLOCK_VOX = 16
# Goes into the digests of every scan: scans of another format are made again.
STORE_FORMAT = "3"
# Records of these formats do not say what their scans show; "" is one whose format nobody recorded.
_WITHOUT_HASHES = ("", "1", "2")


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """Everything of a preprocessed scan but its voxels. Written last: a scan with a record is whole.

    image_hash: of what the scan shows (rnnet.dataset.image_hash); '' where that cannot tell patients apart.
    """

    scan_id: str
    native: NativeGrid
    to_atlas: tuple[tuple[float, ...], ...]
    atlas_origin_xyz_mm: tuple[float, float, float]
    history: tuple[StepRecord, ...]
    warnings: tuple[str, ...]
    # Low (inclusive) and high (exclusive) voxels (z, y, x) of the brain.
    brain_box: tuple[Start, Start]
    lesions: Mapping[str, LesionBox] = field(default_factory=dict)
    image_hash: str = ""

    @property
    def boxes(self) -> dict[int, LesionBox]:
        """Boxes by lesion value."""
        return {int(value): box for value, box in self.lesions.items()}


@dataclass(frozen=True, slots=True)
class ScanStore:
    """The preprocessed scans of one data set under one preprocessing plan."""

    layout: ScanStoreLayout

    def scan_ids(self) -> tuple[str, ...]:
        """Scans that are whole."""
        return tuple(sorted(p.stem for p in self.layout.scans.glob("*.json")))

    def has_scan(self, scan_id: str, inputs: Mapping[str, str]) -> bool:
        """Whether the scan is there and was made from these inputs; a record that cannot be read does not count."""
        path = self.layout.record(scan_id)
        try:
            return path.is_file() and artefact_inputs(path, made_by="rnnet_preprocess") == dict(inputs)
        except (RnnetError, OSError):
            return False

    def discard_scan(self, scan_id: str) -> None:
        """Forget a scan: without its record it does not count."""
        self.layout.record(scan_id).unlink(missing_ok=True)

    def write_scan(self, scan: PreprocessedScan, inputs: Mapping[str, str], *, image_hash: str = "") -> None:
        """Store a scan; its record comes last."""
        self.discard_scan(scan.scan_id)
        _write(self.layout.image(scan.scan_id), scan.image)
        _write(self.layout.labels(scan.scan_id), scan.lesions)
        _write(self.layout.brain(scan.scan_id), scan.brain.astype(np.uint8))
        record = ScanRecord(
            scan.scan_id, scan.native, tuple(tuple(float(v) for v in row) for row in scan.to_atlas),
            scan.atlas_origin_xyz_mm, scan.history, scan.warnings, _brain_box(scan.brain),
            {str(value): box for value, box in lesion_boxes(scan.lesions).items()}, image_hash,
        )
        write_artefact(self.layout.record(scan.scan_id), record, inputs=inputs)

    def read_record(self, scan_id: str) -> ScanRecord:
        """The record of a scan. Raises MissingStageError when it is not there."""
        path = self.layout.record(scan_id)
        if not path.is_file():
            return read_artefact(path, ScanRecord, made_by="rnnet_preprocess")
        state = path.stat()
        return _record(path, state.st_mtime_ns, state.st_size)

    def image_hash(self, scan_id: str) -> str | None:
        """Of what the scan shows; '' where that cannot tell patients apart; None where an older version stored none.

        Raises:
            MissingStageError: the scan is not there.
        """
        found = self.read_record(scan_id).image_hash
        if found:
            return found
        path = self.layout.record(scan_id)
        state = path.stat()
        return None if _format(path, state.st_mtime_ns, state.st_size) in _WITHOUT_HASHES else ""

    def read_scan(self, scan_id: str) -> PreprocessedScan:
        """The whole scan."""
        record = self.read_record(scan_id)
        return PreprocessedScan(
            scan_id=scan_id, image=_read(self.layout.image(scan_id)),
            brain=_read(self.layout.brain(scan_id)).astype(bool), lesions=_read(self.layout.labels(scan_id)),
            native=record.native, to_atlas=np.array(record.to_atlas), history=record.history,
            warnings=record.warnings, atlas_origin_xyz_mm=record.atlas_origin_xyz_mm,
        )

    def read_brain_crop(self, scan_id: str, plan: CropPlan, rng: np.random.Generator, *, case_id: str
                        ) -> PreprocessedCase:
        """A cube around a random voxel of the brain, wherever lesions lie; its mask shows all lesions inside."""
        brain = self.layout.brain(scan_id)

        def in_brain(voxel: Start) -> bool:
            z, y, x = voxel
            return bool(_read(brain, lambda stored: stored[z : z + 1, y : y + 1, x : x + 1]).any())

        start = random_start(self.read_record(scan_id).brain_box, in_brain, plan.edge_vox, rng)
        cube = partial(window, start_zyx_vox=start, edge_vox=plan.edge_vox)
        image, labels = _read(self.layout.image(scan_id), cube), _read(self.layout.labels(scan_id), cube)
        return PreprocessedCase(case_id, np.stack([image, labels > 0]).astype(np.float32), start)

    def read_case(self, case: LesionCase, plan: CropPlan) -> PreprocessedCase:
        """The crop of one lesion; only its window is decompressed.

        Raises:
            CaseFailedError: the scan has no such lesion.
        """
        boxes = self.read_record(case.scan_id).boxes
        try:
            start = crop_start(boxes, case.lesion_value, plan, case_id=case.case_id)
        except CaseFailedError as error:
            raise CaseFailedError(error.problem, where=self.layout.record(case.scan_id), fix=error.fix) from error
        image = _read(self.layout.image(case.scan_id), partial(window, start_zyx_vox=start, edge_vox=plan.edge_vox))
        labels = _read(self.layout.labels(case.scan_id), partial(window, start_zyx_vox=start, edge_vox=plan.edge_vox))
        return assemble(case.case_id, image, labels, case.lesion_value, boxes, start)

    def read_surroundings(self, case: LesionCase, margin_vox: int) -> tuple[Array, Array, Start]:
        """The lesion's box with a margin, cut at the edge of the grid: image, mask (z, y, x), and the first voxel.

        Raises:
            CaseFailedError: the scan has no such lesion.
        """
        record = self.read_record(case.scan_id)
        box = box_of(record.boxes, case.lesion_value, where=self.layout.record(case.scan_id))
        inner = tuple(slice(low, high) for low, high in zip(box.low_zyx_vox, box.high_zyx_vox, strict=True))

        def cut(stored: Any) -> Array:
            z, y, x = grown(inner, stored.shape, margin_vox)  # type: ignore[arg-type]
            part: Array = stored[z, y, x]
            return part

        image, labels = _read(self.layout.image(case.scan_id), cut), _read(self.layout.labels(case.scan_id), cut)
        z, y, x = (max(0, low - margin_vox) for low in box.low_zyx_vox)
        return image, labels == case.lesion_value, (z, y, x)

    def image_statistics(self, scan_id: str) -> tuple[float, float]:
        """Mean and SD of all voxels of the preprocessed image, as ITK computes them on one thread."""
        path = self.layout.image(scan_id)
        state = path.stat()
        return _statistics(path, state.st_mtime_ns, state.st_size)


def _brain_box(brain: Array) -> tuple[Start, Start]:
    """Low and high voxels of the brain; of the whole grid for a brain mask without voxels."""
    z, y, x = box_around(brain) or tuple(slice(0, n) for n in brain.shape)
    return (z.start, y.start, x.start), (z.stop, y.stop, x.stop)


@lru_cache(maxsize=4096)
def _record(path: Path, _mtime_ns: int, _size: int) -> ScanRecord:
    """The parsed record, kept until its file changes: training asks for it with every crop."""
    return read_artefact(path, ScanRecord, made_by="rnnet_preprocess")


@lru_cache(maxsize=4096)
def _format(path: Path, _mtime_ns: int, _size: int) -> str:
    """The STORE_FORMAT that a scan's record was written with."""
    return artefact_inputs(path, made_by="rnnet_preprocess").get("store", "")


@lru_cache(maxsize=4096)
def _statistics(path: Path, _mtime_ns: int, _size: int) -> tuple[float, float]:
    import SimpleITK as sitk

    measured = sitk.StatisticsImageFilter()
    measured.SetNumberOfThreads(1)
    measured.Execute(sitk.GetImageFromArray(_read(path)))
    return measured.GetMean(), measured.GetSigma()


def _write(path: Path, array: Array) -> None:
    """Store an array. Made in memory and written by Python: blosc2's own writing passes over errors of the disk."""
    import blosc2

    chunks = tuple(min(CHUNK_VOX, n) for n in array.shape)
    blocks = tuple(min(BLOCK_VOX, n) for n in chunks)
    parameters = {"codec": blosc2.Codec.LZ4, "clevel": 5, "nthreads": 1}
    packed = blosc2.asarray(
        np.ascontiguousarray(array), chunks=chunks, blocks=blocks, cparams=parameters, contiguous=True
    )
    write_bytes(path, packed.to_cframe())


def _read(path: Path, part: Callable[[Any], Array] = lambda stored: stored[:]) -> Array:
    """The voxels that `part` takes from the array stored at `path`; damage may show only when they are unpacked."""
    import blosc2

    try:
        return part(blosc2.open(urlpath=str(path), mode="r", dparams={"nthreads": 1}))
    except (OSError, RuntimeError, ValueError) as error:
        raise FileFormatError(
            "A preprocessed scan is missing or damaged.", where=path,
            fix="Delete its .json record and run rnnet_preprocess again.",
        ) from error
