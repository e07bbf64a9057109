"""brainles-preprocessing beside rnnet: the same scan, the same steps, on the same machine.

It wants other versions of numpy and click than rnnet, so it runs in an environment of its own, whose Python the user
names: python -m venv PEER; PEER/bin/pip install brainles-preprocessing.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.benchmark import peer_brainles
from rnnet.core.errors import MissingDependencyError
from rnnet.core.volume import Volume, read_volume, write_volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.quality import overlap
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.resample import resample_mask


@dataclass(frozen=True, slots=True, eq=False)
class PeerResult:
    """seconds: by step; brain: the given brain mask on the atlas grid, carried over by the peer; None without one."""

    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    brain: Volume | None

    @property
    def total_seconds(self) -> float:
        """All steps together."""
        return sum(self.seconds.values())


def run_peer(python: Path, image: Path, atlas: Atlas, *, brain: Path | None, registrator: str) -> PeerResult:
    """N4 and rigid registration to the atlas's head by brainles-preprocessing, default settings.

    Raises:
        MissingDependencyError: that Python does not run it; the message ends with what it said.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_volume(folder / "atlas.nii.gz", atlas.head)
        job: dict[str, Any] = {
            "image": str(_as_nifti(image, folder / "image.nii.gz")), "atlas": str(folder / "atlas.nii.gz"),
            "folder": str(folder), "registrator": registrator,
            "brain": "" if brain is None else str(_as_nifti(brain, folder / "brain_native.nii.gz")),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        try:
            subprocess.run(
                [str(python), str(Path(peer_brainles.__file__)), str(folder / "job.json")], check=True,
                capture_output=True, text=True, cwd=folder,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            raise MissingDependencyError(
                f"brainles-preprocessing did not run: {said.strip().splitlines()[-1][:200]}", where=python,
                fix="Make it an environment: python -m venv PEER; PEER/bin/pip install brainles-preprocessing; then "
                "--peer_python PEER/bin/python.",
            ) from error
        found = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
        carried = None
        if brain is not None:
            carried = reorient_to_lps(read_volume(folder / "brain.nii.gz"))
        return PeerResult(found["seconds"], found["versions"], carried)


def brain_agreement(brain: Path, to_atlas: Any, atlas: Atlas, peer: Volume) -> float:
    """Dice on the atlas grid of one brain mask carried over by rnnet's transform and by the peer's."""
    native = read_volume(brain)
    ours = resample_mask(native.with_array((native.array > 0).astype(np.uint8)), atlas.head, to_atlas) > 0
    return overlap(ours, peer.array > 0, np.ones(ours.shape, bool))


def _as_nifti(source: Path, target: Path) -> Path:
    """The same volume as the peer wants it: NIfTI, float32."""
    volume = read_volume(source)
    write_volume(target, volume.with_array(volume.array.astype(np.float32)))
    return target
