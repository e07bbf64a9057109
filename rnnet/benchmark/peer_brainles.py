"""Runs in a Python environment of its own that has brainles-preprocessing; imports nothing of rnnet.

Usage: python peer_brainles.py JOB.json, which holds image, atlas, folder, registrator and optionally brain.
Writes folder/peer.json: seconds of each step and the versions; folder/brain.nii.gz: the brain mask carried over.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path


def run(job: dict) -> dict:  # type: ignore[type-arg]
    """N4 and rigid registration with one resampling, by the package's own classes in their default settings."""
    from brainles_preprocessing.n4_bias_correction import SitkN4BiasCorrector
    from brainles_preprocessing.registration import ANTsRegistrator, NiftyRegRegistrator

    folder = Path(job["folder"])
    corrected, log = folder / "n4.nii.gz", str(folder / "log.txt")
    seconds = {}
    started = time.perf_counter()
    SitkN4BiasCorrector().correct(job["image"], corrected)
    seconds["bias_field"] = time.perf_counter() - started
    registrator = {"ants": ANTsRegistrator, "niftyreg": NiftyRegRegistrator}[job["registrator"]]()
    ending = {"ants": ".mat", "niftyreg": ".txt"}[job["registrator"]]
    matrix, moved = folder / f"matrix{ending}", folder / "moved.nii.gz"
    started = time.perf_counter()
    registrator.register(
        fixed_image_path=job["atlas"], moving_image_path=str(corrected), transformed_image_path=str(moved),
        matrix_path=str(matrix), log_file_path=log,
    )
    seconds["registration"] = time.perf_counter() - started
    if not moved.is_file():
        raise RuntimeError(f"no registered image: {Path(log).read_text(errors='replace')[-300:]}")
    if job.get("brain"):
        registrator.transform(
            fixed_image_path=job["atlas"], moving_image_path=job["brain"],
            transformed_image_path=str(folder / "brain.nii.gz"), matrix_path=str(matrix), log_file_path=log,
            interpolator={"ants": "nearestNeighbor", "niftyreg": "0"}[job["registrator"]],
        )
    packages = ["brainles-preprocessing", "SimpleITK", *(["antspyx"] if job["registrator"] == "ants" else [])]
    return {"seconds": seconds, "versions": {name: version(name) for name in packages}}


if __name__ == "__main__":
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    (Path(task["folder"]) / "peer.json").write_text(json.dumps(run(task)), encoding="utf-8")
