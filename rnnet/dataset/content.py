"""What a check keeps of a scan to compare it with other scans: a digest of its voxels and its intensities."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from rnnet.core.types import Scan, Split
from rnnet.core.volume import Volume


@dataclass(frozen=True, slots=True)
class ScanContent:
    """A scan in a few words.

    digest: of the voxels; '' where there are none to compare (unreadable or constant). intensity_p1, intensity_p99:
    percentiles inside the head; None where no head was found. brain: the user's brain mask, '' if there is none.
    """

    scan_id: str
    patient_id: str
    center: str
    split: Split
    image: str
    brain: str = ""
    digest: str = ""
    intensity_p1: float | None = None
    intensity_p99: float | None = None

    @classmethod
    def of(
        cls, scan: Scan, *, digest: str = "", intensity_p1: float | None = None, intensity_p99: float | None = None
    ) -> ScanContent:
        """The content of `scan`."""
        brain = "" if scan.brain_path is None else str(scan.brain_path)
        return cls(scan.scan_id, scan.patient_id, scan.center, scan.split, str(scan.image_path), brain, digest,
                   intensity_p1, intensity_p99)


def voxel_digest(image: Volume) -> str:
    """First 16 hex digits of the SHA-256 of the voxels: the same for any file format, number type and axis order.

    The axes are brought to those nearest to L, P, S and the voxels to float32; spacing and position do not count, so
    that a copy with another header is recognised.
    """
    import nibabel.orientations as axes

    # nibabel's world is RAS: two axes turned; the result is as good as LPS, as all images go the same way.
    to_world = axes.io_orientation(image.index_to_world)
    array = axes.apply_orientation(image.array.transpose(2, 1, 0), to_world)
    # Adding 0 makes -0.0 and 0.0 the same bytes.
    content = np.ascontiguousarray(array.astype(np.float32, copy=False) + np.float32(0))
    digest = hashlib.sha256(str(content.shape).encode())
    digest.update(content.data)
    return digest.hexdigest()[:16]
